# Somebody who speaks no IMAP is shown out
S: * PREAUTH {{.*}}
C: GET / HTTP/1.1
S: GET BAD {{.*}}
C: a NUL ends it
S: a BAD {{.*}}
C: b x
S: b BAD {{.*}}
C: c x
S: c BAD {{.*}}
C: d x
S: d BAD {{.*}}
C: e x
S: e BAD {{.*}}
C: f x
S: f BAD {{.*}}
C: g x
S: g BAD {{.*}}
C: h x
S: h BAD {{.*}}
C: i x
S: i BAD {{.*}}
C: j x
S: j BAD {{.*}}
C: k x
S: k BAD {{.*}}
C: l x
S: l BAD {{.*}}
C: m x
S: m BAD {{.*}}
C: n x
S: n BAD {{.*}}
C: o x
S: o BAD {{.*}}
C: p x
S: p BAD {{.*}}
C: q x
S: q BAD {{.*}}
C: r x
S: r BAD {{.*}}
C: s x
S: s BAD {{.*}}
S: * BYE {{.*}}
E:
