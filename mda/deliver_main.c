/*
 * penfold-deliver: one message from standard input, for Postfix'
 * mailbox_command, for pipe(8) and for .forward:
 *
 *	mailbox_command = /usr/bin/penfold-deliver -f "$SENDER"
 *		-a "$EXTENSION" -d "$USER" -r "$ORIGINAL_RECIPIENT"
 *
 * What is not given comes from the environment that local(8) sets.  The user
 * is looked up at authd; without one, somebody who delivers to himself has
 * his mail in ~/Maildir.  Exit codes are those of sysexits.h: 75 makes the
 * MTA try again.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/log.h"
#include "base/priv.h"
#include "mda/mda.h"

#define BLOCK (64 * 1024)

struct options {
	const char *conf_file; /* NULL: the system's, if it is there */
	const char *user, *extension, *sender, *original;
};

static int usage(void)
{
	fprintf(stderr,
		"usage: penfold-deliver [-c FILE] [-d USER] [-a EXTENSION]\n"
		"                       [-f SENDER] [-r ORIGINAL_RECIPIENT] "
		"< MESSAGE\n");
	return EX_USAGE;
}

static int fail(const struct pf_error *err)
{
	/* the MTA shows what we print to those who ask why */
	fprintf(stderr, "penfold-deliver: %s\n", err->log);
	return mda_exit_code(err->status);
}

/* NULL for "": local(8) sets variables that have no value to that. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* ---- who gets it ---- */

static pf_status own_identity(const char *user, struct auth_identity *id,
			      struct pf_error *err)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct pf_buf mail = PF_BUF_INIT(4096);

	if (!pw || geteuid() == 0 || (user && strcmp(user, pw->pw_name) != 0))
		return pf_error_set(err, PF_UNAVAILABLE, NULL,
				    "no authd, and %s is not us",
				    user ? user : "root");
	id->user = pf_str_dup(pf_str_c(pw->pw_name));
	id->home = pf_str_dup(pf_str_c(pw->pw_dir));
	pf_buf_addf(&mail, "%s/Maildir", pw->pw_dir);
	id->mail = pf_buf_detach(&mail);
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	return PF_OK;
}

/* authd, where we may ask it; NULL: not */
static struct auth_lookup *master_lookup(const struct pf_conf *conf)
{
	char path[4200];

	if (!pf_conf_run_path(conf, "auth-master.sock", path, sizeof path) ||
	    access(path, W_OK) != 0)
		return NULL;
	return auth_lookup_new(path);
}

static pf_status identify(const struct pf_conf *conf,
			  const struct options *options,
			  struct auth_identity *id, struct pf_error *err)
{
	struct auth_lookup *lookup = options->user ? master_lookup(conf) : NULL;
	pf_status status;

	if (lookup) {
		status = auth_lookup_address(lookup, pf_str_c(options->user),
					     id, err);
		auth_lookup_free(&lookup);
		/* whom authd does not know may be a system user, and us */
		if (status == PF_NOTFOUND && geteuid() != 0 &&
		    own_identity(options->user, id, NULL) == PF_OK)
			status = PF_OK;
	} else {
		status = own_identity(options->user, id, err);
	}
	if (status == PF_OK && options->extension) {
		free(id->detail);
		id->detail = pf_str_dup(pf_str_c(options->extension));
	}
	return status;
}

/* Root delivers as the owner of the mail. */
static pf_status become_owner(const struct pf_conf *conf,
			      const struct auth_identity *id,
			      struct pf_error *err)
{
	const struct passwd *pw;

	if (geteuid() != 0 || id->uid == (uid_t)-1)
		return pf_priv_become(conf->mail_user, err);
	pw = getpwuid(id->uid);
	if (!pw)
		return pf_error_set(err, PF_UNAVAILABLE, NULL,
				    "uid %lu has no name",
				    (unsigned long)id->uid);
	return pf_priv_become(pw->pw_name, err);
}

/* ---- the message ---- */

static pf_status read_message(struct mda_message *message, uint64_t size_max,
			      struct pf_error *err)
{
	static char block[BLOCK];
	bool first = true, cr = false;
	ssize_t n;

	while ((n = read(STDIN_FILENO, block, sizeof block)) != 0) {
		struct pf_str s = pf_str_mem(block, n < 0 ? 0 : (size_t)n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pf_error_sys(err, errno, "read the message");
		/* an mbox "From " line is the MTA's, not the message's */
		if (first && pf_str_starts(s, PF_STR("From ")))
			s = pf_str_from(s, (size_t)(pf_str_chr(s, '\n') + 1));
		first = false;
		if (mda_message_add(message, s))
			mda_message_spill(message);
		for (size_t i = 0; i < s.n; i++) {
			message->size += s.p[i] == '\n' && !cr;
			cr = s.p[i] == '\r';
		}
		if (size_max && message->size > size_max)
			return pf_error_set(err, PF_LIMIT, NULL,
					    "message is too big");
	}
	return PF_OK;
}

static char *recipient_address(const struct options *options,
			       const struct auth_identity *id)
{
	const char *given = environment("RECIPIENT");

	if (options->original)
		return pf_str_dup(pf_str_c(options->original));
	return pf_str_dup(pf_str_c(given ? given : id->user));
}

static int deliver(const struct pf_conf *conf, const struct options *options)
{
	struct mda_rcpt *rcpt = calloc(1, sizeof *rcpt);
	struct mda_envelope envelope = {.from = pf_str_c(options->sender),
					.protocol = "local"};
	struct mda_message *message;
	struct auth_lookup *lookup;
	struct filter *filter = NULL;
	struct pf_error err = {0};
	bool refused = false;
	pf_status status;

	if (!rcpt)
		abort();
	status = identify(conf, options, &rcpt->id, &err);
	if (status == PF_OK)
		status = become_owner(conf, &rcpt->id, &err);
	if (status != PF_OK) {
		mda_rcpt_release(rcpt);
		free(rcpt);
		return fail(&err);
	}
	/* an ordinary user may have no right to the site's journal */
	if (filter_new(conf, &filter, &err) != PF_OK)
		pf_log_error(PF_LOG_DEBUG, "no-delivery-journal", &err,
			     PF_LOGC("dir", conf->state_dir));
	lookup = master_lookup(conf);
	filter->find_user = lookup ? auth_lookup_user : NULL;
	filter->find_arg = lookup;
	rcpt->address = recipient_address(options, &rcpt->id);
	message = mda_message_new(filter, &envelope, rcpt, 1);
	status = read_message(message, (uint64_t)conf->message_size_max, &err);
	if (status == PF_OK) {
		mda_message_deliver(message);
		status = rcpt->status;
		if (rcpt->refused) { /* Postfix puts it into the bounce */
			fprintf(stderr, "%s\n", rcpt->reply);
			refused = true;
		}
		(void)pf_error_set(&err, status, NULL, "%s", rcpt->reply);
	}
	mda_message_free(&message);
	filter_free(&filter);
	auth_lookup_free(&lookup);
	if (refused)
		return EX_NOPERM;
	return status == PF_OK ? EX_OK : fail(&err);
}

int main(int argc, char **argv)
{
	struct options options = {
	    .sender = environment("SENDER"),
	    .extension = environment("EXTENSION"),
	    .original = environment("ORIGINAL_RECIPIENT"),
	    .user = environment("USER"),
	};
	const char *file = PF_SYSCONFDIR "/penfold/penfold.conf";
	struct pf_conf conf;
	struct pf_error err;
	int option, code;

	while ((option = getopt(argc, argv, "c:d:a:f:r:")) != -1) {
		const char *value = optarg && *optarg ? optarg : NULL;

		if (option == 'c')
			options.conf_file = value;
		else if (option == 'd')
			options.user = value;
		else if (option == 'a')
			options.extension = value;
		else if (option == 'f')
			options.sender = value;
		else if (option == 'r')
			options.original = value;
		else
			return usage();
	}
	if (optind < argc)
		return usage();
	if (options.sender && strcmp(options.sender, "<>") == 0)
		options.sender = NULL;
	pf_log_init("deliver", PF_LOG_WARN);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	pf_conf_init(&conf);
	if (options.conf_file)
		file = options.conf_file;
	if ((options.conf_file || access(file, R_OK) == 0) &&
	    pf_conf_load(&conf, file, NULL, &err) != PF_OK) {
		fprintf(stderr, "penfold-deliver: %s\n", err.log);
		code = EX_TEMPFAIL; /* the site's fault, not the sender's */
	} else {
		code = deliver(&conf, &options);
	}
	pf_conf_release(&conf);
	return code;
}
