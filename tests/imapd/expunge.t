# EXPUNGE, UID EXPUNGE (RFC 3501 6.4.3, RFC 4315 2.1), and what others remove
M: INBOX T plain.eml
M: INBOX - reply.eml
M: INBOX T mixed.eml
M: INBOX T plain.eml
M: INBOX - plain.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
X: 8
S: a0 OK {{.*}}
C: a1 UID EXPUNGE 2:3
S: * 3 EXPUNGE
S: a1 OK {{.*}}
C: a2 EXPUNGE
S: * 1 EXPUNGE
S: * 2 EXPUNGE
S: a2 OK {{.*}}
C: a3 FETCH 1:* UID
S: * 1 FETCH (UID 2)
S: * 2 FETCH (UID 5)
S: a3 OK {{.*}}
C: a4 EXPUNGE
S: a4 OK {{.*}}
C: a5 EXPUNGE 1
S: a5 BAD {{.*}}
C: a6 UID EXPUNGE
S: a6 BAD {{.*}}
# removed by another program: not told while FETCH with numbers answers
D: INBOX 2
C: a7 FETCH 2 UID
S: * 2 FETCH (UID 5)
S: a7 OK {{.*}}
C: a8 NOOP
S: * 1 EXPUNGE
S: a8 OK {{.*}}
C: a9 LOGOUT
S: * BYE {{.*}}
S: a9 OK {{.*}}
E:
