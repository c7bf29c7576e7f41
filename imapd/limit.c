/*
 * MESSAGELIMIT (RFC 9738): a site may say how many messages one command works
 * on.  What is beyond is left undone, from the oldest on, and the answer says
 * where to go on: [MESSAGELIMIT 1000 23221].  EXPUNGE, CLOSE and STATUS have no
 * limit (3.1).
 *
 * cmd->lowest is the lowest UID that was worked on, 0 where nothing was left
 * out; who sets it need not care about the answer.
 */
#include "imapd/client.h"

static size_t limit_of(const struct cmd *cmd)
{
	int64_t max = cmd->client->user->server->conf->message_limit;

	return max > 0 ? (size_t)max : 0;
}

bool limit_reached(const struct cmd *cmd, size_t count)
{
	return limit_of(cmd) > 0 && count > limit_of(cmd);
}

void limit_messages(struct cmd *cmd, struct store_uids *uids)
{
	size_t max = limit_of(cmd);

	if (!limit_reached(cmd, uids->n))
		return;
	memmove(uids->v, uids->v + uids->n - max, max * sizeof *uids->v);
	uids->n = max;
	cmd->lowest = uids->v[0];
}

enum run limit_refuse(struct cmd *cmd)
{
	uint32_t lowest = cmd->lowest;

	cmd->lowest = 0;
	if (lowest)
		return reply_no(cmd, "[MESSAGELIMIT %zu %u] Too many messages",
				limit_of(cmd), lowest);
	return reply_no(cmd, "[MESSAGELIMIT %zu] Too many messages",
			limit_of(cmd));
}

/* May the message match, as far as sets say it? */
static bool in_sets(const struct imap_key *key, uint32_t seq, uint32_t uid)
{
	const struct imap_key *child =
	    key->kind == IMAP_KEY_AND ? key->child : key;

	for (; child; child = child->next)
		if ((child->kind == IMAP_KEY_SEQ &&
		     !imap_set_has(&child->set, seq)) ||
		    (child->kind == IMAP_KEY_UID &&
		     !imap_set_has(&child->set, uid)))
			return false;
	return true;
}

/* Only messages from `lowest` on. */
static struct imap_key *from_uid(struct cmd *cmd, struct imap_key *root,
				 uint32_t lowest)
{
	struct imap_key *and = PF_ARENA_NEW(&cmd->arena, struct imap_key);
	struct imap_key *uids = PF_ARENA_NEW(&cmd->arena, struct imap_key);
	struct imap_range *range = PF_ARENA_NEW(&cmd->arena, struct imap_range);

	*range = (struct imap_range){.from = lowest, .to = UINT32_MAX};
	uids->kind = IMAP_KEY_UID;
	uids->set = (struct imap_set){.v = range, .n = 1};
	uids->next = root;
	and->kind = IMAP_KEY_AND;
	and->child = uids;
	return and;
}

void limit_search(struct cmd *cmd, struct imap_key **root)
{
	const struct store_view *view = cmd->client->view;
	uint32_t seq = store_view_count(view), lowest = 0;

	if (!limit_reached(cmd, seq))
		return;
	for (size_t n = 0; seq > 0; seq--) {
		uint32_t uid = store_view_uid(view, seq);

		if (!in_sets(*root, seq, uid))
			continue;
		if (n++ == limit_of(cmd))
			break;
		lowest = uid;
	}
	if (seq == 0)
		return;
	cmd->lowest = lowest;
	*root = from_uid(cmd, *root, lowest);
}

void limit_tell(struct cmd *cmd)
{
	struct pf_str reply = pf_buf_str(&cmd->reply);
	struct pf_buf told = PF_BUF_INIT(reply.n + 200);

	if (!cmd->lowest || !pf_str_starts(reply, PF_STR("OK ")))
		return;
	/* one response code is enough for a line (RFC 9738 3.1) */
	if (pf_str_starts(reply, PF_STR("OK ["))) {
		pf_buf_addf(&cmd->client->out,
			    "* NO [MESSAGELIMIT %zu %u] The rest was left "
			    "out\r\n",
			    limit_of(cmd), cmd->lowest);
		return;
	}
	pf_buf_addf(&told, "OK [MESSAGELIMIT %zu %u] ", limit_of(cmd),
		    cmd->lowest);
	pf_buf_add_str(&told, pf_str_from(reply, 3));
	pf_buf_clear(&cmd->reply);
	pf_buf_add_str(&cmd->reply, pf_buf_str(&told));
	pf_buf_release(&told);
}
