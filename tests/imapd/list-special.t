# Selection options together: RECURSIVEMATCH, SPECIAL-USE, CHILDINFO
# (RFC 9051 6.3.9.1, 6.3.9.6; RFC 5258 3.1, 3.5; RFC 6154 5.2)
F: penfold.conf hierarchy_separator = /
O: -c %(dir)s/penfold.conf
S: * PREAUTH {{.*}}
C: a1 CREATE foo2/bar1 (USE (\Sent))
S: a1 OK {{.*}}
C: a2 CREATE foo2/bar2
S: a2 OK {{.*}}
C: a3 CREATE baz (USE (\Archive))
S: a3 OK {{.*}}
C: a4 SUBSCRIBE foo2/bar2
S: a4 OK {{.*}}
C: a5 SUBSCRIBE baz
S: a5 OK {{.*}}
C: b1 LIST (RECURSIVEMATCH) "" *
S: b1 BAD {{.*}}
C: b2 LIST (RECURSIVEMATCH REMOTE) "" *
S: b2 BAD {{.*}}
C: b3 LIST (SUBSCRIBED RECURSIVEMATCH) "" %
S: * LIST (\Subscribed) "/" baz
S: * LIST (\NonExistent) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))
S: b3 OK {{.*}}
# a parent of what is shown anyway needs no line of its own
C: b4 LIST (SUBSCRIBED RECURSIVEMATCH) "" *
S: * LIST (\Subscribed) "/" baz
S: * LIST (\Subscribed) "/" foo2/bar2
S: b4 OK {{.*}}
C: c1 LIST (SPECIAL-USE) "" %
S: * LIST (\Archive) "/" baz
S: c1 OK {{.*}}
C: c2 LIST (SPECIAL-USE RECURSIVEMATCH) "" %
S: * LIST (\Archive) "/" baz
S: * LIST (\NonExistent) "/" foo2 ("CHILDINFO" ("SPECIAL-USE"))
S: c2 OK {{.*}}
C: c3 LIST (SPECIAL-USE SUBSCRIBED) "" *
S: * LIST (\Subscribed \Archive) "/" baz
S: c3 OK {{.*}}
# both at once: nothing below foo2 is subscribed and of special use
C: c4 LIST (SPECIAL-USE SUBSCRIBED RECURSIVEMATCH) "" %
S: * LIST (\Subscribed \Archive) "/" baz
S: c4 OK {{.*}}
C: c5 SUBSCRIBE foo2/bar1
S: c5 OK {{.*}}
C: c6 LIST (SPECIAL-USE SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN)
S: * LIST (\Subscribed \HasNoChildren \Archive) "/" baz
S: * LIST (\NonExistent \HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE"))
S: c6 OK {{.*}}
C: d1 LOGOUT
S: * BYE {{.*}}
S: d1 OK {{.*}}
E:
