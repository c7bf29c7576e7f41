/*
 * penfold-authd: its sockets, and what is asked there.
 *
 *	auth.sock	 auth-client protocol, for Postfix and Exim
 *	auth-gate.sock	 the same, for imapd's gate (another owner)
 *	auth-master.sock master protocol, for mda, sessions and indexd
 *	socketmap.sock	 Postfix' look-ups: mailbox, senders, access,
 *			 transport
 *
 * All state belongs to the loop's thread; only auth_exchange_work() runs
 * elsewhere, on an attempt that nobody else touches meanwhile.
 */
#include "auth/server.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/check.h"
#include "auth/master.h"
#include "auth/session.h"
#include "auth/socketmap.h"
#include "auth/source.h"
#include "auth/users.h"
#include "auth/uses.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"
#include "base/priv.h"
#include "base/rand.h"
#include "net/net.h"

#define COOKIE_MS	(60 * 1000)
#define COOKIE_MAX	16384
#define CONNECTIONS_MAX 4096 /* of each socket: none starves another */
#define FILES_OWN	100
#define FULL_BELIEVED	300 /* seconds */

enum kind {
	AUTH,
	GATE,
	MASTER,
	SOCKETMAP,
	KINDS
};

struct socket {
	struct auth_server *server;
	enum kind kind;
	struct net_listener *listener;
	size_t count;
};

struct auth_server {
	struct net_loop *loop;
	const struct pf_conf *conf;
	struct socket sockets[KINDS];
	struct auth_source source;
	struct auth_check check;
	struct auth_uses uses;
	struct auth_ttl cookies; /* client-pid, id, cookie -> user */
	struct pf_link conns;
	size_t conns_max; /* of one socket */
	uint32_t last_number;
	uint32_t generation;	  /* of the source, as last reported */
	struct pf_buf mechanisms; /* as last announced */
	bool fault_logged;
};

struct conn {
	struct pf_link link;
	struct auth_server *server;
	enum kind kind;
	struct net_conn *net;
	struct auth_session session; /* AUTH, GATE */
	struct pf_buf out;	     /* MASTER, SOCKETMAP */
	bool close;
	struct auth_users *listing; /* LIST: what is being sent */
	size_t list_at;
	uint32_t list_id;
};

/* ---- the user file ----------------------------------------------------- */

static bool scram_is_useful(const struct auth_users *users,
			    enum auth_scram_hash hash)
{
	struct pf_str text;

	for (size_t i = 0; i < auth_users_count(users); i++) {
		const struct auth_user *u = auth_users_at(users, i);
		if (hash == AUTH_SCRAM_SHA1 ? u->scram_sha1 : u->scram_sha256)
			return true;
		if (auth_scheme_scram(u->password, hash, &text) ||
		    auth_scheme_plain(u->password, &text))
			return true;
	}
	return auth_users_count(users) == 0;
}

/* What we announce: SCRAM only where some user has keys for it, because many
 * clients try the strongest mechanism and nothing else. */
static void choose_mechanisms(struct auth_server *server, struct pf_buf *to)
{
	struct pf_str list = pf_str_c(server->conf->auth_mechanisms), word;
	const struct auth_users *users = server->source.users;

	while (pf_conf_word(&list, &word)) {
		const struct auth_mech *mech = auth_mech_find(word);
		if (!mech || mech->plus ||
		    (!mech->plaintext && users &&
		     !scram_is_useful(users, mech->hash)))
			continue;
		pf_buf_add_c(to, to->len ? " " : "");
		pf_buf_add_c(to, mech->name);
	}
	if (to->len == 0)
		pf_buf_add_c(to, server->conf->auth_mechanisms);
}

static void report_problems(struct auth_server *server)
{
	const struct pf_conf_problems *p = &server->source.problems;

	for (size_t i = 0; i < p->n && i < 20; i++)
		pf_log(PF_LOG_WARN, "user-file", PF_LOGU("line", p->v[i].line),
		       PF_LOGC("msg", p->v[i].text),
		       PF_LOGC("fix", p->v[i].fix));
	pf_log(PF_LOG_INFO, "user-file",
	       PF_LOGU("users", auth_users_count(server->source.users)),
	       PF_LOGU("problems", p->n));
}

/* Clients keep their connection and the mechanisms they heard there: a new
 * list closes what is idle. */
static void announce(struct auth_server *server)
{
	struct pf_buf now = PF_BUF_INIT(1024);

	choose_mechanisms(server, &now);
	bool same =
	    pf_str_eq(pf_buf_str(&now), pf_buf_str(&server->mechanisms));
	pf_buf_clear(&server->mechanisms);
	pf_buf_add_str(&server->mechanisms, pf_buf_str(&now));
	pf_buf_release(&now);
	for (struct pf_link *l = server->conns.next, *next;
	     !same && l != &server->conns; l = next) {
		struct conn *c = pf_container_of(l, struct conn, link);
		next = l->next;
		if ((c->kind == AUTH || c->kind == GATE) &&
		    pf_list_empty(&c->session.attempts))
			net_conn_close(c->net);
	}
}

static struct auth_source *users_now(struct auth_server *server)
{
	struct auth_source *source = &server->source;

	auth_source_refresh(source);
	if (source->fault.status && !server->fault_logged)
		pf_log_error(PF_LOG_ERROR, "user-file", &source->fault);
	server->fault_logged = source->fault.status != PF_OK;
	if (source->generation != server->generation) {
		server->generation = source->generation;
		report_problems(server);
		announce(server);
	}
	return source;
}

/* ---- the auth-client protocol ------------------------------------------ */

static void flush_session(struct auth_session *s)
{
	struct conn *c = pf_container_of(s, struct conn, session);

	net_conn_send(c->net, s->out.data, s->out.len);
	pf_buf_clear(&s->out);
	if (s->close)
		net_conn_close(c->net);
}

static struct conn *session_conn(struct auth_attempt *a)
{
	return pf_container_of(a->session, struct conn, session);
}

static pf_status find_login(void *arg, struct pf_str name,
			    const struct auth_user **user, struct pf_error *err)
{
	struct conn *c = arg;

	return auth_source_login(users_now(c->server), name, user, err);
}

static void do_work(void *arg, struct auth_attempt *a)
{
	struct conn *c = arg;

	auth_check_run(&c->server->check, a);
}

static void log_attempt(const struct auth_attempt *a)
{
	static const char *const results[] = {"ok", "fail", "tempfail"};
	struct pf_str name =
	    a->x.user ? pf_str_c(a->x.user) : pf_buf_str(&a->x.name);

	pf_log(
	    a->verdict == AUTH_VERDICT_TROUBLE ? PF_LOG_ERROR : PF_LOG_INFO,
	    "login", PF_LOGC("result", results[a->verdict]),
	    PF_LOGC("why", a->verdict == AUTH_VERDICT_OK ? "right" : a->x.why),
	    PF_LOGC("ip", a->remote_ip), PF_LOGC("mech", a->x.mech->name),
	    PF_LOGC("service", a->service), PF_LOGS("user", name),
	    PF_LOGC("via", a->x.via ? a->x.via : "password"));
}

/* Who logged in under which id: for the session's REQUEST. */
static void remember_login(struct auth_attempt *a)
{
	struct conn *c = session_conn(a);
	struct pf_buf key = PF_BUF_INIT(1024);

	auth_master_cookie(&key, c->session.client_pid, a->id,
			   c->session.cookie);
	struct auth_ttl_entry *entry = auth_ttl_put(
	    &c->server->cookies, pf_buf_str(&key), pf_clock_mono_ms());
	free(entry->text);
	pf_buf_clear(&key);
	pf_buf_addf(&key, "%s\t%s", a->x.user, a->x.via ? a->x.via : "");
	entry->text = pf_buf_detach(&key);
}

static void decided(void *arg, struct auth_attempt *a)
{
	struct conn *c = arg;
	struct auth_check *check = &c->server->check;

	log_attempt(a);
	if (a->verdict == AUTH_VERDICT_FAIL) {
		auth_check_answer_later(check, a, auth_check_delay(check, a));
		return;
	}
	if (a->verdict == AUTH_VERDICT_OK && a->x.by_device)
		auth_uses_note(&c->server->uses, a->x.user,
			       a->x.via + sizeof "device:" - 1, a->service,
			       a->remote_ip);
	if (a->verdict == AUTH_VERDICT_OK && !a->nologin)
		remember_login(a);
	auth_attempt_answer(a);
}

static const struct auth_session_ops session_ops = {
    .user = find_login,
    .work = do_work,
    .decided = decided,
};

/* ---- the master protocol ----------------------------------------------- */

static void answer_user(struct conn *c, uint32_t id, struct pf_str name,
			bool address)
{
	struct auth_source *source = users_now(c->server);
	struct auth_recipient r = {0};
	pf_status status;

	if (address)
		status = auth_source_address(source, name, &r, NULL);
	else
		status = auth_source_login(source, name, &r.user, NULL);
	if (status != PF_OK)
		auth_master_fault(&c->out, id, status);
	else
		auth_master_user(&c->out, "USER", id, r.user,
				 r.has_detail ? r.detail : (struct pf_str){0},
				 "");
}

/* May he still come in this way?  What was taken from him or from the master
 * between login and now is as good as never there. */
static bool still_good(struct auth_source *source, const struct auth_user *user,
		       struct pf_str via)
{
	static const struct pf_str device = {"device:", 7};
	static const struct pf_str master = {"master:", 7};
	const struct auth_user *other = NULL;

	if (pf_str_starts(via, device))
		return auth_device_find(user, pf_str_from(via, device.n));
	if (pf_str_starts(via, master))
		return auth_source_login(source, pf_str_from(via, master.n),
					 &other, NULL) == PF_OK &&
		       other->master;
	return true;
}

static void answer_login(struct conn *c, uint32_t id, struct pf_str text)
{
	struct auth_source *source = users_now(c->server);
	const struct auth_user *user = NULL;
	struct pf_str name;

	if (!pf_str_split(&text, '\t', &name))
		name = text;
	pf_status status = auth_source_login(source, name, &user, NULL);
	if (status == PF_OK && !still_good(source, user, text))
		status = PF_NOTFOUND;
	if (status != PF_OK)
		auth_master_fault(&c->out, id, status);
	else
		auth_master_user(&c->out, "USER", id, user, (struct pf_str){0},
				 text.n ? text.p : "");
}

static void answer_request(struct conn *c, const struct auth_master_request *r)
{
	struct auth_server *server = c->server;
	struct auth_ttl_entry *entry =
	    auth_ttl_get(&server->cookies, r->cookie, pf_clock_mono_ms());

	if (!entry) {
		auth_master_fault(&c->out, r->id, PF_NOTFOUND);
		return;
	}
	answer_login(c, r->id, pf_str_c(entry->text));
	auth_ttl_remove(&server->cookies, entry);
}

static void begin_list(struct conn *c, uint32_t id)
{
	struct auth_source *source = users_now(c->server);

	if (!source->users || !source->settled || c->listing) {
		auth_master_fault(&c->out, id, PF_UNAVAILABLE);
		return;
	}
	c->listing = source->users;
	auth_users_ref(c->listing);
	c->list_at = 0;
	c->list_id = id;
}

static void answer_master(struct conn *c, struct pf_str line)
{
	struct auth_master_request r;
	struct pf_arena arena;

	pf_arena_init(&arena, 2 * AUTH_WIRE_LINE_MAX);
	auth_master_request_parse(line, &arena, &r);
	switch (r.kind) {
	case AUTH_MASTER_VERSION:
		c->close = r.id != 1;
		break;
	case AUTH_MASTER_USER:
		answer_user(c, r.id, r.name, r.address);
		break;
	case AUTH_MASTER_REQUEST:
		answer_request(c, &r);
		break;
	case AUTH_MASTER_LIST:
		begin_list(c, r.id);
		break;
	case AUTH_MASTER_UNKNOWN:
		break;
	case AUTH_MASTER_BAD:
		c->close = true;
		break;
	}
	pf_arena_release(&arena);
}

/* Sends what there is; of a LIST as much as the queue takes. */
static void flush_conn(struct conn *c)
{
	bool room = net_conn_send(c->net, c->out.data, c->out.len);

	pf_buf_clear(&c->out);
	while (room && c->listing) {
		if (c->list_at < auth_users_count(c->listing)) {
			const struct auth_user *user =
			    auth_users_at(c->listing, c->list_at++);
			if (!user->broken)
				auth_master_user(&c->out, "LIST", c->list_id,
						 user, (struct pf_str){0}, "");
		} else {
			pf_buf_addf(&c->out, "DONE\t%u\n", c->list_id);
			auth_users_unref(&c->listing);
		}
		room = net_conn_send(c->net, c->out.data, c->out.len);
		pf_buf_clear(&c->out);
	}
	if (c->close)
		net_conn_close(c->net);
}

static size_t master_input(struct conn *c, struct pf_str input)
{
	struct pf_str line;
	size_t used = 0;

	while (!c->close && auth_wire_line(pf_str_from(input, used), &line)) {
		used += line.n + 1;
		answer_master(c, line);
	}
	if (input.n - used >= AUTH_WIRE_LINE_MAX)
		c->close = true;
	flush_conn(c);
	return used;
}

/* ---- socketmap --------------------------------------------------------- */

/* Is his mailbox full?  Who sees the mail says so, and renews it each minute
 * (mda/quota.c); what is older is not believed. */
static bool is_full(const struct pf_conf *conf, const struct auth_user *user)
{
	char path[4200];
	struct stat st;

	return pf_conf_full_path(conf, pf_str_c(user->name), path,
				 sizeof path) &&
	       stat(path, &st) == 0 &&
	       pf_clock_now() - st.st_mtim.tv_sec < FULL_BELIEVED;
}

/* For check_recipient_access: an action, or nothing to say. */
static void answer_access(struct conn *c, struct pf_str key)
{
	struct auth_recipient r = {0};
	bool full =
	    auth_source_address(users_now(c->server), key, &r, NULL) == PF_OK &&
	    is_full(c->server->conf, r.user);

	auth_socketmap_answer(&c->out, full ? PF_OK : PF_NOTFOUND,
			      full ? PF_STR("552 5.2.2 Mailbox is full")
				   : PF_STR(""));
}

static void answer_found(struct conn *c, pf_status status, struct pf_str found)
{
	auth_socketmap_answer(&c->out, status,
			      status == PF_OK ? found
			      : status == PF_NOTFOUND
				  ? PF_STR("")
				  : PF_STR("user file is down"));
}

/* Is its domain written down, in the list or in the user's own name?  "*", all
 * that the MTA sends us, does not say that the world's domains are ours. */
static bool domain_is_named(const struct pf_conf *conf, struct pf_str address,
			    const struct auth_user *user)
{
	struct pf_str list = pf_str_c(conf->domains), word;
	struct pf_str name = pf_str_c(user->name);
	ptrdiff_t at = pf_str_rchr(address, '@');
	ptrdiff_t name_at = pf_str_rchr(name, '@');

	if (at < 0)
		return true;
	address = pf_str_from(address, (size_t)at + 1);
	while (pf_conf_word(&list, &word))
		if (pf_str_ieq(word, address))
			return true;
	return name_at >= 0 &&
	       pf_str_ieq(pf_str_from(name, (size_t)name_at + 1), address);
}

static void answer_mailbox(struct conn *c, struct pf_str key)
{
	struct auth_recipient r = {0};
	pf_status status =
	    auth_source_address(users_now(c->server), key, &r, NULL);

	answer_found(c, status, pf_str_c(status == PF_OK ? r.user->name : ""));
}

static pf_status find_ours(struct conn *c, struct pf_str key,
			   struct auth_recipient *r)
{
	pf_status status =
	    auth_source_address(users_now(c->server), key, r, NULL);

	if (status == PF_OK && !domain_is_named(c->server->conf, key, r->user))
		return PF_NOTFOUND;
	return status;
}

/* For smtpd_sender_login_maps: who alone may send as this.  His own address,
 * with any extension (so also those he gave to lists), his aliases. */
static void answer_senders(struct conn *c, struct pf_str key)
{
	struct auth_recipient r = {0};
	pf_status status = find_ours(c, key, &r);

	answer_found(c, status, pf_str_c(status == PF_OK ? r.user->name : ""));
}

/* For transport_maps: mail for users comes to us, other mail is others'. */
static void answer_transport(struct conn *c, struct pf_str key)
{
	struct auth_recipient r = {0};
	struct pf_buf to = PF_BUF_INIT(4300);

	pf_buf_addf(&to, "lmtp:unix:%s/lmtp.sock", c->server->conf->run_dir);
	answer_found(c, find_ours(c, key, &r), pf_buf_str(&to));
	pf_buf_release(&to);
}

static const struct map {
	struct pf_str name;
	void (*answer)(struct conn *c, struct pf_str key);
} maps[] = {
    {PF_STR("mailbox"), answer_mailbox},
    {PF_STR("senders"), answer_senders},
    {PF_STR("access"), answer_access},
    {PF_STR("transport"), answer_transport},
};

static void answer_map(struct conn *c, struct pf_str map, struct pf_str key)
{
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		if (pf_str_eq(maps[i].name, map)) {
			maps[i].answer(c, key);
			return;
		}
	auth_socketmap_answer(&c->out, PF_UNSUPPORTED,
			      PF_STR("the maps are mailbox, senders, access, "
				     "transport"));
}

static size_t map_input(struct conn *c, struct pf_str input)
{
	struct pf_str map, key;
	size_t used = 0, n = 0;
	pf_status status;

	while ((status = auth_socketmap_take(pf_str_from(input, used), &map,
					     &key, &n)) == PF_OK) {
		answer_map(c, map, key);
		used += n;
	}
	c->close = status != PF_MORE;
	flush_conn(c);
	return used;
}

/* ---- connections ------------------------------------------------------- */

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct conn *c = arg;
	size_t used;

	if (c->kind == MASTER)
		return master_input(c, pf_str_mem(p, n));
	if (c->kind == SOCKETMAP)
		return map_input(c, pf_str_mem(p, n));
	used = auth_session_input(&c->session, p, n);
	flush_session(&c->session);
	return used;
}

static void on_drain(void *arg)
{
	struct conn *c = arg;

	if (c->listing)
		flush_conn(c);
}

static void pause_socket(struct socket *socket, bool pause)
{
	if (socket->listener)
		net_listener_pause(socket->listener, pause);
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct conn *c = arg;

	(void)why;
	struct socket *socket = &c->server->sockets[c->kind];
	if (socket->count-- == c->server->conns_max)
		pause_socket(socket, false);
	pf_list_remove(&c->link);
	if (c->kind == AUTH || c->kind == GATE)
		auth_session_release(&c->session);
	auth_users_unref(&c->listing);
	pf_buf_release(&c->out);
	free(c);
}

static const struct net_conn_events conn_events = {
    .on_input = on_input,
    .on_drain = on_drain,
    .on_closed = on_closed,
};

static void on_accept(void *arg, int fd, const char *peer, int peer_port)
{
	struct socket *socket = arg;
	struct auth_server *server = socket->server;
	struct conn *c = calloc(1, sizeof *c);
	struct pf_error err;

	(void)peer;
	(void)peer_port;
	if (!c)
		abort();
	c->server = server;
	c->kind = socket->kind;
	if (net_conn_new(server->loop, fd, &conn_events, c,
			 c->kind == SOCKETMAP ? AUTH_SOCKETMAP_MAX + 16
					      : 2 * AUTH_WIRE_LINE_MAX,
			 &c->net, &err) != PF_OK) {
		pf_log_error(PF_LOG_ERROR, "accept", &err);
		free(c);
		return;
	}
	pf_buf_init(&c->out, 1 << 20);
	pf_list_append(&server->conns, &c->link);
	if (++socket->count == server->conns_max)
		pause_socket(socket, true);
	if (c->kind == MASTER) {
		auth_master_hello(&c->out);
		flush_conn(c);
	} else if (c->kind != SOCKETMAP) {
		users_now(server);
		auth_session_init(&c->session, server->conf, &session_ops, c,
				  server->mechanisms.len
				      ? server->mechanisms.data
				      : server->conf->auth_mechanisms,
				  ++server->last_number);
		flush_session(&c->session);
	}
}

/* ---- sockets ----------------------------------------------------------- */

static pf_status find_group(const char *name, gid_t *gid, struct pf_error *err)
{
	char buffer[4096];
	struct group gr, *found = NULL;

	if (!name[0])
		return PF_OK;
	if (getgrnam_r(name, &gr, buffer, sizeof buffer, &found) != 0 || !found)
		return pf_error_set(err, PF_NOTFOUND, NULL,
				    "there is no system group \"%s\"", name);
	*gid = gr.gr_gid;
	return PF_OK;
}

static pf_status find_owner(const char *name, uid_t *uid, struct pf_error *err)
{
	gid_t gid;

	return name[0] ? pf_priv_lookup(name, uid, &gid, err) : PF_OK;
}

/* Who may open a socket: Postfix' two by the configuration, the others by one
 * user alone. */
static pf_status rights(const struct pf_conf *conf, enum kind kind,
			struct net_listener_conf *to, struct pf_error *err)
{
	pf_status status;

	to->uid = (uid_t)-1;
	to->gid = (gid_t)-1;
	to->mode = 0600;
	if (kind == AUTH || kind == SOCKETMAP) {
		to->mode = (mode_t)conf->socket_mode & 0777;
		status = find_owner(conf->socket_owner, &to->uid, err);
		if (status == PF_OK)
			status = find_group(conf->socket_group, &to->gid, err);
		return status;
	}
	if (geteuid() != 0)
		return PF_OK;
	return find_owner(kind == GATE ? conf->gate_user : conf->mail_user,
			  &to->uid, err);
}

static pf_status listen_all(struct auth_server *server, struct pf_error *err)
{
	static const char *const names[KINDS] = {
	    [AUTH] = "auth.sock",
	    [GATE] = "auth-gate.sock",
	    [MASTER] = "auth-master.sock",
	    [SOCKETMAP] = "socketmap.sock",
	};
	pf_status status = pf_fs_mkdirs(server->conf->run_dir, 0755, err);

	for (int i = 0; i < KINDS && status == PF_OK; i++) {
		struct socket *socket = &server->sockets[i];
		char address[4200] = "unix:";
		struct net_listener_conf conf = {
		    .address = address,
		    .on_accept = on_accept,
		    .arg = socket,
		};
		*socket =
		    (struct socket){.server = server, .kind = (enum kind)i};
		if (!pf_conf_run_path(server->conf, names[i], address + 5,
				      sizeof address - 5))
			return pf_error_set(err, PF_LIMIT, NULL,
					    "run_dir is too long");
		status = rights(server->conf, (enum kind)i, &conf, err);
		if (status == PF_OK)
			status = net_listener_new(server->loop, &conf,
						  &socket->listener, err);
	}
	return status;
}

/* ---- the secret behind made-up salts ----------------------------------- */

/* It must outlive a restart, or the salts of unknown users would change while
 * those of known ones stay. */
static void load_secret(const struct pf_conf *conf)
{
	struct pf_buf path = PF_BUF_INIT(4096), secret = PF_BUF_INIT(64);
	struct pf_error err;
	unsigned char fresh[32];
	pf_status status;

	pf_buf_addf(&path, "%s/auth-secret", conf->state_dir);
	status = pf_fs_read(AT_FDCWD, path.data, &secret, &err);
	if (status != PF_OK || secret.len != sizeof fresh) {
		pf_buf_clear(&secret);
		pf_rand_bytes(fresh, sizeof fresh);
		pf_buf_add(&secret, fresh, sizeof fresh);
		status = pf_conf_make_state_dir(conf, &err);
		if (status == PF_OK)
			status = pf_fs_replace(AT_FDCWD, path.data,
					       pf_buf_str(&secret), 0600, true,
					       &err);
		if (status != PF_OK)
			pf_log_error(PF_LOG_WARN, "auth-secret", &err);
	}
	auth_mech_set_secret(pf_buf_str(&secret));
	pf_buf_wipe(&secret);
	pf_buf_release(&path);
}

/* ---- life -------------------------------------------------------------- */

/* The first look at the user file, with the rights that stay. */
static void first_look(void *arg)
{
	users_now(arg);
}

pf_status auth_server_new(struct net_loop *loop, const struct pf_conf *conf,
			  struct auth_server **server, struct pf_error *err)
{
	struct auth_server *s = calloc(1, sizeof *s);
	long threads = sysconf(_SC_NPROCESSORS_ONLN);

	if (!s)
		abort();
	s->loop = loop;
	s->conf = conf;
	s->conns_max = (pf_priv_all_files() - FILES_OWN) / KINDS;
	if (s->conns_max > CONNECTIONS_MAX)
		s->conns_max = CONNECTIONS_MAX;
	pf_list_init(&s->conns);
	pf_buf_init(&s->mechanisms, 1024);
	auth_source_init(&s->source, conf);
	auth_check_init(&s->check, loop, conf, threads < 1 ? 1 : (int)threads,
			flush_session);
	auth_ttl_init(&s->cookies, COOKIE_MS, COOKIE_MAX);
	load_secret(conf);
	auth_uses_init(&s->uses, conf);
	pf_status status = listen_all(s, err);
	if (status != PF_OK) {
		auth_server_free(&s);
		return status;
	}
	net_loop_post(loop, first_look, s);
	*server = s;
	return PF_OK;
}

void auth_server_free(struct auth_server **server)
{
	struct auth_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	for (int i = 0; i < KINDS; i++)
		net_listener_free(&s->sockets[i].listener);
	auth_check_release(&s->check);
	auth_ttl_release(&s->cookies);
	auth_uses_release(&s->uses);
	auth_source_release(&s->source);
	pf_buf_release(&s->mechanisms);
	free(s);
}
