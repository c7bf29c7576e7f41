# STORE (RFC 3501 6.4.6)
M: INBOX - plain.eml
M: INBOX S reply.eml
M: INBOX FS mixed.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
X: 8
S: a0 OK {{.*}}
C: a1 STORE 1 +FLAGS (\Flagged $Label1)
S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded $Label1)
S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded $Label1 \*)] {{.*}}
S: * 1 FETCH (FLAGS (\Flagged{{.*}} $Label1))
S: a1 OK {{.*}}
C: a2 STORE 1:2 -FLAGS \Flagged
S: * 1 FETCH (FLAGS ({{(\\Recent )?}}$Label1))
S: * 2 FETCH (FLAGS (\Seen{{( \\Recent)?}}))
S: a2 OK {{.*}}
C: a3 STORE 3 FLAGS (\Answered $Forwarded)
S: * 3 FETCH (FLAGS (\Answered $Forwarded{{( \\Recent)?}}))
S: a3 OK {{.*}}
C: a4 STORE 1:3 +FLAGS.SILENT (\Deleted)
S: a4 OK {{.*}}
C: a5 FETCH 1:3 FLAGS
S: * 1 FETCH (FLAGS (\Deleted{{.*}}))
S: * 2 FETCH (FLAGS (\Deleted \Seen{{.*}}))
S: * 3 FETCH (FLAGS (\Answered \Deleted{{.*}}))
S: a5 OK {{.*}}
C: a6 UID STORE 1:99 FLAGS ()
S: * 1 FETCH (UID 1 FLAGS ({{.*}}))
S: * 2 FETCH (UID 2 FLAGS ({{.*}}))
S: * 3 FETCH (UID 3 FLAGS ({{.*}}))
S: a6 OK {{.*}}
# told also when nothing changes
C: a7 STORE 1 -FLAGS (\Seen NoSuchKeyword)
S: * 1 FETCH (FLAGS ({{.*}}))
S: a7 OK {{.*}}
C: a8 UID STORE 77 +FLAGS (\Seen)
S: a8 OK {{.*}}
C: a9 STORE 9 +FLAGS (\Seen)
S: a9 BAD {{.*}}
C: b1 STORE 1 +FLAGS (\Bogus)
S: b1 BAD {{.*}}
C: b2 STORE 1 +FLAGS
S: b2 BAD {{.*}}
C: b3 STORE 1 COLOURS (\Seen)
S: b3 BAD {{.*}}
C: b4 STORE 1 +FLAGS (\Recent)
S: b4 BAD {{.*}}
# another program changes a flag
R: INBOX 2 RS
C: b5 NOOP
S: * 2 FETCH (FLAGS (\Answered \Seen{{.*}}))
S: b5 OK {{.*}}
C: b6 LOGOUT
S: * BYE {{.*}}
S: b6 OK {{.*}}
E:
