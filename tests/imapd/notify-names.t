# NOTIFY (RFC 5465 5.4, 5.5): names and subscriptions
# no-burst
M: Work S plain.eml
M: Work.Old S plain.eml
M: Lists.One S plain.eml
S: * PREAUTH {{.*}}
C: a NOTIFY SET (personal (MailboxName SubscriptionChange))
S: a OK {{.*}}
M: NewMailbox S plain.eml
S: * LIST (\HasNoChildren) "." NewMailbox
N: NewMailbox DeletedLater
S: * LIST (\HasNoChildren) "." DeletedLater ("OLDNAME" (NewMailbox))
N: DeletedLater -
S: * LIST (\NonExistent) "." DeletedLater
# the direct parent counts as changed
M: Lists.Two S plain.eml
S: * LIST (\HasNoChildren) "." Lists.Two
S: * LIST (\NonExistent \HasChildren) "." Lists
# subscribing, by another program
F: Maildir/subscriptions Work
S: * LIST (\Subscribed \HasChildren) "." Work
F: Maildir/subscriptions INBOX\nWork.Old
?: * LIST (\Subscribed \HasNoChildren) "." INBOX
?: * LIST (\HasChildren) "." Work
?: * LIST (\Subscribed \HasNoChildren) "." Work.Old
# what this session does itself is not told
C: b CREATE Own
S: b OK {{.*}}
C: c SUBSCRIBE Own
S: c OK {{.*}}
C: d RENAME Own Mine
S: d OK {{.*}}
C: e DELETE Mine
S: e OK {{.*}}
C: f UNSUBSCRIBE Own
S: f OK {{.*}}
N: Lists.Two -
S: * LIST (\NonExistent) "." Lists.Two
S: * LIST (\NonExistent \HasChildren) "." Lists
# message events of a mailbox that comes, goes, and is called otherwise
C: g NOTIFY SET STATUS (subtree Lists (MessageNew MessageExpunge MailboxName))
S: * STATUS Lists.One (MESSAGES 1 UIDNEXT 2 UIDVALIDITY {{\d+}})
S: g OK {{.*}}
M: Lists.Three S plain.eml
S: * LIST (\HasNoChildren) "." Lists.Three
S: * LIST (\NonExistent \HasChildren) "." Lists
S: * STATUS Lists.Three (MESSAGES 1 UIDNEXT 2 UIDVALIDITY {{\d+}})
M: Lists.Three S plain.eml
S: * STATUS Lists.Three (MESSAGES 2 UIDNEXT 3 UIDVALIDITY {{\d+}})
N: Lists.Three Lists.Four
S: * LIST (\HasNoChildren) "." Lists.Four ("OLDNAME" (Lists.Three))
M: Lists.Four S plain.eml
S: * STATUS Lists.Four (MESSAGES 3 UIDNEXT 4 UIDVALIDITY {{\d+}})
M: Elsewhere S plain.eml
N: Lists.Four -
S: * LIST (\NonExistent) "." Lists.Four
S: * LIST (\NonExistent \HasChildren) "." Lists
# a mailbox of another subtree moves in
N: Work.Old Lists.Old
S: * LIST (\HasNoChildren) "." Lists.Old ("OLDNAME" (Work.Old))
# only those subscribed: subscribing brings one in
C: h NOTIFY SET (subscribed (MessageNew MessageExpunge SubscriptionChange))
S: h OK {{.*}}
M: Elsewhere S plain.eml
F: Maildir/subscriptions Elsewhere
?: * LIST (\Subscribed \HasNoChildren) "." Elsewhere
?: * LIST (\HasNoChildren) "." INBOX
?: * LIST (\NonExistent) "." Work.Old
?: * STATUS Elsewhere (MESSAGES 2 UIDNEXT 3 UIDVALIDITY {{\d+}})
M: Elsewhere S plain.eml
S: * STATUS Elsewhere (MESSAGES 3 UIDNEXT 4 UIDVALIDITY {{\d+}})
C: i LOGOUT
S: * BYE {{.*}}
S: i OK {{.*}}
E:
