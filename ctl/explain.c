/*
 * penfold explain: why a message is where it is, from the delivery journal.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <time.h>

#include "base/journal.h"

struct question {
	struct pf_str id;   /* a delivery id, or empty */
	struct pf_str file; /* unique part of a message file's name, or empty */
	struct pf_str user; /* only this one's, or empty */
	bool last;
	struct pf_buf answered; /* id of what was found */
	unsigned found;
};

static bool concerns(const struct question *q, const struct pf_journal_entry *e)
{
	if (q->user.n && !pf_str_ieq(q->user, e->user))
		return false;
	if (q->last)
		return true;
	if (q->id.n && pf_str_ieq(q->id, e->id))
		return true;
	ptrdiff_t comma = pf_str_chr(e->file, ',');
	struct pf_str unique =
	    comma < 0 ? e->file : pf_str_head(e->file, (size_t)comma);
	/* the journal may have cut a long name */
	return q->file.n && unique.n > 8 && pf_str_starts(q->file, unique);
}

static void line(const char *label, struct pf_str value)
{
	printf("  %-11s %.*s\n", label, (int)value.n, value.p);
}

static void answer(const struct pf_journal_entry *e)
{
	time_t when = (time_t)(e->when_us / 1000000);
	char stamp[40];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S %z", &tm);
	printf("%s\n", stamp);
	line("delivery", e->id);
	if (e->queue_id.n)
		line("Postfix id", e->queue_id);
	line("from", e->sender.n ? e->sender : PF_STR("<> (a bounce)"));
	line("to", e->recipient);
	line("user", e->user);
	if (e->mailbox.n)
		line("folder", e->mailbox);
	else
		line("folder", PF_STR("none: it was not stored"));
	if (e->file.n)
		line("file", e->file);
	line("because", e->rule);
	printf("  %-11s %llu octets\n", "size", (unsigned long long)e->size);
}

static bool look(void *arg, const struct pf_journal_entry *e)
{
	struct question *q = arg;

	/* one delivery may have put copies into several folders */
	if (q->found && q->last && !pf_str_eq(pf_buf_str(&q->answered), e->id))
		return false;
	if (!concerns(q, e))
		return true;
	pf_buf_clear(&q->answered);
	pf_buf_add_str(&q->answered, e->id);
	answer(e);
	q->found++;
	return true;
}

/* ".../cur/1795.M1P2.host,S=1:2,S" -> "1795.M1P2.host" */
static struct pf_str unique_name(struct pf_str path)
{
	ptrdiff_t slash = pf_str_rchr(path, '/');
	struct pf_str name = pf_str_from(path, (size_t)(slash + 1));
	ptrdiff_t colon = pf_str_chr(name, ':');

	if (colon >= 0)
		name = pf_str_head(name, (size_t)colon);
	ptrdiff_t comma = pf_str_chr(name, ',');
	return comma < 0 ? name : pf_str_head(name, (size_t)comma);
}

int ctl_explain(struct ctl *ctl)
{
	const char *user = ctl_option(ctl, "-u");
	struct question q = {
	    .user = pf_str_c(user),
	    .last = ctl_switch(ctl, "--last"),
	    .answered = PF_BUF_INIT(1000),
	};
	struct pf_error err;
	struct pf_conf conf;
	int code = 0;

	if (q.last ? ctl->argc != 1 : ctl->argc != 2)
		return ctl_usage(ctl,
				 "a delivery id, a message file or --last");
	if (!q.last) {
		q.id = pf_str_c(ctl->argv[1]);
		q.file = unique_name(q.id);
	}
	if (!ctl_conf(ctl, &conf))
		return 1;
	if (pf_journal_scan(conf.state_dir, look, &q, &err) != PF_OK)
		code = ctl_fail(ctl, &err);
	else if (q.found == 0) {
		fprintf(stderr, "penfold explain: the journal does not know "
				"it (another program may have put it there)\n");
		code = 1;
	}
	pf_buf_release(&q.answered);
	pf_conf_release(&conf);
	return code;
}
