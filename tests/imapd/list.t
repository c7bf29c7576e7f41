# LIST, LSUB (RFC 3501 6.3.8, 6.3.9; RFC 3348; RFC 5258; RFC 5819; RFC 6154)
S: * PREAUTH {{.*}}
C: a1 LIST "" ""
S: * LIST (\Noselect) "." ""
S: a1 OK {{.*}}
C: a2 LIST "" *
S: * LIST (\HasNoChildren) "." INBOX
S: a2 OK {{.*}}
C: b1 CREATE Lists.one
S: b1 OK {{.*}}
C: b2 CREATE Lists.two
S: b2 OK {{.*}}
C: b3 CREATE Sent
S: b3 OK {{.*}}
C: b4 CREATE "Entw&APw-rfe"
S: b4 OK {{.*}}
C: b5 SUBSCRIBE Lists.one
S: b5 OK {{.*}}
C: b6 SUBSCRIBE Sent
S: b6 OK {{.*}}
# "Lists" has no folder of its own
C: c1 LIST "" *
S: * LIST (\HasNoChildren) "." INBOX
?: * LIST (\HasNoChildren) "." {{"?Entw&APw-rfe"?}}
?: * LIST (\Noselect \HasChildren) "." Lists
?: * LIST (\HasNoChildren) "." Lists.one
?: * LIST (\HasNoChildren) "." Lists.two
?: * LIST (\HasNoChildren \Sent) "." Sent
S: c1 OK {{.*}}
C: c2 LIST "" %
S: * LIST (\HasNoChildren) "." INBOX
?: * LIST (\HasNoChildren) "." {{"?Entw&APw-rfe"?}}
?: * LIST (\Noselect \HasChildren) "." Lists
?: * LIST (\HasNoChildren \Sent) "." Sent
S: c2 OK {{.*}}
C: c3 LIST Lists. %
S: * LIST (\HasNoChildren) "." Lists.one
S: * LIST (\HasNoChildren) "." Lists.two
S: c3 OK {{.*}}
C: c4 LIST "" inbox
S: * LIST (\HasNoChildren) "." INBOX
S: c4 OK {{.*}}
C: c5 LIST "" "i%"
S: * LIST (\HasNoChildren) "." INBOX
S: c5 OK {{.*}}
C: c6 LIST "" nothing
S: c6 OK {{.*}}
C: c7 LIST "" "*&APw-*"
S: * LIST (\HasNoChildren) "." {{"?Entw&APw-rfe"?}}
S: c7 OK {{.*}}
C: d1 LSUB "" *
S: * LSUB () "." Lists.one
S: * LSUB () "." Sent
S: d1 OK {{.*}}
# RFC 3501 6.3.9: the parent of a subscribed one
C: d2 LSUB "" %
S: * LSUB (\Noselect) "." Lists
S: * LSUB () "." Sent
S: d2 OK {{.*}}
C: e1 LIST (SUBSCRIBED) "" "*"
S: * LIST (\Subscribed) "." Lists.one
S: * LIST (\Subscribed) "." Sent
S: e1 OK {{.*}}
C: e2 LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"
S: * LIST (\NonExistent) "." Lists ("CHILDINFO" ("SUBSCRIBED"))
S: * LIST (\Subscribed) "." Sent
S: e2 OK {{.*}}
C: e3 LIST (RECURSIVEMATCH) "" "%"
S: e3 BAD {{.*}}
C: e4 LIST (SPECIAL-USE) "" "*"
S: * LIST (\Sent) "." Sent
S: e4 OK {{.*}}
C: e5 list (subscribed) "" "*" return (special-use)
S: * LIST (\Subscribed) "." Lists.one
S: * LIST (\Subscribed \Sent) "." Sent
S: e5 OK {{.*}}
C: e6 LIST () "" (INBOX "Lists.%") RETURN (CHILDREN SUBSCRIBED)
S: * LIST (\HasNoChildren) "." INBOX
S: * LIST (\Subscribed \HasNoChildren) "." Lists.one
S: * LIST (\HasNoChildren) "." Lists.two
S: e6 OK {{.*}}
C: e7 LIST "" "S%" RETURN (STATUS (MESSAGES UNSEEN) SPECIAL-USE)
S: * LIST (\Sent) "." Sent
S: * STATUS Sent (MESSAGES 0 UNSEEN 0)
S: e7 OK {{.*}}
C: e8 LIST "" "L%" RETURN (STATUS (MESSAGES))
S: * LIST (\NonExistent) "." Lists
S: e8 OK {{.*}}
C: e9 LIST "" "%" RETURN (COLOUR)
S: e9 BAD {{.*}}
C: f1 LIST (COLOUR) "" "%"
S: f1 BAD {{.*}}
C: f2 LIST "" "%" RETURN (STATUS)
S: f2 BAD {{.*}}
# subscribed, then gone
C: g1 DELETE Lists.one
S: g1 OK {{.*}}
C: g2 LSUB "" "Lists.%"
S: * LSUB () "." Lists.one
S: g2 OK {{.*}}
C: g3 LIST (SUBSCRIBED) "" "Lists.%"
S: * LIST (\NonExistent \Subscribed) "." Lists.one
S: g3 OK {{.*}}
C: g4 LIST "" "Lists.%"
S: * LIST (\HasNoChildren) "." Lists.two
S: g4 OK {{.*}}
C: g5 UNSUBSCRIBE Lists.one
S: g5 OK {{.*}}
C: g6 LSUB "" *
S: * LSUB () "." Sent
S: g6 OK {{.*}}
# "" asks for the root, of whatever reference; INBOX as a parent in any case
C: h1 LIST Lists ""
S: * LIST (\Noselect) "." ""
S: h1 OK {{.*}}
C: h2 CREATE INBOX.sub
S: h2 OK {{.*}}
C: h3 LIST "" iNboX.%
S: * LIST (\HasNoChildren) "." INBOX.sub
S: h3 OK {{.*}}
C: g7 LOGOUT
S: * BYE {{.*}}
S: g7 OK {{.*}}
E:
