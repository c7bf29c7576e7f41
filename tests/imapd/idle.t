# IDLE (RFC 2177): new mail, flags and removals by other programs, pushed
# no-burst
M: INBOX - plain.eml
M: INBOX - reply.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
X: 8
S: a0 OK {{.*}}
C: a1 IDLE
S: + {{.*}}
M: INBOX new mixed.eml
S: * 3 EXISTS
S: * {{\d}} RECENT
R: INBOX 1 S
S: * 1 FETCH (FLAGS (\Seen{{.*}}))
D: INBOX 2
S: * 2 EXPUNGE
C: DONE
S: a1 OK {{.*}}
C: a2 FETCH 1:2 UID
S: * 1 FETCH (UID 1)
S: * 2 FETCH (UID 3)
S: a2 OK {{.*}}
C: a3 IDLE
S: + {{.*}}
C: QUIT
S: a3 BAD {{.*}}
C: a4 IDLE now
S: a4 BAD {{.*}}
C: a5 LOGOUT
S: * BYE {{.*}}
S: a5 OK {{.*}}
E:
