/*
 * Scripts over stored messages (filter/apply.c): after IMAP events (RFC 6785)
 * and by FILTER.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/log.h"
#include "filter/filter.h"
#include "tests/tap.h"

static char top[] = "/tmp/penfold-apply-XXXXXX";
static struct pf_conf conf;
static struct filter *filter;
static struct auth_identity user;
static struct store *store;
static struct store_box *box;
static uint32_t uid; /* of the message */
static struct filter_applied done;

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

/* A new message in INBOX, flagged, with a keyword */
static void begin(void)
{
	static const char text[] =
	    "Return-Path: <s@b.test>\nDelivered-To: ann@ex.test\n"
	    "From: Ann <a@b.test>\nSubject: hello\n\nbody\n";
	const struct pf_str keywords[] = {PF_STR("$Old")};
	const struct store_deliver how = {
	    .flags = STORE_FLAGGED, .keywords = keywords, .keyword_count = 1};
	struct store_draft *draft;
	uint32_t validity;
	int fd;

	if (store_draft_new(store, &draft, NULL) != PF_OK ||
	    store_draft_write(draft, text, sizeof text - 1, NULL) != PF_OK ||
	    store_draft_finish(draft, &fd, NULL) != PF_OK ||
	    store_deliver(store, PF_STR("INBOX"), draft, &how, &validity, &uid,
			  NULL, NULL) != PF_OK)
		abort();
	store_draft_free(&draft);
	if (store_box_sync(box, true, NULL) != PF_OK)
		abort();
}

static void run(const char *text, const struct filter_event *event,
		unsigned offers)
{
	struct sieve_limits limits = sieve_default_limits;
	struct sieve_problems problems = {0};
	struct filter_script script = {.refs = 1,
				       .path = (char *)(uintptr_t) "x"};
	struct pf_error err = {0};

	limits.offers = offers;
	begin();
	pf_status status = sieve_compile(pf_str_c(text), &limits,
					 &script.script, &problems, &err);
	tap_check(status == PF_OK, "%s", err.log);
	const struct filter_chain chain = {
	    .links = {{FILTER_PERSONAL, &script}}, .n = 1};
	if (status == PF_OK)
		status = filter_apply(filter, &user, &chain, box, uid, event,
				      &done, &err);
	tap_check(status == PF_OK, "%s", err.log);
	sieve_script_free(&script.script);
	pf_vec_release(&problems);
}

static const struct filter_event copied = {.cause = {"COPY", 4},
					   .user = {"ann", 3},
					   .email = {"ann@ex.test", 11},
					   .mailbox = {"INBOX", 5},
					   .from = {"Junk", 4},
					   .to = {"INBOX", 5},
					   .changed = {"", 0},
					   .transient = true};
static const struct filter_event asked = {
    .user = {"ann", 3}, .email = {"ann@ex.test", 11}, .mailbox = {"INBOX", 5}};

static void after_event(const char *text)
{
	run(text, &copied, SIEVE_OFFER_IMAP | SIEVE_ONLY_IMAP);
}

static void by_filter(const char *text)
{
	run(text, &asked, 0);
}

static bool deleted(void)
{
	if (store_box_sync(box, true, NULL) != PF_OK)
		abort();
	const struct store_msg *msg = store_box_find(box, uid);

	return msg && (msg->flags & STORE_DELETED);
}

static const char *flags(struct store_box *of, uint32_t which)
{
	static struct pf_buf text;
	const struct store_msg *msg = store_box_find(of, which);

	pf_buf_release(&text);
	pf_buf_init(&text, 1000);
	if (msg)
		filter_flag_names(of, msg->flags, msg->keywords, &text);
	return text.data;
}

/* Messages in a mailbox; the flags of the last one. */
static uint32_t count(const char *name, char last[200])
{
	struct store_box *other = NULL;
	struct store_box_info info = {0};

	if (store_box_open(store, pf_str_c(name), &other, NULL) != PF_OK)
		return 0;
	store_box_info(other, &info);
	if (last && info.messages > 0)
		snprintf(
		    last, 200, "%s",
		    flags(other, store_box_at(other, info.messages - 1)->uid));
	store_box_close(&other);
	return info.messages;
}

static void keep_leaves_it(void)
{
	after_event("require \"imapsieve\"; keep;");
	ok(!done.changed && !done.failed && !deleted());
	after_event("require \"imapsieve\";");
	ok(!done.changed && !deleted());
	is_str(flags(box, uid), "\\Flagged $Old");
}

/* RFC 6785 3.8, 2.2.3 */
static void flags_are_those_that_are_there(void)
{
	after_event("require [\"imapsieve\", \"imap4flags\"];\n"
		    "if hasflag \"$Old\" { addflag \"\\\\Seen\"; }\n"
		    "removeflag \"\\\\Flagged\";");
	ok(done.changed && !deleted());
	is_str(flags(box, uid), "\\Seen $Old");
}

/* RFC 6785 3.3, 3.5, 2.2.4 */
static void what_does_not_keep_marks(void)
{
	char last[200] = "";

	after_event("require [\"imapsieve\", \"fileinto\", \"mailbox\"];\n"
		    "fileinto :create \"Filed\";");
	ok(deleted());
	is_int(count("Filed", last), 1);
	is_str(last, "\\Flagged $Old");
	after_event("require [\"imapsieve\", \"fileinto\", \"copy\", "
		    "\"imap4flags\"];\n"
		    "fileinto :copy :flags \"new\" \"Filed\";");
	ok(!deleted());
	is_int(count("Filed", last), 2);
	is_str(last, "new");
	after_event("require [\"imapsieve\"]; discard;");
	ok(deleted());
	after_event("require [\"imapsieve\"]; discard; keep;");
	ok(!deleted());
	/* where it is, is kept */
	after_event(
	    "require [\"imapsieve\", \"fileinto\"]; fileinto \"INBOX\";");
	ok(!deleted());
}

/* RFC 6785 3.1, 3.7, 3.9 */
static void changes_are_transient(void)
{
	uint32_t before;

	before = count("INBOX", NULL);
	after_event("require [\"imapsieve\", \"editheader\", \"replace\"];\n"
		    "addheader \"X-A\" \"1\"; replace \"x\"; keep;");
	ok(!deleted());
	is_int(count("INBOX", NULL), before + 1);
	after_event("require [\"imapsieve\", \"editheader\", \"fileinto\"];\n"
		    "addheader \"X-A\" \"1\"; fileinto \"Filed\";");
	ok(deleted());
	is_int(count("Filed", NULL), 3);
}

static void what_fails_keeps(void)
{
	after_event("require [\"imapsieve\", \"fileinto\"];\n"
		    "fileinto \"Nowhere\";");
	ok(done.failed && !deleted());
	ok(strncmp(done.problem, "line 2: ", 8) == 0);
	/* RFC 6785 4.6 */
	after_event("require [\"imapsieve\", \"envelope\"];\n"
		    "if envelope \"from\" \"x\" { discard; }\ndiscard;");
	ok(done.failed && !deleted());
	is_str(done.problem, "line 2: there is no envelope here");
}

/* RFC 6785 4 */
static void the_environment_tells_why(void)
{
	after_event("require [\"imapsieve\", \"environment\", "
		    "\"vnd.dovecot.imapsieve\"];\n"
		    "if allof(environment \"location\" \"MS\",\n"
		    " environment \"phase\" \"post\",\n"
		    " environment \"imap.user\" \"ann\",\n"
		    " environment \"imap.email\" \"ann@ex.test\",\n"
		    " environment \"imap.cause\" \"COPY\",\n"
		    " environment \"imap.mailbox\" \"INBOX\",\n"
		    " environment \"imap.changedflags\" \"\",\n"
		    " environment \"vnd.dovecot.mailbox-from\" \"Junk\",\n"
		    " environment \"vnd.dovecot.mailbox-to\" \"INBOX\")\n"
		    "{ discard; }");
	ok(deleted());
	by_filter("require [\"environment\"];\n"
		  "if allof(environment \"location\" \"MS\",\n"
		  " environment \"phase\" \"post\",\n"
		  " not environment \"imap.cause\" \"*\",\n"
		  " environment \"imap.user\" \"\") { discard; }");
	ok(deleted());
}

/* RFC 6785 3.4 */
static void redirects_come_from_the_owner(void)
{
	struct pf_buf sent = PF_BUF_INIT(65536);

	after_event("require [\"imapsieve\", \"copy\"];\n"
		    "redirect :copy \"c@d.test\";");
	ok(!done.failed && !deleted());
	ok(pf_fs_read(AT_FDCWD, at("sent"), &sent, NULL) == PF_OK);
	ok(strstr(sent.data, "-f ann@ex.test -- c@d.test\n") != NULL);
	ok(strstr(sent.data,
		  "\nX-Sieve-Redirected-From: ann@ex.test\n"
		  "From: Ann <a@b.test>\nSubject: hello\n\nbody\n") != NULL);
	after_event("require [\"imapsieve\"]; redirect \"c@d.test\";");
	ok(deleted());
	put("sendmail", "#!/bin/sh\nexit 75\n", 0755);
	after_event("require [\"imapsieve\"]; redirect \"c@d.test\";");
	ok(done.failed && !deleted());
	pf_buf_release(&sent);
}

static void pipes_take_it(void)
{
	put("bin/ok", "#!/bin/sh\ncat >/dev/null\n", 0755);
	put("bin/no", "#!/bin/sh\ncat >/dev/null\nexit 1\n", 0755);
	run("require [\"imapsieve\", \"vnd.dovecot.pipe\", \"copy\"];\n"
	    "pipe :copy \"ok\";",
	    &copied, SIEVE_OFFER_IMAP | SIEVE_PROGRAM_PIPE);
	ok(!done.failed && !deleted());
	run("require [\"vnd.dovecot.pipe\"]; pipe \"ok\";", &copied,
	    SIEVE_PROGRAM_PIPE);
	ok(!done.failed && deleted());
	run("require [\"vnd.dovecot.pipe\"]; pipe \"no\";", &copied,
	    SIEVE_PROGRAM_PIPE);
	ok(done.failed && !deleted());
	run("require [\"vnd.dovecot.pipe\"]; pipe :try \"no\";", &copied,
	    SIEVE_PROGRAM_PIPE);
	ok(!done.failed && !deleted());
}

/* draft-bosch-imap-filter-sieve 4.1, 4.10 */
static void filter_answers_nobody(void)
{
	uint32_t before = count("INBOX", NULL);

	by_filter("require [\"reject\"]; reject \"no\";");
	ok(!done.failed && !deleted());
	by_filter("require [\"vacation\"]; vacation \"away\";");
	ok(!done.failed && !deleted());
	by_filter("require [\"envelope\"];\n"
		  "if allof(envelope \"from\" \"s@b.test\", "
		  "envelope \"to\" \"ann@ex.test\") { discard; }");
	ok(deleted());
	is_int(count("INBOX", NULL), before + 3);
	/* a changed message is a new one */
	by_filter("require [\"editheader\"]; addheader \"X-A\" \"1\"; keep;");
	ok(deleted());
	char last[200] = "";
	is_int(count("INBOX", last), before + 5);
	is_str(last, "\\Flagged $Old");
}

int main(void)
{
	char setting[1200];
	struct pf_error err;

	if (!mkdtemp(top) || mkdir(at("bin"), 0755) || mkdir(at("ann"), 0700))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	pf_log_init("test", PF_LOG_ERROR);
	pf_conf_init(&conf);
	snprintf(setting, sizeof setting,
		 "hostname = mx.ex.test\nrun_dir = %s\nstate_dir = %s/state\n"
		 "sendmail_path = %s/sendmail\nindex_enabled = no\n"
		 "sieve_programs = pipe=%s/bin\n",
		 top, top, top, top);
	pf_conf_parse(&conf, pf_str_c(setting), NULL);
	put("sendmail",
	    "#!/bin/sh\necho \"$*\" > $(dirname $0)/sent\n"
	    "cat >> $(dirname $0)/sent\n",
	    0755);
	user.user = pf_str_dup(PF_STR("ann"));
	user.home = pf_str_dup(pf_str_c(at("ann")));
	user.mail = pf_str_dup(pf_str_c(at("ann/Maildir")));
	const struct store_conf store_conf = {
	    .root = user.mail, .separator = '.', .special_use = ""};
	if (filter_new(&conf, &filter, &err) != PF_OK ||
	    store_open(&store_conf, &store, &err) != PF_OK ||
	    store_box_open(store, PF_STR("INBOX"), &box, &err) != PF_OK)
		return 1;
	keep_leaves_it();
	flags_are_those_that_are_there();
	what_does_not_keep_marks();
	changes_are_transient();
	what_fails_keeps();
	the_environment_tells_why();
	redirects_come_from_the_owner();
	pipes_take_it();
	filter_answers_nobody();
	store_box_close(&box);
	store_close(&store);
	filter_free(&filter);
	auth_identity_release(&user);
	pf_conf_release(&conf);
	if (pf_fs_remove_tree(AT_FDCWD, top, NULL) != PF_OK)
		return 1;
	return tap_done();
}
