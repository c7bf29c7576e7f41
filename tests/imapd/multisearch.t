# ESEARCH (RFC 7377): many mailboxes
# no-burst
M: folder1 - plain.eml
M: folder1 S plain.eml
M: folder1 - reply.eml
M: folder2.banana - reply.eml
M: folder2.banana - reply.eml
M: folder2.peach - plain.eml
M: folder2.salmon S plain.eml
M: folder2.salmon.deep - plain.eml
M: Empty S plain.eml
D: Empty 9
M: INBOX - plain.eml
M: INBOX F reply.eml
F: Maildir/subscriptions folder2.peach\ngone
S: * PREAUTH {{.*}}
# the example of 3, as far as it may be: folder2 itself does not exist
C: tag1 ESEARCH IN (mailboxes "folder1" subtree "folder2") unseen
S: * ESEARCH (TAG "tag1" MAILBOX folder1 UIDVALIDITY {{v1=\d+}}) UID ALL 1,3
S: * ESEARCH (TAG "tag1" MAILBOX folder2.banana UIDVALIDITY {{v2=\d+}}) UID ALL 1:2
S: * ESEARCH (TAG "tag1" MAILBOX folder2.peach UIDVALIDITY {{\d+}}) UID ALL 1
S: * ESEARCH (TAG "tag1" MAILBOX folder2.salmon.deep UIDVALIDITY {{\d+}}) UID ALL 1
S: tag1 OK ESEARCH completed
C: tag2 ESEARCH IN (mailboxes "folder1" subtree-one "folder2") subject "fox"
?: * ESEARCH (TAG "tag2" MAILBOX folder1 UIDVALIDITY {{v1}}) UID ALL {{.*}}
?: * ESEARCH (TAG "tag2" MAILBOX folder2.peach UIDVALIDITY {{\d+}}) UID ALL 1
?: * ESEARCH (TAG "tag2" MAILBOX folder2.salmon UIDVALIDITY {{\d+}}) UID ALL 1
S: tag2 OK {{.*}}
# no answer where nothing is found, also for COUNT; twice is once
C: b ESEARCH IN (personal mailboxes folder1 mailboxes (folder1 Empty nothere)) RETURN (MIN MAX COUNT) SEEN
S: * ESEARCH (TAG "b" MAILBOX folder1 UIDVALIDITY {{v1}}) UID MIN 2 MAX 2 COUNT 1
S: * ESEARCH (TAG "b" MAILBOX folder2.salmon UIDVALIDITY {{\d+}}) UID MIN 1 MAX 1 COUNT 1
S: b OK {{.*}}
C: c ESEARCH IN (personal) TEXT "nobody ever wrote this"
S: c OK {{.*}}
C: d ESEARCH IN (subscribed) ALL
S: * ESEARCH (TAG "d" MAILBOX folder2.peach UIDVALIDITY {{\d+}}) UID ALL 1
S: d OK {{.*}}
# PARTIAL, numbers and "*" are each mailbox' own
C: e ESEARCH IN (inboxes) RETURN (PARTIAL 2:9) ALL
S: * ESEARCH (TAG "e" MAILBOX INBOX UIDVALIDITY {{\d+}}) UID PARTIAL (2:9 2)
S: * ESEARCH (TAG "e" MAILBOX folder1 UIDVALIDITY {{v1}}) UID PARTIAL (2:9 2:3)
S: * ESEARCH (TAG "e" MAILBOX folder2.banana UIDVALIDITY {{v2}}) UID PARTIAL (2:9 2)
?: * ESEARCH (TAG "e" MAILBOX folder2.peach UIDVALIDITY {{\d+}}) UID PARTIAL (2:9 NIL)
?: * ESEARCH (TAG "e" MAILBOX folder2.salmon UIDVALIDITY {{\d+}}) UID PARTIAL (2:9 NIL)
?: * ESEARCH (TAG "e" MAILBOX folder2.salmon.deep UIDVALIDITY {{\d+}}) UID PARTIAL (2:9 NIL)
S: e OK {{.*}}
C: f ESEARCH IN (mailboxes (folder1 folder2.banana)) RETURN () *
S: * ESEARCH (TAG "f" MAILBOX folder1 UIDVALIDITY {{v1}}) UID ALL 3
S: * ESEARCH (TAG "f" MAILBOX folder2.banana UIDVALIDITY {{v2}}) UID ALL 2
S: f OK {{.*}}
C: g ESEARCH IN (mailboxes folder1) 2:100
S: * ESEARCH (TAG "g" MAILBOX folder1 UIDVALIDITY {{v1}}) UID ALL 2:3
S: g OK {{.*}}
# the selected mailbox (2.2): needs one
C: h1 ESEARCH ALL
S: h1 BAD {{.*}}
C: h2 ESEARCH IN (selected) ALL
S: h2 BAD {{.*}}
C: h3 ESEARCH IN (mailboxes folder1) RETURN (UPDATE) ALL
S: h3 BAD {{.*}}
C: h4 ESEARCH IN (mailboxes folder1) RETURN (SAVE) ALL
S: h4 BAD {{.*}}
C: h5 ESEARCH IN (selected-delayed) ALL
S: h5 BAD {{.*}}
C: h6 ESEARCH IN () ALL
S: h6 BAD {{.*}}
C: h7 ESEARCH IN (personal (SOME "option")) ALL
S: h7 BAD {{.*}}
C: h8 ESEARCH IN (personal)
S: h8 BAD {{.*}}
C: h9 ESEARCH IN (personal) CHARSET X-NONE TEXT a
S: h9 NO [BADCHARSET ({{.*}})] {{.*}}
C: i SELECT INBOX
X: 8
S: i OK {{.*}}
C: j ESEARCH FLAGGED
S: * ESEARCH (TAG "j" MAILBOX INBOX UIDVALIDITY {{v=\d+}}) UID ALL 2
S: j OK {{.*}}
C: k ESEARCH IN (selected) RETURN (SAVE COUNT) FLAGGED
S: * ESEARCH (TAG "k" MAILBOX INBOX UIDVALIDITY {{v}}) UID COUNT 1
S: k OK {{.*}}
C: l UID FETCH $ UID
S: * 2 FETCH (UID 2)
S: l OK {{.*}}
C: m ESEARCH IN (selected mailboxes folder1) RETURN (SAVE) FLAGGED
S: m BAD {{.*}}
# "$" is of the selected mailbox
C: n ESEARCH IN (mailboxes (INBOX folder1)) UID $
S: * ESEARCH (TAG "n" MAILBOX INBOX UIDVALIDITY {{v}}) UID ALL 2
S: n OK {{.*}}
# CONTEXT and UPDATE (2.2): of the selected one
C: o ESEARCH IN (selected mailboxes folder1) RETURN (UPDATE COUNT) UNSEEN
S: * ESEARCH (TAG "o" MAILBOX folder1 UIDVALIDITY {{v1}}) UID COUNT 2
S: * ESEARCH (TAG "o" MAILBOX INBOX UIDVALIDITY {{v}}) UID COUNT 2
S: o OK {{.*}}
C: p UID STORE 1 +FLAGS.SILENT (\Seen)
S: * ESEARCH (TAG "o" MAILBOX INBOX UIDVALIDITY {{v}}) UID REMOVEFROM (0 1)
S: p OK {{.*}}
C: q ESEARCH IN (mailboxes folder1) RETURN (UPDATE COUNT) UNSEEN
S: * ESEARCH (TAG "q" MAILBOX folder1 UIDVALIDITY {{v1}}) UID COUNT 2
S: * NO [NOUPDATE "q"] {{.*}}
S: q OK {{.*}}
# the selection stays, and nobody's \Recent went
C: r NOOP
S: r OK {{.*}}
C: s ENABLE UIDONLY
S: * ENABLED UIDONLY
S: s OK {{.*}}
C: t ESEARCH IN (personal) FLAGGED
S: * ESEARCH (TAG "t" MAILBOX INBOX UIDVALIDITY {{v}}) UID ALL 2
S: t OK {{.*}}
C: u ESEARCH IN (personal) 1:2
S: u BAD [UIDREQUIRED] {{.*}}
C: w LOGOUT
S: * BYE {{.*}}
S: w OK {{.*}}
E:
