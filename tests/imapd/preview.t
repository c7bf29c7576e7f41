# PREVIEW (RFC 8970)
M: INBOX - plain.eml
M: INBOX - mixed.eml
M: INBOX - binary.eml
S: * PREAUTH {{.*}} PREVIEW{{.*}}
C: a0 SELECT INBOX
X: 7
?: * {{.*}}
?: a0 OK {{.*}}
C: a1 FETCH 1:2 (PREVIEW)
S: * 1 FETCH (PREVIEW "The quick brown fox jumps over the lazy dog.")
S: * 2 FETCH (PREVIEW "plain text{{.*}}")
S: a1 OK {{.*}}
# again, now kept; and as fast as may be
C: a2 FETCH 1 (PREVIEW (LAZY) UID)
S: * 1 FETCH (PREVIEW "The quick brown fox jumps over the lazy dog." UID 1)
S: a2 OK {{.*}}
# characters beyond ASCII come in a literal
C: a3 FETCH 3 PREVIEW
S: * 3 FETCH (PREVIEW {{{\d+}}}
S: café au lait two{{.*}})
S: a3 OK {{.*}}
# it does not set \Seen
C: a4 FETCH 1 FLAGS
S: * 1 FETCH (FLAGS ({{(\\Recent)?}}))
S: a4 OK {{.*}}
C: a5 FETCH 1 (PREVIEW (SLOW))
S: a5 BAD {{.*}}
C: a6 LOGOUT
S: * BYE {{.*}}
S: a6 OK {{.*}}
E:
