# LIST-METADATA (RFC 9590)
S: * PREAUTH {{.*}} LIST-METADATA {{.*}}
C: a1 CREATE foo
S: a1 OK {{.*}}
C: a2 CREATE bar.baz
S: a2 OK {{.*}}
C: a3 SETMETADATA INBOX ("/shared/vendor/cmu/cyrus-imapd/color" "#b71c1c")
S: a3 OK {{.*}}
# RFC 9590 4: NIL where there is none, nothing for what cannot be selected
C: a4 LIST "" % RETURN (METADATA ("/shared/vendor/cmu/cyrus-imapd/color"))
S: * LIST () "." INBOX
S: * METADATA INBOX (/shared/vendor/cmu/cyrus-imapd/color "#b71c1c")
S: * LIST (\NonExistent) "." bar
S: * LIST () "." foo
S: * METADATA foo (/shared/vendor/cmu/cyrus-imapd/color NIL)
S: a4 OK {{.*}}
# with other options, and several entries
C: a5 LIST "" (foo) RETURN (CHILDREN METADATA (/private/comment /shared/comment) STATUS (MESSAGES))
S: * LIST (\HasNoChildren) "." foo
S: * METADATA foo (/private/comment NIL /shared/comment NIL)
S: * STATUS foo (MESSAGES 0)
S: a5 OK {{.*}}
C: a6 LIST "" * RETURN (METADATA)
S: a6 BAD {{.*}}
C: a7 LIST "" * RETURN (METADATA ())
S: a7 BAD {{.*}}
C: a8 LIST "" * RETURN (METADATA (comment))
S: a8 BAD {{.*}}
C: a9 LOGOUT
S: * BYE {{.*}}
S: a9 OK {{.*}}
E:
