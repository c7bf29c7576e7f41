/*
 * Blocking look-ups over run_dir/auth-master.sock: one connection, one
 * question at a time (answers come from memory, in microseconds).  A question
 * that meets a connection which died since the last one is asked once more on
 * a new connection; everything else that goes wrong is UNAVAILABLE.
 */
#include "auth/auth.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/wire.h"
#include "base/clock.h"

#define TIMEOUT_MS 10000

struct auth_lookup {
	pthread_mutex_t mutex;
	char *path;
	int fd;
	uint32_t last_id;
	struct pf_buf in;
};

struct auth_lookup *auth_lookup_new(const char *master_socket)
{
	struct auth_lookup *l = calloc(1, sizeof *l);

	if (!l)
		abort();
	if (strncmp(master_socket, "unix:", 5) == 0)
		master_socket += 5;
	pthread_mutex_init(&l->mutex, NULL);
	l->path = pf_str_dup(pf_str_c(master_socket));
	l->fd = -1;
	pf_buf_init(&l->in, 2 * AUTH_WIRE_LINE_MAX);
	return l;
}

static void disconnect(struct auth_lookup *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	pf_buf_clear(&l->in);
}

void auth_lookup_free(struct auth_lookup **lookup)
{
	struct auth_lookup *l = *lookup;

	*lookup = NULL;
	if (!l)
		return;
	disconnect(l);
	pthread_mutex_destroy(&l->mutex);
	pf_buf_release(&l->in);
	free(l->path);
	free(l);
}

void auth_identity_release(struct auth_identity *id)
{
	free(id->user);
	free(id->home);
	free(id->mail);
	free(id->quota);
	free(id->detail);
	free(id->via);
	*id = (struct auth_identity){0};
}

static pf_status unavailable(const char *what, struct pf_error *err)
{
	return pf_error_set(err, PF_UNAVAILABLE, NULL, "authd: %s", what);
}

/* ---- bytes ------------------------------------------------------------- */

static bool wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = until - pf_clock_mono_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n < 0 && errno == EINTR)
			continue;
		return n > 0;
	}
}

static bool send_all(int fd, struct pf_str s, int64_t until)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			s = pf_str_from(s, (size_t)n);
		else if (n == 0 || (errno != EINTR && errno != EAGAIN) ||
			 !wait_for(fd, POLLOUT, until))
			return false;
	}
	return true;
}

/* The next line; it lives until the next call.  False: the end, an error, the
 * time, or a line that is too long. */
static bool next_line(struct auth_lookup *l, int64_t until, size_t *drop,
		      struct pf_str *line)
{
	pf_buf_take(&l->in, *drop);
	*drop = 0;
	while (!auth_wire_line(pf_buf_str(&l->in), line)) {
		char *room = l->in.len > AUTH_WIRE_LINE_MAX
				 ? NULL
				 : pf_buf_reserve(&l->in, 4096);
		if (!room || !wait_for(l->fd, POLLIN, until))
			return false;
		ssize_t n = recv(l->fd, room, 4096, MSG_DONTWAIT);
		if (n > 0)
			pf_buf_commit(&l->in, (size_t)n);
		else if (n == 0 || (errno != EINTR && errno != EAGAIN))
			return false;
	}
	*drop = line->n + 1;
	return true;
}

static bool dial(struct auth_lookup *l, int64_t until)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct pf_str line;
	size_t drop = 0;
	bool good = false;

	if (!pf_str_copy(pf_str_c(l->path), to.sun_path, sizeof to.sun_path))
		return false;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return false;
	/* a full backlog blocks connect() as long as a send */
	struct timeval limit = {.tv_sec = TIMEOUT_MS / 1000};
	setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(l->fd, (struct sockaddr *)&to, sizeof to) == 0 &&
	    send_all(l->fd, PF_STR("VERSION\t1\t0\n"), until) &&
	    next_line(l, until, &drop, &line))
		good = pf_str_starts(line, PF_STR("VERSION\t1\t")) &&
		       next_line(l, until, &drop, &line) &&
		       pf_str_starts(line, PF_STR("SPID\t"));
	pf_buf_take(&l->in, drop);
	if (!good)
		disconnect(l);
	return good;
}

/* ---- questions and answers --------------------------------------------- */

struct question {
	const char *command;
	struct pf_buf params; /* each with its TAB in front */
	void (*each)(void *, const struct auth_identity *);
	void *arg;
};

static bool parse_identity(struct pf_str line, struct auth_identity *id)
{
	struct pf_arena arena;
	struct pf_str word, value;
	uint64_t number;
	bool good = auth_wire_word(&line, &word);

	pf_arena_init(&arena, 2 * AUTH_WIRE_LINE_MAX);
	*id = (struct auth_identity){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (good)
		id->user = pf_str_dup(auth_wire_unescape(word, &arena));
	while (good && auth_wire_word(&line, &word)) {
		char **text = NULL;
		if (auth_wire_value(word, "home", &arena, &value))
			text = &id->home;
		else if (auth_wire_value(word, "mail", &arena, &value))
			text = &id->mail;
		else if (auth_wire_value(word, "quota_rule", &arena, &value))
			text = &id->quota;
		else if (auth_wire_value(word, "detail", &arena, &value))
			text = &id->detail;
		else if (auth_wire_value(word, AUTH_WIRE_VIA, &arena, &value))
			text = &id->via;
		else if (auth_wire_value(word, "uid", &arena, &value) &&
			 pf_str_u64(value, UINT32_MAX - 1, &number))
			id->uid = (uid_t)number;
		else if (auth_wire_value(word, "gid", &arena, &value) &&
			 pf_str_u64(value, UINT32_MAX - 1, &number))
			id->gid = (gid_t)number;
		if (text) {
			free(*text);
			*text = pf_str_dup(value);
		}
	}
	pf_arena_release(&arena);
	if (good && id->home && id->mail)
		return true;
	auth_identity_release(id);
	return false;
}

/* CLOSED: the connection is of no use. */
static pf_status read_answer(struct auth_lookup *l, struct question *q,
			     int64_t until, struct auth_identity *id,
			     struct pf_error *err)
{
	struct pf_str line;
	size_t drop = 0;
	pf_status status = PF_MORE;
	uint32_t number;

	while (status == PF_MORE && next_line(l, until, &drop, &line)) {
		struct pf_str command;
		struct auth_identity one;
		if (!auth_wire_word(&line, &command) ||
		    !auth_wire_id(&line, &number) || number != l->last_id)
			continue; /* unknown lines are to be ignored */
		if (pf_str_eq(command, PF_STR("USER")) ||
		    pf_str_eq(command, PF_STR("LIST"))) {
			if (!parse_identity(line, &one)) {
				status = unavailable("bad answer", err);
			} else if (q->each) {
				q->each(q->arg, &one);
				auth_identity_release(&one);
			} else {
				*id = one;
				status = PF_OK;
			}
		} else if (pf_str_eq(command, PF_STR("DONE"))) {
			status = PF_OK;
		} else if (pf_str_eq(command, PF_STR("NOTFOUND"))) {
			status = pf_error_set(err, PF_NOTFOUND, "User unknown",
					      "no such user");
		} else if (pf_str_eq(command, PF_STR("FAIL"))) {
			status = unavailable("the user file is down", err);
		}
	}
	pf_buf_take(&l->in, drop);
	return status == PF_MORE ? PF_CLOSED : status;
}

static pf_status ask_locked(struct auth_lookup *l, struct question *q,
			    struct auth_identity *id, struct pf_error *err)
{
	int64_t until = pf_clock_mono_ms() + TIMEOUT_MS;
	struct pf_buf line = PF_BUF_INIT(AUTH_WIRE_LINE_MAX);
	pf_status status = PF_CLOSED;

	for (int tries = 0; tries < 2 && status == PF_CLOSED; tries++) {
		bool reused = l->fd >= 0;
		if (!reused && !dial(l, until))
			break;
		pf_buf_clear(&line);
		l->last_id = l->last_id == UINT32_MAX ? 1 : l->last_id + 1;
		auth_wire_begin(&line, q->command, l->last_id);
		pf_buf_add_str(&line, pf_buf_str(&q->params));
		auth_wire_end(&line);
		if (line.failed) {
			status = pf_error_set(err, PF_NOTFOUND, "User unknown",
					      "the name is too long");
			break;
		}
		if (send_all(l->fd, pf_buf_str(&line), until))
			status = read_answer(l, q, until, id, err);
		if (status == PF_CLOSED)
			disconnect(l);
		if (!reused || q->each) /* a list must not come twice */
			break;
	}
	pf_buf_release(&line);
	if (status == PF_CLOSED)
		status = unavailable("not running, or not answering", err);
	return status;
}

static pf_status ask(struct auth_lookup *l, struct question *q,
		     struct auth_identity *id, struct pf_error *err)
{
	pf_status status;

	pthread_mutex_lock(&l->mutex);
	if (q->params.failed)
		status = pf_error_set(err, PF_NOTFOUND, "User unknown",
				      "the name is too long");
	else
		status = ask_locked(l, q, id, err);
	pthread_mutex_unlock(&l->mutex);
	pf_buf_release(&q->params);
	return status;
}

pf_status auth_lookup_address(struct auth_lookup *lookup, struct pf_str address,
			      struct auth_identity *id, struct pf_error *err)
{
	struct question q = {"USER", PF_BUF_INIT(4096), NULL, NULL};

	auth_wire_add(&q.params, address);
	pf_buf_add_c(&q.params, "\tservice=lmtp\taddress");
	return ask(lookup, &q, id, err);
}

pf_status auth_lookup_cookie(struct auth_lookup *lookup, struct pf_str cookie,
			     struct auth_identity *id, struct pf_error *err)
{
	struct question q = {"REQUEST", PF_BUF_INIT(4096), NULL, NULL};
	struct pf_str word;

	/* "pid.id.hex", as auth_client made it */
	while (pf_str_split(&cookie, '.', &word))
		auth_wire_add(&q.params, word);
	return ask(lookup, &q, id, err);
}

pf_status auth_lookup_list(struct auth_lookup *lookup,
			   void (*each)(void *arg,
					const struct auth_identity *id),
			   void *arg, struct pf_error *err)
{
	struct question q = {"LIST", PF_BUF_INIT(4096), each, arg};

	pf_buf_add_c(&q.params, "\tservice=indexer");
	return ask(lookup, &q, NULL, err);
}

pf_status auth_lookup_user(void *lookup, struct pf_str name,
			   struct pf_buf *user, struct pf_buf *mail,
			   struct pf_error *err)
{
	struct auth_identity id;
	pf_status status = auth_lookup_address(lookup, name, &id, err);

	if (status != PF_OK)
		return status;
	if (id.detail || !pf_str_ieq(pf_str_c(id.user), name)) {
		status = pf_error_set(err, PF_NOTFOUND, NULL,
				      "an address is no user's name");
	} else {
		pf_buf_add_c(user, id.user);
		pf_buf_add_c(mail, id.mail);
	}
	auth_identity_release(&id);
	return status;
}
