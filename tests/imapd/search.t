# SEARCH (RFC 3501 6.4.4, RFC 4731, RFC 5182, RFC 5032)
M: INBOX S plain.eml
M: INBOX FRS reply.eml
M: INBOX - mixed.eml
M: INBOX T plain.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
X: 8
S: a0 OK {{.*}}
C: a1 SEARCH ALL
S: * SEARCH 1 2 3 4
S: a1 OK {{.*}}
C: a2 SEARCH UNSEEN
S: * SEARCH 3 4
S: a2 OK {{.*}}
C: a3 UID SEARCH FLAGGED ANSWERED
S: * SEARCH 2
S: a3 OK {{.*}}
C: a4 SEARCH OR FLAGGED DELETED NOT SEEN
S: * SEARCH 4
S: a4 OK {{.*}}
C: a5 SEARCH SUBJECT "QUICK BROWN"
S: * SEARCH 1 4
S: a5 OK {{.*}}
# decoded, without regard to case
C: a7 SEARCH CHARSET UTF-8 SUBJECT {7+}
C: GRÜßE
S: * SEARCH 2
S: a7 OK {{.*}}
C: a8 SEARCH CHARSET KLINGON SUBJECT x
S: a8 NO [BADCHARSET {{.*}}] {{.*}}
C: a9 SEARCH BODY "zy do"
S: * SEARCH 1 4
S: a9 OK {{.*}}
C: b1 SEARCH TEXT "alice@example"
S: * SEARCH 1 2 4
S: b1 OK {{.*}}
C: b2 SEARCH FROM carol BODY "second line"
S: * SEARCH 3
S: b2 OK {{.*}}
C: b3 SEARCH HEADER In-Reply-To ""
S: * SEARCH 2
S: b3 OK {{.*}}
C: b4 SEARCH SINCE 14-Nov-2023 BEFORE 15-Nov-2023
S: * SEARCH 1 2 3 4
S: b4 OK {{.*}}
C: b5 SEARCH SENTON 15-Nov-2023
S: * SEARCH 2
S: b5 OK {{.*}}
C: b6 SEARCH LARGER 385 SMALLER 387
S: * SEARCH 1 4
S: b6 OK {{.*}}
C: b7 SEARCH 2:3 UID 3:9
S: * SEARCH 3
S: b7 OK {{.*}}
C: b8 SEARCH (OR (FROM carol) (SUBJECT fox)) NOT DELETED
S: * SEARCH 1 3
S: b8 OK {{.*}}
C: b9 SEARCH YOUNGER 3600
S: * SEARCH
S: b9 OK {{.*}}
C: c1 SEARCH BANANA
S: c1 BAD {{.*}}
C: c2 SEARCH SINCE yesterday
S: c2 BAD {{.*}}
C: c3 SEARCH
S: c3 BAD {{.*}}
C: d1 SEARCH RETURN (MIN MAX COUNT ALL) NOT DELETED
S: * ESEARCH (TAG "d1") MIN 1 MAX 3 COUNT 3 ALL 1:3
S: d1 OK {{.*}}
C: d2 UID SEARCH RETURN () SEEN
S: * ESEARCH (TAG "d2") UID ALL 1:2
S: d2 OK {{.*}}
C: d3 SEARCH RETURN (COUNT MIN) KEYWORD nothing
S: * ESEARCH (TAG "d3") COUNT 0
S: d3 OK {{.*}}
C: d4 SEARCH RETURN (COLOUR) ALL
S: d4 BAD {{.*}}
# the saved result
C: e1 SEARCH RETURN (SAVE) UNSEEN
S: e1 OK {{.*}}
C: e2 FETCH $ UID
S: * 3 FETCH (UID 3)
S: * 4 FETCH (UID 4)
S: e2 OK {{.*}}
C: e3 SEARCH $ DELETED
S: * SEARCH 4
S: e3 OK {{.*}}
C: e4 UID STORE $ +FLAGS.SILENT (\Flagged)
S: e4 OK {{.*}}
C: e5 SEARCH RETURN (SAVE MIN) ALL
S: * ESEARCH (TAG "e5") MIN 1
S: e5 OK {{.*}}
C: e6 FETCH $ UID
S: * 1 FETCH (UID 1)
S: e6 OK {{.*}}
C: e7 LOGOUT
S: * BYE {{.*}}
S: e7 OK {{.*}}
E:
