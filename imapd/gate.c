/*
 * The gate's connections: greeting, commands before login, limits.
 *
 * Nothing a stranger sends may cost much: lines of 8 KiB, literals of 4 KiB,
 * one level of parentheses (ID has one), a fixed time to log in, and a few
 * tries (RFC 3501 6.2, threats to login services).
 */
#include "imapd/gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/priv.h"
#include "imapd/msieve.h"

#define LINE_MAX_BYTES	  8192
#define LITERAL_MAX_BYTES 4096
#define INPUT_MAX	  16384
#define BAD_MAX		  10
#define TICK_MS		  1000
#define RELAY_END_TICKS	  3
#define FILES_OWN	  50
#define CERT_TICKS	  3 /* between two looks at the files */
#define CERT_WARN_DAYS	  14
#define DAY		  (24 * 3600) /* seconds, and ticks */

static const struct imap_reader_conf reader_conf = {
    .line_max = LINE_MAX_BYTES,
    .literal_max = LITERAL_MAX_BYTES,
    .depth_max = 1,
    .args_max = 80,
};

/* ---- what is offered ------------------------------------------------------
 */

static bool is_loopback(const char *ip)
{
	return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

bool gate_secure(const struct gate_conn *g)
{
	return g->tls ||
	       (g->gate->conf->auth_plain_loopback && is_loopback(g->ip));
}

static bool in_clear(struct pf_str mechanism)
{
	return pf_str_ieq(mechanism, PF_STR("PLAIN")) ||
	       pf_str_ieq(mechanism, PF_STR("LOGIN"));
}

/* Where there is TLS, each SCRAM can be bound to it (RFC 5802 6). */
static bool has_plus(const struct gate_conn *g, struct pf_str mechanism)
{
	return g->tls && pf_str_istarts(mechanism, PF_STR("SCRAM-"));
}

bool gate_offers(const struct gate_conn *g, struct pf_str mechanism)
{
	struct pf_str rest = pf_str_c(g->gate->conf->auth_mechanisms), word;
	static const struct pf_str plus = {"-PLUS", 5};

	while (pf_conf_word(&rest, &word)) {
		if (pf_str_ieq(word, mechanism))
			return true;
		if (has_plus(g, word) && mechanism.n == word.n + plus.n &&
		    pf_str_ieq(pf_str_head(mechanism, word.n), word) &&
		    pf_str_ieq(pf_str_from(mechanism, word.n), plus))
			return true;
	}
	return false;
}

void gate_write_mechanisms(struct pf_buf *to, const struct gate_conn *g,
			   const char *before)
{
	struct pf_str rest = pf_str_c(g->gate->conf->auth_mechanisms), word;
	bool secure = gate_secure(g);

	while (pf_conf_word(&rest, &word)) {
		if (!secure && in_clear(word))
			continue;
		for (int plus = has_plus(g, word); plus >= 0; plus--) {
			pf_buf_add_c(to, before);
			pf_buf_add_str(to, word);
			pf_buf_add_c(to, plus ? "-PLUS" : "");
		}
	}
}

void write_capability_gate(struct pf_buf *to, const struct gate_conn *g)
{
	/* RFC 7888 5: strangers get no more than LITERAL_MAX_BYTES */
	pf_buf_add_c(to, "IMAP4rev1 IMAP4rev2 LITERAL- SASL-IR ID ENABLE IDLE "
			 "LANGUAGE");
	if (!g->tls && g->gate->tls)
		pf_buf_add_c(to, " STARTTLS");
	if (!gate_secure(g))
		pf_buf_add_c(to, " LOGINDISABLED");
	gate_write_mechanisms(to, g, " AUTH=");
}

/* ---- talking --------------------------------------------------------------
 */

void gate_send(struct gate_conn *g, struct pf_str text)
{
	if (g->conn)
		net_conn_send(g->conn, text.p, text.n);
}

void gate_reply(struct gate_conn *g, const char *text)
{
	struct pf_buf line = PF_BUF_INIT(LINE_MAX_BYTES + 4096);

	pf_buf_addf(&line, "%s %s\r\n", g->tag ? g->tag : "*", text);
	gate_send(g, pf_buf_str(&line));
	pf_buf_release(&line);
	free(g->tag);
	g->tag = NULL;
}

void gate_result(struct gate_conn *g, const char *result, const char *code,
		 const char *text)
{
	char line[300];

	if (g->protocol == HANDOFF_SIEVE) {
		ms_gate_result(g, result, code, text);
		return;
	}
	if (*code)
		snprintf(line, sizeof line, "%s [%s] %s", result, code, text);
	else
		snprintf(line, sizeof line, "%s %s", result, text);
	gate_reply(g, line);
}

void gate_close(struct gate_conn *g, const char *why)
{
	if (g->state == GATE_CLOSING)
		return;
	g->state = GATE_CLOSING;
	g->end = why;
	auth_request_cancel(&g->request);
	if (g->conn)
		net_conn_close(g->conn);
}

void gate_bye(struct gate_conn *g, const char *why)
{
	struct pf_buf line = PF_BUF_INIT(512);

	if (g->protocol == HANDOFF_SIEVE)
		msieve_add_result(&line, "BYE", "", pf_str_c(why));
	else
		pf_buf_addf(&line, "* BYE %s\r\n", why);
	gate_send(g, pf_buf_str(&line));
	pf_buf_release(&line);
	gate_close(g, why);
}

/* ---- input ----------------------------------------------------------------
 */

static void bad(struct gate_conn *g, const char *text)
{
	char line[512];

	snprintf(line, sizeof line, "BAD %s", text);
	gate_reply(g, line);
	if (++g->bad >= BAD_MAX)
		gate_bye(g, "Too many bad commands");
}

static void take_tag(struct gate_conn *g)
{
	struct pf_str tag = imap_reader_tag(g->reader);

	free(g->tag);
	g->tag = tag.n ? pf_str_dup(tag) : NULL;
}

static void run_command(struct gate_conn *g)
{
	const struct command *def = command_find(imap_reader_name(g->reader));

	take_tag(g);
	if (def && def->gate)
		def->gate(g, imap_reader_args(g->reader));
	else
		bad(g, def ? "Log in first" : "Unknown command");
	/* the memory had a password in it, perhaps */
	if (g->reader)
		imap_reader_next(g->reader);
}

static size_t feed(struct gate_conn *g, const char *p, size_t n)
{
	struct pf_error err = {0};
	size_t used = 0;

	pf_status status = imap_reader_feed(g->reader, p, n, &used, &err);
	if (status == PF_MORE) {
		if (imap_reader_event(g->reader) == IMAP_READ_CONTINUE)
			gate_send(g, PF_STR("+ OK\r\n"));
	} else if (status == PF_OK) {
		run_command(g);
	} else if (status == PF_INVALID) {
		char text[sizeof err.client + 16];

		take_tag(g);
		snprintf(text, sizeof text, "%s%s",
			 err.status == PF_LIMIT ? "[TOOBIG] " : "", err.client);
		bad(g, text);
		imap_reader_next(g->reader);
	} else {
		gate_bye(g, err.client);
	}
	return used;
}

static size_t sasl_line(struct gate_conn *g, const char *p, size_t n)
{
	struct pf_error err = {0};
	struct pf_str line;
	size_t used = 0;

	pf_status status =
	    imap_reader_line(g->reader, p, n, &used, &line, &err);
	if (status == PF_OK)
		gate_sasl_line(g, line);
	else if (status != PF_MORE)
		gate_bye(g, err.client);
	return used;
}

static size_t take(struct gate_conn *g, const char *p, size_t n)
{
	size_t used = 0;

	if (g->protocol == HANDOFF_SIEVE)
		return ms_gate_input(g, p, n);
	if (!g->reader)
		g->reader = imap_reader_new(&reader_conf);
	while (used < n && g->reader) {
		bool was_tls = g->tls;

		if (g->state == GATE_COMMANDS)
			used += feed(g, p + used, n - used);
		else if (g->state == GATE_SASL)
			used += sasl_line(g, p + used, n - used);
		else
			break;
		if (g->tls != was_tls)
			break; /* what stands behind STARTTLS is an attack */
	}
	return g->state == GATE_CLOSING ? n : used;
}

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct gate_conn *g = arg;

	if (g->state == GATE_RELAY) {
		if (g->session && !net_conn_send(g->session, p, n))
			net_conn_pause(g->conn);
		return n;
	}
	return g->back.len > 0 ? 0 : take(g, p, n);
}

void gate_continue(struct gate_conn *g)
{
	g->state = GATE_COMMANDS;
	gate_take_back(g);
}

void gate_take_back(struct gate_conn *g)
{
	size_t used = 1;

	if (g->in_back)
		return;
	g->in_back = true;
	while (g->conn && g->back.len > 0 && used > 0) {
		used = take(g, g->back.data, g->back.len);
		pf_buf_take(&g->back, used);
	}
	g->in_back = false;
	if (g->conn && g->back.len == 0)
		net_conn_resume(g->conn);
}

static void on_drain(void *arg)
{
	struct gate_conn *g = arg;

	if (g->state == GATE_RELAY && g->session)
		net_conn_resume(g->session);
	else if (g->state == GATE_HAND)
		gate_hand_now(g);
}

static void on_eof(void *arg)
{
	struct gate_conn *g = arg;

	g->eof = true;
	if (g->state == GATE_RELAY && g->session)
		net_conn_shutdown(g->session);
	else
		gate_close(g, "closed");
}

/* ---- made and freed ---------------------------------------------------------
 */

static void room_again(struct gate *gate)
{
	if (gate->full && gate->count < gate->count_max) {
		gate->full = false;
		for (size_t i = 0; i < gate->port_count; i++)
			net_listener_pause(gate->ports[i].listener, false);
	}
}

void gate_conn_free(struct gate_conn *g)
{
	struct gate *gate = g->gate;

	pf_list_remove(&g->link);
	auth_request_cancel(&g->request);
	imap_reader_free(&g->reader);
	msieve_reader_free(&g->sieve_reader);
	pf_buf_wipe(&g->back);
	if (g->back_fd >= 0)
		close(g->back_fd);
	free(g->tag);
	free(g->mechanism);
	free(g->cookie);
	free(g);
	gate->count--;
	room_again(gate);
	if (gate->stopping && gate->count == 0)
		net_loop_stop(gate->loop);
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct gate_conn *g = arg;

	g->conn = NULL;
	if (g->session) {
		net_conn_close(g->session); /* its end frees us */
		return;
	}
	if (g->state != GATE_RELAY)
		pf_log(PF_LOG_INFO, "login-ended", PF_LOGC("ip", g->ip),
		       PF_LOGC("reason",
			       g->end ? g->end : pf_status_text(why->status)),
		       PF_LOGU("failures", g->failures));
	gate_conn_free(g);
}

static const struct net_conn_events events = {
    .on_input = on_input,
    .on_drain = on_drain,
    .on_eof = on_eof,
    .on_closed = on_closed,
};

static void local_address(int fd, char *to, socklen_t size)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	to[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)(void *)&address, &len) < 0)
		return;
	const void *where =
	    address.ss_family == AF_INET6
		? (void *)&((struct sockaddr_in6 *)(void *)&address)->sin6_addr
		: (void *)&((struct sockaddr_in *)(void *)&address)->sin_addr;
	(void)inet_ntop(address.ss_family, where, to, size);
}

static void greet(struct gate_conn *g)
{
	struct pf_buf line = PF_BUF_INIT(2048);

	if (g->protocol == HANDOFF_SIEVE) {
		ms_gate_greet(g);
		return;
	}
	pf_buf_add_c(&line, "* OK [CAPABILITY ");
	write_capability_gate(&line, g);
	pf_buf_addf(&line, "] %s penfold ready\r\n", g->gate->hostname);
	gate_send(g, pf_buf_str(&line));
	pf_buf_release(&line);
}

void gate_set_deadline(struct gate_conn *g)
{
	g->deadline = pf_clock_mono_ms() + g->gate->conf->login_timeout * 1000;
	pf_list_append(&g->gate->waiting, &g->link);
}

/* Full.  Strangers must not lock out who can log in: the one who has waited
 * longest goes.  When all have logged in, newcomers wait for one to leave. */
static void make_room(struct gate *gate)
{
	for (struct pf_link *l = gate->waiting.next; l != &gate->waiting;
	     l = l->next) {
		struct gate_conn *g =
		    pf_container_of(l, struct gate_conn, link);

		if (g->state == GATE_CLOSING)
			continue;
		gate_bye(g, "Too many connections");
		net_conn_abort(g->conn);
		return;
	}
	gate->full = true;
	for (size_t i = 0; i < gate->port_count; i++)
		net_listener_pause(gate->ports[i].listener, true);
}

void gate_accept(struct gate_port *port, int fd, const char *peer,
		 const char *local_ip)
{
	struct gate *gate = port->gate;
	struct gate_conn *g = calloc(1, sizeof *g);
	struct pf_error err = {0};

	if (!g)
		abort();
	g->gate = gate;
	g->protocol = port->protocol;
	g->back_fd = -1;
	pf_buf_init(&g->back, GATE_BACK_MAX);
	g->id = ++gate->last_id;
	snprintf(g->ip, sizeof g->ip, "%s", peer);
	if (local_ip[0])
		snprintf(g->local_ip, sizeof g->local_ip, "%s", local_ip);
	else
		local_address(fd, g->local_ip, sizeof g->local_ip);
	if (net_conn_new(gate->loop, fd, &events, g, INPUT_MAX, &g->conn,
			 &err) != PF_OK) {
		pf_log_error(PF_LOG_WARN, "accept", &err);
		free(g);
		return;
	}
	gate->count++;
	if (gate->count >= gate->count_max)
		make_room(gate);
	gate_set_deadline(g);
	if (port->tls &&
	    net_conn_start_tls(g->conn, gate->tls, &err) != PF_OK) {
		pf_log_error(PF_LOG_WARN, "tls", &err);
		gate_close(g, "tls");
		return;
	}
	g->tls = port->tls;
	greet(g);
}

static void on_accept(void *arg, int fd, const char *peer, int peer_port)
{
	struct gate_port *port = arg;

	(void)peer_port;
	if (port->proxy)
		gate_proxied_accept(port, fd, peer);
	else
		gate_accept(port, fd, peer, "");
}

/* ---- the process ------------------------------------------------------------
 */

static void end_late(struct gate *gate)
{
	int64_t now = pf_clock_mono_ms();

	while (!pf_list_empty(&gate->waiting)) {
		struct gate_conn *g =
		    pf_container_of(gate->waiting.next, struct gate_conn, link);
		if (g->deadline > now)
			break;
		/* to the end of the list, in case closing takes its time */
		pf_list_remove(&g->link);
		gate_set_deadline(g);
		if (g->state == GATE_CLOSING)
			net_conn_abort(g->conn);
		else
			gate_bye(g, "Too slow to log in");
	}
}

static void warn_of_end(const struct gate *gate)
{
	size_t which;
	int64_t left = net_tls_expires(gate->tls, &which) - pf_clock_now();

	if (left < CERT_WARN_DAYS * DAY)
		pf_log(left < 0 ? PF_LOG_ERROR : PF_LOG_WARN,
		       left < 0 ? "certificate-ended" : "certificate-ends",
		       PF_LOGU("number", which + 1),
		       PF_LOGU("days", left < 0 ? 0 : left / DAY),
		       PF_LOGC("fix", "renew it: new files are seen at once"));
}

/* What is open keeps its certificate; handshakes use the new ones. */
static pf_status load_tls(struct gate *gate, bool *changed,
			  struct pf_error *err)
{
	struct net_tls *tls;

	*changed = false;
	if (!gate->key)
		return PF_OK;
	pf_status status = net_key_look(gate->key, changed, err);
	if (status == PF_OK && *changed)
		status = net_tls_new_by_key(
		    gate->key, gate->conf->tls_min_version, &tls, err);
	if (status == PF_OK && *changed) {
		net_tls_unref(&gate->tls);
		gate->tls = tls;
		warn_of_end(gate);
	}
	return status;
}

void gate_reload(struct gate *gate)
{
	struct pf_error err = {0};
	bool changed;
	pf_status status = load_tls(gate, &changed, &err);

	if (status != PF_OK)
		pf_log_error(PF_LOG_ERROR, "certificate-kept", &err);
	else if (changed)
		pf_log(PF_LOG_INFO, "certificate-read");
	/* without keys there is no more TLS: `penfold run` begins anew */
	if (status == PF_CLOSED)
		net_loop_stop(gate->loop);
}

static void on_tick(void *arg)
{
	struct gate *gate = arg;

	end_late(gate);
	if (gate->stopping)
		net_loop_stop(gate->loop);
	else if (++gate->ticks % CERT_TICKS == 0)
		gate_reload(gate);
	if (gate->tls && gate->ticks % DAY == 0)
		warn_of_end(gate);
}

static pf_status listen_on(struct gate *gate, const char *list, bool tls,
			   enum handoff_protocol protocol, struct pf_error *err)
{
	struct pf_str rest = pf_str_c(list), word;
	pf_status status = PF_OK;

	while (status == PF_OK && pf_conf_word(&rest, &word)) {
		if (gate->port_count == GATE_LISTENERS_MAX)
			return pf_error_set(err, PF_LIMIT, NULL,
					    "more than %d listeners",
					    GATE_LISTENERS_MAX);
		if (tls && !gate->tls)
			return pf_error_set(err, PF_INVALID, NULL,
					    "listen_imaps needs tls_cert and "
					    "tls_key");
		struct gate_port *port = &gate->ports[gate->port_count];
		bool proxy = pf_str_starts(word, PF_STR("proxy:"));
		char *address = pf_str_dup(proxy ? pf_str_from(word, 6) : word);
		*port = (struct gate_port){.gate = gate,
					   .protocol = protocol,
					   .tls = tls,
					   .proxy = proxy};
		status = net_listener_new(
		    gate->loop,
		    &(struct net_listener_conf){.address = address,
						.mode = 0660,
						.uid = (uid_t)-1,
						.gid = (gid_t)-1,
						.on_accept = on_accept,
						.arg = port},
		    &port->listener, err);
		free(address);
		if (status == PF_OK)
			gate->port_count++;
	}
	return status;
}

/* What the configuration says, if there are descriptors for it: a TLS
 * connection takes two of ours. */
static size_t most_connections(const struct pf_conf *conf)
{
	size_t possible = pf_priv_all_files() / 2 - FILES_OWN;
	size_t wanted = (size_t)conf->connections_max;

	if (wanted <= possible)
		return wanted;
	pf_log(PF_LOG_WARN, "few-files", PF_LOGU("connections", possible),
	       PF_LOGC("fix", "raise the limit of open files (LimitNOFILE)"));
	return possible;
}

pf_status gate_init(struct gate *gate, struct net_loop *loop,
		    struct net_key *key, const struct pf_conf *conf,
		    struct pf_error *err)
{
	char path[200];
	bool changed;

	*gate = (struct gate){.loop = loop, .key = key, .conf = conf};
	gate->count_max = most_connections(conf);
	for (size_t i = 0; i < GATE_WORKERS_MAX; i++)
		gate->workers[i] = -1;
	pf_list_init(&gate->waiting);
	pf_list_init(&gate->relays);
	pf_list_init(&gate->proxied);
	if (conf->hostname[0])
		snprintf(gate->hostname, sizeof gate->hostname, "%s",
			 conf->hostname);
	else if (gethostname(gate->hostname, sizeof gate->hostname - 1) < 0)
		snprintf(gate->hostname, sizeof gate->hostname, "localhost");
	if (conf->session_workers < 1 ||
	    conf->session_workers > GATE_WORKERS_MAX)
		return pf_error_set(err, PF_INVALID, NULL,
				    "session_workers: 1 to %d",
				    GATE_WORKERS_MAX);
	if (!pf_conf_run_path(conf, "auth-gate.sock", path, sizeof path))
		return pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	pf_status status = load_tls(gate, &changed, err);
	if (status == PF_OK)
		status = listen_on(gate, conf->listen_imap, false, HANDOFF_IMAP,
				   err);
	if (status == PF_OK)
		status = listen_on(gate, conf->listen_imaps, true, HANDOFF_IMAP,
				   err);
	if (status == PF_OK)
		status = listen_on(gate, conf->listen_sieve, false,
				   HANDOFF_SIEVE, err);
	if (status != PF_OK)
		return status;
	gate->auth = auth_client_new(loop, path);
	gate->tick = net_timer_new(loop, on_tick, gate);
	net_timer_start(gate->tick, TICK_MS, TICK_MS);
	return PF_OK;
}

void gate_stop(struct gate *gate)
{
	if (gate->stopping)
		return;
	gate->stopping = true;
	for (size_t i = 0; i < gate->port_count; i++)
		net_listener_free(&gate->ports[i].listener);
	gate->port_count = 0;
	gate_proxied_stop(gate);
	for (struct pf_link *link = gate->waiting.next, *next;
	     link != &gate->waiting; link = next) {
		next = link->next;
		gate_bye(pf_container_of(link, struct gate_conn, link),
			 "Server is going down");
	}
	if (gate->count == 0)
		net_loop_stop(gate->loop);
	else /* sessions say goodbye through the relays meanwhile */
		net_timer_start(gate->tick, RELAY_END_TICKS * TICK_MS, 0);
}

void gate_release(struct gate *gate)
{
	for (size_t i = 0; i < gate->port_count; i++)
		net_listener_free(&gate->ports[i].listener);
	for (size_t i = 0; i < GATE_WORKERS_MAX; i++)
		if (gate->workers[i] >= 0)
			close(gate->workers[i]);
	net_timer_free(&gate->tick);
	auth_client_free(&gate->auth);
	net_tls_unref(&gate->tls);
	net_key_free(&gate->key);
}
