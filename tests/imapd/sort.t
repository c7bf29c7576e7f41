# SORT (RFC 5256 3, RFC 5957) and ESORT (RFC 5267 3)
M: INBOX S thread1.eml
M: INBOX - thread2.eml
M: INBOX - thread3.eml
M: INBOX - thread4.eml
M: INBOX S thread5.eml
S: * PREAUTH [CAPABILITY {{.* SORT SORT=DISPLAY THREAD=REFERENCES THREAD=ORDEREDSUBJECT THREAD=REFS ESORT.*}}] {{.*}}
C: a0 SORT (ARRIVAL) UTF-8 ALL
S: a0 BAD {{.*}}
C: a1 SELECT INBOX
X: 8
S: a1 OK {{.*}}
C: b0 SORT (ARRIVAL) UTF-8 ALL
S: * SORT 1 2 3 4 5
S: b0 OK SORT completed
C: b1 SORT (REVERSE ARRIVAL) US-ASCII ALL
S: * SORT 5 4 3 2 1
S: b1 OK {{.*}}
# 4 and 5 have no date of their own: INTERNALDATE, six days before
C: b2 SORT (DATE) UTF-8 ALL
S: * SORT 4 5 2 1 3
S: b2 OK {{.*}}
C: b3 SORT (SIZE) UTF-8 1:4
S: * SORT 4 {{.*}}
S: b3 OK {{.*}}
# base subjects, folded: apple apple apple, something else, Übung
C: b4 SORT (SUBJECT) UTF-8 ALL
S: * SORT 2 3 4 5 1
S: b4 OK {{.*}}
C: b5 SORT (SUBJECT REVERSE DATE) UTF-8 ALL
S: * SORT 3 2 4 5 1
S: b5 OK {{.*}}
# the mailbox part of the first address
C: b6 SORT (FROM) UTF-8 ALL
S: * SORT 5 2 3 4 1
S: b6 OK {{.*}}
# a group is its name
C: b7 SORT (TO) UTF-8 1:3
S: * SORT 1 3 2
S: b7 OK {{.*}}
C: b8 SORT (REVERSE CC) UTF-8 1:2
S: * SORT 1 2
S: b8 OK {{.*}}
# what is shown: "", adam@..., Änne, mona@..., Zoe Able; Ä is A and dots
C: b9 SORT (DISPLAYFROM) UTF-8 1:4
S: * SORT 2 3 4 1
S: b9 OK {{.*}}
C: c0 SORT (DISPLAYTO) UTF-8 1:3
S: * SORT 1 3 2
S: c0 OK {{.*}}
# said twice: the first counts
C: c1 SORT (ARRIVAL REVERSE ARRIVAL) UTF-8 ALL
S: * SORT 1 2 3 4 5
S: c1 OK {{.*}}
C: c2 UID SORT (DATE) UTF-8 UNSEEN
S: * SORT 4 2 3
S: c2 OK UID SORT completed
C: c3 SORT (DATE) UTF-8 SUBJECT nothing
S: * SORT
S: c3 OK {{.*}}
C: c4 SORT (DATE) KLINGON ALL
S: c4 NO [BADCHARSET {{.*}}] {{.*}}
C: c5 SORT (DATE) UTF-8
S: c5 BAD {{.*}}
C: c6 SORT () UTF-8 ALL
S: c6 BAD {{.*}}
C: c7 SORT (REVERSE) UTF-8 ALL
S: c7 BAD {{.*}}
C: c8 SORT (COLOUR) UTF-8 ALL
S: c8 BAD {{.*}}
C: c9 SORT DATE UTF-8 ALL
S: c9 BAD {{.*}}
# ESORT: MIN and MAX in the order of the sort
C: d0 UID SORT RETURN (MIN MAX COUNT ALL) (DATE) UTF-8 ALL
S: * ESEARCH (TAG "d0") UID MIN 4 MAX 3 COUNT 5 ALL 4:5,2,1,3
S: d0 OK {{.*}}
C: d1 SORT RETURN () (REVERSE DATE) UTF-8 ALL
S: * ESEARCH (TAG "d1") ALL 3,1:2,5,4
S: d1 OK {{.*}}
C: d2 SORT RETURN (COUNT) (DATE) UTF-8 SUBJECT nothing
S: * ESEARCH (TAG "d2") COUNT 0
S: d2 OK {{.*}}
C: d3 SORT RETURN (COLOUR) (DATE) UTF-8 ALL
S: d3 BAD {{.*}}
# "$" is a set: sorted by number
C: d4 SORT RETURN (SAVE) (REVERSE DATE) UTF-8 SEEN
S: d4 OK {{.*}}
C: d5 SEARCH $
S: * SEARCH 1 5
S: d5 OK {{.*}}
# RFC 7162 3.1.5
C: d6 SORT (DATE) UTF-8 MODSEQ 1
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: * SORT 4 5 2 1 3 (MODSEQ {{\d+}})
S: d6 OK {{.*}}
# PARTIAL counts in this order
C: d7 UID SORT RETURN (PARTIAL 2:3) (DATE) UTF-8 ALL
S: * ESEARCH (TAG "d7") UID PARTIAL (2:3 5,2)
S: d7 OK {{.*}}
# an order that is kept (d0) serves for fewer messages and not for new ones
C: d8 UID SORT (DATE) UTF-8 NOT UID 2
S: * SORT 4 5 1 3
S: d8 OK {{.*}}
M: INBOX - reply.eml
C: d9 NOOP
X: 2
S: d9 OK {{.*}}
C: d10 UID SORT (ARRIVAL) UTF-8 ALL
S: * SORT {{.*}} 6
S: d10 OK {{.*}}
C: d11 UID SORT (DATE) UTF-8 ALL
S: * SORT {{.*\b6\b.*}}
S: d11 OK {{.*}}
C: e0 LOGOUT
X: 1
S: e0 OK {{.*}}
E:
