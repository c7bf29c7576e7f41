/*
 * contexts: searches of the selected mailbox whose results are kept up to date
 * (RFC 5267 4.3).
 */
#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H

#include "imapd/find.h"

/* Is there a context of that name? */
bool context_exists(const struct client *client, struct pf_str tag);
/* The search that was just answered is kept up to date from now on, or
 * NOUPDATE is said.  `uids` in the order of the answer; `by` NULL: SEARCH. */
void context_add(struct cmd *cmd, const struct find *f,
		 const struct imap_sort *by, const struct store_uids *uids);
/* NOUPDATE: it is not. */
void context_refuse(struct cmd *cmd);
/* All of them. */
void context_clear(struct client *client);

/* ---- sync.c ---- */

struct context_update;

/* Before the view moves: REMOVEFROM for what is expunged, and a note of what
 * is new or has changed (NULL: nothing that concerns a context). */
struct context_update *context_update_new(struct client *client);
/* Afterwards, behind EXISTS and FETCH: ADDTO and REMOVEFROM.  OUTPUT, MORE,
 * DONE, FAIL. */
enum run context_update_tell(struct cmd *cmd, struct context_update *update);
/* Was this new message told with FETCH items already (RFC 5465 7)? */
bool context_update_told(const struct context_update *update, uint32_t uid);
void context_update_free(struct context_update **update);

#endif
