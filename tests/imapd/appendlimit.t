# APPENDLIMIT (RFC 7889)
# no-burst
F: penfold.conf message_size_max = 1k
O: -c %(dir)s/penfold.conf
S: * PREAUTH {{.*}} APPENDLIMIT=1024] {{.*}}
C: a1 CAPABILITY
S: * CAPABILITY {{.*}} APPENDLIMIT=1024
S: a1 OK {{.*}}
C: a2 STATUS INBOX (APPENDLIMIT MESSAGES)
S: * STATUS INBOX (MESSAGES 0 APPENDLIMIT 1024)
S: a2 OK {{.*}}
C: a3 LIST "" % RETURN (STATUS (APPENDLIMIT))
S: * LIST {{.*}} INBOX
S: * STATUS INBOX (APPENDLIMIT 1024)
S: a3 OK {{.*}}
C: a4 APPEND INBOX {1025}
S: a4 NO [TOOBIG] {{.*}}
C: a5 LOGOUT
S: * BYE {{.*}}
S: a5 OK {{.*}}
E:
