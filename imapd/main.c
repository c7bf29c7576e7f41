/*
 * penfold-imapd: IMAP in three roles (docs/decisions/070).
 *
 *	--stdio			one PREAUTH session on stdin and stdout
 *	--role gate -c CONF	TLS and login
 *	--role session --worker N -c CONF
 *				the sessions themselves
 */
#include <getopt.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/priv.h"
#include "config.h"
#include "imapd/client.h"
#include "imapd/gate.h"
#include "imapd/session.h"

#define DISK_THREADS 4

enum role {
	ROLE_NONE,
	ROLE_STDIO,
	ROLE_GATE,
	ROLE_SESSION
};

struct options {
	enum role role;
	const char *conf, *user, *mail;
	unsigned worker;
};

static int usage(FILE *to)
{
	fputs("usage: penfold-imapd --stdio [-c FILE] [--user NAME] "
	      "[--mail PATH]\n"
	      "       penfold-imapd --role gate -c FILE\n"
	      "       penfold-imapd --role session --worker N -c FILE\n"
	      "penfold-imapd(8) tells more.\n",
	      to);
	return to == stdout ? 0 : 64;
}

static enum role role_named(const char *name)
{
	if (strcmp(name, "gate") == 0)
		return ROLE_GATE;
	return strcmp(name, "session") == 0 ? ROLE_SESSION : ROLE_NONE;
}

/* -1: go on; else the exit code */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"stdio", no_argument, NULL, 's'},
	    {"role", required_argument, NULL, 'r'},
	    {"worker", required_argument, NULL, 'w'},
	    {"conf", required_argument, NULL, 'c'},
	    {"user", required_argument, NULL, 'u'},
	    {"mail", required_argument, NULL, 'm'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0}};
	uint64_t n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->role = ROLE_STDIO;
			break;
		case 'r':
			o->role = role_named(optarg);
			break;
		case 'w':
			if (!pf_str_u64(pf_str_c(optarg), GATE_WORKERS_MAX - 1,
					&n))
				return usage(stderr);
			o->worker = (unsigned)n;
			break;
		case 'c':
			o->conf = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'm':
			o->mail = optarg;
			break;
		case 'h':
			return usage(stdout);
		case 'V':
			puts("penfold-imapd " PACKAGE_VERSION);
			return 0;
		default:
			return usage(stderr);
		}
	}
	if (optind < argc || o->role == ROLE_NONE ||
	    (o->role != ROLE_STDIO && !o->conf))
		return usage(stderr);
	return -1;
}

/* ---- what all roles need --------------------------------------------------
 */

/* Many connections with little memory each: few arenas, all descriptors. */
static void tune_process(void)
{
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 128 * 1024);
	(void)pf_priv_all_files();
}

/* ---- gate -------------------------------------------------------------------
 */

static void gate_signal(void *arg, int signal_number)
{
	if (signal_number == SIGHUP)
		gate_reload(arg);
	else
		gate_stop(arg);
}

static pf_status run_gate(const struct pf_conf *conf, struct pf_error *err)
{
	static struct gate gate;
	struct net_loop *loop;
	struct net_key *key = NULL;
	char pid_path[200] = "";
	pf_status status = PF_OK;

	if (conf->tls_cert[0] && conf->tls_key[0])
		status = net_key_new(conf->tls_cert, conf->tls_key, &key, err);
	if (status == PF_OK)
		status = net_loop_new(0, 0, &loop, err);
	if (status != PF_OK)
		return status;
	net_loop_on_signal(loop, SIGTERM, gate_signal, &gate);
	net_loop_on_signal(loop, SIGINT, gate_signal, &gate);
	net_loop_on_signal(loop, SIGHUP, gate_signal, &gate);
	status = gate_init(&gate, loop, key, conf, err);
	if (status == PF_OK)
		status = pf_conf_write_pid(conf, "imapd-gate.pid", pid_path,
					   sizeof pid_path, err);
	if (status == PF_OK)
		status = pf_priv_become(conf->gate_user, err);
	if (status == PF_OK) {
		pf_priv_harden();
		status = pf_confine_files(NULL, err);
	}
	if (status == PF_OK)
		status = pf_confine_calls(PF_CALLS_TALK, err);
	if (status == PF_OK) {
		pf_log(PF_LOG_INFO, "ready", PF_LOGC("role", "gate"));
		net_loop_run(loop);
	}
	if (pid_path[0])
		(void)unlink(pid_path);
	gate_release(&gate);
	net_loop_free(&loop);
	return status;
}

/* ---- session ----------------------------------------------------------------
 */

static void session_signal(void *arg, int signal_number)
{
	if (signal_number != SIGHUP)
		session_stop(arg);
}

static pf_status run_session(const struct pf_conf *conf, unsigned worker,
			     struct pf_error *err)
{
	static struct session session;
	struct net_loop *loop;
	char pid_path[200] = "", name[40];
	pf_status status = net_loop_new(DISK_THREADS, 0, &loop, err);

	if (status != PF_OK)
		return status;
	net_loop_on_signal(loop, SIGTERM, session_signal, &session);
	net_loop_on_signal(loop, SIGINT, session_signal, &session);
	net_loop_on_signal(loop, SIGHUP, session_signal, &session);
	status = session_init(&session, loop, conf, worker, err);
	snprintf(name, sizeof name, "imapd-session-%u.pid", worker);
	if (status == PF_OK)
		status = pf_conf_make_full_dir(conf, err);
	if (status == PF_OK)
		status = pf_conf_write_pid(conf, name, pid_path,
					   sizeof pid_path, err);
	if (status == PF_OK)
		status = pf_priv_become(conf->mail_user, err);
	if (status == PF_OK) {
		pf_priv_harden();
		status = pf_confine_calls(PF_CALLS_SERVE, err);
	}
	if (status == PF_OK) {
		pf_log(PF_LOG_INFO, "ready", PF_LOGC("role", "session"),
		       PF_LOGU("worker", worker));
		net_loop_run(loop);
	}
	if (pid_path[0])
		(void)unlink(pid_path);
	session_release(&session);
	net_loop_free(&loop);
	return status;
}

/* ---- stdio ------------------------------------------------------------------
 */

/* Name and Maildir of a --stdio session (penfold-imapd(8)). */
static pf_status find_mail(const struct pf_conf *conf, const struct options *o,
			   struct pf_buf *name, struct pf_buf *home,
			   struct pf_buf *mail, struct pf_error *err)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *dir = getenv("HOME");
	pf_status status = PF_OK;

	if (!dir || !dir[0])
		dir = pw ? pw->pw_dir : ".";

	pf_buf_add_c(name, o->user ? o->user : pw ? pw->pw_name : "user");
	if (o->mail) {
		pf_buf_add_c(home, dir);
		pf_buf_add_c(mail, o->mail);
	} else if (o->conf && o->user) {
		status = pf_conf_expand(home, conf->home_path, pf_buf_str(name),
					NULL, err);
		if (status == PF_OK)
			status =
			    pf_conf_expand(mail, conf->mail_path,
					   pf_buf_str(name), home->data, err);
	} else {
		pf_buf_add_c(home, dir);
		pf_buf_addf(mail, "%s/Maildir", dir);
	}
	return status;
}

/* Others' mail, as far as the configuration alone says where it is. */
static pf_status find_user(void *arg, struct pf_str name, struct pf_buf *user,
			   struct pf_buf *mail, struct pf_error *err)
{
	const struct pf_conf *conf = arg;
	struct pf_buf home = PF_BUF_INIT(4096);
	struct stat st;
	pf_status status =
	    pf_conf_expand(&home, conf->home_path, name, NULL, err);

	if (status == PF_OK)
		status =
		    pf_conf_expand(mail, conf->mail_path, name, home.data, err);
	if (status == PF_OK && stat(mail->data, &st) != 0)
		status = pf_error_set(err, PF_NOTFOUND, "No such mailbox",
				      "no such user");
	pf_buf_add_str(user, name);
	pf_buf_release(&home);
	return status;
}

static void stdio_signal(void *arg, int signal_number)
{
	(void)signal_number;
	server_stop(arg);
}

static pf_status stdio_client(struct server *server, const struct options *o,
			      struct pf_error *err)
{
	struct pf_buf name = PF_BUF_INIT(512), home = PF_BUF_INIT(4096),
		      mail = PF_BUF_INIT(4096);
	pf_status status = find_mail(server->conf, o, &name, &home, &mail, err);

	server->single = true;
	if (status == PF_OK) {
		struct client_conf client = {
		    .user = server_user(server, name.data, mail.data, home.data,
					NULL),
		    .in_fd = STDIN_FILENO,
		    .out_fd = STDOUT_FILENO,
		    .gate_fd = -1,
		    .ip = "stdio",
		    .tls = ""};
		status = client_new(&client, err);
	}
	pf_buf_release(&name);
	pf_buf_release(&home);
	pf_buf_release(&mail);
	return status;
}

static pf_status run_stdio(const struct pf_conf *conf, const struct options *o,
			   struct pf_error *err)
{
	struct server server;
	struct net_loop *loop;
	pf_status status = PF_OK;

	/* as root, virtual users' mail belongs to mail_user */
	if (o->user)
		status = pf_priv_become(conf->mail_user, err);
	if (status == PF_OK)
		status = net_loop_new(1, 0, &loop, err);
	if (status != PF_OK)
		return status;
	status = server_init(&server, loop, conf, err);
	/* the indexer knows users of the configuration, not just any Maildir */
	if (status == PF_OK && (!o->conf || !o->user || o->mail))
		server_without_index(&server);
	net_loop_on_signal(loop, SIGTERM, stdio_signal, &server);
	net_loop_on_signal(loop, SIGINT, stdio_signal, &server);
	net_loop_on_signal(loop, SIGHUP, stdio_signal, &server);
	if (o->conf && o->user) {
		server.find_user = find_user;
		server.find_arg = (void *)(uintptr_t)conf;
	}
	if (status == PF_OK)
		status = stdio_client(&server, o, err);
	if (status == PF_OK)
		net_loop_run(loop);
	server_release(&server);
	net_loop_free(&loop);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct pf_error err = {0};
	struct pf_conf conf;
	pf_status status = PF_OK;
	int code = read_options(argc, argv, &o);

	if (code >= 0)
		return code;
	tune_process();
	pf_conf_init(&conf);
	pf_log_init(o.role == ROLE_GATE ? "imapd-gate" : "imapd",
		    o.role == ROLE_STDIO ? PF_LOG_WARN : PF_LOG_INFO);
	if (o.conf)
		status = pf_conf_load(&conf, o.conf, NULL, &err);
	if (status == PF_OK && o.conf && o.role != ROLE_STDIO)
		pf_log_set_level(pf_log_level_named(conf.log_level));
	if (status == PF_OK && o.role == ROLE_GATE)
		status = run_gate(&conf, &err);
	else if (status == PF_OK && o.role == ROLE_SESSION)
		status = run_session(&conf, o.worker, &err);
	else if (status == PF_OK)
		status = run_stdio(&conf, &o, &err);
	if (status != PF_OK)
		pf_log_error(PF_LOG_ERROR, "cannot-run", &err);
	pf_conf_release(&conf);
	return status == PF_OK ? 0 : 75;
}
