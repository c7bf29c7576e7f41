/*
 * penfold-indexd: the only writer of the full-text indexes.
 *
 * Hears on run_dir/index.sock, in datagrams "USER\tMAILBOX", that mail came
 * (a lost one costs nothing but time), and looks at all users when it starts
 * and every quarter of an hour, for what other programs put into a Maildir.
 * Then it also removes what was expunged too long ago (store_past_tidy).
 *
 * One user's mail is indexed at a time, in a child of its own that works a few
 * seconds and is replaced: a database so damaged that the library crashes, or
 * a mail that brings the parser down, costs that child; its memory is given
 * back; and where we are root it takes on the uid that owns the mail.
 *
 * There are two lanes of such work: mail, and the text of attachments, which
 * other programs take their time to read.  Nobody's mail waits for that.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/priv.h"
#include "indexd/once.h"
#include "indexd/work.h"
#include "search/search.h"

#define GATHER_MS 300	       /* news of one user within it are one order */
#define AFTER_MS  1000	       /* attachments come after the mail */
#define SLICE_MS  5000	       /* then others have their turn */
#define HANGS_MS  (300 * 1000) /* a child that takes longer is killed */
#define ROUND_MS  (900 * 1000) /* between looks at everybody */
#define RETRY_MS  1000
#define RETRY_MAX (3600 * 1000)
#define DATAGRAM  4096

struct lane {
	struct indexd_queue queue;
	pid_t child;
	struct indexd_order *order; /* the child's */
	int64_t child_until_ms;	    /* then it hangs */
	bool attachments;
};

struct indexd {
	struct pf_conf conf;
	struct auth_lookup *lookup;
	struct lane lanes[2];
	int socket;
	int64_t round_ms; /* the next look at everybody */
	sigset_t signals; /* let in while waiting, and in the child */
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	if (number != SIGCHLD)
		stop = 1;
}

/* ---- the child ------------------------------------------------------- */

/* Behind everything that somebody waits for. */
static void be_modest(void)
{
	const int io_idle = 3 << 13, who_process = 1;

	if (nice(19) == -1 || syscall(SYS_ioprio_set, who_process, 0, io_idle))
		return; /* then not */
}

static pf_status become_owner(const struct auth_identity *id,
			      struct pf_error *err)
{
	if (geteuid() != 0 || id->uid == (uid_t)-1)
		return PF_OK;
	if (id->gid == (gid_t)-1 || setgroups(0, NULL) < 0 ||
	    setresgid(id->gid, id->gid, id->gid) < 0 ||
	    setresuid(id->uid, id->uid, id->uid) < 0 || setuid(0) == 0)
		return pf_error_sys(err, errno ? errno : EPERM,
				    "become the owner of the mail");
	return PF_OK;
}

static pf_status work_for(const struct indexd *indexd,
			  const struct auth_identity *id,
			  struct indexd_work *work, struct pf_error *err)
{
	struct store_conf store = {
	    .root = id->mail,
	    .separator = indexd->conf.hierarchy_separator[0],
	    .special_use = indexd->conf.special_use,
	    .past_keep = indexd->conf.expunged_keep,
	    .past_size = (uint64_t)indexd->conf.expunged_size,
	};

	if (access(id->mail, F_OK) < 0)
		return PF_OK; /* no mail yet, and not ours to begin */
	work->store = &store;
	return indexd_work_run(work, err);
}

/* The exit code is the status. */
static _Noreturn void run_child(const struct indexd *indexd,
				const struct lane *lane,
				const struct auth_identity *id)
{
	struct pf_error err = {0};
	struct indexd_work work = {.order = lane->order,
				   .attachments = lane->attachments,
				   .slice_ms = SLICE_MS,
				   .stop = &stop};
	int64_t began = pf_clock_mono_ms();
	pf_status status;

	sigprocmask(SIG_SETMASK, &indexd->signals, NULL);
	be_modest();
	status = become_owner(id, &err);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* a change of uid forgets it */
	if (!status)
		status = work_for(indexd, id, &work, &err);
	if (work.rebuilt)
		pf_log(PF_LOG_WARN, "rebuild", PF_LOGC("user", id->user));
	if (work.indexed || work.removed || work.skipped)
		pf_log(PF_LOG_INFO,
		       lane->attachments ? "attachments" : "indexed",
		       PF_LOGC("user", id->user),
		       PF_LOGU("messages", work.indexed),
		       PF_LOGU("removed", work.removed),
		       PF_LOGU("skipped", work.skipped),
		       PF_LOGU("ms", pf_clock_mono_ms() - began));
	if (work.tidied)
		pf_log(PF_LOG_INFO, "tidied", PF_LOGC("user", id->user),
		       PF_LOGU("messages", work.tidied));
	if (status && status != PF_MORE)
		pf_log_error(PF_LOG_WARN, "index", &err,
			     PF_LOGC("user", id->user));
	_exit((int)status);
}

/* ---- orders ---------------------------------------------------------- */

static void put_off(struct lane *lane, struct indexd_order *order)
{
	int64_t pause = RETRY_MS;

	for (unsigned i = 0; i < order->failures && pause < RETRY_MAX; i++)
		pause *= 2;
	order->failures++;
	indexd_queue_return(&lane->queue, order, pf_clock_mono_ms() + pause);
}

static void start_order(struct indexd *indexd, struct lane *lane,
			struct indexd_order *order)
{
	struct pf_error err = {0};
	struct auth_identity id;
	pf_status status = auth_lookup_address(
	    indexd->lookup, pf_str_c(order->user), &id, &err);

	if (status == PF_NOTFOUND) {
		indexd_order_free(&order);
		return;
	}
	if (status) {
		pf_log_error(PF_LOG_WARN, "lookup", &err,
			     PF_LOGC("user", order->user));
		put_off(lane, order);
		return;
	}
	lane->order = order;
	lane->child_until_ms = pf_clock_mono_ms() + HANGS_MS;
	lane->child = fork();
	if (lane->child == 0)
		run_child(indexd, lane, &id);
	auth_identity_release(&id);
	if (lane->child < 0) {
		lane->child = 0;
		lane->order = NULL;
		put_off(lane, order);
	}
}

/* What became of it? */
static void end_order(struct lane *lane, int result)
{
	struct indexd_order *order = lane->order;
	int64_t now = pf_clock_mono_ms();

	lane->child = 0;
	lane->order = NULL;
	if (WIFSIGNALED(result)) {
		pf_log(PF_LOG_ERROR, "crash", PF_LOGC("user", order->user),
		       PF_LOGU("signal", WTERMSIG(result)));
		/* at first blame the index, and only once */
		order->rebuild = order->failures == 0;
		order->all = true;
		put_off(lane, order);
	} else if (WEXITSTATUS(result) == PF_OK) {
		indexd_order_free(&order);
	} else if (WEXITSTATUS(result) == PF_MORE) {
		order->rebuild = false;
		order->failures = 0;
		indexd_queue_return(&lane->queue, order, now);
	} else {
		order->rebuild = WEXITSTATUS(result) == PF_CORRUPT;
		order->all = order->all || order->rebuild;
		put_off(lane, order);
	}
}

static void add_user(void *arg, const struct auth_identity *id)
{
	struct indexd *indexd = arg;

	for (int i = 0; i < 2; i++)
		indexd_queue_add(&indexd->lanes[i].queue, pf_str_c(id->user),
				 PF_STR(""), pf_clock_mono_ms() + i * AFTER_MS);
}

static void add_everybody(struct indexd *indexd)
{
	struct pf_error err = {0};
	int64_t now = pf_clock_mono_ms();

	if (now < indexd->round_ms)
		return;
	indexd->round_ms = now + ROUND_MS;
	if (auth_lookup_list(indexd->lookup, add_user, indexd, &err)) {
		pf_log_error(PF_LOG_INFO, "users", &err);
		indexd->round_ms = now + RETRY_MS;
	}
}

/* ---- news ------------------------------------------------------------ */

static void read_news(struct indexd *indexd)
{
	char packet[DATAGRAM];
	ssize_t n;

	while ((n = recv(indexd->socket, packet, sizeof packet,
			 MSG_DONTWAIT | MSG_TRUNC)) >= 0) {
		struct pf_str box = pf_str_mem(packet, (size_t)n), user;

		if ((size_t)n > sizeof packet ||
		    !pf_str_split(&box, '\t', &user) || !user.n ||
		    memchr(packet, '\0', (size_t)n))
			continue;
		for (int i = 0; i < 2; i++)
			indexd_queue_add(&indexd->lanes[i].queue, user, box,
					 pf_clock_mono_ms() + GATHER_MS +
					     i * AFTER_MS);
	}
}

static void wait_for_news(struct indexd *indexd, int64_t until_ms)
{
	struct pollfd fd = {.fd = indexd->socket, .events = POLLIN};
	int64_t wait_ms = until_ms - pf_clock_mono_ms();
	struct timespec time;

	wait_ms = wait_ms < 0 ? 0 : wait_ms;
	time.tv_sec = wait_ms / 1000;
	time.tv_nsec = (long)(wait_ms % 1000) * 1000000;
	if (ppoll(&fd, 1, &time, &indexd->signals) > 0)
		read_news(indexd);
}

/* Until when is there nothing to do, as far as this lane knows? */
static int64_t run_lane(struct indexd *indexd, struct lane *lane)
{
	int64_t now = pf_clock_mono_ms();
	struct indexd_order *order;
	int wait_ms, result;

	if (lane->child && waitpid(lane->child, &result, WNOHANG) > 0)
		end_order(lane, result);
	if (lane->child && now >= lane->child_until_ms) {
		kill(lane->child, SIGKILL);
		lane->child_until_ms += SLICE_MS;
	}
	if (lane->child)
		return lane->child_until_ms;
	order = indexd_queue_take(&lane->queue, now, &wait_ms);
	if (order) {
		start_order(indexd, lane, order);
		return now; /* but let signals in */
	}
	return wait_ms < 0 ? indexd->round_ms : now + wait_ms;
}

/* Signals are let in only while waiting, so none is missed. */
static void run(struct indexd *indexd)
{
	while (!stop) {
		int64_t until_ms;

		add_everybody(indexd);
		until_ms = indexd->round_ms;
		for (int i = 0; i < 2; i++) {
			int64_t at = run_lane(indexd, &indexd->lanes[i]);

			until_ms = at < until_ms ? at : until_ms;
		}
		wait_for_news(indexd, until_ms);
	}
	for (int i = 0; i < 2; i++) {
		struct lane *lane = &indexd->lanes[i];

		if (!lane->child)
			continue;
		/* what reads attachments is not waited for */
		kill(lane->child, lane->attachments ? SIGKILL : SIGTERM);
		waitpid(lane->child, NULL, 0);
	}
}

/* ---- start and end --------------------------------------------------- */

static pf_status open_socket(struct indexd *indexd, struct pf_error *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	uid_t uid;
	gid_t gid;
	pf_status status;

	if (!pf_conf_run_path(&indexd->conf, "index.sock", at.sun_path,
			      sizeof at.sun_path))
		return pf_error_set(err, PF_LIMIT, NULL,
				    "run_dir is too long for a socket");
	status = pf_priv_lookup(indexd->conf.mail_user, &uid, &gid, err);
	if (status)
		return status;
	unlink(at.sun_path);
	indexd->socket =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (indexd->socket < 0 ||
	    bind(indexd->socket, (struct sockaddr *)&at, sizeof at) < 0 ||
	    chmod(at.sun_path, 0660) < 0 ||
	    (geteuid() == 0 && chown(at.sun_path, uid, gid) < 0))
		return pf_error_sys(err, errno, "%s", at.sun_path);
	return PF_OK;
}

static void set_signals(sigset_t *mask)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&block, numbers[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* there is nothing to reload */
	sigprocmask(SIG_BLOCK, &block, mask);
}

static pf_status start(struct indexd *indexd, const char *conf_path,
		       struct pf_error *err)
{
	char path[4096];
	pf_status status = pf_conf_load(&indexd->conf, conf_path, NULL, err);

	if (status)
		return status;
	pf_log_set_level(pf_log_level_named(indexd->conf.log_level));
	status = open_socket(indexd, err);
	if (!status)
		status = pf_conf_write_pid(&indexd->conf, "indexd.pid", path,
					   sizeof path, err);
	if (!status)
		status = pf_priv_become(indexd->conf.mail_user, err);
	if (status)
		return status;
	if (!pf_conf_run_path(&indexd->conf, "auth-master.sock", path,
			      sizeof path))
		return pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	indexd->lookup = auth_lookup_new(path);
	search_text_version(); /* once, and not in every child */
	return PF_OK;
}

static void leave(struct indexd *indexd)
{
	char path[4096];

	if (indexd->socket >= 0)
		close(indexd->socket);
	if (pf_conf_run_path(&indexd->conf, "indexd.pid", path, sizeof path))
		unlink(path);
	for (int i = 0; i < 2; i++) {
		indexd_order_free(&indexd->lanes[i].order);
		indexd_queue_release(&indexd->lanes[i].queue);
	}
	auth_lookup_free(&indexd->lookup);
	pf_conf_release(&indexd->conf);
}

/* In the foreground, as whoever calls: `penfold index` does. */
static int work_once(struct indexd *indexd, const char *conf_path,
		     const char *mail, bool rebuild)
{
	struct pf_error err = {0};
	struct store_conf store = {.root = mail};
	pf_status status = pf_conf_load(&indexd->conf, conf_path, NULL, &err);

	sigprocmask(SIG_SETMASK, &indexd->signals, NULL);
	store.separator = indexd->conf.hierarchy_separator[0];
	store.special_use = indexd->conf.special_use;
	if (!status)
		status = indexd_once(&store, rebuild, &stop, &err);
	if (status)
		fprintf(stderr, "penfold-indexd: %s\n", err.log);
	pf_conf_release(&indexd->conf);
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct indexd indexd = {.socket = -1, .lanes[1].attachments = true};
	struct pf_error err = {0};
	bool rebuild = argc == 5 && strcmp(argv[3], "--rebuild") == 0;
	bool once = rebuild || (argc == 5 && strcmp(argv[3], "--once") == 0);
	int code = 0;

	if ((argc != 3 && !once) || strcmp(argv[1], "-c") != 0) {
		fprintf(stderr, "usage: penfold-indexd -c FILE "
				"[--once MAILDIR | --rebuild MAILDIR]\n");
		return 64;
	}
	pf_log_init("indexd", PF_LOG_INFO);
	pf_conf_init(&indexd.conf);
	set_signals(&indexd.signals);
	if (once)
		return work_once(&indexd, argv[2], argv[4], rebuild);
	if (start(&indexd, argv[2], &err) == PF_OK) {
		run(&indexd);
	} else {
		pf_log_error(PF_LOG_ERROR, "start", &err);
		code = 1;
	}
	leave(&indexd);
	return code;
}
