# CONDSTORE (RFC 7162 3.1)
M: INBOX - plain.eml
M: INBOX S reply.eml
M: INBOX - mixed.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX (CONDSTORE)
X: 7
S: * OK [HIGHESTMODSEQ {{top=\d+}}] {{.*}}
S: a0 OK {{.*}}
C: a1 STORE 1 +FLAGS (\Flagged)
S: * 1 FETCH (UID 1 FLAGS (\Flagged{{.*}}) MODSEQ ({{one=\d+}}))
S: a1 OK {{.*}}
C: a2 FETCH 1:3 (FLAGS) (CHANGEDSINCE {{top}})
S: * 1 FETCH ({{(UID 1 )?}}FLAGS (\Flagged{{.*}}) MODSEQ ({{one}}))
S: a2 OK {{.*}}
C: a3 UID FETCH 1:* (MODSEQ)
S: * 1 FETCH (UID 1 MODSEQ ({{one}}))
S: * 2 FETCH (UID 2 MODSEQ ({{two=\d+}}))
S: * 3 FETCH (UID 3 MODSEQ ({{\d+}}))
S: a3 OK {{.*}}
# .SILENT still shows the new MODSEQ
C: a4 UID STORE 2 (UNCHANGEDSINCE {{two}}) +FLAGS.SILENT (\Flagged)
S: * 2 FETCH (UID 2 MODSEQ ({{new=\d+}}))
S: a4 OK {{.*}}
C: a5 STORE 1:3 (UNCHANGEDSINCE {{top}}) +FLAGS (\Answered)
S: * 3 FETCH (UID 3 FLAGS (\Answered{{.*}}) MODSEQ ({{three=\d+}}))
S: a5 OK [MODIFIED 1:2] {{.*}}
C: a6 UID STORE 1 (UNCHANGEDSINCE 1) FLAGS ()
S: a6 OK [MODIFIED 1] {{.*}}
C: a7 SEARCH MODSEQ {{new}}
S: * SEARCH 2 3 (MODSEQ {{three}})
S: a7 OK {{.*}}
C: a8 SEARCH RETURN (ALL) MODSEQ {{new}}
S: * ESEARCH (TAG "a8") {{(ALL 2:3 MODSEQ \d+|MODSEQ \d+ ALL 2:3)}}
S: a8 OK {{.*}}
# another program's change carries it as well
R: INBOX 3 S
C: a9 NOOP
S: * 3 FETCH (UID 3 FLAGS (\Seen{{.*}}) MODSEQ ({{\d+}}))
S: a9 OK {{.*}}
C: b1 STATUS INBOX (HIGHESTMODSEQ)
S: * STATUS INBOX (HIGHESTMODSEQ {{\d+}})
S: b1 OK {{.*}}
C: b2 FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
S: b2 BAD {{.*}}
# \Seen that FETCH itself sets comes with its MODSEQ
C: c1 FETCH 1 BODY[TEXT]<0.3>
S: * 1 FETCH (BODY[TEXT]<0> {3}
S: {{.*}} FLAGS ({{.*}}\Seen{{.*}}) MODSEQ ({{\d+}}))
S: c1 OK {{.*}}
# with MIN or MAX alone the modseq is that message's (RFC 4731 3.2)
C: c2 UID STORE 1 +FLAGS.SILENT (\Draft)
S: * 1 FETCH (UID 1 MODSEQ ({{first=\d+}}))
S: c2 OK {{.*}}
C: c3 UID FETCH 3 (MODSEQ)
S: * 3 FETCH (UID 3 MODSEQ ({{last=\d+}}))
S: c3 OK {{.*}}
C: c4 UID SEARCH RETURN (MAX) MODSEQ 1
S: * ESEARCH (TAG "c4") UID MAX 3 MODSEQ {{last}}
S: c4 OK {{.*}}
C: c5 UID SEARCH RETURN (MIN) MODSEQ 1
S: * ESEARCH (TAG "c5") UID MIN 1 MODSEQ {{first}}
S: c5 OK {{.*}}
C: c6 UID SEARCH RETURN (MAX COUNT) MODSEQ 1
S: * ESEARCH (TAG "c6") UID MAX 3 COUNT 3 MODSEQ {{first}}
S: c6 OK {{.*}}
C: b3 LOGOUT
S: * BYE {{.*}}
S: b3 OK {{.*}}
E:
