/* found: a Maildir of symbolic links to what was found (private to ctl/). */
#ifndef CTL_FOUND_H
#define CTL_FOUND_H

#include "base/error.h"
#include "base/str.h"

struct ctl_found;

/* Begins one beside `path`.  EXISTS: what is there is not ours to replace. */
PF_CHECKED pf_status ctl_found_new(const char *path, struct ctl_found **found,
				   struct pf_error *err);
/* A link to the message file `path`. */
PF_CHECKED pf_status ctl_found_add(struct ctl_found *found, struct pf_str path,
				   struct pf_error *err);
/* Puts it in its place, in one step. */
PF_CHECKED pf_status ctl_found_show(struct ctl_found *found,
				    struct pf_error *err);
/* Removes what was not shown, or was replaced. */
void ctl_found_free(struct ctl_found **found);

#endif
