/*
 * Life of a session: made when a login was handed over, ended by LOGOUT, by
 * the peer, by time or by us; freed when its last step is done.
 */
#include "imapd/context.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define INPUT_MAX (64 * 1024)

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct client *c = arg;
	size_t used = 0, before;
	bool deflated = net_conn_is_deflated(c->conn);

	if (c->leaves)
		return 0; /* for the gate */
	c->in_input = true;
	do {
		before = used;
		if (c->pending.len > 0)
			break; /* older bytes first: client_more_input() */
		if (c->conn && net_conn_is_deflated(c->conn) != deflated)
			break; /* these bytes are from before */
		used += client_input(c, p + used, n - used);
		client_run(c);
	} while (used > before && used < n);
	c->in_input = false;
	c->stuck = used < n;
	if (c->eof)
		client_run(c);
	return used;
}

static void on_drain(void *arg)
{
	client_run(arg);
}

static void on_eof(void *arg)
{
	struct client *c = arg;

	c->eof = true;
	net_conn_resume(c->conn);
	client_run(c);
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct client *c = arg;

	c->conn = NULL;
	c->closing = true;
	if (!c->end)
		c->end = why->status == PF_TIMEOUT ? "timeout"
			 : why->status == PF_CLOSED
			     ? "closed"
			     : pf_status_name(why->status);
	client_run(c);
}

static const struct net_conn_events events = {
    .on_input = on_input,
    .on_drain = on_drain,
    .on_eof = on_eof,
    .on_closed = on_closed,
};

static struct pf_str id_key(const uint64_t *id)
{
	return pf_str_mem(id, sizeof *id);
}

struct client *client_by_id(struct server *server, uint64_t id)
{
	return pf_map_get(&server->clients, id_key(&id));
}

/* ---- the first command: the login itself ------------------------------- */

static enum run run_begin(struct cmd *cmd)
{
	struct client *c = cmd->client;
	struct pf_error err = {0};
	bool preauth = cmd->tag.n == 1 && cmd->tag.p[0] == '*';

	if (user_open(c->user, &err) != PF_OK) {
		c->gone = "no mail";
		if (preauth)
			pf_log_error(PF_LOG_ERROR, "open-failed", &err);
		reply_error(cmd, &err);
		if (preauth) {
			pf_buf_clear(&cmd->reply);
			pf_buf_addf(&cmd->reply, "BYE %s", err.client);
		}
		return RUN_DONE;
	}
	pf_buf_addf(&cmd->reply, "%s [CAPABILITY ", preauth ? "PREAUTH" : "OK");
	write_capability(&cmd->reply, c);
	pf_buf_add_c(&cmd->reply, preauth ? "] penfold ready" : "] Logged in");
	return RUN_DONE;
}

static const struct command begin = {"LOGIN", CMD_LOGGED_IN, run_begin, NULL};

/* ---- made, ended ----------------------------------------------------------
 */

static struct client *client_alloc(const struct client_conf *conf)
{
	struct server *server = conf->user->server;
	struct client *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->id = ++server->last_id;
	c->ip = pf_str_dup(pf_str_c(conf->ip));
	c->tls = pf_str_dup(pf_str_c(conf->tls));
	c->via = pf_str_dup(pf_str_c(conf->via ? conf->via : "password"));
	c->since = pf_clock_now();
	c->active = pf_clock_mono_ms();
	c->name = pf_str_dup(conf->name);
	c->gate_fd = conf->gate_fd;
	pf_buf_init(&c->out, CLIENT_OUT_MAX);
	pf_buf_init(&c->pending, INPUT_MAX + 1024);
	pf_list_init(&c->cmds);
	pf_list_init(&c->contexts);
	return c;
}

static void release(struct client *c)
{
	if (c->gate_fd >= 0)
		close(c->gate_fd);
	free(c->name);
	free(c->ip);
	free(c->tls);
	free(c->via);
	free(c);
}

pf_status client_new(const struct client_conf *conf, struct pf_error *err)
{
	struct server *server = conf->user->server;
	struct client *c = client_alloc(conf);
	pf_status status;

	if (conf->in_fd == conf->out_fd)
		status = net_conn_new(server->loop, conf->in_fd, &events, c,
				      INPUT_MAX, &c->conn, err);
	else
		status =
		    net_conn_new_pair(server->loop, conf->in_fd, conf->out_fd,
				      &events, c, INPUT_MAX, &c->conn, err);
	if (status != PF_OK) {
		release(c);
		return status;
	}
	c->user = conf->user;
	user_enter(c->user, &c->link);
	pf_map_set(&server->clients, id_key(&c->id), c);
	pf_buf_add_str(&c->pending, conf->input);
	pf_log(PF_LOG_INFO, "login", PF_LOGC("user", c->user->name),
	       PF_LOGC("ip", c->ip), PF_LOGC("tls", c->tls),
	       PF_LOGC("via", c->via), PF_LOGU("session", c->id));
	cmd_new(c, &begin, conf->login_tag.n ? conf->login_tag : PF_STR("*"));
	client_run(c);
	return PF_OK;
}

void client_free(struct client *c)
{
	struct user *user = c->user;

	pf_log(PF_LOG_INFO, "logout", PF_LOGC("user", user->name),
	       PF_LOGC("ip", c->ip), PF_LOGU("session", c->id),
	       PF_LOGC("reason", c->end ? c->end : "closed"),
	       PF_LOGU("commands", c->commands), PF_LOGU("in", c->bytes_in),
	       PF_LOGU("out", c->bytes_out),
	       PF_LOGU("seconds", pf_clock_now() - c->since));
	pf_map_remove(&user->server->clients, id_key(&c->id));
	imap_reader_free(&c->reader);
	pf_buf_release(&c->pending);
	free(c->selected);
	user_leave(user, &c->link);
	release(c);
}

void client_say_bye(struct client *c)
{
	struct pf_buf line = PF_BUF_INIT(512);

	pf_buf_addf(&line, "* BYE %s\r\n", c->end);
	net_conn_send(c->conn, line.data, line.len);
	pf_buf_release(&line);
}

void client_bye(struct client *c, const char *text)
{
	if (!c->conn || c->closing)
		return;
	c->closing = true;
	c->end = text;
	/* a BYE must not land in the middle of an answer */
	struct cmd *cmd = pf_list_empty(&c->cmds)
			      ? NULL
			      : pf_container_of(c->cmds.next, struct cmd, link);
	if (!c->busy && (!cmd || (cmd->waits && (cmd->def->flags & CMD_LINES))))
		client_say_bye(c);
	net_conn_close(c->conn);
}

void client_poke(struct client *c)
{
	c->poke = true;
	client_run(c);
}

void client_watch(struct client *c)
{
	struct server *server = c->user->server;
	struct pf_error err = {0};

	if (c->watched || c->watch_failed)
		return;
	if (server->watch &&
	    store_watch_add(server->watch, c->box, c->id, &err) == PF_OK) {
		c->watched = true;
		return;
	}
	c->watch_failed = true; /* the server's tick pokes instead */
	if (server->watch && !atomic_exchange(&server->watch_warned, true))
		pf_log_error(PF_LOG_WARN, "watch-failed", &err,
			     PF_LOGC("user", c->user->name),
			     PF_LOGC("instead", "polling"));
}

void client_unselect(struct client *c)
{
	if (c->watched)
		store_watch_remove(c->user->server->watch, c->id);
	c->watched = c->watch_failed = false;
	context_clear(c);
	store_view_free(&c->view);
	store_box_close(&c->box);
	pf_vec_release(&c->saved);
	c->keywords_told = 0;
	c->read_only = false;
}
