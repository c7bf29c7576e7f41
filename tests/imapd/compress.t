# COMPRESS=DEFLATE (RFC 4978)
M: INBOX - plain.eml
M: INBOX - @3000
S: * PREAUTH {{.*}} COMPRESS=DEFLATE{{.*}}
C: a1 COMPRESS
S: a1 BAD {{.*}}
C: a2 COMPRESS LZ77
S: a2 NO {{.*}}
C: a3 COMPRESS "DEFLATE"
S: a3 BAD {{.*}}
# the commands before it are answered plain, and it is no part of their burst
C: a4 EXAMINE INBOX
X: 6
?: * {{.*}}
?: * {{.*}}
?: a4 OK {{.*}}
C: a5 COMPRESS deflate
S: a5 OK DEFLATE active
Z:
C: a6 FETCH 1 BODY.PEEK[TEXT]
S: * 1 FETCH (BODY[TEXT] {47}
S: The quick brown fox jumps
S: over the lazy dog.
S: )
S: a6 OK {{.*}}
# RFC 4978 3: only once
C: a7 COMPRESS DEFLATE
S: a7 NO [COMPRESSIONACTIVE] {{.*}}
C: a8 FETCH 2 BODY.PEEK[TEXT]
S: * 2 FETCH (BODY[TEXT] {102000}
X: 2999
S: This is line 02999 of a message.
S: )
S: a8 OK {{.*}}
C: a9 APPEND INBOX {24}
S: + {{.*}}
C: Subject: one
C: 
C: body 1
C: 
S: * 3 EXISTS
S: * {{\d}} RECENT
S: a9 OK [APPENDUID {{\d+}} 3] {{.*}}
C: b1 IDLE
S: + {{.*}}
M: INBOX new plain.eml
S: * 4 EXISTS
S: * {{\d}} RECENT
C: DONE
S: b1 OK {{.*}}
C: b2 LOGOUT
S: * BYE {{.*}}
S: b2 OK {{.*}}
E:
