# What was expunged, to look at and to copy from: below Expunged, for who
# asks for it by name
M: INBOX FST plain.eml
M: INBOX - reply.eml
M: Work S plain.eml
S: * PREAUTH {{.*}}
# nothing yet
C: a0 LIST "" "Expunged.*"
S: a0 OK {{.*}}
C: a1 SELECT Expunged.INBOX
S: a1 NO [NONEXISTENT] No such mailbox
C: a2 SELECT INBOX
X: 8
S: a2 OK {{.*}}
C: a3 STORE 1 +FLAGS.SILENT ($Junk)
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS {{.*}}
S: a3 OK {{.*}}
C: a4 FETCH 1 (INTERNALDATE RFC822.SIZE)
S: * 1 FETCH (INTERNALDATE {{date="[^"]*"}} RFC822.SIZE {{size=\d+}})
S: a4 OK {{.*}}
C: a5 EXPUNGE
S: * 1 EXPUNGE
S: a5 OK {{.*}}
C: a6 DELETE Work
S: a6 OK {{.*}}
# in no list
C: b0 LIST "" "*"
S: * LIST (\HasNoChildren) "." INBOX
S: b0 OK {{.*}}
C: b1 LIST "" "%"
S: * LIST (\HasNoChildren) "." INBOX
S: b1 OK {{.*}}
C: b2 LIST "" "Exp*"
S: b2 OK {{.*}}
C: b3 NAMESPACE
S: * NAMESPACE (("" ".")) NIL NIL
S: b3 OK {{.*}}
# but there
C: b4 LIST "" "Expunged.*"
S: * LIST (\HasNoChildren) "." Expunged.INBOX
S: * LIST (\HasNoChildren) "." Expunged.Work
S: b4 OK {{.*}}
C: b5 LIST "Expunged." "%"
S: * LIST (\HasNoChildren) "." Expunged.INBOX
S: * LIST (\HasNoChildren) "." Expunged.Work
S: b5 OK {{.*}}
C: b6 STATUS Expunged.Work (MESSAGES UNSEEN)
S: * STATUS Expunged.Work (MESSAGES 1 UNSEEN 0)
S: b6 OK {{.*}}
# SELECT is EXAMINE there
C: c0 SELECT Expunged.INBOX
X: 8
S: c0 OK [READ-ONLY] {{.*}}
C: c1 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)
S: * 1 FETCH (FLAGS (\Flagged \Seen $Junk) INTERNALDATE {{date}} RFC822.SIZE {{size}})
S: c1 OK {{.*}}
C: c2 SEARCH FLAGGED KEYWORD $Junk
S: * SEARCH 1
S: c2 OK {{.*}}
C: c3 STORE 1 +FLAGS (\Deleted)
S: c3 NO {{.*}}
C: c4 EXPUNGE
S: c4 NO {{.*}}
C: c5 MOVE 1 INBOX
S: c5 NO {{.*}}
# a copy is a new message with all that the old one had
C: c6 COPY 1 INBOX
S: c6 OK [COPYUID {{\d+}} 1 3] {{.*}}
C: c7 SELECT INBOX
X: 9
S: c7 OK {{.*}}
C: c8 UID FETCH 3 (FLAGS INTERNALDATE)
S: * 2 FETCH (UID 3 FLAGS (\Flagged \Seen \Recent $Junk) INTERNALDATE {{date}})
S: c8 OK {{.*}}
# nothing else can be done there
C: d0 COPY 1 Expunged.INBOX
S: d0 NO [NOPERM] {{.*}}
C: d1 DELETE Expunged.Work
S: d1 NO [NOPERM] {{.*}}
C: d2 CREATE Expunged.New
S: d2 NO [NOPERM] {{.*}}
C: d3 RENAME Expunged.Work Work
S: d3 NO [NOPERM] {{.*}}
# a folder of the user's own goes before it
M: Expunged - plain.eml
C: e1 LIST "" "Expunged*"
S: * LIST (\HasNoChildren) "." Expunged
S: e1 OK {{.*}}
C: e2 SELECT Expunged.INBOX
S: * OK [CLOSED] {{.*}}
S: e2 NO {{.*}}
