/*
 * penfold undelete, penfold restore: mail and flags of some days ago.
 *
 * Both first say what they would do; only with --yes they do it.  Doing it
 * twice does no more than once: what has come back is no longer in the past,
 * and flags that are as they were are left alone.
 */
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/priv.h"
#include "ctl/moment.h"
#include "ctl/query.h"
#include "search/search.h"
#include "store/store.h"

#define QUERY_MAX (1 << 20)

struct job {
	struct ctl *ctl;
	const struct pf_conf *conf;
	const char *user, *mailbox; /* NULL: all mailboxes */
	bool yes;
	int64_t at_us;		/* restore: the time; 0: undelete */
	struct ctl_query query; /* undelete: which; empty: all */
	bool asks;		/* ... it is not empty */
	uint32_t lo, hi;	/* ... old UIDs, if hi */
	struct store *store, *past;
	size_t messages, flags; /* found, or brought back */
};

/* ---- which --------------------------------------------------------------- */

static bool is_asked_for(const struct job *job,
			 const struct store_past_message *m)
{
	/* then it was there and now it is not */
	if (job->at_us)
		return m->us > job->at_us && m->since <= job->at_us / 1000000;
	return !job->hi || (m->old_uid >= job->lo && m->old_uid <= job->hi);
}

/* Keeps of `uids` (sorted) what the query finds, too. */
static pf_status keep_found(struct job *job, struct store_box *box,
			    struct store_uids *uids, struct pf_error *err)
{
	struct store_view *view = NULL;
	struct search *search = NULL;
	size_t kept = 0, at = 0;

	if (!job->asks)
		return PF_OK;
	ctl_query_place(&job->query, store_box_name(box),
			job->conf->hierarchy_separator[0]);
	pf_status status = store_view_new(box, false, &view, err);
	if (status != PF_OK)
		return status;
	status = search_new(view, &job->query.root, NULL, NULL, &search, err);
	if (status == PF_OK)
		while ((status = search_step(search, 200, err)) == PF_MORE)
			;
	if (status == PF_OK) {
		const struct store_uids *found = search_result(search);
		for (size_t i = 0; i < uids->n; i++) {
			while (at < found->n && found->v[at] < uids->v[i])
				at++;
			if (at < found->n && found->v[at] == uids->v[i])
				uids->v[kept++] = uids->v[i];
		}
		uids->n = kept;
	}
	if (search)
		search_free(&search);
	store_view_free(&view);
	return status;
}

static void print_moment(int64_t us)
{
	char text[40] = "at an unknown time";
	time_t seconds = us / 1000000;
	struct tm tm;

	if (us && localtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, stdout);
}

/* No content: this may end in somebody's log. */
static void show(const struct job *job, struct store_box *box,
		 const struct store_past_messages *list,
		 const struct store_uids *uids)
{
	struct pf_str name = store_box_name(box);
	size_t at = 0;

	(void)job;
	for (size_t i = 0; i < uids->n; i++) {
		while (at + 1 < list->n && list->v[at].uid < uids->v[i])
			at++;
		const struct store_msg *m = store_box_find(box, uids->v[i]);
		printf("%.*s: UID %u, %" PRIu64 " bytes, expunged ",
		       (int)name.n, name.p, list->v[at].old_uid,
		       m ? m->size : 0);
		print_moment(list->v[at].us);
		putchar('\n');
	}
}

/* ---- doing it --------------------------------------------------------------
 */

static pf_status messages_of(struct job *job, struct store_box *box,
			     struct pf_error *err)
{
	struct store_past_messages list = {0};
	struct store_uids uids = {0};
	size_t restored = 0;
	pf_status status = store_past_list(box, &list, err);

	for (size_t i = 0; status == PF_OK && i < list.n; i++)
		if (is_asked_for(job, &list.v[i]))
			pf_vec_push(&uids, list.v[i].uid);
	if (status == PF_OK)
		status = keep_found(job, box, &uids, err);
	if (status == PF_OK && !job->yes)
		show(job, box, &list, &uids);
	if (status == PF_OK && job->yes && uids.n) {
		status = store_past_undelete(box, uids.v, uids.n, job->store,
					     store_box_name(box), job->at_us,
					     &restored, err);
		job->messages += restored;
	} else {
		job->messages += uids.n;
	}
	pf_vec_release(&uids);
	pf_vec_release(&list);
	return status;
}

static pf_status flags_of(struct job *job, struct pf_str name,
			  struct pf_error *err)
{
	struct store_box *box = NULL;
	size_t changed = 0;
	pf_status status = store_box_open(job->store, name, &box, err);

	if (status == PF_OK)
		status =
		    store_past_flags(box, job->at_us, !job->yes, &changed, err);
	store_box_close(&box);
	if (status == PF_OK && changed && !job->yes)
		printf("%.*s: flags of %zu messages\n", (int)name.n, name.p,
		       changed);
	job->flags += changed;
	return status;
}

static bool is_mailbox(const struct job *job, const struct store_name *n)
{
	bool inbox = job->mailbox &&
		     pf_str_ieq(pf_str_c(job->mailbox), PF_STR("INBOX")) &&
		     pf_str_ieq(n->name, PF_STR("INBOX"));

	return n->flags & STORE_NAME_EXISTS &&
	       (!job->mailbox || inbox ||
		pf_str_eq(n->name, pf_str_c(job->mailbox)));
}

/* Each mailbox of a store that was asked for. */
static pf_status each(struct job *job, struct store *store,
		      pf_status (*work)(struct job *job, struct store *store,
					struct pf_str name,
					struct pf_error *err),
		      struct pf_error *err)
{
	struct store_names names = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, 64 << 20);
	pf_status status = store_list(store, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++)
		if (is_mailbox(job, &names.v[i]))
			status = work(job, store, names.v[i].name, err);
	pf_vec_release(&names);
	pf_arena_release(&arena);
	return status;
}

static pf_status work_flags(struct job *job, struct store *store,
			    struct pf_str name, struct pf_error *err)
{
	(void)store;
	return flags_of(job, name, err);
}

static pf_status work_messages(struct job *job, struct store *store,
			       struct pf_str name, struct pf_error *err)
{
	struct store_box *box = NULL;
	pf_status status = store_box_open(store, name, &box, err);

	if (status == PF_OK)
		status = messages_of(job, box, err);
	store_box_close(&box);
	return status;
}

static pf_status work(struct job *job, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (job->at_us)
		status = each(job, job->store, work_flags, err);
	if (status == PF_OK) {
		status = store_past_open(job->store, &job->past, err);
		if (status == PF_NOTFOUND)
			return PF_OK;
	}
	if (status == PF_OK)
		status = each(job, job->past, work_messages, err);
	return status;
}

static void report(const struct job *job)
{
	if (!job->yes) {
		printf("%zu messages%s", job->messages, job->at_us ? "" : "\n");
		if (job->at_us)
			printf(" and the flags of %zu others\n", job->flags);
		if (job->messages || job->flags)
			puts("Nothing was changed: --yes does it.");
		return;
	}
	pf_log(PF_LOG_INFO, job->ctl->argv[0], PF_LOGC("user", job->user),
	       PF_LOGC("mailbox", job->mailbox ? job->mailbox : "*"),
	       PF_LOGU("messages", job->messages),
	       PF_LOGU("flags", job->flags));
}

static pf_status open_store(struct job *job, struct auth_users *users,
			    struct pf_error *err)
{
	const struct auth_user *user =
	    job->user ? auth_users_find(users, pf_str_c(job->user)) : NULL;
	struct pf_buf rules = PF_BUF_INIT(64 * 1024);
	char full[4200];

	if (!user || user->broken)
		return pf_error_set(err, PF_NOTFOUND, NULL,
				    "there is no user \"%s\"", job->user);
	struct store_conf conf = {
	    .root = user->mail,
	    .separator = job->conf->hierarchy_separator[0],
	    .special_use = job->conf->special_use,
	    .past_keep = job->conf->expunged_keep,
	    .past_size = (uint64_t)job->conf->expunged_size,
	};
	pf_buf_addf(&rules, "%s %s", job->conf->quota,
		    user->quota ? user->quota : "");
	conf.quota = rules.data;
	if (pf_conf_full_path(job->conf, pf_str_c(user->name), full,
			      sizeof full))
		conf.quota_full = full;
	pf_status status = access(user->mail, F_OK) == 0
			       ? store_open(&conf, &job->store, err)
			       : pf_error_set(err, PF_NOTFOUND, NULL,
					      "%s has no mail", user->name);
	pf_buf_release(&rules);
	return status;
}

static int run(struct job *job)
{
	struct auth_users *users = NULL;
	struct pf_conf conf;
	struct pf_error err = {0};

	if (!ctl_conf(job->ctl, &conf))
		return 1;
	job->conf = &conf;
	pf_status status = auth_users_load(&conf, &users, NULL, &err);
	/* what we write must belong to the mail's owner */
	if (status == PF_OK)
		status = pf_priv_become(conf.mail_user, &err);
	if (status == PF_OK)
		status = open_store(job, users, &err);
	if (status == PF_OK)
		status = work(job, &err);
	if (job->store && (status == PF_OK || job->messages || job->flags))
		report(job);
	store_close(&job->past);
	store_close(&job->store);
	auth_users_unref(&users);
	pf_conf_release(&conf);
	return status == PF_OK ? 0 : ctl_fail(job->ctl, &err);
}

/* ---- the verbs --------------------------------------------------------------
 */

/* "12" or "12:15" */
static bool read_uids(struct pf_str word, struct job *job)
{
	struct pf_str lo;
	uint64_t a, b;

	if (!pf_str_split(&word, ':', &lo) || !pf_str_u64(lo, UINT32_MAX, &a) ||
	    a == 0)
		return false;
	b = a;
	if (word.p && !pf_str_u64(word, UINT32_MAX, &b))
		return false;
	job->lo = (uint32_t)(a < b ? a : b);
	job->hi = (uint32_t)(a < b ? b : a);
	return true;
}

/* The arguments, with blanks between them, are the query. */
static bool read_words(struct job *job, struct pf_arena *arena,
		       struct pf_buf *text)
{
	struct pf_error err = {0};

	for (int i = 1; i < job->ctl->argc; i++) {
		struct pf_str word = pf_str_c(job->ctl->argv[i]);
		if (pf_str_eq(word, PF_STR("--")) ||
		    (!job->hi && read_uids(word, job)))
			continue;
		if (text->len)
			pf_buf_add_byte(text, ' ');
		pf_buf_add_str(text, word);
	}
	pf_status status = pf_buf_status(text, &err);
	job->asks = text->len > 0;
	if (status == PF_OK && job->asks)
		status = ctl_query_parse(&job->query, arena, pf_buf_str(text),
					 pf_clock_now(), &err);
	if (status != PF_OK)
		ctl_usage(job->ctl, "%s", err.log);
	return status == PF_OK;
}

static void read_options(struct job *job)
{
	job->user = ctl_option(job->ctl, "--user");
	if (!job->user)
		job->user = ctl_option(job->ctl, "-u");
	if (!job->user)
		job->user = getenv("USER");
	job->mailbox = ctl_option(job->ctl, "--mailbox");
	job->yes = ctl_switch(job->ctl, "--yes");
	if (ctl_switch(job->ctl, "--dry-run"))
		job->yes = false;
}

int ctl_undelete(struct ctl *ctl)
{
	struct job job = {.ctl = ctl};
	struct pf_buf text = PF_BUF_INIT(QUERY_MAX);
	struct pf_arena arena;
	int code = 2;

	read_options(&job);
	pf_arena_init(&arena, 4 * QUERY_MAX);
	if (!job.user)
		ctl_usage(ctl, "whose mail? --user USER");
	else if (!read_words(&job, &arena, &text))
		code = 2;
	else if (job.hi && !job.mailbox)
		ctl_usage(ctl, "UIDs belong to a mailbox: --mailbox M");
	else
		code = run(&job);
	ctl_query_release(&job.query);
	pf_buf_release(&text);
	pf_arena_release(&arena);
	return code;
}

int ctl_restore(struct ctl *ctl)
{
	struct job job = {.ctl = ctl};
	const char *at = ctl_option(ctl, "--at");
	int64_t now = pf_clock_us();

	read_options(&job);
	if (!at || !ctl_moment(pf_str_c(at), now, &job.at_us))
		return ctl_usage(ctl, "--at TIME: 2026-11-21, \"2026-11-21 "
				      "14:30\", 3h or 2d (ago), or @seconds");
	if (!job.user || ctl->argc > 1)
		return ctl_usage(ctl, "--at TIME --user USER [--mailbox M]");
	if (job.at_us >= now)
		return ctl_usage(ctl, "this time is yet to come");
	return run(&job);
}
