# QRESYNC (RFC 7162 3.2)
M: INBOX - plain.eml
M: INBOX S reply.eml
M: INBOX - mixed.eml
M: INBOX - plain.eml
M: INBOX - reply.eml
M: INBOX - mixed.eml
M: Old - plain.eml
S: * PREAUTH [CAPABILITY {{.* QRESYNC .*}}] {{.*}}
# not before it is enabled
C: a0 SELECT INBOX (QRESYNC (1 1))
S: a0 BAD {{.*}}
C: a1 ENABLE QRESYNC
S: * ENABLED QRESYNC
S: a1 OK {{.*}}
C: a2 SELECT INBOX
X: 5
S: * OK [UIDVALIDITY {{val=\d+}}] {{.*}}
S: * OK [UIDNEXT 7] {{.*}}
S: * OK [HIGHESTMODSEQ {{start=\d+}}] {{.*}}
S: a2 OK [READ-WRITE] {{.*}}
# flags come with UID and MODSEQ
C: a3 STORE 2,3,5 +FLAGS (\Deleted)
S: * 2 FETCH (UID 2 FLAGS (\Deleted{{.*}}) MODSEQ ({{\d+}}))
S: * 3 FETCH (UID 3 FLAGS (\Deleted{{.*}}) MODSEQ ({{\d+}}))
S: * 5 FETCH (UID 5 FLAGS (\Deleted{{.*}}) MODSEQ ({{\d+}}))
S: a3 OK {{.*}}
# VANISHED instead of EXPUNGE, and the new HIGHESTMODSEQ (3.2.7, 3.2.9)
C: a4 UID EXPUNGE 3:4
S: * VANISHED 3
S: a4 OK [HIGHESTMODSEQ {{after3=\d+}}] {{.*}}
C: a5 EXPUNGE
S: * VANISHED 2,5
S: a5 OK [HIGHESTMODSEQ {{after5=\d+}}] {{.*}}
# nothing expunged: nothing to say
C: a6 EXPUNGE
S: a6 OK EXPUNGE completed
# another program's removal
D: INBOX 4
C: a7 NOOP
S: * VANISHED 4
S: a7 OK {{.*}}
C: a8 FETCH 1 (BODY[HEADER.FIELDS (X-NONE)])
S: * 1 FETCH (UID 1 BODY[HEADER.FIELDS (X-NONE)] {2}
S: 
S:  FLAGS (\Seen{{.*}}) MODSEQ ({{seen1=\d+}}))
S: a8 OK {{.*}}
# coming back: what is gone, then what changed
C: b0 SELECT INBOX (QRESYNC ({{val}} {{start}}))
S: * OK [CLOSED] {{.*}}
X: 2
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UNSEEN 2] {{.*}}
X: 2
S: * OK [HIGHESTMODSEQ {{seen1}}] {{.*}}
S: * VANISHED (EARLIER) 2:5
S: * 1 FETCH (UID 1 FLAGS (\Seen) MODSEQ ({{seen1}}))
S: b0 OK [READ-WRITE] {{.*}}
# only those that the client knows
C: b1 EXAMINE INBOX (QRESYNC ({{val}} {{start}} 3,5:9))
X: 9
S: * VANISHED (EARLIER) 3,5
S: b1 OK [READ-ONLY] {{.*}}
# what it has heard of already
C: b2 SELECT INBOX (QRESYNC ({{val}} {{after3}} 1:6 (1:2 1,6)))
X: 9
S: * VANISHED (EARLIER) 2,4:5
S: * 1 FETCH (UID 1 FLAGS (\Seen) MODSEQ ({{seen1}}))
S: b2 OK [READ-WRITE] {{.*}}
# nothing new
C: b3 SELECT INBOX (QRESYNC ({{val}} {{seen1}}))
X: 9
S: b3 OK [READ-WRITE] {{.*}}
# from before the server's memory: everything that is not there, but not what
# the pairs prove (3.2.5.2): message 1 is UID 1 for both
C: b4 SELECT INBOX (QRESYNC ({{val}} 1 1:6))
X: 9
S: * VANISHED (EARLIER) 2:5
S: * 1 FETCH (UID 1 FLAGS (\Seen) MODSEQ ({{seen1}}))
S: * 2 FETCH (UID 6 FLAGS () MODSEQ ({{\d+}}))
S: b4 OK [READ-WRITE] {{.*}}
C: b5 SELECT INBOX (QRESYNC ({{val}} 1 1:9999 (1:2 1,6)))
X: 9
S: * 1 FETCH (UID 1 FLAGS (\Seen) MODSEQ ({{seen1}}))
S: * 2 FETCH (UID 6 FLAGS () MODSEQ ({{\d+}}))
S: b5 OK [READ-WRITE] {{.*}}
C: b6 SELECT INBOX (QRESYNC ({{val}} 1 1:9999 (1:2 1:2)))
X: 9
S: * VANISHED (EARLIER) 2:5
X: 2
S: b6 OK [READ-WRITE] {{.*}}
# another UIDVALIDITY: as if the parameter was not there
C: b7 SELECT INBOX (QRESYNC (99 1 1:6))
X: 9
S: b7 OK [READ-WRITE] {{.*}}
# UID FETCH (3.2.6)
C: c0 UID FETCH 1:* (FLAGS) (CHANGEDSINCE {{after5}} VANISHED)
S: * VANISHED (EARLIER) 4
S: * 1 FETCH (UID 1 FLAGS (\Seen) MODSEQ ({{seen1}}))
S: c0 OK {{.*}}
C: c1 UID FETCH 5,9:1000000000 (FLAGS) (VANISHED CHANGEDSINCE {{start}})
S: * VANISHED (EARLIER) 5
S: c1 OK {{.*}}
C: c2 UID FETCH 2:3 (FLAGS) (CHANGEDSINCE 1 VANISHED)
S: * VANISHED (EARLIER) 2:3
S: c2 OK {{.*}}
C: c3 FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)
S: c3 BAD {{.*}}
C: c4 UID FETCH 1 (FLAGS) (VANISHED)
S: c4 BAD {{.*}}
# MOVE (RFC 6851 4.4)
C: c5 UID MOVE 6 Old
S: * OK [COPYUID {{\d+}} 6 2] {{.*}}
S: * VANISHED 6
S: c5 OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
# CLOSE that expunges
C: c6 STORE 1 +FLAGS.SILENT (\Deleted)
S: * 1 FETCH (UID 1 MODSEQ ({{\d+}}))
S: c6 OK {{.*}}
C: c7 CLOSE
S: c7 OK [HIGHESTMODSEQ {{\d+}}] CLOSE completed
C: c8 SELECT INBOX (CONDSTORE QRESYNC ({{val}} {{seen1}}))
X: 7
S: * VANISHED (EARLIER) 1,6
S: c8 OK [READ-WRITE] {{.*}}
# wrong parameters
C: d0 SELECT INBOX (QRESYNC)
S: d0 BAD {{.*}}
C: d1 SELECT INBOX (QRESYNC ())
S: d1 BAD {{.*}}
C: d2 SELECT INBOX (QRESYNC ({{val}}))
S: d2 BAD {{.*}}
C: d3 SELECT INBOX (QRESYNC (0 1))
S: d3 BAD {{.*}}
C: d4 SELECT INBOX (QRESYNC ({{val}} 0))
S: d4 BAD {{.*}}
C: d5 SELECT INBOX (QRESYNC ({{val}} 9223372036854775808))
S: d5 BAD {{.*}}
C: d6 SELECT INBOX (QRESYNC ({{val}} 1 1:*))
S: d6 BAD {{.*}}
C: d7 SELECT INBOX (QRESYNC ({{val}} 1 1:9 (1:2 1,2,3)))
S: d7 BAD {{.*}}
C: d8 SELECT INBOX (QRESYNC ({{val}} 1 1:9 (1:2 1,2) 3))
S: d8 BAD {{.*}}
C: d9 SELECT INBOX (QRESYNC ({{val}} 1 $))
S: d9 BAD {{.*}}
C: e0 LOGOUT
S: * BYE {{.*}}
S: e0 OK {{.*}}
E:
