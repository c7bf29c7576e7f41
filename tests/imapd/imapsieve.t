# IMAPSIEVE (RFC 6785): what is announced, and who says which script
F: penfold.conf imapsieve_url = sieve://sieve.example.com
O: -c %(dir)s/penfold.conf
M: INBOX - plain.eml
S: * PREAUTH {{.*}} IMAPSIEVE=sieve://sieve.example.com{{.*}}
C: a1 SETMETADATA INBOX (/shared/imapsieve/script "act")
S: a1 OK {{.*}}
C: a2 GETMETADATA INBOX /shared/imapsieve/script
S: * METADATA INBOX (/shared/imapsieve/script "act")
S: a2 OK {{.*}}
# a script that is not there is none (RFC 6785 2.3.1)
C: a3 SELECT INBOX
X: 8
S: a3 OK {{.*}}
C: a4 STORE 1 +FLAGS.SILENT (\Flagged)
S: a4 OK {{.*}}
C: a5 COPY 1 INBOX
S: * 2 EXISTS
X: 1
S: a5 OK {{.*}}
# the account's own script; other shared entries are the administrator's
C: a6 SETMETADATA "" (/shared/imapsieve/script "all")
S: a6 OK {{.*}}
C: a7 GETMETADATA "" /shared/imapsieve/script
S: * METADATA "" (/shared/imapsieve/script "all")
S: a7 OK {{.*}}
C: a8 SETMETADATA "" (/shared/comment "x")
S: a8 NO [NOPERM] {{.*}}
