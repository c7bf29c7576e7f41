/* penfold-authd -c FILE: the only program that sees passwords. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/server.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/priv.h"
#include "net/net.h"

static void on_signal(void *arg, int number)
{
	(void)number;
	net_loop_stop(arg);
}

/* The user file is followed anyway; the configuration wants a restart. */
static void on_hangup(void *arg, int number)
{
	(void)arg;
	(void)number;
	pf_log(PF_LOG_INFO, "hangup");
}

static int fail(const char *what, const struct pf_error *err)
{
	pf_log_error(PF_LOG_ERROR, what, err);
	return EXIT_FAILURE;
}

static int serve(const struct pf_conf *conf, struct net_loop *loop)
{
	struct auth_server *server = NULL;
	struct pf_error err;
	char pid_path[4200];

	if (auth_server_new(loop, conf, &server, &err) != PF_OK)
		return fail("start", &err);
	pf_status status = pf_conf_write_pid(conf, "authd.pid", pid_path,
					     sizeof pid_path, &err);
	if (status == PF_OK)
		status = pf_priv_become(conf->auth_user, &err);
	pf_priv_harden();
	if (status == PF_OK)
		status = pf_confine_calls(PF_CALLS_SERVE, &err);
	if (status != PF_OK) {
		auth_server_free(&server);
		return fail("start", &err);
	}
	net_loop_on_signal(loop, SIGTERM, on_signal, loop);
	net_loop_on_signal(loop, SIGINT, on_signal, loop);
	net_loop_on_signal(loop, SIGHUP, on_hangup, NULL);
	pf_log(PF_LOG_INFO, "ready");
	net_loop_run(loop);
	auth_server_free(&server);
	unlink(pid_path); /* may be beyond our rights now */
	pf_log(PF_LOG_INFO, "stopped");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *file = PF_SYSCONFDIR "/penfold/penfold.conf";
	struct net_loop *loop = NULL;
	struct pf_conf conf;
	struct pf_error err;
	int option;

	while ((option = getopt(argc, argv, "c:")) != -1) {
		if (option != 'c') {
			fprintf(stderr, "usage: penfold-authd [-c FILE]\n");
			return EXIT_FAILURE;
		}
		file = optarg;
	}
	pf_log_init("authd", PF_LOG_INFO);
	pf_conf_init(&conf);
	if (pf_conf_load(&conf, file, NULL, &err) != PF_OK)
		return fail("configuration", &err);
	pf_log_set_level(pf_log_level_named(conf.log_level));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (net_loop_new(0, cores < 1 ? 1 : (int)cores, &loop, &err) != PF_OK)
		return fail("start", &err);
	int code = serve(&conf, loop);
	net_loop_free(&loop);
	pf_conf_release(&conf);
	return code;
}
