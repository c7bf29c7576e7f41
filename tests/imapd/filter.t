# FILTER=SIEVE (draft-bosch-imap-filter-sieve)
M: INBOX S plain.eml
M: INBOX - reply.eml
M: INBOX F mixed.eml
M: Work - plain.eml
F: sieve/flag.sieve require "imap4flags"; if hasflag "\\Flagged" { addflag "$Done"; }
F: sieve/broken.sieve if nothing { keep; }
F: .dovecot.sieve require "fileinto"; if header :contains "subject" "fox" { fileinto "Work"; }
S: * PREAUTH {{.*}}FILTER=SIEVE{{.*}}
C: a0 FILTER SIEVE DELIVERY ALL
S: a0 BAD {{.*}}
C: a1 SELECT INBOX
X: 8
S: a1 OK {{.*}}
# a script that does not compile: nothing is done (3.4)
C: A003 UID FILTER SIEVE SCRIPT {71+}
C: if subject :contains "Male Enhancement" {
C:   discard;
C:   stop;
C: }
C: 
C: 
C:  ALL
S: * FILTER (TAG "A003") ERRORS {{.\d+.}}
S: line 1: there is no test "subject"
S: 
S: A003 NO Sieve filter failed to compile
C: a2 FILTER SIEVE PERSONAL broken ALL
S: * FILTER (TAG "a2") ERRORS {{.\d+.}}
S: line 1: there is no test "nothing"
S: 
S: a2 NO Sieve filter failed to compile
C: a3 FILTER SIEVE PERSONAL none ALL
S: a3 NO [NONEXISTENT] {{.*}}
C: a4 FILTER SIEVE PERSONAL "../x" ALL
S: a4 NO [NONEXISTENT] {{.*}}
C: a5 FILTER SIEVE GLOBAL flag ALL
S: a5 NO [NONEXISTENT] {{.*}}
C: a6 FILTER SIEVE OTHER flag ALL
S: a6 BAD {{.*}}
C: a7 FILTER OTHER DELIVERY ALL
S: a7 BAD {{.*}}
C: a8 FILTER SIEVE
S: a8 BAD {{.*}}
C: a9 FILTER SIEVE DELIVERY
S: a9 BAD {{.*}}
C: b1 FILTER SIEVE DELIVERY NONSENSE
S: b1 BAD {{.*}}
C: b2 FILTER SIEVE DELIVERY RETURN (ALL) ALL
S: b2 BAD {{.*}}
C: b3 FILTER SIEVE DELIVERY CHARSET x-none SUBJECT fox
S: b3 NO [BADCHARSET {{.*}}
# only what was changed is told (3.2); hasflag sees the flags that are there
C: c1 UID FILTER SIEVE PERSONAL "flag" ALL
S: * 3 FILTERED (TAG "c1") UID 3 OK
S: * FLAGS {{.*}}
S: * OK [PERMANENTFLAGS {{.*}}
S: * 3 FETCH (UID 3 FLAGS (\Flagged $Done))
S: c1 OK UID FILTER completed
# the active script: the message is copied, the original marked (4.2)
C: c2 FILTER SIEVE DELIVERY SUBJECT fox
S: * 1 FILTERED (TAG "c2") OK
S: * 1 FETCH (FLAGS (\Deleted \Seen))
S: c2 OK FILTER completed
C: c3 STATUS Work (MESSAGES)
S: * STATUS Work (MESSAGES 2)
S: c3 OK {{.*}}
# nothing matches, nothing happens
C: c4 FILTER SIEVE DELIVERY SUBJECT wolf
S: c4 OK FILTER completed
# what answers senders is passed over without an error (4.10)
C: c5 FILTER SIEVE SCRIPT "require \"vacation\"; vacation \"away\";" 2
S: c5 OK FILTER completed
C: c6 FILTER SIEVE SCRIPT "require \"reject\"; reject \"no\";" 2
S: c6 OK FILTER completed
# discard marks it (4.4)
C: c7 FILTER SIEVE SCRIPT "discard;" 2
S: * 2 FILTERED (TAG "c7") OK
S: * 2 FETCH (FLAGS (\Deleted))
S: c7 OK FILTER completed
# an error of one message leaves it as it is (3.3)
C: c8 FILTER SIEVE SCRIPT "require \"fileinto\"; fileinto \"Nowhere\";" 3
S: * 3 FILTERED (TAG "c8") ERRORS {{.\d+.}}
S: {{line 1: .*}}
S: c8 OK FILTER completed
# a changed message that is kept is a new one; the old one is marked (4.1)
C: c9 FILTER SIEVE SCRIPT "require \"editheader\"; addheader \"X-New\" \"1\";" 3
S: * 3 FILTERED (TAG "c9") OK
?: * 4 EXISTS
?: * 3 FETCH (FLAGS (\Flagged \Deleted $Done))
?: * 1 RECENT
S: c9 OK FILTER completed
C: d1 FETCH 4 (FLAGS BODY.PEEK[HEADER.FIELDS (X-NEW)])
S: * 4 FETCH (FLAGS (\Flagged \Recent $Done) BODY[HEADER.FIELDS (X-NEW)] {12}
S: X-New: 1
S: 
S: )
S: d1 OK {{.*}}
# imapsieve is for events (4.9)
C: d2 FILTER SIEVE SCRIPT "require \"imapsieve\";" ALL
S: * FILTER (TAG "d2") ERRORS {{.\d+.}}
S: {{line 1: .*imapsieve.*}}
S: 
S: d2 NO Sieve filter failed to compile
