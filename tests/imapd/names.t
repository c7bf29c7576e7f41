# Folders of every user, made at the first login
F: penfold.conf create_folders = Sent Drafts
O: -c %(dir)s/penfold.conf
S: * PREAUTH {{.*}}
C: a1 LIST (SUBSCRIBED) "" *
S: * LIST (\Subscribed{{.*}}) "." Drafts
S: * LIST (\Subscribed{{.*}}) "." Sent
S: a1 OK {{.*}}
C: a2 LOGOUT
S: * BYE {{.*}}
S: a2 OK {{.*}}
E:
