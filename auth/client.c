/*
 * SASL exchanges through run_dir/auth.sock, for imapd's gate: many requests
 * over one connection, told apart by their ids.
 *
 * While authd is down, requests fail at once (UNAVAILABLE) and the connection
 * is tried again with each new request and every second.  A callback may do
 * anything with requests and with the client: the client is freed when the
 * last of our own frames has returned and its connection is closed.
 */
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/wire.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "net/net.h"

#define TICK_MS	   1000
#define ANSWER_MS  15000 /* authd answers within 10 s */
#define COOKIE_MAX 64

struct auth_client {
	struct net_loop *loop;
	char *address;
	struct net_conn *conn;
	struct net_timer *tick, *soon;
	bool up;    /* the handshake is done */
	bool dying; /* auth_client_free was called */
	int busy;   /* our frames on the stack that will touch the client */
	struct pf_buf mechanisms; /* "" while down */
	struct pf_buf learning;	  /* the same, during the handshake */
	char cookie[COOKIE_MAX];
	struct pf_link requests; /* alive */
	struct pf_link doomed;	 /* to be failed in a moment */
	struct pf_map by_id;	 /* 4 bytes of id -> request */
	uint32_t last_id;
};

struct auth_request {
	struct pf_link link;
	struct auth_client *client;
	uint32_t id;
	auth_result_fn fn;
	void *arg;
	struct pf_buf unsent; /* the AUTH line, while the handshake runs */
	int64_t deadline;     /* 0: it is the client's turn */
};

static struct auth_request *request_of(struct pf_link *link)
{
	return pf_container_of(link, struct auth_request, link);
}

static struct pf_str id_key(const uint32_t *id)
{
	return pf_str_mem(id, sizeof *id);
}

/* ---- the end of things ------------------------------------------------- */

static void request_free(struct auth_request *r)
{
	pf_map_remove(&r->client->by_id, id_key(&r->id));
	pf_list_remove(&r->link);
	pf_buf_wipe(&r->unsent);
	free(r);
}

static void client_release(struct auth_client *c)
{
	if (!c->dying || c->busy || c->conn)
		return;
	pf_buf_release(&c->mechanisms);
	pf_buf_release(&c->learning);
	pf_map_release(&c->by_id);
	free(c->address);
	free(c);
}

static void finish(struct auth_request *r, enum auth_result result,
		   struct pf_str data, const char *cookie, const char *reason)
{
	auth_result_fn fn = r->fn;
	void *arg = r->arg;

	request_free(r);
	fn(arg, result, data, cookie, reason);
}

static void move_all(struct pf_link *from, struct pf_link *to)
{
	while (!pf_list_empty(from)) {
		struct pf_link *link = from->next;
		pf_list_remove(link);
		pf_list_append(to, link);
	}
}

/* Fails the doomed, but none that the callbacks doom meanwhile. */
static void fail_doomed(struct auth_client *c)
{
	struct pf_link batch;

	pf_list_init(&batch);
	move_all(&c->doomed, &batch);
	c->busy++;
	while (!pf_list_empty(&batch))
		finish(request_of(batch.next), AUTH_UNAVAILABLE, PF_STR(""),
		       NULL, NULL);
	c->busy--;
	client_release(c);
}

/* ---- the connection ---------------------------------------------------- */

static void on_closed(void *arg, const struct pf_error *why)
{
	struct auth_client *c = arg;

	(void)why;
	c->conn = NULL;
	c->up = false;
	pf_buf_clear(&c->mechanisms);
	pf_buf_clear(&c->learning);
	move_all(&c->requests, &c->doomed);
	fail_doomed(c);
}

static void send_request(struct auth_request *r)
{
	net_conn_send(r->client->conn, r->unsent.data, r->unsent.len);
	pf_buf_wipe(&r->unsent);
	r->deadline = pf_clock_mono_ms() + ANSWER_MS;
}

static void handshake_done(struct auth_client *c)
{
	c->up = true;
	pf_buf_clear(&c->mechanisms);
	pf_buf_add_str(&c->mechanisms, pf_buf_str(&c->learning));
	for (struct pf_link *l = c->requests.next; l != &c->requests;
	     l = l->next)
		send_request(request_of(l));
}

static bool handshake_line(struct auth_client *c, struct pf_str command,
			   struct pf_str line)
{
	struct pf_str word;

	if (pf_str_eq(command, PF_STR("VERSION")))
		return auth_wire_word(&line, &word) &&
		       pf_str_eq(word, PF_STR("1"));
	if (pf_str_eq(command, PF_STR("MECH"))) {
		if (auth_wire_word(&line, &word) && auth_wire_clean(word) &&
		    pf_str_chr(word, ' ') < 0) {
			pf_buf_add_c(&c->learning, c->learning.len ? " " : "");
			pf_buf_add_str(&c->learning, word);
		}
		return true;
	}
	if (pf_str_eq(command, PF_STR("COOKIE")))
		return auth_wire_word(&line, &word) &&
		       pf_str_copy(word, c->cookie, sizeof c->cookie);
	if (pf_str_eq(command, PF_STR("DONE")))
		handshake_done(c);
	return true;
}

/* ---- answers ----------------------------------------------------------- */

static void answer_ok(struct auth_request *r, struct pf_str line,
		      struct pf_arena *arena)
{
	struct pf_str word, user = {NULL, 0};
	char cookie[COOKIE_MAX + 32];

	while (auth_wire_word(&line, &word))
		auth_wire_value(word, "user", arena, &user);
	snprintf(cookie, sizeof cookie, "%ld.%u.%s", (long)getpid(), r->id,
		 r->client->cookie);
	if (user.n)
		finish(r, AUTH_OK, user, cookie, NULL);
	else
		finish(r, AUTH_UNAVAILABLE, PF_STR(""), NULL, NULL);
}

static void answer_fail(struct auth_request *r, struct pf_str line,
			struct pf_arena *arena)
{
	struct pf_str word, code = {NULL, 0}, reason = {NULL, 0};

	while (auth_wire_word(&line, &word)) {
		auth_wire_value(word, "code", arena, &code);
		auth_wire_value(word, "reason", arena, &reason);
	}
	finish(
	    r,
	    pf_str_eq(code, PF_STR("temp_fail")) ? AUTH_UNAVAILABLE : AUTH_FAIL,
	    PF_STR(""), NULL, reason.n ? pf_arena_cstr(arena, reason) : NULL);
}

static void answer_cont(struct auth_request *r, struct pf_str line)
{
	struct pf_buf data = PF_BUF_INIT(AUTH_WIRE_LINE_MAX);

	if (pf_base64_decode(&data, line)) {
		r->deadline = 0;
		r->fn(r->arg, AUTH_CONTINUE, pf_buf_str(&data), NULL, NULL);
	} else {
		finish(r, AUTH_UNAVAILABLE, PF_STR(""), NULL, NULL);
	}
	pf_buf_wipe(&data);
}

static void answer_line(struct auth_client *c, struct pf_str command,
			struct pf_str line)
{
	struct auth_request *r;
	struct pf_arena arena;
	uint32_t id;

	if (!auth_wire_id(&line, &id))
		return;
	r = pf_map_get(&c->by_id, id_key(&id));
	if (!r)
		return; /* given up meanwhile */
	pf_arena_init(&arena, 2 * AUTH_WIRE_LINE_MAX);
	if (pf_str_eq(command, PF_STR("OK")))
		answer_ok(r, line, &arena);
	else if (pf_str_eq(command, PF_STR("FAIL")))
		answer_fail(r, line, &arena);
	else if (pf_str_eq(command, PF_STR("CONT")))
		answer_cont(r, line);
	pf_arena_release(&arena);
}

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct auth_client *c = arg;
	struct pf_str input = pf_str_mem(p, n), line;
	size_t used = 0;

	c->busy++;
	while (!c->dying && auth_wire_line(pf_str_from(input, used), &line)) {
		struct pf_str command;
		used += line.n + 1;
		if (!auth_wire_word(&line, &command))
			continue;
		if (c->up)
			answer_line(c, command, line);
		else if (!handshake_line(c, command, line))
			net_conn_abort(c->conn);
	}
	if (!c->dying && n - used > AUTH_WIRE_LINE_MAX)
		net_conn_abort(c->conn);
	c->busy--; /* c->conn is still there, so nothing is freed here */
	return used;
}

static const struct net_conn_events conn_events = {
    .on_input = on_input,
    .on_closed = on_closed,
};

static void dial(struct auth_client *c)
{
	struct pf_buf hello = PF_BUF_INIT(100);
	int fd = -1;

	if (c->conn || c->dying ||
	    net_connect(c->address, 1000, &fd, NULL) != PF_OK)
		return;
	if (net_conn_new(c->loop, fd, &conn_events, c, 2 * AUTH_WIRE_LINE_MAX,
			 &c->conn, NULL) != PF_OK)
		return; /* net_conn_new owns fd */
	pf_buf_addf(&hello, "VERSION\t1\t2\nCPID\t%ld\n", (long)getpid());
	net_conn_send(c->conn, hello.data, hello.len);
	pf_buf_release(&hello);
}

/* ---- time -------------------------------------------------------------- */

static void on_tick(void *arg)
{
	struct auth_client *c = arg;
	int64_t now = pf_clock_mono_ms();

	dial(c);
	for (struct pf_link *l = c->requests.next; l != &c->requests;
	     l = l->next) {
		struct auth_request *r = request_of(l);
		if (r->deadline && r->deadline <= now) {
			/* authd hangs: a new connection, for all */
			if (c->conn)
				net_conn_abort(c->conn);
			return;
		}
	}
}

static void on_soon(void *arg)
{
	fail_doomed(arg);
}

/* ---- the public half --------------------------------------------------- */

struct auth_client *auth_client_new(struct net_loop *loop,
				    const char *auth_socket)
{
	struct auth_client *c = calloc(1, sizeof *c);
	struct pf_buf address = PF_BUF_INIT(4096);

	if (!c)
		abort();
	pf_buf_addf(&address, "%s%s", auth_socket[0] == '/' ? "unix:" : "",
		    auth_socket);
	c->loop = loop;
	c->address = pf_buf_detach(&address);
	pf_buf_init(&c->mechanisms, 4096);
	pf_buf_init(&c->learning, 4096);
	pf_list_init(&c->requests);
	pf_list_init(&c->doomed);
	c->tick = net_timer_new(loop, on_tick, c);
	c->soon = net_timer_new(loop, on_soon, c);
	net_timer_start(c->tick, TICK_MS, TICK_MS);
	dial(c);
	return c;
}

void auth_client_free(struct auth_client **client)
{
	struct auth_client *c = *client;

	*client = NULL;
	if (!c)
		return;
	c->dying = true;
	net_timer_free(&c->tick);
	net_timer_free(&c->soon);
	move_all(&c->doomed, &c->requests);
	while (!pf_list_empty(&c->requests))
		request_free(request_of(c->requests.next));
	if (c->conn)
		net_conn_abort(c->conn);
	client_release(c);
}

const char *auth_client_mechanisms(const struct auth_client *client)
{
	return client->mechanisms.data;
}

static void add_param(struct pf_buf *to, const char *name, const char *value)
{
	if (value && value[0])
		auth_wire_param(to, name, pf_str_c(value));
}

static void add_binding(struct pf_buf *to, const char *name,
			struct pf_str value)
{
	if (value.n)
		auth_wire_param(to, name, value);
}

struct auth_request *auth_request_new(struct auth_client *client,
				      const char *mechanism,
				      const struct auth_peer *peer,
				      struct pf_str initial, auth_result_fn fn,
				      void *arg)
{
	struct auth_request *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->client = client;
	r->fn = fn;
	r->arg = arg;
	r->id = client->last_id =
	    client->last_id == UINT32_MAX ? 1 : client->last_id + 1;
	pf_buf_init(&r->unsent, AUTH_WIRE_LINE_MAX);
	auth_wire_begin(&r->unsent, "AUTH", r->id);
	auth_wire_add(&r->unsent, pf_str_c(mechanism));
	add_param(&r->unsent, "service", peer->service);
	add_param(&r->unsent, "lip", peer->local_ip);
	add_param(&r->unsent, "rip", peer->remote_ip);
	pf_buf_add_c(&r->unsent, peer->secured ? "\tsecured" : "");
	add_binding(&r->unsent, AUTH_WIRE_EXPORTER, peer->exporter);
	add_binding(&r->unsent, AUTH_WIRE_END_POINT, peer->end_point);
	pf_buf_add_c(&r->unsent, "\ttemp-fail");
	if (initial.p) {
		pf_buf_add_c(&r->unsent, "\tresp=");
		pf_base64_encode(&r->unsent, initial);
	}
	auth_wire_end(&r->unsent);
	pf_map_set(&client->by_id, id_key(&r->id), r);
	dial(client);
	if (!client->conn || r->unsent.failed) {
		pf_list_append(&client->doomed, &r->link);
		net_timer_start(client->soon, 0, 0);
		return r;
	}
	pf_list_append(&client->requests, &r->link);
	if (client->up)
		send_request(r);
	else
		r->deadline = pf_clock_mono_ms() + ANSWER_MS;
	return r;
}

void auth_request_continue(struct auth_request *request, struct pf_str data)
{
	struct pf_buf line = PF_BUF_INIT(AUTH_WIRE_LINE_MAX);

	if (!request->client->conn)
		return; /* doomed already */
	auth_wire_begin(&line, "CONT", request->id);
	pf_buf_add_byte(&line, '\t');
	pf_base64_encode(&line, data);
	auth_wire_end(&line);
	if (line.failed) { /* an impossible answer: an empty one fails too */
		pf_buf_clear(&line);
		auth_wire_begin(&line, "CONT", request->id);
		pf_buf_add_c(&line, "\t\n");
	}
	net_conn_send(request->client->conn, line.data, line.len);
	request->deadline = pf_clock_mono_ms() + ANSWER_MS;
	pf_buf_wipe(&line);
}

void auth_request_cancel(struct auth_request **request)
{
	struct auth_request *r = *request;
	struct pf_buf line = PF_BUF_INIT(100);

	*request = NULL;
	if (!r)
		return;
	if (r->client->up && r->client->conn) {
		auth_wire_begin(&line, "CANCEL", r->id);
		auth_wire_end(&line);
		net_conn_send(r->client->conn, line.data, line.len);
	}
	pf_buf_release(&line);
	request_free(r);
}
