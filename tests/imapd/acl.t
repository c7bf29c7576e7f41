# RFC 4314, its examples first (with a mailbox of Fred's, who is the user)
F: conf mail_path = %(dir)s/users/%%u\nhome_path = %(dir)s/users/%%u\nstate_dir = %(dir)s/state\nhierarchy_separator = /\nnamespaces = shared:
M: ~fred/INBOX S plain.eml
M: ~fred/INBOX.Drafts S plain.eml
M: ~david/INBOX - plain.eml
U: fred
S: * PREAUTH {{.* ACL RIGHTS=texk .*}}
# 2.1.1: "d" is "et" here, "c" is "kx"
C: A001 SeTacl INBOX/Drafts David lrswida
S: A001 OK SETACL completed
C: A002 getacl INBOX/Drafts
S: * ACL INBOX/Drafts David lrwstiead fred lrwstipekxacd
S: A002 OK GETACL completed
C: A003 Setacl INBOX/Drafts Byron lrswikda
S: A003 OK SETACL completed
C: A004 getAcl INBOX/Drafts
S: * ACL INBOX/Drafts David lrwstiead Byron lrwstiekacd fred lrwstipekxacd
S: A004 OK GETACL completed
C: A005 DELETEACL INBOX/Drafts Byron
S: A005 OK DELETEACL completed
# 3.1
C: A010 SETACL INBOX/Drafts Chris lrswi
S: A010 OK SETACL completed
C: A011 SETACL INBOX/Drafts Chris +cda
S: A011 OK SETACL completed
C: A012 GETACL INBOX/Drafts
S: * ACL INBOX/Drafts David lrwstiead Chris lrwstiekxacd fred lrwstipekxacd
S: A012 OK GETACL completed
C: A035 SETACL INBOX/Drafts John lrQswicda
S: A035 BAD Uppercase rights are not allowed
C: A036 SETACL INBOX/Drafts John lrqswicda
S: A036 BAD The q right is not supported
C: A037 SETACL INBOX/Drafts Chris -cdta
S: A037 OK SETACL completed
C: A038 SETACL INBOX/Drafts David ""
S: A038 OK SETACL completed
C: A039 GETACL INBOX/Drafts
S: * ACL INBOX/Drafts David "" Chris lrwsi fred lrwstipekxacd
S: A039 OK GETACL completed
# 3.2, with a negative identifier
C: B001 SETACL INBOX -Bill wetd
S: B001 OK SETACL completed
C: B002 SETACL INBOX Bill lr
S: B002 OK SETACL completed
C: B003 GETACL INBOX
S: * ACL INBOX -Bill wted Bill lr fred lrwstipekxacd
S: B003 OK GETACL completed
C: B004 DeleteAcl INBOX bill
S: B004 OK DELETEACL completed
C: B005 GETACL INBOX
S: * ACL INBOX -Bill wted fred lrwstipekxacd
S: B005 OK GETACL completed
C: B006 DELETEACL INBOX -Bill
S: B006 OK DELETEACL completed
C: B007 DELETEACL INBOX nobody
S: B007 OK DELETEACL completed
# 3.4, 3.5
C: a001 LISTRIGHTS INBOX/Drafts smith
S: * LISTRIGHTS INBOX/Drafts smith "" l r w s t i p e k x a c d
S: a001 OK LISTRIGHTS completed
C: a002 LISTRIGHTS INBOX fred
S: * LISTRIGHTS INBOX fred la r w s t i p e k x c d
S: a002 OK LISTRIGHTS completed
C: a003 MYRIGHTS INBOX
S: * MYRIGHTS INBOX lrwstipekxacd
S: a003 OK MYRIGHTS completed
# the owner cannot lock himself out
C: a004 SETACL INBOX fred r
S: a004 OK SETACL completed
C: a005 SETACL INBOX -fred lra
S: a005 OK SETACL completed
C: a006 MYRIGHTS INBOX
S: * MYRIGHTS INBOX la
S: a006 OK MYRIGHTS completed
C: a007 SELECT INBOX
S: a007 NO [NOPERM] {{.*}}
C: a008 DELETEACL INBOX fred
S: a008 OK DELETEACL completed
C: a009 DELETEACL INBOX -fred
S: a009 OK DELETEACL completed
# 5.1.1: what is changed under a selected mailbox is told
C: c1 SELECT INBOX
X: 7
S: c1 OK [READ-WRITE] SELECT completed
C: c2 SETACL INBOX fred lrsia
S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
S: * OK [PERMANENTFLAGS (\Seen)] Flags permitted
S: c2 OK SETACL completed
C: c3 STORE 1 +FLAGS (\Deleted)
S: c3 NO [NOPERM] {{.*}}
C: c4 EXPUNGE
S: c4 NO [NOPERM] {{.*}}
# 4: some of the flags are enough
C: c5 STORE 1 FLAGS (\Flagged)
S: * 1 FETCH (FLAGS ())
S: c5 OK STORE completed
C: c6 STORE 1 +FLAGS (\Seen \Flagged keyword)
S: * 1 FETCH (FLAGS (\Seen))
S: c6 OK STORE completed
C: c7 CREATE INBOX/New
S: c7 NO [NOPERM] {{.*}}
C: c8 DELETEACL INBOX fred
S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded \*)] Flags permitted
S: c8 OK DELETEACL completed
# errors
C: e1 GETACL Nowhere
S: e1 NO [NONEXISTENT] No such mailbox
C: e2 SETACL INBOX "" lr
S: e2 BAD {{.*}}
C: e3 SETACL INBOX anyone
S: e3 BAD {{.*}}
C: e4 SETACL INBOX $staff lr
S: e4 NO [CANNOT] There are no groups here
C: e5 MYRIGHTS Nowhere
S: e5 NO [NONEXISTENT] No such mailbox
C: e6 LISTRIGHTS INBOX -
S: e6 BAD {{.*}}
# to somebody else: he sees what he was given, and it is in the list at once
C: f1 SETACL INBOX/Drafts david lrsi
S: f1 OK SETACL completed
U: david
S: * PREAUTH {{.*}}
C: f2 LIST "" "shared/*" RETURN (MYRIGHTS)
S: * LIST (\NonExistent) "/" shared/fred
S: * LIST (\NonExistent) "/" shared/fred/INBOX
S: * LIST () "/" shared/fred/INBOX/Drafts
S: * MYRIGHTS shared/fred/INBOX/Drafts lrsi
S: f2 OK LIST completed
C: f3 SELECT shared/fred/INBOX/Drafts
S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)
S: * OK [PERMANENTFLAGS (\Seen)] Flags permitted
X: 5
S: f3 OK [READ-WRITE] SELECT completed
C: f4 APPEND shared/fred/INBOX/Drafts (\Seen \Deleted \Draft kw) {6+}
C: a: b
C: 
S: * 2 EXISTS
S: * 1 RECENT
S: f4 OK [APPENDUID {{\d+}} 2] APPEND completed
C: f5 FETCH 2 FLAGS
S: * 2 FETCH (FLAGS (\Seen \Recent))
S: f5 OK FETCH completed
C: f6 GETACL shared/fred/INBOX/Drafts
S: f6 NO [NOPERM] {{.*}}
# CLOSE without "e" closes and expunges nothing
U: fred
C: g1 SELECT INBOX/Drafts
S: * OK [CLOSED] Previous mailbox closed
X: 7
S: g1 OK [READ-WRITE] SELECT completed
C: g2 STORE 1:2 +FLAGS.SILENT (\Deleted)
S: g2 OK STORE completed
U: david
C: g3 CLOSE
S: g3 OK CLOSE completed
U: fred
C: g4 NOOP
S: g4 OK NOOP completed
# rights taken away under a selected mailbox
U: david
C: h1 EXAMINE shared/fred/INBOX/Drafts
X: 7
S: h1 OK [READ-ONLY] EXAMINE completed
U: fred
C: h2 DELETEACL INBOX/Drafts david
S: h2 OK DELETEACL completed
U: david
C: h3 FETCH 1 FLAGS
S: * BYE [NOPERM] You may not read this mailbox any more
S: h3 NO [NOPERM] You may not read this mailbox
E: 
