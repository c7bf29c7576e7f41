/*
 * A weak hash is replaced at the next login: that is when the password is at
 * hand.  Who may not write the user file leaves it as it is (and says so once).
 */
#ifndef AUTH_UPGRADE_H
#define AUTH_UPGRADE_H

#include "auth/mech.h"

struct net_loop;

struct auth_upgrade {
	struct net_loop *loop;
	const struct pf_conf *conf;
	bool running; /* one at a time: each replaces the whole file */
	bool refused; /* the file cannot be written, as was logged */
};

/* x: an exchange whose password was right.  Does nothing when what is stored
 * is good enough; else a job writes a new line. */
void auth_upgrade_offer(struct auth_upgrade *u, const struct auth_exchange *x);

#endif
