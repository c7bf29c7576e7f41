# REPLACE (RFC 8508)
# no-burst
F: penfold.conf message_size_max = 1k
O: -c %(dir)s/penfold.conf
M: INBOX - plain.eml
M: INBOX - plain.eml
M: INBOX D mixed.eml
M: Other - plain.eml
S: * PREAUTH {{.*}} REPLACE{{.*}}
C: a1 REPLACE 1 INBOX {5}
S: a1 BAD {{.*}}
C: a2 SELECT INBOX
X: 7
?: * {{.*}}
?: a2 OK {{.*}}
# 3: the new UID, then the old message goes
C: a3 REPLACE 3 INBOX (\Seen \Draft) {24}
S: + {{.*}}
C: Subject: new
C: 
C: body 1
C: 
S: * OK [APPENDUID {{\d+}} 4] {{.*}}
S: * 3 EXPUNGE
S: * 3 EXISTS
S: * {{\d}} RECENT
S: a3 OK {{.*}}
C: a4 FETCH 3 (UID FLAGS BODY.PEEK[])
S: * 3 FETCH (UID 4 FLAGS (\Seen \Draft{{.*}}) BODY[] {24}
S: Subject: new
S: 
S: body 1
S: )
S: a4 OK {{.*}}
# by UID, into another mailbox
C: a5 UID REPLACE 1 Other (\Flagged) "14-Nov-2023 22:14:20 +0100" {24+}
C: Subject: new
C: 
C: body 2
C: 
S: * OK [APPENDUID {{\d+}} 2] {{.*}}
S: * 1 EXPUNGE
S: a5 OK {{.*}}
# nothing happens when anything is wrong
C: a6 UID REPLACE 999 INBOX {5}
S: a6 NO [NONEXISTENT] {{.*}}
C: a7 REPLACE 9 INBOX {5}
S: a7 BAD {{.*}}
C: a8 REPLACE 1:2 INBOX {5}
S: a8 BAD {{.*}}
C: a9 REPLACE 1 Nowhere {5+}
C: 12345
S: a9 NO [TRYCREATE] {{.*}}
C: b1 REPLACE 1 INBOX {2000}
S: b1 NO [TOOBIG] {{.*}}
C: b2 REPLACE 1 INBOX (\Bogus) {5}
S: b2 BAD {{.*}}
C: b3 REPLACE 1 INBOX
S: b3 BAD {{.*}}
C: b4 REPLACE 1
S: b4 BAD {{.*}}
C: b5 REPLACE 1 INBOX {8+}
C: A: 1
C: 
C:  {8}
S: b5 BAD {{.*}}
C: b6 FETCH 1:* UID
S: * 1 FETCH (UID 2)
S: * 2 FETCH (UID 4)
S: b6 OK {{.*}}
C: b7 EXAMINE INBOX
X: 9
S: b7 OK {{.*}}
C: b8 REPLACE 1 INBOX {5}
S: b8 NO [CANNOT] {{.*}}
C: b9 LOGOUT
S: * BYE {{.*}}
S: b9 OK {{.*}}
E:
