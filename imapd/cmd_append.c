/*
 * APPEND (RFC 3501 6.3.11; several messages: RFC 3502; APPENDUID: RFC 4315 3;
 * UTF8: RFC 6855 4; CATENATE: RFC 4469)
 * and REPLACE (RFC 8508), which is APPEND with a message to expunge behind it.
 *
 * The literal is not part of the command line: the command runs when the
 * arguments in front of it are known, says "+" or refuses before a byte is
 * sent, and then gets the bytes in pieces, straight into a file in tmp/.  What
 * was refused but comes anyway (LITERAL+) is dropped on the floor.  All
 * messages of one command go in together, or none.
 *
 * The arguments are walked from front to back (advance), as far as they are
 * known: up to a literal whose bytes come next, or to the end.  On the way
 * the URLs of CATENATE are copied, in time slices.
 */
#include <stdlib.h>

#include "base/log.h"
#include "imapd/catenate.h"
#include "imapd/events.h"
#include "imapd/notify.h"
#include "imapd/place.h"

#define MESSAGES_MAX 1000
#define KEYWORDS_MAX 64

struct append {
	struct share_place place;
	struct pf_vec(struct store_draft *) drafts;
	struct pf_vec(struct store_deliver) hows;
	size_t next_arg;
	bool replace;
	uint32_t replaced;	 /* UID */
	bool literal8, after_cr; /* this message is binary; its last byte */
	/* inside CATENATE (...) */
	bool in_parts;
	size_t parts_arg, part;	 /* the list, and what is next in it */
	struct catenate *source; /* being copied */
	uint64_t offered;	 /* bytes of its TEXTs */
	bool has_url;
	bool refused; /* cmd->reply says why */
};

static void release(struct cmd *cmd)
{
	struct append *a = cmd->state;

	catenate_free(&a->source);
	for (size_t i = 0; i < a->drafts.n; i++)
		store_draft_free(&a->drafts.v[i]);
	share_hold(&a->place, false);
	pf_vec_release(&a->drafts);
	pf_vec_release(&a->hows);
}

/* ---- the arguments in front of a literal ------------------------------------
 */

static bool read_flags(struct cmd *cmd, const struct append *a,
		       const struct imap_arg *list, struct store_deliver *how)
{
	struct pf_str *names =
	    pf_arena_array(&cmd->arena, KEYWORDS_MAX, sizeof *names);
	struct pf_str name;

	how->keywords = names;
	for (; list->kind != IMAP_END; list++) {
		if (list->kind == IMAP_ATOM &&
		    pf_str_ieq(list->text, PF_STR("\\Recent")))
			continue; /* ours to give; some clients copy it */
		if (list->kind != IMAP_ATOM ||
		    !imap_flag_parse(list->text, &cmd->arena, &name)) {
			reply_bad(cmd, "%s: that is no flag", cmd->def->name);
			return false;
		}
		uint32_t bit = flag_bit(name);
		how->flags |= bit & share_flags(a->place.rights);
		if (bit || !rights_keywords(a->place.rights))
			continue; /* RFC 4314 4: without a word */
		if (how->keyword_count == KEYWORDS_MAX) {
			reply_no(cmd, "[LIMIT] Too many keywords");
			return false;
		}
		names[how->keyword_count++] = name;
	}
	return true;
}

/* The literal, or UTF8 (~literal) (RFC 6855 4; RFC 9755 has it no more, but
 * clients send it); *arg is moved to its end. */
static bool read_literal(struct cmd *cmd, struct append *a,
			 const struct imap_arg **arg)
{
	const struct imap_arg *literal = *arg;

	if (imap_arg_is_atom(literal, "UTF8") &&
	    imap_arg_list(&literal[1], &literal)) {
		if (!client_utf8(cmd->client)) {
			reply_no(cmd,
				 "[CANNOT] ENABLE UTF8=ACCEPT comes first");
			return false;
		}
		(*arg)++;
		if (literal->kind == IMAP_STREAM && !literal->literal8)
			literal = *arg; /* no: it has to be a literal8 */
	}
	if (literal->kind != IMAP_STREAM) {
		reply_bad(cmd, "%s needs a literal", cmd->def->name);
		return false;
	}
	a->literal8 = literal->literal8;
	a->after_cr = false;
	return true;
}

/* CATENATE (...): its parts come one after the other. */
static bool begin_parts(struct cmd *cmd, struct append *a,
			const struct imap_arg *arg)
{
	const struct imap_arg *list;

	if (!imap_arg_list(&arg[1], &list) || list->kind == IMAP_END) {
		reply_bad(cmd, "CATENATE needs a list of parts");
		return false;
	}
	a->in_parts = true;
	a->has_url = a->after_cr = false;
	a->offered = 0;
	a->part = 0;
	a->parts_arg = (size_t)(arg - cmd->args) + 1;
	a->next_arg = a->parts_arg + 1;
	return true;
}

/* [(flags)] ["date"] up to the literal, or CATENATE */
static bool read_message_args(struct cmd *cmd, struct append *a,
			      struct store_deliver *how)
{
	const struct imap_arg *arg = &cmd->args[a->next_arg], *list;

	if (imap_arg_list(arg, &list)) {
		if (!read_flags(cmd, a, list, how))
			return false;
		arg++;
	}
	if (arg->kind == IMAP_STRING) {
		if (!imap_parse_date_time(arg->text, &how->date)) {
			reply_bad(cmd, "%s: that is no date and time",
				  cmd->def->name);
			return false;
		}
		arg++;
	}
	if (imap_arg_is_atom(arg, "CATENATE"))
		return begin_parts(cmd, a, arg);
	if (!read_literal(cmd, a, &arg))
		return false;
	a->next_arg = (size_t)(arg - cmd->args) + 1;
	return true;
}

/* The command takes the rights it needs as they are now. */
static bool may_replace(struct cmd *cmd)
{
	return place_still(cmd->client) &&
	       place_has(cmd->client, command_rights(cmd->def)->selected);
}

/* REPLACE: one message, and it must be there. */
static bool find_replaced(struct cmd *cmd, struct append *a)
{
	struct client *client = cmd->client;
	struct store_uids uids = {0};
	bool good = false;

	if (!client->view)
		reply_bad(cmd, "No mailbox is selected");
	else if (!may_replace(cmd))
		reply_no(cmd, "[NOPERM] You have not the right to do that");
	else if (client->read_only)
		reply_no(cmd, "[CANNOT] The mailbox was opened read-only");
	else if (arg_messages(cmd, &cmd->args[0], &uids)) {
		if (uids.n > 1)
			reply_bad(cmd, "REPLACE takes one message");
		else if (uids.n == 0 || !store_box_find(client->box, uids.v[0]))
			reply_no(cmd, "[NONEXISTENT] No such message");
		else
			good = true;
	}
	if (good)
		a->replaced = uids.v[0];
	pf_vec_release(&uids);
	return good;
}

static bool check_mailbox(struct cmd *cmd, struct append *a)
{
	struct share_place place;

	if (!place_arg(cmd, &cmd->args[a->replace], &place))
		return false;
	a->place = place;
	/* the literal may take its time */
	share_hold(&place, true);
	return true;
}

/* Of the literal that begins. */
static bool check_size(struct cmd *cmd, const struct append *a)
{
	int64_t max = cmd->client->user->server->conf->message_size_max;

	if (cmd->stream_size == 0 && !a->in_parts) {
		reply_no(cmd, "[CANNOT] A message cannot be empty");
		return false;
	}
	if (max > 0 && cmd->stream_size > (uint64_t)max) {
		reply_no(cmd, "[TOOBIG] A message has at most %lld bytes here",
			 (long long)max);
		return false;
	}
	return true;
}

static bool begin_message(struct cmd *cmd, struct append *a)
{
	struct store_deliver how = {0};
	struct store_draft *draft;
	struct pf_error err = {0};

	if (a->next_arg == 0 &&
	    ((a->replace && !find_replaced(cmd, a)) || !check_mailbox(cmd, a)))
		return false;
	if (a->next_arg == 0)
		a->next_arg = a->replace ? 2 : 1;
	if (!read_message_args(cmd, a, &how) ||
	    (!a->in_parts && !check_size(cmd, a)))
		return false;
	if (a->replace && a->drafts.n > 0) {
		reply_bad(cmd, "REPLACE takes one message");
		return false;
	}
	if (limit_reached(cmd, a->drafts.n + 1)) {
		limit_refuse(cmd);
		return false;
	}
	if (a->drafts.n == MESSAGES_MAX) {
		reply_no(cmd, "[LIMIT] Too many messages in one APPEND");
		return false;
	}
	/* refused before it is sent, where it cannot fit even if each second
	 * byte were a CR, which files do not have */
	if (store_quota_room(a->place.store, a->place.name,
			     a->in_parts || a->replace ? 0
						       : cmd->stream_size / 2,
			     a->replace ? 0 : a->drafts.n + 1, &err) != PF_OK ||
	    store_draft_new(a->place.store, &draft, &err) != PF_OK) {
		reply_error(cmd, &err);
		return false;
	}
	pf_vec_push(&a->drafts, draft);
	pf_vec_push(&a->hows, how);
	return true;
}

/* ---- CATENATE --------------------------------------------------------------
 */

static enum run end_parts(struct cmd *cmd, struct append *a)
{
	a->in_parts = false;
	if (a->has_url || a->offered > 0)
		return RUN_MORE;
	reply_no(cmd, "[CANNOT] A message cannot be empty");
	return RUN_FAIL;
}

/* INPUT: a TEXT, whose bytes come now.  MORE: go on.  FAIL: replied. */
static enum run next_part(struct cmd *cmd, struct append *a)
{
	const struct imap_arg *part = &cmd->args[a->parts_arg].list[a->part];
	struct pf_str url;

	if (part->kind == IMAP_END)
		return end_parts(cmd, a);
	a->part += 2;
	if (imap_arg_is_atom(part, "TEXT") && part[1].kind == IMAP_STREAM) {
		a->literal8 = part[1].literal8;
		a->offered += cmd->stream_size;
		return check_size(cmd, a) ? RUN_INPUT : RUN_FAIL;
	}
	if (imap_arg_is_atom(part, "URL") && imap_arg_astring(&part[1], &url)) {
		a->has_url = true;
		a->after_cr = false;
		a->source = catenate_open(cmd, url);
		return a->source ? RUN_MORE : RUN_FAIL;
	}
	reply_bad(cmd, "CATENATE takes TEXT with a literal, and URL");
	return RUN_FAIL;
}

/* ---- the walk --------------------------------------------------------------
 */

/* INPUT: a literal's bytes come now.  DONE: nothing is left.  MORE: call
 * again.  FAIL: replied. */
static enum run advance(struct cmd *cmd, struct append *a)
{
	enum run result = RUN_MORE;

	while (result == RUN_MORE) {
		if (a->source) {
			result = catenate_copy(cmd, a->source,
					       a->drafts.v[a->drafts.n - 1]);
			if (result == RUN_MORE)
				return result;
			catenate_free(&a->source);
			if (result == RUN_DONE)
				result = RUN_MORE;
		} else if (a->in_parts) {
			result = next_part(cmd, a);
		} else if (a->next_arg &&
			   cmd->args[a->next_arg].kind == IMAP_END) {
			return RUN_DONE;
		} else if (!begin_message(cmd, a)) {
			return RUN_FAIL;
		} else if (!a->in_parts) {
			return RUN_INPUT;
		}
	}
	return result;
}

/* ---- the bytes, and the end ------------------------------------------------
 */

/* RFC 3516 4.3: files have LF line ends, so what is no text would not come
 * back as it was: a literal8 with NUL, or CR and LF apart, is refused. */
static bool is_text(struct append *a, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' || (s.p[i] == '\n') != a->after_cr)
			return false;
		a->after_cr = s.p[i] == '\r';
	}
	return true;
}

static bool take_bytes(struct cmd *cmd, struct append *a)
{
	struct pf_error err = {0};
	pf_status status = PF_OK;

	if (!a->refused && a->literal8 && !is_text(a, pf_buf_str(&cmd->in))) {
		pf_buf_clear(&cmd->in);
		reply_no(cmd, "[UNKNOWN-CTE] Binary data cannot be kept here");
		return false;
	}
	if (!a->refused)
		status = store_draft_write(a->drafts.v[a->drafts.n - 1],
					   cmd->in.data, cmd->in.len, &err);
	pf_buf_clear(&cmd->in);
	if (status == PF_LIMIT) /* RFC 4469 4 */
		reply_no(cmd, "[TOOBIG] The message becomes too large");
	else if (status != PF_OK)
		reply_error(cmd, &err);
	return status == PF_OK;
}

/* RFC 8508 3.4: the new UID is told before the old message goes.  When it
 * cannot go the new one stays: nothing may be lost. */
static enum run replaced(struct cmd *cmd, struct append *a)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};

	pf_buf_add_c(&client->out, "* ");
	pf_buf_add_str(&client->out, pf_buf_str(&cmd->reply));
	pf_buf_add_c(&client->out, "\r\n");
	if (store_box_expunge(client->box, &a->replaced, 1, true, &err) !=
	    PF_OK)
		return reply_error(cmd, &err);
	return reply_completed(cmd);
}

static enum run deliver(struct cmd *cmd, struct append *a)
{
	struct client *client = cmd->client;
	struct store_uids uids = {0};
	struct pf_error err = {0};
	uint32_t uidvalidity = 0;
	struct share_place now;
	pf_status status = PF_OK;
	int fd;

	/* the literal took its time: is the mailbox still there, and may he
	 * still? */
	if (!place_find(cmd, a->place.full, &now) ||
	    !place_allowed(cmd, &now, command_rights(cmd->def)->named))
		return RUN_DONE;
	if (a->replace && !may_replace(cmd))
		return reply_no(cmd, "[NOPERM] You have not the right to do "
				     "that");
	/* somebody else may have expunged it meanwhile */
	if (a->replace && !store_box_find(client->box, a->replaced))
		return reply_no(cmd, "[EXPUNGEISSUED] The message is gone");
	if (a->replace) { /* the quota counts the difference */
		a->hows.v[0].replaces = client->box;
		a->hows.v[0].replaced = a->replaced;
	}
	for (size_t i = 0; status == PF_OK && i < a->drafts.n; i++)
		status = store_draft_finish(a->drafts.v[i], &fd, &err);
	if (status == PF_OK)
		status = store_deliver_many(a->place.store, a->place.name,
					    a->drafts.v, a->hows.v, a->drafts.n,
					    &uidvalidity, &uids, &err);
	if (status == PF_NOTFOUND)
		reply_no(cmd, "[TRYCREATE] %s", err.client);
	else if (status != PF_OK)
		reply_error(cmd, &err);
	else {
		pf_buf_clear(&cmd->reply);
		pf_buf_addf(&cmd->reply, "OK [APPENDUID %u ", uidvalidity);
		imap_set_write(&cmd->reply, uids.v, uids.n);
		pf_buf_addf(&cmd->reply, "] %s",
			    a->replace ? "Replacement message is there"
				       : "APPEND completed");
		place_index_hint(client, a->place.store, a->place.name);
		tell_oldname(cmd, &cmd->args[a->replace], a->place.full);
		notify_own_messages(client, a->place.full, &uids);
		if (events_wanted(client, EVENT_APPEND, a->place.store))
			for (size_t i = 0; i < uids.n; i++)
				events_add(cmd, EVENT_APPEND, a->place.name,
					   PF_STR(""), uids.v[i], PF_STR(""));
		if (a->replace)
			replaced(cmd, a);
		quota_warn(client);
	}
	pf_vec_release(&uids);
	return RUN_DONE;
}

static void refuse(struct cmd *cmd, struct append *a)
{
	a->refused = true;
	cmd->stream_refused = true;
}

/* Nothing behind the messages, nor behind a literal inside UTF8 (...)? */
static bool ends_well(const struct cmd *cmd, const struct append *a)
{
	for (const struct imap_arg *arg = cmd->args; arg->kind != IMAP_END;
	     arg++)
		if (arg->kind == IMAP_LIST && arg->count > 1 &&
		    arg->list[0].kind == IMAP_STREAM)
			return false;
	return a->drafts.n > 0;
}

enum run run_append(struct cmd *cmd)
{
	struct append *a = cmd->state;

	if (!a) {
		a = PF_ARENA_NEW(&cmd->arena, struct append);
		a->replace = cmd->def->name[0] != 'A';
		cmd->state = a;
		cmd->release = release;
	}
	if (cmd->in.len > 0 && !take_bytes(cmd, a))
		refuse(cmd, a);
	if (cmd->stream_begins) {
		enum run result = a->refused ? RUN_FAIL : advance(cmd, a);
		if (result == RUN_MORE)
			return RUN_MORE; /* its bytes wait */
		cmd->stream_begins = false;
		if (result != RUN_INPUT && !a->refused)
			refuse(cmd, a);
		if (a->refused && cmd->stream_sync)
			return RUN_DONE; /* no "+": it will not be sent */
		if (cmd->stream_sync)
			pf_buf_add_c(&cmd->client->out, "+ OK\r\n");
	}
	if (cmd->stream_broken)
		return a->refused
			   ? RUN_DONE
			   : reply_bad(cmd, "Syntax error behind the message");
	if (!cmd->stream_ended)
		return RUN_INPUT;
	if (a->refused)
		return RUN_DONE;
	switch (advance(cmd, a)) {
	case RUN_MORE:
		return RUN_MORE;
	case RUN_DONE:
		if (ends_well(cmd, a))
			return deliver(cmd, a);
		break;
	case RUN_FAIL: /* replied */
		return RUN_DONE;
	case RUN_INPUT:
	case RUN_OUTPUT:
		break;
	}
	return reply_bad(cmd, "%s needs a mailbox and a literal",
			 cmd->def->name);
}
