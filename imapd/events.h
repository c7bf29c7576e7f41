/*
 * Events: what commands did to messages, for the scripts that want to know
 * (imapsieve, RFC 6785).  Commands note them; when the answer has gone out,
 * a job of its own runs the scripts.
 */
#ifndef IMAPD_EVENTS_H
#define IMAPD_EVENTS_H

#include "imapd/client.h"

enum event_cause {
	EVENT_APPEND,
	EVENT_COPY, /* and MOVE */
	EVENT_FLAG,
	EVENT_CAUSES
};

/* May any script want to know of such an event in this store? */
bool events_wanted(const struct client *client, enum event_cause cause,
		   const struct store *store);
/* Notes one.  `from`: the mailbox it came from; `changed`: flags; or empty. */
void events_add(struct cmd *cmd, enum event_cause cause, struct pf_str mailbox,
		struct pf_str from, uint32_t uid, struct pf_str changed);
/* The same of all that STORE or FETCH changed: remembers how messages are, and
 * later notes those that are different. */
struct event_flags {
	uint32_t *flags;
	uint64_t *keywords;
};
void events_before(struct cmd *cmd, const struct store_uids *uids,
		   struct event_flags *before);
void events_after(struct cmd *cmd, const struct store_uids *uids,
		  struct event_flags *before);

/* On the loop's thread: the command is done. */
void events_start(struct cmd *cmd);
void events_free(struct cmd *cmd);

#endif
