/* work: one user's mail into one user's index (private to indexd/). */
#ifndef INDEXD_WORK_H
#define INDEXD_WORK_H

#include <signal.h>

#include "indexd/queue.h"
#include "store/store.h"

struct indexd_work {
	const struct store_conf *store;
	const struct indexd_order *order;
	bool attachments; /* the text of these, into their own index */
	int slice_ms;	  /* work no longer than about this */
	volatile sig_atomic_t *stop; /* commit and return when it is set */
	/* results */
	uint32_t indexed, removed, skipped;
	size_t tidied; /* expunged messages that were kept long enough */
	bool rebuilt;
};

/* PF_OK: all of the order is done; PF_MORE: call again later; BUSY: another
 * writer has the index.  What was indexed is committed in every case. */
PF_CHECKED pf_status indexd_work_run(struct indexd_work *work,
				     struct pf_error *err);

#endif
