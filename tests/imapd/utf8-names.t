# Mailbox names in UTF-8 (RFC 9051 5.1, RFC 9755 3)
F: penfold.conf hierarchy_separator = /
O: -c %(dir)s/penfold.conf
S: * PREAUTH {{.*}}
# IMAP4rev1 writes modified UTF-7, and may say UTF-8 in quotes or a literal
C: a1 CREATE "Entw&APw-rfe"
S: a1 OK {{.*}}
C: a2 CREATE "Entwürfe/ä & b"
S: a2 OK {{.*}}
C: a3 LIST "" *
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (\HasChildren) "/" Entw&APw-rfe
S: * LIST (\HasNoChildren) "/" "Entw&APw-rfe/&AOQ- &- b"
S: a3 OK {{.*}}
C: a4 STATUS {9+}
C: Entwürfe (MESSAGES)
S: * STATUS Entw&APw-rfe (MESSAGES 0)
S: a4 OK {{.*}}
C: b1 ENABLE UTF8=ACCEPT
S: * ENABLED UTF8=ACCEPT
S: b1 OK {{.*}}
C: b2 LIST "" *
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (\HasChildren) "/" "Entwürfe"
S: * LIST (\HasNoChildren) "/" "Entwürfe/ä & b"
S: b2 OK {{.*}}
C: b3 LIST "" "Entw%"
S: * LIST (\HasChildren) "/" "Entwürfe"
S: b3 OK {{.*}}
C: b4 STATUS "Entwürfe" (MESSAGES)
S: * STATUS "Entwürfe" (MESSAGES 0)
S: b4 OK {{.*}}
# "&" means nothing any more
C: b5 STATUS "Entw&APw-rfe" (MESSAGES)
S: b5 NO [NONEXISTENT] {{.*}}
C: b6 RENAME "Entwürfe/ä & b" "写信"
S: b6 OK {{.*}}
C: b7 SUBSCRIBE "写信"
S: b7 OK {{.*}}
C: b8 LSUB "" "*"
S: * LSUB () "/" "写信"
S: b8 OK {{.*}}
# the same mailbox by another form of its name: "u" and a combining diaeresis
C: c1 SELECT "Entwürfe"
X: 7
S: c1 OK {{.*}}
C: c2 UNSELECT
S: c2 OK {{.*}}
C: c3 LIST "" "Entwürfe"
S: * LIST (\HasNoChildren) "/" "Entwürfe"
S: c3 OK {{.*}}
# nothing but Net-Unicode is made (C1 control, line separator)
C: d1 CREATE "a"
S: d1 NO [CANNOT] {{.*}}
C: d2 CREATE "a b"
S: d2 NO [CANNOT] {{.*}}
C: d3 RENAME "写信" "a b"
S: d3 NO [CANNOT] {{.*}}
# with IMAP4rev2 it is told how it is called now (6.3.9.7)
C: e1 ENABLE IMAP4rev2
S: * ENABLED IMAP4rev2
S: e1 OK {{.*}}
C: e2 SELECT "Entwürfe"
X: 6
S: * LIST (\HasNoChildren) "/" "Entwürfe" ("OLDNAME" ("Entwürfe"))
S: e2 OK {{.*}}
C: e3 CREATE "Müll"
S: * LIST (\HasNoChildren) "/" "Müll" ("OLDNAME" ("Müll"))
S: e3 OK {{.*}}
C: e4 RENAME "Müll" "Müll2"
S: * LIST (\HasNoChildren) "/" "Müll2" ("OLDNAME" ("Müll"))
S: e4 OK {{.*}}
C: e5 DELETE "Müll2"
S: * LIST (\NonExistent \HasNoChildren) "/" "Müll2" ("OLDNAME" ("Müll2"))
S: e5 OK {{.*}}
# the separator at the end is no other name
C: e6 CREATE "ö/"
S: e6 OK {{.*}}
C: e7 STATUS "inbox/x" (MESSAGES)
S: e7 NO [NONEXISTENT] {{.*}}
C: f1 LOGOUT
S: * BYE {{.*}}
S: f1 OK {{.*}}
E:
