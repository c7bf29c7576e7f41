# ENABLE inside a mailbox says HIGHESTMODSEQ (RFC 7162 3.1.2, RFC 5161)
M: INBOX - plain.eml
S: * PREAUTH {{.*}}
C: a1 SELECT INBOX
X: 8
S: a1 OK {{.*}}
C: a2 ENABLE CONDSTORE
S: * ENABLED CONDSTORE
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a2 OK {{.*}}
C: a3 ENABLE CONDSTORE
S: * ENABLED
S: a3 OK {{.*}}
C: a4 LOGOUT
S: * BYE {{.*}}
S: a4 OK {{.*}}
E:
