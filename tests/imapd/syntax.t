# What is no command (RFC 3501 2.2, 9): BAD with its tag, and the next is read
S: * PREAUTH {{.*}}
C: a1
S: a1 BAD {{.*}}
C: a2 BLURDYBLOOP
S: a2 BAD {{.*}}
C: a3 FETCH 1 FLAGS
S: a3 BAD {{.*}}
C: a4 LIST "" (*
S: a4 BAD {{.*}}
C: a5 SELECT "unclosed
S: a5 BAD {{.*}}
C: a6 SELECT
S: a6 BAD {{.*}}
C: a7 STATUS INBOX
S: a7 BAD {{.*}}
C: a8 STATUS INBOX ()
S: a8 BAD {{.*}}
C: a9 STATUS INBOX (COLOUR)
S: a9 BAD {{.*}}
C: b1 LOGOUT now
S: b1 BAD {{.*}}
C: b2 SELECT {3+}
C: foo
S: b2 NO [NONEXISTENT] {{.*}}
C: b3 NOOP
S: b3 OK {{.*}}
C: b4 LOGOUT
S: * BYE {{.*}}
S: b4 OK {{.*}}
E:
