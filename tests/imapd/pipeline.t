# Commands sent ahead: numbers mean what the client knew (RFC 3501 5.5)
# no-lines
# no-bytes
M: INBOX - plain.eml
M: INBOX - reply.eml
M: INBOX - mixed.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
X: 8
S: a0 OK {{.*}}
# no EXPUNGE in front of numbers, however far behind they are
D: INBOX 1
C: a1 NOOP
C: a2 CHECK
C: a3 FETCH 3 UID
S: a1 OK {{.*}}
S: a2 OK {{.*}}
S: * 3 FETCH (UID 3)
S: a3 OK {{.*}}
C: a4 NOOP
S: * 1 EXPUNGE
S: a4 OK {{.*}}
# nor while an APPEND in between still takes the input
D: INBOX 2
C: b1 NOOP
C: b2 APPEND INBOX {13+}
C: Subject: x
C: 
C: b3 UID SEARCH 2
S: b1 OK {{.*}}
S: * 3 EXISTS
S: * 1 RECENT
S: b2 OK [APPENDUID {{\d+ \d+}}] {{.*}}
S: * SEARCH 3
# RFC 3501 6.4.8: a UID command may be told
S: * 1 EXPUNGE
S: b3 OK {{.*}}
C: b5 LOGOUT
S: * BYE {{.*}}
S: b5 OK {{.*}}
E:
