/*
 * Delivery to one recipient: the user's script decides; where it ends in an
 * implicit keep, the address rule finds the folder; INBOX is the answer to
 * every doubt.
 *
 * The order of effects is chosen so that a failure leaves nothing half done:
 * the message file is written and synced, then redirects and notices are
 * given to the MTA (they may fail: 451, and nothing is stored yet), then the
 * file is linked into its folders.  Only if that last step fails after a
 * redirect can a retry send the redirect twice; the other order could lose
 * it.  Answers (vacation) come last and never change the reply.
 */
#include "mda/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"
#include "mime/mime.h"

#define KEYWORDS_MAX 64
#define NOTICE_FILE  ".penfold-notice"
#define LOCK_MS	     10000

/* ---- telling others ---- */

static void find_message_id(const struct delivery *d,
			    char key[PF_JOURNAL_MESSAGE_SIZE])
{
	struct pf_str header = mda_message_header(d->message);
	struct pf_str id = PF_STR("");
	struct mime_field field;
	size_t pos = 0;

	while (id.n == 0 && mime_field_next(header, &pos, &field))
		if (pf_str_ieq(field.name, PF_STR("Message-ID")))
			id = field.raw;
	pf_journal_message(id, key);
}

void mda_delivery_journal(struct delivery *d, struct pf_str folder,
			  struct pf_str file, struct pf_str rule)
{
	const struct mda_envelope *env = &d->message->envelope;
	char message[PF_JOURNAL_MESSAGE_SIZE];

	find_message_id(d, message);
	const struct pf_journal_entry entry = {
	    .when_us = pf_clock_us(),
	    .id = pf_str_c(d->message->id),
	    .queue_id = env->queue,
	    .sender = env->from,
	    .recipient = pf_str_c(d->rcpt->address),
	    .user = pf_str_c(d->rcpt->id.user),
	    .mailbox = folder,
	    .message = pf_str_c(message),
	    .file = pf_journal_file(file),
	    .rule = rule,
	    .size = d->message->size,
	};
	struct pf_error err;

	if (d->filter->journal &&
	    pf_journal_append(d->filter->journal, &entry, &err) != PF_OK)
		pf_log_error(PF_LOG_WARN, "journal", &err,
			     PF_LOGC("id", d->message->id));
	pf_log(PF_LOG_INFO, folder.n ? "delivered" : "filtered",
	       PF_LOGC("id", d->message->id), PF_LOGS("queue", env->queue),
	       PF_LOGS("folder", folder), PF_LOGS("rule", rule),
	       PF_LOGU("size", d->message->size),
	       PF_LOGS("client", env->client),
	       PF_LOGC("user", d->rcpt->id.user), PF_LOGS("from", env->from),
	       PF_LOGC("to", d->rcpt->address));
}

void mda_delivery_problem(struct delivery *d, const char *event,
			  const struct pf_error *err)
{
	pf_log_error(PF_LOG_WARN, event, err, PF_LOGC("id", d->message->id),
		     PF_LOGC("user", d->rcpt->id.user));
}

/* ---- storing ---- */

static bool system_flag(struct pf_str name, uint32_t *flags)
{
	static const struct {
		struct pf_str name;
		uint32_t flag;
	} known[] = {{PF_STR("\\Seen"), STORE_SEEN},
		     {PF_STR("\\Answered"), STORE_ANSWERED},
		     {PF_STR("\\Flagged"), STORE_FLAGGED},
		     {PF_STR("\\Deleted"), STORE_DELETED},
		     {PF_STR("\\Draft"), STORE_DRAFT},
		     {PF_STR("$Forwarded"), STORE_PASSED}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (pf_str_ieq(name, known[i].name)) {
			*flags |= known[i].flag;
			return true;
		}
	return name.n == 0 || name.p[0] == '\\';
}

static void add_flags(const struct sieve_action *action,
		      struct store_deliver *how,
		      struct pf_str keywords[KEYWORDS_MAX])
{
	how->keywords = keywords;
	for (size_t i = 0; action && i < action->flag_count; i++)
		if (!system_flag(action->flags[i], &how->flags) &&
		    how->keyword_count < KEYWORDS_MAX)
			keywords[how->keyword_count++] = action->flags[i];
}

/* ---- changed messages ---- */

/* Where the body begins in the file that all share */
static pf_status find_body(const struct mda_message *m, uint64_t *start,
			   struct pf_error *err)
{
	size_t max = m->prefix.len + MIME_HEADER_MAX, n;
	char *head = malloc(max);

	if (!head)
		abort();
	pf_status status = pf_fs_pread(m->fd, head, max, 0, &n, err);
	if (status == PF_OK)
		*start = mime_header_end(pf_str_mem(head, n));
	free(head);
	return status;
}

pf_status mda_delivery_body(const struct delivery *d,
			    const struct sieve_action *action,
			    struct sieve_span *whole,
			    const struct sieve_span **body, size_t *count,
			    struct pf_error *err)
{
	*body = action->body;
	*count = action->body_count;
	if (action->body)
		return PF_OK;
	*whole = (struct sieve_span){.fd = d->message->fd, .size = FILTER_REST};
	*body = whole;
	*count = 1;
	return find_body(d->message, &whole->start, err);
}

static pf_status write_block(void *arg, const char *p, size_t n,
			     struct pf_error *err)
{
	return store_draft_write(arg, p, n, err);
}

/* The message as the script left it: a file of its own. */
static pf_status make_edited(struct delivery *d, struct store *store,
			     const struct sieve_action *action,
			     struct store_draft **draft, struct pf_error *err)
{
	struct store_draft *made = NULL;
	const struct sieve_span *body;
	struct sieve_span whole;
	size_t count;
	int fd;
	pf_status status =
	    mda_delivery_body(d, action, &whole, &body, &count, err);

	if (status == PF_OK)
		status = store_draft_new(store, &made, err);
	if (status == PF_OK)
		status = store_draft_write(made, action->header.p,
					   action->header.n, err);
	if (status == PF_OK)
		status = store_draft_write(made, "\n", 1, err);
	if (status == PF_OK)
		status = filter_spans_read(body, count, write_block, made, err);
	if (status == PF_OK)
		status = store_draft_finish(made, &fd, err);
	if (status == PF_OK)
		*draft = made;
	else
		store_draft_free(&made);
	return status;
}

/* The file to be linked there: the one that all share, or one of its own. */
static pf_status make_draft(struct delivery *d, const struct share_place *place,
			    const struct sieve_action *action,
			    struct store_draft **draft,
			    struct store_draft **own, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (action && action->header.p) {
		status = make_edited(d, place->store, action, own, err);
		*draft = *own;
	} else if (place->store == d->store) {
		*draft = d->draft;
	} else {
		status = mda_message_draft(d->message, place->store, draft, own,
					   err);
	}
	return status;
}

static pf_status store_in(struct delivery *d, struct pf_str folder, bool create,
			  const struct sieve_action *action, struct pf_str rule,
			  struct pf_error *err)
{
	struct pf_str keywords[KEYWORDS_MAX];
	struct store_deliver how = {
	    .create = create, .keywords = keywords, .last = d->last};
	struct pf_buf file = PF_BUF_INIT(1024);
	struct store_draft *draft = NULL, *own = NULL;
	struct share_place place = {.store = d->store, .name = folder};
	pf_status status = PF_OK;

	add_flags(action, &how, keywords);
	if (action && action->kind == SIEVE_FILEINTO)
		status = mda_delivery_place(d, folder, create, &place, err);
	if (status == PF_OK && place.store != d->store) {
		/* as in APPEND (RFC 4314 4) */
		how.flags &= share_flags(place.rights);
		if (!(place.rights & STORE_WRITE))
			how.keyword_count = 0;
		how.last = false;
	}
	if (status == PF_OK)
		status = make_draft(d, &place, action, &draft, &own, err);
	if (status == PF_OK)
		status = store_deliver(place.store, place.name, draft, &how,
				       NULL, NULL, &file, err);
	store_draft_free(&own);
	if (status == PF_OK) {
		const char *owner = place.store == d->store
					? d->rcpt->id.user
					: share_owner(d->share, place.store);
		d->stored++;
		if (d->folders.len)
			pf_buf_add_c(&d->folders, ", ");
		pf_buf_add_str(&d->folders, folder);
		mda_delivery_journal(d, folder, pf_buf_str(&file), rule);
		if (owner)
			filter_index_notify(d->filter, owner, place.name);
	}
	pf_buf_release(&file);
	return status;
}

/* What INBOX would meet as well: no use to try there. */
static bool affects_all(pf_status status)
{
	return status == PF_NOSPACE || status == PF_OVERQUOTA ||
	       status == PF_IO || status == PF_NOMEM || status == PF_BUSY;
}

static pf_status store_or_inbox(struct delivery *d, struct pf_str folder,
				bool create, const struct sieve_action *action,
				struct pf_str rule, struct pf_error *err)
{
	pf_status status = store_in(d, folder, create, action, rule, err);
	struct pf_buf why = PF_BUF_INIT(1024);

	if (status == PF_OK || affects_all(status) ||
	    pf_str_ieq(folder, PF_STR("INBOX")))
		return status;
	mda_delivery_problem(d, "folder not usable, taking INBOX", err);
	pf_buf_addf(&why, "%.*s, but the folder is not usable (%s)",
		    (int)rule.n, rule.p, pf_status_text(status));
	status =
	    store_in(d, PF_STR("INBOX"), false, action, pf_buf_str(&why), err);
	pf_buf_release(&why);
	return status;
}

/* ---- the address rule ---- */

static pf_status implicit_keep(struct delivery *d,
			       const struct sieve_action *action,
			       struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(4096), rule = PF_BUF_INIT(8192);
	bool create = false;
	pf_status status;

	if (d->broken) {
		pf_buf_add_c(&folder, "INBOX");
		pf_buf_add_c(&rule, "the Sieve script is broken");
	} else {
		create = filter_keep_folder(d->filter, &d->rcpt->id, d->store,
					    pf_str_c(d->rcpt->id.detail),
					    &folder, &rule);
	}
	status = store_or_inbox(d, pf_buf_str(&folder), create, action,
				pf_buf_str(&rule), err);

	pf_buf_release(&folder);
	pf_buf_release(&rule);
	return status;
}

/* ---- running the script ---- */

/* The script sees the fields as the file has them, and always its own
 * Delivered-To, also where the file is shared. */
static void make_header(struct delivery *d)
{
	const struct mda_message *m = d->message;

	pf_buf_init(&d->header, MIME_HEADER_MAX + 64 * 1024);
	pf_buf_addf(&d->header, "Return-Path: <%.*s>\nDelivered-To: %s\n",
		    (int)m->envelope.from.n, m->envelope.from.p,
		    d->rcpt->address);
	pf_buf_add(&d->header, m->prefix.data + m->relay_from,
		   m->prefix.len - m->relay_from);
	pf_buf_add_str(&d->header, mda_message_header(m));
}

/* "user" of user+detail@domain, for the envelope test */
static struct pf_str user_part(const struct mda_rcpt *rcpt)
{
	struct pf_str s = pf_str_c(rcpt->address);
	ptrdiff_t at = pf_str_rchr(s, '@');
	size_t detail = rcpt->id.detail ? strlen(rcpt->id.detail) + 1 : 0;

	if (at >= 0)
		s = pf_str_head(s, (size_t)at);
	return detail < s.n ? pf_str_head(s, s.n - detail) : s;
}

static pf_status run_scripts(struct delivery *d, struct sieve_result *result,
			     struct pf_error *err)
{
	const struct mda_message *m = d->message;
	const struct pf_conf *conf = d->filter->conf;
	struct sieve_limits limits;
	struct sieve_message message = {
	    .header = pf_buf_str(&d->header),
	    .size = m->size + m->prefix.len,
	    .from = m->envelope.from,
	    .to = pf_str_c(d->rcpt->address),
	    .user = user_part(d->rcpt),
	    .detail = pf_str_c(d->rcpt->id.detail),
	    .has_detail = d->rcpt->id.detail != NULL,
	    .delimiters = conf->recipient_delimiter,
	    .now = pf_clock_now(),
	};
	struct filter_ask ask = {.filter = d->filter,
				 .id = &d->rcpt->id,
				 .store = d->store,
				 .share = d->share,
				 .fd = m->fd,
				 .client = m->envelope.client};

	message.dsn = m->envelope.dsn;
	message.dsn.orcpt = pf_str_c(d->rcpt->orcpt);
	message.dsn.notify = pf_str_c(d->rcpt->notify);
	filter_ask_init(&ask, &message);
	filter_limits(conf, &limits);
	pf_status status = filter_chain_run(&d->chain, &message, &limits, NULL,
					    NULL, result, err);
	filter_ask_release(&ask);
	return status;
}

pf_status mda_delivery_letter(struct delivery *d, struct pf_str folder,
			      const struct pf_buf *letter,
			      const struct sieve_action *action,
			      struct pf_error *err)
{
	struct pf_str keywords[KEYWORDS_MAX];
	struct store_deliver how = {.create = action && action->create,
				    .exempt = true};
	struct store_draft *draft = NULL;
	int fd;

	add_flags(action, &how, keywords);
	pf_status status = store_draft_new(d->store, &draft, err);
	if (status == PF_OK)
		status =
		    store_draft_write(draft, letter->data, letter->len, err);
	if (status == PF_OK)
		status = store_draft_finish(draft, &fd, err);
	if (status == PF_OK)
		status = store_deliver(d->store, folder, draft, &how, NULL,
				       NULL, NULL, err);
	store_draft_free(&draft);
	return status;
}

/* A broken script: one letter to the user for each state of the file. */
static void notify_user(struct delivery *d, const struct filter_script *script,
			const char *text)
{
	struct pf_buf letter = PF_BUF_INIT(64 * 1024);
	struct pf_buf told = PF_BUF_INIT(8192), now = PF_BUF_INIT(8192);
	struct pf_error err;
	int home, lock = -1;

	pf_log(PF_LOG_WARN, "sieve-script", PF_LOGC("user", d->rcpt->id.user),
	       PF_LOGC("path", script->path), PF_LOGC("msg", text));
	if (pf_fs_open(AT_FDCWD, d->rcpt->id.home, O_RDONLY | O_DIRECTORY, 0,
		       &home, &err) != PF_OK)
		return;
	/* many deliveries may find out at once */
	if (pf_fs_open(home, NOTICE_FILE ".lock", O_RDWR | O_CREAT, 0600, &lock,
		       NULL) == PF_OK)
		(void)!pf_fs_lock(lock, true, LOCK_MS, NULL);
	pf_buf_addf(&now, "%lld %s\n", (long long)script->mtime_ns,
		    script->path);
	if (pf_fs_read(home, NOTICE_FILE, &told, NULL) != PF_OK ||
	    !pf_str_eq(pf_buf_str(&told), pf_buf_str(&now))) {
		pf_status status;

		filter_compose_notice(d->filter, &d->rcpt->id, script->path,
				      text, script->problems, &letter);
		status = pf_fs_replace(home, NOTICE_FILE, pf_buf_str(&now),
				       0600, false, &err);
		if (status == PF_OK)
			status = mda_delivery_letter(d, PF_STR("INBOX"),
						     &letter, NULL, &err);
		if (status != PF_OK)
			mda_delivery_problem(d, "notice", &err);
	}
	if (lock >= 0)
		close(lock);
	close(home);
	pf_buf_release(&letter);
	pf_buf_release(&told);
	pf_buf_release(&now);
}

/* ---- the actions of a run ---- */

/* Redirects and rejects.  A temporary failure ends the delivery; what can
 * never be sent makes us keep the message instead. */
static pf_status send_away(struct delivery *d, const struct sieve_result *run,
			   bool *keep, struct pf_error *err)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct sieve_action *action = &run->actions[i];
		pf_status status = PF_OK;

		if (action->kind == SIEVE_REDIRECT)
			status = mda_delivery_redirect(d, action, err);
		else if (action->kind == SIEVE_REJECT)
			status = mda_delivery_reject(d, action, err);
		else if (action->kind == SIEVE_PIPE)
			status = mda_delivery_pipe(d, action, err);
		if (status == PF_INVALID) {
			mda_delivery_problem(d, "keeping what cannot be sent",
					     err);
			*keep = true;
		} else if (status != PF_OK) {
			return status;
		}
	}
	return PF_OK;
}

static bool stored_before(const struct sieve_result *run, size_t at)
{
	const struct sieve_action *action = &run->actions[at];

	for (size_t i = 0; i < at; i++)
		if (run->actions[i].kind == SIEVE_FILEINTO &&
		    pf_str_eq(run->actions[i].mailbox, action->mailbox))
			return true;
	return false;
}

static size_t store_count(const struct sieve_result *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->count; i++)
		n += run->actions[i].kind == SIEVE_KEEP ||
		     run->actions[i].kind == SIEVE_FILEINTO;
	return n;
}

static pf_status store_actions(struct delivery *d,
			       const struct sieve_result *run,
			       struct pf_error *err)
{
	pf_status first = PF_OK;

	for (size_t i = 0; i < run->count; i++) {
		const struct sieve_action *action = &run->actions[i];
		struct pf_str folder = action->kind == SIEVE_FILEINTO
					   ? action->mailbox
					   : PF_STR("INBOX");
		struct pf_buf rule = PF_BUF_INIT(400);
		pf_status status;

		if ((action->kind != SIEVE_FILEINTO || stored_before(run, i)) &&
		    action->kind != SIEVE_KEEP)
			continue;
		if (action->kind == SIEVE_KEEP && action->implicit) {
			status = implicit_keep(d, action, err);
		} else {
			filter_chain_rule(&d->chain, action, &rule);
			status = store_or_inbox(d, folder, action->create,
						action, pf_buf_str(&rule), err);
		}
		pf_buf_release(&rule);
		if (first == PF_OK)
			first = status;
	}
	/* one copy is there: a retry would double it */
	return d->stored ? PF_OK : first;
}

static void discarded(struct delivery *d, const struct sieve_result *run)
{
	struct pf_buf rule = PF_BUF_INIT(400);

	for (size_t i = 0; i < run->count && rule.len == 0; i++) {
		if (run->actions[i].kind != SIEVE_DISCARD)
			continue;
		filter_chain_rule(&d->chain, &run->actions[i], &rule);
		pf_buf_add_c(&rule, ": discard");
	}
	if (rule.len == 0)
		pf_buf_add_c(&rule, "sieve: nothing to keep");
	mda_delivery_journal(d, PF_STR(""), PF_STR(""), pf_buf_str(&rule));
	pf_buf_release(&rule);
}

static pf_status execute(struct delivery *d, const struct sieve_result *run,
			 struct pf_error *err)
{
	bool keep = false;
	pf_status status = send_away(d, run, &keep, err);

	if (status != PF_OK)
		return status;
	d->last = d->message->rcpt_count == 1 && store_count(run) == 1;
	status = store_actions(d, run, err);
	if (status == PF_OK && keep && !d->stored)
		status = implicit_keep(d, NULL, err);
	if (status != PF_OK)
		return status;
	if (!d->stored && !d->sent && !d->refused)
		discarded(d, run);
	for (size_t i = 0; i < run->count; i++) {
		if (run->actions[i].kind == SIEVE_VACATION)
			mda_delivery_vacation(d, &run->actions[i]);
		if (run->actions[i].kind == SIEVE_NOTIFY)
			mda_delivery_notify(d, &run->actions[i]);
		if (run->actions[i].kind == SIEVE_REPORT)
			mda_delivery_report(d, &run->actions[i]);
	}
	for (size_t i = 0; i < run->seen_count; i++)
		filter_duplicate_remember(&d->rcpt->id, run->seen[i].handle,
					  run->seen[i].id);
	return PF_OK;
}

/* ---- what went wrong with a script ---- */

static void script_failed(struct delivery *d, const struct filter_link *link,
			  const char *text)
{
	if (link->role == FILTER_PERSONAL) {
		d->broken = true;
		notify_user(d, link->script, text);
	} else {
		pf_log(PF_LOG_ERROR, "sieve-script-of-site",
		       PF_LOGC("id", d->message->id),
		       PF_LOGC("path", link->script->path),
		       PF_LOGC("msg", text));
	}
}

static void look_at_scripts(struct delivery *d)
{
	for (size_t i = 0; i < d->chain.n; i++)
		if (!d->chain.links[i].script->script)
			script_failed(d, &d->chain.links[i],
				      d->chain.links[i].script->problem);
}

static void look_at_run(struct delivery *d, const struct sieve_result *run)
{
	char text[280];

	if (!run->problem[0])
		return;
	if (run->problem_line)
		snprintf(text, sizeof text, "line %d: %s", run->problem_line,
			 run->problem);
	else
		snprintf(text, sizeof text, "%s", run->problem);
	script_failed(d, &d->chain.links[run->problem_step], text);
}

static pf_status run_filter(struct delivery *d, struct pf_error *err)
{
	struct sieve_result result = {0};
	pf_status status;

	/* a script that cannot be read (rights, disk) is not "no script": the
	 * mail still arrives, in the folder of its address */
	if (filter_chain_load(d->filter, &d->rcpt->id, &d->chain, err) != PF_OK)
		mda_delivery_problem(d, "sieve script", err);
	look_at_scripts(d);
	if (d->chain.n == 0) {
		d->last = d->message->rcpt_count == 1;
		return implicit_keep(d, NULL, err);
	}
	make_header(d);
	if (run_scripts(d, &result, err) != PF_OK) {
		mda_delivery_problem(d, "sieve", err);
		d->broken = true;
	} else {
		look_at_run(d, &result);
	}
	status = execute(d, &result, err);
	sieve_result_release(&result);
	return status;
}

static void reply(struct delivery *d, pf_status status,
		  const struct pf_error *err)
{
	char text[LMTP_REPLY_MAX];

	/* RCPT has accepted him: whatever is missing now, is missing here */
	if (status == PF_NOTFOUND || status == PF_LIMIT)
		status = PF_UNAVAILABLE;
	d->rcpt->status = status;
	if (status != PF_OK) {
		pf_log_error(PF_LOG_ERROR, "delivery", err,
			     PF_LOGC("id", d->message->id),
			     PF_LOGS("queue", d->message->envelope.queue),
			     PF_LOGC("user", d->rcpt->id.user),
			     PF_LOGC("to", d->rcpt->address));
		snprintf(text, sizeof text, "%s id=%s", pf_status_text(status),
			 d->message->id);
	} else if (d->refusal.p) {
		mda_reply_refusal(d->rcpt->reply, d->refusal);
		d->rcpt->refused = true;
		return;
	} else if (d->stored) {
		snprintf(text, sizeof text, "Saved to %.300s id=%s",
			 d->folders.data, d->message->id);
	} else {
		snprintf(text, sizeof text, "%s id=%s",
			 d->sent      ? "Redirected"
			 : d->refused ? "Refused"
				      : "Discarded",
			 d->message->id);
	}
	if (status == PF_OVERQUOTA && d->filter->conf->quota_bounce)
		mda_reply_full(d->rcpt->reply, pf_str_c(d->rcpt->address));
	else
		mda_reply(d->rcpt->reply, status, pf_str_c(d->rcpt->address),
			  text);
}

static void deliver_one(struct mda_message *message, struct mda_rcpt *rcpt)
{
	struct delivery d = {
	    .filter = message->filter, .message = message, .rcpt = rcpt};
	struct pf_error err = {0};
	pf_status status;

	pf_buf_init(&d.header, 0);
	pf_buf_init(&d.folders, 4096);
	status = mda_store_open(d.filter, &rcpt->id, &d.store, &err);
	if (status == PF_OK)
		status =
		    mda_message_draft(message, d.store, &d.draft, &d.own, &err);
	if (status == PF_OK)
		mda_delivery_share(&d);
	if (status == PF_OK)
		status = run_filter(&d, &err);
	reply(&d, status, &err);
	if (status == PF_OK && d.stored)
		mda_quota_warn(&d);
	filter_chain_release(d.filter, &d.chain);
	store_draft_free(&d.own);
	if (message->draft && !message->store) {
		message->store = d.store; /* the shared file lives there */
		d.store = NULL;
	}
	share_free(&d.share);
	store_close(&d.store);
	pf_buf_release(&d.header);
	pf_buf_release(&d.folders);
}

void mda_message_deliver(struct mda_message *message)
{
	for (size_t i = 0; i < message->rcpt_count; i++)
		deliver_one(message, &message->rcpts[i]);
	mda_message_done(message);
}
