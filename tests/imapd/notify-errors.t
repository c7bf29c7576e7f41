# NOTIFY (RFC 5465 3.1, 5): what is refused
S: * PREAUTH {{.*}}
C: a1 NOTIFY
S: a1 BAD {{.*}}
C: a2 NOTIFY SET
S: a2 BAD {{.*}}
C: a3 NOTIFY NONE now
S: a3 BAD {{.*}}
C: a4 NOTIFY SET (personal (MessageNew))
S: a4 BAD {{.*}}
C: a5 NOTIFY SET (personal (MessageExpunge))
S: a5 BAD {{.*}}
C: a6 NOTIFY SET (personal (FlagChange))
S: a6 BAD {{.*}}
C: a7 NOTIFY SET (selected (MessageNew MessageExpunge)) (selected-delayed NONE)
S: a7 BAD {{.*}}
C: a8 NOTIFY SET (selected (MailboxName))
S: a8 BAD {{.*}}
C: a9 NOTIFY SET (personal (MessageNew (UID) MessageExpunge))
S: a9 BAD {{.*}}
C: a10 NOTIFY SET (somewhere (MailboxName))
S: a10 BAD {{.*}}
C: a11 NOTIFY SET (mailboxes () (MailboxName))
S: a11 BAD {{.*}}
# not there: NO, and what there is
C: b1 NOTIFY SET (personal (AnnotationChange MessageNew MessageExpunge))
S: b1 NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange{{.*}})] {{.*}}
C: b2 NOTIFY SET (personal (Fireworks))
S: b2 NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange{{.*}})] {{.*}}
# a name that is not there is passed over
C: c1 NOTIFY SET STATUS (mailboxes nothere (MessageNew MessageExpunge)) (subtree "% *" (MailboxName))
S: c1 OK {{.*}}
# in any case of letters
C: c2 notify set (Selected-Delayed (messagenew (uid flags) messageexpunge flagchange))
S: c2 OK {{.*}}
C: c3 NOTIFY NONE
S: c3 OK {{.*}}
C: a LOGOUT
S: * BYE {{.*}}
S: a OK {{.*}}
E:
