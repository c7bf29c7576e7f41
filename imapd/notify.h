/*
 * notify: what a session asked for with NOTIFY (RFC 5465), and what it was
 * told of mailboxes that are not selected.
 */
#ifndef IMAPD_NOTIFY_H
#define IMAPD_NOTIFY_H

#include "imapd/client.h"

struct notify;

/* Events that can be had; the others are BADEVENT. */
#define NOTIFY_EVENTS                                                          \
	(IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE | IMAP_EVENT_FLAGS |              \
	 IMAP_EVENT_NAME | IMAP_EVENT_SUBSCRIPTION | IMAP_EVENT_METADATA |     \
	 IMAP_EVENT_SERVER_METADATA)

/* NOTIFY SET and NONE take effect.  LIMIT: too much is to be watched. */
PF_CHECKED pf_status notify_new(struct client *client,
				const struct imap_arg *args,
				struct notify **notify, struct pf_error *err);
void notify_free(struct notify **notify);
unsigned notify_events(const struct notify *notify);
/* How the mailboxes stand now: as STATUS lines if that was asked for.
 * OUTPUT, MORE, DONE. */
enum run notify_begin(struct cmd *cmd);

/* ---- the selected mailbox ---- */

/* Is this event told?  Without NOTIFY every one is. */
bool notify_tells(const struct client *client, enum imap_event event);
/* Expunges wait for a command that may tell them. */
bool notify_delays(const struct client *client);
/* What is told of new messages; NULL: nothing. */
const struct imap_fetch *notify_fetch(const struct client *client);

/* ---- other mailboxes ---- */

/* Tells what happened since; OUTPUT, MORE, DONE. */
enum run notify_tell(struct cmd *cmd);
/* Was this event asked for?  An empty name is the server. */
bool notify_wants(const struct client *client, struct pf_str mailbox,
		  enum imap_event event);

/* ---- what this session did itself is not told to it ---- */

void notify_own_messages(struct client *client, struct pf_str mailbox,
			 const struct store_uids *uids);
/* Made, removed, renamed or subscribed; also what is below it. */
void notify_own_name(struct client *client, struct pf_str name);
/* New messages of the selected mailbox that it put there; they are known. */
bool notify_is_own(const struct client *client, uint32_t uid);
void notify_own_told(struct client *client);

#endif
