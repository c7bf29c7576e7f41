/*
 * The user file as authd sees it over time: the newest snapshot that can be
 * trusted, and the rule that "no such user" is only said when it is sure.
 *
 * A file that was replaced by rename is complete.  A file that is written in
 * place may be half of itself: until it has rested for a second, names that
 * only the previous snapshot knows are still served from there, and a name
 * that neither knows is UNAVAILABLE.  The same while the file is missing or
 * unreadable.
 */
#ifndef AUTH_SOURCE_H
#define AUTH_SOURCE_H

#include <sys/stat.h>

#include "auth/auth.h"

struct auth_source {
	const struct pf_conf *conf;
	struct auth_users *users; /* NULL: never read */
	struct auth_users *older; /* before an unfinished change, or NULL */
	struct stat stamp;	  /* of what `users` was read from */
	bool settled;		  /* what is not in `users` does not exist */
	int64_t again_ms;	  /* read once more then; 0: no need */
	uint32_t generation;	  /* counts changes of `users` */
	struct pf_conf_problems problems; /* of the newest snapshot */
	struct pf_error fault;		  /* why the file could not be read */
};

void auth_source_init(struct auth_source *source, const struct pf_conf *conf);
void auth_source_release(struct auth_source *source);

/* Looks at the file, and reads it if it changed. */
void auth_source_refresh(struct auth_source *source);

/* Results live until the next refresh.  OK, NOTFOUND, UNAVAILABLE. */
PF_CHECKED pf_status auth_source_address(struct auth_source *source,
					 struct pf_str address,
					 struct auth_recipient *recipient,
					 struct pf_error *err);
/* For a login: the name itself, or its local part if the domain is ours. */
PF_CHECKED pf_status auth_source_login(struct auth_source *source,
				       struct pf_str name,
				       const struct auth_user **user,
				       struct pf_error *err);

#endif
