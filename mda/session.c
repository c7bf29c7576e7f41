/*
 * LMTP connections: the protocol on one side, jobs on the other.
 *
 * A session has one job at a time (a recipient to look up, bytes to write, a
 * delivery) and reads nothing meanwhile.  It lives until its connection is
 * closed and its job is done, whichever comes last: a delivery goes on when
 * the peer has gone away, and then nobody hears of it.
 */
#include "mda/mda.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/priv.h"
#include "base/vec.h"
#include "net/net.h"

#define IDLE_MS (5 * 60 * 1000) /* RFC 5321 4.5.3.2.7 */
/* Descriptors that a connection may need: beyond that deliveries would fail
 * for want of them, so newcomers are told to come again. */
#define FILES_EACH   7
#define FILES_OWN    100
#define SESSIONS_MAX 2000

struct mda_sessions {
	struct filter *filter;
	struct net_loop *loop;
	char *auth_socket;
	struct mda_recent *recent;
	struct pf_link all;
	size_t count, count_max;
	void (*drained)(void *); /* set: we are going down */
	void *drained_arg;
};

struct session {
	struct pf_link link;
	struct mda_sessions *all;
	struct net_conn *conn; /* NULL: closed */
	struct net_queue *queue;
	struct auth_lookup *lookup;
	struct mda_lmtp *lmtp;
	char peer[64];
	bool trusted, busy;
	struct pf_vec(struct mda_rcpt) rcpts; /* accepted so far */
	struct mda_message *message;
	/* of the look-up job */
	struct mda_lmtp_rcpt asked;
	struct mda_rcpt found;
	struct pf_error failure;
};

/* ---- its end ---- */

static void forget_rcpts(struct session *s)
{
	for (size_t i = 0; i < s->rcpts.n; i++)
		mda_rcpt_release(&s->rcpts.v[i]);
	pf_vec_release(&s->rcpts);
}

static void free_if_over(struct session *s);

static void discard(void *arg)
{
	struct session *s = arg;

	mda_message_done(s->message);
}

static void discarded(void *arg)
{
	struct session *s = arg;

	s->busy = false;
	free_if_over(s);
}

static void free_if_over(struct session *s)
{
	struct mda_sessions *all = s->all;

	if (s->conn || s->busy)
		return;
	if (s->message && s->message->draft) {
		/* broken off in the middle: the file goes, in a job */
		s->busy = true;
		net_queue_run(s->queue, discard, discarded, s);
		return;
	}
	pf_list_remove(&s->link);
	all->count--;
	forget_rcpts(s);
	mda_message_free(&s->message);
	mda_lmtp_free(&s->lmtp);
	auth_lookup_free(&s->lookup);
	net_queue_free(&s->queue);
	free(s);
	if (all->drained && pf_list_empty(&all->all))
		all->drained(all->drained_arg);
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct session *s = arg;

	s->conn = NULL;
	if (why->status != PF_CLOSED && why->status != PF_CANCELLED)
		pf_log(PF_LOG_INFO, "lmtp-connection-lost",
		       PF_LOGC("peer", s->peer), PF_LOGC("msg", why->log));
	free_if_over(s);
}

/* ---- output ---- */

static void flush(struct session *s)
{
	struct pf_buf *out = mda_lmtp_out(s->lmtp);

	if (s->conn && out->len > 0)
		(void)net_conn_send(s->conn, out->data, out->len);
	pf_buf_release(out); /* an idle session holds no buffer */
}

static void hang_up(struct session *s, const char *reply)
{
	mda_lmtp_bye(s->lmtp, reply);
	flush(s);
	if (s->conn)
		net_conn_close(s->conn);
}

/* ---- jobs ---- */

static void start_job(struct session *s, void (*work)(void *),
		      void (*done)(void *))
{
	s->busy = true;
	net_conn_pause(s->conn);
	net_conn_set_timeout(s->conn, 0);
	net_queue_run(s->queue, work, done, s);
}

/* Input goes on, or the session ends. */
static void end_job(struct session *s)
{
	s->busy = false;
	flush(s);
	if (s->conn && s->all->drained && !mda_lmtp_busy(s->lmtp)) {
		hang_up(s, "421 4.3.2 Shutting down");
	} else if (s->conn) {
		net_conn_set_timeout(s->conn, IDLE_MS);
		net_conn_resume(s->conn);
	}
	free_if_over(s);
}

static void look_up(void *arg)
{
	struct session *s = arg;

	memset(&s->failure, 0, sizeof s->failure);
	s->failure.status =
	    mda_rcpt_find(s->lookup, &s->asked, &s->found, &s->failure);
}

/* Takes the recipient in s->found. */
static void accept_rcpt(struct session *s)
{
	char reply[LMTP_REPLY_MAX];

	pf_vec_push(&s->rcpts, s->found);
	memset(&s->found, 0, sizeof s->found);
	mda_reply(reply, PF_OK, s->asked.address, "OK");
	memcpy(reply, "250 2.1.5", 9);
	mda_lmtp_rcpt_reply(s->lmtp, reply);
}

static void looked_up(void *arg)
{
	struct session *s = arg;
	pf_status status = s->failure.status;
	char reply[LMTP_REPLY_MAX];

	if (status == PF_OK) {
		mda_recent_put(s->all->recent, s->asked.mailbox, &s->found.id);
		accept_rcpt(s);
	} else {
		bool unknown = status == PF_NOTFOUND;

		mda_reply(reply, status, s->asked.address,
			  unknown ? "No such user" : "Try again later");
		if (!unknown)
			pf_log_error(PF_LOG_ERROR, "recipient", &s->failure,
				     PF_LOGS("to", s->asked.address));
		mda_lmtp_rcpt_reply(s->lmtp, reply);
	}
	end_job(s);
}

/* True when it is answered already. */
static bool check_rcpt(struct session *s)
{
	const struct mda_lmtp_mail *mail = mda_lmtp_mail(s->lmtp);
	struct auth_identity id;

	s->asked = mail->rcpts.v[mail->rcpts.n - 1];
	if (mda_recent_get(s->all->recent, s->asked.mailbox, &id)) {
		mda_rcpt_fill(&s->found, &s->asked, &id);
		accept_rcpt(s);
		return true;
	}
	start_job(s, look_up, looked_up);
	return false;
}

static void spill(void *arg)
{
	struct session *s = arg;

	mda_message_spill(s->message);
}

static void spilled(void *arg)
{
	end_job(arg);
}

static void deliver(void *arg)
{
	struct session *s = arg;

	mda_message_deliver(s->message);
}

static void delivered(void *arg)
{
	struct session *s = arg;
	const struct mda_message *m = s->message;
	const char **replies = calloc(m->rcpt_count, sizeof *replies);

	if (!replies)
		abort();
	for (size_t i = 0; i < m->rcpt_count; i++)
		replies[i] = m->rcpts[i].reply;
	mda_lmtp_end_reply(s->lmtp, replies, m->rcpt_count);
	free(replies);
	mda_message_free(&s->message);
	end_job(s);
}

/* ---- events ---- */

/* The envelope is complete with the first byte, or the end, of the data. */
static void begin_message(struct session *s)
{
	const struct mda_lmtp_mail *mail = mda_lmtp_mail(s->lmtp);
	const struct mda_envelope envelope = {
	    .from = mail->from,
	    .lhlo = mda_lmtp_lhlo(s->lmtp),
	    .peer = pf_str_c(s->peer),
	    .client = mail->forward.addr,
	    .queue = mail->forward.ident,
	    .protocol = mail->utf8 ? "UTF8LMTP" : "LMTP", /* RFC 6531 4.3 */
	    .utf8 = mail->utf8,
	    .dsn = {.ret = mail->ret,
		    .envid = mail->envid,
		    .has_by = mail->has_by,
		    .by = pf_clock_now() + mail->by,
		    .by_return = mail->by_return,
		    .by_trace = mail->by_trace},
	};

	if (s->message)
		return;
	s->message =
	    mda_message_new(s->all->filter, &envelope, s->rcpts.v, s->rcpts.n);
	memset(&s->rcpts, 0, sizeof s->rcpts);
}

static void end_message(struct session *s)
{
	begin_message(s);
	if (mda_lmtp_too_big(s->lmtp)) {
		const struct mda_message *m = s->message;

		for (size_t i = 0; i < m->rcpt_count; i++)
			mda_reply(m->rcpts[i].reply, PF_LIMIT,
				  pf_str_c(m->rcpts[i].address),
				  "Message is too big");
		s->busy = true;
		delivered(s);
		return;
	}
	start_job(s, deliver, delivered);
}

/* False when input has to wait, or the connection is closing. */
static bool on_event(struct session *s, enum mda_lmtp_event event,
		     struct pf_str data)
{
	switch (event) {
	case LMTP_MORE:
		return true;
	case LMTP_WAIT:
		return false;
	case LMTP_RCPT:
		return check_rcpt(s);
	case LMTP_DATA:
		begin_message(s);
		if (!mda_message_add(s->message, data))
			return true;
		start_job(s, spill, spilled);
		return false;
	case LMTP_END:
		end_message(s);
		return !s->busy && s->conn;
	case LMTP_RESET:
		forget_rcpts(s);
		return true;
	case LMTP_QUIT:
		flush(s);
		net_conn_close(s->conn);
		return false;
	}
	return false;
}

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct session *s = arg;
	size_t all = 0;
	bool more = !s->busy;

	while (more) {
		struct pf_str data = {NULL, 0};
		size_t used = 0;
		enum mda_lmtp_event event =
		    mda_lmtp_input(s->lmtp, p + all, n - all, &used, &data);

		all += used;
		more = on_event(s, event, data) && event != LMTP_MORE;
	}
	flush(s);
	return all;
}

static const struct net_conn_events events = {
    .on_input = on_input,
    .on_closed = on_closed,
};

/* ---- accepting ---- */

void mda_sessions_accept(void *arg, int fd, const char *peer, int peer_port)
{
	static const char full[] = "421 4.3.2 Too many connections\r\n";
	struct mda_sessions *all = arg;
	struct session *s = calloc(1, sizeof *s);
	struct pf_error err;
	struct mda_lmtp_conf conf = {
	    .hostname = all->filter->hostname,
	    .size_max = (uint64_t)all->filter->conf->message_size_max,
	    .rcpts_max = (size_t)all->filter->conf->recipients_max,
	    .trusted =
		net_is_trusted(all->filter->conf->trusted_networks, peer),
	};

	(void)peer_port;
	if (!s)
		abort();
	if (all->count >= all->count_max) {
		/* a few bytes into an empty socket: never blocks */
		(void)!send(fd, full, sizeof full - 1, MSG_NOSIGNAL);
		close(fd);
		free(s);
		return;
	}
	s->all = all;
	snprintf(s->peer, sizeof s->peer, "%s", peer);
	if (net_conn_new(all->loop, fd, &events, s, LMTP_LINE_MAX, &s->conn,
			 &err) != PF_OK) {
		pf_log_error(PF_LOG_ERROR, "accept", &err,
			     PF_LOGC("peer", peer));
		free(s);
		return;
	}
	pf_list_append(&all->all, &s->link);
	all->count++;
	s->lmtp = mda_lmtp_new(&conf);
	s->queue = net_queue_new(all->loop, NET_LANE_DISK);
	s->lookup = auth_lookup_new(all->auth_socket);
	net_conn_set_timeout(s->conn, IDLE_MS);
	flush(s);
}

struct mda_sessions *mda_sessions_new(struct filter *filter,
				      struct net_loop *loop,
				      const char *auth_socket)
{
	struct mda_sessions *all = calloc(1, sizeof *all);

	if (!all)
		abort();
	all->filter = filter;
	all->loop = loop;
	all->count_max = (pf_priv_all_files() - FILES_OWN) / FILES_EACH;
	if (all->count_max > SESSIONS_MAX)
		all->count_max = SESSIONS_MAX;
	all->auth_socket = pf_str_dup(pf_str_c(auth_socket));
	all->recent = mda_recent_new();
	pf_list_init(&all->all);
	return all;
}

void mda_sessions_drain(struct mda_sessions *all, void (*drained)(void *),
			void *arg)
{
	struct pf_link *at, *next;

	if (all->drained)
		return;
	all->drained = drained;
	all->drained_arg = arg;
	if (pf_list_empty(&all->all)) {
		drained(arg);
		return;
	}
	/* hang_up never frees: on_closed comes from the loop */
	for (at = all->all.next; at != &all->all; at = next) {
		struct session *s = pf_container_of(at, struct session, link);

		next = at->next;
		if (!s->busy && !mda_lmtp_busy(s->lmtp))
			hang_up(s, "421 4.3.2 Shutting down");
	}
}

void mda_sessions_free(struct mda_sessions **allp)
{
	struct mda_sessions *all = *allp;

	if (!all)
		return;
	*allp = NULL;
	mda_recent_free(&all->recent);
	free(all->auth_socket);
	free(all);
}
