#ifndef IMAPD_PROGRESS_H
#define IMAPD_PROGRESS_H

#include "imap/imap.h"

struct progress {
	int64_t when; /* told last, or begun; monotonic ms */
	bool told;    /* `when` is set */
};

/* Is it time to tell?  Never at the first call, which begins. */
bool progress_due(struct progress *p, int64_t now);
/* "* OK [INPROGRESS ("tag" done goal)] ..."; goal 0: not known */
void progress_write(struct pf_buf *to, struct pf_str tag, uint64_t done,
		    uint64_t goal);

#endif
