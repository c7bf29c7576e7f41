/*
 * SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 6.3.1, 6.3.2, 6.4.2; RFC 3691;
 * CONDSTORE and QRESYNC: RFC 7162 3.1.8, 3.2.5).
 */
#include "imapd/place.h"
#include "imapd/qresync.h"

struct select {
	bool condstore, qresync;
	struct qresync_param param;
	struct qresync news;
	bool open;    /* described, now the news */
	uint32_t seq; /* of the last message that was looked at for them */
};

static void release(struct cmd *cmd)
{
	struct select *s = cmd->state;

	qresync_release(&s->news);
}

/* SELECT's parameters (RFC 4466 2.1): CONDSTORE, QRESYNC (...) */
static bool read_params(struct cmd *cmd, const struct imap_arg *arg,
			struct select *s)
{
	const struct imap_arg *list, *values;

	if (arg->kind == IMAP_END)
		return true;
	if (!imap_arg_list(arg, &list) || arg[1].kind != IMAP_END) {
		reply_bad(cmd, "Unknown parameter of %s", cmd->def->name);
		return false;
	}
	for (; list->kind != IMAP_END; list++) {
		if (imap_arg_is_atom(list, "CONDSTORE")) {
			s->condstore = true;
		} else if (imap_arg_is_atom(list, "QRESYNC") &&
			   imap_arg_list(&list[1], &values)) {
			if (!qresync_param_read(cmd, values, &s->param))
				return false;
			s->qresync = true;
			list++;
		} else {
			reply_bad(cmd, "Unknown parameter of %s",
				  cmd->def->name);
			return false;
		}
	}
	return true;
}

static uint32_t first_unseen(const struct client *client)
{
	uint32_t uid = store_box_first_unseen(client->box);

	return uid ? store_view_seq(client->view, uid) : 0;
}

static void describe(struct cmd *cmd, struct pf_str name)
{
	struct client *client = cmd->client;
	struct store_box_info info;
	struct pf_buf *out = &client->out;

	store_box_info(client->box, &info);
	client->uidvalidity = info.uidvalidity;
	write_flag_lists(client);
	write_exists(client, store_view_count(client->view));
	/* a message number (RFC 9586 3); RFC 9051 has it no more */
	bool numbers = !client->uidonly && !client->rev2;
	uint32_t unseen = numbers && info.unseen ? first_unseen(client) : 0;
	if (unseen)
		pf_buf_addf(out, "* OK [UNSEEN %u] First unseen\r\n", unseen);
	pf_buf_addf(out, "* OK [UIDVALIDITY %u] UIDs valid\r\n",
		    info.uidvalidity);
	pf_buf_addf(out, "* OK [UIDNEXT %u] Predicted next UID\r\n",
		    info.uidnext);
	pf_buf_addf(out, "* OK [MAILBOXID (F%s)] Mailbox\r\n", info.guid);
	pf_buf_addf(out, "* OK [HIGHESTMODSEQ %llu] Highest\r\n",
		    (unsigned long long)info.highest_modseq);
	if (client->rev2) /* RFC 9051 6.3.2 */
		list_one(cmd, &cmd->args[0], name);
}

static pf_status open_box(struct client *client,
			  const struct share_place *place, struct pf_error *err)
{
	pf_status status =
	    store_box_open(place->store, place->name, &client->box, err);

	if (status == PF_OK)
		status = place_entered(client, err);
	if (status == PF_OK && !client->read_only)
		status = store_box_sync(client->box, true, err);
	if (status == PF_OK)
		status = store_view_new(client->box, !client->read_only,
					&client->view, err);
	if (status != PF_OK)
		store_box_close(&client->box);
	return status;
}

/* RFC 7162 3.2.5: what happened while the client was away */
static pf_status begin_news(struct client *client, struct select *s,
			    struct pf_error *err)
{
	s->qresync = s->param.uidvalidity == client->uidvalidity;
	if (!s->qresync)
		return PF_OK;
	return qresync_vanished(&s->news, client, &s->param.known,
				s->param.modseq,
				qresync_agreed(client, &s->param), err);
}

static enum run tell_news(struct cmd *cmd, struct select *s)
{
	struct client *client = cmd->client;
	uint32_t count = store_view_count(client->view);
	enum run result = qresync_tell(&s->news, client);

	while (result == RUN_DONE && s->seq < count) {
		if (client_full(client))
			return RUN_OUTPUT;
		uint32_t uid = store_view_uid(client->view, ++s->seq);
		const struct store_msg *msg = store_box_find(client->box, uid);

		if (msg && msg->modseq > s->param.modseq &&
		    imap_set_has(&s->param.known, uid))
			write_fetch_flags(cmd, uid, true, true);
	}
	return result;
}

static enum run begin_select(struct cmd *cmd, struct select *s)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};
	struct share_place place;

	if (cmd->args[0].kind == IMAP_END)
		return reply_bad(cmd, "%s needs a mailbox name",
				 cmd->def->name);
	if (!read_params(cmd, &cmd->args[1], s))
		return RUN_DONE;
	/* RFC 3501 6.3.1: the old mailbox is left, also when this fails */
	if (client->view) {
		client_unselect(client);
		pf_buf_add_c(&client->out,
			     "* OK [CLOSED] Previous mailbox closed\r\n");
	}
	if (!place_arg(cmd, &cmd->args[0], &place))
		return RUN_DONE;
	client->read_only = cmd->def->name[0] == 'E';
	if (s->condstore)
		client->condstore = true;
	if (open_box(client, &place, &err) != PF_OK) {
		client->read_only = false;
		return reply_error(cmd, &err);
	}
	describe(cmd, place.full);
	if (store_view_recent_count(client->view) > 0)
		place_index_hint(client, place.store, place.name);
	if (s->qresync && begin_news(client, s, &err) != PF_OK) {
		client_unselect(client);
		return reply_error(cmd, &err);
	}
	s->open = true;
	return RUN_MORE;
}

enum run run_select(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct select *s = cmd->state;
	enum run result;

	if (!s) {
		cmd->state = s = PF_ARENA_NEW(&cmd->arena, struct select);
		cmd->release = release;
		result = begin_select(cmd, s);
		if (!s->open)
			return result;
	}
	if (s->qresync) {
		result = tell_news(cmd, s);
		if (result != RUN_DONE)
			return result;
	}
	return reply_ok(cmd, "[%s] %s completed",
			client->read_only ? "READ-ONLY" : "READ-WRITE",
			cmd->def->name);
}

enum run run_close(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};

	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "CLOSE takes no arguments");
	uint64_t before = qresync_modseq(client);
	pf_status status =
	    client->read_only || !place_has(client, STORE_EXPUNGE)
		? PF_OK
		: store_box_expunge(client->box, NULL, 0, false, &err);
	if (status == PF_OK)
		qresync_reply(cmd, before);
	else
		reply_error(cmd, &err);
	client_unselect(client);
	return RUN_DONE;
}

enum run run_unselect(struct cmd *cmd)
{
	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "UNSELECT takes no arguments");
	client_unselect(cmd->client);
	return reply_completed(cmd);
}
