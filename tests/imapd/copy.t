# COPY, MOVE (RFC 3501 6.4.7, RFC 6851, RFC 4315 3)
M: INBOX FS plain.eml
M: INBOX S reply.eml
M: INBOX - mixed.eml
M: Work - plain.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
X: 8
S: a0 OK {{.*}}
C: a1 STORE 1 +FLAGS.SILENT ($Label1)
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS {{.*}}
S: a1 OK {{.*}}
C: a2 COPY 1:2 Work
S: a2 OK [COPYUID {{work=\d+}} 1:2 2:3] {{.*}}
C: a3 COPY 1 Nowhere
S: a3 NO [TRYCREATE] {{.*}}
C: a4 UID COPY 77 Work
S: a4 OK {{UID COPY.*}}
C: a5 COPY 9 Work
S: a5 BAD {{.*}}
C: a6 COPY 1
S: a6 BAD {{.*}}
C: a7 MOVE 2 Work
S: * OK [COPYUID {{work}} 2 4] {{.*}}
S: * 2 EXPUNGE
S: a7 OK {{.*}}
C: a8 UID MOVE 3 Work
S: * OK [COPYUID {{work}} 3 5] {{.*}}
S: * 2 EXPUNGE
S: a8 OK {{.*}}
C: a9 UID MOVE 1 Nowhere
S: a9 NO [TRYCREATE] {{.*}}
C: b1 SELECT Work
S: * OK [CLOSED] {{.*}}
S: * FLAGS {{.*}} $Label1)
S: * OK [PERMANENTFLAGS {{.*}}
S: * 5 EXISTS
X: 5
S: b1 OK {{.*}}
C: b2 FETCH 1:* (UID FLAGS INTERNALDATE)
S: * 1 FETCH (UID 1 {{.*}}
S: * 2 FETCH (UID 2 FLAGS (\Flagged \Seen{{.*}} $Label1) INTERNALDATE "14-Nov-2023 22:14:20 +0000")
S: * 3 FETCH (UID 3 FLAGS (\Seen{{.*}}) INTERNALDATE "14-Nov-2023 22:15:20 +0000")
S: * 4 FETCH (UID 4 FLAGS (\Seen{{.*}}) INTERNALDATE "14-Nov-2023 22:15:20 +0000")
S: * 5 FETCH (UID 5 FLAGS ({{.*}}) INTERNALDATE "14-Nov-2023 22:16:20 +0000")
S: b2 OK {{.*}}
# into the same mailbox
C: b3 COPY 1 Work
S: * 6 EXISTS
S: * {{\d}} RECENT
S: b3 OK [COPYUID {{work}} 1 6] {{.*}}
C: b4 LOGOUT
S: * BYE {{.*}}
S: b4 OK {{.*}}
E:
