# MESSAGELIMIT (RFC 9738): the examples of 3.1, with a limit of 2
F: penfold.conf message_limit = 2
O: -c %(dir)s/penfold.conf
M: INBOX - plain.eml
M: INBOX S plain.eml
M: INBOX - plain.eml
M: INBOX - plain.eml
M: INBOX F plain.eml
M: Archive - plain.eml
S: * PREAUTH [CAPABILITY {{.* MESSAGELIMIT=2.*}}
C: a1 SELECT INBOX
X: 8
S: a1 OK {{.*}}
# the newest are worked on, and the answer says where to go on
C: b1 FETCH 1:* (UID FLAGS)
S: * 4 FETCH (UID 4 FLAGS ({{.*}}))
S: * 5 FETCH (UID 5 FLAGS (\Flagged{{.*}}))
S: b1 OK [MESSAGELIMIT 2 4] {{.*}}
C: b2 UID FETCH 1:3 (FLAGS)
S: * 2 FETCH (UID 2 FLAGS (\Seen{{.*}}))
S: * 3 FETCH (UID 3 FLAGS ({{.*}}))
S: b2 OK [MESSAGELIMIT 2 2] {{.*}}
C: b3 FETCH 1:2 (UID)
S: * 1 FETCH (UID 1)
S: * 2 FETCH (UID 2)
S: b3 OK FETCH completed
# with PARTIAL nothing is done
C: b4 UID FETCH 1:* (UID) (PARTIAL -1:-3)
S: b4 NO [MESSAGELIMIT 2] {{.*}}
C: b5 UID FETCH 1:* (UID) (PARTIAL -1:-2)
S: * 4 FETCH (UID 4)
S: * 5 FETCH (UID 5)
S: b5 OK UID FETCH completed
# searched messages count, not those that match
C: c1 UID SEARCH UNDELETED
S: * SEARCH 4 5
S: c1 OK [MESSAGELIMIT 2 4] {{.*}}
C: c2 UID SEARCH UID 1:4 SEEN
S: * SEARCH
S: c2 OK [MESSAGELIMIT 2 3] {{.*}}
C: c3 UID SEARCH UID 1:2 SEEN
S: * SEARCH 2
S: c3 OK UID SEARCH completed
C: c4 SEARCH 2:3 SEEN
S: * SEARCH 2
S: c4 OK SEARCH completed
C: c5 SEARCH OR SEEN FLAGGED
S: * SEARCH 5
S: c5 OK [MESSAGELIMIT 2 4] {{.*}}
# UIDAFTER, UIDBEFORE (3.2)
C: d1 UID SEARCH UIDAFTER 3
S: * SEARCH 4 5
S: d1 OK UID SEARCH completed
C: d2 UID SEARCH UIDBEFORE 3
S: * SEARCH 1 2
S: d2 OK UID SEARCH completed
C: d3 UID SEARCH UIDBEFORE 1
S: * SEARCH
S: d3 OK UID SEARCH completed
C: d4 UID SEARCH UIDAFTER 5
S: * SEARCH
S: d4 OK UID SEARCH completed
C: d5 UID SEARCH UIDAFTER 4294967295
S: * SEARCH
S: d5 OK UID SEARCH completed
C: d6 UID SEARCH UIDAFTER 0
S: d6 BAD {{.*}}
C: d7 UID SEARCH UIDBEFORE
S: d7 BAD {{.*}}
# SAVE keeps what was told (3.4)
C: e1 UID SEARCH RETURN (SAVE COUNT) ALL
S: * ESEARCH (TAG "e1") UID COUNT 2
S: e1 OK [MESSAGELIMIT 2 4] {{.*}}
C: e2 UID SEARCH $
S: * SEARCH 4 5
S: e2 OK {{.*}}
# SORT as SEARCH; THREAD not at all (3.3)
C: f1 UID SORT (ARRIVAL) UTF-8 ALL
S: * SORT 4 5
S: f1 OK [MESSAGELIMIT 2 4] {{.*}}
C: f2 THREAD REFS UTF-8 ALL
S: f2 NO [MESSAGELIMIT 2 4] {{.*}}
C: f3 UID THREAD REFS UTF-8 UID 1:2
S: * THREAD {{.*}}
S: f3 OK UID THREAD completed
# STORE
C: g1 UID STORE 1:* +FLAGS (\Deleted)
S: * 4 FETCH (UID 4 FLAGS (\Deleted{{.*}}))
S: * 5 FETCH (UID 5 FLAGS (\Flagged \Deleted{{.*}}))
S: g1 OK [MESSAGELIMIT 2 4] {{.*}}
C: g2 UID STORE 1:3 +FLAGS.SILENT (\Deleted)
S: g2 OK [MESSAGELIMIT 2 2] {{.*}}
# COPY is atomic: nothing; MOVE is not
C: h1 UID COPY 1:4 Archive
S: h1 NO [MESSAGELIMIT 2 3] {{.*}}
C: h2 STATUS Archive (MESSAGES)
S: * STATUS Archive (MESSAGES 1)
S: h2 OK {{.*}}
C: h3 COPY 1:2 Archive
S: h3 OK [COPYUID {{.*}}] COPY completed
C: h4 UID MOVE 1:3 Archive
S: * OK [COPYUID {{\d+}} 2:3 4:5] {{.*}}
S: * 2 EXPUNGE
S: * 2 EXPUNGE
S: h4 OK [MESSAGELIMIT 2 2] {{.*}}
# an append of several is atomic too
C: i1 APPEND INBOX {3+}
C: a
C:  {3+}
C: a
C:  {3+}
C: a
C: 
S: i1 NO [MESSAGELIMIT 2] {{.*}}
C: i2 APPEND INBOX {3+}
C: a
C:  {3+}
C: a
C: 
S: * 5 EXISTS
X: 1
S: i2 OK [APPENDUID {{.*}}
# only \Deleted ones count for UID EXPUNGE
C: j1 UID STORE 6 +FLAGS.SILENT (\Deleted)
S: j1 OK {{.*}}
C: j2 UID EXPUNGE 1:*
S: * 3 EXPUNGE
S: * 3 EXPUNGE
S: j2 OK [MESSAGELIMIT 2 5] {{.*}}
C: j3 UID STORE 1,7 +FLAGS.SILENT (\Deleted)
S: j3 OK {{.*}}
C: j4 UID EXPUNGE 1:*
S: * 2 EXPUNGE
S: * 2 EXPUNGE
S: j4 OK [MESSAGELIMIT 2 4] {{.*}}
# never for EXPUNGE
C: k1 SELECT Archive
X: 9
S: k1 OK {{.*}}
C: k2 STORE 1:2 +FLAGS.SILENT (\Deleted)
S: k2 OK {{.*}}
C: k3 STORE 3:4 +FLAGS.SILENT (\Deleted)
S: k3 OK {{.*}}
C: k4 EXPUNGE
X: 5
S: k4 OK EXPUNGE completed
C: l1 LOGOUT
S: * BYE {{.*}}
S: l1 OK {{.*}}
E:
