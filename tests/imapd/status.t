# STATUS (RFC 3501 6.3.10, RFC 8438, RFC 7162 3.1.7)
M: INBOX S plain.eml
M: INBOX T reply.eml
M: INBOX new mixed.eml
S: * PREAUTH {{.*}}
C: a1 STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED)
S: * STATUS INBOX (MESSAGES 3 RECENT {{\d}} UIDNEXT 4 UIDVALIDITY {{validity=\d+}} UNSEEN 2 SIZE {{size=\d+}} DELETED 1)
S: a1 OK {{.*}}
C: a2 STATUS INBOX (HIGHESTMODSEQ)
S: * STATUS INBOX (HIGHESTMODSEQ {{\d+}})
S: a2 OK {{.*}}
C: a3 STATUS Nowhere (MESSAGES)
S: a3 NO [NONEXISTENT] {{.*}}
# of the selected mailbox: fresh
C: a4 SELECT INBOX
X: 8
S: a4 OK {{.*}}
M: INBOX new plain.eml
C: a5 STATUS inbox (MESSAGES UIDVALIDITY)
S: * STATUS INBOX (MESSAGES 4 UIDVALIDITY {{validity}})
?: * 4 EXISTS
?: * {{\d}} RECENT
S: a5 OK {{.*}}
C: a6 LOGOUT
S: * BYE {{.*}}
S: a6 OK {{.*}}
E:
