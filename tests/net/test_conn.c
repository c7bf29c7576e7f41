/* Connections over socket pairs; the loop is turned by hand. */
#include "net/private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "tests/tap.h"

static struct net_loop *loop;

/* What one connection has seen, and how it shall behave. */
struct seen {
	struct net_conn *conn;
	struct pf_buf in;
	size_t take;	 /* use at most this much per call */
	bool lines;	 /* use whole lines only */
	bool close_now;	 /* close inside on_input */
	bool detach_now; /* detach inside on_input */
	int drains, eofs, closes, inputs;
	pf_status why;
	int detached_fd;
};

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct seen *seen = arg;
	size_t use = n < seen->take ? n : seen->take;

	seen->inputs++;
	if (seen->lines) {
		ptrdiff_t end = pf_str_rchr(pf_str_mem(p, n), '\n');

		use = end < 0 ? 0 : (size_t)end + 1;
	}
	pf_buf_add(&seen->in, p, use);
	if (seen->close_now)
		net_conn_close(seen->conn);
	if (seen->detach_now) {
		struct pf_buf rest = PF_BUF_INIT(100);

		if (net_conn_detach(&seen->conn, &seen->detached_fd, &rest,
				    NULL) != PF_OK ||
		    rest.len != 0)
			seen->detached_fd = -2;
	}
	return use;
}

static void on_drain(void *arg)
{
	((struct seen *)arg)->drains++;
}

static void on_eof(void *arg)
{
	((struct seen *)arg)->eofs++;
}

static void on_closed(void *arg, const struct pf_error *why)
{
	struct seen *seen = arg;

	seen->closes++;
	seen->why = why->status;
	seen->conn = NULL;
}

static const struct net_conn_events events = {
    .on_input = on_input, .on_drain = on_drain, .on_closed = on_closed};
static const struct net_conn_events eof_events = {.on_input = on_input,
						  .on_drain = on_drain,
						  .on_eof = on_eof,
						  .on_closed = on_closed};

static void turn(void)
{
	for (int i = 0; i < 8; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
}

static int open_pair(struct seen *seen, const struct net_conn_events *ev,
		     size_t input_max)
{
	int fds[2], small = 4096;

	memset(seen, 0, sizeof *seen);
	seen->take = SIZE_MAX;
	seen->detached_fd = -1;
	pf_buf_init(&seen->in, 1 << 24);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds) < 0)
		abort();
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	if (net_conn_new(loop, fds[0], ev, seen, input_max, &seen->conn,
			 NULL) != PF_OK)
		abort();
	return fds[1];
}

static void finish(struct seen *seen, int fd)
{
	if (seen->conn)
		net_conn_abort(seen->conn);
	turn();
	if (fd >= 0)
		close(fd);
	pf_buf_release(&seen->in);
}

static void put(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static size_t drink(int fd, size_t most)
{
	static char sink[1 << 16];
	size_t all = 0;
	ssize_t n = 1;

	while (all < most && n > 0) {
		size_t want =
		    most - all < sizeof sink ? most - all : sizeof sink;

		n = read(fd, sink, want);
		if (n > 0)
			all += (size_t)n;
	}
	return all;
}

static void input_comes_in_pieces(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);

	seen.lines = true;
	put(fd, "NO");
	turn();
	is_int(seen.in.len, 0);
	put(fd, "OP\r\nQU");
	turn();
	is_str(seen.in.data, "NOOP\r\n");
	put(fd, "IT\r\n");
	turn();
	is_str(seen.in.data, "NOOP\r\nQUIT\r\n");
	is_int(seen.conn->kept.cap, 0);
	finish(&seen, fd);
	is_int(seen.closes, 1);
}

static void kept_input_is_bounded(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 10);

	seen.take = 0;
	put(fd, "0123456789abcdef");
	turn();
	is_int(seen.conn->kept.len, 10);
	ok(!seen.conn->reading);
	seen.take = SIZE_MAX;
	net_conn_resume(seen.conn);
	is_int(seen.in.len, 0); /* not from inside resume */
	turn();
	is_str(seen.in.data, "0123456789abcdef");
	finish(&seen, fd);
}

static void pause_holds_input_and_eof_back(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &eof_events, 100);

	net_conn_pause(seen.conn);
	put(fd, "abc");
	close(fd);
	turn();
	is_int(seen.inputs, 0);
	net_conn_resume(seen.conn);
	turn();
	is_str(seen.in.data, "abc");
	is_int(seen.eofs, 1);
	is_int(seen.closes, 0);
	net_conn_close(seen.conn);
	net_conn_close(seen.conn);
	is_int(seen.closes, 0);
	turn();
	is_int(seen.closes, 1);
	is_int(seen.why, PF_CLOSED);
	finish(&seen, -1);
}

static void eof_alone_closes(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);

	close(fd);
	turn();
	is_int(seen.closes, 1);
	is_int(seen.why, PF_CLOSED);
	finish(&seen, -1);
}

static void close_inside_input(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);

	seen.close_now = true;
	seen.take = 1;
	put(fd, "abcdef");
	turn();
	is_int(seen.closes, 1);
	is_int(seen.inputs, 1);
	finish(&seen, fd);
}

static void stalled_reader_stops_producer_and_input(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);
	static char block[8192];
	size_t sent = 0;
	bool more = true;

	while (more) {
		more = net_conn_send(seen.conn, block, sizeof block);
		sent += sizeof block;
	}
	ok(net_conn_queued(seen.conn) > NET_HIGH_MARK);
	ok(net_conn_queued(seen.conn) <= NET_HIGH_MARK + sizeof block);
	is_int(seen.drains, 0);
	put(fd, "x");
	turn();
	is_int(seen.inputs, 0); /* reading is paused */
	while (seen.drains == 0 && drink(fd, 4096) > 0)
		turn();
	is_int(seen.drains, 1);
	ok(net_conn_queued(seen.conn) < NET_LOW_MARK);
	turn();
	is_str(seen.in.data, "x");
	for (int i = 0; i < 100; i++) {
		drink(fd, SIZE_MAX);
		turn();
	}
	is_int(net_conn_queued(seen.conn), 0);
	ok(seen.conn->out == NULL);
	seen.drains = 0;
	ok(net_conn_send(seen.conn, block, sizeof block)); /* not over */
	ok(net_conn_send(seen.conn, block, sizeof block));
	for (int i = 0; i < 10; i++) {
		drink(fd, SIZE_MAX);
		turn();
	}
	is_int(seen.drains, 1);
	finish(&seen, fd);
	ok(sent > NET_HIGH_MARK);
}

static void bytes_arrive_in_order(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);
	static uint32_t numbers[100000];
	size_t got = 0, bad = 0;
	char *back = malloc(sizeof numbers);

	if (!back)
		abort();
	for (uint32_t i = 0; i < 100000; i++)
		numbers[i] = i;
	(void)net_conn_send(seen.conn, numbers, 200000);
	(void)net_conn_send(seen.conn, (char *)numbers + 200000, 10);
	(void)net_conn_send(seen.conn, (char *)numbers + 200010, 199990);
	net_conn_close(seen.conn);
	(void)net_conn_send(seen.conn, "never", 5);
	while (got < sizeof numbers && seen.closes == 0) {
		ssize_t n = read(fd, back + got, sizeof numbers - got);

		if (n > 0)
			got += (size_t)n;
		turn();
	}
	while (got < sizeof numbers) {
		ssize_t n = read(fd, back + got, sizeof numbers - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	is_int(got, sizeof numbers);
	bad = memcmp(back, numbers, sizeof numbers) != 0;
	is_int(bad, 0);
	turn();
	is_int(seen.closes, 1);
	free(back);
	finish(&seen, fd);
}

static void input_timeout(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);

	net_conn_set_timeout(seen.conn, 5);
	uv_run(&loop->uv, UV_RUN_ONCE);
	while (!seen.closes)
		uv_run(&loop->uv, UV_RUN_ONCE);
	is_int(seen.why, PF_TIMEOUT);
	finish(&seen, fd);
}

/* Makes the write timer look now, as if it was set long ago. */
static void look_at_progress(struct seen *seen)
{
	seen->conn->out->progress_at = 1;
	net_conn_set_timeout(seen->conn, 3600 * 1000);
	turn();
}

static void stalled_write_times_out(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);
	static char block[1 << 18];

	net_conn_stall_ms = 1;
	(void)net_conn_send(seen.conn, block, sizeof block);
	usleep(2000);
	uv_update_time(&loop->uv);
	net_conn_stall_ms = 60 * 1000;
	ok(drink(fd, 8192) > 4096);
	turn();
	look_at_progress(&seen); /* slow, but not dead */
	is_int(seen.closes, 0);
	net_conn_stall_ms = 0;
	look_at_progress(&seen);
	is_int(seen.closes, 1);
	is_int(seen.why, PF_TIMEOUT);
	net_conn_stall_ms = 5 * 60 * 1000;
	finish(&seen, fd);
}

static void close_gives_up_on_a_stalled_reader(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);
	static char block[1 << 18];

	net_conn_flush_ms = 5;
	(void)net_conn_send(seen.conn, block, sizeof block);
	net_conn_close(seen.conn);
	while (!seen.closes)
		uv_run(&loop->uv, UV_RUN_ONCE);
	is_int(seen.why, PF_TIMEOUT);
	net_conn_flush_ms = 5000;
	finish(&seen, fd);
}

static void detach_gives_descriptor_and_rest(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100), got = -1;
	struct pf_buf rest = PF_BUF_INIT(100);

	seen.take = 2;
	put(fd, "abcdef");
	turn();
	ok(net_conn_detach(&seen.conn, &got, &rest, NULL) == PF_OK);
	is_str(rest.data, "cdef");
	ok(seen.conn == NULL);
	turn();
	is_int(seen.closes, 0);
	put(got, "still open");
	is_int(drink(fd, 100), 10);
	close(got);
	pf_buf_release(&rest);
	finish(&seen, fd);

	fd = open_pair(&seen, &events, 100);
	seen.detach_now = true;
	put(fd, "abc");
	turn();
	is_int(seen.inputs, 1);
	ok(seen.detached_fd > 2);
	close(seen.detached_fd);
	finish(&seen, fd);
}

static void detach_refuses_with_output_queued(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100), got = -1;
	static char block[1 << 18];
	struct pf_buf rest = PF_BUF_INIT(100);

	(void)net_conn_send(seen.conn, block, sizeof block);
	ok(net_conn_detach(&seen.conn, &got, &rest, NULL) == PF_INVALID);
	ok(seen.conn != NULL);
	finish(&seen, fd);
}

static void shutdown_follows_the_queue(void)
{
	struct seen seen;
	int fd = open_pair(&seen, &events, 100);
	static char block[100000];
	size_t got = 0;

	(void)net_conn_send(seen.conn, block, sizeof block);
	net_conn_shutdown(seen.conn);
	for (int i = 0; i < 200 && got < sizeof block; i++) {
		got += drink(fd, SIZE_MAX);
		turn();
	}
	is_int(got, sizeof block);
	is_int(read(fd, block, 1), 0); /* the end, not EAGAIN */
	is_int(seen.closes, 0);
	put(fd, "still heard");
	turn();
	is_str(seen.in.data, "still heard");
	finish(&seen, fd);
}

static void two_pipes(void)
{
	int to[2], from[2];
	struct seen seen = {.take = SIZE_MAX};
	char back[10] = "";

	pf_buf_init(&seen.in, 100);
	if (pipe(to) < 0 || pipe(from) < 0)
		abort();
	ok(net_conn_new_pair(loop, to[0], from[1], &eof_events, &seen, 100,
			     &seen.conn, NULL) == PF_OK);
	put(to[1], "in");
	(void)net_conn_send(seen.conn, "out", 3);
	turn();
	is_str(seen.in.data, "in");
	is_int(read(from[0], back, 9), 3);
	is_str(back, "out");
	close(to[1]);
	turn();
	is_int(seen.eofs, 1);
	net_conn_shutdown(seen.conn);
	turn();
	is_int(read(from[0], back, 9), 0);
	close(from[0]);
	finish(&seen, -1);
	is_int(seen.closes, 1);
}

static void two_files(void)
{
	char name[] = "/tmp/penfold-conn-XXXXXX";
	int in = mkstemp(name), out;
	struct seen seen = {.take = SIZE_MAX};
	char back[10] = "";

	pf_buf_init(&seen.in, 100);
	out = open(name, O_RDWR | O_APPEND);
	put(out, "from a file");
	ok(net_conn_new_pair(loop, in, out, &eof_events, &seen, 100, &seen.conn,
			     NULL) == PF_OK);
	turn();
	is_str(seen.in.data, "from a file");
	is_int(seen.eofs, 1);
	(void)net_conn_send(seen.conn, "to", 2);
	finish(&seen, -1);
	out = open(name, O_RDONLY);
	is_int(pread(out, back, 9, 11), 2);
	is_str(back, "to");
	close(out);
	unlink(name);
}

int main(void)
{
	if (net_loop_new(0, 0, &loop, NULL) != PF_OK)
		return 1;
	input_comes_in_pieces();
	kept_input_is_bounded();
	pause_holds_input_and_eof_back();
	eof_alone_closes();
	close_inside_input();
	stalled_reader_stops_producer_and_input();
	bytes_arrive_in_order();
	input_timeout();
	stalled_write_times_out();
	close_gives_up_on_a_stalled_reader();
	detach_gives_descriptor_and_rest();
	detach_refuses_with_output_queued();
	shutdown_follows_the_queue();
	two_pipes();
	two_files();
	net_loop_free(&loop);
	return tap_done();
}
