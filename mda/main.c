/* penfold-mda -c FILE: LMTP in, Maildirs out. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/fsio.h"
#include "base/log.h"
#include "base/priv.h"
#include "mda/mda.h"
#include "net/net.h"

#define LISTENERS_MAX 16
#define DRAIN_MS      25000 /* supervisors kill after 30 s or more */

struct program {
	struct pf_conf conf;
	struct net_loop *loop;
	struct filter *filter;
	struct mda_sessions *sessions;
	struct mda_full *full;
	struct net_listener *listeners[LISTENERS_MAX];
	size_t listener_count;
	struct net_timer *deadline;
	char pid_path[4200];
};

static int fail(const char *what, const struct pf_error *err)
{
	pf_log_error(PF_LOG_ERROR, what, err);
	return EXIT_FAILURE;
}

/* ---- listening ---- */

static void on_accept(void *arg, int fd, const char *peer, int peer_port)
{
	struct program *p = arg;

	mda_sessions_accept(p->sessions, fd, peer, peer_port);
}

static pf_status listen_on(struct program *p, const char *address, mode_t mode,
			   uid_t uid, gid_t gid, struct pf_error *err)
{
	const struct net_listener_conf conf = {
	    .address = address,
	    .mode = mode,
	    .uid = uid,
	    .gid = gid,
	    .on_accept = on_accept,
	    .arg = p,
	};
	pf_status status;

	if (p->listener_count == LISTENERS_MAX)
		return pf_error_set(err, PF_LIMIT, NULL,
				    "listen_lmtp: too many addresses");
	status = net_listener_new(p->loop, &conf,
				  &p->listeners[p->listener_count], err);
	if (status == PF_OK)
		p->listener_count++;
	return status;
}

static pf_status owner_of_socket(const struct pf_conf *conf, uid_t *uid,
				 gid_t *gid, struct pf_error *err)
{
	uid_t group_uid;
	pf_status status = PF_OK;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (*conf->socket_owner)
		status = pf_priv_lookup(conf->socket_owner, uid, gid, err);
	if (status == PF_OK && *conf->socket_group)
		status =
		    pf_priv_lookup(conf->socket_group, &group_uid, gid, err);
	return status;
}

static pf_status listen_all(struct program *p, struct pf_error *err)
{
	struct pf_str rest = pf_str_c(p->conf.listen_lmtp), word;
	char address[4200] = "unix:", text[300];
	uid_t uid;
	gid_t gid;
	pf_status status = owner_of_socket(&p->conf, &uid, &gid, err);

	if (status == PF_OK &&
	    !pf_conf_run_path(&p->conf, "lmtp.sock", address + 5,
			      sizeof address - 5))
		status =
		    pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	if (status == PF_OK)
		status = listen_on(p, address, (mode_t)p->conf.socket_mode, uid,
				   gid, err);
	while (status == PF_OK && pf_conf_word(&rest, &word)) {
		if (!pf_str_copy(word, text, sizeof text))
			return pf_error_set(err, PF_INVALID, NULL,
					    "listen_lmtp: address too long");
		status = listen_on(p, text, 0, uid, gid, err);
	}
	return status;
}

/* ---- stopping ---- */

static void stop(void *arg)
{
	struct program *p = arg;

	net_loop_stop(p->loop);
}

/* Whoever has sent the dot gets his answer. */
static void on_signal(void *arg, int number)
{
	struct program *p = arg;

	(void)number;
	for (size_t i = 0; i < p->listener_count; i++)
		net_listener_free(&p->listeners[i]);
	p->listener_count = 0;
	net_timer_start(p->deadline, DRAIN_MS, 0);
	mda_sessions_drain(p->sessions, stop, p);
}

/* ---- starting ---- */

static int serve(struct program *p)
{
	struct pf_error err = {0};
	char socket[4200];
	pf_status status;

	if (!pf_conf_run_path(&p->conf, "auth-master.sock", socket,
			      sizeof socket))
		return EXIT_FAILURE;
	status = listen_all(p, &err);
	if (status == PF_OK && geteuid() == 0)
		status = pf_conf_make_state_dir(&p->conf, &err);
	if (status == PF_OK)
		status = pf_conf_make_full_dir(&p->conf, &err);
	if (status == PF_OK)
		status = pf_conf_write_pid(&p->conf, "mda.pid", p->pid_path,
					   sizeof p->pid_path, &err);
	if (status == PF_OK)
		status = pf_priv_become(p->conf.mail_user, &err);
	pf_priv_harden();
	if (status == PF_OK)
		status = pf_confine_calls(PF_CALLS_SERVE, &err);
	if (status != PF_OK)
		return fail("start", &err);
	umask(077);
	if (filter_new(&p->conf, &p->filter, &err) != PF_OK)
		pf_log_error(PF_LOG_WARN, "no-delivery-journal", &err,
			     PF_LOGC("dir", p->conf.state_dir));
	p->filter->find_user = auth_lookup_user;
	p->filter->find_arg = auth_lookup_new(socket);
	p->sessions = mda_sessions_new(p->filter, p->loop, socket);
	p->full = mda_full_new(p->filter, p->loop, socket);
	p->deadline = net_timer_new(p->loop, stop, p);
	signal(SIGHUP, SIG_IGN); /* there is nothing to reload */
	net_loop_on_signal(p->loop, SIGTERM, on_signal, p);
	net_loop_on_signal(p->loop, SIGINT, on_signal, p);
	pf_log(PF_LOG_INFO, "ready");
	net_loop_run(p->loop);
	net_timer_free(&p->deadline);
	unlink(p->pid_path); /* may be beyond our rights now */
	pf_log(PF_LOG_INFO, "stopped");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *file = PF_SYSCONFDIR "/penfold/penfold.conf";
	static struct program p;
	struct pf_error err;
	int option, code;

	while ((option = getopt(argc, argv, "c:")) != -1) {
		if (option != 'c') {
			fprintf(stderr, "usage: penfold-mda [-c FILE]\n");
			return EXIT_FAILURE;
		}
		file = optarg;
	}
	pf_log_init("mda", PF_LOG_INFO);
	pf_conf_init(&p.conf);
	if (pf_conf_load(&p.conf, file, NULL, &err) != PF_OK)
		return fail("configuration", &err);
	pf_log_set_level(pf_log_level_named(p.conf.log_level));
	/* many threads that allocate little: arenas would only cost memory */
	(void)mallopt(M_ARENA_MAX, 4);
	if (net_loop_new((int)p.conf.delivery_threads, 0, &p.loop, &err) !=
	    PF_OK)
		return fail("start", &err);
	code = serve(&p);
	for (size_t i = 0; i < p.listener_count; i++)
		net_listener_free(&p.listeners[i]);
	mda_full_stop(p.full);
	net_loop_free(&p.loop);
	mda_full_free(&p.full);
	mda_sessions_free(&p.sessions);
	filter_free(&p.filter);
	pf_conf_release(&p.conf);
	return code;
}
