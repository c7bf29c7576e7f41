# CATENATE (RFC 4469) and URL-PARTIAL (RFC 5550)
F: penfold.conf message_size_max = 2k\nhostname = mail.example.org
O: -c %(dir)s/penfold.conf
M: INBOX - plain.eml
M: INBOX - mixed.eml
M: Drafts - plain.eml
# no-burst
S: * PREAUTH {{.*}} CATENATE URL-PARTIAL {{.*}}
C: a1 STATUS Drafts (UIDVALIDITY)
S: * STATUS Drafts (UIDVALIDITY {{v=\d+}})
S: a1 OK {{.*}}
C: a2 SELECT INBOX
X: 8
S: a2 OK {{.*}}
# RFC 4469 5: a header from another mailbox, texts around, a part from here
C: a3 APPEND Drafts (\Seen \Draft $MDNSent) CATENATE (URL "/Drafts;UIDVALIDITY={{v}}/;UID=1/;section=HEADER" TEXT {28}
S: + {{.*}}
C: 
C: --B
C: 
C: a text of our own
C:  URL ";UID=2/;SECTION=1.1" TEXT {11+}
C: 
C: --B--
C: 
C: )
S: a3 OK [APPENDUID {{v}} 2] {{.*}}
C: a4 EXAMINE Drafts
X: 9
S: a4 OK {{.*}}
C: a5 FETCH 2 (FLAGS BODY.PEEK[TEXT])
S: * 2 FETCH (FLAGS (\Seen \Draft {{(.Recent )?}}$MDNSent) BODY[TEXT] {49}
S: 
S: --B
S: 
S: a text of our own
S: plain text
S: --B--
S: 
S: )
S: a5 OK {{.*}}
# only URLs: the whole message, as it is
C: b1 APPEND INBOX CATENATE (URL "/INBOX/;UID=1")
S: b1 OK [APPENDUID {{\d+}} 3] {{.*}}
C: b2 SELECT INBOX
X: 9
S: b2 OK {{.*}}
C: b3 FETCH 1,3 RFC822.SIZE
S: * 1 FETCH (RFC822.SIZE {{size=\d+}})
S: * 3 FETCH (RFC822.SIZE {{size}})
S: b3 OK {{.*}}
# absolute, of ourselves; as a literal; sections; partial counts CRLF
C: c1 APPEND INBOX CATENATE (TEXT {6+}
C: A: b
C:  URL {76+}
C: imap://mail.example.org/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=1.1/;PARTIAL=0.5)
S: c1 NO [BADURL {{.*}}
C: c2 APPEND INBOX CATENATE (TEXT {8+}
C: A: b
C: 
C:  URL "imap://mail.example.org/INBOX/;UID=2/;SECTION=1.1/;PARTIAL=0.5" URL imap://localhost/inbox/;uid=2/;section=1.1/;partial=6 URL "/INBOX/;UID=2/;SECTION=2.HEADER.FIELDS%20(SUBJECT)/;PARTIAL=0.12")
S: * 4 EXISTS
S: * {{\d+}} RECENT
S: c2 OK {{.*}}
C: c3 FETCH 4 BODY.PEEK[]
S: * 4 FETCH (BODY[] {29}
S: A: b
S: 
S: plaintextSubject: for)
S: c3 OK {{.*}}
# several messages, of either kind
C: d1 APPEND INBOX (\Flagged) CATENATE (URL /INBOX/;UID=2/;SECTION=2 ) "14-Nov-2023 22:14:20 +0000" {12+}
C: Subject: x
C:  (\Seen) CATENATE (TEXT {6+}
C: B: c
C: )
S: * 7 EXISTS
S: * {{\d+}} RECENT
S: d1 OK [APPENDUID {{\d+}} 5:7] {{.*}}
C: d2 FETCH 5:7 (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT B)])
S: * 5 FETCH (FLAGS (\Flagged{{( .Recent)?}}) BODY[HEADER.FIELDS (SUBJECT B)] {22}
S: Subject: forwarded
S: 
S: )
S: * 6 FETCH (FLAGS ({{(.Recent)?}}) BODY[HEADER.FIELDS (SUBJECT B)] {{.*}}
X: 3
S: * 7 FETCH (FLAGS (\Seen{{( .Recent)?}}) BODY[HEADER.FIELDS (SUBJECT B)] {{.*}}
X: 3
S: d2 OK {{.*}}
# REPLACE
C: d3 UID REPLACE 7 INBOX (\Draft) CATENATE (URL ";UID=7" TEXT {6+}
C: D: e
C: )
S: * OK [APPENDUID {{\d+}} 8] {{.*}}
S: * 7 EXPUNGE
S: * 7 EXISTS
S: * {{\d+}} RECENT
S: d3 OK {{.*}}
C: d4 UID FETCH 8 BODY.PEEK[]
S: * 7 FETCH (UID 8 BODY[] {12}
S: B: c
S: D: e
S: )
S: d4 OK {{.*}}
# RFC 4469 4: which URL it was
C: e1 APPEND INBOX CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID=99" TEXT {3+}
C: abc)
S: e1 NO [BADURL "/INBOX/;UID=99"] {{.*}}
C: e2 APPEND INBOX CATENATE (URL "/INBOX;UIDVALIDITY=785799047/;UID=1/;section=1.5.9")
S: e2 NO [BADURL "/INBOX;UIDVALIDITY=785799047/;UID=1/;section=1.5.9"] {{.*}}
C: e3 APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;section=1.5.9")
S: e3 NO [BADURL "/INBOX/;UID=1/;section=1.5.9"] The message has no such part
C: e4 APPEND INBOX CATENATE (URL "/Nowhere/;UID=1")
S: e4 NO [BADURL "/Nowhere/;UID=1"] {{.*}}
C: e5 APPEND INBOX CATENATE (URL "imap://elsewhere.example.net/INBOX/;UID=1")
S: e5 NO [BADURL "imap://elsewhere.example.net/INBOX/;UID=1"] {{.*}}
C: e6 APPEND INBOX CATENATE (URL "imap://joe@mail.example.org/INBOX/;UID=1")
S: e6 NO [BADURL "imap://joe@mail.example.org/INBOX/;UID=1"] {{.*}}
C: e7 APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;SECTION=TEXT]<0.1> BODY[")
S: e7 NO [BADURL {{.*}}
C: e8 APPEND INBOX CATENATE (URL "junk" TEXT {3}
S: e8 NO [BADURL "junk"] {{.*}}
C: e9 APPEND INBOX CATENATE (URL "/INBOX/;UID=1;URLAUTH=anonymous:internal:123")
S: e9 NO [BADURL {{.*}}
# too big as a whole, before or while it comes
C: f1 APPEND INBOX CATENATE (TEXT {3000}
S: f1 NO [TOOBIG] {{.*}}
C: f2 APPEND INBOX CATENATE (URL "/INBOX/;UID=2" URL "/INBOX/;UID=2" URL "/INBOX/;UID=2")
S: f2 NO [TOOBIG] {{.*}}
C: f3 APPEND Nowhere CATENATE (URL "/INBOX/;UID=1")
S: f3 NO [TRYCREATE] {{.*}}
# what is no command
C: g1 APPEND INBOX CATENATE ()
S: g1 BAD {{.*}}
C: g2 APPEND INBOX CATENATE (FILE "x")
S: g2 BAD {{.*}}
C: g3 APPEND INBOX CATENATE (TEXT "x")
S: g3 BAD {{.*}}
C: g4 APPEND INBOX CATENATE URL "x"
S: g4 BAD {{.*}}
C: g5 APPEND INBOX CATENATE (URL)
S: g5 BAD {{.*}}
C: g6 APPEND INBOX CATENATE (TEXT {0+}
C: )
S: g6 NO [CANNOT] {{.*}}
C: g7 APPEND INBOX CATENATE (URL "/INBOX/;UID=1") junk
S: g7 BAD {{.*}}
C: g8 APPEND INBOX CATENATE ((TEXT {3+}
C: abc))
S: g8 BAD {{.*}}
C: h1 STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES 7)
S: h1 OK {{.*}}
C: h2 LOGOUT
S: * BYE {{.*}}
S: h2 OK {{.*}}
E:
