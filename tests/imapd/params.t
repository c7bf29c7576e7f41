# Parameters that come in pieces are one (RFC 9051 appendix E 6, RFC 2231 3)
M: INBOX S params.eml
S: * PREAUTH {{.*}}
C: a1 EXAMINE INBOX
X: 7
S: a1 OK {{.*}}
C: a2 FETCH 1 BODYSTRUCTURE
S: * 1 FETCH (BODYSTRUCTURE ("application" "x" ("name" "abcd.txt") NIL NIL "7bit" 3 NIL ("attachment" ("filename*" "utf-8''%c3%a4x.txt")) NIL NIL))
S: a2 OK {{.*}}
C: a3 LOGOUT
S: * BYE {{.*}}
S: a3 OK {{.*}}
E:
