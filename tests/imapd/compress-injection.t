# Plain commands behind COMPRESS (RFC 4978 3 forbids them): the end, and none of
# them is run
# no-bytes
# no-lines
S: * PREAUTH {{.*}}
C: a1 COMPRESS DEFLATE
C: a2 CREATE Wrong
S: a1 OK DEFLATE active
E:
