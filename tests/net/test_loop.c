/* Loop, jobs, timers, watches, listeners, descriptor passing. */
#include "net/private.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fsio.h"
#include "tests/tap.h"

static struct net_loop *loop;

static void stop(void *arg)
{
	(void)arg;
	net_loop_stop(loop);
}

/* ---- jobs ---- */

static atomic_int order[64], ordered, running, most;
static int done_order[64], done_count;

static void work(void *arg)
{
	int now = atomic_fetch_add(&running, 1) + 1;

	if (now > atomic_load(&most))
		atomic_store(&most, now);
	usleep(200);
	atomic_store(&order[atomic_fetch_add(&ordered, 1)], (int)(intptr_t)arg);
	atomic_fetch_sub(&running, 1);
}

static void done(void *arg)
{
	done_order[done_count++] = (int)(intptr_t)arg;
	if (done_count == 40)
		net_loop_stop(loop);
}

static void queue_is_in_order_and_alone(void)
{
	struct net_queue *queue = net_queue_new(loop, NET_LANE_DISK);
	bool sorted = true;

	ordered = done_count = 0;
	most = 0;
	for (intptr_t i = 0; i < 40; i++)
		net_queue_run(queue, work, done, (void *)i);
	net_queue_free(&queue);
	is_int(done_count, 0);
	net_loop_run(loop);
	for (int i = 0; i < 40; i++)
		sorted = sorted && order[i] == i && done_order[i] == i;
	ok(sorted);
	is_int(most, 1);
}

static atomic_int met;

/* Returns only once two of these run at the same time. */
static void meet(void *arg)
{
	(void)arg;
	atomic_fetch_add(&met, 1);
	for (int i = 0; i < 20000 && atomic_load(&met) < 2; i++)
		usleep(100);
}

static void met_one(void *arg)
{
	(void)arg;
	if (++done_count == 2)
		net_loop_stop(loop);
}

static void queues_and_lanes_are_parallel(void)
{
	for (int lanes = 0; lanes < 2; lanes++) {
		struct net_queue *a = net_queue_new(loop, NET_LANE_DISK);
		struct net_queue *b =
		    net_queue_new(loop, lanes ? NET_LANE_HASH : NET_LANE_DISK);

		met = 0;
		done_count = 0;
		net_queue_run(a, meet, met_one, NULL);
		net_queue_run(b, meet, met_one, NULL);
		net_loop_run(loop);
		is_int(met, 2);
		net_queue_free(&a);
		net_queue_free(&b);
	}
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void stopping_waits_for_jobs(void)
{
	struct net_queue *queue = net_queue_new(loop, NET_LANE_DISK);
	int finished = 0;

	net_queue_run(queue, work, count, &finished);
	net_queue_run(queue, work, count, &finished);
	net_queue_free(&queue);
	net_loop_stop(loop);
	net_loop_run(loop);
	is_int(finished, 2);
}

static void *post_from_thread(void *arg)
{
	for (int i = 0; i < 1000; i++)
		net_loop_post(loop, count, arg);
	net_loop_post(loop, stop, NULL);
	return NULL;
}

static void posts_from_other_threads(void)
{
	pthread_t thread;
	int n = 0;

	if (pthread_create(&thread, NULL, post_from_thread, &n) != 0)
		abort();
	net_loop_run(loop);
	pthread_join(thread, NULL);
	is_int(n, 1000);
}

/* ---- timers, signals, watches ---- */

static void timers(void)
{
	int n = 0;
	struct net_timer *often = net_timer_new(loop, count, &n);
	struct net_timer *end = net_timer_new(loop, stop, NULL);

	net_timer_start(often, 0, 1);
	net_timer_start(end, 8, 0);
	net_loop_run(loop);
	ok(n >= 2);
	net_timer_stop(often);
	n = 0;
	net_timer_start(end, 3, 0);
	net_loop_run(loop);
	is_int(n, 0);
	net_timer_free(&often);
	net_timer_free(&end);
	ok(often == NULL);
}

static int signalled;

static void on_signal(void *arg, int number)
{
	(void)arg;
	signalled = number;
	net_loop_stop(loop);
}

static void signals(void)
{
	net_loop_on_signal(loop, SIGUSR1, on_signal, NULL);
	raise(SIGUSR1);
	net_loop_run(loop);
	is_int(signalled, SIGUSR1);
}

static int watched;

static void on_readable(void *arg)
{
	char c;

	if (read(*(int *)arg, &c, 1) == 1 && ++watched == 2)
		net_loop_stop(loop);
}

static void watches(void)
{
	int fds[2];
	struct net_watch *watch;

	if (pipe(fds) < 0)
		abort();
	watch = net_watch_new(loop, fds[0], on_readable, &fds[0]);
	is_int(write(fds[1], "ab", 2), 2);
	net_loop_run(loop);
	is_int(watched, 2);
	net_watch_free(&watch);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	close(fds[0]);
	close(fds[1]);
}

/* ---- listeners ---- */

static char peer_seen[64];
static int port_seen, accepted;
static bool fd_flags_good;

static void on_accept(void *arg, int fd, const char *peer, int peer_port)
{
	(void)arg;
	snprintf(peer_seen, sizeof peer_seen, "%s", peer);
	port_seen = peer_port;
	fd_flags_good = (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 &&
			(fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
	close(fd);
	accepted++;
	net_loop_stop(loop);
}

static void tcp_listener(void)
{
	struct net_listener_conf conf = {.address = "127.0.0.1:0",
					 .on_accept = on_accept};
	struct net_listener *listener = NULL, *second = NULL;
	struct pf_error err;
	char address[64];
	int fd = -1;

	ok(net_listener_new(loop, &conf, &listener, &err) == PF_OK);
	snprintf(address, sizeof address, "127.0.0.1:%d",
		 net_listener_port(listener));
	ok(net_connect(address, 1000, &fd, &err) == PF_OK);
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
	net_loop_run(loop);
	is_str(peer_seen, "127.0.0.1");
	ok(fd_flags_good);
	ok(port_seen > 0);
	conf.address = address;
	ok(net_listener_new(loop, &conf, &second, &err) == PF_EXISTS);
	net_listener_pause(listener, true);
	close(fd);
	ok(net_connect(address, 1000, &fd, &err) == PF_OK);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	is_int(accepted, 1);
	net_listener_pause(listener, false);
	net_loop_run(loop);
	is_int(accepted, 2);
	close(fd);
	net_listener_free(&listener);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	ok(net_connect(address, 1000, &fd, &err) == PF_UNAVAILABLE);
}

static void bad_addresses(void)
{
	static const char *const bad[] = {
	    "",	    "localhost",	   ":",	   "1.2.3.4",
	    "[::1", "127.0.0.1:bogusport", "unix:"};
	struct net_address address;
	int refused = 0;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused +=
		    net_address_parse(bad[i], true, &address, NULL) != PF_OK;
	is_int(refused, sizeof bad / sizeof *bad);
	ok(net_address_parse("[::1]:143", true, &address, NULL) == PF_OK);
	is_int(address.sa.ss_family, AF_INET6);
}

static char dir[] = "/tmp/penfold-loop-XXXXXX";

static void unix_listener(void)
{
	char address[100], *path = address + 5;
	struct net_listener_conf conf = {.address = address,
					 .mode = 0622,
					 .uid = (uid_t)-1,
					 .gid = (gid_t)-1,
					 .on_accept = on_accept};
	struct net_listener *listener = NULL, *second = NULL;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct pf_error err;
	struct stat st;
	int fd;

	snprintf(address, sizeof address, "unix:%s/s.sock", dir);
	/* a dead one is replaced */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(un.sun_path, path, strlen(path) + 1);
	ok(bind(fd, (struct sockaddr *)&un, sizeof un) == 0);
	close(fd);
	ok(net_listener_new(loop, &conf, &listener, &err) == PF_OK);
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0622);
	/* a live one is not */
	ok(net_listener_new(loop, &conf, &second, &err) == PF_EXISTS);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	ok(net_connect(address, 1000, &fd, &err) == PF_OK);
	net_loop_run(loop);
	is_str(peer_seen, "unix");
	close(fd);
	net_listener_free(&listener);
	ok(stat(path, &st) < 0 && errno == ENOENT);
	/* a file that is no socket is left alone */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ok(net_listener_new(loop, &conf, &listener, &err) == PF_EXISTS);
	unlink(path);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
}

/* ---- descriptor passing ---- */

static void descriptors(void)
{
	int s[2], p[2], got = 0;
	char text[64] = "";
	size_t n = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s) < 0 ||
	    pipe(p) < 0)
		abort();
	ok(net_fd_receive(s[1], &got, text, sizeof text, &n, NULL) == PF_MORE);
	ok(net_fd_send(s[0], p[1], "take this", 9, NULL) == PF_OK);
	ok(net_fd_send(s[0], -1, "no fd", 5, NULL) == PF_OK);
	ok(net_fd_receive(s[1], &got, text, sizeof text, &n, NULL) == PF_OK);
	is_mem(text, n, "take this");
	ok(got >= 0 && got != p[1]);
	is_int(write(got, "x", 1), 1);
	is_int(read(p[0], text, 5), 1);
	close(got);
	ok(net_fd_receive(s[1], &got, text, sizeof text, &n, NULL) == PF_OK);
	is_int(got, -1);
	ok(net_fd_send(s[0], p[1], text, 64, NULL) == PF_OK);
	ok(net_fd_receive(s[1], &got, text, 10, &n, NULL) == PF_LIMIT);
	/* a packet of no bytes that brings a descriptor: not kept */
	int before = dup(p[1]);
	ok(net_fd_send(s[0], p[1], text, 0, NULL) == PF_OK);
	ok(net_fd_receive(s[1], &got, text, 10, &n, NULL) == PF_CLOSED);
	int after = dup(p[1]);
	is_int(after, before + 1);
	close(before);
	close(after);
	is_int(got, -1);
	close(s[0]);
	ok(net_fd_receive(s[1], &got, text, 10, &n, NULL) == PF_CLOSED);
	ok(net_fd_send(s[1], p[1], text, 10, NULL) == PF_CLOSED);
	close(s[1]);
	close(p[0]);
	close(p[1]);
}

static void full_socket_is_busy(void)
{
	int s[2];
	pf_status status = PF_OK;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s) < 0)
		abort();
	for (int i = 0; i < 100000 && status == PF_OK; i++)
		status = net_fd_send(s[0], -1, dir, sizeof dir, NULL);
	is_int(status, PF_BUSY);
	close(s[0]);
	close(s[1]);
}

int main(void)
{
	if (!mkdtemp(dir) || net_loop_new(4, 1, &loop, NULL) != PF_OK)
		return 1;
	queue_is_in_order_and_alone();
	queues_and_lanes_are_parallel();
	stopping_waits_for_jobs();
	posts_from_other_threads();
	timers();
	signals();
	watches();
	tcp_listener();
	bad_addresses();
	unix_listener();
	descriptors();
	full_socket_is_busy();
	net_loop_free(&loop);
	rmdir(dir);
	return tap_done();
}
