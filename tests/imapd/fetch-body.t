# Sections of messages (RFC 3501 6.4.5)
M: INBOX - plain.eml
M: INBOX - mixed.eml
S: * PREAUTH {{.*}}
C: a0 EXAMINE INBOX
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 2 EXISTS
?: * {{\d}} RECENT
?: * OK [UNSEEN 1] {{.*}}
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT {{\d}}] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a0 OK {{.*}}
C: a1 FETCH 1 BODY.PEEK[]
S: * 1 FETCH (BODY[] {386}
S: Return-Path: <alice@example.org>
S: Received: from mx.example.org by mail.penfold.test
S: 	for <bob@penfold.test>; Tue, 14 Nov 2023 22:14:20 +0000
S: Date: Tue, 14 Nov 2023 23:14:19 +0100
S: From: Alice Example <alice@example.org>
S: To: Bob <bob@penfold.test>, carol@penfold.test
S: Subject: The quick brown fox
S: Message-ID: <plain.1@example.org>
S: 
S: The quick brown fox jumps
S: over the lazy dog.
S: )
S: a1 OK {{.*}}
C: a2 FETCH 1 (RFC822.HEADER RFC822.TEXT)
S: * 1 FETCH (RFC822.HEADER {{{(\d+)}}}
S: Return-Path: <alice@example.org>
S: Received: from mx.example.org by mail.penfold.test
S: 	for <bob@penfold.test>; Tue, 14 Nov 2023 22:14:20 +0000
S: Date: Tue, 14 Nov 2023 23:14:19 +0100
S: From: Alice Example <alice@example.org>
S: To: Bob <bob@penfold.test>, carol@penfold.test
S: Subject: The quick brown fox
S: Message-ID: <plain.1@example.org>
S: 
S:  RFC822.TEXT {47}
S: The quick brown fox jumps
S: over the lazy dog.
S: )
S: a2 OK {{.*}}
C: a3 FETCH 1 BODY.PEEK[HEADER.FIELDS (subject "DATE" X-None)]
S: * 1 FETCH (BODY[HEADER.FIELDS ({{[Ss].*}})] {{{\d+}}}
S: Date: Tue, 14 Nov 2023 23:14:19 +0100
S: Subject: The quick brown fox
S: 
S: )
S: a3 OK {{.*}}
# once more, now from the summary
C: a4 FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)]
S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT DATE)] {71}
S: Date: Tue, 14 Nov 2023 23:14:19 +0100
S: Subject: The quick brown fox
S: 
S: )
S: a4 OK {{.*}}
C: a5 FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)]<6.11>
S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT DATE)]<6> {11}
S: Tue, 14 Nov)
S: a5 OK {{.*}}
C: a6 FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Received Return-Path Date From To Message-ID)]
S: * 1 FETCH (BODY[HEADER.FIELDS.NOT (RECEIVED RETURN-PATH DATE FROM TO MESSAGE-ID)] {{{\d+}}}
S: Subject: The quick brown fox
S: 
S: )
S: a6 OK {{.*}}
C: a7 FETCH 2 (BODY.PEEK[1.1] BODY.PEEK[1.2.MIME] BODY.PEEK[1])
S: * 2 FETCH (BODY[1.1] {10}
S: plain text BODY[1.2.MIME] {27}
S: Content-Type: text/html
S: 
S:  BODY[1] {{{\d+}}}
S: --inner
S: Content-Type: text/plain
S: 
S: plain text
S: --inner
S: Content-Type: text/html
S: 
S: <p>html text</p>
S: --inner--
S: )
S: a7 OK {{.*}}
C: a8 FETCH 2 (BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[2.1])
S: * 2 FETCH (BODY[2.HEADER] {{{\d+}}}
S: From: dave@example.net
S: To: carol@penfold.test
S: Subject: forwarded
S: Date: Thu, 16 Nov 2023 09:00:00 +0000
S: Message-ID: <inner.1@example.net>
S: 
S:  BODY[2.TEXT] {23}
S: inner body
S: second line BODY[2.1] {23}
S: inner body
S: second line)
S: a8 OK {{.*}}
C: a9 FETCH 2 (BODY.PEEK[3] BODY.PEEK[9] BODY.PEEK[1.HEADER])
S: * 2 FETCH (BODY[3] {12}
S: AAECAwQFBgc= BODY[9] NIL BODY[1.HEADER] NIL)
S: a9 OK {{.*}}
C: b1 FETCH 2 BODY.PEEK[2.HEADER.FIELDS (Subject)]
S: * 2 FETCH (BODY[2.HEADER.FIELDS (SUBJECT)] {22}
S: Subject: forwarded
S: 
S: )
S: b1 OK {{.*}}
# partial: across the end, behind it, nothing, in the middle of a CRLF
C: b2 FETCH 1 (BODY.PEEK[TEXT]<40.100> BODY.PEEK[TEXT]<100.5> BODY.PEEK[1]<4.5>)
S: * 1 FETCH (BODY[TEXT]<40> {7}
S:  dog.
S:  BODY[TEXT]<100> {0}
S:  BODY[1]<4> {5}
S: quick)
S: b2 OK {{.*}}
C: b3 FETCH 1 BODY.PEEK[TEXT]<20.6>
S: * 1 FETCH (BODY[TEXT]<20> {6}
S: jumps{{\r}})
S: b3 OK {{.*}}
C: b4 FETCH 1 BODY.PEEK[TEXT]<26.5>
S: * 1 FETCH (BODY[TEXT]<26> {5}
S: {{\nover}})
S: b4 OK {{.*}}
C: b5 FETCH 1 BODY.PEEK[TEXT
S: b5 BAD {{.*}}
C: b6 FETCH 1 BODY.PEEK[0]
S: b6 BAD {{.*}}
C: b7 FETCH 1 BODY.PEEK[TEXT]<5.0>
S: b7 BAD {{.*}}
C: b8 LOGOUT
S: * BYE {{.*}}
S: b8 OK {{.*}}
E:
