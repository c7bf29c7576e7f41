/*
 * Confinement by the kernel, for good: files (Landlock) and system calls
 * (seccomp).  After pf_priv_harden(), which makes it possible without root.
 *
 * A kernel that lacks one of them is no error: the uid and its permissions
 * remain.  Programs under a sanitizer are left alone, for its own sake.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include "base/error.h"

/* From now on this process opens, makes, renames and removes no file but
 * those below the directories in `readable` (NULL-terminated), which it may
 * read; and it signals no other process.  Open descriptors and sockets in the
 * file system are not concerned. */
PF_CHECKED pf_status pf_confine_files(const char *const *readable,
				      struct pf_error *err);

enum pf_confine_calls {
	/* Talks over sockets that are open, and makes Unix ones: no programs,
	 * no processes, no network of its own, nothing to debug or mount. */
	PF_CALLS_TALK,
	/* The same, and opens files for reading. */
	PF_CALLS_READ,
	/* Everything but what reaches into other processes or the kernel. */
	PF_CALLS_SERVE,
};
PF_CHECKED pf_status pf_confine_calls(enum pf_confine_calls which,
				      struct pf_error *err);

#endif
