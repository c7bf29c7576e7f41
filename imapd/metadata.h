/* Metadata (RFC 5464) for other commands, and who is told of changes. */
#ifndef IMAPD_METADATA_H
#define IMAPD_METADATA_H

#include "imapd/client.h"

/* "/shared/comment" or a list of such names. */
struct metadata_entries {
	struct pf_str *v; /* as the client spelt them */
	size_t n;
};
/* Or BAD was replied. */
bool metadata_entries_parse(struct cmd *cmd, const struct imap_arg *arg,
			    struct metadata_entries *entries);
/* "* METADATA name (entry value ...)", with NIL for what is not there. */
PF_CHECKED pf_status metadata_write(struct cmd *cmd, struct pf_str name,
				    const struct metadata_entries *entries,
				    struct pf_error *err);

/* In the user's queue: entries of a mailbox (empty: the server) were set by
 * `by`.  Whoever wants to hear of it, hears of it from here. */
void metadata_changed(struct client *by, struct pf_str mailbox,
		      const struct store_metadata *changes, size_t count);
/* What others changed since the last time (after ENABLE METADATA). */
void metadata_tell(struct client *client);
/* From now on. */
void metadata_enable(struct client *client, bool mailboxes);
void metadata_news_release(struct user *user);

#endif
