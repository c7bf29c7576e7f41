# LANGUAGE (RFC 5255 3.2): English, by either of its names
S: * PREAUTH [CAPABILITY {{.* LANGUAGE .*}}
C: A002 LANGUAGE MUL
S: A002 NO {{.*}}
C: A003 LANGUAGE
S: * LANGUAGE (EN i-default)
S: A003 OK {{.*}}
C: C001 LANGUAGE DE
S: C001 NO {{.*}}
C: D003 LANGUAGE "default"
S: * LANGUAGE (i-default)
S: D003 OK {{.*}}
C: E001 LANGUAGE FR-CA EN-CA
S: * LANGUAGE (EN)
S: E001 OK {{.*}}
C: E002 LANGUAGE i-default en
S: * LANGUAGE (i-default)
S: E002 OK {{.*}}
C: E003 LANGUAGE eng
S: E003 NO {{.*}}
C: E004 LANGUAGE (en)
S: E004 BAD {{.*}}
# I18NLEVEL=1 has no COMPARATOR (4.4)
C: F001 COMPARATOR
S: F001 BAD {{.*}}
C: F002 LOGOUT
S: * BYE {{.*}}
S: F002 OK {{.*}}
E:
