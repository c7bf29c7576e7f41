# SEARCH=FUZZY (RFC 6203)
M: INBOX - fuzzy1.eml
M: INBOX S fuzzy2.eml
M: INBOX - fuzzy3.eml
M: INBOX S fuzzy4.eml
S: * PREAUTH {{.*}}
C: a SELECT INBOX
X: 8
S: a OK {{.*}}
# the words, in any order and form (3)
C: A1 SEARCH FUZZY (SUBJECT "IMAP break")
S: * SEARCH 1 2
S: A1 OK {{.*}}
C: A2 SEARCH FUZZY SUBJECT "breaks: imap!" FROM alice@example.org
S: * SEARCH 1 2
S: A2 OK {{.*}}
C: A3 SEARCH SUBJECT "breaks imap"
S: * SEARCH
S: A3 OK {{.*}}
C: A4 SEARCH NOT FUZZY TEXT "breaking imap"
S: * SEARCH 4
S: A4 OK {{.*}}
C: A5 SEARCH FUZZY NOT FUZZY OR TEXT "breaking imap" SUBJECT others
S: * SEARCH
S: A5 OK {{.*}}
# what is no text stays exact (5); a text without words, too
C: A6 SEARCH FUZZY (SEEN SUBJECT newest)
S: * SEARCH
S: A6 OK {{.*}}
C: A7 SEARCH FUZZY SEEN
S: * SEARCH 2 4
S: A7 OK {{.*}}
C: A8 SEARCH FUZZY BODY ", "
S: * SEARCH 3
S: A8 OK {{.*}}
# scores (4): the words as written, the phrase, the subject
C: B1 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT "breaking imap"
S: * ESEARCH (TAG "B1") ALL 1:3 RELEVANCY (34 67 1)
S: B1 OK {{.*}}
C: B2 UID SEARCH RETURN (RELEVANCY ALL COUNT) FUZZY SUBJECT "IMAP break"
S: * ESEARCH (TAG "B2") UID COUNT 2 ALL 1:2 RELEVANCY (100 34)
S: B2 OK {{.*}}
C: B3 SEARCH RETURN (RELEVANCY PARTIAL 2:3) FUZZY TEXT "breaking imap"
S: * ESEARCH (TAG "B3") PARTIAL (2:3 2:3) RELEVANCY (67 1)
S: B3 OK {{.*}}
C: B4 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT "nobody wrote this"
S: * ESEARCH (TAG "B4") RELEVANCY ()
S: B4 OK {{.*}}
C: B5 SEARCH RETURN (RELEVANCY ALL) TEXT news
S: B5 BAD {{.*}}
# sorted by them (6)
C: C1 SORT (RELEVANCY) UTF-8 FUZZY TEXT "breaking imap"
S: * SORT 2 1 3
S: C1 OK {{.*}}
C: C2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT "breaking imap"
S: * ESEARCH (TAG "C2") ALL 2,1,3 RELEVANCY (67 34 1)
S: C2 OK {{.*}}
C: C3 SORT RETURN (PARTIAL 1:2) (RELEVANCY) UTF-8 FUZZY TEXT "break imap"
S: * ESEARCH (TAG "C3") PARTIAL (1:2 1:2)
S: C3 OK {{.*}}
C: C4 SORT (REVERSE RELEVANCY) UTF-8 FUZZY TEXT "breaking imap"
S: * SORT 3 1 2
S: C4 OK {{.*}}
C: C5 SORT (RELEVANCY) UTF-8 ALL
S: C5 BAD {{.*}}
C: C6 SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY TEXT imap
S: * ESEARCH (TAG "C6") COUNT 3
S: * NO [NOUPDATE "C6"] {{.*}}
S: C6 OK {{.*}}
# a context of words goes on
C: D1 SEARCH RETURN (UPDATE COUNT) FUZZY TEXT "breaking imap"
S: * ESEARCH (TAG "D1") COUNT 3
S: D1 OK {{.*}}
C: D2 ESEARCH IN (personal) RETURN (RELEVANCY) FUZZY TEXT "breaking imap"
S: * ESEARCH (TAG "D2" MAILBOX INBOX UIDVALIDITY {{\d+}}) UID RELEVANCY (34 67 1)
S: D2 OK {{.*}}
C: E1 SEARCH FUZZY
S: E1 BAD {{.*}}
C: E2 LOGOUT
S: * BYE {{.*}}
S: E2 OK {{.*}}
E:
