# UTF8=ACCEPT (RFC 9755, RFC 6855), and what others get of such messages
M: INBOX S utf8.eml
S: * PREAUTH [CAPABILITY {{.* UTF8=ACCEPT .*}}
C: a1 SELECT INBOX
X: 7
S: a1 OK {{.*}}
# without ENABLE no UTF-8 between quotes, but nothing is hidden or rewritten
C: a2 FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])
S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {20}
S: Subject: Grüße
S: 
S: )
S: a2 OK {{.*}}
C: a3 FETCH 1 ENVELOPE
S: * 1 FETCH (ENVELOPE ("Thu, 16 Nov 2023 09:30:00 +0000" {7}
S: Grüße (({13}
S: Jörg Müller NIL {5}
S: jörg {13}
X: 7
S: a3 OK {{.*}}
# message/global is a message (RFC 9755 6)
C: a4 FETCH 1 BODY.PEEK[2.TEXT]
S: * 1 FETCH (BODY[2.TEXT] {5}
S: inner)
S: a4 OK {{.*}}
C: a5 FETCH 1 BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]
S: * 1 FETCH (BODY[2.HEADER.FIELDS (SUBJECT)] {19}
S: Subject: 问候
S: 
S: )
S: a5 OK {{.*}}
# SEARCH may name its charset
C: a6 SEARCH CHARSET UTF-8 SUBJECT "grüße"
S: * SEARCH 1
S: a6 OK {{.*}}
# mbsync, offlineimap and imapsync copy old mail with 8-bit headers as it is:
# taken from them too (decision 111)
C: b1 APPEND INBOX {26+}
C: Subject: Grüße
C: 
C: body
C: 
S: * 2 EXISTS
X: 1
S: b1 OK [APPENDUID {{.*}}
C: b2 APPEND INBOX UTF8 (~{26}
S: b2 NO [CANNOT] {{.*}}
C: b3 APPEND INBOX UTF8 (~{26+}
C: Subject: Grüße
C: 
C: body
C: )
S: b3 NO [CANNOT] {{.*}}
C: c1 ENABLE UTF8=ACCEPT
S: * ENABLED UTF8=ACCEPT
S: c1 OK {{.*}}
C: c1a FETCH 1 ENVELOPE
S: * 1 FETCH (ENVELOPE ("Thu, 16 Nov 2023 09:30:00 +0000" "Grüße" (("Jörg Müller" NIL "jörg" "exämple.test")) {{.*}}
S: c1a OK {{.*}}
C: c1b FETCH 1 BODYSTRUCTURE
S: * 1 FETCH (BODYSTRUCTURE (("text" "plain" {{.*}}("message" "global" NIL NIL NIL "7bit" 50 (NIL "问候" ((NIL NIL "用户" "例子.test")) {{.*}}
S: c1b OK {{.*}}
C: c2 APPEND INBOX (\Seen) "16-Nov-2023 09:30:00 +0000" UTF8 (~{26}
S: + OK
C: Subject: Grüße
C: 
C: body
C: )
S: * 3 EXISTS
X: 1
S: c2 OK [APPENDUID {{.*}}
# two at once (RFC 3502), one of each kind
C: c3 APPEND INBOX UTF8 (~{26+}
C: Subject: Grüße
C: 
C: body
C: ) {26+}
C: Subject: Grüße
C: 
C: body
C: 
S: * 5 EXISTS
X: 1
S: c3 OK [APPENDUID {{\d+}} 4:5] {{.*}}
# broken ones
C: c4 APPEND INBOX UTF8 ({26+}
C: Subject: Grüße
C: 
C: body
C: )
S: c4 BAD {{.*}}
C: c5 APPEND INBOX UTF8 (~{26+}
C: Subject: Grüße
C: 
C: body
C:  more)
S: c5 BAD {{.*}}
C: c6 APPEND INBOX UTF8 ()
S: c6 BAD {{.*}}
C: c7 APPEND INBOX UTF8 (~{26+}
C: Subject: Grüße
C: 
C: body
C: ) x
S: c7 BAD {{.*}}
C: c8 APPEND INBOX UTF8 (~{0+}
C: )
S: c8 NO [CANNOT] {{.*}}
# no charset any more (RFC 9755 3), but where the grammar wants one
C: d1 SEARCH CHARSET UTF-8 SUBJECT "grüße"
S: d1 BAD {{.*}}
C: d2 SEARCH SUBJECT "grüße"
S: * SEARCH 1 2 3 4 5
S: d2 OK {{.*}}
C: d3 SORT (ARRIVAL) ISO-8859-1 SUBJECT x
S: d3 BAD {{.*}}
C: d4 SORT (ARRIVAL) UTF-8 SUBJECT "grüße" 1
S: * SORT 1
S: d4 OK {{.*}}
C: d5 THREAD REFS US-ASCII ALL
S: d5 BAD {{.*}}
# what is no UTF-8 is no string (RFC 9755 3)
C: e1 SEARCH SUBJECT "gr��e"
S: e1 BAD {{.*}}
C: e2 STATUS "gr��e" (MESSAGES)
S: e2 BAD {{.*}}
C: e3 SEARCH (OR SUBJECT "�" SEEN)
S: e3 BAD {{.*}}
C: f1 LOGOUT
S: * BYE {{.*}}
S: f1 OK {{.*}}
E:
