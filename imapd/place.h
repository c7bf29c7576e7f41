/*
 * Places: the one way from a mailbox name that a client sent to a store, a
 * name in it and what the user may do there (share/share.h), and the table
 * of the rights that commands need (rights.c).
 */
#ifndef IMAPD_PLACE_H
#define IMAPD_PLACE_H

#include "imapd/client.h"
#include "share/share.h"

/* rights.c: what a command needs (RFC 4314 4) ... */
struct command_rights {
	const char *name;
	unsigned selected; /* in the selected mailbox */
	unsigned named;	   /* in the mailbox it names */
};
const struct command_rights *command_rights(const struct command *def);

/* The mailbox argument, if the user has the rights there that the command
 * needs; or the answer was given.  Who may not look up a mailbox hears what
 * he would hear if it did not exist. */
bool place_arg(struct cmd *cmd, const struct imap_arg *arg,
	       struct share_place *place);
/* The same in two steps, for other rights; `name` is the client's. */
bool place_find(struct cmd *cmd, struct pf_str name, struct share_place *place);
bool place_allowed(struct cmd *cmd, const struct share_place *place,
		   unsigned rights);
/* May the user make this mailbox?  Or the answer was given. */
bool place_may_create(struct cmd *cmd, const struct share_place *place);
/* For untagged answers about several mailboxes (LIST ... STATUS): NOTFOUND
 * where the user does not have the rights. */
PF_CHECKED pf_status place_quietly(struct client *client, struct pf_str name,
				   unsigned rights, struct share_place *place,
				   struct pf_error *err);

/* The user has just opened client->box: what may he do there? */
PF_CHECKED pf_status place_entered(struct client *client, struct pf_error *err);
/* Looks whether his rights in the selected mailbox were changed, and tells
 * him.  False: he may not even read it any more, and BYE was said. */
bool place_still(struct client *client);
/* Has he this right in the selected mailbox? */
static inline bool place_has(const struct client *client, unsigned rights)
{
	return (client->rights & rights) == rights;
}
/* Keywords are flags like \\Flagged. */
static inline bool rights_keywords(unsigned rights)
{
	return rights & STORE_WRITE;
}

/* "* MYRIGHTS name rights" (cmd_acl.c) */
void write_myrights(struct cmd *cmd, struct pf_str name, unsigned rights);

/* Tells penfold-indexd, whoever's mailbox it is. */
void place_index_hint(struct client *client, struct store *store,
		      struct pf_str name);

#endif
