/*
 * penfold import and penfold export: mail from and to mbox files and Maildirs.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/priv.h"
#include "origin/origin.h"

#define BAR 30

struct show {
	int64_t started, shown; /* ms */
};

/* A bar on a terminal, ten times a second at most. */
static void progress(void *arg, uint64_t messages, uint64_t done,
		     uint64_t total)
{
	struct show *show = arg;
	int64_t now = pf_clock_mono_ms();
	int filled = total ? (int)(done * BAR / total) : BAR;

	if (now - show->shown < 100 && done < total)
		return;
	show->shown = now;
	fprintf(stderr, "\r[%.*s%*s] %llu messages, %llu/s ", filled,
		"##############################", BAR - filled, "",
		(unsigned long long)messages,
		(unsigned long long)(messages * 1000 /
				     (uint64_t)(now - show->started + 1)));
}

static int transfer(struct ctl *ctl, bool in, struct origin_transfer *t,
		    const char *state, struct pf_error *err)
{
	struct show show = {.started = pf_clock_mono_ms()};
	struct pf_str where = pf_str_c(ctl->argv[1]);
	char own_state[4096];
	pf_status status;

	if (isatty(STDERR_FILENO)) {
		t->progress = progress;
		t->arg = &show;
	}
	if (pf_str_starts(where, PF_STR("mbox:"))) {
		const char *path = ctl->argv[1] + 5;
		snprintf(own_state, sizeof own_state, "%s.penfold", path);
		if (in && t->mailbox.n == 0)
			t->mailbox = PF_STR("INBOX");
		status = in ? origin_import_mbox(t, path,
						 state ? state : own_state, err)
			    : origin_export_mbox(t, path, err);
	} else if (pf_str_starts(where, PF_STR("maildir:"))) {
		const char *path = ctl->argv[1] + 8;
		status = in ? origin_import_maildir(t, path, err)
			    : origin_export_maildir(t, path, err);
	} else {
		return ctl_usage(ctl, "mbox:... or maildir:...");
	}
	if (t->progress)
		fputc('\n', stderr);
	printf("%llu messages%s, %llu were there already\n",
	       (unsigned long long)t->messages,
	       t->dry ? " would be brought" : "",
	       (unsigned long long)t->skipped);
	return status == PF_OK ? 0 : ctl_fail(ctl, err);
}

static int run(struct ctl *ctl, bool in)
{
	const char *user = ctl_option(ctl, "-u");
	const char *mailbox = ctl_option(ctl, in ? "--to" : "--in");
	const char *state = in ? ctl_option(ctl, "--state") : NULL;
	struct origin_transfer t = {.mailbox = pf_str_c(mailbox),
				    .dry = ctl_switch(ctl, "--dry-run")};
	struct auth_identity id;
	struct pf_error err;
	struct pf_conf conf;
	int code = 1;

	if (ctl->argc != 2)
		return ctl_usage(ctl, "one of mbox:... and maildir:...");
	pf_conf_init(&conf);
	if ((user || ctl->dir || access(ctl->conf_path, F_OK) == 0) &&
	    (pf_conf_release(&conf), !ctl_conf(ctl, &conf)))
		return 1;
	pf_status status = ctl_account(&conf, user, &id, &err);
	/* what we make must belong to the mail's owner */
	if (status == PF_OK && user)
		status = pf_priv_become(conf.mail_user, &err);
	if (status == PF_OK) {
		struct store_conf open = {
		    .root = id.mail,
		    .separator = conf.hierarchy_separator[0],
		    .special_use = conf.special_use,
		};
		t.separator = open.separator;
		status = store_open(&open, &t.store, &err);
	}
	if (status == PF_OK)
		code = transfer(ctl, in, &t, state, &err);
	else
		ctl_fail(ctl, &err);
	store_close(&t.store);
	auth_identity_release(&id);
	pf_conf_release(&conf);
	return code;
}

int ctl_import(struct ctl *ctl)
{
	return run(ctl, true);
}

int ctl_export(struct ctl *ctl)
{
	return run(ctl, false);
}
