/* The deflate layer against a zlib client in the same process. */
#include "net/private.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/tap.h"

static struct net_loop *loop;

struct seen {
	struct net_conn *conn;
	struct pf_buf in;
	size_t take;
	bool starts; /* "COMPRESS\r\n" starts it */
	int closes, eofs;
	pf_status why;
};

struct peer {
	int fd;
	z_stream in, out;
};

static size_t on_input(void *arg, const char *p, size_t n)
{
	struct seen *seen = arg;
	struct pf_str line = PF_STR("COMPRESS\r\n");

	if (seen->starts && pf_str_starts(pf_str_mem(p, n), line)) {
		(void)net_conn_send(seen->conn, "OK\r\n", 4);
		if (net_conn_start_deflate(seen->conn, NULL) != PF_OK)
			net_conn_abort(seen->conn);
		return line.n;
	}
	if (n > seen->take)
		n = seen->take;
	pf_buf_add(&seen->in, p, n);
	return n;
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
    .on_input = on_input, .on_eof = on_eof, .on_closed = on_closed};

static void turn(void)
{
	for (int i = 0; i < 8; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
}

static void begin(struct seen *seen, struct peer *peer, size_t input_max)
{
	int fds[2];

	memset(seen, 0, sizeof *seen);
	memset(peer, 0, sizeof *peer);
	seen->take = SIZE_MAX;
	pf_buf_init(&seen->in, 1 << 26);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	if (net_conn_new(loop, fds[0], &events, seen, input_max, &seen->conn,
			 NULL) != PF_OK)
		abort();
	peer->fd = fds[1];
	if (deflateInit2(&peer->out, 9, Z_DEFLATED, -15, 8, 0) != Z_OK ||
	    inflateInit2(&peer->in, -15) != Z_OK)
		abort();
}

static void finish(struct seen *seen, struct peer *peer)
{
	if (seen->conn)
		net_conn_abort(seen->conn);
	turn();
	tap_check(seen->closes == 1, "closed once");
	(void)deflateEnd(&peer->out);
	(void)inflateEnd(&peer->in);
	close(peer->fd);
	pf_buf_release(&seen->in);
}

static void say(struct peer *peer, const char *p, size_t n)
{
	unsigned char to[65536];

	peer->out.next_in = (Bytef *)(uintptr_t)p;
	peer->out.avail_in = (uInt)n;
	peer->out.next_out = to;
	peer->out.avail_out = sizeof to;
	(void)deflate(&peer->out, Z_SYNC_FLUSH);
	size_t made = sizeof to - peer->out.avail_out;
	if (peer->out.avail_in > 0 ||
	    write(peer->fd, to, made) != (ssize_t)made)
		abort();
}

/* What the peer reads; stops when there is nothing for some turns. */
static size_t hear(struct peer *peer, char *to, size_t most)
{
	unsigned char wire[4096];
	size_t all = 0;

	for (int idle = 0; idle < 3 && all < most;) {
		ssize_t n = read(peer->fd, wire, sizeof wire);

		if (n <= 0) {
			turn();
			idle++;
			continue;
		}
		idle = 0;
		peer->in.next_in = wire;
		peer->in.avail_in = (uInt)n;
		while (peer->in.avail_in > 0) {
			peer->in.next_out = (Bytef *)to + all;
			peer->in.avail_out = (uInt)(most - all);
			if (inflate(&peer->in, Z_SYNC_FLUSH) != Z_OK)
				return 0;
			all = most - peer->in.avail_out;
		}
	}
	return all;
}

static void fill_text(char *to, size_t n)
{
	unsigned seed = 1;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		to[i] = (char)('a' + (seed >> 16) % 26);
	}
}

static void both_ways(void)
{
	static char text[300000], back[300000];
	struct seen seen;
	struct peer peer;

	begin(&seen, &peer, 65536);
	fill_text(text, sizeof text);
	(void)net_conn_send(seen.conn, "plain", 5);
	tap_check(net_conn_start_deflate(seen.conn, NULL) == PF_OK, "starts");
	tap_check(net_conn_start_deflate(seen.conn, NULL) == PF_INVALID,
		  "only once");
	tap_check(read(peer.fd, back, sizeof back) == 5, "before it: plain");
	for (int i = 0; i < 5; i++) {
		say(&peer, text + i * 40000, 40000);
		turn();
	}
	tap_check(seen.in.len == 200000 &&
		      memcmp(seen.in.data, text, 200000) == 0,
		  "input");
	(void)net_conn_send(seen.conn, text, sizeof text);
	tap_check(hear(&peer, back, sizeof back) == sizeof text &&
		      memcmp(back, text, sizeof text) == 0,
		  "output");
	close(peer.fd);
	peer.fd = dup(0);
	turn();
	tap_check(seen.eofs == 1, "end of input");
	finish(&seen, &peer);
}

static void behind_the_command(void)
{
	struct seen seen;
	struct peer peer;

	begin(&seen, &peer, 65536);
	seen.starts = true;
	tap_check(write(peer.fd, "COMPRESS\r\nEVIL\r\n", 16) == 16, "at once");
	turn();
	tap_check(seen.closes == 1 && seen.why == PF_INVALID &&
		      seen.in.len == 0,
		  "plain bytes behind the command: closed");
	finish(&seen, &peer);
	begin(&seen, &peer, 65536);
	seen.starts = true;
	tap_check(write(peer.fd, "COMPRESS\r\n", 10) == 10, "alone");
	turn();
	say(&peer, "hello", 5);
	turn();
	tap_check(seen.in.len == 5, "it works");
	finish(&seen, &peer);
}

static void garbage(void)
{
	struct seen seen;
	struct peer peer;

	begin(&seen, &peer, 65536);
	tap_check(net_conn_start_deflate(seen.conn, NULL) == PF_OK, "starts");
	tap_check(write(peer.fd, "\xff\xff\xff\xff", 4) == 4, "no deflate");
	turn();
	tap_check(seen.closes == 1 && seen.why == PF_INVALID, "closed");
	finish(&seen, &peer);
}

/* 64 MiB of zeros in 64 KiB: bounded in every turn, and by what is taken. */
static void bomb(void)
{
	static char zeros[1 << 20];
	static unsigned char packed[1 << 17];
	struct seen seen;
	struct peer peer;

	begin(&seen, &peer, 65536);
	tap_check(net_conn_start_deflate(seen.conn, NULL) == PF_OK, "starts");
	peer.out.next_out = packed;
	peer.out.avail_out = sizeof packed;
	for (int i = 0; i < 32; i++) {
		peer.out.next_in = (Bytef *)zeros;
		peer.out.avail_in = sizeof zeros;
		(void)deflate(&peer.out, i < 31 ? Z_NO_FLUSH : Z_SYNC_FLUSH);
	}
	size_t n = sizeof packed - peer.out.avail_out;
	tap_check(n < 65536 && write(peer.fd, packed, n) == (ssize_t)n,
		  "%zu bytes", n);
	size_t most = 0;
	for (int i = 0; i < 100; i++) {
		size_t before = seen.in.len;

		uv_run(&loop->uv, UV_RUN_NOWAIT);
		if (seen.in.len - before > most)
			most = seen.in.len - before;
	}
	tap_check(most > 0 && most <= NET_SCRATCH, "at most 64 KiB a turn: %zu",
		  most);
	seen.take = 0;
	turn();
	size_t stopped = seen.in.len;
	turn();
	tap_check(seen.in.len == stopped && seen.conn->kept.len <= 65536,
		  "not taken: stops");
	seen.take = SIZE_MAX;
	net_conn_resume(seen.conn);
	for (int i = 0; i < 1000; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	tap_check(seen.in.len == 32u << 20, "all of it in the end");
	finish(&seen, &peer);
}

static void wait_for_rest(struct net_conn *conn)
{
	for (int i = 0; i < 10000000 && conn->rest_at; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
}

/* Rests, and goes on in the middle of both streams. */
static void rests(void)
{
	static char text[60000], back[60000];
	struct seen seen;
	struct peer peer;
	bool all = true;

	begin(&seen, &peer, 65536);
	net_conn_rest_ms = 1;
	fill_text(text, sizeof text);
	tap_check(net_conn_start_deflate(seen.conn, NULL) == PF_OK, "starts");
	for (int i = 0; i < 5; i++) {
		/* the same text again: only a kept window can tell */
		seen.in.len = 0;
		say(&peer, text, 30000);
		turn();
		all = all && seen.in.len == 30000 &&
		      memcmp(seen.in.data, text, 30000) == 0;
		(void)net_conn_send(seen.conn, text, sizeof text);
		all = all && hear(&peer, back, sizeof back) == sizeof text &&
		      memcmp(back, text, sizeof text) == 0;
		wait_for_rest(seen.conn);
		all = all && net_deflate_resting(seen.conn->deflate);
	}
	tap_check(all, "five rests");
	/* what it holds is what becomes free without it */
	size_t before = mallinfo2().uordblks;
	net_deflate_free(&seen.conn->deflate);
	size_t held = before - mallinfo2().uordblks;
	tap_check(held < 40 * 1024, "a resting layer holds %zu bytes", held);
	net_conn_rest_ms = 3000;
	finish(&seen, &peer);
}

/* In the middle of a block there is no rest for the expander. */
static void rest_inside_a_block(void)
{
	unsigned char packed[200];
	struct seen seen;
	struct peer peer;

	begin(&seen, &peer, 65536);
	net_conn_rest_ms = 1;
	tap_check(net_conn_start_deflate(seen.conn, NULL) == PF_OK, "starts");
	peer.out.next_in = (Bytef *)(uintptr_t) "some words, some words";
	peer.out.avail_in = 22;
	peer.out.next_out = packed;
	peer.out.avail_out = sizeof packed;
	(void)deflate(&peer.out, Z_SYNC_FLUSH);
	ssize_t n = (ssize_t)(sizeof packed - peer.out.avail_out);
	for (ssize_t i = 0; i < n; i++) {
		if (write(peer.fd, packed + i, 1) != 1)
			abort();
		turn();
		wait_for_rest(seen.conn);
	}
	tap_check(seen.in.len == 22 &&
		      memcmp(seen.in.data, "some words, some words", 22) == 0,
		  "a rest behind every byte");
	net_conn_rest_ms = 3000;
	finish(&seen, &peer);
}

int main(void)
{
	struct pf_error err = {0};

	if (net_loop_new(0, 0, &loop, &err) != PF_OK)
		return 1;
	both_ways();
	behind_the_command();
	garbage();
	bomb();
	rests();
	rest_inside_a_block();
	net_loop_free(&loop);
	return tap_done();
}
