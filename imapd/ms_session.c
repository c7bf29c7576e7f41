/*
 * A ManageSieve session after login: input to commands, one at a time.  What
 * touches the disk or compiles runs as a job; meanwhile input waits.
 */
#include "imapd/msieve.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define BAD_MAX	  20
#define INPUT_MAX (64 * 1024)
#define LINE_MAX  16384
/* A script and what its answer may say about it. */
#define OUT_EXTRA (256 * 1024)

unsigned ms_client_count(const struct server *server, const char *user)
{
	unsigned n = 0;

	for (struct pf_link *l = server->managers.next; l != &server->managers;
	     l = l->next)
		n += strcmp(pf_container_of(l, struct ms_client, link)->user,
			    user) == 0;
	return n;
}

/* ---- ended ----------------------------------------------------------------
 */

static void release(struct ms_client *c)
{
	msieve_reader_free(&c->reader);
	pf_buf_release(&c->out);
	if (c->gate_fd >= 0)
		close(c->gate_fd);
	free(c->name);
	free(c->user);
	free(c->home);
	free(c->ip);
	free(c->tls);
	free(c->via);
	free(c);
}

/* With conn gone, after the last job. */
static void ended(struct ms_client *c)
{
	struct server *server = c->server;

	pf_log(PF_LOG_INFO, "logout", PF_LOGC("service", "sieve"),
	       PF_LOGC("user", c->user), PF_LOGC("ip", c->ip),
	       PF_LOGU("session", c->id),
	       PF_LOGC("reason", c->end ? c->end : "closed"),
	       PF_LOGU("commands", c->commands),
	       PF_LOGU("seconds", pf_clock_now() - c->since));
	pf_list_remove(&c->link);
	net_queue_free(&c->queue);
	release(c);
	server_ended(server);
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct ms_client *c = arg;

	c->conn = NULL;
	c->closing = true;
	if (!c->end)
		c->end = pf_status_text(why->status);
	if (!c->busy)
		ended(c);
}

void ms_client_end(struct ms_client *c, const char *why)
{
	if (!c->closing)
		c->end = why;
	c->closing = true;
	if (c->conn)
		net_conn_close(c->conn);
}

void ms_client_bye(struct ms_client *c, const char *text)
{
	struct pf_buf line = PF_BUF_INIT(512);

	msieve_add_result(&line, "BYE", "TRYLATER", pf_str_c(text));
	if (c->conn && !c->closing)
		net_conn_send(c->conn, line.data, line.len);
	pf_buf_release(&line);
	ms_client_end(c, text);
}

/* ---- commands -------------------------------------------------------------
 */

static void work(void *arg)
{
	struct ms_client *c = arg;

	c->command->run(c);
}

static void answer(struct ms_client *c)
{
	if (c->out.failed) {
		pf_buf_clear(&c->out);
		msieve_add_result(&c->out, "NO", "TRYLATER",
				  PF_STR("The answer is too long"));
	}
	if (c->conn)
		net_conn_send(c->conn, c->out.data, c->out.len);
	pf_buf_release(&c->out);
	if (c->reader)
		msieve_reader_next(c->reader);
}

static void done(void *arg)
{
	struct ms_client *c = arg;

	c->busy = false;
	answer(c);
	if (!c->conn)
		ended(c);
	else
		net_conn_resume(c->conn);
}

static void bad(struct ms_client *c, const char *code, const char *text)
{
	msieve_add_result(&c->out, "NO", code, pf_str_c(text));
	answer(c);
	if (++c->bad >= BAD_MAX)
		ms_client_bye(c, "Too many bad commands");
}

static void run_command(struct ms_client *c)
{
	const struct ms_command *command =
	    ms_command_find(msieve_reader_name(c->reader));

	if (!command) {
		bad(c, "", "Unknown command");
		return;
	}
	if (!command->run) {
		bad(c, "", "You are logged in already");
		return;
	}
	if (!msieve_reader_args_are(c->reader, command->args) &&
	    !(command->or_args &&
	      msieve_reader_args_are(c->reader, command->or_args))) {
		bad(c, "", "These are not the arguments of this command");
		return;
	}
	c->bad = 0;
	c->commands++;
	c->active = pf_clock_mono_ms();
	c->command = command;
	if (command->quick) {
		command->run(c);
		answer(c);
		return;
	}
	c->busy = true;
	net_queue_run(c->queue, work, done, c);
}

static void took(struct ms_client *c, pf_status status,
		 const struct pf_error *err)
{
	switch ((int)status) {
	case PF_MORE:
		break;
	case PF_OK:
		run_command(c);
		break;
	case PF_LIMIT:
		bad(c, "QUOTA/MAXSIZE", err->client);
		break;
	case PF_INVALID:
		bad(c, "", err->client);
		break;
	default:
		ms_client_bye(c, err->client);
	}
}

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct ms_client *c = arg;
	size_t used = 0;

	while (used < n && !c->busy && !c->closing &&
	       net_conn_queued(c->conn) < NET_HIGH_MARK) {
		struct pf_error err = {0};
		size_t part = 0;

		pf_status status = msieve_reader_feed(c->reader, p + used,
						      n - used, &part, &err);
		used += part;
		took(c, status, &err);
	}
	return c->closing ? n : used;
}

static void on_drain(void *arg)
{
	struct ms_client *c = arg;

	if (!c->busy && c->conn)
		net_conn_resume(c->conn);
}

static const struct net_conn_events events = {
    .on_input = on_input,
    .on_drain = on_drain,
    .on_closed = on_closed,
};

/* ---- made ------------------------------------------------------------------
 */

pf_status ms_client_new(struct server *server,
			const struct ms_client_conf *conf, struct pf_error *err)
{
	const struct msieve_reader_conf reader_conf = {
	    .line_max = LINE_MAX,
	    .literal_max = (size_t)pf_conf_part_number(
			       server->conf->sieve_limits, "script") +
			   LINE_MAX,
	};
	struct ms_client *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->server = server;
	c->id = ++server->last_id;
	c->user = pf_str_dup(pf_str_c(conf->user));
	c->home = pf_str_dup(pf_str_c(conf->home));
	c->ip = pf_str_dup(conf->ip);
	c->tls = pf_str_dup(conf->tls);
	c->via = pf_str_dup(pf_str_c(conf->via ? conf->via : "password"));
	c->name = pf_str_dup(conf->name);
	c->gate_fd = conf->gate_fd;
	c->since = pf_clock_now();
	c->active = pf_clock_mono_ms();
	c->reader = msieve_reader_new(&reader_conf);
	pf_buf_init(&c->out, (size_t)pf_conf_part_number(
				 server->conf->sieve_limits, "script") +
				 OUT_EXTRA);
	pf_status status = net_conn_new(server->loop, conf->fd, &events, c,
					INPUT_MAX, &c->conn, err);
	if (status != PF_OK) {
		release(c);
		return status;
	}
	net_conn_set_timeout(c->conn,
			     (uint64_t)server->conf->idle_timeout * 1000);
	c->queue = net_queue_new(server->loop, NET_LANE_DISK);
	pf_list_append(&server->managers, &c->link);
	pf_log(PF_LOG_INFO, "login", PF_LOGC("service", "sieve"),
	       PF_LOGC("user", c->user), PF_LOGC("ip", c->ip),
	       PF_LOGC("tls", c->tls), PF_LOGC("via", c->via),
	       PF_LOGU("session", c->id));
	msieve_add_result(&c->out, "OK", "", PF_STR("Logged in"));
	answer(c);
	return PF_OK;
}
