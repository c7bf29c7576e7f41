# A literal larger than all buffers, whole and in pieces that follow each other
M: INBOX S @9000
S: * PREAUTH {{.*}}
C: a0 EXAMINE INBOX
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 1 EXISTS
?: * {{\d}} RECENT
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT 2] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a0 OK {{.*}}
C: a1 FETCH 1 (RFC822.SIZE BODY.PEEK[TEXT]<306000.33>)
S: * 1 FETCH (RFC822.SIZE 306047 BODY[TEXT]<306000> {0}
S: )
S: a1 OK {{.*}}
C: a2 FETCH 1 BODY.PEEK[TEXT]<136000.32>
S: * 1 FETCH (BODY[TEXT]<136000> {32}
S: This is line 04000 of a message.)
S: a2 OK {{.*}}
# goes on where the last piece ended, once in the middle of a line end
C: a3 FETCH 1 BODY.PEEK[TEXT]<136032.1>
S: * 1 FETCH (BODY[TEXT]<136032> {1}
S: {{\r}})
S: a3 OK {{.*}}
C: a4 FETCH 1 BODY.PEEK[TEXT]<136033.11>
S: * 1 FETCH (BODY[TEXT]<136033> {11}
S: {{\n}}This is li)
S: a4 OK {{.*}}
C: a5 FETCH 1 BODY.PEEK[TEXT]<136034.4>
S: * 1 FETCH (BODY[TEXT]<136034> {4}
S: This)
S: a5 OK {{.*}}
C: a6 FETCH 1 BODY.PEEK[]<0.4>
S: * 1 FETCH (BODY[]<0> {4}
S: From)
S: a6 OK {{.*}}
C: a7 FETCH 1 BODY.PEEK[]
S: * 1 FETCH (BODY[] {306047}
S: From: list@example.org
S: Subject: 9000 lines
S: 
S: This is line 00000 of a message.
S: This is line 00001 of a message.
S: This is line 00002 of a message.
X: 8997
S: )
S: a7 OK {{.*}}
C: a8 LOGOUT
S: * BYE {{.*}}
S: a8 OK {{.*}}
E:
