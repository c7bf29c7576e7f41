/* Giving up rights. */
#ifndef BASE_PRIV_H
#define BASE_PRIV_H

#include <sys/types.h>

#include "base/error.h"

/* Becomes the system user `name` for good (groups, gid, uid; then checks that
 * there is no way back).  An empty name, or not being root: nothing happens.
 * NOTFOUND when there is no such user. */
PF_CHECKED pf_status pf_priv_become(const char *name, struct pf_error *err);

/* uid and gid of a system user; NOTFOUND.  An empty name: our own. */
PF_CHECKED pf_status pf_priv_lookup(const char *name, uid_t *uid, gid_t *gid,
				    struct pf_error *err);

/* As many descriptors as we may have; how many that is. */
size_t pf_priv_all_files(void);

/* No core dumps, no ptrace by others, no new privileges. */
void pf_priv_harden(void);

/* Of root's rights keeps one: to read every file (and its own as owner). */
void pf_priv_only_read(void);

#endif
