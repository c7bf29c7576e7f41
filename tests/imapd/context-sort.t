# CONTEXT=SORT (RFC 5267 4): updates at their positions, limits
# no-burst
# three of different sizes and senders
M: INBOX - plain.eml
M: INBOX - reply.eml
M: INBOX - mixed.eml
S: * PREAUTH {{.*}}
C: a SELECT INBOX
X: 8
S: a OK {{.*}}
# by the sender's local part: alice, bob, carol
C: b UID SORT RETURN (UPDATE ALL) (FROM) UTF-8 UNDELETED
S: * ESEARCH (TAG "b") UID ALL 1:3
S: b OK {{.*}}
C: c UID SORT RETURN (UPDATE ALL) (REVERSE FROM) UTF-8 UNDELETED
S: * ESEARCH (TAG "c") UID ALL 3,2,1
S: c OK {{.*}}
C: d SORT RETURN (UPDATE PARTIAL 1:2) (REVERSE ARRIVAL) UTF-8 ALL
S: * ESEARCH (TAG "d") PARTIAL (1:2 3,2)
S: d OK {{.*}}
# zoe goes to the end, and to the beginning
C: e IDLE
S: + {{.*}}
M: INBOX - thread1.eml
S: * 4 EXISTS
S: * {{\d}} RECENT
S: * ESEARCH (TAG "b") UID ADDTO (4 4)
S: * ESEARCH (TAG "c") UID ADDTO (1 4)
S: * ESEARCH (TAG "d") ADDTO (1 4)
# alice comes behind the alice that is there, being later
M: INBOX - plain.eml
S: * 5 EXISTS
S: * {{\d}} RECENT
S: * ESEARCH (TAG "b") UID ADDTO (2 5)
S: * ESEARCH (TAG "c") UID ADDTO (5 5)
S: * ESEARCH (TAG "d") ADDTO (1 5)
C: DONE
S: e OK {{.*}}
# out by a flag, in their places; a row of places is one set
C: f UID STORE 1,5,3 +FLAGS.SILENT (\Deleted)
S: * ESEARCH (TAG "b") UID REMOVEFROM (1 1,5 2 3)
S: * ESEARCH (TAG "c") UID REMOVEFROM (2 3 3 1,5)
S: f OK {{.*}}
# back again
C: g UID STORE 1,5 -FLAGS.SILENT (\Deleted)
S: * ESEARCH (TAG "b") UID ADDTO (1 1,5)
S: * ESEARCH (TAG "c") UID ADDTO (3 1,5)
S: g OK {{.*}}
# expunged
C: h EXPUNGE
S: * ESEARCH (TAG "d") REMOVEFROM (3 3)
S: * 3 EXPUNGE
S: h OK {{.*}}
C: h2 NOOP
S: h2 OK {{.*}}
C: i UID SORT RETURN () (FROM) UTF-8 UNDELETED
S: * ESEARCH (TAG "i") UID ALL 1,5,2,4
S: i OK {{.*}}
C: j UID SORT RETURN () (REVERSE FROM) UTF-8 UNDELETED
S: * ESEARCH (TAG "j") UID ALL 4,2,1,5
S: j OK {{.*}}
# 4.3.1: there is an end to contexts
C: l01 SEARCH RETURN (UPDATE) ALL
X: 2
C: l02 SEARCH RETURN (UPDATE) ALL
X: 2
C: l03 SEARCH RETURN (UPDATE) ALL
X: 2
C: l04 SEARCH RETURN (UPDATE) ALL
X: 2
C: l05 SEARCH RETURN (UPDATE) ALL
X: 2
C: l06 SEARCH RETURN (UPDATE) ALL
X: 2
C: l07 SEARCH RETURN (UPDATE) ALL
X: 2
C: l08 SEARCH RETURN (UPDATE) ALL
X: 2
C: l09 SEARCH RETURN (UPDATE) ALL
X: 2
C: l10 SEARCH RETURN (UPDATE) ALL
X: 2
C: l11 SEARCH RETURN (UPDATE) ALL
X: 2
C: l12 SEARCH RETURN (UPDATE) ALL
X: 2
C: l13 SEARCH RETURN (UPDATE) ALL
X: 2
C: B02 UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 UNDELETED
S: * ESEARCH (TAG "B02") UID COUNT 4
S: * NO [NOUPDATE "B02"] Too many contexts
S: B02 OK {{.*}}
C: k CANCELUPDATE "l01" "l02"
S: k OK {{.*}}
C: B02 UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 UNDELETED
S: * ESEARCH (TAG "B02") UID COUNT 4
S: B02 OK {{.*}}
C: m LOGOUT
S: * BYE {{.*}}
S: m OK {{.*}}
E:
