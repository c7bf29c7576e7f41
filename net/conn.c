/*
 * Connections: write queue with marks, read pause, timeouts, closing.
 *
 * Who may read?  Input flows only while all of this holds: the connection is
 * open, its owner did not pause it, the write queue is not over its mark, and
 * fewer than input_max bytes are kept.  update_reading() is the one place
 * that turns reading on and off, and conn_turn() the one place where input
 * that had to wait goes on; whoever changes one of the four conditions calls
 * turn_soon() or conn_turn(), which does both.  So no wake-up is forgotten.
 *
 * Who may write?  net_conn_send() tries the socket first; what it does not
 * take becomes one block that libuv works off in steps of 32 KiB, and later
 * bytes wait behind it.  An idle connection has neither block nor buffers.
 */
#include "net/private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"

/* not above the low mark, or on_drain would come late */
#define WRITE_STEP (32 * 1024)

uint64_t net_conn_stall_ms = 5 * 60 * 1000;
uint64_t net_conn_handshake_ms = 30 * 1000;
uint64_t net_conn_flush_ms = 5 * 1000;
uint64_t net_conn_rest_ms = 3 * 1000;

/* The second descriptor of net_conn_new_pair, and what regular files need,
 * which epoll refuses: they are read in an idle callback and written with
 * plain write(2). */
struct net_pair {
	uv_pipe_t out;
	uv_idle_t file_turn;
	bool out_open;
	int in_file, out_file; /* -1: not a file */
};

static void conn_turn(struct net_conn *conn);
static void update_reading(struct net_conn *conn);
static void arm_timer(struct net_conn *conn);
static void rest_later(struct net_conn *conn);
static void turn_soon(struct net_conn *conn);

/* ---- the end ---- */

static void free_out(struct net_conn *conn)
{
	if (!conn->out)
		return;
	free(conn->out->data);
	pf_buf_release(&conn->out->next);
	free(conn->out);
	conn->out = NULL;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct net_conn *conn = handle->data;
	static const struct pf_error ordinary = {.status = PF_CLOSED,
						 .log = "closed"};

	if (--conn->handles > 0)
		return;
	pf_list_remove(&conn->all);
	pf_list_remove(&conn->ready);
	net_tls_layer_free(&conn->tls);
	net_deflate_free(&conn->deflate);
	free_out(conn);
	pf_buf_release(&conn->kept);
	if (!conn->detached)
		conn->events.on_closed(conn->arg,
				       conn->why ? conn->why : &ordinary);
	if (conn->pair && conn->pair->in_file >= 0)
		close(conn->pair->in_file);
	if (conn->pair && conn->pair->out_file >= 0)
		close(conn->pair->out_file);
	free(conn->pair);
	free(conn->why);
	free(conn);
}

/* A close with unread input makes TCP send a reset, which can overtake our
 * last words: so read off what is there. */
static void drop_unread(struct net_conn *conn)
{
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&conn->pipe, &fd) < 0)
		return;
	for (int i = 0; i < 16; i++)
		if (recv(fd, conn->loop->wire, NET_SCRATCH, MSG_DONTWAIT) <= 0)
			break;
}

void net_conn_fail(struct net_conn *conn, const struct pf_error *err)
{
	if (conn->state == NET_CONN_CLOSED)
		return;
	conn->state = NET_CONN_CLOSED;
	if (err && err->status != PF_CLOSED) {
		conn->why = malloc(sizeof *conn->why);
		if (!conn->why)
			abort();
		*conn->why = *err;
	}
	drop_unread(conn);
	uv_close((uv_handle_t *)&conn->pipe, on_handle_closed);
	uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
	if (!conn->pair)
		return;
	uv_close((uv_handle_t *)&conn->pair->file_turn, on_handle_closed);
	if (conn->pair->out_open)
		uv_close((uv_handle_t *)&conn->pair->out, on_handle_closed);
	conn->pair->out_open = false;
}

static void fail_sys(struct net_conn *conn, int uv_code, const char *what)
{
	struct pf_error err = {0};

	(void)net_uv_error(&err, uv_code, what);
	if (uv_code == UV_ECONNRESET || uv_code == UV_EPIPE)
		err.status = PF_CLOSED;
	net_conn_fail(conn, &err);
}

static void fail_status(struct net_conn *conn, pf_status status,
			const char *what)
{
	struct pf_error err = {0};

	(void)pf_error_set(&err, status, NULL, "%s", what);
	net_conn_fail(conn, &err);
}

void net_conn_abort(struct net_conn *conn)
{
	net_conn_fail(conn, NULL);
}

/* ---- writing ---- */

static uv_stream_t *out_stream(struct net_conn *conn)
{
	return (uv_stream_t *)(conn->pair ? &conn->pair->out : &conn->pipe);
}

size_t net_conn_queued(const struct net_conn *conn)
{
	const struct net_out *out = conn->out;

	return out ? out->n - out->done + out->next.len : 0;
}

/* Nothing is queued any more: what waited for that happens now. */
static void queue_empty(struct net_conn *conn)
{
	uv_os_fd_t fd;

	if (conn->shut_wanted && !conn->shut) {
		conn->shut = true;
		if (uv_fileno((uv_handle_t *)out_stream(conn), &fd) == 0 &&
		    shutdown(fd, SHUT_WR) < 0 && errno == ENOTSOCK &&
		    conn->pair && conn->pair->out_open) {
			/* a pipe: its reader sees the end by a close */
			conn->pair->out_open = false;
			uv_close((uv_handle_t *)&conn->pair->out,
				 on_handle_closed);
		}
	}
	if (conn->state == NET_CONN_FLUSHING)
		net_conn_fail(conn, NULL);
}

static void on_written(uv_write_t *req, int status);

/* Gives libuv the next step of the block, or the next block. */
static void write_next(struct net_conn *conn)
{
	struct net_out *out = conn->out;
	uv_buf_t buf;
	int r;

	if (out->done == out->n) {
		free(out->data);
		out->n = out->next.len;
		out->done = 0;
		out->data = pf_buf_detach(&out->next);
	}
	buf = uv_buf_init(out->data + out->done,
			  (unsigned)(out->n - out->done < WRITE_STEP
					 ? out->n - out->done
					 : WRITE_STEP));
	r = uv_write(&out->req, out_stream(conn), &buf, 1, on_written);
	if (r < 0)
		fail_sys(conn, r, "write");
	out->left_then = buf.len;
}

static void on_written(uv_write_t *req, int status)
{
	struct net_conn *conn = req->data;
	struct net_out *out = conn->out;
	bool empty;

	if (conn->state == NET_CONN_CLOSED)
		return;
	if (status < 0) {
		fail_sys(conn, status, "write");
		return;
	}
	out->done +=
	    out->n - out->done < WRITE_STEP ? out->n - out->done : WRITE_STEP;
	out->progress_at = uv_now(&conn->loop->uv);
	empty = net_conn_queued(conn) == 0;
	if (empty) {
		free_out(conn);
		queue_empty(conn);
	} else {
		write_next(conn);
	}
	if (conn->state != NET_CONN_OPEN)
		return;
	if (empty || (conn->over && net_conn_queued(conn) < NET_LOW_MARK)) {
		conn->over = false;
		if (conn->events.on_drain)
			conn->events.on_drain(conn->arg);
		conn_turn(conn);
	}
}

static void write_file(struct net_conn *conn, const char *p, size_t n)
{
	struct pf_error err = {0};

	if (pf_fs_write(conn->pair->out_file, p, n, &err) != PF_OK)
		net_conn_fail(conn, &err);
}

void net_conn_wire(struct net_conn *conn, const void *p, size_t n)
{
	struct net_out *out = conn->out;
	uv_buf_t buf;
	int r = 0;

	if (conn->state == NET_CONN_CLOSED || conn->shut || n == 0)
		return;
	if (conn->pair && conn->pair->out_file >= 0) {
		write_file(conn, p, n);
		return;
	}
	if (!out) {
		unsigned len = n < INT32_MAX ? (unsigned)n : INT32_MAX;

		buf = uv_buf_init((char *)(uintptr_t)p, len);
		r = uv_try_write(out_stream(conn), &buf, 1);
		if (r < 0 && r != UV_EAGAIN) {
			fail_sys(conn, r, "write");
			return;
		}
		if (r < 0)
			r = 0;
		if ((size_t)r == n)
			return;
		conn->out = out = calloc(1, sizeof *out);
		if (!out)
			abort();
		out->req.data = conn;
		out->progress_at = uv_now(&conn->loop->uv);
		pf_buf_init(&out->next, SIZE_MAX / 4);
	}
	pf_buf_add(&out->next, (const char *)p + r, n - (size_t)r);
	if (out->next.failed) {
		fail_status(conn, PF_NOMEM, "write queue");
		return;
	}
	if (!out->data)
		write_next(conn);
	if (net_conn_queued(conn) > NET_HIGH_MARK)
		conn->over = true;
	update_reading(conn);
	arm_timer(conn);
}

void net_conn_below(struct net_conn *conn, const void *p, size_t n)
{
	if (conn->tls)
		net_tls_layer_output(conn->tls, p, n);
	else
		net_conn_wire(conn, p, n);
}

bool net_conn_send(struct net_conn *conn, const void *p, size_t n)
{
	if (conn->state != NET_CONN_OPEN || conn->shut_wanted)
		return true;
	if (conn->deflate) {
		net_deflate_output(conn->deflate, p, n);
		rest_later(conn);
	} else {
		net_conn_below(conn, p, n);
	}
	return !conn->over;
}

void net_conn_shutdown(struct net_conn *conn)
{
	if (conn->state != NET_CONN_OPEN || conn->shut_wanted)
		return;
	conn->shut_wanted = true;
	if (conn->tls)
		net_tls_layer_end(conn->tls);
	if (!conn->out)
		queue_empty(conn);
}

void net_conn_close(struct net_conn *conn)
{
	if (conn->state != NET_CONN_OPEN)
		return;
	if (conn->tls && !conn->shut_wanted)
		net_tls_layer_end(conn->tls);
	if (conn->state != NET_CONN_OPEN)
		return; /* that write failed */
	conn->state = NET_CONN_FLUSHING;
	update_reading(conn);
	if (!conn->out) {
		queue_empty(conn);
		return;
	}
	conn->close_at = uv_now(&conn->loop->uv) + net_conn_flush_ms;
	arm_timer(conn);
}

/* ---- input ---- */

/* Input would make output, and there is enough of that. */
static bool choked(const struct net_conn *conn)
{
	return conn->over && !conn->relay;
}

size_t net_conn_room(const struct net_conn *conn)
{
	if (conn->state != NET_CONN_OPEN || conn->paused || choked(conn) ||
	    conn->eof_told || conn->kept.len >= conn->kept.max)
		return 0;
	return conn->kept.max - conn->kept.len;
}

size_t net_conn_pass_room(const struct net_conn *conn)
{
	if (!conn->deflate)
		return net_conn_room(conn);
	if (net_deflate_pending(conn->deflate) || net_conn_room(conn) == 0)
		return 0;
	return NET_SCRATCH;
}

/* Shows bytes; returns how many were used.  A STARTTLS (or COMPRESS) among
 * them takes effect here: nothing may stand behind it. */
static size_t show(struct net_conn *conn, const char *p, size_t n)
{
	size_t used;

	conn->in_input = true;
	used = conn->events.on_input(conn->arg, p, n);
	conn->in_input = false;
	if (conn->state != NET_CONN_OPEN)
		return n;
	if (used > n)
		used = n;
	if (conn->armed) {
		conn->armed = false;
		if (used < n) {
			fail_status(conn, PF_INVALID,
				    "bytes in clear behind the command");
			return n;
		}
	}
	return used;
}

static void show_kept(struct net_conn *conn)
{
	size_t used = show(conn, conn->kept.data, conn->kept.len);

	if (conn->state != NET_CONN_OPEN)
		return; /* freed when the handles are closed */
	pf_buf_take(&conn->kept, used);
	if (conn->kept.len == 0)
		pf_buf_release(&conn->kept);
}

void net_conn_deliver(struct net_conn *conn, const char *p, size_t n)
{
	bool direct = conn->kept.len == 0 && !conn->paused;
	size_t used = direct ? show(conn, p, n) : 0;

	if (conn->state != NET_CONN_OPEN || used == n)
		return;
	pf_buf_add(&conn->kept, p + used, n - used);
	if (conn->kept.failed)
		fail_status(conn, PF_NOMEM, "input");
	else if (!direct && !conn->paused)
		show_kept(conn);
}

void net_conn_pass(struct net_conn *conn, const char *p, size_t n)
{
	if (!conn->deflate) {
		net_conn_deliver(conn, p, n);
		return;
	}
	net_deflate_input(conn->deflate, p, n);
	if (conn->state != NET_CONN_OPEN)
		return;
	rest_later(conn);
	if (net_deflate_pending(conn->deflate) && net_conn_room(conn) > 0)
		turn_soon(conn);
}

void net_conn_deliver_eof(struct net_conn *conn)
{
	conn->eof = true;
	if (conn->deflate && net_deflate_pending(conn->deflate))
		return; /* conn_turn() first delivers what is left */
	if (conn->paused || conn->eof_told || conn->state != NET_CONN_OPEN)
		return;
	conn->eof_told = true;
	if (conn->events.on_eof)
		conn->events.on_eof(conn->arg);
	else
		net_conn_close(conn);
}

/* Input that had to wait goes on; then reading is set to what now holds. */
static void conn_turn(struct net_conn *conn)
{
	if (conn->state == NET_CONN_OPEN && conn->kept.len > 0 &&
	    !conn->paused && !choked(conn))
		show_kept(conn);
	if (conn->state == NET_CONN_OPEN && conn->deflate &&
	    net_deflate_pending(conn->deflate) && net_conn_room(conn) > 0)
		net_conn_pass(conn, NULL, 0);
	if (conn->state == NET_CONN_OPEN && conn->tls &&
	    net_conn_pass_room(conn) > 0)
		net_tls_layer_input(conn->tls, NULL, 0);
	if (conn->state == NET_CONN_OPEN && conn->eof && !choked(conn))
		net_conn_deliver_eof(conn);
	update_reading(conn);
}

static void run_ready(uv_idle_t *idle)
{
	struct net_loop *loop = idle->data;
	struct pf_link mine;

	(void)uv_idle_stop(idle);
	pf_list_init(&mine);
	if (pf_list_empty(&loop->ready))
		return;
	mine = loop->ready;
	mine.next->prev = mine.prev->next = &mine;
	pf_list_init(&loop->ready);
	while (!pf_list_empty(&mine)) {
		struct net_conn *conn =
		    pf_container_of(mine.next, struct net_conn, ready);

		pf_list_remove(&conn->ready);
		conn_turn(conn);
	}
}

/* Lets conn_turn() run from the loop, not from inside the caller. */
static void turn_soon(struct net_conn *conn)
{
	if (!conn->ready.next)
		pf_list_append(&conn->loop->ready, &conn->ready);
	(void)uv_idle_start(&conn->loop->turn, run_ready);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct net_conn *conn = handle->data;
	size_t room = net_conn_pass_room(conn);

	(void)suggested;
	/* ciphertext has its own bounds */
	if (conn->tls || room > NET_SCRATCH)
		room = NET_SCRATCH;
	if (!conn->wanted)
		room = 0; /* on_read() gets ENOBUFS */
	*buf = uv_buf_init(conn->loop->wire, (unsigned)room);
}

static void got_bytes(struct net_conn *conn, const char *p, size_t n)
{
	conn->last_input = uv_now(&conn->loop->uv);
	if (conn->tls)
		net_tls_layer_input(conn->tls, p, n);
	else
		net_conn_pass(conn, p, n);
	update_reading(conn);
}

/* Clients that send a literal in two writes (Python's imaplib, for one) wait
 * for our acknowledgement of the first before their kernel sends the second.
 * The kernel would delay it for 40 ms, and forgets the option again. */
static void acknowledge_now(struct net_conn *conn)
{
	int on = 1;
	uv_os_fd_t fd;

	if (conn->tcp && uv_fileno((uv_handle_t *)&conn->pipe, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static bool is_tcp(int fd)
{
	int domain = AF_UNSPEC;
	socklen_t n = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
	       (domain == AF_INET || domain == AF_INET6);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct net_conn *conn = stream->data;

	if (n == UV_ENOBUFS && !conn->wanted) {
		conn->reading = false;
		(void)uv_read_stop(stream);
	}
	if (conn->state != NET_CONN_OPEN || n == 0 || n == UV_ENOBUFS)
		return;
	if (n > 0) {
		acknowledge_now(conn);
		got_bytes(conn, buf->base, (size_t)n);
	} else if (n == UV_EOF) {
		net_conn_deliver_eof(conn);
		update_reading(conn);
	} else {
		fail_sys(conn, (int)n, "read");
	}
}

static void read_file(uv_idle_t *idle)
{
	struct net_conn *conn = idle->data;
	size_t room = net_conn_pass_room(conn);
	ssize_t n;

	if (room == 0)
		return;
	n = read(conn->pair->in_file, conn->loop->wire,
		 room < NET_SCRATCH ? room : NET_SCRATCH);
	if (n < 0) {
		fail_sys(conn, -errno, "read");
	} else if (n == 0) {
		net_conn_deliver_eof(conn);
		update_reading(conn);
	} else {
		got_bytes(conn, conn->loop->wire, (size_t)n);
	}
}

static void update_reading(struct net_conn *conn)
{
	/* a handshake goes on whether or not the owner wants input */
	bool shaking = conn->state == NET_CONN_OPEN && conn->tls &&
		       !net_tls_layer_up(conn->tls);
	bool want = !conn->eof && (shaking || net_conn_pass_room(conn) > 0);
	bool file = conn->pair && conn->pair->in_file >= 0;

	conn->wanted = want;
	if (conn->state == NET_CONN_CLOSED || want == conn->reading)
		return;
	/* To stop and start libuv's reading costs three system calls, and most
	 * pauses end before anything comes: so it is stopped when something
	 * does (on_alloc, on_read). */
	if (!want && !file)
		return;
	conn->reading = want;
	if (want && file)
		(void)uv_idle_start(&conn->pair->file_turn, read_file);
	else if (want)
		(void)uv_read_start((uv_stream_t *)&conn->pipe, on_alloc,
				    on_read);
	else
		(void)uv_idle_stop(&conn->pair->file_turn);
}

void net_conn_pause(struct net_conn *conn)
{
	conn->paused = true;
	update_reading(conn);
}

void net_conn_resume(struct net_conn *conn)
{
	conn->paused = false;
	if (conn->state != NET_CONN_OPEN)
		return;
	if (conn->kept.len > 0 || conn->eof ||
	    (conn->deflate && net_deflate_pending(conn->deflate)) ||
	    (conn->tls && net_tls_layer_pending(conn->tls)))
		turn_soon(conn);
	update_reading(conn);
}

void net_conn_set_relay(struct net_conn *conn)
{
	conn->relay = true;
	net_conn_resume(conn);
}

/* ---- timeouts: one timer, set to the earliest of what is pending ---- */

static uint64_t earliest(const struct net_conn *conn)
{
	uint64_t at = UINT64_MAX;

	if (conn->timeout && conn->state == NET_CONN_OPEN)
		at = conn->last_input + conn->timeout;
	if (conn->tls && !net_tls_layer_up(conn->tls) &&
	    conn->handshake_at < at)
		at = conn->handshake_at;
	if (conn->out && conn->out->progress_at + net_conn_stall_ms < at)
		at = conn->out->progress_at + net_conn_stall_ms;
	if (conn->close_at && conn->close_at < at)
		at = conn->close_at;
	if (conn->rest_at && conn->rest_at < at)
		at = conn->rest_at;
	return at;
}

static void on_time(uv_timer_t *timer)
{
	struct net_conn *conn = timer->data;
	uint64_t now = uv_now(&conn->loop->uv);

	conn->timer_at = 0;
	if (conn->out) {
		size_t left = uv_stream_get_write_queue_size(out_stream(conn));

		/* part of a step counts as progress, too */
		if (left < conn->out->left_then) {
			conn->out->left_then = left;
			conn->out->progress_at = now;
		}
	}
	if (conn->rest_at && conn->rest_at <= now) {
		conn->rest_at = 0;
		net_deflate_rest(conn->deflate);
	}
	if (earliest(conn) > now)
		arm_timer(conn);
	else if (conn->tls && !net_tls_layer_up(conn->tls))
		fail_status(conn, PF_TIMEOUT, "TLS handshake took too long");
	else if (conn->timeout && conn->last_input + conn->timeout <= now)
		fail_status(conn, PF_TIMEOUT, "no input");
	else
		fail_status(conn, PF_TIMEOUT, "peer does not read");
}

static void arm_timer(struct net_conn *conn)
{
	uint64_t at = earliest(conn), now = uv_now(&conn->loop->uv);

	if (conn->state == NET_CONN_CLOSED || at == UINT64_MAX)
		return; /* if it is set it finds nothing to do */
	if (conn->timer_at && conn->timer_at <= at)
		return; /* fires earlier, and looks again */
	conn->timer_at = at;
	(void)uv_timer_start(&conn->timer, on_time, at > now ? at - now : 0, 0);
}

/* Something was compressed or expanded: no rest for a while. */
static void rest_later(struct net_conn *conn)
{
	conn->rest_at = uv_now(&conn->loop->uv) + net_conn_rest_ms;
	arm_timer(conn);
}

void net_conn_set_timeout(struct net_conn *conn, uint64_t ms)
{
	conn->timeout = ms;
	conn->last_input = uv_now(&conn->loop->uv);
	arm_timer(conn);
}

/* ---- making, TLS, detaching ---- */

static struct net_conn *conn_alloc(struct net_loop *loop,
				   const struct net_conn_events *events,
				   void *arg, size_t input_max)
{
	struct net_conn *conn = calloc(1, sizeof *conn);

	if (!conn)
		abort();
	conn->loop = loop;
	conn->events = *events;
	conn->arg = arg;
	pf_buf_init(&conn->kept, input_max);
	(void)uv_pipe_init(&loop->uv, &conn->pipe, 0);
	(void)uv_timer_init(&loop->uv, &conn->timer);
	conn->pipe.data = conn->timer.data = conn;
	conn->handles = 2;
	conn->last_input = uv_now(&loop->uv);
	pf_list_append(&loop->conns, &conn->all);
	return conn;
}

/* Never born: goes away without on_closed. */
static pf_status discard(struct net_conn *conn, int uv_code,
			 struct pf_error *err)
{
	conn->detached = true;
	net_conn_fail(conn, NULL);
	return net_uv_error(err, uv_code, "open a connection");
}

pf_status net_conn_new(struct net_loop *loop, int fd,
		       const struct net_conn_events *events, void *arg,
		       size_t input_max, struct net_conn **out,
		       struct pf_error *err)
{
	struct net_conn *conn = conn_alloc(loop, events, arg, input_max);
	int r = uv_pipe_open(&conn->pipe, fd);

	if (r < 0) {
		close(fd);
		return discard(conn, r, err);
	}
	conn->tcp = is_tcp(fd);
	update_reading(conn);
	*out = conn;
	return PF_OK;
}

static bool epoll_can(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || S_ISSOCK(st.st_mode) ||
	       S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd));
}

/* libuv never closes descriptors 0 to 2, so the peer would not see our end:
 * ours move up and /dev/null takes their place. */
static int move_up(int fd)
{
	int moved, null;

	if (fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, fd);
		if (null > STDERR_FILENO)
			close(null);
	}
	return moved;
}

pf_status net_conn_new_pair(struct net_loop *loop, int in_fd, int out_fd,
			    const struct net_conn_events *events, void *arg,
			    size_t input_max, struct net_conn **out,
			    struct pf_error *err)
{
	struct net_conn *conn = conn_alloc(loop, events, arg, input_max);
	struct net_pair *pair = calloc(1, sizeof *pair);
	int r = 0;

	if (!pair)
		abort();
	conn->pair = pair;
	(void)uv_pipe_init(&loop->uv, &pair->out, 0);
	(void)uv_idle_init(&loop->uv, &pair->file_turn);
	pair->out.data = pair->file_turn.data = conn;
	pair->out_open = true;
	conn->handles += 2;
	in_fd = move_up(in_fd);
	out_fd = move_up(out_fd);
	pair->in_file = epoll_can(in_fd) ? -1 : in_fd;
	pair->out_file = epoll_can(out_fd) ? -1 : out_fd;
	if (pair->in_file < 0)
		r = uv_pipe_open(&conn->pipe, in_fd);
	if (pair->out_file < 0 && r == 0)
		r = uv_pipe_open(&pair->out, out_fd);
	if (r < 0)
		return discard(conn, r, err);
	update_reading(conn);
	*out = conn;
	return PF_OK;
}

pf_status net_conn_start_tls(struct net_conn *conn, struct net_tls *tls,
			     struct pf_error *err)
{
	pf_status status;

	if (conn->state != NET_CONN_OPEN)
		return pf_error_set(err, PF_CLOSED, NULL, "closed");
	if (conn->tls || conn->pair)
		return pf_error_set(err, PF_INVALID, NULL,
				    "TLS is not possible here");
	if (conn->kept.len > 0 && !conn->in_input)
		return pf_error_set(err, PF_INVALID, NULL,
				    "bytes in clear behind STARTTLS");
	conn->handshake_at = uv_now(&conn->loop->uv) + net_conn_handshake_ms;
	status = net_tls_layer_new(tls, conn, &conn->tls, err);
	if (status != PF_OK)
		return status;
	conn->armed = conn->in_input;
	arm_timer(conn);
	return PF_OK;
}

pf_status net_conn_start_deflate(struct net_conn *conn, struct pf_error *err)
{
	if (conn->state != NET_CONN_OPEN)
		return pf_error_set(err, PF_CLOSED, NULL, "closed");
	if (conn->deflate)
		return pf_error_set(err, PF_INVALID, NULL,
				    "compressed already");
	if (conn->kept.len > 0 && !conn->in_input)
		return pf_error_set(err, PF_INVALID, NULL,
				    "plain bytes behind COMPRESS");
	conn->deflate = net_deflate_new(conn);
	conn->armed = conn->in_input;
	return PF_OK;
}

bool net_conn_is_deflated(const struct net_conn *conn)
{
	return conn->deflate != NULL;
}

bool net_conn_is_tls(const struct net_conn *conn)
{
	return conn->tls && net_tls_layer_up(conn->tls);
}

const char *net_conn_tls_info(const struct net_conn *conn)
{
	return net_conn_is_tls(conn) ? net_tls_layer_info(conn->tls) : "";
}

size_t net_conn_tls_binding(const struct net_conn *conn, enum net_binding kind,
			    unsigned char to[NET_BINDING_MAX])
{
	return net_conn_is_tls(conn)
		   ? net_tls_layer_binding(conn->tls, kind, to)
		   : 0;
}

pf_status net_conn_detach(struct net_conn **connp, int *fd, struct pf_buf *rest,
			  struct pf_error *err)
{
	struct net_conn *conn = *connp;
	uv_os_fd_t own;
	int copy;

	if (conn->state != NET_CONN_OPEN || conn->tls || conn->out ||
	    conn->pair || !net_deflate_is_over(conn, rest) ||
	    uv_fileno((uv_handle_t *)&conn->pipe, &own) < 0)
		return pf_error_set(err, PF_INVALID, NULL,
				    "connection cannot be handed over");
	copy = fcntl(own, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (copy < 0)
		return pf_error_sys(err, errno, "dup");
	if (!conn->in_input)
		pf_buf_add_str(rest, pf_buf_str(&conn->kept));
	conn->detached = true;
	conn->state = NET_CONN_CLOSED; /* without reading anything off */
	uv_close((uv_handle_t *)&conn->pipe, on_handle_closed);
	uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
	*fd = copy;
	*connp = NULL;
	return PF_OK;
}
