# CAPABILITY, NOOP, LOGOUT, ID, CHECK, NAMESPACE, ENABLE (RFC 3501 6.1, RFC 2971,
# RFC 2342, RFC 5161)
M: INBOX - plain.eml
S: * PREAUTH [CAPABILITY IMAP4rev1 {{caps=.*}}] {{.*}}
C: a1 CAPABILITY
S: * CAPABILITY IMAP4rev1 {{caps}}
S: a1 OK {{.*}}
C: a2 noop
S: a2 OK {{.*}}
C: a3 NOOP now
S: a3 BAD {{.*}}
C: a4 ID ("name" "mutt" "version" NIL)
S: * ID ("name" "penfold" "version" "{{.*}}")
S: a4 OK {{.*}}
C: a5 ID NIL
S: * ID {{.*}}
S: a5 OK {{.*}}
C: a5b ID ("NAME" "x" "a-field-of-thirty-one-letters-x" "1")
S: a5b BAD {{.*}}
C: a5c ID ("os" NIL "version" "2")
S: * ID {{.*}}
S: a5c OK {{.*}}
C: a6 ID ("name")
S: a6 BAD {{.*}}
C: a7 NAMESPACE
S: * NAMESPACE (("" ".")) NIL NIL
S: a7 OK {{.*}}
C: a8 ENABLE X-UNKNOWN
S: * ENABLED
S: a8 OK {{.*}}
C: a9 ENABLE CONDSTORE X-UNKNOWN
S: * ENABLED CONDSTORE
S: a9 OK {{.*}}
C: b1 ENABLE
S: b1 BAD {{.*}}
C: b2 LOGIN ann secret
S: b2 BAD {{.*}}
C: b3 AUTHENTICATE PLAIN
S: b3 BAD {{.*}}
C: b4 STARTTLS
S: b4 BAD {{.*}}
C: b5 SORT (DATE) UTF-8 ALL
S: b5 BAD {{.*}}
C: b6 XAPPLEPUSHSERVICE INBOX
S: b6 BAD {{.*}}
C: b7 XYZZY DEFLATE
S: b7 BAD {{.*}}
C: b8 CHECK
S: b8 BAD {{.*}}
C: b9 SELECT INBOX
?: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
?: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded \*)] {{.*}}
?: * 1 EXISTS
?: * {{\d}} RECENT
?: * OK [UNSEEN 1] {{.*}}
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT 2] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: b9 OK [READ-WRITE] {{.*}}
C: c1 CHECK
S: c1 OK {{.*}}
C: c2 LOGOUT
S: * BYE {{.*}}
S: c2 OK {{.*}}
E:
