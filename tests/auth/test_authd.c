/*
 * penfold-authd itself, through its own clients: blocking look-ups, SASL on a
 * loop, and Postfix' two protocols on bare sockets.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/base64.h"
#include "base/fsio.h"
#include "net/net.h"
#include "tests/tap.h"

static char dir[] = "/tmp/test_authd.XXXXXX";
static pid_t authd;
static struct net_loop *loop;
static struct auth_client *client;
static struct auth_lookup *lookup;

static const char *in_dir(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	is_int(pf_fs_replace(AT_FDCWD, in_dir(name), pf_str_c(text), 0600,
			     false, NULL),
	       PF_OK);
}

static void start(void)
{
	const char *build = getenv("PF_BUILDDIR");
	char program[4096], conf[200];

	snprintf(program, sizeof program, "%s/auth/penfold-authd",
		 build ? build : ".");
	snprintf(conf, sizeof conf, "%s", in_dir("conf"));
	authd = fork();
	if (authd == 0) {
		int log =
		    open(in_dir("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(log, STDERR_FILENO);
		/* no dumps, no tracing: leaks cannot be looked for */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		execl(program, program, "-c", conf, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 5000 && access(in_dir("run/authd.pid"), F_OK); i++)
		poll(NULL, 0, 2);
	ok(access(in_dir("run/authd.pid"), F_OK) == 0);
}

static void stop(void)
{
	int code = -1;

	kill(authd, SIGTERM);
	waitpid(authd, &code, 0);
	is_int(code, 0);
}

/* ---- SASL on a loop ---- */

struct
try {
	enum auth_result result;
	int calls;
	char user[64], cookie[128], reason[128];
	struct auth_request *request;
	const char *next; /* what to answer to a challenge, or NULL */
};
static int pending;
static char mechanisms[100]; /* as announced at the last answer */

static void on_result(void *arg, enum auth_result result, struct pf_str data,
		      const char *cookie, const char *reason)
{
	struct try *t = arg;

	t->result = result;
	t->calls++;
	pf_str_copy(pf_str_c(auth_client_mechanisms(client)), mechanisms,
		    sizeof mechanisms);
	if (result == AUTH_CONTINUE && t->next) {
		auth_request_continue(t->request, pf_str_c(t->next));
		t->next = NULL;
		return;
	}
	if (result == AUTH_OK)
		pf_str_copy(data, t->user, sizeof t->user);
	if (cookie)
		pf_str_copy(pf_str_c(cookie), t->cookie, sizeof t->cookie);
	if (reason)
		pf_str_copy(pf_str_c(reason), t->reason, sizeof t->reason);
	if (--pending == 0)
		net_loop_stop(loop);
}

static void begin(struct try *t, const char *mechanism, struct pf_str initial)
{
	const char *next = t->next;

	*t = (struct try){.next = next};
	pending++;
	struct auth_peer peer = {.service = "imap",
				 .local_ip = "127.0.0.1",
				 .remote_ip = "192.0.2.7",
				 .secured = true};
	t->request =
	    auth_request_new(client, mechanism, &peer, initial, on_result, t);
	is_int(t->calls, 0);
}

static enum auth_result try(struct try *t, struct pf_str initial)
{
	begin(t, "PLAIN", initial);
	net_loop_run(loop);
	return t->result;
}

static void logs_in(void)
{
	struct try t = {0};
	struct auth_identity id;

	is_int(try(&t, PF_STR("\0ANN\0secret")), AUTH_OK);
	is_str(t.user, "ann");
	is_str(mechanisms, "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1");
	is_int(auth_lookup_cookie(lookup, pf_str_c(t.cookie), &id, NULL),
	       PF_OK);
	is_str(id.user, "ann");
	is_str(id.home, "/h/ann");
	auth_identity_release(&id);
	/* once */
	is_int(auth_lookup_cookie(lookup, pf_str_c(t.cookie), &id, NULL),
	       PF_NOTFOUND);
	is_int(auth_lookup_cookie(lookup, PF_STR("1.2.3"), &id, NULL),
	       PF_NOTFOUND);
	is_int(auth_lookup_cookie(lookup, PF_STR(""), &id, NULL), PF_NOTFOUND);

	t.next = "secret";
	begin(&t, "LOGIN", PF_STR("bob"));
	net_loop_run(loop);
	is_int(t.result, AUTH_OK);
	is_str(t.user, "bob");
	begin(&t, "NONSENSE", (struct pf_str){0});
	net_loop_run(loop);
	is_int(t.result, AUTH_FAIL);
	is_str(t.reason, "Unsupported authentication mechanism");
}

static void many_at_once(void)
{
	static struct try tries[200];

	for (size_t i = 0; i < 200; i++)
		begin(&tries[i], "PLAIN",
		      i % 2 ? PF_STR("\0ann\0secret")
			    : PF_STR("\0bob\0secret"));
	/* giving up on one changes nothing for the others */
	auth_request_cancel(&tries[7].request);
	pending--;
	net_loop_run(loop);
	int good = 0;
	for (size_t i = 0; i < 200; i++)
		good += tries[i].result == AUTH_OK && tries[i].calls == 1 &&
			strcmp(tries[i].user, i % 2 ? "ann" : "bob") == 0;
	is_int(good, 199);
	is_int(tries[7].calls, 0);
}

static void wrong_ones_wait(void)
{
	struct try t = {0}, right = {0};

	begin(&t, "PLAIN", PF_STR("\0ann\0wrong"));
	begin(&right, "PLAIN", PF_STR("\0ann\0secret"));
	net_loop_run(loop);
	is_int(t.result, AUTH_FAIL);
	is_int(right.result, AUTH_OK);
}

/* ---- look-ups ---- */

static void finds_recipients(void)
{
	struct auth_identity id;

	is_int(auth_lookup_address(lookup, PF_STR("Ann+ml-nanog@ex.test"), &id,
				   NULL),
	       PF_OK);
	is_str(id.user, "ann");
	is_str(id.mail, "/h/ann/Maildir");
	is_str(id.detail, "ml-nanog");
	is_int(id.uid, (uid_t)-1);
	auth_identity_release(&id);
	is_int(auth_lookup_address(lookup, PF_STR("bob"), &id, NULL), PF_OK);
	is_int(id.uid, 4242);
	ok(id.detail == NULL);
	auth_identity_release(&id);
	is_int(auth_lookup_address(lookup, PF_STR("zoe@ex.test"), &id, NULL),
	       PF_NOTFOUND);
	is_int(auth_lookup_address(lookup, PF_STR("a\tb\nUSER\t1\tann"), &id,
				   NULL),
	       PF_NOTFOUND);
	is_int(auth_lookup_address(lookup, PF_STR("bad@ex.test"), &id, NULL),
	       PF_UNAVAILABLE);
}

static void count_user(void *arg, const struct auth_identity *id)
{
	*(int *)arg += id->home[0] == '/';
}

static void lists_users(void)
{
	int count = 0;

	is_int(auth_lookup_list(lookup, count_user, &count, NULL), PF_OK);
	is_int(count, 4); /* not the broken one */
}

/* ---- Postfix ---- */

/* Sends text to a socket of authd; returns what comes until the end, or for
 * 300 ms. */
static const char *bare(const char *name, const char *text, bool *closed)
{
	static char answer[4096];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	*closed = false;
	pf_str_copy(pf_str_c(in_dir(name)), to.sun_path, sizeof to.sun_path);
	ok(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	ok(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	while (!*closed && n < sizeof answer - 1 && poll(&p, 1, 300) > 0) {
		ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
		*closed = got <= 0;
		n += got > 0 ? (size_t)got : 0;
	}
	answer[n] = '\0';
	close(fd);
	return answer;
}

static void serves_postfix(void)
{
	bool closed;

	kill(authd, SIGHUP); /* is no reason to stop */

	is_str(bare("run/socketmap.sock",
		    "23:mailbox ann+x-y@ex.test,19:mailbox zoe@ex.test,"
		    "19:mailbox bad@ex.test,",
		    &closed),
	       "6:OK ann,9:NOTFOUND ,22:TEMP user file is down,");
	ok(!closed);
	/* who may send as whom, and where mail for users goes */
	is_str(bare("run/socketmap.sock",
		    "21:senders ann+x@ex.test,18:senders a@far.test,"
		    "19:senders zoe@ex.test,19:senders bad@ex.test,",
		    &closed),
	       "6:OK ann,9:NOTFOUND ,9:NOTFOUND ,22:TEMP user file is down,");
	ok(strstr(bare("run/socketmap.sock",
		       "21:transport ann@ex.test,21:transport zoe@ex.test,"
		       "11:transport *,",
		       &closed),
		  "/run/lmtp.sock,9:NOTFOUND ,9:NOTFOUND ,") != NULL);
	/* a mailbox is full while somebody says so, and said so lately */
	mkdir(in_dir("run/full"), 0711);
	write_file("run/full/ann", "");
	is_str(bare("run/socketmap.sock",
		    "20:access ann+x@ex.test,18:access bob@ex.test,"
		    "18:access zoe@ex.test,14:access ex.test,",
		    &closed),
	       "28:OK 552 5.2.2 Mailbox is full,9:NOTFOUND ,9:NOTFOUND ,"
	       "9:NOTFOUND ,");
	struct timespec old[2] = {{.tv_sec = 1000000000},
				  {.tv_sec = 1000000000}};
	is_int(utimensat(AT_FDCWD, in_dir("run/full/ann"), old, 0), 0);
	is_str(bare("run/socketmap.sock", "18:access ann@ex.test,", &closed),
	       "9:NOTFOUND ,");
	ok(bare("run/socketmap.sock", "GET / HTTP/1.0\r\n", &closed)[0] == 0);
	ok(closed);
	ok(strstr(bare("run/auth.sock",
		       "VERSION\t1\t0\nCPID\t1\nAUTH\t1\tPLAIN\tservice=smtp\t"
		       "nologin\tsecured\tresp=AGFubgBzZWNyZXQ=\n",
		       &closed),
		  "DONE\nOK\t1\tuser=ann\n") != NULL);
	ok(!closed);
}

/* ---- weak hashes ---- */

static bool file_has(const char *text)
{
	struct pf_buf users = PF_BUF_INIT(1 << 20);
	bool has =
	    pf_fs_read(AT_FDCWD, in_dir("users"), &users, NULL) == PF_OK &&
	    strstr(users.data, text) != NULL;

	pf_buf_release(&users);
	return has;
}

static void replaces_a_weak_hash(void)
{
	struct try t = {0};
	bool closed;

	ok(file_has("\ndan:{SHA}"));
	is_int(try(&t, PF_STR("\0dan\0wrong")), AUTH_FAIL);
	ok(file_has("\ndan:{SHA}"));
	is_int(try(&t, PF_STR("\0dan\0secret")), AUTH_OK);
	for (int i = 0; i < 1000 && file_has("\ndan:{SHA}"); i++)
		poll(NULL, 0, 10);
	ok(file_has("\ndan:{CRYPT}$7$"));
	ok(file_has(":4243:4243::/h/dan::nothing=1 userdb_penfold_scram256="));
	ok(file_has("\nbob:{PLAIN}secret:4242:4242\n"));
	is_int(try(&t, PF_STR("\0dan\0secret")), AUTH_OK);
	is_int(try(&t, PF_STR("\0dan\0wrong")), AUTH_FAIL);
	/* SCRAM works with it from now on */
	ok(strstr(bare("run/auth.sock",
		       "VERSION\t1\t2\nCPID\t1\nAUTH\t1\tSCRAM-SHA-256\t"
		       "service=smtp\tresp=biwsbj1kYW4scj1hYmM=\n",
		       &closed),
		  "\nCONT\t1\t") != NULL);
}

/* ---- trouble ---- */

static void trouble_is_no_wrong_password(void)
{
	struct auth_identity id;
	struct try t = {0};
	bool closed;

	/* nobody is known any more, and nobody is unknown */
	is_int(unlink(in_dir("users")), 0);
	is_int(try(&t, PF_STR("\0zoe\0secret")), AUTH_UNAVAILABLE);
	is_int(try(&t, PF_STR("\0ann\0secret")), AUTH_OK);
	is_int(auth_lookup_address(lookup, PF_STR("zoe@ex.test"), &id, NULL),
	       PF_UNAVAILABLE);
	ok(strstr(bare("run/auth.sock",
		       "VERSION\t1\t0\nCPID\t1\nAUTH\t1\tPLAIN\tservice=smtp\t"
		       "nologin\tsecured\tresp=AHpvZQBzZWNyZXQ=\n",
		       &closed),
		  "FAIL") == NULL);
	ok(closed);
	is_str(bare("run/socketmap.sock", "19:mailbox zoe@ex.test,", &closed),
	       "22:TEMP user file is down,");
}

static void comes_back_after_a_restart(void)
{
	struct auth_identity id;
	struct try t = {0};

	stop();
	is_int(auth_lookup_address(lookup, PF_STR("ann"), &id, NULL),
	       PF_UNAVAILABLE);
	is_int(try(&t, PF_STR("\0ann\0secret")), AUTH_UNAVAILABLE);
	is_str(auth_client_mechanisms(client), "");
	write_file("users", "ann:{PLAIN}new\n");
	start();
	is_int(auth_lookup_address(lookup, PF_STR("ann"), &id, NULL), PF_OK);
	auth_identity_release(&id);
	is_int(try(&t, PF_STR("\0ann\0new")), AUTH_OK);
	/* killed between two questions: the second goes to a new connection */
	kill(authd, SIGKILL);
	waitpid(authd, NULL, 0);
	unlink(in_dir("run/authd.pid"));
	start();
	is_int(auth_lookup_address(lookup, PF_STR("ann"), &id, NULL), PF_OK);
	auth_identity_release(&id);
	/* hung: requests on the way fail with the connection */
	kill(authd, SIGSTOP);
	begin(&t, "PLAIN", PF_STR("\0ann\0new"));
	kill(authd, SIGKILL);
	net_loop_run(loop);
	is_int(t.result, AUTH_UNAVAILABLE);
	waitpid(authd, NULL, 0);
}

int main(void)
{
	char conf[1000];
	struct pf_error err;

	if (!mkdtemp(dir) || net_loop_new(0, 0, &loop, &err) != PF_OK)
		return 1;
	snprintf(conf, sizeof conf,
		 "run_dir = %s/run\nstate_dir = %s/state\n"
		 "user_file = %s/users\ndomains = ex.test\n"
		 "home_path = /h/%%u\nmail_path = %%h/Maildir\n",
		 dir, dir, dir);
	write_file("conf", conf);
	write_file("users", "ann:{PLAIN}secret\n"
			    "cyd:$5$rounds=9000$salt$"
			    "X.hjrrkY0TshrPlxUMenfJMOl6kZ7FVHFTIqdPtTe17\n"
			    "dan:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=:4243:4243::"
			    "/h/dan::nothing=1\n"
			    "bob:{PLAIN}secret:4242:4242\n"
			    "bad:{PLAIN}secret:zero\n");
	start();
	client = auth_client_new(loop, in_dir("run/auth-gate.sock"));
	lookup = auth_lookup_new(in_dir("run/auth-master.sock"));
	logs_in();
	many_at_once();
	wrong_ones_wait();
	finds_recipients();
	lists_users();
	serves_postfix();
	replaces_a_weak_hash();
	trouble_is_no_wrong_password();
	comes_back_after_a_restart();
	auth_client_free(&client);
	auth_lookup_free(&lookup);
	net_loop_free(&loop);
	ok(pf_fs_remove_tree(AT_FDCWD, dir, NULL) == PF_OK);
	return tap_done();
}
