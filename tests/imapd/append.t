# APPEND (RFC 3501 6.3.11, RFC 3502, RFC 4315, RFC 7888)
# no-burst
F: penfold.conf message_size_max = 1k
O: -c %(dir)s/penfold.conf
S: * PREAUTH {{.*}}
C: a1 APPEND INBOX (\Seen $Label1) "14-Nov-2023 22:14:20 +0100" {24}
S: + {{.*}}
C: Subject: one
C: 
C: body 1
C: 
S: a1 OK [APPENDUID {{validity=\d+}} 1] {{.*}}
C: a2 SELECT INBOX
S: * FLAGS {{.*}} $Label1)
S: * OK [PERMANENTFLAGS {{.*}} $Label1 \*)] {{.*}}
S: * 1 EXISTS
X: 4
S: a2 OK {{.*}}
C: a3 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
S: * 1 FETCH (FLAGS (\Seen{{.*}} $Label1) INTERNALDATE "14-Nov-2023 21:14:20 +0000" RFC822.SIZE 24 BODY[] {24}
S: Subject: one
S: 
S: body 1
S: )
S: a3 OK {{.*}}
# without asking, into the selected mailbox
C: a4 append inbox {16+}
C: Subject: two
C: 
C: 
S: * 2 EXISTS
S: * {{\d}} RECENT
S: a4 OK [APPENDUID {{validity}} 2] {{.*}}
C: a5 APPEND Nowhere {5}
S: a5 NO [TRYCREATE] {{.*}}
# too big: refused before it is sent, or dropped
C: a6 APPEND INBOX {2000}
S: a6 NO [TOOBIG] {{.*}}
C: a7 APPEND Nowhere {5+}
C: 12345
S: a7 NO [TRYCREATE] {{.*}}
C: a8 APPEND INBOX {0}
S: a8 NO {{.*}}
C: a9 APPEND INBOX (\Bogus) {5}
S: a9 BAD {{.*}}
C: b1 APPEND INBOX () "yesterday" {5}
S: b1 BAD {{.*}}
C: b2 APPEND INBOX
S: b2 BAD {{.*}}
C: b3 APPEND INBOX "no literal"
S: b3 BAD {{.*}}
# several at once (RFC 3502)
C: b4 APPEND INBOX (\Flagged) {8+}
C: A: 1
C: 
C:  (\Answered) {8}
S: + {{.*}}
C: B: 1
C: 
C: 
S: * 4 EXISTS
S: * {{\d}} RECENT
S: b4 OK [APPENDUID {{validity}} 3:4] {{.*}}
# none of them when one is refused
C: b5 APPEND INBOX {8+}
C: A: 2
C: 
C:  {2000}
S: b5 NO [TOOBIG] {{.*}}
C: b6 APPEND INBOX {8+}
C: A: 2
C: 
C:  bogus
S: b6 BAD {{.*}}
C: b7 FETCH 3:4 FLAGS
S: * 3 FETCH (FLAGS (\Flagged{{.*}}))
S: * 4 FETCH (FLAGS (\Answered{{.*}}))
S: b7 OK {{.*}}
C: b8 LOGOUT
S: * BYE {{.*}}
S: b8 OK {{.*}}
E:
