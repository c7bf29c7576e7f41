# LIST ... RETURN (MYRIGHTS): RFC 8440, with its examples' mailboxes
F: conf mail_path = %(dir)s/users/%%u\nhome_path = %(dir)s/users/%%u\nstate_dir = %(dir)s/state\nhierarchy_separator = /\nnamespaces = shared:
M: ~fred/INBOX S plain.eml
M: ~fred/foo S plain.eml
M: ~fred/foo.bar.baz S plain.eml
M: ~ann/Read S plain.eml
M: ~ann/Only S plain.eml
M: ~ann/Hidden S plain.eml
F: users/ann/.Read/dovecot-acl user=fred lrs
F: users/ann/.Only/dovecot-acl user=fred l
F: users/ann/.Hidden/dovecot-acl user=fred r
F: users/fred/.foo/dovecot-acl owner lrs
F: state/shared-mailboxes user=fred	ann
U: fred
S: * PREAUTH {{.* LIST-MYRIGHTS.*}}
# RFC 8440 4: beside the names; not for levels that are none
C: A01 LIST "" % RETURN (MYRIGHTS)
S: * LIST () "/" INBOX
S: * MYRIGHTS INBOX lrwstipekxacd
S: * LIST () "/" foo
S: * MYRIGHTS foo lrsa
S: * LIST (\NonExistent) "/" shared
S: A01 OK LIST completed
C: A02 LIST "" * RETURN (CHILDREN MYRIGHTS)
S: * LIST (\HasNoChildren) "/" INBOX
S: * MYRIGHTS INBOX lrwstipekxacd
S: * LIST (\HasChildren) "/" foo
S: * MYRIGHTS foo lrsa
S: * LIST (\NonExistent \HasChildren) "/" foo/bar
S: * LIST (\HasNoChildren) "/" foo/bar/baz
S: * MYRIGHTS foo/bar/baz lrwstipekxacd
S: * LIST (\NonExistent \HasChildren) "/" shared
S: * LIST (\NonExistent \HasChildren) "/" shared/ann
S: * LIST (\HasNoChildren) "/" shared/ann/Only
S: * MYRIGHTS shared/ann/Only l
S: * LIST (\HasNoChildren) "/" shared/ann/Read
S: * MYRIGHTS shared/ann/Read lrs
S: A02 OK LIST completed
# a subscribed mailbox that is not there has no rights
C: A03 SUBSCRIBE shared/ann/Hidden
S: A03 OK SUBSCRIBE completed
C: A04 LIST (SUBSCRIBED) "" * RETURN (MYRIGHTS)
S: * LIST (\NonExistent \Subscribed) "/" shared/ann/Hidden
S: A04 OK LIST completed
# with "r" and not "l" he may read what he cannot see (RFC 4314 4)
C: A05 SELECT shared/ann/Hidden
X: 7
S: A05 OK [READ-ONLY] SELECT completed
C: A06 MYRIGHTS shared/ann/Hidden
S: * MYRIGHTS shared/ann/Hidden r
S: A06 OK MYRIGHTS completed
C: A07 SELECT shared/ann/Only
S: * OK [CLOSED] Previous mailbox closed
S: A07 NO [NOPERM] You have not the right to do that
# STATUS is for those who may read
C: A08 LIST "" shared/ann/% RETURN (STATUS (MESSAGES) MYRIGHTS)
S: * LIST () "/" shared/ann/Only
S: * MYRIGHTS shared/ann/Only l
S: * LIST () "/" shared/ann/Read
S: * MYRIGHTS shared/ann/Read lrs
S: * STATUS shared/ann/Read (MESSAGES 1)
S: A08 OK LIST completed
C: A09 LIST "" % RETURN (MYRIGHTS (x))
S: A09 BAD {{.*}}
