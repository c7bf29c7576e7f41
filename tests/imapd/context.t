# CONTEXT=SEARCH (RFC 5267 4) and FETCH items of UPDATE (RFC 5465 7)
# no-burst
M: INBOX T plain.eml
M: INBOX - plain.eml
M: INBOX - reply.eml
M: INBOX F plain.eml
S: * PREAUTH {{.*}}
C: a SELECT INBOX
X: 8
S: a OK {{.*}}
# 4.2: the hint; 4.3: updates, whatever else is returned
C: A01 SEARCH RETURN (CONTEXT COUNT) UNDELETED UNKEYWORD $Junk
S: * ESEARCH (TAG "A01") COUNT 3
S: A01 OK {{.*}}
C: B01 UID SEARCH RETURN (UPDATE COUNT) DELETED
S: * ESEARCH (TAG "B01") UID COUNT 1
S: B01 OK {{.*}}
C: B01 SORT RETURN (UPDATE) (DATE) UTF-8 FLAGGED
S: B01 BAD Tag reuse
C: B01 SEARCH RETURN (UPDATE) FLAGGED
S: B01 BAD Tag reuse
# one's own change of flags counts
C: b UID STORE 2:3 +FLAGS.SILENT (\Deleted)
S: * ESEARCH (TAG "B01") UID ADDTO (0 2:3)
S: b OK {{.*}}
C: c UID STORE 1 -FLAGS (\Deleted)
S: * 1 FETCH (UID 1 FLAGS ({{.*}}))
S: * ESEARCH (TAG "B01") UID REMOVEFROM (0 1)
S: c OK {{.*}}
# another program's; FETCH before ESEARCH
R: INBOX 4 FT
C: d NOOP
S: * 4 FETCH (FLAGS (\Flagged \Deleted{{.*}}))
S: * ESEARCH (TAG "B01") UID ADDTO (0 4)
S: d OK {{.*}}
# arrivals: behind EXISTS; expunges: before EXPUNGE
C: C01 SEARCH RETURN (UPDATE ALL) FROM alice
S: * ESEARCH (TAG "C01") ALL {{.*}}
S: C01 OK {{.*}}
C: e IDLE
S: + {{.*}}
M: INBOX - plain.eml
S: * 5 EXISTS
S: * {{\d}} RECENT
S: * ESEARCH (TAG "C01") ADDTO (0 5)
D: INBOX 1
S: * ESEARCH (TAG "C01") REMOVEFROM (0 1)
S: * 1 EXPUNGE
C: DONE
S: e OK {{.*}}
# expunges are told to a context at once, also where EXPUNGE has to wait (A.3)
C: D01 SEARCH RETURN (UPDATE) ALL
S: * ESEARCH (TAG "D01")
S: D01 OK {{.*}}
D: INBOX 2
C: f FETCH 2 UID
S: * 2 FETCH (UID 3)
S: * ESEARCH (TAG "B01") UID REMOVEFROM (0 2)
S: * ESEARCH (TAG "C01") REMOVEFROM (0 1)
S: * ESEARCH (TAG "D01") REMOVEFROM (0 1)
S: f OK {{.*}}
C: g NOOP
S: * 1 EXPUNGE
S: g OK {{.*}}
# sequence numbers are those of the command (4.3)
C: E01 SEARCH RETURN (UPDATE ALL) 1:2 UNSEEN
S: * ESEARCH (TAG "E01") ALL 1:2
S: E01 OK {{.*}}
R: INBOX 3 ST
C: h NOOP
S: * 1 FETCH (FLAGS ({{.*}}))
S: * ESEARCH (TAG "E01") REMOVEFROM (0 1)
S: h OK {{.*}}
C: i CANCELUPDATE "B01" "D01" E01
S: i OK No further updates
C: j CANCELUPDATE "B01"
S: j BAD {{.*}}
C: k CANCELUPDATE
S: k BAD {{.*}}
R: INBOX 4 F
C: l NOOP
S: * 2 FETCH (FLAGS ({{.*}}))
S: l OK {{.*}}
# FETCH items for what arrives and matches (RFC 5465 7)
C: a00 SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) FROM alice
S: * ESEARCH (TAG "a00") COUNT {{\d}}
S: a00 OK {{.*}}
C: m IDLE
S: + {{.*}}
M: INBOX - plain.eml
S: * 4 EXISTS
S: * {{\d}} RECENT
S: * 4 FETCH (UID 6 BODY[HEADER.FIELDS (SUBJECT)] {{.\d+.}}
S: {{.*}}
S: 
S: )
S: * ESEARCH (TAG "C01") ADDTO (0 4)
S: * ESEARCH (TAG "a00") ADDTO (0 4)
C: DONE
S: m OK {{.*}}
# with NOTIFY at any time; its items come in one FETCH with UPDATE's, and
# behind ESEARCH where there are none (5.2)
C: n NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))
S: n OK {{.*}}
M: INBOX - plain.eml
S: * 5 EXISTS
S: * {{\d}} RECENT
S: * 5 FETCH (UID 7 BODY[HEADER.FIELDS (SUBJECT)] {{.\d+.}}
S: {{.*}}
S: 
S:  FLAGS ({{.*}}))
S: * ESEARCH (TAG "C01") ADDTO (0 5)
S: * ESEARCH (TAG "a00") ADDTO (0 5)
C: o1 CANCELUPDATE a00
S: o1 OK {{.*}}
M: INBOX - plain.eml
S: * 6 EXISTS
S: * {{\d}} RECENT
S: * ESEARCH (TAG "C01") ADDTO (0 6)
S: * 6 FETCH (UID 8 FLAGS ({{.*}}))
R: INBOX 6 F
S: * 4 FETCH (UID 6 FLAGS ({{.*}}))
D: INBOX 8
S: * ESEARCH (TAG "C01") REMOVEFROM (0 6)
S: * 6 EXPUNGE
# leaving the mailbox ends them
C: o2 UNSELECT
S: o2 OK {{.*}}
C: o3 SELECT INBOX
X: 8
S: o3 OK {{.*}}
C: C01 SEARCH RETURN (UPDATE) ALL
S: * ESEARCH (TAG "C01")
S: C01 OK {{.*}}
C: o LOGOUT
S: * BYE {{.*}}
S: o OK {{.*}}
E:
