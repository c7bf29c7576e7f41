/*
 * COPY, MOVE and their UID forms (RFC 3501 6.4.7; MOVE: RFC 6851; COPYUID:
 * RFC 4315 3).
 */
#include <stdlib.h>

#include "imapd/events.h"
#include "imapd/notify.h"
#include "imapd/place.h"
#include "imapd/qresync.h"

#define COPYUID_MAX (1024 * 1024)

/* "[COPYUID validity from to] ", or nothing where nothing was copied.  The
 * sets correspond one to one, in order. */
static void write_copyuid(struct pf_buf *to, uint32_t uidvalidity,
			  const struct store_uid_pairs *pairs)
{
	struct pf_buf code = PF_BUF_INIT(COPYUID_MAX);
	struct store_uids from = {0}, into = {0};

	if (pairs->n == 0)
		return;
	for (size_t i = 0; i < pairs->n; i++) {
		pf_vec_push(&from, pairs->v[i].from);
		pf_vec_push(&into, pairs->v[i].to);
	}
	pf_buf_addf(&code, "[COPYUID %u ", uidvalidity);
	imap_set_write(&code, from.v, from.n);
	pf_buf_add_byte(&code, ' ');
	imap_set_write(&code, into.v, into.n);
	pf_buf_add_c(&code, "] ");
	if (!code.failed)
		pf_buf_add_str(to, pf_buf_str(&code));
	pf_buf_release(&code);
	pf_vec_release(&from);
	pf_vec_release(&into);
}

static void note_own(struct client *client, struct pf_str name,
		     const struct store_uid_pairs *pairs)
{
	struct store_uids uids = {0};

	for (size_t i = 0; i < pairs->n; i++)
		pf_vec_push(&uids, pairs->v[i].to);
	notify_own_messages(client, name, &uids);
	pf_vec_release(&uids);
}

static enum run answer(struct cmd *cmd, bool move, uint64_t modseq,
		       uint32_t uidvalidity,
		       const struct store_uid_pairs *pairs)
{
	struct client *client = cmd->client;

	pf_buf_clear(&cmd->reply);
	if (move) {
		/* RFC 6851 4.3: before the EXPUNGEs, so not in the tagged OK */
		if (pairs->n) {
			pf_buf_add_c(&client->out, "* OK ");
			write_copyuid(&client->out, uidvalidity, pairs);
			pf_buf_add_c(&client->out, "Moved\r\n");
		}
		return qresync_reply(cmd, modseq);
	}
	pf_buf_add_c(&cmd->reply, "OK ");
	write_copyuid(&cmd->reply, uidvalidity, pairs);
	pf_buf_addf(&cmd->reply, "%s completed", cmd->def->name);
	return RUN_DONE;
}

static enum run transfer(struct cmd *cmd, bool move)
{
	struct client *client = cmd->client;
	struct store_uid_pairs pairs = {0};
	struct store_uids uids = {0};
	struct pf_error err = {0};
	struct share_place place;
	uint32_t uidvalidity = 0;
	enum run result;

	if (!args_are(cmd->args, 2))
		return reply_bad(cmd, "%s needs messages and a mailbox",
				 cmd->def->name);
	if (!arg_messages(cmd, &cmd->args[0], &uids) ||
	    !place_arg(cmd, &cmd->args[1], &place)) {
		pf_vec_release(&uids);
		return RUN_DONE;
	}
	limit_messages(cmd, &uids);
	if (!move && cmd->lowest) { /* RFC 9738 3.1: all or nothing */
		pf_vec_release(&uids);
		return limit_refuse(cmd);
	}
	uint64_t modseq = qresync_modseq(client);
	/* RFC 4314 4: flags that the user may not set are not copied */
	struct store_copy to = {.store = place.store,
				.name = place.name,
				.move = move,
				.drop_flags = ~share_flags(place.rights),
				.drop_keywords =
				    !rights_keywords(place.rights)};
	pf_status status = store_box_copy_to(client->box, uids.v, uids.n, &to,
					     &uidvalidity, &pairs, &err);
	if (status == PF_NOTFOUND)
		result = reply_no(cmd, "[TRYCREATE] %s", err.client);
	else if (status != PF_OK)
		result = reply_error(cmd, &err);
	else
		result = answer(cmd, move, modseq, uidvalidity, &pairs);
	if (status == PF_OK)
		quota_warn(client);
	if (status == PF_OK && pairs.n &&
	    events_wanted(client, EVENT_COPY, place.store))
		for (size_t i = 0; i < pairs.n; i++)
			events_add(cmd, EVENT_COPY, place.name,
				   store_box_name(client->box), pairs.v[i].to,
				   PF_STR(""));
	if (status == PF_OK && pairs.n) {
		place_index_hint(client, place.store, place.name);
		note_own(client, place.full, &pairs);
	}
	pf_vec_release(&uids);
	pf_vec_release(&pairs);
	return result;
}

enum run run_copy(struct cmd *cmd)
{
	return transfer(cmd, false);
}

enum run run_move(struct cmd *cmd)
{
	return transfer(cmd, true);
}
