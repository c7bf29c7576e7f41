# NOTIFY (RFC 5465 6.1): the selected mailbox, at once, delayed, with QRESYNC
# and UIDONLY, and in IDLE
# no-burst
M: INBOX - plain.eml
M: INBOX - plain.eml
M: INBOX - plain.eml
S: * PREAUTH {{.*}}
C: a SELECT INBOX
X: 8
S: a OK {{.*}}
# what has gathered is told at once, as by NOOP (3.1)
R: INBOX 2 S
C: b NOTIFY SET (selected-delayed (MessageNew (UID FLAGS) MessageExpunge FlagChange))
S: * 2 FETCH (UID 2 FLAGS (\Seen{{.*}}))
S: b OK {{.*}}
# between commands: everything but expunges
D: INBOX 1
R: INBOX 3 S
S: * 3 FETCH (UID 3 FLAGS (\Seen{{.*}}))
M: INBOX - plain.eml
S: * 4 EXISTS
S: * {{\d}} RECENT
S: * 4 FETCH (UID 4 FLAGS ({{.*}}))
C: c NOOP
S: * 1 EXPUNGE
S: c OK {{.*}}
# in IDLE the same events (4)
C: d IDLE
S: + {{.*}}
D: INBOX 2
S: * 1 EXPUNGE
M: INBOX - plain.eml
S: * 3 EXISTS
S: * {{\d}} RECENT
S: * 3 FETCH (UID 5 FLAGS ({{.*}}))
C: DONE
S: d OK {{.*}}
# at once
C: e NOTIFY SET (selected (MessageNew MessageExpunge))
S: e OK {{.*}}
D: INBOX 3
S: * 1 EXPUNGE
# nothing at all: but a command of one's own is answered
C: f NOTIFY NONE
S: f OK {{.*}}
M: INBOX - plain.eml
C: g NOOP
S: g OK {{.*}}
C: h UID STORE 4 +FLAGS.SILENT (\Deleted)
S: h OK {{.*}}
C: i EXPUNGE
S: * 1 EXPUNGE
S: * 2 EXISTS
S: * {{\d}} RECENT
S: i OK {{.*}}
D: INBOX 5
C: j IDLE
S: + {{.*}}
C: DONE
S: j OK {{.*}}
C: k NOTIFY SET (personal NONE)
S: * 1 EXPUNGE
S: k OK {{.*}}
# VANISHED with QRESYNC (RFC 7162), UIDFETCH with UIDONLY (RFC 9586)
C: l ENABLE QRESYNC UIDONLY
S: * ENABLED QRESYNC UIDONLY
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: l OK {{.*}}
C: m NOTIFY SET (selected (MessageNew (FLAGS MODSEQ) MessageExpunge FlagChange))
S: m OK {{.*}}
M: INBOX - plain.eml
S: * 2 EXISTS
S: * {{\d}} RECENT
S: * 7 UIDFETCH (FLAGS ({{.*}}) MODSEQ ({{\d+}}))
R: INBOX 6 F
S: * 6 UIDFETCH (FLAGS (\Flagged{{.*}}) MODSEQ ({{\d+}}))
D: INBOX 6
S: * VANISHED 6
# the mailbox is removed under the session's feet
C: n LOGOUT
S: * BYE {{.*}}
S: n OK {{.*}}
E:
