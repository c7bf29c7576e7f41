/*
 * From the gate to the session: hand over the connection, and for TLS relay
 * bytes from then on.
 *
 * The relay owns no buffer: what one side does not take is in that side's
 * write queue, and over its mark the other side is paused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "imapd/gate.h"
#include "imapd/handoff.h"
#include "imapd/msieve.h"

#define RELAY_INPUT_MAX (64 * 1024)

/* ---- the socket of a session process ----------------------------------- */

static pf_status connect_worker(struct gate *gate, unsigned worker,
				struct pf_error *err)
{
	struct sockaddr_un address;
	pf_status status = handoff_address(gate->conf, worker, &address, err);

	if (status != PF_OK)
		return status;
	int fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pf_error_sys(err, errno, "session socket");
	if (connect(fd, (struct sockaddr *)(void *)&address, sizeof address) <
	    0) {
		int e = errno;
		close(fd);
		return pf_error_sys(err, e, "connect to session-%u.sock",
				    worker);
	}
	gate->workers[worker] = fd;
	return PF_OK;
}

static void drop_worker(struct gate *gate, unsigned worker)
{
	if (gate->workers[worker] >= 0)
		close(gate->workers[worker]);
	gate->workers[worker] = -1;
}

/* Once more with a new connection: the session process may have been
 * restarted since the last login.  One that does not keep up is BUSY: the
 * gate must never wait for it. */
static pf_status send_packet(struct gate *gate, unsigned worker, int fd,
			     struct pf_str packet, struct pf_error *err)
{
	pf_status status = PF_UNAVAILABLE;

	for (int tries = 0; tries < 2; tries++) {
		status = PF_OK;
		if (gate->workers[worker] < 0)
			status = connect_worker(gate, worker, err);
		if (status != PF_OK)
			return status;
		status = net_fd_send(gate->workers[worker], fd, packet.p,
				     packet.n, err);
		if (status == PF_OK || status == PF_LIMIT || status == PF_BUSY)
			return status;
		drop_worker(gate, worker);
	}
	return status;
}

/* ---- the other side of a relay ------------------------------------------ */

static struct gate_conn *relay_by_name(struct gate *gate, unsigned worker,
				       struct pf_str name)
{
	uint64_t id;

	if (!pf_str_u64(name, UINT64_MAX, &id))
		return NULL;
	for (struct pf_link *l = gate->relays.next; l != &gate->relays;
	     l = l->next) {
		struct gate_conn *g =
		    pf_container_of(l, struct gate_conn, link);
		if (g->id == id && g->worker == worker)
			return g;
	}
	return NULL;
}

/* Connections that the session process gave back. */
static void read_returned(struct gate *gate, unsigned worker)
{
	static char packet[HANDOFF_MAX];
	struct pf_error err;
	size_t n;
	int fd;

	while (gate->workers[worker] >= 0 &&
	       net_fd_receive(gate->workers[worker], &fd, packet, sizeof packet,
			      &n, &err) == PF_OK) {
		struct pf_str rest = pf_str_mem(packet, n), name;

		(void)pf_str_split(&rest, '\0', &name);
		struct gate_conn *g = relay_by_name(gate, worker, name);
		if (g && !g->returned) {
			g->returned = true;
			g->back_fd = fd;
			pf_buf_add_str(&g->back, rest);
		} else if (fd >= 0) {
			close(fd);
		}
		explicit_bzero(packet, n);
	}
}

/* What was sent to the session and not read: behind what it had read.  False:
 * it is more than can be kept. */
static bool read_unread(struct gate_conn *g)
{
	char piece[16384];
	ssize_t n;

	if (g->back_fd < 0)
		return true;
	while ((n = recv(g->back_fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
		pf_buf_add(&g->back, piece, (size_t)n);
	explicit_bzero(piece, sizeof piece);
	close(g->back_fd);
	g->back_fd = -1;
	return !g->back.failed;
}

/* RFC 5804 2.14, RFC 8437 3: again as before login. */
static void take_back(struct gate_conn *g)
{
	g->returned = false;
	g->state = GATE_COMMANDS;
	pf_list_remove(&g->link);
	gate_set_deadline(g);
	/* IMAP's answer has a tag: the session has given it */
	if (g->protocol == HANDOFF_SIEVE)
		gate_result(g, "OK", "", "Logged out of the account");
	if (!read_unread(g))
		gate_bye(g, "Too much was sent ahead");
	else if (g->eof && g->back.len == 0)
		gate_close(g, "closed");
	else
		gate_take_back(g);
}

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct gate_conn *g = arg;

	if (g->conn && !net_conn_send(g->conn, p, n))
		net_conn_pause(g->session);
	return n;
}

static void on_drain(void *arg)
{
	struct gate_conn *g = arg;

	if (g->conn)
		net_conn_resume(g->conn);
}

static void on_eof(void *arg)
{
	struct gate_conn *g = arg;

	read_returned(g->gate, g->worker);
	if (g->returned && g->conn && !g->gate->stopping) {
		g->state = GATE_AUTH; /* input waits until it is closed */
		/* what is still queued for the session cannot be had back */
		if (net_conn_queued(g->session) > 0)
			gate_bye(g, "Too much was sent ahead");
		net_conn_abort(g->session);
		return;
	}
	/* the session is over: so is the connection */
	if (g->conn)
		net_conn_close(g->conn);
	net_conn_close(g->session);
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct gate_conn *g = arg;

	(void)why;
	g->session = NULL;
	if (g->conn && g->returned && g->state != GATE_CLOSING)
		take_back(g);
	else if (g->conn)
		net_conn_close(g->conn); /* its end frees us */
	else
		gate_conn_free(g);
}

static const struct net_conn_events session_events = {
    .on_input = on_input,
    .on_drain = on_drain,
    .on_eof = on_eof,
    .on_closed = on_closed,
};

/* ---- handing over ----------------------------------------------------------
 */

static void unavailable(struct gate_conn *g, const struct pf_error *err)
{
	pf_log_error(PF_LOG_ERROR, "no-session", err, PF_LOGC("ip", g->ip));
	gate_result(g, "NO", "UNAVAILABLE",
		    "Mail is not available at the moment");
	gate_continue(g);
}

/* relayed: it may come back, by its name */
static pf_status send_over(struct gate_conn *g, int fd, bool relayed,
			   struct pf_str input, struct pf_error *err)
{
	struct pf_buf packet = PF_BUF_INIT(HANDOFF_MAX);
	char name[HANDOFF_NAME_MAX] = "";
	struct handoff h = {
	    .protocol = g->protocol,
	    .cookie = pf_str_c(g->cookie),
	    .ip = pf_str_c(g->ip),
	    .tls = pf_str_c(g->tls ? net_conn_tls_info(g->conn) : ""),
	    .tag = pf_str_c(g->tag ? g->tag : "*"),
	    .input = input,
	};

	if (relayed)
		snprintf(name, sizeof name, "%llu", (unsigned long long)g->id);
	h.name = pf_str_c(name);
	pf_status status = handoff_write(&packet, &h, err);

	if (status == PF_OK)
		status = send_packet(g->gate, g->worker, fd,
				     pf_buf_str(&packet), err);
	pf_buf_wipe(&packet);
	return status;
}

/* What only a login needs. */
static void slim(struct gate_conn *g)
{
	imap_reader_free(&g->reader);
	msieve_reader_free(&g->sieve_reader);
	free(g->tag);
	free(g->mechanism);
	free(g->cookie);
	g->tag = g->mechanism = g->cookie = NULL;
}

static void hand_relayed(struct gate_conn *g)
{
	struct pf_error err = {0};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair) < 0) {
		(void)pf_error_sys(&err, errno, "socketpair");
		unavailable(g, &err);
		return;
	}
	pf_status status =
	    send_over(g, pair[1], true, pf_buf_str(&g->back), &err);
	close(pair[1]);
	if (status != PF_OK) {
		close(pair[0]);
		unavailable(g, &err);
		return;
	}
	if (net_conn_new(g->gate->loop, pair[0], &session_events, g,
			 RELAY_INPUT_MAX, &g->session, &err) != PF_OK) {
		pf_log_error(PF_LOG_ERROR, "relay", &err);
		gate_close(g, "relay");
		return;
	}
	slim(g);
	pf_buf_wipe(&g->back);
	g->state = GATE_RELAY;
	pf_list_remove(&g->link);
	pf_list_append(&g->gate->relays, &g->link);
	if (g->eof)
		net_conn_shutdown(g->session);
	net_conn_set_relay(g->session);
	net_conn_set_relay(g->conn);
}

static void hand_clear(struct gate_conn *g)
{
	struct pf_buf rest = PF_BUF_INIT(HANDOFF_MAX);
	struct pf_error err = {0};
	int fd = -1;
	pf_status status = net_conn_detach(&g->conn, &fd, &rest, &err);

	if (status != PF_OK) {
		pf_buf_release(&rest);
		unavailable(g, &err);
		return;
	}
	if (send_over(g, fd, false, pf_buf_str(&rest), &err) != PF_OK) {
		struct pf_buf line = PF_BUF_INIT(16384);

		pf_log_error(PF_LOG_ERROR, "no-session", &err,
			     PF_LOGC("ip", g->ip));
		pf_buf_addf(&line,
			    "%s NO [UNAVAILABLE] Mail is not available "
			    "at the moment\r\n* BYE Try later\r\n",
			    g->tag);
		(void)!write(fd, line.data, line.len);
		pf_buf_release(&line);
	}
	close(fd);
	pf_buf_release(&rest);
	gate_conn_free(g);
}

void gate_hand_now(struct gate_conn *g)
{
	if (g->tls || g->protocol == HANDOFF_SIEVE)
		hand_relayed(g);
	else
		hand_clear(g);
}

void gate_hand_over(struct gate_conn *g, struct pf_str user, const char *cookie)
{
	struct gate *gate = g->gate;
	struct pf_error err = {0};

	g->worker = handoff_worker(user, (unsigned)gate->conf->session_workers);
	free(g->cookie);
	g->cookie = pf_str_dup(pf_str_c(cookie));
	if (gate->workers[g->worker] < 0 &&
	    connect_worker(gate, g->worker, &err) != PF_OK) {
		unavailable(g, &err);
		return;
	}
	g->state = GATE_HAND;
	if (g->tls || net_conn_queued(g->conn) == 0)
		gate_hand_now(g);
}
