/*
 * STORE and UID STORE (RFC 3501 6.4.6; UNCHANGEDSINCE: RFC 7162 3.1.3).
 *
 * All messages change in one durable step; the answers are written from the
 * result, as many as fit at a time.
 */
#include <stdlib.h>

#include "imapd/events.h"
#include "imapd/place.h"

struct store_cmd {
	struct imap_store what;
	struct store_uids uids;
	struct store_uids modified; /* refused by UNCHANGEDSINCE */
	struct store_uids behind;   /* changed by others, and not told yet */
	size_t at;
	bool gone;
};

static void release(struct cmd *cmd)
{
	struct store_cmd *s = cmd->state;

	pf_vec_release(&s->uids);
	pf_vec_release(&s->modified);
	pf_vec_release(&s->behind);
}

/* Flag names -> bits and keyword numbers; new keywords are made unless the
 * flags are taken away. */
static bool read_flags(struct cmd *cmd, const struct imap_store *what,
		       struct store_flag_change *change)
{
	struct pf_error err = {0};

	for (size_t i = 0; i < what->flag_count; i++) {
		struct pf_str name = what->flags[i];
		uint32_t bit = flag_bit(name);
		unsigned number;

		change->flags |= bit;
		if (bit)
			continue;
		/* after its name was looked at, as for everybody */
		if (!rights_keywords(cmd->client->rights) &&
		    !pf_str_starts(name, PF_STR("\\")))
			continue;
		if (pf_str_starts(name, PF_STR("\\"))) {
			reply_bad(cmd, "There is no such system flag");
			return false;
		}
		pf_status status = store_box_keyword_number(
		    cmd->client->box, name, what->mode >= 0, &number, &err);
		if (status == PF_NOTFOUND && what->mode < 0)
			continue;
		if (status != PF_OK) {
			reply_error(cmd, &err);
			return false;
		}
		change->keywords |= UINT64_C(1) << number;
	}
	return true;
}

/* RFC 4314 4: of several flags those are changed that the user may change;
 * without any it is NO. */
static bool apply_rights(struct cmd *cmd, struct store_flag_change *change)
{
	const struct store_cmd *s = cmd->state;
	unsigned rights = cmd->client->rights;
	uint32_t may = share_flags(rights);
	bool keywords = false;

	for (size_t i = 0; i < s->what.flag_count; i++)
		keywords |= flag_bit(s->what.flags[i]) == 0;
	change->flags &= may;
	change->keep_flags = ~may;
	change->keep_keywords = !rights_keywords(rights);
	bool some = change->mode == STORE_FLAGS_SET
			? may != 0
			: s->what.flag_count == 0 || change->flags ||
			      (keywords && rights_keywords(rights));
	if (!some)
		reply_no(cmd, "[NOPERM] You have not the right to do that");
	return some;
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct store_cmd *s = PF_ARENA_NEW(&cmd->arena, struct store_cmd);
	struct store_flag_change change = {.unchanged_since = UINT64_MAX,
					   .view = client->view,
					   .behind = &s->behind};
	struct pf_error err = {0};

	cmd->state = s;
	cmd->release = release;
	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "STORE needs messages and flags");
	if (imap_store_parse(&cmd->args[1], &cmd->arena, &s->what, &err) !=
	    PF_OK)
		return reply_syntax(cmd, &err);
	if (!arg_messages(cmd, &cmd->args[0], &s->uids))
		return RUN_DONE;
	limit_messages(cmd, &s->uids);
	/* before any keyword is made: a full mailbox of keywords is NO */
	if (!read_flags(cmd, &s->what, &change))
		return RUN_DONE;
	change.mode = s->what.mode == 0	 ? STORE_FLAGS_SET
		      : s->what.mode > 0 ? STORE_FLAGS_ADD
					 : STORE_FLAGS_REMOVE;
	if (!apply_rights(cmd, &change))
		return RUN_DONE;
	if (s->what.unchanged_since_given) {
		change.unchanged_since = s->what.unchanged_since;
		client_condstore(client);
	}
	struct event_flags before;
	enum run reply = RUN_MORE;

	events_before(cmd, &s->uids, &before);
	if (s->uids.n > 0 &&
	    store_box_change_flags(client->box, s->uids.v, s->uids.n, &change,
				   &s->modified, &err) != PF_OK)
		reply = reply_error(cmd, &err);
	events_after(cmd, &s->uids, &before);
	return reply;
}

static bool has_uid(const struct store_uids *uids, uint32_t uid)
{
	size_t low = 0, high = uids->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (uids->v[mid] < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < uids->n && uids->v[low] == uid;
}

/* The answer to one message.  A .SILENT store still shows the new MODSEQ to
 * those who keep track of it (RFC 7162 3.1.3), and flags that the client
 * cannot guess because another session had a hand in them (RFC 3501 6.4.6). */
static void answer(struct cmd *cmd, struct store_cmd *s, uint32_t uid)
{
	struct client *client = cmd->client;

	const struct store_msg *msg = store_box_find(client->box, uid);

	if (!msg) {
		s->gone = true;
		return;
	}
	tell_keywords(client, msg); /* also after .SILENT */
	if (has_uid(&s->modified, uid))
		return;
	bool flags = !s->what.silent || has_uid(&s->behind, uid);
	if (flags || client->condstore)
		write_fetch_flags(cmd, uid, flags, client->condstore);
	store_view_told(client->view, &uid, 1);
}

static enum run finish(struct cmd *cmd, struct store_cmd *s)
{
	struct client *client = cmd->client;

	if (s->modified.n == 0 && s->gone)
		return reply_ok(cmd, "[EXPUNGEISSUED] Some messages were "
				     "expunged meanwhile");
	if (s->modified.n == 0)
		return reply_completed(cmd);
	/* RFC 7162 3.1.3: by number or by UID, as the command was */
	if (!cmd->uid)
		for (size_t i = 0; i < s->modified.n; i++)
			s->modified.v[i] =
			    store_view_seq(client->view, s->modified.v[i]);
	pf_buf_clear(&cmd->reply);
	pf_buf_add_c(&cmd->reply, "OK [MODIFIED ");
	imap_set_write(&cmd->reply, s->modified.v, s->modified.n);
	pf_buf_add_c(&cmd->reply, "] Conditional STORE failed for some");
	return RUN_DONE;
}

enum run run_store(struct cmd *cmd)
{
	if (!cmd->state) {
		enum run result = begin(cmd);
		if (result != RUN_MORE)
			return result;
	}
	struct store_cmd *s = cmd->state;
	for (; s->at < s->uids.n; s->at++) {
		if (client_full(cmd->client))
			return RUN_OUTPUT;
		answer(cmd, s, s->uids.v[s->at]);
	}
	return finish(cmd, s);
}
