/*
 * Input of a session: bytes become commands.
 *
 * Bytes that cannot be used yet are left where they are: the connection keeps
 * them and, when its buffer is full, stops reading, so a client that sends
 * faster than its commands run is slowed down and costs no memory.
 *
 * Three takers: the reader (commands), a command that wants one line (IDLE),
 * and a command that wants a literal as a stream (APPEND).  The last two own
 * the input from the moment their command line was parsed.
 */
#include <string.h>

#include "base/clock.h"
#include "imapd/client.h"

#define LINE_MAX_BYTES	  (64 * 1024)
#define LITERAL_MAX_BYTES (1024 * 1024)
#define DEPTH_MAX	  50
#define BAD_MAX		  20
#define STREAM_CHUNK	  (64 * 1024)
#define ANSWER_LINE_MAX	  8192

/* CATENATE (... URL {n}: the name of a message, not one */
static bool is_url(const struct imap_arg *args)
{
	size_t n = 0, m = 0;

	while (args[n].kind != IMAP_END)
		n++;
	if (n < 2 || args[n - 1].kind != IMAP_LIST ||
	    !imap_arg_is_atom(&args[n - 2], "CATENATE"))
		return false;
	const struct imap_arg *list = args[n - 1].list;
	while (list[m].kind != IMAP_END)
		m++;
	return m > 0 && imap_arg_is_atom(&list[m - 1], "URL");
}

static bool wants_stream(void *arg, struct pf_str name,
			 const struct imap_arg *args_so_far)
{
	(void)arg;
	if (!args_so_far || args_so_far[0].kind == IMAP_END ||
	    is_url(args_so_far))
		return false;
	if (pf_str_eq(name, PF_STR("APPEND")))
		return true;
	return (pf_str_eq(name, PF_STR("REPLACE")) ||
		pf_str_eq(name, PF_STR("UID REPLACE"))) &&
	       args_so_far[1].kind != IMAP_END;
}

static const struct imap_reader_conf reader_conf = {
    .line_max = LINE_MAX_BYTES,
    .literal_max = LITERAL_MAX_BYTES,
    .depth_max = DEPTH_MAX,
    .wants_stream = wants_stream,
};

/* A line that is no command gets its BAD in turn, like a command. */
static void queue_bad(struct client *c, struct pf_str tag,
		      const struct pf_error *err)
{
	static const struct command bad = {"BAD", CMD_ANY | CMD_INLINE, run_bad,
					   NULL};
	struct cmd *cmd = cmd_new(c, &bad, tag.n ? tag : PF_STR("*"));

	if (err->status == PF_LIMIT)
		reply_no(cmd, "[TOOBIG] %s", err->client);
	else
		reply_bad(cmd, "%s", err->client);
	if (++c->bad_count >= BAD_MAX) {
		c->closing = true;
		c->end = "Too many bad commands";
	}
}

static void command_read(struct client *c)
{
	struct pf_str name = imap_reader_name(c->reader);
	struct pf_str tag = imap_reader_tag(c->reader);
	const struct command *def = command_find(name);
	struct pf_error err;

	if (!def || !def->run) {
		(void)pf_error_set(&err, PF_INVALID,
				   def ? "You are logged in already"
				       : "Unknown command",
				   "bad command");
		queue_bad(c, tag, &err);
		imap_reader_next(c->reader);
		return;
	}
	struct cmd *cmd = cmd_new(c, def, tag);
	cmd->args = imap_reader_args(c->reader);
	imap_reader_detach(c->reader, &cmd->args_arena);
	cmd->stream_ended = true;
	if ((def->flags & CMD_LINES) && cmd->args[0].kind == IMAP_END)
		c->taker = cmd;
	c->alone = (def->flags & CMD_ALONE) != 0;
	c->bad_count = 0;
	imap_reader_next(c->reader);
}

/* A literal of APPEND begins: of a new command, or one more of `cmd`. */
static void stream_begins(struct client *c, struct cmd *cmd)
{
	if (!cmd)
		cmd = cmd_new(c, command_find(imap_reader_name(c->reader)),
			      imap_reader_tag(c->reader));
	cmd->args = imap_reader_args(c->reader);
	cmd->stream_size = imap_reader_stream_left(c->reader);
	cmd->stream_sync = imap_reader_stream_sync(c->reader);
	cmd->stream_begins = true;
	c->taker = cmd;
}

/* What the reader made of the bytes, for a fresh command or (taker) the rest
 * of one whose literal was streamed. */
static void reader_said(struct client *c, pf_status status,
			const struct pf_error *err)
{
	struct cmd *cmd = c->taker;

	switch (imap_reader_event(c->reader)) {
	case IMAP_READ_LITERAL:
		if (status == PF_MORE) {
			stream_begins(c, cmd);
			return;
		}
		break;
	case IMAP_READ_CONTINUE:
		c->plus = status == PF_MORE;
		break;
	case IMAP_READ_NONE:
		break;
	}
	if (status == PF_MORE)
		return;
	if (status == PF_OK && cmd) {
		cmd->args = imap_reader_args(c->reader);
		imap_reader_detach(c->reader, &cmd->args_arena);
		cmd->stream_ended = true;
		c->taker = NULL;
		imap_reader_next(c->reader);
	} else if (status == PF_OK) {
		command_read(c);
	} else if (status == PF_INVALID && cmd) {
		cmd->stream_broken = true;
		c->taker = NULL;
		imap_reader_next(c->reader);
	} else if (status == PF_INVALID) {
		queue_bad(c, imap_reader_tag(c->reader), err);
		imap_reader_next(c->reader);
	} else {
		queue_bad(c, imap_reader_tag(c->reader), err);
		c->closing = true;
		c->end = "Input over a limit";
	}
}

static size_t feed(struct client *c, const char *p, size_t n)
{
	struct pf_error err = {0};
	size_t used = 0;

	if (!c->reader)
		c->reader = imap_reader_new(&reader_conf);
	pf_status status = imap_reader_feed(c->reader, p, n, &used, &err);
	reader_said(c, status, &err);
	return used;
}

static size_t take_line(struct client *c, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);

	if (c->busy)
		return 0;
	if (!lf && n > ANSWER_LINE_MAX) {
		client_bye(c, "Line too long");
		return n;
	}
	if (!lf)
		return c->eof ? n : 0;
	size_t used = (size_t)(lf - p) + 1;
	pf_buf_add(&c->taker->in, p, used);
	c->taker = NULL;
	return used;
}

static size_t take_stream(struct client *c, const char *p, size_t n)
{
	struct cmd *cmd = c->taker;
	uint64_t left = imap_reader_stream_left(c->reader);

	if (c->busy || cmd->stream_begins || cmd->in.len > 0 || c->plus)
		return 0;
	if (left == 0)
		return feed(c, p, n);
	if (n > left)
		n = (size_t)left;
	if (n > STREAM_CHUNK)
		n = STREAM_CHUNK;
	if (!cmd->stream_refused)
		pf_buf_add(&cmd->in, p, n);
	imap_reader_stream_took(c->reader, n);
	return n;
}

size_t client_input(struct client *c, const char *p, size_t n)
{
	size_t used = 0;

	while (used < n && !c->closing) {
		size_t took;

		if (c->taker && (c->taker->def->flags & CMD_LINES))
			took = take_line(c, p + used, n - used);
		else if (c->taker)
			took = take_stream(c, p + used, n - used);
		else if (c->cmd_count >= CLIENT_CMDS_MAX || c->plus || c->alone)
			break;
		else
			took = feed(c, p + used, n - used);
		if (took == 0)
			break;
		used += took;
	}
	if (used > 0)
		c->active = pf_clock_mono_ms();
	c->bytes_in += used;
	return c->closing ? n : used;
}

void client_more_input(struct client *c)
{
	if (!c->conn || c->in_input || c->leaves)
		return;
	if (c->pending.len > 0) {
		size_t used = client_input(c, c->pending.data, c->pending.len);
		pf_buf_take(&c->pending, used);
		if (c->pending.len > 0)
			return;
		pf_buf_release(&c->pending);
	}
	net_conn_resume(c->conn);
}
