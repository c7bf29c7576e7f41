/*
 * The one place from which commands are called.
 *
 * client_run() looks at a client and does the one thing that is next: start a
 * step of its first command, wait (for output to drain, for input, for the
 * step that runs), or, with nothing to do, make the client small.  Whoever
 * changes something a client may wait for calls client_run() afterwards, so
 * there is no wake-up to lose: on_drain, on_input, the end of a step, a poke.
 *
 * A step runs the command until it is done, its output is full, or its time
 * slice is over; then SYNC tells what else changed, and TAG answers.  Output
 * goes out between steps, so an answer is never held back by a later command.
 */
#include "base/clock.h"
#include "base/log.h"
#include "imapd/context.h"
#include "imapd/events.h"
#include "imapd/fetch.h"
#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/place.h"

bool slice_over(int64_t start)
{
	return pf_clock_mono_ms() - start >= CLIENT_SLICE_MS;
}

/* ---- commands as objects -------------------------------------------------
 */

#define ARENA_MAX (64 * 1024 * 1024)
#define REPLY_MAX (16 * 1024 * 1024)
#define IN_MAX	  (128 * 1024)

struct cmd *cmd_new(struct client *client, const struct command *def,
		    struct pf_str tag)
{
	struct cmd *cmd = calloc(1, sizeof *cmd);

	if (!cmd)
		abort();
	cmd->client = client;
	cmd->def = def;
	cmd->uid = (def->flags & CMD_UIDS) ||
		   pf_str_starts(pf_str_c(def->name), PF_STR("UID "));
	pf_arena_init(&cmd->arena, ARENA_MAX);
	pf_arena_init(&cmd->args_arena, ARENA_MAX);
	pf_buf_init(&cmd->reply, REPLY_MAX);
	pf_buf_init(&cmd->in, IN_MAX);
	cmd->tag = pf_arena_str(&cmd->arena, tag);
	pf_list_append(&client->cmds, &cmd->link);
	client->cmd_count++;
	return cmd;
}

void cmd_free(struct cmd **cmd)
{
	struct cmd *c = *cmd;

	*cmd = NULL;
	pf_list_remove(&c->link);
	c->client->cmd_count--;
	if (c->release)
		c->release(c);
	if (c->telling)
		store_view_changes_release(&c->changes);
	events_free(c);
	fetch_free(&c->fetch);
	context_update_free(&c->update);
	pf_buf_release(&c->reply);
	pf_buf_release(&c->in);
	pf_arena_release(&c->arena);
	pf_arena_release(&c->args_arena);
	free(c);
}

static struct cmd *first_cmd(struct client *c)
{
	return pf_list_empty(&c->cmds)
		   ? NULL
		   : pf_container_of(c->cmds.next, struct cmd, link);
}

/* Has the client sent a command with sequence numbers behind the first one?
 * It meant the numbers as it knew them then.  Where the queue is full, or a
 * later command takes the input, what comes next is not read yet. */
static bool numbers_behind(struct client *c)
{
	struct pf_link *link = c->cmds.next->next;

	for (; link != &c->cmds; link = link->next)
		if (pf_container_of(link, struct cmd, link)->def->flags &
		    CMD_SEQS)
			return true;
	return c->cmd_count >= CLIENT_CMDS_MAX ||
	       (c->taker && c->taker != first_cmd(c));
}

/* ---- a step: worker's side -------------------------------------------------
 */

/* May it run now?  Else the reply is set. */
static bool allowed(struct cmd *cmd)
{
	struct client *c = cmd->client;
	unsigned flags = cmd->def->flags;

	if (!(flags & (c->view ? CMD_SELECTED : CMD_AUTH))) {
		reply_bad(cmd, "No mailbox is selected");
		return false;
	}
	/* RFC 9586 3.1 */
	if (c->uidonly && (flags & CMD_SEQS) && !cmd->uid) {
		reply_bad(cmd, "[UIDREQUIRED] Only UIDs are allowed");
		return false;
	}
	/* RFC 9755 3 */
	for (const struct imap_arg *arg = cmd->args;
	     arg && client_utf8(c) && arg->kind != IMAP_END; arg++)
		if (arg->not_utf8) {
			reply_bad(cmd, "A quoted string is not valid UTF-8");
			return false;
		}
	if (!c->view)
		return true;
	if (!place_still(c)) {
		reply_no(cmd, "[NOPERM] You may not read this mailbox");
		return false;
	}
	/* who may not, may not; and EXAMINE is for everybody */
	if (!place_has(c, command_rights(cmd->def)->selected)) {
		reply_no(cmd, "[NOPERM] You have not the right to do that");
		return false;
	}
	if ((flags & CMD_WRITES) && c->read_only) {
		reply_no(cmd, "[CANNOT] The mailbox was opened read-only");
		return false;
	}
	return true;
}

static bool may_expunge(const struct cmd *cmd)
{
	if ((cmd->def->flags & CMD_OURS) && notify_delays(cmd->client))
		return false;
	return !(cmd->def->flags & CMD_KEEPS_SEQS) && !cmd->defer_expunge;
}

/* For `penfold who`, which must not touch the box itself. */
static void note_selected(struct client *c)
{
	struct pf_buf name = PF_BUF_INIT(8192);

	if (c->box)
		share_box_name(c->user->share, c->box, &name);
	if (!c->selected ||
	    !pf_str_eq(pf_buf_str(&name), pf_str_c(c->selected))) {
		free(c->selected);
		c->selected = name.len ? pf_str_dup(pf_buf_str(&name)) : NULL;
	}
	pf_buf_release(&name);
}

/* What was acknowledged in another process before this command came is true
 * for it.  A fault here is met again, and told, when the command ends. */
static void catch_up(struct cmd *cmd)
{
	struct pf_error err = {0};

	if (!cmd->state && !cmd->waits && cmd->client->view &&
	    !(cmd->def->flags & CMD_INLINE))
		(void)!store_box_catch_up(cmd->client->box, &err);
}

static enum run step(struct cmd *cmd)
{
	struct client *c = cmd->client;
	enum run result;

	if (cmd->phase == CMD_RUN) {
		/* a refused APPEND still has to swallow its literal: it
		 * looks for itself */
		bool go = cmd->state || (cmd->def->flags & CMD_STREAM) ||
			  cmd->waits || allowed(cmd);
		catch_up(cmd);
		result = go ? cmd->def->run(cmd) : RUN_DONE;
		if (result != RUN_DONE)
			return result;
		cmd->phase = CMD_SYNC;
	}
	if (cmd->phase == CMD_SYNC) {
		/* not into a line that is being written */
		if (!(cmd->def->flags & CMD_INLINE) && !cmd->telling)
			metadata_tell(c);
		if (c->view && !c->gone && !(cmd->def->flags & CMD_INLINE)) {
			result = sync_client(cmd, may_expunge(cmd));
			if (result != RUN_DONE)
				return result;
		}
		if (c->notify && !c->gone && !(cmd->def->flags & CMD_INLINE)) {
			result = notify_tell(cmd);
			if (result != RUN_DONE)
				return result;
		}
		cmd->phase = CMD_TAG;
	}
	note_selected(c);
	if (cmd->def->flags & CMD_OURS)
		return RUN_DONE;
	limit_tell(cmd);
	if (cmd->tag.n > 0) {
		pf_buf_add_str(&c->out, cmd->tag);
		pf_buf_add_byte(&c->out, ' ');
	}
	pf_buf_add_str(&c->out, pf_buf_str(&cmd->reply));
	pf_buf_add_c(&c->out, "\r\n");
	return RUN_DONE;
}

static void step_work(void *arg)
{
	struct client *c = arg;

	c->result = step(first_cmd(c));
	if (c->out.failed && c->result != RUN_FAIL) {
		pf_log(PF_LOG_ERROR, "output-limit",
		       PF_LOGC("user", c->user->name));
		c->result = RUN_FAIL;
	}
	atomic_store(&c->user->dirty, 1);
}

/* ---- a step: the loop's side -----------------------------------------------
 */

static void send_out(struct client *c)
{
	if (c->out.len == 0)
		return;
	if (c->conn) {
		net_conn_send(c->conn, c->out.data, c->out.len);
		c->bytes_out += c->out.len;
		c->active = pf_clock_mono_ms();
	}
	if (c->out.cap > 2 * CLIENT_OUT_SOFT)
		pf_buf_release(&c->out);
	else
		pf_buf_clear(&c->out);
}

static void end(struct client *c, const char *why)
{
	c->closing = true;
	if (!c->end)
		c->end = why;
}

/* RFC 4978 3: from the byte behind the answer on. */
static void start_deflate(struct client *c)
{
	struct pf_error err = {0};

	c->deflate = false;
	if (!c->conn)
		return;
	if (c->pending.len == 0 &&
	    net_conn_start_deflate(c->conn, &err) == PF_OK)
		return;
	end(c, "input behind COMPRESS");
	net_conn_abort(c->conn);
}

static void command_done(struct client *c, struct cmd *cmd)
{
	const struct command *def = cmd->def;

	if (c->taker == cmd) {
		/* refused before its literal was asked for */
		c->taker = NULL;
		if (def->flags & CMD_STREAM)
			imap_reader_next(c->reader);
	}
	if (def->flags & CMD_ALONE)
		c->alone = false;
	if (!(def->flags & CMD_OURS)) {
		c->last = def;
		c->commands++;
		c->active = pf_clock_mono_ms();
	}
	bool changed = cmd->changed || (def->flags & CMD_CHANGES);
	events_start(cmd);
	cmd_free(&cmd);
	if (changed)
		user_poke(c->user, &c->link);
	if (c->gone) {
		c->closing = true;
		if (!c->end)
			c->end = c->gone;
	}
}

static void step_end(struct client *c)
{
	struct cmd *cmd = first_cmd(c);

	send_out(c);
	if (c->deflate)
		start_deflate(c);
	cmd->waits = c->result == RUN_INPUT;
	if (c->result == RUN_DONE)
		command_done(c, cmd);
	if (c->result != RUN_FAIL || !c->conn)
		return;
	end(c, "failed");
	net_conn_abort(c->conn);
}

static void step_done(void *arg)
{
	struct client *c = arg;

	c->busy = false;
	step_end(c);
	client_more_input(c);
	client_run(c);
}

/* ---- leaving --------------------------------------------------------------
 */

static void leave_work(void *arg)
{
	struct client *c = arg;
	struct cmd *cmd;

	while ((cmd = first_cmd(c)))
		cmd_free(&cmd);
	client_unselect(c);
	notify_free(&c->notify);
	pf_buf_release(&c->out);
}

static void leave_done(void *arg)
{
	client_free(arg);
}

/* ---- what is next ----------------------------------------------------------
 */

static bool has_input(const struct client *c, const struct cmd *cmd)
{
	if (cmd->def->flags & CMD_LINES)
		return cmd->in.len > 0 || c->poke;
	return cmd->in.len > 0 || cmd->stream_begins || cmd->stream_ended ||
	       cmd->stream_broken;
}

/* Nothing to run: be small. */
static void idle(struct client *c)
{
	if (c->plus) {
		c->plus = false;
		net_conn_send(c->conn, "+ OK\r\n", 6);
		c->bytes_out += 6;
		client_more_input(c);
		return;
	}
	if (c->reader && !imap_reader_busy(c->reader))
		imap_reader_free(&c->reader);
	pf_buf_release(&c->out);
	if (c->closing || (c->eof && !c->stuck)) {
		if (c->closing && !c->gone && c->end)
			client_say_bye(c);
		end(c, "closed");
		net_conn_close(c->conn);
	}
}

void client_run(struct client *c)
{
	while (!c->busy) {
		struct cmd *cmd = first_cmd(c);

		if (!c->conn) {
			c->busy = true;
			net_queue_run(c->user->queue, leave_work, leave_done,
				      c);
			return;
		}
		if (c->leaves && !c->closing) {
			client_leave(c);
			if (c->conn)
				return;
			continue;
		}
		if (!cmd && c->poke && atomic_load(&c->listens) &&
		    !c->closing && !c->plus)
			cmd = cmd_new(c, &command_news, PF_STR(""));
		if (!cmd || (c->closing && c->gone)) {
			idle(c);
			return;
		}
		if (net_conn_queued(c->conn) >= NET_HIGH_MARK)
			return; /* on_drain comes back here */
		if (c->eof && !c->stuck && cmd->waits && c->taker == cmd &&
		    !has_input(c, cmd)) {
			end(c, "closed");
			net_conn_close(c->conn);
			return;
		}
		if (cmd->waits && !has_input(c, cmd))
			return;

		cmd->defer_expunge = numbers_behind(c);
		c->poke = false;
		if (cmd->def->flags & CMD_INLINE) {
			step_work(c);
			step_end(c);
		} else {
			c->busy = true;
			net_queue_run(c->user->queue, step_work, step_done, c);
		}
	}
}
