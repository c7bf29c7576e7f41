# SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 6.3.1, 6.3.2, 6.4.2, RFC 3691)
M: INBOX S plain.eml
M: INBOX - reply.eml
M: INBOX new mixed.eml
M: Work T plain.eml
M: Work - reply.eml
S: * PREAUTH {{.*}}
C: a1 SELECT inbox
S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded \*)] {{.*}}
S: * 3 EXISTS
S: * {{\d+}} RECENT
S: * OK [UNSEEN 2] {{.*}}
S: * OK [UIDVALIDITY {{validity=\d+}}] {{.*}}
S: * OK [UIDNEXT 4] {{.*}}
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a1 OK [READ-WRITE] {{.*}}
# another one: the first is closed, and told so; \Deleted ones stay
C: a2 EXAMINE Work
S: * OK [CLOSED] {{.*}}
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS ()] {{.*}}
S: * 2 EXISTS
S: * {{\d+}} RECENT
S: * OK [UNSEEN {{1|2}}] {{.*}}
S: * OK [UIDVALIDITY {{\d+}}] {{.*}}
S: * OK [UIDNEXT 3] {{.*}}
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a2 OK [READ-ONLY] {{.*}}
C: a3 STORE 1 +FLAGS (\Seen)
S: a3 NO [CANNOT] {{.*}}
C: a4 EXPUNGE
S: a4 NO [CANNOT] {{.*}}
C: a5 MOVE 1 INBOX
S: a5 NO [CANNOT] {{.*}}
# reading sets no \Seen here
C: a6 FETCH 1 (BODY[TEXT]<0.3>)
S: * 1 FETCH (BODY[TEXT]<0> {3}
S: The)
S: a6 OK {{.*}}
# CLOSE after EXAMINE removes nothing
C: a7 CLOSE
S: a7 OK {{.*}}
C: a8 FETCH 1 FLAGS
S: a8 BAD {{.*}}
C: a9 STATUS Work (MESSAGES UNSEEN)
S: * STATUS Work (MESSAGES 2 UNSEEN 2)
S: a9 OK {{.*}}
# a SELECT that fails leaves nothing selected
C: b1 SELECT INBOX
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 3 EXISTS
?: * 0 RECENT
?: * OK [UNSEEN 2] {{.*}}
?: * OK [UIDVALIDITY {{validity}}] {{.*}}
?: * OK [UIDNEXT 4] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: b1 OK [READ-WRITE] {{.*}}
C: b2 SELECT Nowhere
S: * OK [CLOSED] {{.*}}
S: b2 NO [NONEXISTENT] {{.*}}
C: b3 FETCH 1 FLAGS
S: b3 BAD {{.*}}
# CLOSE expunges without a word, UNSELECT does not
C: b4 SELECT Work
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 2 EXISTS
?: * {{\d}} RECENT
?: * OK [UNSEEN 1] {{.*}}
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT 3] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: b4 OK [READ-WRITE] {{.*}}
C: b5 UNSELECT
S: b5 OK {{.*}}
C: b6 STATUS Work (MESSAGES)
S: * STATUS Work (MESSAGES 2)
S: b6 OK {{.*}}
C: b7 SELECT Work
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 2 EXISTS
?: * 0 RECENT
?: * OK [UNSEEN 1] {{.*}}
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT 3] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: b7 OK [READ-WRITE] {{.*}}
C: b8 CLOSE
S: b8 OK {{.*}}
C: b9 STATUS Work (MESSAGES DELETED UIDNEXT)
S: * STATUS Work (MESSAGES 1 UIDNEXT 3 DELETED 0)
S: b9 OK {{.*}}
C: c1 SELECT INBOX (X-UNKNOWN)
S: c1 BAD {{.*}}
C: c2 LOGOUT
S: * BYE {{.*}}
S: c2 OK {{.*}}
E:
