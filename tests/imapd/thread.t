# THREAD (RFC 5256 3)
M: INBOX S thread1.eml
M: INBOX - thread2.eml
M: INBOX - thread3.eml
M: INBOX - thread4.eml
M: INBOX S thread5.eml
S: * PREAUTH {{.*}}
C: a1 SELECT INBOX
X: 8
S: a1 OK {{.*}}
# 5 answers a message that answers 1 and is not here; 4 answers that as well
C: b0 THREAD REFERENCES UTF-8 ALL
S: * THREAD (1 (4)(5)(2))(3)
S: b0 OK THREAD completed
C: b1 UID THREAD REFERENCES UTF-8 2:4
S: * THREAD (3 (4)(2))
S: b1 OK {{.*}}
C: b2 UID THREAD REFS UTF-8 2:4
S: * THREAD (4)(2)(3)
S: b2 OK UID THREAD completed
C: b3 THREAD ORDEREDSUBJECT UTF-8 ALL
S: * THREAD (4 (2)(3))(5)(1)
S: b3 OK {{.*}}
C: b4 THREAD ORDEREDSUBJECT US-ASCII 1
S: * THREAD (1)
S: b4 OK {{.*}}
C: b5 THREAD REFERENCES UTF-8 DELETED
S: * THREAD
S: b5 OK {{.*}}
C: b6 THREAD COLOUR UTF-8 ALL
S: b6 BAD {{.*}}
C: b7 THREAD REFERENCES KLINGON ALL
S: b7 NO [BADCHARSET {{.*}}] {{.*}}
C: b8 THREAD REFERENCES UTF-8
S: b8 BAD {{.*}}
C: b9 THREAD REFERENCES
S: b9 BAD {{.*}}
C: c0 THREAD
S: c0 BAD {{.*}}
# what is kept from b0, by UID; and not for fewer messages
C: c1 UID THREAD REFERENCES UTF-8 ALL
S: * THREAD (1 (4)(5)(2))(3)
S: c1 OK {{.*}}
C: c2 UID THREAD REFERENCES UTF-8 NOT UID 5
S: * THREAD (1 2)(3 4)
S: c2 OK {{.*}}
C: e0 LOGOUT
X: 1
S: e0 OK {{.*}}
E:
