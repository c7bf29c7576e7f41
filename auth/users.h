/* The grammar that users.c reads and users_edit.c writes. */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include "auth/auth.h"

/* Extra fields of ours: SCRAM keys beside a password of another scheme.  A
 * Dovecot that reads the file hands them to nobody but the user's own
 * process (userdb_).  Value: tag "," iterations,salt,stored,server. */
#define AUTH_FIELD_SCRAM_SHA1	"userdb_penfold_scram1"
#define AUTH_FIELD_SCRAM_SHA256 "userdb_penfold_scram256"

#define AUTH_USERS_MAX (64u << 20) /* bytes of a user file */
#define AUTH_LINE_MAX  8192

/* "2fd4e1c6": says which password field SCRAM keys belong to, so that keys of
 * an older password die when somebody edits only the password. */
#define AUTH_TAG_LEN 8
void auth_password_tag(struct pf_str field, char tag[AUTH_TAG_LEN + 1]);

/* A name that can stand in the file, in a protocol line and in a path. */
bool auth_name_valid(struct pf_str name);

/* "192.0.2.0/24", "2001:db8::/32", or one address. */
bool auth_net_parse(struct pf_str word, struct auth_net *net);

/* A list of them, parted by commas, at least one; and is `ip` in it?  (In an
 * empty one everybody is.) */
bool auth_nets_parse(struct pf_str list, struct auth_net **nets, size_t *n);
bool auth_nets_hold(const struct auth_net *nets, size_t n, struct pf_str ip);

/* The value of a device's extra field. */
bool auth_device_parse(struct pf_str value, struct auth_device *device);
void auth_device_release(struct auth_device *device);
bool auth_device_name_valid(struct pf_str name);

/* Is it among the configuration's domains? */
bool auth_domain_is_ours(const struct pf_conf *conf, struct pf_str domain);

/* Is this address ("192.0.2.1", "2001:db8::1") in one of the user's
 * allow_nets?  True when he has none. */
bool auth_user_allows(const struct auth_user *user, struct pf_str ip);

#endif
