/* mailboxes: which ones NOTIFY and ESEARCH mean (RFC 5465 6, RFC 7377 2.2). */
#ifndef IMAPD_MAILBOXES_H
#define IMAPD_MAILBOXES_H

#include "imapd/client.h"

struct mailbox {
	struct pf_str name, special_use;
	unsigned flags; /* enum store_name_flags */
	bool own;	/* not somebody else's */
};
struct mailboxes pf_vec(struct mailbox);

/* All names that the user may look up; those of others only if `shared`.
 * Memory: arena; list->v is the caller's. */
PF_CHECKED pf_status mailboxes_read(struct client *client, bool shared,
				    struct pf_arena *arena,
				    struct mailboxes *list,
				    struct pf_error *err);
/* Is it meant?  (SELECTED means none.) */
bool mailboxes_match(const struct client *client,
		     const struct imap_filter *filter, struct pf_str name,
		     bool own, bool subscribed);
/* Can it mean somebody else's? */
bool mailboxes_shared(const struct imap_filter *filter);
/* Is this the selected mailbox? */
bool mailboxes_selected(const struct client *client, struct pf_str name);

#endif
