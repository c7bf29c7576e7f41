/*
 * Programs of the site: what they get, what becomes of their output, and what
 * happens to those that misbehave; and pipe, filter and execute in a delivery.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"
#include "mda/mda.h"
#include "tests/tap.h"

static char top[] = "/tmp/penfold-programs-XXXXXX";
static struct pf_conf conf;
static struct filter *filter;
static struct auth_identity user;
static struct pf_buf text;

static const char *at(const char *name)
{
	static char paths[4][300];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, 300, "%s/%s", top, name);
	return path;
}

static void put(const char *name, const char *content, mode_t mode)
{
	if (pf_fs_replace(AT_FDCWD, at(name), pf_str_c(content), mode, false,
			  NULL) != PF_OK)
		abort();
}

static const char *get(const char *path)
{
	pf_buf_clear(&text);
	return pf_fs_read(AT_FDCWD, path, &text, NULL) == PF_OK ? text.data
								: "";
}

static int run(const char *name, struct pf_str input, int output,
	       const struct pf_str *args, size_t arg_count)
{
	const struct filter_caller caller = {.filter = filter,
					     .id = &user,
					     .from = PF_STR("a@b.test"),
					     .to = PF_STR("ann+x@ex.test"),
					     .orcpt =
						 PF_STR("rfc822;old@ex.test")};
	const struct sieve_span span = {.text = input};
	const struct sieve_program program = {.kind = SIEVE_PROGRAM_EXECUTE,
					      .name = pf_str_c(name),
					      .args = args,
					      .arg_count = arg_count,
					      .input = &span,
					      .input_count = input.n > 0,
					      .output = output};

	return filter_program_run(&caller, &program);
}

static const char *output_of(const char *name, struct pf_str input)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	pf_buf_clear(&text);
	if (run(name, input, fd, NULL, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 ||
	    pf_fs_read_fd(fd, &text, NULL) != PF_OK)
		pf_buf_add_c(&text, "failed");
	close(fd);
	return text.data;
}

static void they_know_for_whom(void)
{
	char want[700];

	put("bin/env",
	    "#!/bin/sh\nexec env | grep -v -e PWD -e SHLVL -e _= | sort\n",
	    0755);
	snprintf(want, sizeof want,
		 "HOME=%s/ann\nHOST=mx.ex.test\nORIG_RECIPIENT=old@ex.test\n"
		 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
		 "/bin\nRECIPIENT=ann+x@ex.test\nSENDER=a@b.test\nUSER=ann\n",
		 top);
	is_str(output_of("env", (struct pf_str){0}), want);
}

static void lines_end_as_in_mail(void)
{
	put("bin/cat", "#!/bin/sh\nexec cat\n", 0755);
	put("bin/hex", "#!/bin/sh\nod -An -c | tr -d ' \\n'\n", 0755);
	is_str(output_of("hex", PF_STR("a\nb\r\nc\n\n")),
	       "a\\r\\nb\\r\\nc\\r\\n\\r\\n");
	is_str(output_of("cat", PF_STR("a\nb\r\nc\r")), "a\nb\nc\r");
}

static void arguments_are_passed_as_they_are(void)
{
	const struct pf_str args[] = {PF_STR("a b"), PF_STR("$(id)"),
				      PF_STR(""), PF_STR("-x")};
	int fd = memfd_create("output", MFD_CLOEXEC);

	put("bin/args", "#!/bin/sh\nfor a; do echo \"[$a]\"; done\nexit 3\n",
	    0755);
	is_int(run("args", PF_STR(""), fd, args, 4), 3);
	lseek(fd, 0, SEEK_SET);
	pf_buf_clear(&text);
	ok(pf_fs_read_fd(fd, &text, NULL) == PF_OK);
	is_str(text.data, "[a b]\n[$(id)]\n[]\n[-x]\n");
	close(fd);
}

static void only_what_the_site_has_is_run(void)
{
	put("outside", "#!/bin/sh\nexit 0\n", 0755);
	put("bin/text", "#!/bin/sh\nexit 0\n", 0644);
	put("bin/.hidden", "#!/bin/sh\nexit 0\n", 0755);
	(void)mkdir(at("bin/folder"), 0755);
	is_int(run("none", PF_STR(""), -1, NULL, 0), SIEVE_PROGRAM_UNKNOWN);
	is_int(run("../outside", PF_STR(""), -1, NULL, 0),
	       SIEVE_PROGRAM_UNKNOWN);
	is_int(run(".hidden", PF_STR(""), -1, NULL, 0), SIEVE_PROGRAM_UNKNOWN);
	is_int(run("text", PF_STR(""), -1, NULL, 0), SIEVE_PROGRAM_UNKNOWN);
	is_int(run("folder", PF_STR(""), -1, NULL, 0), SIEVE_PROGRAM_UNKNOWN);
	is_int(run("", PF_STR(""), -1, NULL, 0), SIEVE_PROGRAM_UNKNOWN);
}

static void no_descriptor_of_ours_is_theirs(void)
{
	int fd = open("/", O_RDONLY); /* on purpose without O_CLOEXEC */

	put("bin/fds", "#!/bin/sh\nexec ls /proc/self/fd\n", 0755);
	ok(fd >= 3);
	is_str(output_of("fds", (struct pf_str){0}), "0\n1\n2\n3\n");
	close(fd);
}

static void the_slow_and_what_they_started_are_killed(void)
{
	int64_t before = pf_clock_mono_ms();

	ok(pf_conf_set(&conf, PF_STR("sieve_limits"), PF_STR("program=1s"),
		       NULL));
	put("bin/slow", "#!/bin/sh\nsleep 60 &\necho $! > $HOME/child\nwait\n",
	    0755);
	is_int(run("slow", PF_STR(""), -1, NULL, 0), SIEVE_PROGRAM_FAILED);
	ok(pf_clock_mono_ms() - before < 10000);
	long child = strtol(get(at("ann/child")), NULL, 10);
	ok(child > 0);
	/* it may be a zombie of init's for a moment */
	for (int i = 0; i < 500 && kill((pid_t)child, 0) == 0; i++) {
		char path[60];

		snprintf(path, sizeof path, "/proc/%ld/stat", child);
		const char *stat = get(path);
		if (strstr(stat, ") Z ") || !*stat)
			break;
		usleep(10000);
		tap_check(i < 499, "the child of the program lives");
	}
	put("bin/deaf", "#!/bin/sh\nexec sleep 60\n", 0755);
	struct pf_buf big = PF_BUF_INIT(1 << 20);
	memset(pf_buf_reserve(&big, 1 << 20), 'x', 1 << 20);
	pf_buf_commit(&big, 1 << 20);
	is_int(run("deaf", pf_buf_str(&big), -1, NULL, 0),
	       SIEVE_PROGRAM_FAILED);
	pf_buf_release(&big);
	ok(pf_conf_set(&conf, PF_STR("sieve_limits"), PF_STR("program=10s"),
		       NULL));
}

static void who_writes_without_end_is_stopped(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);
	int64_t max = conf.message_size_max;
	struct stat st;

	conf.message_size_max = 100000;
	put("bin/yes", "#!/bin/sh\nexec yes\n", 0755);
	is_int(run("yes", PF_STR(""), fd, NULL, 0), SIEVE_PROGRAM_FAILED);
	ok(fstat(fd, &st) == 0 && st.st_size <= 100000);
	close(fd);
	conf.message_size_max = max;
}

/* More than the pipes hold, both ways at once */
static void large_messages_pass(void)
{
	struct pf_buf big = PF_BUF_INIT(4 << 20);
	int fd = memfd_create("output", MFD_CLOEXEC);
	struct stat st;

	for (int i = 0; i < 40000; i++)
		pf_buf_addf(&big, "line %06d of a large message\n", i);
	is_int(run("cat", pf_buf_str(&big), fd, NULL, 0), 0);
	ok(fstat(fd, &st) == 0 && (size_t)st.st_size == big.len);
	close(fd);
	pf_buf_release(&big);
}

/* ---- in a delivery ---- */

static void deliver(const char *script)
{
	const struct mda_envelope envelope = {.from = PF_STR("a@b.test"),
					      .lhlo = PF_STR("mx.test"),
					      .peer = PF_STR("unix"),
					      .protocol = "LMTP"};
	struct mda_rcpt *rcpts = calloc(1, sizeof *rcpts);

	if (!rcpts)
		abort();
	put("ann/.dovecot.sieve", script, 0600);
	rcpts->address = pf_str_dup(PF_STR("ann@ex.test"));
	rcpts->id.user = pf_str_dup(pf_str_c(user.user));
	rcpts->id.home = pf_str_dup(pf_str_c(user.home));
	rcpts->id.mail = pf_str_dup(pf_str_c(user.mail));
	struct mda_message *message =
	    mda_message_new(filter, &envelope, rcpts, 1);
	while (mda_message_add(message, PF_STR("Subject: x\r\n\r\nbody\r\n")))
		mda_message_spill(message);
	mda_message_deliver(message);
	is_int(message->rcpts[0].status, PF_OK);
	mda_message_free(&message);
}

/* How many are there; their text is in `text`. */
static int inbox(void)
{
	DIR *dir = opendir(at("ann/Maildir/new"));
	int n = 0;

	pf_buf_clear(&text);
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		ok(pf_fs_read(dirfd(dir), e->d_name, &text, NULL) == PF_OK);
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
	return n;
}

static void a_pipe_takes_the_message(void)
{
	put("bin/save", "#!/bin/sh\ncat > $HOME/saved\n", 0755);
	put("bin/fail", "#!/bin/sh\ncat > /dev/null\nexit 1\n", 0755);
	put("bin/deaf", "#!/bin/sh\nexit 0\n", 0755);
	deliver("require \"vnd.dovecot.pipe\"; pipe \"save\";");
	is_int(inbox(), 0);
	const char *saved = get(at("ann/saved"));
	ok(strncmp(saved, "Return-Path: <a@b.test>\r\n", 25) == 0);
	ok(strstr(saved, "\r\nSubject: x\r\n\r\nbody\r\n") != NULL);
	deliver(
	    "require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy \"save\";");
	is_int(inbox(), 1);
}

static void a_pipe_that_fails_leaves_it_to_us(void)
{
	deliver("require \"vnd.dovecot.pipe\"; pipe \"fail\";");
	is_int(inbox(), 1);
	deliver("require \"vnd.dovecot.pipe\"; pipe :try \"fail\";");
	is_int(inbox(), 1);
	deliver("require \"vnd.dovecot.pipe\"; pipe :try \"unknown\";");
	is_int(inbox(), 1);
}

static void a_filter_changes_the_message(void)
{
	put("bin/mark", "#!/bin/sh\necho \"X-Seen-By: $USER\"\nexec cat\n",
	    0755);
	deliver("require [\"vnd.dovecot.filter\", \"fileinto\"];\n"
		"filter \"mark\"; if exists \"x-seen-by\" { keep; } else { "
		"discard; }");
	is_int(inbox(), 1);
	ok(strncmp(text.data, "X-Seen-By: ann\nReturn-Path: ", 27) == 0);
	ok(strstr(text.data, "\nSubject: x\n\nbody\n") != NULL);
	deliver("require \"vnd.dovecot.filter\"; filter \"fail\";");
	is_int(inbox(), 1);
	ok(strncmp(text.data, "Return-Path: ", 13) == 0);
}

static void execute_answers(void)
{
	put("bin/upper", "#!/bin/sh\nexec tr a-z A-Z\n", 0755);
	deliver("require [\"vnd.dovecot.execute\", \"variables\", "
		"\"editheader\"];\n"
		"if execute :input \"abc\" :output \"x\" \"upper\" "
		"{ addheader \"X-Up\" \"${x}\"; }\n"
		"if not execute \"fail\" { addheader \"X-Fail\" \"yes\"; }");
	is_int(inbox(), 1);
	ok(strncmp(text.data, "X-Fail: yes\nX-Up: ABC\n", 22) == 0);
}

static void reports_are_sent(void)
{
	put("sendmail",
	    "#!/bin/sh\necho \"$*\" > $(dirname $0)/sent\n"
	    "cat >> $(dirname $0)/sent\n",
	    0755);
	deliver("require \"vnd.dovecot.report\";\n"
		"report \"abuse\" \"look\" \"abuse@b.test\";\n"
		"report \"abuse\" \"to himself\" \"ann@ex.test\";");
	is_int(inbox(), 1);
	const char *sent = get(at("sent"));
	ok(strstr(sent, "-f <> -- abuse@b.test\n") != NULL);
	ok(strstr(sent, "\nSubject: Report: x\n") != NULL);
	ok(strstr(sent, "\nAuto-Submitted: auto-generated\n") != NULL);
	ok(strstr(sent, "\n\nVersion: 1\nFeedback-Type: abuse\n"
			"User-Agent: penfold\n"
			"Original-Mail-From: <a@b.test>\n") != NULL);
	ok(strstr(sent, "\nContent-Type: message/rfc822\n\nReturn-Path: ") !=
	   NULL);
	ok(strstr(sent, "\nSubject: x\n\nbody\n\n--") != NULL);
	deliver("require \"vnd.dovecot.report\";\n"
		"report :headers_only \"abuse\" \"look\" \"abuse@b.test\";");
	sent = get(at("sent"));
	ok(strstr(sent, "\nContent-Type: text/rfc822-headers\n\n") != NULL);
	ok(strstr(sent, "body") == NULL);
}

int main(void)
{
	char setting[1200];
	struct pf_error err;

	if (!mkdtemp(top) || mkdir(at("bin"), 0755) || mkdir(at("ann"), 0700))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	pf_log_init("test", PF_LOG_ERROR);
	pf_buf_init(&text, 8 << 20);
	pf_conf_init(&conf);
	snprintf(setting, sizeof setting,
		 "hostname = mx.ex.test\nrun_dir = %s\nstate_dir = %s/state\n"
		 "sendmail_path = %s/sendmail\nindex_enabled = no\n"
		 "sieve_programs = pipe=%s/bin filter=%s/bin execute=%s/bin\n",
		 top, top, top, top, top, top);
	pf_conf_parse(&conf, pf_str_c(setting), NULL);
	if (filter_new(&conf, &filter, &err) != PF_OK)
		return 1;
	user.user = pf_str_dup(PF_STR("ann"));
	user.home = pf_str_dup(pf_str_c(at("ann")));
	user.mail = pf_str_dup(pf_str_c(at("ann/Maildir")));
	they_know_for_whom();
	lines_end_as_in_mail();
	arguments_are_passed_as_they_are();
	only_what_the_site_has_is_run();
	no_descriptor_of_ours_is_theirs();
	the_slow_and_what_they_started_are_killed();
	who_writes_without_end_is_stopped();
	large_messages_pass();
	a_pipe_takes_the_message();
	a_pipe_that_fails_leaves_it_to_us();
	a_filter_changes_the_message();
	execute_answers();
	reports_are_sent();
	filter_free(&filter);
	auth_identity_release(&user);
	pf_conf_release(&conf);
	pf_buf_release(&text);
	if (pf_fs_remove_tree(AT_FDCWD, top, NULL) != PF_OK)
		return 1;
	return tap_done();
}
