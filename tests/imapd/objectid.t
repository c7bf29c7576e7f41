# OBJECTID (RFC 8474)
# with-mailboxid
# no-burst
M: INBOX - plain.eml
M: Threads - thread1.eml
M: Threads - thread2.eml
M: Threads - thread3.eml
M: Threads - thread4.eml
M: Threads - thread5.eml
S: * PREAUTH {{.*}} OBJECTID{{.*}}
# 4.1: CREATE, SELECT and STATUS agree
C: a1 CREATE foo
S: a1 OK [MAILBOXID ({{foo=[A-Za-z0-9_-]+}})] {{.*}}
C: a2 CREATE bar
S: a2 OK [MAILBOXID ({{bar=[A-Za-z0-9_-]+}})] {{.*}}
C: a3 CREATE foo
S: a3 NO [ALREADYEXISTS] {{.*}}
C: a4 STATUS foo (MAILBOXID)
S: * STATUS foo (MAILBOXID ({{foo}}))
S: a4 OK {{.*}}
# 4.2: a rename keeps it
C: a5 RENAME foo renamed
S: a5 OK {{.*}}
C: a6 STATUS renamed (MESSAGES MAILBOXID)
S: * STATUS renamed (MESSAGES 0 MAILBOXID ({{foo}}))
S: a6 OK {{.*}}
C: a7 SELECT renamed
X: 6
S: * OK [MAILBOXID ({{foo}})] {{.*}}
S: * OK [HIGHESTMODSEQ {{\d+}}] {{.*}}
S: a7 OK {{.*}}
C: a8 LIST "" "bar" RETURN (STATUS (MAILBOXID))
S: * LIST {{.*}} bar
S: * STATUS bar (MAILBOXID ({{bar}}))
S: a8 OK {{.*}}
# 5: a copy has the EMAILID and THREADID of its original
C: a9 SELECT INBOX
X: 10
S: a9 OK {{.*}}
C: b1 FETCH 1 (EMAILID THREADID)
S: * 1 FETCH (EMAILID ({{mail=[A-Za-z0-9_-]+}}) THREADID ({{thread=T[A-Za-z0-9_-]+}}))
S: b1 OK {{.*}}
C: b2 COPY 1 bar
S: b2 OK {{.*}}
C: b3 SEARCH EMAILID {{mail}}
S: * SEARCH 1
S: b3 OK {{.*}}
C: b4 SEARCH EMAILID Mno-such
S: * SEARCH
S: b4 OK {{.*}}
C: b5 SEARCH THREADID T1
S: * SEARCH
S: b5 OK {{.*}}
C: b5 SEARCH THREADID {{thread}}
S: * SEARCH 1
S: b5 OK {{.*}}
C: b6 MOVE 1 renamed
X: 2
S: b6 OK {{.*}}
C: b7 SELECT bar
X: 9
?: * {{.*}}
?: b7 OK {{.*}}
C: b8 FETCH 1 (EMAILID THREADID)
S: * 1 FETCH (EMAILID ({{mail}}) THREADID ({{thread}}))
S: b8 OK {{.*}}
# 5.2: the conversation is named by the message that began it
C: c1 EXAMINE Threads
X: 10
S: c1 OK {{.*}}
C: c2 FETCH 1:5 (THREADID)
S: * 1 FETCH (THREADID (Tt1_40example_2eorg))
S: * 2 FETCH (THREADID (Tt1_40example_2eorg))
S: * 3 FETCH (THREADID (Tt3_40example_2eorg))
S: * 4 FETCH (THREADID (Tgone_40example_2eorg))
S: * 5 FETCH (THREADID (Tt1_40example_2eorg))
S: c2 OK {{.*}}
C: c3 UID SEARCH THREADID Tt1_40example_2eorg
S: * SEARCH 1 2 5
S: c3 OK {{.*}}
C: c4 SEARCH OR THREADID Tt3_40example_2eorg THREADID Tgone_40example_2eorg
S: * SEARCH 3 4
S: c4 OK {{.*}}
C: b9 LOGOUT
S: * BYE {{.*}}
S: b9 OK {{.*}}
E:
