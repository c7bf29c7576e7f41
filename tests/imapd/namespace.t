# Three kinds of namespaces (RFC 2342): one's own, other users', public.
F: conf mail_path = %(dir)s/users/%%u\nhome_path = %(dir)s/users/%%u\nstate_dir = %(dir)s/state\nhierarchy_separator = /\nnamespaces = shared: Lists:%(dir)s/users/public
M: ~bob/INBOX S plain.eml
M: ~ann/INBOX - plain.eml
M: ~ann/Box S plain.eml
M: ~ann/Box - reply.eml
M: ~ann/Box.Sub - plain.eml
M: ~ann/Deep.Hidden.Seen - plain.eml
M: ~ann/Secret - plain.eml
M: ~public/news - plain.eml
M: ~public/board - plain.eml
F: users/ann/.Box/dovecot-acl user=bob lrwstipekx
F: users/ann/.Box.Sub/dovecot-acl user=bob lr
F: users/ann/.Deep.Hidden.Seen/dovecot-acl anyone l
F: users/public/.news/dovecot-acl anyone lr
F: state/shared-mailboxes user=bob	ann\nanyone	ann\nuser=bob	gone
U: bob
S: * PREAUTH {{.*}}
C: a1 NAMESPACE
S: * NAMESPACE (("" "/")) (("shared/" "/")) (("Lists/" "/"))
S: a1 OK NAMESPACE completed
# only what he may look up; levels in between do not exist
C: a2 LIST "" "*"
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (\Noselect \HasChildren) "/" Lists
S: * LIST (\HasNoChildren) "/" Lists/news
S: * LIST (\Noselect \HasChildren) "/" shared
S: * LIST (\Noselect \HasChildren) "/" shared/ann
S: * LIST (\HasChildren) "/" shared/ann/Box
S: * LIST (\HasNoChildren) "/" shared/ann/Box/Sub
S: * LIST (\Noselect \HasChildren) "/" shared/ann/Deep
S: * LIST (\Noselect \HasChildren) "/" shared/ann/Deep/Hidden
S: * LIST (\HasNoChildren) "/" shared/ann/Deep/Hidden/Seen
S: a2 OK LIST completed
C: a3 LIST "" "%" RETURN (CHILDREN)
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (\NonExistent \HasChildren) "/" Lists
S: * LIST (\NonExistent \HasChildren) "/" shared
S: a3 OK LIST completed
C: a4 LIST "shared/ann/" "%"
S: * LIST (\HasChildren) "/" shared/ann/Box
S: * LIST (\Noselect \HasChildren) "/" shared/ann/Deep
S: a4 OK LIST completed
# a subscription is in his own list
C: a5 SUBSCRIBE shared/ann/Box
S: a5 OK SUBSCRIBE completed
C: a6 LSUB "" "*"
S: * LSUB () "/" shared/ann/Box
S: a6 OK LSUB completed
C: a7 LIST (SUBSCRIBED) "" "*"
S: * LIST (\Subscribed) "/" shared/ann/Box
S: a7 OK LIST completed
C: b1 STATUS shared/ann/Box (MESSAGES UNSEEN)
S: * STATUS shared/ann/Box (MESSAGES 2 UNSEEN 1)
S: b1 OK STATUS completed
C: b2 SELECT shared/ann/Box
X: 8
S: b2 OK [READ-WRITE] SELECT completed
C: b3 STORE 1 +FLAGS (\Flagged)
S: * 1 FETCH (FLAGS (\Flagged \Seen))
S: b3 OK STORE completed
# across namespaces, both ways
C: b4 COPY 1 INBOX
S: b4 OK [COPYUID {{\d+}} 1 2] COPY completed
C: b5 MOVE 2 INBOX
S: * OK [COPYUID {{\d+}} 2 3] Moved
S: * 2 EXPUNGE
S: b5 OK {{.*}}
C: b6 SELECT INBOX
S: * OK [CLOSED] Previous mailbox closed
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS {{.*}}
S: * 3 EXISTS
X: 5
S: b6 OK [READ-WRITE] SELECT completed
C: b7 FETCH 1:3 (FLAGS)
S: * 1 FETCH (FLAGS (\Seen))
S: * 2 FETCH (FLAGS (\Flagged \Seen{{.*}}))
S: * 3 FETCH (FLAGS ({{.*}}))
S: b7 OK FETCH completed
C: b8 COPY 1 shared/ann/Box
S: b8 OK [COPYUID {{\d+}} 1 3] COPY completed
C: b9 SEARCH ALL
S: * SEARCH 1 2 3
S: b9 OK SEARCH completed
# a new mailbox inherits the rights of the one above
C: c1 CREATE shared/ann/Box/New
S: c1 OK [MAILBOXID ({{.*}})] CREATE completed
C: c2 APPEND shared/ann/Box/New (\Seen) {6+}
C: a: b
C: 
S: c2 OK [APPENDUID {{\d+}} 1] APPEND completed
C: c3 RENAME shared/ann/Box/New shared/ann/Box/Newer
S: c3 OK RENAME completed
C: c4 RENAME shared/ann/Box/Newer Mine
S: c4 NO [CANNOT] A mailbox stays in its namespace
C: c5 DELETE shared/ann/Box/Newer
S: c5 OK DELETE completed
C: c6 CREATE shared/ann/Other
S: c6 NO [NOPERM] You have not the right to do that
# the names of the namespaces are no mailboxes
C: c7 CREATE shared
S: c7 NO [NOPERM] {{.*}}
C: c8 CREATE shared/bob/Mine
S: c8 OK {{.*}}
C: c9 STATUS Mine (MESSAGES)
S: * STATUS Mine (MESSAGES 0)
S: c9 OK STATUS completed
C: d1 SELECT shared/ann
S: * OK [CLOSED] Previous mailbox closed
S: d1 NO [NONEXISTENT] No such mailbox
# public: read-only for all
C: d2 SELECT Lists/news
X: 1
S: * OK [PERMANENTFLAGS ()] Flags permitted
S: * 1 EXISTS
X: 5
S: d2 OK [READ-ONLY] SELECT completed
C: d3 STORE 1 +FLAGS (\Flagged)
S: d3 NO {{.*}}
C: d4 STATUS Lists/INBOX (MESSAGES)
S: d4 NO [NONEXISTENT] No such mailbox
C: d5 CREATE Lists/mine
S: d5 NO [NOPERM] {{.*}}
