# NOTIFY (RFC 5465 3.1, 6.2): mailboxes of others
# no-burst
F: conf mail_path = %(dir)s/users/%%u\nhome_path = %(dir)s/users/%%u\nstate_dir = %(dir)s/state\nhierarchy_separator = /\nnamespaces = shared: Lists:%(dir)s/users/public
M: ~bob/INBOX S plain.eml
M: ~ann/INBOX - plain.eml
M: ~ann/Box S plain.eml
M: ~ann/Seen - plain.eml
M: ~ann/Secret - plain.eml
M: ~public/news - plain.eml
F: users/ann/.Box/dovecot-acl user=bob lrwstipekx
F: users/ann/.Seen/dovecot-acl anyone l
F: users/public/.news/dovecot-acl anyone lr
F: state/shared-mailboxes user=bob	ann\nanyone	ann
U: bob
S: * PREAUTH {{.*}}
# personal is one's own
C: a NOTIFY SET STATUS (personal (MessageNew MessageExpunge))
S: * STATUS INBOX ({{.*}})
S: a OK {{.*}}
# what may be listed and not read says so; what may not be listed is silent
C: b NOTIFY SET STATUS (subtree (shared Lists) (MessageNew MessageExpunge)) (mailboxes shared/ann/Secret (MessageNew MessageExpunge))
S: * STATUS Lists/news (MESSAGES 1 UIDNEXT 2 UIDVALIDITY {{\d+}})
S: * STATUS shared/ann/Box (MESSAGES 1 UIDNEXT 2 UIDVALIDITY {{\d+}})
S: * LIST (\NoAccess) "/" shared/ann/Seen
S: b OK {{.*}}
M: ~ann/Box new plain.eml
S: * STATUS shared/ann/Box (MESSAGES 2 UIDNEXT 3 UIDVALIDITY {{\d+}})
M: ~ann/Secret new plain.eml
M: ~public/news new plain.eml
S: * STATUS Lists/news (MESSAGES 2 UIDNEXT 3 UIDVALIDITY {{\d+}})
C: c APPEND shared/ann/Box {3}
S: + {{.*}}
C: a:b
S: c OK {{.*}}
C: d SELECT shared/ann/Box
X: 8
S: d OK {{.*}}
M: ~ann/Box new plain.eml
C: e UNSELECT
S: e OK {{.*}}
C: f LOGOUT
S: * BYE {{.*}}
S: f OK {{.*}}
E:
