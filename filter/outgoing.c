/*
 * Mail that leaves: redirects, answers and notices are given to the MTA, by
 * its sendmail program (started without a shell) or over SMTP.  Both block,
 * with time limits, in a delivery's job.
 */
#include "filter/filter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "net/net.h"

#define TIMEOUT_MS 120000
#define BY_MAX	   999999999LL /* RFC 2852 4 */

/* ---- sendmail ---- */

/* All of p, or false: the program is gone or does not read. */
static bool feed(int fd, const char *p, size_t n)
{
	while (n > 0) {
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};
		ssize_t done = write(fd, p, n);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			if (poll(&pfd, 1, TIMEOUT_MS) <= 0)
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static pf_status feed_block(void *arg, const char *p, size_t n,
			    struct pf_error *err)
{
	const int *to = arg;

	return feed(*to, p, n) ? PF_OK
			       : pf_error_set(err, PF_UNAVAILABLE, NULL,
					      "the program does not read");
}

/* Starts the program with `in` as its input; no other descriptor of ours. */
static int spawn(const char *path, char *const argv[], int in, pid_t *pid)
{
	static char path_env[] =
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *const env[] = {path_env, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(pid, path, &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* The exit code, or -1: killed, or by us because it took too long. */
static int wait_for(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	if (fd >= 0) {
		int r;

		do {
			r = poll(&pfd, 1, TIMEOUT_MS);
		} while (r < 0 && errno == EINTR);
		if (r == 0)
			kill(pid, SIGKILL);
		close(fd);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static pf_status no_deadlines(const char *mta, struct pf_error *err)
{
	return pf_error_set(err, PF_INVALID, NULL,
			    "%s cannot return what is late", mta);
}

static pf_status send_by_program(struct filter *filter, const char *from,
				 const char *to, const struct sieve_dsn *dsn,
				 struct pf_str head,
				 const struct sieve_span *body,
				 size_t body_count, struct pf_error *err)
{
	const char *path = filter->conf->sendmail_path;
	const char *argv[12] = {"sendmail", "-i", "-f", from};
	char notify[40], ret[8];
	int ends[2], r, code, n = 4;
	pid_t pid;
	bool fed;

	/* it has no option for a deadline */
	if (dsn->has_by && dsn->by_return)
		return no_deadlines(path, err);
	if (dsn->notify.n > 0 &&
	    pf_str_copy(dsn->notify, notify, sizeof notify)) {
		argv[n++] = "-N";
		argv[n++] = notify;
	}
	if (dsn->ret.n > 0 && pf_str_copy(dsn->ret, ret, sizeof ret)) {
		argv[n++] = "-R";
		argv[n++] = ret;
	}
	argv[n++] = "--";
	argv[n] = to;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return pf_error_sys(err, errno, "pipe");
	r = spawn(path, (char *const *)(uintptr_t)argv, ends[0], &pid);
	close(ends[0]);
	if (r != 0) {
		close(ends[1]);
		return pf_error_set(err, PF_UNAVAILABLE, NULL,
				    "cannot run %s: %s", path, strerror(r));
	}
	(void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
	fed = feed(ends[1], head.p, head.n) &&
	      filter_spans_read(body, body_count, feed_block, &ends[1], NULL) ==
		  PF_OK;
	if (!fed)
		kill(pid, SIGKILL); /* or it would send half a message */
	close(ends[1]);
	code = wait_for(pid);
	if (fed && code == EX_OK)
		return PF_OK;
	if (fed &&
	    (code == EX_NOUSER || code == EX_NOHOST || code == EX_DATAERR))
		return pf_error_set(err, PF_INVALID, NULL,
				    "%s refused the message (exit code %d)",
				    path, code);
	return pf_error_set(err, PF_UNAVAILABLE, NULL,
			    "%s failed (exit code %d)", path, code);
}

/* ---- SMTP ---- */

struct smtp {
	int fd;
	const char *host;
	char reply[512];		     /* the last line */
	bool eightbit, utf8, dsn, deliverby; /* what EHLO offered */
	struct pf_buf in;
};

static pf_status smtp_broken(struct smtp *smtp, const char *what,
			     struct pf_error *err)
{
	return pf_error_set(err, PF_UNAVAILABLE, NULL, "SMTP to %s: %s",
			    smtp->host, what);
}

/* "250-KEYWORD ..." */
static bool offers(const char *line, const char *keyword)
{
	struct pf_str rest = pf_str_from(pf_str_c(line), 4), word;

	return pf_str_split(&rest, ' ', &word) &&
	       pf_str_ieq(word, pf_str_c(keyword));
}

/* Reads a whole reply; its first digit decides. */
static pf_status smtp_reply(struct smtp *smtp, char want, struct pf_error *err)
{
	for (;;) {
		ptrdiff_t lf = pf_str_chr(pf_buf_str(&smtp->in), '\n');
		ssize_t n;
		char *room;

		if (lf >= 0) {
			struct pf_str line = pf_str_trim(
			    pf_str_head(pf_buf_str(&smtp->in), (size_t)lf));

			snprintf(smtp->reply, sizeof smtp->reply, "%.*s",
				 line.n < 500 ? (int)line.n : 500, line.p);
			smtp->eightbit |=
			    strstr(smtp->reply, "8BITMIME") != NULL;
			smtp->utf8 |= strstr(smtp->reply, "SMTPUTF8") != NULL;
			smtp->dsn |= offers(smtp->reply, "DSN");
			smtp->deliverby |= offers(smtp->reply, "DELIVERBY");
			pf_buf_take(&smtp->in, (size_t)lf + 1);
			if (strlen(smtp->reply) > 3 && smtp->reply[3] == '-')
				continue;
			break;
		}
		room = pf_buf_reserve(&smtp->in, 512);
		n = room ? recv(smtp->fd, room, 512, 0) : -1;
		if (n <= 0)
			return smtp_broken(smtp, "no reply", err);
		pf_buf_commit(&smtp->in, (size_t)n);
	}
	if (smtp->reply[0] == want)
		return PF_OK;
	return pf_error_set(err,
			    smtp->reply[0] == '5' ? PF_INVALID : PF_UNAVAILABLE,
			    NULL, "SMTP to %s: %s", smtp->host, smtp->reply);
}

static pf_status smtp_write(struct smtp *smtp, const char *p, size_t n,
			    struct pf_error *err)
{
	while (n > 0) {
		ssize_t done = send(smtp->fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return smtp_broken(smtp, strerror(errno), err);
		p += done;
		n -= (size_t)done;
	}
	return PF_OK;
}

__attribute__((format(printf, 4, 5))) static pf_status
smtp_command(struct smtp *smtp, char want, struct pf_error *err,
	     const char *format, ...)
{
	char line[2200];
	va_list ap;
	int n;
	pf_status status;

	va_start(ap, format);
	n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line)
		return pf_error_set(err, PF_INVALID, NULL, "address too long");
	status = smtp_write(smtp, line, (size_t)n, err);
	return status == PF_OK ? smtp_reply(smtp, want, err) : status;
}

/* LF becomes CRLF, dots are doubled; *bol carries over the pieces. */
static pf_status smtp_body(struct smtp *smtp, struct pf_str s, bool *bol,
			   struct pf_error *err)
{
	struct pf_buf out;
	pf_status status;

	pf_buf_init(&out, s.n * 3 + 16);
	for (size_t i = 0; i < s.n; i++) {
		if (*bol && s.p[i] == '.')
			pf_buf_add_byte(&out, '.');
		*bol = s.p[i] == '\n';
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			pf_buf_add_byte(&out, '\r');
		pf_buf_add_byte(&out, s.p[i]);
	}
	status = pf_buf_status(&out, err);
	if (status == PF_OK)
		status = smtp_write(smtp, out.data, out.len, err);
	pf_buf_release(&out);
	return status;
}

struct smtp_text {
	struct smtp *smtp;
	bool bol;
};

static pf_status smtp_block(void *arg, const char *p, size_t n,
			    struct pf_error *err)
{
	struct smtp_text *text = arg;

	return smtp_body(text->smtp, pf_str_mem(p, n), &text->bol, err);
}

static pf_status smtp_message(struct smtp *smtp, struct pf_str head,
			      const struct sieve_span *body, size_t body_count,
			      struct pf_error *err)
{
	struct smtp_text text = {smtp, true};
	pf_status status = smtp_block(&text, head.p, head.n, err);

	if (status == PF_OK)
		status =
		    filter_spans_read(body, body_count, smtp_block, &text, err);
	if (status != PF_OK)
		return status;
	return smtp_command(smtp, '2', err, text.bol ? ".\r\n" : "\r\n.\r\n");
}

static bool is_ascii(const char *s)
{
	while (*s && (unsigned char)*s < 0x80)
		s++;
	return !*s;
}

/* " RET=FULL BY=120;N": as far as the server knows them (RFC 3461 4, RFC 2852
 * 4) */
static pf_status smtp_params(struct smtp *smtp, const struct sieve_dsn *dsn,
			     char *to, size_t size, struct pf_error *err)
{
	long long left = (long long)dsn->by - (long long)pf_clock_now();
	size_t n = 0;

	to[0] = 0;
	if (smtp->dsn && dsn->ret.n > 0)
		n = (size_t)snprintf(to, size, " RET=%.*s", (int)dsn->ret.n,
				     dsn->ret.p);
	if (dsn->has_by && dsn->by_return && (!smtp->deliverby || left <= 0))
		return no_deadlines(smtp->host, err);
	if (dsn->has_by && smtp->deliverby && n < size)
		snprintf(to + n, size - n, " BY=%lld;%c%s",
			 left > BY_MAX	  ? BY_MAX
			 : left < -BY_MAX ? -BY_MAX
					  : left,
			 dsn->by_return ? 'R' : 'N', dsn->by_trace ? "T" : "");
	return PF_OK;
}

static pf_status smtp_talk(struct smtp *smtp, struct filter *filter,
			   const char *from, const char *to,
			   const struct sieve_dsn *dsn, struct pf_str head,
			   const struct sieve_span *body, size_t body_count,
			   struct pf_error *err)
{
	char params[100];
	bool utf8 = !is_ascii(from) || !is_ascii(to);
	pf_status status = smtp_reply(smtp, '2', err);

	if (status == PF_OK)
		status = smtp_command(smtp, '2', err, "EHLO %s\r\n",
				      filter->hostname);
	/* what is wrong with the server is not the message's fault */
	if (status != PF_OK)
		return smtp_broken(smtp, smtp->reply, err);
	status = smtp_params(smtp, dsn, params, sizeof params, err);
	if (status == PF_OK)
		status =
		    smtp_command(smtp, '2', err, "MAIL FROM:<%s>%s%s%s\r\n",
				 from, smtp->eightbit ? " BODY=8BITMIME" : "",
				 smtp->utf8 && utf8 ? " SMTPUTF8" : "", params);
	if (status == PF_OK)
		status = smtp_command(
		    smtp, '2', err, "RCPT TO:<%s>%s%.*s\r\n", to,
		    smtp->dsn && dsn->notify.n ? " NOTIFY=" : "",
		    smtp->dsn ? (int)dsn->notify.n : 0, dsn->notify.p);
	if (status == PF_OK)
		status = smtp_command(smtp, '3', err, "DATA\r\n");
	if (status == PF_OK)
		status = smtp_message(smtp, head, body, body_count, err);
	if (status == PF_OK)
		(void)smtp_write(smtp, "QUIT\r\n", 6, NULL);
	return status;
}

static pf_status send_by_smtp(struct filter *filter, const char *from,
			      const char *to, const struct sieve_dsn *dsn,
			      struct pf_str head, const struct sieve_span *body,
			      size_t body_count, struct pf_error *err)
{
	struct timeval limit = {.tv_sec = TIMEOUT_MS / 1000};
	struct smtp smtp = {.host = filter->conf->submission_host};
	pf_status status = net_connect(smtp.host, 10000, &smtp.fd, err);

	if (status != PF_OK)
		return PF_UNAVAILABLE;
	(void)setsockopt(smtp.fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			 sizeof limit);
	(void)setsockopt(smtp.fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
			 sizeof limit);
	pf_buf_init(&smtp.in, 16 * 1024);
	status = smtp_talk(&smtp, filter, from, to, dsn, head, body, body_count,
			   err);
	pf_buf_release(&smtp.in);
	close(smtp.fd);
	return status;
}

/* ---- both ---- */

/* Only what can stand in an SMTP command and on a command line. */
static bool address_safe(struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f ||
		    s.p[i] == '<' || s.p[i] == '>')
			return false;
	return s.n < 1000;
}

pf_status filter_send_dsn(struct filter *filter, struct pf_str from,
			  struct pf_str to, const struct sieve_dsn *dsn,
			  struct pf_str head, const struct sieve_span *body,
			  size_t body_count, struct pf_error *err)
{
	bool smtp = *filter->conf->submission_host;
	char *sender, *recipient;
	pf_status status;

	if (to.n == 0 || !address_safe(to) || !address_safe(from))
		return pf_error_set(err, PF_INVALID, NULL,
				    "address cannot be sent to");
	/* an empty argument would be taken for a missing one */
	sender = pf_str_dup(from.n || smtp ? from : PF_STR("<>"));
	recipient = pf_str_dup(to);
	status = (smtp ? send_by_smtp : send_by_program)(
	    filter, sender, recipient, dsn, head, body, body_count, err);
	free(sender);
	free(recipient);
	return status;
}

pf_status filter_send(struct filter *filter, struct pf_str from,
		      struct pf_str to, struct pf_str head, int fd,
		      off_t offset, struct pf_error *err)
{
	static const struct sieve_dsn nothing;
	const struct sieve_span rest = {
	    .fd = fd, .start = (uint64_t)offset, .size = FILTER_REST};

	return filter_send_dsn(filter, from, to, &nothing, head, &rest, fd >= 0,
			       err);
}

pf_status filter_report(struct filter *filter,
			const struct sieve_action *action, struct pf_str sender,
			const struct sieve_span *body, size_t body_count,
			struct pf_error *err)
{
	static const struct sieve_dsn nothing;
	struct pf_buf before = PF_BUF_INIT(4 << 20), behind = PF_BUF_INIT(200);
	struct sieve_span *pieces = calloc(body_count + 2, sizeof *pieces);
	size_t n = 0;

	if (!pieces)
		abort();
	filter_compose_report(filter, action, sender, action->header, &before,
			      &behind);
	for (size_t i = 0; i < action->header.n; i++)
		if (action->header.p[i] != '\r')
			pf_buf_add_byte(&before, action->header.p[i]);
	if (!action->headers_only) {
		pieces[n++].text = PF_STR("\n");
		memcpy(pieces + n, body, body_count * sizeof *body);
		n += body_count;
	}
	pieces[n++].text = pf_buf_str(&behind);
	pf_status status = pf_buf_status(&before, err);
	if (status == PF_OK)
		status = filter_send_dsn(filter, PF_STR(""), action->address,
					 &nothing, pf_buf_str(&before), pieces,
					 n, err);
	free(pieces);
	pf_buf_release(&before);
	pf_buf_release(&behind);
	return status;
}
