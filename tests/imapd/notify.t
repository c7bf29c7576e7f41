# NOTIFY (RFC 5465): other mailboxes, their names, the selected one
# no-burst
M: INBOX - plain.eml
M: Lists.Lemonade S plain.eml
M: Lists.Lemonade S plain.eml
M: Lists.Im2000 S plain.eml
D: Lists.Im2000 4
M: misc S plain.eml
S: * PREAUTH {{.*}}
# the example of 3.1, with MessageExpunge where it has to be (5); the events
# without parentheses, as the example has them
C: b NOTIFY SET STATUS (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge) (subtree Lists (MessageNew MessageExpunge))
?: * STATUS Lists.Lemonade (MESSAGES 2 UIDNEXT 3 UIDVALIDITY {{v=\d+}})
?: * STATUS Lists.Im2000 (MESSAGES 0 UIDNEXT 1 UIDVALIDITY {{\d+}})
S: b OK NOTIFY completed
C: c SELECT INBOX
X: 8
S: c OK {{.*}}
M: Lists.Lemonade new plain.eml
S: * STATUS Lists.Lemonade (MESSAGES 3 UIDNEXT 4 UIDVALIDITY {{v}})
M: INBOX new plain.eml
S: * 2 EXISTS
S: * 1 RECENT
S: * 2 FETCH (UID 2 BODY[HEADER.FIELDS (FROM TO SUBJECT)] {{.\d+.}}
S: {{.*}}
S: {{.*}}
S: {{.*}}
S: 
S: )
# misc was not asked for
M: misc new plain.eml
C: d STATUS misc (UIDVALIDITY UIDNEXT MESSAGES)
S: * STATUS misc ({{.*}})
S: d OK {{.*}}
C: e NOTIFY SET (selected MessageNew (uid) MessageExpunge) (subtree Lists (MessageNew MessageExpunge)) (mailboxes misc (MessageNew MessageExpunge))
S: e OK {{.*}}
M: misc new plain.eml
S: * STATUS misc (MESSAGES 3 UIDNEXT 4 UIDVALIDITY {{\d+}})
D: misc 5
S: * STATUS misc (MESSAGES 2 UIDNEXT 4 UIDVALIDITY {{\d+}})
# expunges are told at any time, and flags were not asked for
R: INBOX 7 S
D: INBOX 1
S: * 1 EXPUNGE
# what this session does itself is not told to it
C: f APPEND misc {3}
S: + {{.*}}
C: a:b
S: f OK {{.*}}
C: g UID COPY 2 misc
S: g OK {{.*}}
C: h APPEND INBOX {3}
S: + {{.*}}
C: a:b
S: * 2 EXISTS
S: * {{\d}} RECENT
S: h OK {{.*}}
# ... others are: 4 + 1
M: misc new plain.eml
S: * STATUS misc (MESSAGES 5 UIDNEXT 7 UIDVALIDITY {{\d+}})
# leaving a mailbox makes it one of the others
C: i NOTIFY SET (selected NONE) (mailboxes INBOX (MessageNew MessageExpunge FlagChange))
S: i OK {{.*}}
M: INBOX new plain.eml
C: j NOOP
S: j OK {{.*}}
C: k UNSELECT
S: k OK {{.*}}
M: INBOX new plain.eml
S: * STATUS INBOX (MESSAGES 4 UIDNEXT 6 UNSEEN {{\d}} UIDVALIDITY {{\d+}})
# flags: without CONDSTORE the number of unseen messages tells of it
R: INBOX 12 S
S: * STATUS INBOX (UNSEEN {{\d}} UIDVALIDITY {{\d+}})
R: INBOX 12 FS
C: l0 NOOP
S: l0 OK {{.*}}
C: l ENABLE CONDSTORE
S: * ENABLED CONDSTORE
S: l OK {{.*}}
R: INBOX 12 S
S: * STATUS INBOX (UIDVALIDITY {{\d+}} HIGHESTMODSEQ {{\d+}})
M: INBOX new plain.eml
S: * STATUS INBOX (MESSAGES 5 UIDNEXT 7 UNSEEN {{\d}} UIDVALIDITY {{\d+}} HIGHESTMODSEQ {{\d+}})
# a snapshot (5): STATUS, and silence
C: m NOTIFY SET STATUS (subtree Lists NONE)
?: * STATUS Lists.Lemonade (MESSAGES 3 UIDNEXT 4 UIDVALIDITY {{v}} HIGHESTMODSEQ {{\d+}})
?: * STATUS Lists.Im2000 (MESSAGES 0 UIDNEXT 1 UIDVALIDITY {{\d+}} HIGHESTMODSEQ {{\d+}})
S: m OK {{.*}}
# with FlagChange the numbers that tell of flags come along
C: n NOTIFY SET STATUS (mailboxes (misc nothere) (MessageNew MessageExpunge FlagChange))
S: * STATUS misc (MESSAGES 5 UIDNEXT 7 UNSEEN {{\d}} UIDVALIDITY {{\d+}} HIGHESTMODSEQ {{\d+}})
S: n OK {{.*}}
C: o NOTIFY NONE
S: o OK {{.*}}
M: misc new plain.eml
C: p NOOP
S: p OK {{.*}}
C: q LOGOUT
S: * BYE {{.*}}
S: q OK {{.*}}
E:
