# IMAP4rev2 (RFC 9051): what ENABLE changes, item by item of its appendix E.
# What is not here has tests of its own, item by item:
#   1 sizes of 64 bits: fetch-large.t
#   2 NAMESPACE, ENABLE (any.t, enable.t), UNSELECT (select.t), UIDPLUS
#     (append.t, copy.t), ESEARCH and SEARCHRES (search.t), IDLE (idle.t), SASL-IR
#     and LITERAL- (login), LIST-EXTENDED and SPECIAL-USE (list.t,
#     list-special.t), LIST-STATUS (status.t), MOVE (copy.t), BINARY (binary.t)
#   5 substrings: search.t, tests/search/test_search.c
#   6 parameters in pieces (RFC 2231): params.t
#  16 names and headers in UTF-8: utf8-names.t, utf8.t
#  20 news of other mailboxes: notify.t
#  25 26 27 TLS, PREAUTH, SCRAM-SHA-256: starttls, login
# 22 and 28 to 30 are about clients, registries and time.
# with-mailboxid
M: INBOX S plain.eml
M: INBOX new reply.eml
M: Work T plain.eml
M: Work - reply.eml
S: * PREAUTH [CAPABILITY IMAP4rev1 IMAP4rev2 {{.*}}
# before ENABLE all is as in IMAP4rev1
C: a1 SELECT INBOX
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS {{.*}}
S: * 2 EXISTS
S: * 1 RECENT
S: * OK [UNSEEN 2] {{.*}}
S: * OK [UIDVALIDITY {{\d+}}] {{.*}}
S: * OK [UIDNEXT 3] {{.*}}
S: * OK [MAILBOXID {{.*}}
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a1 OK [READ-WRITE] {{.*}}
C: a2 SEARCH ALL
S: * SEARCH 1 2
S: a2 OK {{.*}}
C: a3 FETCH 2 (FLAGS)
S: * 2 FETCH (FLAGS (\Recent))
S: a3 OK {{.*}}
C: a4 UNSELECT
S: a4 OK {{.*}}
C: b1 ENABLE IMAP4rev2
S: * ENABLED IMAP4rev2
S: b1 OK {{.*}}
C: b2 ENABLE imap4REV2
S: * ENABLED
S: b2 OK {{.*}}
# 10, 11, 12: LIST, no UNSEEN, no RECENT
C: c1 SELECT INBOX
S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded \*)] {{.*}}
S: * 2 EXISTS
S: * OK [UIDVALIDITY {{\d+}}] {{.*}}
S: * OK [UIDNEXT 3] {{.*}}
S: * OK [MAILBOXID {{.*}}
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: * LIST (\HasNoChildren) "." INBOX
S: c1 OK [READ-WRITE] {{.*}}
# new mail has no \Recent, and comes without RECENT
M: INBOX new plain.eml
C: c2 NOOP
S: * 3 EXISTS
S: c2 OK {{.*}}
C: c3 FETCH 1:* (FLAGS)
S: * 1 FETCH (FLAGS (\Seen))
S: * 2 FETCH (FLAGS ())
S: * 3 FETCH (FLAGS ())
S: c3 OK {{.*}}
C: c4 STATUS Work (MESSAGES RECENT)
S: c4 BAD {{.*}}
C: c5 SEARCH NEW
S: c5 BAD {{.*}}
C: c6 SEARCH NOT (OR RECENT SEEN)
S: c6 BAD {{.*}}
# 9: CLOSED; 10: as the mailbox is called, with what was said
C: d1 EXAMINE inbox
S: * OK [CLOSED] {{.*}}
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS ()] {{.*}}
S: * 3 EXISTS
X: 4
S: * LIST (\HasNoChildren) "." INBOX ("OLDNAME" (inbox))
S: d1 OK [READ-ONLY] {{.*}}
C: d2 SELECT Nowhere
S: * OK [CLOSED] {{.*}}
S: d2 NO [NONEXISTENT] {{.*}}
# 3: STATUS SIZE and DELETED
C: e1 STATUS Work (MESSAGES DELETED SIZE)
S: * STATUS Work (MESSAGES 2 SIZE {{\d+}} DELETED 1)
S: e1 OK {{.*}}
# 4: always ESEARCH; RFC 9051 6.4.4's examples
C: f1 SELECT INBOX
X: 8
S: f1 OK {{.*}}
C: f2 SEARCH UNSEEN
S: * ESEARCH (TAG "f2") ALL 2:3
S: f2 OK {{.*}}
C: f3 UID SEARCH SEEN
S: * ESEARCH (TAG "f3") UID ALL 1
S: f3 OK {{.*}}
C: f4 SEARCH FLAGGED
S: * ESEARCH (TAG "f4")
S: f4 OK {{.*}}
C: f5 SEARCH RETURN () UNSEEN
S: * ESEARCH (TAG "f5") ALL 2:3
S: f5 OK {{.*}}
C: f6 SEARCH RETURN (SAVE) UNSEEN
S: f6 OK {{.*}}
C: f7 FETCH $ (UID)
S: * 2 FETCH (UID 2)
S: * 3 FETCH (UID 3)
S: f7 OK {{.*}}
# CHARSET is redundant, and allowed (6.4.4)
C: f8 SEARCH CHARSET UTF-8 SUBJECT "nöwhere"
S: * ESEARCH (TAG "f8")
S: f8 OK {{.*}}
C: f9 SEARCH CHARSET x-unknown SUBJECT a
S: f9 NO [BADCHARSET {{.*}}
# 7: COPYUID of MOVE and UID MOVE; 8: TRYCREATE
C: g1 MOVE 1 Nowhere
S: g1 NO [TRYCREATE] {{.*}}
C: g2 COPY 1 Nowhere
S: g2 NO [TRYCREATE] {{.*}}
C: g3 MOVE 3 Work
S: * OK [COPYUID {{\d+}} 3 3] {{.*}}
S: * 3 EXPUNGE
S: g3 OK {{.*}}
# 21: FETCH lines nobody asked for carry the UID
C: h1 STORE 2 +FLAGS (\Flagged)
S: * 2 FETCH (UID 2 FLAGS (\Flagged))
S: h1 OK {{.*}}
R: INBOX 1 FS
C: h2 NOOP
S: * 1 FETCH (UID 1 FLAGS (\Flagged \Seen))
S: h2 OK {{.*}}
C: h3 FETCH 2 BODY[TEXT]<0.2>
S: * 2 FETCH (UID 2 BODY[TEXT]<0> {2}
X: 1
S: h3 OK {{.*}}
# 13: a new keyword
C: i1 STORE 1 FLAGS ($MDNSent $Forwarded $Junk $NonJunk $Phishing)
X: 2
S: * 1 FETCH (UID 1 FLAGS ($Forwarded $MDNSent $Junk $NonJunk $Phishing))
S: i1 OK {{.*}}
# 17, 18, 19: gone from the RFC; who asks for it gets it (appendix A)
C: j1 CHECK
S: j1 OK {{.*}}
C: j2 FETCH 1 RFC822.TEXT
S: * 1 FETCH (UID 1 RFC822.TEXT {{.*}}
X: 3
S: j2 OK {{.*}}
C: j3 SUBSCRIBE Work
S: j3 OK {{.*}}
C: j4 LSUB "" *
S: * LSUB () "." Work
S: j4 OK {{.*}}
# response codes (7.1)
C: k1 CREATE Work
S: k1 NO [ALREADYEXISTS] {{.*}}
C: k2 DELETE Nowhere
S: k2 NO [NONEXISTENT] {{.*}}
C: k3 DELETE INBOX
S: k3 NO [CANNOT] {{.*}}
C: l1 CLOSE
S: l1 OK {{.*}}
# ENABLE does not change CAPABILITY (6.3.1)
C: m1 CAPABILITY
S: * CAPABILITY IMAP4rev1 IMAP4rev2 {{.*}}
S: m1 OK {{.*}}
C: m2 LOGOUT
S: * BYE {{.*}}
S: m2 OK {{.*}}
E:
