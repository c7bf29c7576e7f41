/*
 * A socket for the administrator.  "who" gives one line for each session (for
 * `penfold who`); "end TAB user TAB via" ends those of a user that came by one
 * device or master, an empty user or via meaning any; the answer is how many.
 * Then the connection closes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "imapd/client.h"
#include "imapd/msieve.h"
#include "imapd/session.h"

#define ANSWER_MAX (16 * 1024 * 1024)

struct asker {
	struct server *server;
	struct net_conn *conn;
};

static const char *or_dash(const char *text)
{
	return text && text[0] ? text : "-";
}

/* "TLSv1.3 TLS_AES_256_GCM_SHA384" -> "TLSv1.3" */
static int first_word(const char *text)
{
	return (int)strcspn(text, " ");
}

static void write_client(struct pf_buf *to, const struct client *c)
{
	char since[32];
	struct tm tm;
	const char *tls = or_dash(c->tls);
	int64_t idle = (pf_clock_mono_ms() - c->active) / 1000;
	/* the command's half is its worker's while a step runs */
	const char *box = c->busy ? "..." : or_dash(c->selected);
	const struct cmd *cmd =
	    pf_list_empty(&c->cmds)
		? NULL
		: pf_container_of(c->cmds.next, struct cmd, link);
	const char *now = cmd ? cmd->def->name : c->last ? c->last->name : "-";

	gmtime_r(&c->since, &tm);
	strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
	pf_buf_addf(to, "%-20s %-15s %-8.*s %-20s %-12s %6llds  %s\n",
		    c->user->name, or_dash(c->ip), first_word(tls), tls, box,
		    now, (long long)idle, since);
}

static void write_manager(struct pf_buf *to, const struct ms_client *c)
{
	char since[32];
	struct tm tm;
	const char *tls = or_dash(c->tls);
	int64_t idle = (pf_clock_mono_ms() - c->active) / 1000;

	gmtime_r(&c->since, &tm);
	strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
	pf_buf_addf(to, "%-20s %-15s %-8.*s %-20s %-12s %6llds  %s\n", c->user,
		    or_dash(c->ip), first_word(tls), tls, "(ManageSieve)",
		    c->command ? c->command->name : "-", (long long)idle,
		    since);
}

static void answer(struct asker *asker)
{
	struct server *server = asker->server;
	struct pf_buf text = PF_BUF_INIT(ANSWER_MAX);

	for (struct pf_link *u = server->user_list.next;
	     u != &server->user_list; u = u->next) {
		struct user *user = pf_container_of(u, struct user, link);
		for (struct pf_link *c = user->clients.next;
		     c != &user->clients; c = c->next)
			write_client(&text,
				     pf_container_of(c, struct client, link));
	}
	for (struct pf_link *m = server->managers.next; m != &server->managers;
	     m = m->next)
		write_manager(&text,
			      pf_container_of(m, struct ms_client, link));
	net_conn_send(asker->conn, text.data, text.len);
	net_conn_close(asker->conn);
	pf_buf_release(&text);
}

/* ---- end ---- */

static bool matches(struct pf_str want, const char *have)
{
	return want.n == 0 || pf_str_ieq(want, pf_str_c(have));
}

static unsigned end_clients(struct server *server, struct pf_str name,
			    struct pf_str via, const char *text)
{
	unsigned n = 0;

	for (struct pf_link *u = server->user_list.next, *next_user;
	     u != &server->user_list; u = next_user) {
		struct user *user = pf_container_of(u, struct user, link);
		next_user = u->next;
		if (!matches(name, user->name))
			continue;
		for (struct pf_link *l = user->clients.next, *next;
		     l != &user->clients; l = next) {
			struct client *c =
			    pf_container_of(l, struct client, link);
			next = l->next;
			if (!matches(via, c->via))
				continue;
			client_bye(c, text);
			n++;
		}
	}
	return n;
}

static unsigned end_managers(struct server *server, struct pf_str name,
			     struct pf_str via, const char *text)
{
	unsigned n = 0;

	for (struct pf_link *m = server->managers.next, *next;
	     m != &server->managers; m = next) {
		struct ms_client *c =
		    pf_container_of(m, struct ms_client, link);
		next = m->next;
		if (!matches(name, c->user) || !matches(via, c->via))
			continue;
		ms_client_bye(c, text);
		n++;
	}
	return n;
}

static void end_sessions(struct asker *asker, struct pf_str args)
{
	static const char text[] = "This login was withdrawn";
	struct server *server = asker->server;
	struct pf_buf answer_text = PF_BUF_INIT(64);
	struct pf_str name, via;
	unsigned n = 0;

	if (pf_str_split(&args, '\t', &name) && (name.n || args.n)) {
		if (!pf_str_split(&args, '\t', &via))
			via = PF_STR("");
		server->ends++; /* those on their way have to ask again */
		n = end_clients(server, name, via, text) +
		    end_managers(server, name, via, text);
	}
	pf_buf_addf(&answer_text, "%u\n", n);
	net_conn_send(asker->conn, answer_text.data, answer_text.len);
	net_conn_close(asker->conn);
	pf_buf_release(&answer_text);
}

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct asker *asker = arg;
	const char *lf = memchr(p, '\n', n);

	static const struct pf_str end = {"end\t", 4};

	if (!lf && n < 1024)
		return 0;
	struct pf_str line = pf_str_mem(p, lf ? (size_t)(lf - p) : n);
	if (lf && pf_str_starts(line, end)) {
		end_sessions(asker, pf_str_from(line, end.n));
		return n;
	}
	line = pf_str_trim(line);
	if (pf_str_eq(line, PF_STR("who")))
		answer(asker);
	else
		net_conn_close(asker->conn);
	return n;
}

static void on_closed(void *arg, const struct pf_error *why)
{
	(void)why;
	free(arg);
}

static const struct net_conn_events events = {
    .on_input = on_input,
    .on_closed = on_closed,
};

static void on_accept(void *arg, int fd, const char *peer, int peer_port)
{
	struct asker *asker = calloc(1, sizeof *asker);
	struct pf_error err;

	(void)peer;
	(void)peer_port;
	if (!asker)
		abort();
	asker->server = arg;
	if (net_conn_new(asker->server->loop, fd, &events, asker, 4096,
			 &asker->conn, &err) != PF_OK) {
		free(asker);
		return;
	}
	net_conn_set_timeout(asker->conn, 10000);
}

pf_status who_listen(struct server *server, const char *path,
		     struct net_listener **listener, struct pf_error *err)
{
	char address[256];

	snprintf(address, sizeof address, "unix:%s", path);
	return net_listener_new(
	    server->loop,
	    &(struct net_listener_conf){.address = address,
					.mode = 0600,
					.uid = (uid_t)-1,
					.gid = (gid_t)-1,
					.on_accept = on_accept,
					.arg = server},
	    listener, err);
}
