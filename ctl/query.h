/*
 * The query language of `penfold search`, turned into IMAP SEARCH keys.
 * Private to ctl/ and its tests.
 */
#ifndef CTL_QUERY_H
#define CTL_QUERY_H

#include "imap/imap.h"

/* One condition ("from:ann", "-is:seen", "two words") -> a key in `arena`.
 * INVALID with a text that says what is wrong. */
PF_CHECKED pf_status ctl_query_key(struct pf_arena *arena,
				   struct pf_str condition,
				   struct imap_key **key, struct pf_error *err);

#endif
