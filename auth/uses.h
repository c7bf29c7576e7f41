/*
 * When each device password was last used: state_dir/devices/USER:DEVICE, one
 * line "TIME service ip".  Written by authd, shown by `penfold device`; losing
 * it loses nothing else.
 */
#ifndef AUTH_USES_H
#define AUTH_USES_H

#include "auth/auth.h"
#include "auth/ttl.h"

struct auth_uses {
	const struct pf_conf *conf;
	struct auth_ttl lately; /* what was written a moment ago */
};

/* Makes the directory, for auth_user; so call it before becoming him. */
void auth_uses_init(struct auth_uses *uses, const struct pf_conf *conf);
void auth_uses_release(struct auth_uses *uses);
/* At most once a minute for the same service and address. */
void auth_uses_note(struct auth_uses *uses, const char *user,
		    const char *device, const char *service, const char *ip);

#endif
