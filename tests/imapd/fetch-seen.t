# BODY[] sets \Seen and tells so (RFC 3501 6.4.5); PEEK does not
M: INBOX - plain.eml
M: INBOX S reply.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 2 EXISTS
?: * {{\d}} RECENT
?: * OK [UNSEEN 1] {{.*}}
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT {{\d}}] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a0 OK {{.*}}
C: a1 FETCH 1 (BODY.PEEK[TEXT]<0.3> FLAGS)
S: * 1 FETCH (BODY[TEXT]<0> {3}
S: The FLAGS ({{(\\Recent)?}}))
S: a1 OK {{.*}}
C: a2 FETCH 1:2 (UID BODY[TEXT]<0.3>)
S: * 1 FETCH (UID 1 BODY[TEXT]<0> {3}
S: The FLAGS (\Seen{{.*}}))
S: * 2 FETCH (UID 2 BODY[TEXT]<0> {3}
S: Sch)
S: a2 OK {{.*}}
C: a3 FETCH 1 (RFC822.TEXT FLAGS)
S: * 1 FETCH (RFC822.TEXT {47}
S: The quick brown fox jumps
S: over the lazy dog.
S:  FLAGS (\Seen{{.*}}))
S: a3 OK {{.*}}
C: a4 SEARCH UNSEEN
S: * SEARCH
S: a4 OK {{.*}}
C: a5 LOGOUT
S: * BYE {{.*}}
S: a5 OK {{.*}}
E:
