/* Delivery with the real store, in a directory of its own; the MTA is a shell
 * script that writes down what it is given. */
#include "mda/mda.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"
#include "tests/tap.h"

static char top[] = "/tmp/penfold-mda-XXXXXX";
static struct pf_conf conf;
static struct filter *filter;
static struct pf_buf text; /* the last thing read */

/* ---- files ---- */

__attribute__((format(printf, 1, 2))) static const char *at(const char *format,
							    ...)
{
	static char paths[4][600];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	va_list ap;
	int n = snprintf(path, 600, "%s/", top);

	va_start(ap, format);
	vsnprintf(path + n, 600 - (size_t)n, format, ap);
	va_end(ap);
	return path;
}

static void put(const char *path, const char *content, mode_t mode)
{
	if (pf_fs_replace(AT_FDCWD, path, pf_str_c(content), mode, false,
			  NULL) != PF_OK)
		abort();
}

static const char *get(const char *path)
{
	pf_buf_clear(&text);
	if (pf_fs_read(AT_FDCWD, path, &text, NULL) != PF_OK)
		return "";
	return text.data;
}

/* Messages in a folder ("" = INBOX) of a user; the name of the last. */
static int count(const char *user, const char *folder, char *name, size_t size)
{
	static const char *const parts[] = {"new", "cur"};
	int n = 0;

	for (int i = 0; i < 2; i++) {
		const char *path =
		    at("%s/Maildir/%s/%s", user, folder, parts[i]);
		DIR *dir = opendir(path);
		const struct dirent *e;

		while (dir && (e = readdir(dir))) {
			if (e->d_name[0] == '.')
				continue;
			n++;
			if (name)
				snprintf(name, size, "%s/%s", path, e->d_name);
		}
		if (dir)
			closedir(dir);
	}
	return n;
}

static const char *message_in(const char *user, const char *folder)
{
	char name[1200] = "";

	(void)count(user, folder, name, sizeof name);
	return get(name);
}

/* ---- users and mail ---- */

static void fill(struct mda_rcpt *rcpt, const char *user, const char *detail)
{
	char address[400];

	snprintf(address, sizeof address, "%s%s%s@ex.test", user,
		 detail ? "+" : "", detail ? detail : "");
	rcpt->address = pf_str_dup(pf_str_c(address));
	rcpt->id.user = pf_str_dup(pf_str_c(user));
	rcpt->id.home = pf_str_dup(pf_str_c(at("%s", user)));
	rcpt->id.mail = pf_str_dup(pf_str_c(at("%s/Maildir", user)));
	rcpt->id.detail = detail ? pf_str_dup(pf_str_c(detail)) : NULL;
}

static const char letter[] = "From: Ann <a@b.test>\r\nTo: u@ex.test\r\n"
			     "Subject: hello\r\nMessage-ID: <1@b.test>\r\n"
			     "\r\nbody\r\n";

/* Delivers `body` to "user[+detail] ..."; keeps the replies. */
static char replies[4][LMTP_REPLY_MAX];

static void send_to(const char *from, const char *to, struct pf_str body)
{
	const struct mda_envelope envelope = {.from = pf_str_c(from),
					      .lhlo = PF_STR("mx.test"),
					      .peer = PF_STR("unix"),
					      .queue = PF_STR("Q123"),
					      .protocol = "LMTP"};
	struct mda_rcpt *rcpts = calloc(4, sizeof *rcpts);
	struct pf_str rest = pf_str_c(to), word;
	struct mda_message *message;
	size_t n = 0;

	if (!rcpts)
		abort();
	while (pf_str_split(&rest, ' ', &word)) {
		ptrdiff_t plus = pf_str_chr(word, '+');
		char user[100], detail[200] = "";

		(void)pf_str_copy(plus < 0 ? word
					   : pf_str_head(word, (size_t)plus),
				  user, sizeof user);
		if (plus >= 0)
			(void)pf_str_copy(pf_str_from(word, (size_t)plus + 1),
					  detail, sizeof detail);
		fill(&rcpts[n++], user, plus < 0 ? NULL : detail);
	}
	message = mda_message_new(filter, &envelope, rcpts, n);
	while (body.n > 0) {
		struct pf_str piece = pf_str_head(body, 50000);

		if (mda_message_add(message, piece))
			mda_message_spill(message);
		body = pf_str_from(body, piece.n);
	}
	mda_message_deliver(message);
	for (size_t i = 0; i < n; i++)
		memcpy(replies[i], rcpts[i].reply, LMTP_REPLY_MAX);
	mda_message_free(&message);
}

static void send_letter(const char *to)
{
	send_to("a@b.test", to, pf_str_c(letter));
}

static void script(const char *user, const char *sieve)
{
	(void)mkdir(at("%s", user), 0700);
	put(at("%s/.dovecot.sieve", user), sieve, 0600);
}

static void mta(int exit_code)
{
	char program[700];

	snprintf(program, sizeof program,
		 "#!/bin/sh\n{ echo \"ARGS $*\"; cat; } >> %s/sent\nexit %d\n",
		 top, exit_code);
	put(at("sendmail"), program, 0700);
	(void)unlink(at("sent"));
}

static bool has(const char *haystack, const char *needle)
{
	if (strstr(haystack, needle))
		return true;
	printf("# %s\n# not found in: %s\n", needle, haystack);
	return false;
}

static struct pf_buf journal_text;

static bool journal_line(void *arg, const struct pf_journal_entry *e)
{
	(void)arg;
	pf_buf_clear(&journal_text);
	pf_buf_addf(&journal_text, "%.*s %.*s %.*s %.*s %.*s [%.*s] %llu",
		    (int)e->queue_id.n, e->queue_id.p, (int)e->sender.n,
		    e->sender.p, (int)e->recipient.n, e->recipient.p,
		    (int)e->user.n, e->user.p, (int)e->mailbox.n, e->mailbox.p,
		    (int)e->rule.n, e->rule.p, (unsigned long long)e->size);
	return false;
}

static const char *last_journal(void)
{
	pf_buf_clear(&journal_text);
	if (pf_journal_scan(conf.state_dir, PF_STR(""), journal_line, NULL,
			    NULL) != PF_OK)
		return "";
	return journal_text.data;
}

/* ---- the tests ---- */

static void one_recipient(void)
{
	const char *file;

	send_letter("ann");
	ok(has(replies[0], "250 2.0.0 <ann@ex.test> Saved to INBOX id="));
	is_int(count("ann", "", NULL, 0), 1);
	file = message_in("ann", "");
	ok(pf_str_starts(pf_str_c(file),
			 PF_STR("Return-Path: <a@b.test>\n"
				"Delivered-To: ann@ex.test\n"
				"Received: from mx.test (unix)\n"
				"\tby mx.ex.test (penfold) with LMTP id ")));
	ok(has(file, "(queue id Q123)\n\tfor <ann@ex.test>; "));
	ok(has(file, "+0000\nFrom: Ann <a@b.test>\nTo: u@ex.test\n"));
	ok(has(file, "\n\nbody\n"));
	is_str(last_journal(),
	       "Q123 a@b.test ann@ex.test ann INBOX [default] 85");
	ok(strstr(file, strstr(replies[0], "id=") + 3) != NULL);
}

static void many_recipients_share_a_file(void)
{
	char one[1200], two[1200];
	struct stat a, b;

	send_letter("bob cal+x bob+y");
	ok(has(replies[0], "<bob@ex.test> Saved to INBOX"));
	ok(has(replies[1], "<cal+x@ex.test> Saved to x"));
	ok(has(replies[2], "<bob+y@ex.test> Saved to y"));
	is_int(count("bob", "", one, sizeof one), 1);
	is_int(count("cal", ".x", two, sizeof two), 1);
	ok(stat(one, &a) == 0 && stat(two, &b) == 0 && a.st_ino == b.st_ino);
	is_int(a.st_nlink, 3);
	ok(!strstr(get(one), "Delivered-To"));
	ok(!strstr(text.data, "ex.test>"));
	/* nothing is left behind */
	ok(rmdir(at("bob/Maildir/tmp")) == 0);
}

static void copies_where_it_cannot_link(void)
{
	char there[] = "/dev/shm/penfold-mda-XXXXXX", path[200];
	struct stat a, b;

	if (stat(top, &a) < 0 || stat("/dev/shm", &b) < 0 ||
	    a.st_dev == b.st_dev || !mkdtemp(there)) {
		ok(true); /* no second file system here */
		return;
	}
	(void)mkdir(at("far"), 0700);
	snprintf(path, sizeof path, "%s/Maildir", there);
	ok(symlink(path, at("far/Maildir")) == 0);
	ok(mkdir(path, 0700) == 0);
	send_letter("dan far");
	ok(has(replies[0], "250 2.0.0"));
	ok(has(replies[1], "250 2.0.0"));
	is_int(count("far", "", NULL, 0), 1);
	ok(has(message_in("far", ""), "\n\nbody\n"));
	ok(pf_fs_remove_tree(AT_FDCWD, there, NULL) == PF_OK);
}

static void extensions_name_folders(void)
{
	static const char mlists[] = "# mine\n"
				     "ml-nanog nanog n@ex.test\n"
				     "ml-c \"Lists.C lang\" c@ex.test\n";
	char much[200];

	(void)mkdir(at("eve"), 0700);
	put(at("eve/.mlists"), mlists, 0600);
	send_letter("eve+ml-nanog");
	ok(has(replies[0], "Saved to nanog"));
	ok(has(last_journal(), "[mlists line 2]"));
	ok(has(get(at("eve/Maildir/subscriptions")), "nanog"));
	send_letter("eve+ml-c");
	ok(has(replies[0], "Saved to Lists.C lang"));
	send_letter("eve+shop");
	ok(has(last_journal(), "shop [site rule (extension"));
	send_letter("eve+inbox");
	is_int(count("eve", "", NULL, 0), 1);
	/* what cannot be a folder does not become one */
	send_letter("eve+..");
	ok(has(replies[0], "Saved to INBOX"));
	send_letter("eve+a/b");
	ok(has(replies[0], "250 2.0.0"));
	memset(much, 'x', 150);
	memcpy(much, "eve+", 4);
	much[150] = 0;
	send_letter(much);
	ok(has(replies[0], "Saved to INBOX"));

	free(conf.extension_folder);
	conf.extension_folder = pf_str_dup(PF_STR("existing"));
	send_letter("eve+shop");
	ok(has(replies[0], "Saved to shop"));
	send_letter("eve+new");
	ok(has(replies[0], "Saved to INBOX"));
	free(conf.extension_folder);
	conf.extension_folder = pf_str_dup(PF_STR("inbox"));
	send_letter("eve+shop");
	ok(has(replies[0], "Saved to INBOX"));
	free(conf.extension_folder);
	conf.extension_folder = pf_str_dup(PF_STR("create"));
}

static void scripts_file(void)
{
	char name[1200];

	script("fay", "require [\"fileinto\", \"imap4flags\", \"mailbox\"];\n"
		      "if header :contains \"delivered-to\" \"+s\" {\n"
		      "  fileinto :create :flags \"\\\\Seen\" \"Sieved\";\n"
		      "} elsif header :contains \"delivered-to\" \"+d\" {\n"
		      "  discard;\n"
		      "} elsif header :contains \"delivered-to\" \"+m\" {\n"
		      "  fileinto \"Missing\";\n"
		      "}\n");
	send_letter("fay+s");
	ok(has(replies[0], "Saved to Sieved"));
	ok(has(last_journal(), "Sieved [sieve line 3 (if line 2) #"));
	is_int(count("fay", ".Sieved", name, sizeof name), 1);
	ok(strstr(name, ":2,S") != NULL);
	send_letter("fay+d");
	ok(has(replies[0], "250 2.0.0 <fay+d@ex.test> Discarded"));
	ok(has(last_journal(), " [sieve line 5 (if line 4) #"));
	ok(has(last_journal(), ": discard]"));
	is_int(count("fay", "", NULL, 0), 0);
	send_letter("fay+m");
	ok(has(replies[0], "Saved to INBOX"));
	ok(has(last_journal(), ", but the folder"));
	/* the implicit keep follows the address; a shared file does not
	 * hide the recipient from the script */
	send_letter("fay+z fay+s");
	ok(has(replies[0], "Saved to z"));
	ok(has(replies[1], "Saved to Sieved"));
}

static bool any_message_has(const char *user, const char *needle)
{
	static const char *const parts[] = {"new", "cur"};
	bool found = false;

	for (int i = 0; i < 2; i++) {
		char folder[700];

		snprintf(folder, sizeof folder, "%s",
			 at("%s/Maildir/%s", user, parts[i]));
		DIR *dir = opendir(folder);
		const struct dirent *e;

		while (dir && !found && (e = readdir(dir))) {
			char path[1200];

			snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
			found = e->d_name[0] != '.' &&
				strstr(get(path), needle) != NULL;
		}
		if (dir)
			closedir(dir);
	}
	return found;
}

static void broken_scripts_lose_nothing(void)
{
	script("gus", "require [\"fileinto\"];\nif header {\n");
	send_letter("gus");
	ok(has(replies[0], "250 2.0.0"));
	is_int(count("gus", "", NULL, 0), 2); /* and a letter */
	send_letter("gus+x");
	ok(has(replies[0], "Saved to INBOX"));
	is_int(count("gus", "", NULL, 0), 3); /* not another one */
	script("gus", "broken again");
	send_letter("gus");
	is_int(count("gus", "", NULL, 0), 5);
	/* the letter names all faults, with places and hints */
	script("guy", "require \"fileintoo\";\nkep;\nredirect \"x\";\n");
	send_letter("guy");
	is_int(count("guy", "", NULL, 0), 2);
	ok(any_message_has("guy", "line 1, column 9: there is no extension "
				  "\"fileintoo\" here\n        (did you mean "
				  "fileinto?)\n    line 2, column 1: "));
	ok(any_message_has("guy", "    line 3, column 10: this is not an "
				  "address\n"));
	/* what fails with some mail only: one letter as well, and no loss */
	script("gil", "require [\"variables\", \"fileinto\"];\n"
		      "if header :matches \"subject\" \"*\" {\n"
		      "  fileinto \"a\"; fileinto \"${none}\"; }\n");
	send_letter("gil");
	send_letter("gil");
	ok(has(replies[0], "Saved to INBOX"));
	is_int(count("gil", "", NULL, 0), 3);
	is_int(count("gil", ".a", NULL, 0), 0);
	ok(any_message_has("gil", "    line 3: fileinto: this is no name of a "
				  "mailbox\n"));
}

static void redirects(void)
{
	const char *sent;

	script("hal", "require [\"copy\"];\nredirect \"far@away.test\";\n");
	mta(0);
	send_letter("hal");
	ok(has(replies[0], "Redirected id="));
	sent = get(at("sent"));
	ok(pf_str_starts(pf_str_c(sent),
			 PF_STR("ARGS -i -f a@b.test -- far@away.test\n"
				"X-Sieve-Redirected-From: hal@ex.test\n"
				"Received: from mx.test")));
	ok(has(sent, "\n\nbody\n"));
	ok(!strstr(sent, "Return-Path"));
	is_int(count("hal", "", NULL, 0), 0);
	ok(has(last_journal(), "[sieve line 2 #"));

	mta(0);
	send_to("", "hal", pf_str_c(letter));
	ok(has(get(at("sent")), "ARGS -i -f <> -- far@away.test\n"));

	mta(75); /* later: and nothing is stored before */
	send_letter("hal");
	ok(has(replies[0], "451 4.3.0 <hal@ex.test>"));
	is_int(count("hal", "", NULL, 0), 0);

	mta(67); /* never: the user keeps it */
	send_letter("hal");
	ok(has(replies[0], "Saved to INBOX"));
	is_int(count("hal", "", NULL, 0), 1);

	mta(0); /* our own redirect came back */
	send_to("a@b.test", "hal",
		PF_STR("X-Sieve-Redirected-From: HAL@ex.test\r\n\r\nx\r\n"));
	ok(has(replies[0], "Saved to INBOX"));
	is_str(get(at("sent")), "");

	(void)unlink(at("sendmail"));
	send_letter("hal");
	ok(has(replies[0], "451 4.3.0"));
}

static int64_t now_us = 1800000000000000;

static int64_t fake_clock(void)
{
	return now_us;
}

static void redirects_with_options(void)
{
	script("han", "require [\"redirect-dsn\"];\n"
		      "redirect :notify \"DELAY,FAILURE\" :ret \"HDRS\" "
		      "\"far@away.test\";\n");
	mta(0);
	send_letter("han");
	ok(has(get(at("sent")), "ARGS -i -f a@b.test -N FAILURE,DELAY -R HDRS "
				"-- far@away.test\n"));

	/* a program cannot be told of a deadline: what may be late goes, what
	 * is to be returned stays */
	script("han", "require [\"redirect-deliverby\"];\n"
		      "redirect :bytimerelative 60 \"far@away.test\";\n");
	mta(0);
	send_letter("han");
	ok(has(replies[0], "Redirected"));
	script("han", "require [\"redirect-deliverby\"];\n"
		      "redirect :bytimerelative 60 :bymode \"return\" "
		      "\"far@away.test\";\n");
	mta(0);
	send_letter("han");
	ok(has(replies[0], "Saved to INBOX"));
	is_str(get(at("sent")), "");
}

/* ---- an SMTP server that says yes to all, and writes down the commands ----
 */

struct smtp_server {
	int fd;
	const char *offers;
	pthread_t thread;
	struct pf_buf said;
};

static void *serve(void *arg)
{
	struct smtp_server *server = arg;
	int fd = accept(server->fd, NULL, NULL);
	FILE *in = fdopen(fd, "r");
	char line[3000];
	bool data = false;

	dprintf(fd, "220 hi\r\n");
	while (in && fgets(line, sizeof line, in)) {
		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		if (!data)
			pf_buf_add_c(&server->said, line);
		if (strncmp(line, "EHLO", 4) == 0)
			dprintf(fd, "250-mx.dsn.test\r\n%s250 OK\r\n",
				server->offers);
		else if (strncmp(line, "DATA", 4) == 0)
			dprintf(fd, "354 go\r\n");
		else
			dprintf(fd, "250 yes\r\n");
		data = strncmp(line, "DATA", 4) == 0;
	}
	if (in)
		fclose(in);
	return NULL;
}

static void server_start(struct smtp_server *server, const char *offers)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char host[300];

	snprintf(un.sun_path, sizeof un.sun_path, "%s/smtp", top);
	(void)unlink(un.sun_path);
	*server = (struct smtp_server){.offers = offers};
	pf_buf_init(&server->said, 1 << 20);
	server->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(bind(server->fd, (struct sockaddr *)&un, sizeof un) == 0 &&
	   listen(server->fd, 1) == 0);
	snprintf(host, sizeof host, "unix:%s", un.sun_path);
	free(conf.submission_host);
	conf.submission_host = pf_str_dup(pf_str_c(host));
	ok(pthread_create(&server->thread, NULL, serve, server) == 0);
}

/* What the client said; until the next server starts */
static const char *server_stop(struct smtp_server *server)
{
	pthread_join(server->thread, NULL);
	close(server->fd);
	free(conf.submission_host);
	conf.submission_host = pf_str_dup(PF_STR(""));
	pf_buf_clear(&text);
	pf_buf_add_str(&text, pf_buf_str(&server->said));
	pf_buf_release(&server->said);
	return text.data;
}

static void redirects_over_smtp(void)
{
	static const char sieve[] =
	    "require [\"redirect-dsn\", \"redirect-deliverby\"];\n"
	    "redirect :notify \"NEVER\" :ret \"full\" :bytimerelative 60 "
	    ":bytrace \"far@away.test\";\n";
	static const char strict[] =
	    "require [\"redirect-deliverby\"];\n"
	    "redirect :bytimerelative 60 :bymode \"return\" "
	    "\"far@away.test\";\n";
	struct smtp_server server;
	const char *said;

	pf_clock_set_source(fake_clock);
	script("hub", sieve);
	server_start(&server, "250-DSN\r\n250-DELIVERBY 10\r\n");
	send_letter("hub");
	said = server_stop(&server);
	ok(has(said, "\nMAIL FROM:<a@b.test> RET=FULL BY=60;NT\r\n"));
	ok(has(said, "\nRCPT TO:<far@away.test> NOTIFY=NEVER\r\n"));

	/* a server that knows neither; its name is no offer */
	server_start(&server, "");
	send_letter("hub");
	said = server_stop(&server);
	ok(has(said, "\nMAIL FROM:<a@b.test>\r\n"));
	ok(has(said, "\nRCPT TO:<far@away.test>\r\n"));

	script("hub", strict);
	server_start(&server, "250-deliverby\r\n");
	send_letter("hub");
	ok(has(server_stop(&server), "MAIL FROM:<a@b.test> BY=60;R\r\n"));
	server_start(&server, "");
	send_letter("hub");
	ok(has(replies[0], "Saved to INBOX"));
	ok(!strstr(server_stop(&server), "MAIL"));
	pf_clock_set_source(NULL);
}

static void refusals(void)
{
	const char *sent;

	script("ida", "require [\"reject\"];\nreject \"not h\xc3\xa4re\";\n");
	mta(0);
	send_letter("ida");
	ok(has(replies[0], "250 2.0.0 <ida@ex.test> Refused"));
	sent = get(at("sent"));
	ok(pf_str_starts(pf_str_c(sent), PF_STR("ARGS -i -f <> -- a@b.test\n"
						"From: postmaster@mx.ex.test\n"
						"To: a@b.test\n")));
	ok(has(sent, "Auto-Submitted: auto-replied\n"));
	ok(has(sent, "In-Reply-To: <1@b.test>\n"));
	ok(has(sent, "\nThe reason given is:\n\nnot h=C3=A4re\n"));
	ok(!strchr(sent, '\r'));
	ok(has(sent, "Final-Recipient: rfc822; ida@ex.test\n"));
	ok(has(sent, "Disposition: automatic-action/MDN-sent-automatically; "
		     "deleted\n"));
	ok(has(sent, "text/rfc822-headers\n\nFrom: Ann <a@b.test>\n"));
	is_int(count("ida", "", NULL, 0), 0);

	mta(0);
	send_to("", "ida", pf_str_c(letter)); /* nobody to tell */
	ok(has(replies[0], "250 2.0.0"));
	is_str(get(at("sent")), "");
}

static void refusals_by_reply(void)
{
	script("ian",
	       "require [\"ereject\"];\nereject text:\n"
	       "No mail from you.\n..\nAnd none of your birdseed, either!\n"
	       ".\n;\n");
	mta(0);
	send_letter("ian ann");
	is_str(replies[0], "550-5.7.1 No mail from you.\r\n550-5.7.1 .\r\n"
			   "550 5.7.1 And none of your birdseed, either!");
	ok(has(replies[1], "250 2.0.0 <ann@ex.test> Saved to INBOX"));
	is_str(get(at("sent")), "");
	is_int(count("ian", "", NULL, 0), 0);
	send_letter("ian");
	ok(has(last_journal(), ": ereject]"));

	/* a reply is ASCII (RFC 5429 2.1.1) */
	script("ian", "require \"ereject\";\nereject \"not h\xc3\xa4re\";\n");
	send_letter("ian");
	is_str(replies[0], "550 5.7.1 The recipient's mail filter refuses "
			   "this message");
	script("ian", "require \"ereject\";\nereject \"\";\n");
	send_letter("ian");
	ok(has(replies[0], "550 5.7.1 The recipient's"));
}

static void refusals_are_lines_of_smtp(void)
{
	char reply[LMTP_REPLY_MAX], much[5000];
	struct pf_str rest, line;
	size_t lines = 0;

	for (size_t i = 0; i < sizeof much; i++)
		much[i] = i % 7 ? 'x' : i % 700 ? ' ' : '\n';
	mda_reply_refusal(reply, pf_str_mem(much, sizeof much));
	rest = pf_str_c(reply);
	while (pf_str_split(&rest, '\n', &line)) {
		ok(line.n < 512);
		ok(pf_str_starts(line, rest.n ? PF_STR("550-5.7.1 ")
					      : PF_STR("550 5.7.1 ")));
		lines++;
	}
	ok(lines > 1);
	memset(much, 'x', sizeof much);
	mda_reply_refusal(reply, pf_str_mem(much, sizeof much));
	ok(strlen(reply) < LMTP_REPLY_MAX && strlen(reply) > 800);
	mda_reply_refusal(reply, PF_STR("a\r\n\r\nb\tc\r\n"));
	is_str(reply, "550-5.7.1 a\r\n550-5.7.1 \r\n550 5.7.1 b c");
}

static void vacation(void)
{
	const char *sent;

	pf_clock_set_source(fake_clock);
	script("jan", "require [\"vacation\"];\n"
		      "vacation :days 2 :addresses \"u@ex.test\" "
		      "\"I am away.\";\n");
	mta(0);
	send_letter("jan");
	ok(has(replies[0], "Saved to INBOX"));
	sent = get(at("sent"));
	ok(pf_str_starts(pf_str_c(sent), PF_STR("ARGS -i -f <> -N NEVER -- "
						"a@b.test\n"
						"From: jan@ex.test\n"
						"To: a@b.test\n"
						"Subject: Auto: hello\n"
						"In-Reply-To: <1@b.test>\n"
						"References: <1@b.test>\n"
						"Message-ID: <")));
	ok(has(sent, "\nDate: Fri, 15 Jan 2027 08:00:00 +0000\n"
		     "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"));
	ok(has(sent, "\n\nI am away.\n"));
	mta(0);
	now_us += (int64_t)47 * 3600 * 1000000;
	send_letter("jan");
	is_str(get(at("sent")), "");
	is_int(count("jan", "", NULL, 0), 2);
	send_to("other@b.test", "jan", pf_str_c(letter));
	ok(has(get(at("sent")), "-- other@b.test\n"));
	mta(0);
	now_us += (int64_t)2 * 3600 * 1000000;
	send_letter("jan");
	ok(has(get(at("sent")), "-- a@b.test\n"));
	/* the memory names nobody */
	ok(!strstr(get(at("jan/.penfold-vacation")), "b.test"));
	is_int(text.len, 3 * (10 + 1 + 32 + 1));
	pf_clock_set_source(NULL);
}

static void scripts_ask_lists_and_annotations(void)
{
	const struct store_metadata notes[] = {
	    {PF_STR("/private/comment"), PF_STR("on")}};
	struct mda_rcpt rcpt = {0};
	struct store *store;
	struct store_box_info info;
	struct pf_error err;
	uint32_t recent;
	char sieve[1000];

	/* lists: the user's own before the site's, and only those */
	(void)mkdir(at("lea"), 0700);
	(void)mkdir(at("lea/sieve"), 0700);
	(void)mkdir(at("lea/sieve/lists"), 0700);
	(void)mkdir(at("global"), 0700);
	(void)mkdir(at("global/lists"), 0700);
	put(at("lea/sieve/lists/addrbook:default"), "Ann <A@B.test>\n", 0600);
	put(at("lea/sieve/lists/tag:x,2026:both"), "mine\n", 0600);
	put(at("global/lists/tag:x,2026:both"), "hello\n", 0600);
	put(at("global/lists/tag:x,2026:site"), "hello\n", 0600);
	put(at("lea/secret"), "hello\n", 0600);
	free(conf.sieve_global);
	conf.sieve_global = pf_str_dup(pf_str_c(at("global")));
	script("lea",
	       "require [\"extlists\", \"fileinto\", \"mailbox\"];\n"
	       "if header :list \"subject\" \"tag:x,2026:both\" { discard; }\n"
	       "if valid_ext_list \"tag:../../secret\" { discard; }\n"
	       "if allof (address :list \"from\" \":addrbook:default\",\n"
	       "  header :list \"subject\" \"tag:x,2026:site\") {\n"
	       "  fileinto :create \"Known\";\n}\n");
	send_letter("lea");
	ok(has(replies[0], "Saved to Known"));

	/* annotations and ids of mailboxes */
	fill(&rcpt, "lea", NULL);
	ok(mda_store_open(filter, &rcpt.id, &store, &err) == PF_OK);
	ok(store_metadata_set(store, PF_STR("Known"), NULL, notes, 1, &err) ==
	   PF_OK);
	ok(store_metadata_set(store, PF_STR(""), NULL, notes, 1, &err) ==
	   PF_OK);
	ok(store_status(store, PF_STR("Known"), &info, &recent, &err) == PF_OK);
	store_close(&store);
	mda_rcpt_release(&rcpt);
	snprintf(sieve, sizeof sieve,
		 "require [\"mailboxid\", \"fileinto\", \"mboxmetadata\", "
		 "\"servermetadata\"];\n"
		 "if allof (metadata \"Known\" \"/private/comment\" \"ON\",\n"
		 "  servermetadata \"/private/comment\" \"on\",\n"
		 "  not metadataexists \"INBOX\" \"/private/comment\",\n"
		 "  not servermetadataexists \"/private/other\",\n"
		 "  not mailboxidexists \"F0\") {\n"
		 "  fileinto :mailboxid \"F%s\" \"Elsewhere\";\n}\n",
		 info.guid);
	script("lea", sieve);
	send_letter("lea");
	ok(has(replies[0], "Saved to Known"));
	free(conf.sieve_global);
	conf.sieve_global = pf_str_dup(PF_STR(""));
}

/* Who is away is not asked for his name in ASCII. */
static void vacation_writes_fields(void)
{
	static const char bare[] = "To: uli@ex.test\r\n\r\nno subject\r\n";
	const char *sent;

	script("uli", "require \"vacation\";\n"
		      "vacation :from \"\\\"J\xc3\xbcrgen \\\\\\\"X\\\\\\\" "
		      "M\\\" <uli@ex.test>\" \"away\";\n");
	mta(0);
	send_to("a@b.test", "uli", pf_str_c(bare));
	sent = get(at("sent"));
	ok(has(sent, "\nFrom: =?UTF-8?B?SsO8cmdlbg==?= X M\n"
		     "\t<uli@ex.test>\n"));
	ok(has(sent, "\nSubject: Automated reply\n"));

	/* addresses that the site knows of */
	script("uwe", "require \"vacation\";\nvacation \"away\";\n");
	mta(0);
	send_letter("uwe");
	is_str(get(at("sent")), "");
	free(conf.user_addresses);
	conf.user_addresses = pf_str_dup(PF_STR("%u %n@away.test u@ex.test"));
	send_letter("uwe");
	ok(has(get(at("sent")), "away\n"));
	free(conf.user_addresses);
	conf.user_addresses = pf_str_dup(PF_STR("%u"));
}

static void notices(void)
{
	const char *sent;

	script("nat", "require [\"enotify\", \"fcc\"];\n"
		      "notify :fcc \"Sent\" :from \"NAT@ex.test\" :importance "
		      "\"1\" \"mailto:n@sms.test?cc=m@sms.test&x-a=%0d%0aB:c\";"
		      "\n");
	mta(0);
	send_letter("nat");
	ok(has(replies[0], "Saved to INBOX"));
	sent = get(at("sent"));
	ok(pf_str_starts(pf_str_c(sent),
			 PF_STR("ARGS -i -f NAT@ex.test -- n@sms.test\n"
				"From: NAT@ex.test\nTo: n@sms.test\n"
				"Cc: m@sms.test\nSubject: hello\n"
				"In-Reply-To: <1@b.test>\n"
				"References: <1@b.test>\n"
				"X-a:   B:c\n"
				"X-Priority: 1\nImportance: High\n"
				"Message-ID: <")));
	ok(has(sent, "\nAuto-Submitted: auto-notified; "
		     "owner-email=\"nat@ex.test\"\n"));
	ok(has(sent, "\nARGS -i -f NAT@ex.test -- m@sms.test\n"));
	is_int(count("nat", ".Sent", NULL, 0), 0); /* it is not there */
	is_int(count("nat", "", NULL, 0), 1);

	/* a sender of elsewhere is not believed; who is nobody stays nobody */
	script("nat",
	       "require \"enotify\";\nnotify :from \"x@away.test\" "
	       ":message \"Gr\xc3\xbc\xc3\x9f\" \"mailto:n@sms.test\";\n");
	mta(0);
	send_to("", "nat", pf_str_c(letter));
	sent = get(at("sent"));
	ok(has(sent, "ARGS -i -f <> -- n@sms.test\nFrom: nat@ex.test\n"));
	ok(has(sent, "\nSubject: =?UTF-8?"));

	/* a letter that cannot be sent changes nothing */
	mta(75);
	send_letter("nat");
	ok(has(replies[0], "Saved to INBOX"));
	is_int(count("nat", "", NULL, 0), 3);
}

static void vacation_memory_is_bounded(void)
{
	struct pf_buf many = PF_BUF_INIT(1 << 20);
	struct auth_identity id = {0};
	struct stat st;

	pf_clock_set_source(fake_clock);
	for (int i = 0; i < 6500; i++)
		pf_buf_addf(&many, "%lld %032x\n",
			    (long long)(now_us / 1000000 - 60), i);
	(void)mkdir(at("kim"), 0700);
	put(at("kim/.penfold-vacation"), many.data, 0600);
	id.home = pf_str_dup(pf_str_c(at("kim")));
	ok(filter_vacation_due(&id, PF_STR("h"), PF_STR("a@b"), 3600));
	ok(!filter_vacation_due(&id, PF_STR("h"), PF_STR("A@B"), 3600));
	ok(filter_vacation_due(&id, PF_STR("g"), PF_STR("a@b"), 3600));
	ok(stat(at("kim/.penfold-vacation"), &st) == 0 &&
	   st.st_size < 160 * 1024);
	free(id.home);
	pf_buf_release(&many);
	pf_clock_set_source(NULL);
}

static void scripts_ask_about_the_message(void)
{
	mta(0);
	script("ida", "require [\"body\", \"duplicate\", \"fileinto\", "
		      "\"mailbox\", \"special-use\", \"environment\"];\n"
		      "if duplicate { discard; stop; }\n"
		      "if allof (body :contains \"none\", environment "
		      "\"host\" \"x\") { stop; }\n"
		      "if body :raw :contains \"once\" { fileinto :create "
		      "\"Once\"; }\n");
	send_to("a@b.test", "ida",
		PF_STR("Message-ID: <1@a>\nSubject: x\n\nonly once\n"));
	is_int(count("ida", ".Once", NULL, 0), 1);
	send_to("a@b.test", "ida",
		PF_STR("Message-ID: <1@a>\nSubject: x\n\nonly once\n"));
	is_int(count("ida", ".Once", NULL, 0), 1);
	send_to("a@b.test", "ida",
		PF_STR("Message-ID: <2@a>\nSubject: x\n\nother\n"));
	is_int(count("ida", "", NULL, 0), 1);
	script("ida", "require [\"special-use\", \"fileinto\", \"mailbox\"];"
		      "fileinto :create \"Junk\"; if specialuse_exists "
		      "\"\\\\Junk\" { fileinto :specialuse "
		      "\"\\\\Junk\" \"None\"; }");
	send_letter("ida");
	send_letter("ida");
	is_int(count("ida", ".Junk", NULL, 0), 2);
	is_int(count("ida", ".None", NULL, 0), 0);
}

static void scripts_include_others(void)
{
	script("lea", "require \"include\";\ninclude \"a\";\n"
		      "include :optional \"b\";\n");
	(void)mkdir(at("lea/sieve"), 0700);
	put(at("lea/sieve/a.sieve"),
	    "require [\"fileinto\", \"mailbox\"];\n"
	    "fileinto :create \"One\";\n",
	    0600);
	send_letter("lea");
	is_int(count("lea", ".One", NULL, 0), 1);
	/* a changed part, and one that is new, count at once */
	put(at("lea/sieve/a.sieve"),
	    "require [\"fileinto\", \"mailbox\"];\n"
	    "fileinto :create \"Three\";\n",
	    0600);
	put(at("lea/sieve/b.sieve"),
	    "require [\"fileinto\", \"mailbox\"];\n"
	    "fileinto :create \"Two\";\n",
	    0600);
	send_letter("lea");
	is_int(count("lea", ".One", NULL, 0), 1);
	is_int(count("lea", ".Two", NULL, 0), 1);
	is_int(count("lea", ".Three", NULL, 0), 1);
}

static void set_list(char **setting, const char *value)
{
	free(*setting);
	*setting = pf_str_dup(pf_str_c(value));
}

/* As Pigeonhole's sieve_before, sieve_default, sieve_after */
static void the_site_has_scripts_too(void)
{
	(void)mkdir(at("before"), 0700);
	put(at("before/20-spam.sieve"),
	    "require [\"fileinto\", \"mailbox\"];\n"
	    "if header :contains \"subject\" \"spam\"\n"
	    "{ fileinto :create \"Junk\"; }\n",
	    0600);
	put(at("before/10-broken.sieve"), "fileinto;\n", 0600);
	put(at("before/ignored.txt"), "discard;\n", 0600);
	put(at("after.sieve"),
	    "require [\"fileinto\", \"mailbox\"];\n"
	    "fileinto :create \"After\";\n",
	    0600);
	put(at("default.sieve"),
	    "require [\"fileinto\", \"mailbox\"];\n"
	    "if header :is \"subject\" \"hello\"\n"
	    "{ fileinto :create \"Default\"; }\n",
	    0600);
	set_list(&conf.sieve_before, at("before"));
	set_list(&conf.sieve_after, at("after.sieve"));
	set_list(&conf.sieve_default, at("default.sieve"));
	send_letter("oda");
	is_int(count("oda", ".Default", NULL, 0), 1);
	ok(has(last_journal(), "[sieve_default line 3 (if line 2) #"));
	script("oda", "keep;\n");
	send_letter("oda");
	is_int(count("oda", ".After", NULL, 0), 1);
	ok(has(last_journal(), "[sieve_after after.sieve line 2 #"));
	send_to("a@b.test", "oda", PF_STR("Subject: spam\r\n\r\n"));
	is_int(count("oda", ".Junk", NULL, 0), 1);
	ok(has(last_journal(), "[sieve_before 20-spam.sieve line 3"));
	script("oda", "discard;\n");
	send_letter("oda");
	is_int(count("oda", ".After", NULL, 0), 1);
	set_list(&conf.sieve_before, "");
	set_list(&conf.sieve_after, "");
	set_list(&conf.sieve_default, "");
}

static void answers_are_copied(void)
{
	mta(0);
	script("nia", "require [\"vacation\", \"fcc\", \"mailbox\", "
		      "\"imap4flags\"];\n"
		      "vacation :fcc \"Sent\" :create :flags \"\\\\Seen\" "
		      ":addresses \"u@ex.test\" \"away\";\n");
	send_letter("nia");
	ok(has(get(at("sent")), "away"));
	is_int(count("nia", ".Sent", NULL, 0), 1);
	ok(has(message_in("nia", ".Sent"), "away"));
	send_letter("nia"); /* no answer, no copy */
	is_int(count("nia", ".Sent", NULL, 0), 1);
}

static void scripts_edit_the_header(void)
{
	const char *file;

	mta(0);
	script("mia", "require [\"editheader\", \"fileinto\", \"mailbox\", "
		      "\"copy\"];\n"
		      "fileinto :create \"Before\";\n"
		      "addheader \"X-Filed\" \"yes\";\n"
		      "deleteheader \"To\";\n"
		      "redirect :copy \"c@d.test\";\nkeep;\n");
	send_to("a@b.test", "mia",
		PF_STR("From: a@b.test\r\nTo: u@ex.test\r\n"
		       "Subject: x\r\n\r\nbody\r\nFrom: x\r\n"));
	file = message_in("mia", ".Before");
	ok(has(file, "\nTo: u@ex.test\nSubject: x\n\nbody\nFrom: x\n"));
	ok(!strstr(file, "X-Filed"));
	file = message_in("mia", "");
	ok(pf_str_starts(pf_str_c(file), PF_STR("X-Filed: yes\n"
						"Return-Path: <a@b.test>\n")));
	ok(has(file, "\nFrom: a@b.test\nSubject: x\n\nbody\nFrom: x\n"));
	file = get(at("sent"));
	ok(has(file, "X-Sieve-Redirected-From: mia@ex.test\nX-Filed: yes\n"
		     "Received: "));
	ok(has(file, "\nFrom: a@b.test\nSubject: x\n\nbody\n"));
	ok(!strstr(file, "Return-Path"));
	ok(!strstr(file, "Delivered-To"));
}

/* RFC 5703 5, 6 */
static void changed_messages_are_stored_so(void)
{
	const char *file;

	script("nan", "require [\"mime\", \"foreverypart\", \"replace\", "
		      "\"enclose\", \"fileinto\", \"mailbox\", \"copy\", "
		      "\"body\"];\n"
		      "foreverypart { if header :mime :subtype "
		      "\"content-type\" \"exe\" { replace \"gone\"; } }\n"
		      "fileinto :create \"Replaced\";\n"
		      "enclose :subject \"look\" \"see below\";\n"
		      "redirect :copy \"c@d.test\";\n"
		      "if body :contains \"see below\" { keep; }\n");
	send_to("a@b.test", "nan",
		PF_STR("Subject: x\r\nContent-Type: multipart/mixed; "
		       "boundary=b\r\n\r\n--b\r\n"
		       "Content-Type: application/exe\r\n\r\nMZ\r\n--b\r\n"
		       "\r\ntext\r\n--b--\r\n"));
	file = message_in("nan", ".Replaced");
	ok(has(file, "\nSubject: x\nContent-Type: multipart/mixed; "
		     "boundary=b\n\n--b\nContent-Type: text/plain; "
		     "charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n"
		     "gone\n\n--b\n\ntext\n--b--\n"));
	file = message_in("nan", "");
	ok(pf_str_starts(pf_str_c(file), PF_STR("Return-Path: <a@b.test>\n")));
	ok(has(file, "\nSubject: look\n"));
	ok(has(file, "\n\nsee below\n"));
	ok(has(file, "\nContent-Type: message/rfc822\n\nReturn-Path: "));
	ok(has(file, "\n\ngone\n\n--b\n\ntext\n--b--\n"));
	file = get(at("sent"));
	ok(has(file, "\nSubject: x\n"));
	ok(has(file, "\n\ngone\n\n--b\n\ntext\n--b--\n"));
	ok(!strstr(file, "see below"));
}

static void large_messages_go_through_a_file(void)
{
	struct pf_buf big = PF_BUF_INIT(4 << 20);
	const char *file;

	script("lea", "require [\"fileinto\", \"mailbox\"];\n"
		      "if header \"subject\" \"hello\" "
		      "{ fileinto :create \"big\"; }\n");
	pf_buf_add_c(&big, letter);
	for (int i = 0; i < 30000; i++)
		pf_buf_addf(&big, "line %d of a very long letter\r\n", i);
	send_to("a@b.test", "lea moe", pf_buf_str(&big));
	ok(has(replies[0], "Saved to big"));
	ok(has(replies[1], "Saved to INBOX"));
	file = message_in("lea", ".big");
	ok(has(file, "\nbody\nline 0 of a very long letter\nline 1 of"));
	ok(pf_str_ends(pf_buf_str(&text),
		       PF_STR("line 29999 of a very long letter\n")));
	is_int(text.len, big.len - 30000 - 6 +
			     (size_t)(strstr(file, "From: Ann") - file));
	/* and again, into a Maildir that is complete by now */
	send_to("a@b.test", "lea moe", pf_buf_str(&big));
	ok(has(replies[0], "Saved to big"));
	ok(has(replies[1], "Saved to INBOX"));
	pf_buf_release(&big);
}

static void one_bad_disk_is_not_anothers_fault(void)
{
	(void)mkdir(at("nob"), 0700);
	put(at("nob/Maildir"), "a file is in the way", 0600);
	send_letter("nob ola");
	ok(has(replies[0], "451 4.3.0 <nob@ex.test>"));
	ok(has(replies[1], "250 2.0.0 <ola@ex.test> Saved to INBOX"));
}

static void indexd_is_told(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char told[200];
	ssize_t n;

	snprintf(un.sun_path, sizeof un.sun_path, "%s/index.sock",
		 conf.run_dir);
	ok(bind(fd, (struct sockaddr *)&un, sizeof un) == 0);
	send_letter("pat+lists");
	n = recv(fd, told, sizeof told, MSG_DONTWAIT);
	is_mem(told, n < 0 ? 0 : (size_t)n, "pat\tlists");
	close(fd);
}

static void recent_recipients_are_copies(void)
{
	struct mda_recent *recent = mda_recent_new();
	struct mda_rcpt rcpt = {0};
	struct auth_identity got = {0};

	fill(&rcpt, "ann", "x");
	ok(!mda_recent_get(recent, PF_STR("ann+x@ex.test"), &got));
	mda_recent_put(recent, PF_STR("ann+x@ex.test"), &rcpt.id);
	mda_rcpt_release(&rcpt);
	ok(mda_recent_get(recent, PF_STR("ann+x@ex.test"), &got));
	is_str(got.user, "ann");
	is_str(got.detail, "x");
	ok(!mda_recent_get(recent, PF_STR("bob@ex.test"), &rcpt.id));
	auth_identity_release(&got);
	mda_recent_free(&recent);
}

static void ids_sort_and_never_repeat(void)
{
	char a[FILTER_ID_SIZE], b[FILTER_ID_SIZE];
	int sorted = 0;

	pf_clock_set_source(fake_clock); /* stands still */
	filter_id_make(a);
	for (int i = 0; i < 1000; i++) {
		filter_id_make(b);
		sorted += strcmp(a, b) < 0;
		memcpy(a, b, sizeof a);
	}
	is_int(sorted, 1000);
	is_int(strlen(a), 26);
	pf_clock_set_source(NULL);
}

static pf_status find_user(void *arg, struct pf_str name, struct pf_buf *user,
			   struct pf_buf *mail, struct pf_error *err)
{
	struct stat st;

	(void)arg;
	(void)err;
	pf_buf_add_str(user, name);
	pf_buf_addf(mail, "%s/%.*s/Maildir", top, (int)name.n, name.p);
	return stat(mail->data, &st) == 0 ? PF_OK : PF_NOTFOUND;
}

/* RFC 4314 2.1: "p" in somebody else's mailbox */
static void shared_folders_want_the_right_to_post(void)
{
	char acl[600]; /* for longer than at() keeps it */

	snprintf(acl, sizeof acl, "%s", at("sharer/Maildir/.Box/dovecot-acl"));
	set_list(&conf.namespaces, "shared:");
	filter->find_user = find_user;
	script("poster", "require [\"fileinto\",\"imap4flags\",\"mailbox\"];\n"
			 "if header :contains \"subject\" \"new\" { fileinto "
			 ":create \"shared.sharer.Box.Made\"; }\n"
			 "else { fileinto :flags [\"\\\\Seen\",\"\\\\Flagged\","
			 "\"kw\"] \"shared.sharer.Box\"; }\n");
	send_letter("sharer+Box"); /* makes it */
	is_int(count("sharer", ".Box", NULL, 0), 1);
	/* nothing known of it, then not enough, then enough */
	send_letter("poster");
	is_int(count("poster", "", NULL, 0), 1);
	put(acl, "user=poster lrswik\n", 0600);
	send_letter("poster");
	is_int(count("poster", "", NULL, 0), 2);
	is_int(count("sharer", ".Box", NULL, 0), 1);
	ok(has(last_journal(), "the folder is not usable"));
	put(acl, "user=poster ps\n", 0600);
	send_letter("poster");
	is_int(count("poster", "", NULL, 0), 2);
	is_int(count("sharer", ".Box", NULL, 0), 2);
	ok(has(last_journal(), "shared.sharer.Box"));
	/* only the flags that he may set */
	send_letter("sharer+Box");
	ok(access(at("sharer/Maildir/.Box/dovecot-keywords"), F_OK) != 0);
	/* made only with "k" above it */
	send_to("a@b.test", "poster",
		PF_STR("From: a@b.test\r\nSubject: new\r\n\r\nx\r\n"));
	is_int(count("poster", "", NULL, 0), 3);
	put(acl, "user=poster kp\n", 0600);
	send_to("a@b.test", "poster",
		PF_STR("From: a@b.test\r\nSubject: new\r\n\r\nx\r\n"));
	is_int(count("poster", "", NULL, 0), 3);
	is_int(count("sharer", ".Box.Made", NULL, 0), 1);
	script("poster", "require [\"fileinto\",\"mailbox\"];\n"
			 "if mailboxexists \"shared.sharer.Box\" { fileinto "
			 "\"shared.sharer.Box\"; }\n");
	send_letter("poster");
	is_int(count("sharer", ".Box", NULL, 0), 4);
	put(acl, "user=poster lr\n", 0600);
	send_letter("poster");
	is_int(count("sharer", ".Box", NULL, 0), 4);
	is_int(count("poster", "", NULL, 0), 4);
	/* a detail is the user's own folder, whatever it is called */
	send_letter("ann+shared.sharer.Box");
	is_int(count("ann", ".shared.sharer.Box", NULL, 0), 1);
	set_list(&conf.namespaces, "");
}

static void replies_are_safe_lines(void)
{
	char reply[LMTP_REPLY_MAX], much[400];

	mda_reply(reply, PF_OK, PF_STR("a@b"), "Saved to \xc3\xa4\r\nx");
	is_str(reply, "250 2.0.0 <a@b> Saved to ????x");
	memset(much, 'a', sizeof much);
	mda_reply(reply, PF_NOTFOUND, pf_str_mem(much, sizeof much), "No");
	ok(strlen(reply) < 512);
	ok(has(reply, "> No"));
	is_int(mda_exit_code(PF_OK), 0);
	is_int(mda_exit_code(PF_NOTFOUND), 67);
	is_int(mda_exit_code(PF_NOSPACE), 75);
}

int main(void)
{
	char setting[700];
	struct pf_error err;

	if (!mkdtemp(top))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	pf_log_init("test", PF_LOG_ERROR);
	pf_buf_init(&text, 8 << 20);
	pf_buf_init(&journal_text, 4096);
	pf_conf_init(&conf);
	snprintf(setting, sizeof setting,
		 "hostname = mx.ex.test\nrun_dir = %s\nstate_dir = %s/state\n"
		 "sendmail_path = %s/sendmail\n",
		 top, top, top);
	pf_conf_parse(&conf, pf_str_c(setting), NULL);
	if (filter_new(&conf, &filter, &err) != PF_OK)
		return 1;
	one_recipient();
	many_recipients_share_a_file();
	copies_where_it_cannot_link();
	extensions_name_folders();
	scripts_file();
	broken_scripts_lose_nothing();
	redirects();
	redirects_with_options();
	redirects_over_smtp();
	refusals();
	refusals_by_reply();
	refusals_are_lines_of_smtp();
	vacation();
	vacation_writes_fields();
	scripts_ask_lists_and_annotations();
	notices();
	vacation_memory_is_bounded();
	scripts_ask_about_the_message();
	scripts_include_others();
	answers_are_copied();
	the_site_has_scripts_too();
	scripts_edit_the_header();
	changed_messages_are_stored_so();
	large_messages_go_through_a_file();
	one_bad_disk_is_not_anothers_fault();
	indexd_is_told();
	recent_recipients_are_copies();
	ids_sort_and_never_repeat();
	shared_folders_want_the_right_to_post();
	replies_are_safe_lines();
	filter_free(&filter);
	pf_conf_release(&conf);
	pf_buf_release(&text);
	pf_buf_release(&journal_text);
	if (pf_fs_remove_tree(AT_FDCWD, top, NULL) != PF_OK)
		return 1;
	return tap_done();
}
