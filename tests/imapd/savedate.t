# SAVEDATE (RFC 8514): when a message came into its mailbox
M: INBOX - plain.eml
M: Other - mixed.eml
S: * PREAUTH {{.*}} SAVEDATE{{.*}}
C: a0 SELECT INBOX
X: 7
?: * {{.*}}
?: a0 OK {{.*}}
C: a1 FETCH 1 (SAVEDATE INTERNALDATE)
S: * 1 FETCH (SAVEDATE "{{saved=..-...-20.. ..:..:.. \+0000}}" INTERNALDATE "14-Nov-2023 22:14:20 +0000")
S: a1 OK {{.*}}
# the same again, and for a copy its own
C: a2 UID FETCH 1 SAVEDATE
S: * 1 FETCH (UID 1 SAVEDATE "{{saved}}")
S: a2 OK {{.*}}
C: a3 COPY 1 Other
S: a3 OK {{.*}}
C: a4 SEARCH SAVEDBEFORE 15-Nov-2023
S: * SEARCH
S: a4 OK {{.*}}
C: a5 SEARCH SAVEDSINCE 15-Nov-2023
S: * SEARCH 1
S: a5 OK {{.*}}
C: a6 SEARCH SAVEDON 14-Nov-2023
S: * SEARCH
S: a6 OK {{.*}}
C: a7 SEARCH SAVEDATESUPPORTED
S: * SEARCH 1
S: a7 OK {{.*}}
C: a8 SEARCH SAVEDON yesterday
S: a8 BAD {{.*}}
C: a9 LOGOUT
S: * BYE {{.*}}
S: a9 OK {{.*}}
E:
