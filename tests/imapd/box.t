# CREATE, DELETE, RENAME, SUBSCRIBE (RFC 3501 6.3.3-6.3.7, RFC 6154 3)
F: penfold.conf hierarchy_separator = /
O: -c %(dir)s/penfold.conf
M: INBOX - plain.eml
S: * PREAUTH {{.*}}
C: a1 CREATE a/b/
S: a1 OK {{.*}}
C: a2 CREATE a/b
S: a2 NO [ALREADYEXISTS] {{.*}}
C: a3 CREATE INBOX
S: a3 NO [ALREADYEXISTS] {{.*}}
C: a4 CREATE "a//b"
S: a4 NO [CANNOT] {{.*}}
C: a5 CREATE "../../etc"
S: a5 NO [CANNOT] {{.*}}
C: a6 CREATE ""
S: a6 NO {{.*}}
C: a7 CREATE "bad&utf7"
S: a7 {{NO|BAD}} {{.*}}
C: a8 CREATE Outgoing (USE (\Sent))
S: a8 OK {{.*}}
C: a9 LIST (SPECIAL-USE) "" *
S: * LIST (\Sent) "/" Outgoing
S: a9 OK {{.*}}
C: b1 CREATE x (USE (\Nonsense))
S: b1 NO [USEATTR] {{.*}}
C: b2 CREATE x (COLOUR red)
S: b2 BAD {{.*}}
C: c1 RENAME a/b a/c
S: c1 OK {{.*}}
C: c2 RENAME a/b a/d
S: c2 NO [NONEXISTENT] {{.*}}
C: c3 CREATE a/d
S: c3 OK {{.*}}
C: c4 RENAME a/c a/d
S: c4 NO [ALREADYEXISTS] {{.*}}
C: c5 RENAME a new
S: c5 OK {{.*}}
C: c6 LIST "" new*
S: * LIST (\Noselect \HasChildren) "/" new
S: * LIST (\HasNoChildren) "/" new/c
S: * LIST (\HasNoChildren) "/" new/d
S: c6 OK {{.*}}
C: d1 DELETE new/c
S: d1 OK {{.*}}
C: d2 DELETE new/c
S: d2 NO [NONEXISTENT] {{.*}}
C: d3 DELETE INBOX
S: d3 NO [CANNOT] {{.*}}
C: d4 SELECT new/d
X: 7
S: d4 OK {{.*}}
C: d5 DELETE new/d
S: * OK [CLOSED] {{.*}}
S: d5 OK {{.*}}
C: d6 FETCH 1 FLAGS
S: d6 BAD {{.*}}
# INBOX is emptied into the new one
C: e1 RENAME INBOX old-mail
S: e1 OK {{.*}}
C: e2 STATUS old-mail (MESSAGES)
S: * STATUS old-mail (MESSAGES 1)
S: e2 OK {{.*}}
C: e3 STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES 0)
S: e3 OK {{.*}}
C: f1 SUBSCRIBE
S: f1 BAD {{.*}}
C: f2 RENAME one
S: f2 BAD {{.*}}
C: f3 DELETE a b
S: f3 BAD {{.*}}
C: f4 LOGOUT
S: * BYE {{.*}}
S: f4 OK {{.*}}
E:
