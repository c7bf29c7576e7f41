/*
 * The session process' front door: connections from the gate.
 *
 * The gate may be taken over by an attacker, so it is not believed: it shows
 * a cookie that authd gave for one successful login, once, and authd says
 * whose it is.  That question is asked in a job of its own queue.
 */
#include "imapd/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/priv.h"
#include "imapd/client.h"
#include "imapd/msieve.h"

/* A connection from a gate process. */
struct gate_link {
	struct pf_link link;
	struct session *session;
	int fd;
	struct net_watch *watch;
};

/* What arrivals may hold while authd is asked: a gate that was taken over
 * must not fill our memory. */
#define ARRIVALS_MAX ((size_t)16 << 20)
#define ARRIVAL_COST 4096 /* at least */

/* A connection on its way to its user. */
struct arrival {
	struct session *session;
	int fd;
	size_t cost;
	int gate_fd;   /* of the gate it came from; -1: not needed */
	unsigned ends; /* of the server, when authd was asked */
	struct pf_buf packet;
	struct handoff handoff;
	struct auth_identity identity;
	pf_status status;
	struct pf_error err;
};

/* ---- an arrival ------------------------------------------------------------
 */

static void look_up(void *arg)
{
	struct arrival *a = arg;

	a->status = auth_lookup_cookie(a->session->lookup, a->handoff.cookie,
				       &a->identity, &a->err);
}

static void turn_away(struct arrival *a, const char *code, const char *text)
{
	struct pf_buf line = PF_BUF_INIT(16384);

	if (a->handoff.protocol == HANDOFF_SIEVE) {
		msieve_add_result(&line, "NO", "TRYLATER", pf_str_c(text));
		msieve_add_result(&line, "BYE", "TRYLATER", pf_str_c(text));
	} else {
		pf_buf_add_str(&line, a->handoff.tag);
		pf_buf_addf(&line, " NO [%s] %s\r\n* BYE %s\r\n", code, text,
			    text);
	}
	/* a few bytes into an empty socket: never blocks */
	(void)!send(a->fd, line.data, line.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(a->fd);
	if (a->gate_fd >= 0)
		close(a->gate_fd);
	pf_buf_release(&line);
}

static void admit_manager(struct arrival *a)
{
	struct server *server = &a->session->server;
	const struct auth_identity *id = &a->identity;
	struct pf_error err = {0};

	if (ms_client_count(server, id->user) >=
	    (unsigned)server->conf->connections_per_user) {
		pf_log(PF_LOG_WARN, "too-many-sessions",
		       PF_LOGC("user", id->user), PF_LOGS("ip", a->handoff.ip));
		turn_away(a, "LIMIT", "Too many connections of this user");
		return;
	}
	struct ms_client_conf client = {.user = id->user,
					.home = id->home,
					.via = id->via,
					.ip = a->handoff.ip,
					.tls = a->handoff.tls,
					.name = a->handoff.name,
					.fd = a->fd,
					.gate_fd = a->gate_fd};
	if (ms_client_new(server, &client, &err) != PF_OK)
		pf_log_error(PF_LOG_ERROR, "session-failed", &err,
			     PF_LOGC("user", id->user));
}

static void admit(struct arrival *a)
{
	struct server *server = &a->session->server;
	const struct pf_conf *conf = server->conf;
	struct pf_error err = {0};

	if (server->stopping) {
		turn_away(a, "UNAVAILABLE", "Server is going down");
		return;
	}
	if (a->handoff.protocol == HANDOFF_SIEVE) {
		admit_manager(a);
		return;
	}
	struct user *user =
	    server_user(server, a->identity.user, a->identity.mail,
			a->identity.home, a->identity.quota);
	if (user->client_count >= (unsigned)conf->connections_per_user) {
		pf_log(PF_LOG_WARN, "too-many-sessions",
		       PF_LOGC("user", user->name),
		       PF_LOGS("ip", a->handoff.ip));
		turn_away(a, "LIMIT", "Too many connections of this user");
		return;
	}
	char *ip = pf_str_dup(a->handoff.ip);
	char *tls = pf_str_dup(a->handoff.tls);
	struct client_conf client = {.user = user,
				     .in_fd = a->fd,
				     .out_fd = a->fd,
				     .ip = ip,
				     .tls = tls,
				     .via = a->identity.via,
				     .login_tag = a->handoff.tag,
				     .name = a->handoff.name,
				     .gate_fd = a->gate_fd,
				     .input = a->handoff.input};
	if (client_new(&client, &err) != PF_OK)
		pf_log_error(PF_LOG_ERROR, "session-failed", &err,
			     PF_LOGC("user", user->name));
	free(ip);
	free(tls);
}

static void looked_up(void *arg)
{
	struct arrival *a = arg;

	if (a->status == PF_OK) {
		if (a->ends == a->session->server.ends)
			admit(a);
		else /* `penfold device` may have meant this one */
			turn_away(a, "UNAVAILABLE", "Please log in again");
		auth_identity_release(&a->identity);
	} else {
		pf_log_error(PF_LOG_WARN, "cookie-refused", &a->err,
			     PF_LOGS("ip", a->handoff.ip));
		turn_away(a, "UNAVAILABLE",
			  "Logging in does not work at the moment");
	}
	a->session->arriving -= a->cost;
	pf_buf_wipe(&a->packet);
	free(a);
}

/* libuv ends the process for a descriptor that epoll does not take. */
static bool is_stream_socket(int fd)
{
	int type = 0;
	socklen_t size = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       type == SOCK_STREAM;
}

static void arrive(struct gate_link *gate, int fd, const char *p, size_t n)
{
	struct session *session = gate->session;
	struct arrival *a = calloc(1, sizeof *a);
	struct pf_error err = {0};

	if (!a)
		abort();
	a->session = session;
	a->fd = fd;
	a->cost = n + ARRIVAL_COST;
	a->gate_fd = -1;
	a->ends = session->server.ends;
	pf_buf_init(&a->packet, HANDOFF_MAX);
	pf_buf_add(&a->packet, p, n);
	pf_status status =
	    handoff_read(pf_buf_str(&a->packet), &a->handoff, &err);
	if (status == PF_OK && (fd < 0 || !is_stream_socket(fd)))
		status = pf_error_set(&err, PF_INVALID, NULL,
				      "handoff: no connection");
	if (status == PF_OK && session->arriving > ARRIVALS_MAX)
		status = pf_error_set(&err, PF_LIMIT, NULL,
				      "handoff: too many at once");
	if (status == PF_OK) {
		int flags = fcntl(fd, F_GETFL);
		session->arriving += a->cost;
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		if (a->handoff.name.n > 0)
			a->gate_fd = fcntl(gate->fd, F_DUPFD_CLOEXEC, 0);
		net_queue_run(session->lookups, look_up, looked_up, a);
		return;
	}
	pf_log_error(PF_LOG_WARN, "bad-handoff", &err);
	if (fd >= 0)
		close(fd);
	pf_buf_wipe(&a->packet);
	free(a);
}

/* ---- gates ------------------------------------------------------------------
 */

static void gate_gone(struct gate_link *gate)
{
	net_watch_free(&gate->watch);
	close(gate->fd);
	pf_list_remove(&gate->link);
	free(gate);
}

static void on_packet(void *arg)
{
	struct gate_link *gate = arg;
	static char packet[HANDOFF_MAX];
	struct pf_error err;
	size_t n;
	int fd;

	for (;;) {
		pf_status status = net_fd_receive(gate->fd, &fd, packet,
						  sizeof packet, &n, &err);
		if (status == PF_MORE)
			return;
		if (status != PF_OK) {
			if (status != PF_CLOSED)
				pf_log_error(PF_LOG_WARN, "gate", &err);
			gate_gone(gate);
			return;
		}
		arrive(gate, fd, packet, n);
		explicit_bzero(packet, n);
	}
}

/* Who connects must be the gate's user, ours, or root. */
static bool may_connect(const struct session *session, int fd)
{
	struct ucred who;
	socklen_t size = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return false;
	return who.uid == 0 || who.uid == geteuid() ||
	       who.uid == session->gate_uid;
}

static void on_gate(void *arg)
{
	struct session *session = arg;
	int fd =
	    accept4(session->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!may_connect(session, fd)) {
		pf_log(PF_LOG_WARN, "stranger-at-session-socket");
		close(fd);
		return;
	}
	struct gate_link *gate = calloc(1, sizeof *gate);
	if (!gate)
		abort();
	gate->session = session;
	gate->fd = fd;
	pf_list_append(&session->gates, &gate->link);
	gate->watch = net_watch_new(session->server.loop, fd, on_packet, gate);
	if (!gate->watch)
		gate_gone(gate);
}

static pf_status listen_for_gates(struct session *session, uid_t uid, gid_t gid,
				  struct pf_error *err)
{
	struct sockaddr_un address;
	pf_status status = handoff_address(session->server.conf,
					   session->worker, &address, err);

	if (status != PF_OK)
		return status;
	session->socket =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (session->socket < 0)
		return pf_error_sys(err, errno, "session socket");
	(void)unlink(address.sun_path);
	mode_t old = umask(0177);
	int r = bind(session->socket, (struct sockaddr *)(void *)&address,
		     sizeof address);
	umask(old);
	if (r < 0 || listen(session->socket, 128) < 0)
		return pf_error_sys(err, errno, "listen on %s",
				    address.sun_path);
	if (geteuid() == 0 && chown(address.sun_path, uid, gid) < 0)
		return pf_error_sys(err, errno, "chown %s", address.sun_path);
	session->accept = net_watch_new(session->server.loop, session->socket,
					on_gate, session);
	return session->accept ? PF_OK
			       : pf_error_set(err, PF_IO, NULL, "watch socket");
}

/* ---- the process ------------------------------------------------------------
 */

pf_status session_init(struct session *session, struct net_loop *loop,
		       const struct pf_conf *conf, unsigned worker,
		       struct pf_error *err)
{
	char name[40], path[200];
	gid_t gid;

	*session = (struct session){.worker = worker, .socket = -1};
	pf_list_init(&session->gates);
	pf_status status = server_init(&session->server, loop, conf, err);
	if (status == PF_OK)
		status = pf_priv_lookup(conf->gate_user, &session->gate_uid,
					&gid, err);
	if (status == PF_OK)
		status = listen_for_gates(session, session->gate_uid, gid, err);
	if (status != PF_OK)
		return status;
	snprintf(name, sizeof name, "session-%u.ctl.sock", worker);
	if (!pf_conf_run_path(conf, name, path, sizeof path))
		return pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	status = who_listen(&session->server, path, &session->control, err);
	if (status != PF_OK)
		return status;
	if (!pf_conf_run_path(conf, "auth-master.sock", path, sizeof path))
		return pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	session->lookup = auth_lookup_new(path);
	session->server.find_user = auth_lookup_user;
	session->server.find_arg = session->lookup;
	session->lookups = net_queue_new(loop, NET_LANE_DISK);
	return PF_OK;
}

void session_stop(struct session *session)
{
	net_watch_free(&session->accept);
	net_listener_free(&session->control);
	while (!pf_list_empty(&session->gates))
		gate_gone(pf_container_of(session->gates.next, struct gate_link,
					  link));
	server_stop(&session->server);
}

void session_release(struct session *session)
{
	struct sockaddr_un address;
	struct pf_error err;

	net_watch_free(&session->accept);
	net_listener_free(&session->control);
	if (session->socket >= 0) {
		close(session->socket);
		if (handoff_address(session->server.conf, session->worker,
				    &address, &err) == PF_OK)
			(void)unlink(address.sun_path);
	}
	if (session->lookups)
		net_queue_free(&session->lookups);
	auth_lookup_free(&session->lookup);
	server_release(&session->server);
}
