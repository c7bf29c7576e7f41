/*
 * Durable deliveries a second: by LMTP, and the floor they are compared with.
 *
 *	deliver floor DIR WORKERS SECONDS [SIZE]
 *	deliver lmtp HOST:PORT|unix:PATH WORKERS SECONDS [SIZE] [USER-FORMAT]
 *
 * The floor is the bare Maildir rite by as many workers on the same disk:
 * open, write, fsync, rename, fsync of the directory, each worker in a
 * Maildir of its own.  Prints one JSON line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct worker {
	pthread_t thread;
	int number;
	long done, failed;
	double slowest;
};

static const char *target, *user_format = "u%04d";
static int workers, size = 4096;
static double seconds, begun;
static char *body;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void count(struct worker *w, double since, int good)
{
	double took = now() - since;

	if (good)
		w->done++;
	else
		w->failed++;
	if (took > w->slowest)
		w->slowest = took;
}

static int one_file(const char *dir, int dirfd_new, int serial)
{
	char from[600], to[600];
	size_t n = (size_t)size;

	snprintf(from, sizeof from, "%s/tmp/%d", dir, serial);
	snprintf(to, sizeof to, "%s/new/%d", dir, serial);
	int fd = open(from, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return 0;
	int good = write(fd, body, n) == (ssize_t)n && fsync(fd) == 0;
	return close(fd) == 0 && good && rename(from, to) == 0 &&
	       fsync(dirfd_new) == 0;
}

static void *floor_worker(void *arg)
{
	struct worker *w = arg;
	char dir[500], sub[520];

	snprintf(dir, sizeof dir, "%s/w%d", target, w->number);
	mkdir(dir, 0700);
	snprintf(sub, sizeof sub, "%s/tmp", dir);
	mkdir(sub, 0700);
	snprintf(sub, sizeof sub, "%s/new", dir);
	mkdir(sub, 0700);
	int fd = open(sub, O_RDONLY | O_DIRECTORY);
	for (int i = 0; now() - begun < seconds; i++) {
		double start = now();
		count(w, start, one_file(dir, fd, i));
	}
	close(fd);
	return NULL;
}

static int dial(void)
{
	int fd;

	if (strncmp(target, "unix:", 5) == 0) {
		struct sockaddr_un un = {.sun_family = AF_UNIX};
		snprintf(un.sun_path, sizeof un.sun_path, "%s", target + 5);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		return connect(fd, (struct sockaddr *)&un, sizeof un) ? -1 : fd;
	}
	const char *colon = strrchr(target, ':');
	struct sockaddr_in in = {.sin_family = AF_INET};
	int one = 1;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port =
	    htons((uint16_t)strtol(colon ? colon + 1 : "0", NULL, 10));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return connect(fd, (struct sockaddr *)&in, sizeof in) ? -1 : fd;
}

/* Reads replies until `want` final lines came; 1 when all began with 2 or 3.
 * Our peer never sends ahead, so nothing is left behind in `in`. */
static int replies(int fd, int want)
{
	char in[4096];
	size_t n = 0, start = 0;
	int good = 1;

	while (want > 0) {
		ssize_t got = read(fd, in + n, sizeof in - n);
		if (got <= 0)
			return 0;
		n += (size_t)got;
		char *end;
		while ((end = memchr(in + start, '\n', n - start))) {
			if (end - in - (ptrdiff_t)start > 3 &&
			    in[start + 3] != '-') {
				good &= in[start] == '2' || in[start] == '3';
				want--;
			}
			start = (size_t)(end - in) + 1;
		}
	}
	return good;
}

static int put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done <= 0)
			return 0;
		p += done;
		n -= (size_t)done;
	}
	return 1;
}

/* Pipelined as Postfix does it. */
static int one_mail(int fd, int worker, int serial)
{
	char head[400], user[64];

	_Pragma("GCC diagnostic push")
	    _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"") snprintf(
		user, sizeof user, user_format, 1 + (worker + serial) % 50);
	_Pragma("GCC diagnostic pop") int n =
	    snprintf(head, sizeof head,
		     "MAIL FROM:<bench@example.org>\r\n"
		     "RCPT TO:<%s>\r\nDATA\r\n",
		     user);
	if (!put(fd, head, (size_t)n) || !replies(fd, 3))
		return 0;
	return put(fd, body, (size_t)size) && put(fd, ".\r\n", 3) &&
	       replies(fd, 1);
}

static void *lmtp_worker(void *arg)
{
	struct worker *w = arg;
	int fd = dial();

	if (fd < 0 || !replies(fd, 1) || !put(fd, "LHLO bench\r\n", 12) ||
	    !replies(fd, 1)) {
		w->failed++;
		return NULL;
	}
	for (int i = 0; now() - begun < seconds; i++) {
		double start = now();
		int good = one_mail(fd, w->number, i);
		count(w, start, good);
		if (!good)
			break;
	}
	close(fd);
	return NULL;
}

static void make_body(void)
{
	static const char head[] = "From: bench@example.org\r\n"
				   "To: bench@example.org\r\n"
				   "Subject: a message of the benchmark\r\n"
				   "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
				   "Message-ID: <bench@example.org>\r\n\r\n";
	size_t at = sizeof head - 1;

	body = malloc((size_t)size + 1);
	memcpy(body, head, at);
	for (; at < (size_t)size; at++)
		body[at] = at % 70 == 68   ? '\r'
			   : at % 70 == 69 ? '\n'
					   : (char)('a' + at % 26);
	memcpy(body + size - 4, "\r\n\r\n", 4);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int is_floor = strcmp(argv[1], "floor") == 0;
	target = argv[2];
	workers = (int)strtol(argv[3], NULL, 10);
	seconds = strtod(argv[4], NULL);
	if (argc > 5)
		size = (int)strtol(argv[5], NULL, 10);
	if (argc > 6)
		user_format = argv[6];
	if (workers < 1 || workers > 1000 || size < 400)
		return 2;
	make_body();
	struct worker *all = calloc((size_t)workers, sizeof *all);
	begun = now();
	for (int i = 0; i < workers; i++) {
		all[i].number = i;
		pthread_create(&all[i].thread, NULL,
			       is_floor ? floor_worker : lmtp_worker, &all[i]);
	}
	long done = 0, failed = 0;
	double slowest = 0;
	for (int i = 0; i < workers; i++) {
		pthread_join(all[i].thread, NULL);
		done += all[i].done;
		failed += all[i].failed;
		if (all[i].slowest > slowest)
			slowest = all[i].slowest;
	}
	printf("{\"rate\": %.1f, \"done\": %ld, \"failed\": %ld, "
	       "\"slowest_ms\": %.1f}\n",
	       (double)done / (now() - begun), done, failed, slowest * 1e3);
	return failed > 0;
}
