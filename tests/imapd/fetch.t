# FETCH (RFC 3501 6.4.5, 7.4.2)
M: INBOX S plain.eml
M: INBOX FS reply.eml
M: INBOX - mixed.eml
S: * PREAUTH {{.*}}
C: a0 SELECT INBOX
?: * FLAGS {{.*}}
?: * OK [PERMANENTFLAGS {{.*}}
?: * 3 EXISTS
?: * {{\d}} RECENT
?: * OK [UNSEEN 3] {{.*}}
?: * OK [UIDVALIDITY {{\d+}}] {{.*}}
?: * OK [UIDNEXT 4] {{.*}}
?: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a0 OK {{.*}}
C: a1 FETCH 1 FAST
S: * 1 FETCH (FLAGS (\Seen{{.*}}) INTERNALDATE "14-Nov-2023 22:14:20 +0000" RFC822.SIZE 386)
S: a1 OK {{.*}}
C: a2 FETCH 1 ENVELOPE
S: * 1 FETCH (ENVELOPE ("Tue, 14 Nov 2023 23:14:19 +0100" "The quick brown fox" (("Alice Example" NIL "alice" "example.org")) (("Alice Example" NIL "alice" "example.org")) (("Alice Example" NIL "alice" "example.org")) (("Bob" NIL "bob" "penfold.test")(NIL NIL "carol" "penfold.test")) NIL NIL NIL "<plain.1@example.org>"))
S: a2 OK {{.*}}
# again, from the summary
C: a3 UID FETCH 2 (ENVELOPE)
S: * 2 FETCH (UID 2 ENVELOPE ("Wed, 15 Nov 2023 08:00:00 +0000" "=?UTF-8?Q?Re:_Gr=C3=BC=C3=9Fe?=" (({{"Bob .*Builder"}} NIL "bob" "penfold.test")) ((NIL NIL "assistant" "penfold.test")) ((NIL NIL "Team" NIL)(NIL NIL "bob" "penfold.test")(NIL NIL "dave" "penfold.test")(NIL NIL NIL NIL)) ((NIL NIL "alice" "example.org")) (("Carol" NIL "carol" "penfold.test")) NIL "<plain.1@example.org>" "<reply.1@penfold.test>"))
S: a3 OK {{.*}}
C: a4 UID FETCH 2 (ENVELOPE)
S: * 2 FETCH (UID 2 ENVELOPE ("Wed, 15 Nov 2023 08:00:00 +0000" {{.*}}))
S: a4 OK {{.*}}
C: a5 FETCH 3 BODY
S: * 3 FETCH (BODY ((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 0)("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 16 0) "alternative")("message" "rfc822" NIL NIL NIL "7bit" {{\d+}} ("Thu, 16 Nov 2023 09:00:00 +0000" "forwarded" ((NIL NIL "dave" "example.net")) ((NIL NIL "dave" "example.net")) ((NIL NIL "dave" "example.net")) ((NIL NIL "carol" "penfold.test")) NIL NIL NIL "<inner.1@example.net>") ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 23 1) {{\d+}})("application" "octet-stream" ("name" "data.bin") NIL NIL "base64" 12) "mixed"))
S: a5 OK {{.*}}
C: a6 FETCH 3 BODYSTRUCTURE
S: * 3 FETCH (BODYSTRUCTURE {{.*}}("attachment" ("filename" "data.bin")){{.*}} "mixed" ("boundary" "outer") NIL NIL NIL))
S: a6 OK {{.*}}
C: a7 FETCH 1:2 (UID FLAGS)
S: * 1 FETCH (UID 1 FLAGS (\Seen{{.*}}))
S: * 2 FETCH (UID 2 FLAGS (\Flagged \Seen{{.*}}))
S: a7 OK {{.*}}
C: a8 UID FETCH 2:* FLAGS
S: * 2 FETCH (UID 2 FLAGS {{.*}})
S: * 3 FETCH (UID 3 FLAGS {{.*}})
S: a8 OK {{.*}}
C: a9 UID FETCH 100:* (FLAGS)
S: * 3 FETCH (UID 3 FLAGS {{.*}})
S: a9 OK {{.*}}
C: b1 UID FETCH 7,9 (FLAGS)
S: b1 OK {{.*}}
C: b2 FETCH 4 FLAGS
S: b2 BAD {{.*}}
C: b3 FETCH 0 FLAGS
S: b3 BAD {{.*}}
C: b4 FETCH x FLAGS
S: b4 BAD {{.*}}
C: b5 FETCH 1 (FLAGS COLOUR)
S: b5 BAD {{.*}}
C: b6 FETCH 1
S: b6 BAD {{.*}}
C: b7 FETCH 1 (FLAGS) (VANISHED)
S: b7 BAD {{.*}}
C: b8 FETCH 1 X-PREVIEW
S: b8 BAD {{.*}}
C: b9 FETCH 1,3,2 UID
S: * 1 FETCH (UID 1)
S: * 2 FETCH (UID 2)
S: * 3 FETCH (UID 3)
S: b9 OK {{.*}}
C: c1 LOGOUT
S: * BYE {{.*}}
S: c1 OK {{.*}}
E:
