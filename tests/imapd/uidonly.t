# UIDONLY (RFC 9586)
M: INBOX - plain.eml
M: INBOX S reply.eml
M: INBOX - mixed.eml
M: INBOX - plain.eml
M: Old - plain.eml
S: * PREAUTH [CAPABILITY {{.* UIDONLY.*}}] {{.*}}
C: a0 ENABLE UIDONLY
S: * ENABLED UIDONLY
S: a0 OK {{.*}}
C: a1 ENABLE UIDONLY
S: * ENABLED
S: a1 OK {{.*}}
# no UNSEEN: that is a number
C: a2 SELECT INBOX
X: 2
S: * 4 EXISTS
S: * {{\d}} RECENT
S: * OK [UIDVALIDITY {{val=\d+}}] {{.*}}
S: * OK [UIDNEXT 5] {{.*}}
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a2 OK {{.*}}
# 3.1: whatever takes or gives numbers
C: b0 FETCH 1 FLAGS
S: b0 BAD [UIDREQUIRED] {{.*}}
C: b1 STORE 1 +FLAGS (\Seen)
S: b1 BAD [UIDREQUIRED] {{.*}}
C: b2 COPY 1 Old
S: b2 BAD [UIDREQUIRED] {{.*}}
C: b3 MOVE 1 Old
S: b3 BAD [UIDREQUIRED] {{.*}}
C: b4 SEARCH ALL
S: b4 BAD [UIDREQUIRED] {{.*}}
C: b5 SORT (DATE) UTF-8 ALL
S: b5 BAD [UIDREQUIRED] {{.*}}
C: b6 THREAD REFERENCES UTF-8 ALL
S: b6 BAD [UIDREQUIRED] {{.*}}
C: b7 UID SEARCH 1:2
S: b7 BAD [UIDREQUIRED] {{.*}}
C: b8 UID SEARCH OR SEEN (UNSEEN NOT 1)
S: b8 BAD [UIDREQUIRED] {{.*}}
C: b9 UID SORT (DATE) UTF-8 1
S: b9 BAD [UIDREQUIRED] {{.*}}
C: c0 UID SEARCH RETURN (SAVE COUNT) UID 2:3
S: * ESEARCH (TAG "c0") UID COUNT 2
S: c0 OK {{.*}}
C: c9 UID SEARCH $ UNSEEN
S: * SEARCH 3
S: c9 OK {{.*}}
# 3.3: UIDFETCH, with UID only if asked for
C: c1 UID FETCH $ (FLAGS)
S: * 2 UIDFETCH (FLAGS (\Seen{{.*}}))
S: * 3 UIDFETCH (FLAGS ({{.*}}))
S: c1 OK {{.*}}
C: c2 UID FETCH 3 (UID RFC822.SIZE)
S: * 3 UIDFETCH (UID 3 RFC822.SIZE {{\d+}})
S: c2 OK {{.*}}
C: c3 UID STORE 2,4 +FLAGS (\Deleted)
S: * 2 UIDFETCH (FLAGS (\Deleted \Seen{{.*}}))
S: * 4 UIDFETCH (FLAGS (\Deleted{{.*}}))
S: c3 OK {{.*}}
C: c4 UID FETCH 3 (BODY[HEADER.FIELDS (X-NONE)])
S: * 3 UIDFETCH (BODY[HEADER.FIELDS (X-NONE)] {2}
S: 
S:  FLAGS (\Seen{{.*}}))
S: c4 OK {{.*}}
# 3.2: VANISHED, without QRESYNC too
C: c5 EXPUNGE
S: * VANISHED 2,4
S: c5 OK {{.*}}
# by another program
R: INBOX 1 F
C: c6 NOOP
S: * 1 UIDFETCH (FLAGS (\Flagged{{.*}}))
S: c6 OK {{.*}}
D: INBOX 1
C: c7 NOOP
S: * VANISHED 1
S: c7 OK {{.*}}
C: c8 UID MOVE 3 Old
S: * OK [COPYUID {{\d+}} 3 2] {{.*}}
S: * VANISHED 3
S: c8 OK {{.*}}
# QRESYNC without its pairs
C: d0 ENABLE QRESYNC
S: * ENABLED QRESYNC
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: d0 OK {{.*}}
C: d1 SELECT INBOX (QRESYNC ({{val}} 5 1:3 (1,3 1,3)))
S: d1 BAD [UIDREQUIRED] {{.*}}
C: d2 SELECT Old (QRESYNC (1 5 1:3))
X: 8
S: d2 OK {{.*}}
C: d3 UID STORE 1 +FLAGS (\Seen)
S: * 1 UIDFETCH (FLAGS (\Seen{{.*}}) MODSEQ ({{\d+}}))
S: d3 OK {{.*}}
C: e0 LOGOUT
X: 1
S: e0 OK {{.*}}
E:
