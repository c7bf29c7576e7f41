# \Recent (RFC 3501 2.3.2): of the first session that is told, whoever made
# the message; EXAMINE takes it from nobody (6.3.2)
M: INBOX S plain.eml
M: INBOX new reply.eml
M: Other - plain.eml
S: * PREAUTH {{.*}}
C: a1 EXAMINE INBOX
X: 2
S: * 2 EXISTS
S: * 1 RECENT
X: 4
S: a1 OK {{.*}}
C: a2 FETCH 1:* FLAGS
S: * 1 FETCH (FLAGS (\Seen))
S: * 2 FETCH (FLAGS (\Recent))
S: a2 OK {{.*}}
C: a3 STATUS INBOX (RECENT)
S: * STATUS INBOX (RECENT 1)
S: a3 OK {{.*}}
# into a mailbox that nobody has open
C: b1 COPY 1:2 Other
S: b1 OK {{.*}}
C: b2 APPEND Other (\Seen) {3+}
C: a
C: 
S: b2 OK {{.*}}
C: b3 STATUS Other (MESSAGES RECENT)
S: * STATUS Other (MESSAGES 4 RECENT 3)
S: b3 OK {{.*}}
C: c1 EXAMINE Other
S: * OK [CLOSED] {{.*}}
X: 2
S: * 4 EXISTS
S: * 3 RECENT
X: 4
S: c1 OK {{.*}}
C: c2 SEARCH RECENT
S: * SEARCH 2 3 4
S: c2 OK {{.*}}
# and more while it is looked at
C: c3 APPEND Other {3+}
C: a
C: 
S: * 5 EXISTS
S: * 4 RECENT
S: c3 OK {{.*}}
C: c4 SEARCH RECENT
S: * SEARCH 2 3 4 5
S: c4 OK {{.*}}
C: d1 SELECT Other
S: * OK [CLOSED] {{.*}}
X: 2
S: * 5 EXISTS
S: * 4 RECENT
X: 4
S: d1 OK {{.*}}
C: d2 SEARCH NEW
S: * SEARCH 3 5
S: d2 OK {{.*}}
# the selected one
C: d3 APPEND Other {3+}
C: a
C: 
S: * 6 EXISTS
S: * 5 RECENT
S: d3 OK {{.*}}
C: d4 FETCH 6 FLAGS
S: * 6 FETCH (FLAGS (\Recent))
S: d4 OK {{.*}}
# once had, it is gone
C: e1 SELECT Other
S: * OK [CLOSED] {{.*}}
X: 3
S: * 0 RECENT
X: 4
S: e1 OK {{.*}}
C: e2 STATUS Other (RECENT)
S: * STATUS Other (RECENT 0)
S: e2 OK {{.*}}
# INBOX still waits
C: f1 SELECT INBOX
S: * OK [CLOSED] {{.*}}
X: 2
S: * 2 EXISTS
S: * 1 RECENT
X: 4
S: f1 OK {{.*}}
C: f2 MOVE 1 Other
X: 2
S: f2 OK {{.*}}
C: f3 STATUS Other (RECENT)
S: * STATUS Other (RECENT 1)
S: f3 OK {{.*}}
C: f4 LOGOUT
S: * BYE {{.*}}
S: f4 OK {{.*}}
E:
