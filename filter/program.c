/*
 * Programs of the site for scripts (pipe, filter, execute): the file of that
 * name in the directory that the configuration names for this kind, run by
 * execve, without a shell, as ourselves.
 *
 * It gets the message with CRLF on its input, and HOME, USER, HOST, SENDER,
 * RECIPIENT and ORIG_RECIPIENT, as from Pigeonhole; no descriptor of ours.  It
 * is killed with all it started (its process group) when its time is up, or
 * when it writes more than a message may hold.
 */
#include "filter/filter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"

#define BLOCK	 (32 * 1024)
#define ENV_MAX	 8
#define ARGS_MAX 40

struct program {
	pid_t pid;
	int in, out;   /* its input and output, non-blocking; -1: closed */
	int to;	       /* where its output goes, or -1 */
	uint64_t room; /* for its output */
	int64_t until; /* monotonic ms */
	bool after_cr; /* in what we wrote */
	bool held_cr;  /* in what we read */
	bool refused;  /* it does not read to the end */
	bool failed;
};

/* ---- starting ---- */

static struct pf_str folder(const struct pf_conf *conf,
			    enum sieve_program_kind kind)
{
	return pf_conf_part(conf->sieve_programs,
			    kind == SIEVE_PROGRAM_PIPE	   ? "pipe"
			    : kind == SIEVE_PROGRAM_FILTER ? "filter"
							   : "execute");
}

/* False: there is no such program. */
static bool find_path(const struct pf_conf *conf,
		      const struct sieve_program *program, struct pf_buf *path)
{
	struct pf_str dir = folder(conf, program->kind);
	struct stat st;

	/* the compiler has looked at the name; here it becomes a path */
	if (dir.n == 0 || program->name.n == 0 || program->name.p[0] == '.' ||
	    memchr(program->name.p, '/', program->name.n) ||
	    memchr(program->name.p, 0, program->name.n))
		return false;
	pf_buf_add_str(path, dir);
	pf_buf_add_byte(path, '/');
	pf_buf_add_str(path, program->name);
	return !path->failed && stat(path->data, &st) == 0 &&
	       S_ISREG(st.st_mode) && access(path->data, X_OK) == 0;
}

static void add_env(char *env[ENV_MAX], const char *name, struct pf_str value)
{
	struct pf_buf text = PF_BUF_INIT(8192);
	int n = 0;

	while (env[n])
		n++;
	pf_buf_addf(&text, "%s=%.*s", name, (int)value.n,
		    value.p ? value.p : "");
	if (value.n > 0 && !text.failed && !memchr(value.p, 0, value.n))
		env[n] = pf_str_dup(pf_buf_str(&text));
	pf_buf_release(&text);
}

static void make_env(const struct filter_caller *caller, char *env[ENV_MAX])
{
	struct pf_str original = caller->orcpt;
	ptrdiff_t type = pf_str_chr(original, ';');

	if (type >= 0) /* "rfc822;u@d" */
		original = pf_str_from(original, (size_t)type + 1);
	add_env(env, "PATH",
		PF_STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		       "/sbin:/bin"));
	add_env(env, "USER", pf_str_c(caller->id->user));
	add_env(env, "HOME", pf_str_c(caller->id->home));
	add_env(env, "HOST", pf_str_c(caller->filter->hostname));
	add_env(env, "SENDER", caller->from);
	add_env(env, "RECIPIENT", caller->to);
	add_env(env, "ORIG_RECIPIENT", original);
}

static int spawn(const char *path, char *const argv[], char *const env[],
		 int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					    POSIX_SPAWN_SETSIGDEF |
					    POSIX_SPAWN_SETPGROUP);
	int r = posix_spawn(pid, path, &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static bool start(struct program *p, const struct filter_caller *caller,
		  const char *path, const struct sieve_program *program)
{
	char *argv[ARGS_MAX + 2] = {NULL}, *env[ENV_MAX] = {NULL};
	int in[2] = {-1, -1}, out[2] = {-1, -1}, r = -1;

	argv[0] = pf_str_dup(program->name);
	for (size_t i = 0; i < program->arg_count && i < ARGS_MAX; i++)
		argv[i + 1] = pf_str_dup(program->args[i]);
	make_env(caller, env);
	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0)
		r = spawn(path, argv, env, in[0], out[1], &p->pid);
	if (in[0] >= 0)
		close(in[0]);
	if (out[1] >= 0)
		close(out[1]);
	p->in = in[1];
	p->out = out[0];
	if (p->in >= 0)
		(void)fcntl(p->in, F_SETFL, O_NONBLOCK);
	if (p->out >= 0)
		(void)fcntl(p->out, F_SETFL, O_NONBLOCK);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	return r == 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- its output ---- */

/* CRLF becomes LF, as files have it. */
static void store(struct program *p, const char *bytes, size_t n)
{
	char clean[BLOCK + 1];
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (p->held_cr && bytes[i] != '\n')
			clean[kept++] = '\r';
		p->held_cr = bytes[i] == '\r';
		if (!p->held_cr)
			clean[kept++] = bytes[i];
	}
	if (kept > p->room || pf_fs_write(p->to, clean, kept, NULL) != PF_OK)
		p->failed = true;
	else
		p->room -= kept;
}

static void take_output(struct program *p)
{
	char block[BLOCK];
	ssize_t n = read(p->out, block, sizeof block);

	if (n > 0 && p->to >= 0)
		store(p, block, (size_t)n);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		shut(&p->out);
}

/* Waits until the program reads (true) or its output was taken (false). */
static bool turn(struct program *p)
{
	struct pollfd fds[2] = {{.fd = p->in, .events = POLLOUT},
				{.fd = p->out, .events = POLLIN}};
	int64_t left = p->until - pf_clock_mono_ms();

	if (left <= 0) {
		p->failed = true;
		return false;
	}
	int r = poll(fds, 2, left > 1000 ? 1000 : (int)left);
	if (r > 0 && fds[1].revents)
		take_output(p);
	return r > 0 && p->in >= 0 && fds[0].revents;
}

/* ---- its input ---- */

static void feed(struct program *p, const char *bytes, size_t n)
{
	while (n > 0 && !p->failed && !p->refused) {
		ssize_t done = turn(p) ? write(p->in, bytes, n) : 0;

		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		} else if (done < 0 && errno == EPIPE) {
			p->refused = true;
		}
	}
}

/* LF becomes CRLF. */
static pf_status feed_block(void *arg, const char *bytes, size_t n,
			    struct pf_error *err)
{
	struct program *p = arg;
	char out[2 * BLOCK];

	for (size_t at = 0; at < n && !p->failed && !p->refused;) {
		size_t made = 0;

		for (; at < n && made + 2 <= sizeof out; at++) {
			if (bytes[at] == '\n' && !p->after_cr)
				out[made++] = '\r';
			p->after_cr = bytes[at] == '\r';
			out[made++] = bytes[at];
		}
		feed(p, out, made);
	}
	return p->failed || p->refused
		   ? pf_error_set(err, PF_UNAVAILABLE, NULL,
				  "the program does not read")
		   : PF_OK;
}

/* ---- its end ---- */

/* True: it is over. */
static bool ended(const struct program *p, int64_t ms)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int r = fd >= 0 ? poll(&pfd, 1, ms > 0 ? (int)ms : 0) : 0;

	if (fd >= 0)
		close(fd);
	return r > 0;
}

static int finish(struct program *p)
{
	int status = 0;

	shut(&p->in);
	while (p->out >= 0 && !p->failed)
		turn(p);
	if (p->held_cr && !p->failed && p->to >= 0)
		p->failed = pf_fs_write(p->to, "\r", 1, NULL) != PF_OK;
	shut(&p->out);
	if (p->failed || !ended(p, p->until - pf_clock_mono_ms())) {
		p->failed = true;
		kill(-p->pid, SIGKILL);
	}
	while (waitpid(p->pid, &status, 0) < 0)
		if (errno != EINTR)
			return SIEVE_PROGRAM_FAILED;
	if (p->failed || !WIFEXITED(status))
		return SIEVE_PROGRAM_FAILED;
	return WEXITSTATUS(status);
}

int filter_program_run(const struct filter_caller *caller,
		       const struct sieve_program *program)
{
	const struct pf_conf *conf = caller->filter->conf;
	struct pf_buf path = PF_BUF_INIT(8192);
	struct program p = {
	    .in = -1,
	    .out = -1,
	    .to = program->output,
	    .room = (uint64_t)conf->message_size_max,
	    .until = pf_clock_mono_ms() +
		     1000 * pf_conf_part_number(conf->sieve_limits, "program")};
	int code = SIEVE_PROGRAM_UNKNOWN;

	if (find_path(conf, program, &path)) {
		code = SIEVE_PROGRAM_FAILED;
		if (start(&p, caller, path.data, program)) {
			if (filter_spans_read(program->input,
					      program->input_count, feed_block,
					      &p, NULL) != PF_OK &&
			    !p.refused)
				p.failed = true;
			code = finish(&p);
			/* who did not read a message has not taken it */
			if (p.refused && code == 0 &&
			    program->kind != SIEVE_PROGRAM_EXECUTE)
				code = SIEVE_PROGRAM_FAILED;
		}
		shut(&p.in);
		shut(&p.out);
	}
	pf_buf_release(&path);
	return code;
}

bool filter_pipe(const struct filter_caller *caller,
		 const struct sieve_action *action,
		 const struct sieve_span *body, size_t body_count)
{
	struct sieve_program program = *action->program;
	struct sieve_span *input = calloc(body_count + 2, sizeof *input);

	if (!input)
		abort();
	input[0].text = action->header;
	input[1].text = PF_STR("\n");
	if (body_count > 0)
		memcpy(input + 2, body, body_count * sizeof *body);
	program.input = input;
	program.input_count = body_count + 2;
	int code = filter_program_run(caller, &program);
	free(input);
	return code == 0;
}
