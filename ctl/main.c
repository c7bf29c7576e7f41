/*
 * penfold VERB ...: the table of verbs, the options that all share, help.
 */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#ifndef PACKAGE_VERSION
#include "config.h"
#endif

#define SITE_CONF PF_SYSCONFDIR "/penfold/penfold.conf"

struct verb {
	const char *name;
	int (*run)(struct ctl *ctl);
	const char *arguments, *summary, *help;
};

static int help(struct ctl *ctl);
static int version(struct ctl *ctl);

static const struct verb verbs[] = {
    {"run", ctl_run, "[--dir DIR [--base-port N]]",
     "start everything and look after it",
     "Starts penfold-authd, penfold-mda, penfold-indexd and penfold-imapd,\n"
     "restarts what dies, and stops it all on SIGTERM or SIGINT.\n\n"
     "With --dir everything lives below DIR and listens on 127.0.0.1: IMAP at\n"
     "N (default 10143), IMAPS at N+1, LMTP at N+2, ManageSieve at N+3.\n"
     "DIR/penfold.conf, DIR/users and a self-signed certificate are made if\n"
     "they are missing and never touched if they are there.  DIR/run/ready\n"
     "appears when everything answers.\n"},
    {"check", ctl_check, "[--store [--user USER] [--repair]]",
     "find every mistake in configuration, users and mail",
     "Reads the configuration, the user file and the certificate and prints\n"
     "all problems at once, each with file, line and what to do about it.\n\n"
     "With --store it looks at the mail instead, of one user or of all, while\n"
     "everything runs: files and what is known of them, lists that Dovecot\n"
     "reads, permissions, leftovers.  \"note\" is what heals by itself when\n"
     "the mailbox is opened.  --repair puts right what can be put right and\n"
     "tells what it did; files with mail are never removed or changed.\n"
     "Exit code: 0 no problem (left), 1 problems, 2 it could not look.\n"},
    {"user", ctl_user, "add|passwd|list|delete [NAME]",
     "manage the users of the user file",
     "penfold user add NAME      asks for a password (or reads one line from\n"
     "penfold user passwd NAME   standard input when that is no terminal)\n"
     "--weak takes a password that is easy to guess, too\n"
     "penfold user list\n"
     "penfold user delete NAME   the mail stays where it is\n"},
    {"device", ctl_device, "USER [add NAME | remove NAME | only yes|no]",
     "passwords of a user's single programs",
     "Without more: the devices and when each was last used.\n"
     "penfold device USER add NAME      makes a password and shows it once\n"
     "    [--protocols imap+sieve+smtp] [--nets ip/bits,...]\n"
     "penfold device USER remove NAME   at once, with its open sessions\n"
     "penfold device USER only yes|no   the user's own password lets nobody "
     "in\n"},
    {"acl", ctl_acl, "USER MAILBOX [get | set WHOM RIGHTS | delete WHOM]",
     "who may do what in a mailbox",
     "MAILBOX is named as USER sees it.  WHOM is a user's name, anyone,\n"
     "authenticated or owner; with a minus in front rights are taken away.\n"
     "RIGHTS are letters of RFC 4314 (lrwstipekxa), with + or - in front to\n"
     "change some: lr look up and read, s and w flags, t and e delete, i add\n"
     "mail, p deliver, k and x make and remove mailboxes, a change rights.\n"
     "penfold acl --rebuild    finds out anew who shares with whom, after\n"
     "    dovecot-acl files came from elsewhere\n"},
    {"search", ctl_search, "[-u USER] [--format F | --maildir DIR] QUERY...",
     "find mail: the same engine as IMAP SEARCH",
     "Words must all appear somewhere in the message or in an attachment.\n"
     "  \"two words\"  from:ann  to:x  cc:x  subject:\"q3 plan\"  body:x\n"
     "  attachment:x  header:list-id:nanog  has:attachment  has:pdf\n"
     "  is:unread  is:flagged  keyword:todo  in:Archive  larger:1M\n"
     "  smaller:10k  before:2024  after:2024-03-15  date:2024-01..2024-03\n"
     "  date:7d..\n"
     "A minus in front excludes; this OR that; (parentheses).\n"
     "Quote it all for the shell: penfold search 'subject:\"q3 plan\"'\n"
     "  -u USER         whose mail (default: ~/Maildir)\n"
     "  --format F      files (default), uids or json\n"
     "  --maildir DIR   a Maildir of links to what was found\n"},
    {"index", ctl_index, "status|update|rebuild|verify [-u USER]",
     "look after the full-text index",
     "penfold index status     how much is indexed, and its size\n"
     "penfold index update     indexes what is missing, where no indexd does\n"
     "penfold index rebuild    throws it away and makes it anew, with the\n"
     "    text of attachments; searching goes on meanwhile\n"
     "penfold index verify     cuts words out of up to 1000 messages and asks\n"
     "    the index for them\n"
     "Without -u: the index of ~/Maildir.\n"},
    {"explain", ctl_explain,
     "MESSAGE-ID|FILE|DELIVERY|--last [-u USER] [--json]",
     "say why a message is in the folder where it is",
     "DELIVERY is the id of the log and the Received line; FILE a message\n"
     "file.  The answer comes from the delivery journal, which holds no\n"
     "content, and from the script that decided, unless it was changed.\n"},
    {"quota", ctl_quota, "[USER] [--recount] [--json]",
     "show what users have, of what they may have",
     "Without USER: of all users of the user file.  Sizes are in KiB.\n"
     "  --recount    looks into every mailbox first\n"},
    {"sieve", ctl_sieve, "check|test|replay|apply SCRIPT ... [-u USER]",
     "check scripts, try them, file mail by them",
     "penfold sieve check SCRIPT...     all problems, with line and column\n"
     "penfold sieve test SCRIPT MESSAGE [--from A] [--to B] [--json]\n"
     "    one message, step by step; does nothing\n"
     "penfold sieve replay SCRIPT [--last N | --since DATE] [--mailbox M]\n"
     "    [--all] [--json]\n"
     "    what would have become of delivered mail (default: the last 1000),\n"
     "    with the envelope of the journal; changes nothing\n"
     "penfold sieve apply SCRIPT --mailbox M [--yes] [--create]\n"
     "    [--discard-to MAILBOX]\n"
     "    files the mail in M; without --yes it only shows what it would do\n"},
    {"undelete", ctl_undelete,
     "[--user U] [--mailbox M] [--yes] [QUERY... | UIDS]",
     "bring expunged messages back",
     "Shows which expunged messages it finds; with --yes they come back into\n"
     "their mailboxes, with flags, keywords and dates, as new messages.\n"
     "QUERY is that of `penfold search`; UIDS (12 or 12:15) are those that\n"
     "messages of --mailbox had.  How long they are kept: expunged_keep in\n"
     "penfold.conf(5).  What other programs removed is not kept.\n"},
    {"restore", ctl_restore, "--at TIME [--user U] [--mailbox M] [--yes]",
     "bring back messages and flags as they were at a time",
     "Shows what has changed since then; with --yes messages that were\n"
     "expunged after it come back, and flags and keywords are set as they\n"
     "were.  What came later stays, and what was moved stays where it is.\n"
     "TIME: 2026-11-21, \"2026-11-21 14:30\", 3h or 2d (ago), @seconds\n"},
    {"import", ctl_import, "mbox:FILE|maildir:DIR [-u USER] [--to MAILBOX] ...",
     "bring mail in from an mbox or a Maildir",
     "An mbox goes to MAILBOX (default INBOX), a Maildir with all below it to\n"
     "mailboxes of the same names, below MAILBOX if there is one.  Flags,\n"
     "keywords and dates are kept.  Call it again after it was interrupted.\n"
     "  --dry-run       only count\n"
     "  --state FILE    how far an mbox was read (default: FILE.penfold)\n"},
    {"export", ctl_export, "mbox:PATH|maildir:DIR [-u USER] [--in MAILBOX]",
     "take mail out to an mbox or a Maildir",
     "mbox:PATH is a file for one MAILBOX, and a directory for all; written "
     "is\n"
     "mboxrd.  A Maildir gets what it does not have yet.\n"},
    {"takeover", ctl_takeover, "PATH [--do] [--back] ...",
     "serve another server's Maildir, or give it back",
     "Says what is there, what would be done and what cannot be kept; --do\n"
     "does it, in place.  Mail of Dovecot (also LAYOUT=fs), Courier, mbsync "
     "and\n"
     "procmail.  May be called again at any time.  Stop the other server "
     "first.\n"
     "  --back           for the way back: what the old server reads\n"
     "  --control DIR    Dovecot's CONTROL= and INDEX= of this user\n"
     "  --index DIR\n"
     "  --dirname NAME   Dovecot's DIRNAME=\n"
     "  --dots CHAR      what to put for a dot in a name (LAYOUT=fs)\n"
     "  --separator C    . or / (default), for the names in the report\n"},
    {"who", ctl_who, "", "list the sessions that are open now", ""},
    {"help", help, "[VERB]", "explain a verb", ""},
    {"version", version, "", "print the version", ""},
};
#define VERB_COUNT (sizeof verbs / sizeof *verbs)

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static void overview(FILE *to)
{
	fprintf(to, "usage: penfold VERB [-c FILE | --dir DIR] ...\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
	fprintf(to,
		"\n  -c FILE    the configuration (default: %s)\n"
		"  --dir DIR  the one of `penfold run --dir DIR`\n\n"
		"penfold help VERB says more.\n",
		SITE_CONF);
}

static void usage(FILE *to, const struct verb *verb)
{
	fprintf(to, "usage: penfold %s %s\n", verb->name, verb->arguments);
	fprintf(to, "       %s\n", verb->summary);
	if (verb->help[0])
		fprintf(to, "\n%s", verb->help);
}

static int help(struct ctl *ctl)
{
	const struct verb *verb =
	    ctl->argc > 1 ? find_verb(ctl->argv[1]) : NULL;

	if (verb)
		usage(stdout, verb);
	else
		overview(stdout);
	return ctl->argc > 1 && !verb ? 2 : 0;
}

static int version(struct ctl *ctl)
{
	(void)ctl;
	puts("penfold " PACKAGE_VERSION);
	return 0;
}

int ctl_fail(const struct ctl *ctl, const struct pf_error *err)
{
	fprintf(stderr, "penfold %s: %s\n", ctl->argv[0], err->log);
	return 1;
}

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "penfold %s: ", ctl->argv[0]);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: penfold help %s\n", ctl->argv[0]);
	return 2;
}

static void drop_arguments(struct ctl *ctl, int at, int count)
{
	for (int i = at; i + count <= ctl->argc; i++)
		ctl->argv[i] = ctl->argv[i + count];
	ctl->argc -= count;
}

const char *ctl_option(struct ctl *ctl, const char *name)
{
	size_t n = strlen(name);

	for (int i = 1; i < ctl->argc; i++) {
		char *arg = ctl->argv[i];
		if (strcmp(arg, "--") == 0)
			break;
		if (strcmp(arg, name) == 0 && i + 1 < ctl->argc) {
			const char *value = ctl->argv[i + 1];
			drop_arguments(ctl, i, 2);
			return value;
		}
		if (strncmp(arg, name, n) == 0 && arg[n] == '=') {
			drop_arguments(ctl, i, 1);
			return arg + n + 1;
		}
	}
	return NULL;
}

bool ctl_switch(struct ctl *ctl, const char *name)
{
	for (int i = 1; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--") == 0)
			break;
		if (strcmp(ctl->argv[i], name) == 0) {
			drop_arguments(ctl, i, 1);
			return true;
		}
	}
	return false;
}

bool ctl_conf(const struct ctl *ctl, struct pf_conf *conf)
{
	struct pf_conf_problems problems = {0};
	struct pf_error err;

	pf_conf_init(conf);
	if (pf_conf_load(conf, ctl->conf_path, &problems, &err) == PF_OK) {
		pf_vec_release(&problems);
		return true;
	}
	if (problems.n == 0)
		ctl_fail(ctl, &err);
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s:%d: %s\n\t%s\n", ctl->conf_path,
			problems.v[i].line, problems.v[i].text,
			problems.v[i].fix);
	pf_vec_release(&problems);
	pf_conf_release(conf);
	return false;
}

void ctl_program(const char *name, char *path, size_t size)
{
	static const struct {
		const char *name, *folder, *installed;
	} programs[] = {
	    {"penfold-authd", "auth", PF_LIBEXECDIR},
	    {"penfold-mda", "mda", PF_LIBEXECDIR},
	    {"penfold-indexd", "indexd", PF_LIBEXECDIR},
	    {"penfold-imapd", "imapd", PF_BINDIR},
	};
	char self[1024];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (strcmp(name, programs[i].name) != 0)
			continue;
		/* the build tree, a staged or moved installation, and last what
		 * configure was told */
		const char *const folders[] = {programs[i].folder,
					       "libexec/penfold", "bin"};
		for (size_t j = 0; j < sizeof folders / sizeof *folders; j++) {
			snprintf(path, size, "%s/../%s/%s", self, folders[j],
				 name);
			if (access(path, X_OK) == 0)
				return;
		}
		snprintf(path, size, "%s/%s", programs[i].installed, name);
	}
}

int main(int argc, char **argv)
{
	struct ctl ctl = {argc - 1, argv + 1, SITE_CONF, NULL, false};
	char conf_in_dir[4096];
	const struct verb *verb;

	pf_log_init("penfold", PF_LOG_INFO);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		overview(argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0)
		return version(&ctl);
	verb = find_verb(argv[1]);
	if (!verb) {
		fprintf(stderr, "penfold: there is no verb \"%s\"\n\n",
			argv[1]);
		overview(stderr);
		return 2;
	}
	if (ctl_switch(&ctl, "--help") || ctl_switch(&ctl, "-h")) {
		usage(stdout, verb);
		return 0;
	}
	const char *conf = ctl_option(&ctl, "-c");
	ctl.dir = ctl_option(&ctl, "--dir");
	if (ctl.dir) {
		snprintf(conf_in_dir, sizeof conf_in_dir, "%s/penfold.conf",
			 ctl.dir);
		ctl.conf_path = conf_in_dir;
	}
	if (conf)
		ctl.conf_path = conf;
	ctl.conf_given = conf || ctl.dir;
	return verb->run(&ctl);
}
