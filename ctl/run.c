/*
 * penfold run: starts the programs in order, waits until each answers, keeps
 * them running, and stops them in the opposite order.
 *
 * A program says that it answers by writing its process id into
 * run_dir/NAME.pid (after its sockets listen).  One that dies is started
 * again at once; one that dies young, after a pause that doubles up to 30
 * seconds, because a program that cannot start (a full disk, a taken port)
 * must not eat the machine.
 * SIGTERM and SIGINT end everything; SIGHUP is handed on.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"

#define CHILDREN_MAX   20
#define START_WAIT_MS  20000
#define STOP_WAIT_MS   10000
#define YOUNG_MS       2000
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   30000

struct child {
	char program[32];  /* penfold-mda */
	char pid_name[40]; /* mda.pid */
	const char *args[8];
	char worker[12];
	pid_t pid;		     /* 0: not running */
	int64_t started, restart_at; /* monotonic ms */
	int64_t pause;
};

struct supervisor {
	const struct pf_conf *conf;
	char conf_path[4096];
	int run_dir;
	struct child children[CHILDREN_MAX];
	size_t count;
	sigset_t signals;
};

static struct child *add_child(struct supervisor *sup, const char *program,
			       const char *pid_name)
{
	struct child *c = &sup->children[sup->count++];

	snprintf(c->program, sizeof c->program, "%s", program);
	snprintf(c->pid_name, sizeof c->pid_name, "%s", pid_name);
	c->args[0] = c->program;
	c->args[1] = "-c";
	c->args[2] = sup->conf_path;
	return c;
}

/* In the order of their needs: whoever asks another comes after it. */
static void list_children(struct supervisor *sup)
{
	int64_t workers = sup->conf->session_workers;
	struct child *c;
	char name[40];

	add_child(sup, "penfold-authd", "authd.pid");
	if (sup->conf->index_enabled)
		add_child(sup, "penfold-indexd", "indexd.pid");
	add_child(sup, "penfold-mda", "mda.pid");
	for (int64_t i = 0; i < workers && i < CHILDREN_MAX - 4; i++) {
		snprintf(name, sizeof name, "imapd-session-%d.pid", (int)i);
		c = add_child(sup, "penfold-imapd", name);
		snprintf(c->worker, sizeof c->worker, "%d", (int)i);
		c->args[3] = "--role";
		c->args[4] = "session";
		c->args[5] = "--worker";
		c->args[6] = c->worker;
	}
	c = add_child(sup, "penfold-imapd", "imapd-gate.pid");
	c->args[3] = "--role";
	c->args[4] = "gate";
}

static void exec_child(const struct supervisor *sup, struct child *c,
		       const char *path)
{
	char *argv[9];
	size_t n = 0;

	/* a supervisor that is killed takes its programs with it */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &sup->signals, NULL);
	for (; c->args[n]; n++)
		argv[n] = pf_str_dup(pf_str_c(c->args[n]));
	argv[n] = NULL;
	execv(path, argv);
	fprintf(stderr, "penfold run: cannot start %s: %m\n", path);
	_exit(127);
}

static void start_child(struct supervisor *sup, struct child *c)
{
	char path[2200];

	ctl_program(c->program, path, sizeof path);
	unlinkat(sup->run_dir, c->pid_name, 0);
	pid_t pid = fork();
	if (pid == 0)
		exec_child(sup, c, path);
	if (pid < 0) {
		pf_log(PF_LOG_ERROR, "fork-failed", PF_LOGC("program", path));
		c->restart_at = pf_clock_mono_ms() + PAUSE_MAX_MS;
		return;
	}
	c->pid = pid;
	c->started = pf_clock_mono_ms();
	c->restart_at = 0;
}

static struct child *find_pid(struct supervisor *sup, pid_t pid)
{
	for (size_t i = 0; i < sup->count; i++)
		if (sup->children[i].pid == pid)
			return &sup->children[i];
	return NULL;
}

/* Collects what died; with `restart` notes when to start it again. */
static void reap(struct supervisor *sup, bool restart)
{
	int how;
	pid_t pid;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		struct child *c = find_pid(sup, pid);
		if (!c)
			continue;
		int64_t now = pf_clock_mono_ms();
		c->pid = 0;
		if (!restart)
			continue;
		bool young = now - c->started < YOUNG_MS;
		c->pause = !young     ? 0
			   : c->pause ? c->pause * 2
				      : PAUSE_FIRST_MS;
		if (c->pause > PAUSE_MAX_MS)
			c->pause = PAUSE_MAX_MS;
		c->restart_at = now + c->pause;
		pf_log(PF_LOG_ERROR, "program-died",
		       PF_LOGC("program", c->program), PF_LOGU("pid", pid),
		       PF_LOGU("signal", WIFSIGNALED(how) ? WTERMSIG(how) : 0),
		       PF_LOGU("exit", WIFEXITED(how) ? WEXITSTATUS(how) : 0),
		       PF_LOGU("restart_ms", c->pause));
	}
}

/* Waits up to ms for one of our signals; 0 = none came. */
static int wait_signal(const struct supervisor *sup, int64_t ms)
{
	struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
	int got = sigtimedwait(&sup->signals, NULL, &wait);

	return got > 0 ? got : 0;
}

/* True once the program has written its process id. */
static bool answers(const struct supervisor *sup, const struct child *c)
{
	struct pf_buf text = PF_BUF_INIT(64);
	uint64_t pid = 0;
	bool good =
	    pf_fs_read(sup->run_dir, c->pid_name, &text, NULL) == PF_OK &&
	    pf_str_u64(pf_str_trim(pf_buf_str(&text)), INT32_MAX, &pid) &&
	    (pid_t)pid == c->pid;

	pf_buf_release(&text);
	return good;
}

/* Starts all; false when a signal to stop came or one never answered. */
static bool start_all(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->count; i++) {
		struct child *c = &sup->children[i];
		int64_t until = pf_clock_mono_ms() + START_WAIT_MS;

		start_child(sup, c);
		while (!answers(sup, c)) {
			int got = wait_signal(sup, 5);
			if (got == SIGTERM || got == SIGINT)
				return false;
			reap(sup, false);
			if (c->pid == 0 || pf_clock_mono_ms() > until) {
				pf_log(PF_LOG_ERROR, "start-failed",
				       PF_LOGC("program", c->program),
				       PF_LOGC("why", c->pid ? "no answer"
							     : "it ended"));
				return false;
			}
		}
	}
	return true;
}

static void stop_all(struct supervisor *sup)
{
	for (size_t i = sup->count; i-- > 0;) {
		struct child *c = &sup->children[i];
		int64_t until = pf_clock_mono_ms() + STOP_WAIT_MS;

		if (c->pid == 0)
			continue;
		kill(c->pid, SIGTERM);
		while (c->pid && pf_clock_mono_ms() < until) {
			wait_signal(sup, 5);
			reap(sup, false);
		}
		if (c->pid) {
			pf_log(PF_LOG_WARN, "program-killed",
			       PF_LOGC("program", c->program));
			kill(c->pid, SIGKILL);
			waitpid(c->pid, NULL, 0);
			c->pid = 0;
		}
		unlinkat(sup->run_dir, c->pid_name, 0);
	}
}

static void restart_due(struct supervisor *sup)
{
	for (size_t i = 0; i < sup->count; i++) {
		struct child *c = &sup->children[i];
		if (c->pid == 0 && c->restart_at <= pf_clock_mono_ms())
			start_child(sup, c);
	}
}

static void look_after(struct supervisor *sup)
{
	for (;;) {
		int got = wait_signal(sup, 100);
		if (got == SIGTERM || got == SIGINT)
			return;
		if (got == SIGHUP)
			for (size_t i = 0; i < sup->count; i++)
				if (sup->children[i].pid)
					kill(sup->children[i].pid, SIGHUP);
		reap(sup, true);
		restart_due(sup);
	}
}

/* One supervisor a run_dir: the lock lives as long as we do. */
static pf_status take_run_dir(struct supervisor *sup, int *lock,
			      struct pf_error *err)
{
	char pid[24];
	pf_status status = pf_fs_mkdirs(sup->conf->run_dir, 0755, err);

	if (status == PF_OK)
		status =
		    pf_fs_open(AT_FDCWD, sup->conf->run_dir,
			       O_RDONLY | O_DIRECTORY, 0, &sup->run_dir, err);
	if (status == PF_OK)
		status = pf_fs_open(sup->run_dir, "penfold.lock",
				    O_RDWR | O_CREAT, 0600, lock, err);
	if (status == PF_OK)
		status = pf_fs_lock(*lock, true, 0, err);
	if (status == PF_BUSY)
		return pf_error_set(err, PF_BUSY, NULL,
				    "another penfold already runs with %s",
				    sup->conf->run_dir);
	if (status != PF_OK)
		return status;
	snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	return pf_fs_replace(sup->run_dir, "penfold.pid", pf_str_c(pid), 0644,
			     false, err);
}

static int supervise(struct ctl *ctl, const struct pf_conf *conf)
{
	struct supervisor sup = {.conf = conf, .run_dir = -1};
	struct pf_error err;
	int lock = -1;

	if (!realpath(ctl->conf_path, sup.conf_path))
		return ctl_usage(ctl, "%s: %m", ctl->conf_path);
	if (take_run_dir(&sup, &lock, &err) != PF_OK ||
	    ctl_prepare_site(ctl, conf, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	sigemptyset(&sup.signals);
	sigaddset(&sup.signals, SIGTERM);
	sigaddset(&sup.signals, SIGINT);
	sigaddset(&sup.signals, SIGHUP);
	sigaddset(&sup.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &sup.signals, NULL);
	if (geteuid() == 0 && !conf->mail_user[0])
		pf_log(PF_LOG_WARN, "running-as-root",
		       PF_LOGC("fix", "set mail_user in penfold.conf"));
	unlinkat(sup.run_dir, "ready", 0);
	list_children(&sup);
	bool good = start_all(&sup);
	if (good) {
		if (pf_fs_replace(sup.run_dir, "ready", PF_STR(""), 0644, false,
				  &err) != PF_OK)
			ctl_fail(ctl, &err);
		pf_log(PF_LOG_INFO, "ready", PF_LOGC("conf", sup.conf_path));
		look_after(&sup);
	}
	unlinkat(sup.run_dir, "ready", 0);
	stop_all(&sup);
	unlinkat(sup.run_dir, "penfold.pid", 0);
	pf_log(PF_LOG_INFO, "stopped");
	close(sup.run_dir);
	close(lock);
	return good ? 0 : 1;
}

int ctl_run(struct ctl *ctl)
{
	const char *port_text = ctl_option(ctl, "--base-port");
	uint64_t port = 10143;
	struct pf_error err;
	struct pf_conf conf;

	if (port_text &&
	    (!pf_str_u64(pf_str_c(port_text), 65532, &port) || port == 0))
		return ctl_usage(ctl, "\"%s\" is not a port", port_text);
	if (ctl->argc > 1)
		return ctl_usage(ctl, "what is \"%s\"?", ctl->argv[1]);
	if (port_text && !ctl->dir)
		return ctl_usage(ctl, "--base-port goes with --dir");
	if (ctl->dir && ctl_setup_dir(ctl->dir, (unsigned)port, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	if (!ctl_conf(ctl, &conf))
		return 1;
	int code = supervise(ctl, &conf);
	pf_conf_release(&conf);
	return code;
}
