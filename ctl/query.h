/*
 * The query language of `penfold search` (penfold.1 has the grammar), turned
 * into SEARCH keys.  Private to ctl/ and its tests.
 */
#ifndef CTL_QUERY_H
#define CTL_QUERY_H

#include "base/vec.h"
#include "imap/imap.h"

#define CTL_QUERY_DEPTH 50 /* nested parentheses */

/* One "in:NAME".  Which mailbox it is asked of decides it: see
 * ctl_query_place. */
struct ctl_query_in {
	struct pf_str name;
	struct imap_key *key;
	bool found; /* there was such a mailbox */
};

struct ctl_query {
	struct imap_key root;
	struct pf_vec(struct ctl_query_in) ins;
	size_t column; /* of what is wrong, from 1, in characters */
};

/* Keys and names live in `arena`; texts point into `text` or there.  now: what
 * "7d" and "yesterday" count from.  INVALID (query->column says where), LIMIT.
 * Release in every case. */
PF_CHECKED pf_status ctl_query_parse(struct ctl_query *query,
				     struct pf_arena *arena, struct pf_str text,
				     int64_t now, struct pf_error *err);
void ctl_query_release(struct ctl_query *query);

/* The query is about to be asked of this mailbox. */
void ctl_query_place(struct ctl_query *query, struct pf_str mailbox,
		     char separator);

#endif
