/*
 * Scripts over a message that is in a mailbox: because of what a user did over
 * IMAP (imapsieve, RFC 6785), or because he asked for it (FILTER).
 *
 * A stored message never changes.  keep leaves it where it is; what does not
 * keep it marks it \Deleted, once everything else has been done; so a failure
 * in between loses nothing.  Nobody is answered (reject, vacation): that was
 * the delivery's to do.
 */
#include "filter/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mime/mime.h"

#define KEYWORDS_MAX 64
#define FLAGS_MAX    8192 /* bytes of all of them */

struct apply {
	struct filter *filter;
	const struct auth_identity *id;
	struct store_box *box;
	uint32_t uid;
	const struct filter_event *event;
	struct filter_stored stored;
	struct filter_applied *done;
	bool keep;     /* the message stays */
	bool replaced; /* by a new one, which has its flags */
};

/* ---- flags ---- */

static const struct {
	struct pf_str name;
	uint32_t flag;
} system_flags[] = {{PF_STR("\\Seen"), STORE_SEEN},
		    {PF_STR("\\Answered"), STORE_ANSWERED},
		    {PF_STR("\\Flagged"), STORE_FLAGGED},
		    {PF_STR("\\Deleted"), STORE_DELETED},
		    {PF_STR("\\Draft"), STORE_DRAFT},
		    {PF_STR("$Forwarded"), STORE_PASSED}};
#define SYSTEM_FLAGS (sizeof system_flags / sizeof *system_flags)

static size_t keyword_names(const struct store_box *box, uint64_t keywords,
			    struct pf_str names[KEYWORDS_MAX])
{
	size_t n = 0;

	for (unsigned k = 0; k < STORE_KEYWORDS_MAX; k++) {
		const char *name = keywords & (UINT64_C(1) << k)
				       ? store_box_keyword(box, k)
				       : NULL;

		if (name && n < KEYWORDS_MAX)
			names[n++] = pf_str_c(name);
	}
	return n;
}

void filter_flag_names(const struct store_box *box, uint32_t flags,
		       uint64_t keywords, struct pf_buf *to)
{
	for (size_t i = 0; i < SYSTEM_FLAGS; i++)
		if (flags & system_flags[i].flag)
			pf_buf_addf(to, "%s%.*s", to->len ? " " : "",
				    (int)system_flags[i].name.n,
				    system_flags[i].name.p);
	struct pf_str names[KEYWORDS_MAX];
	size_t n = keyword_names(box, keywords, names);
	for (size_t i = 0; i < n; i++)
		pf_buf_addf(to, "%s%.*s", to->len ? " " : "", (int)names[i].n,
			    names[i].p);
}

static bool system_flag(struct pf_str name, uint32_t *flags)
{
	for (size_t i = 0; i < SYSTEM_FLAGS; i++)
		if (pf_str_ieq(name, system_flags[i].name)) {
			*flags |= system_flags[i].flag;
			return true;
		}
	return name.n == 0 || name.p[0] == '\\';
}

/* The message's flags become those of the action, if it says any. */
static pf_status set_flags(struct apply *a, struct store_box *box, uint32_t uid,
			   const struct sieve_action *action,
			   struct pf_error *err)
{
	struct store_flag_change change = {.mode = STORE_FLAGS_SET,
					   .unchanged_since = UINT64_MAX};
	pf_status status = PF_OK;

	if (!action->flags_set)
		return PF_OK;
	for (size_t i = 0; status == PF_OK && i < action->flag_count; i++) {
		unsigned number;

		if (system_flag(action->flags[i], &change.flags))
			continue;
		status = store_box_keyword_number(box, action->flags[i], true,
						  &number, err);
		if (status == PF_OK)
			change.keywords |= UINT64_C(1) << number;
	}
	if (status == PF_OK)
		status =
		    store_box_change_flags(box, &uid, 1, &change, NULL, err);
	a->done->changed |= status == PF_OK;
	return status;
}

static pf_status mark_deleted(struct apply *a, struct pf_error *err)
{
	const struct store_flag_change change = {.mode = STORE_FLAGS_ADD,
						 .flags = STORE_DELETED,
						 .unchanged_since = UINT64_MAX};

	a->done->changed = true;
	return store_box_change_flags(a->box, &a->uid, 1, &change, NULL, err);
}

/* ---- storing ---- */

static pf_status write_block(void *arg, const char *p, size_t n,
			     struct pf_error *err)
{
	return store_draft_write(arg, p, n, err);
}

/* What an action's message consists of behind the header */
static void body_of(const struct apply *a, const struct sieve_action *action,
		    struct sieve_span *whole, const struct sieve_span **body,
		    size_t *count)
{
	*whole = (struct sieve_span){.fd = a->stored.ask.fd,
				     .start = a->stored.header.len,
				     .size = FILTER_REST};
	*body = action->body ? action->body : whole;
	*count = action->body ? action->body_count : 1;
}

/* A changed message is a new one, with the date and flags of the old one. */
static pf_status store_changed(struct apply *a, struct pf_str mailbox,
			       const struct sieve_action *action,
			       struct pf_error *err)
{
	const struct store_msg *msg = store_box_find(a->box, a->uid);
	struct pf_str keywords[KEYWORDS_MAX];
	struct store_deliver how = {.create = action->create,
				    .keywords = keywords};
	struct store *store = store_box_store(a->box);
	struct store_draft *draft = NULL;
	const struct sieve_span *body;
	struct sieve_span whole;
	size_t count;
	int fd;

	body_of(a, action, &whole, &body, &count);
	if (msg) {
		how.date = msg->date;
		how.flags = msg->flags & ~(uint32_t)STORE_DELETED;
		how.keyword_count =
		    keyword_names(a->box, msg->keywords, keywords);
	}
	for (size_t i = 0; action->flags_set && i < action->flag_count; i++) {
		if (i == 0) {
			how.flags = 0;
			how.keyword_count = 0;
		}
		if (!system_flag(action->flags[i], &how.flags) &&
		    how.keyword_count < KEYWORDS_MAX)
			keywords[how.keyword_count++] = action->flags[i];
	}
	pf_status status = store_draft_new(store, &draft, err);
	if (status == PF_OK)
		status = store_draft_write(draft, action->header.p,
					   action->header.n, err);
	if (status == PF_OK)
		status = store_draft_write(draft, "\n", 1, err);
	if (status == PF_OK)
		status =
		    filter_spans_read(body, count, write_block, draft, err);
	if (status == PF_OK)
		status = store_draft_finish(draft, &fd, err);
	if (status == PF_OK)
		status = store_deliver(store, mailbox, draft, &how, NULL, NULL,
				       NULL, err);
	store_draft_free(&draft);
	return status;
}

static pf_status copy_to(struct apply *a, const struct sieve_action *action,
			 struct pf_error *err)
{
	struct store *store = store_box_store(a->box);
	struct store_copy to = {.name = action->mailbox};
	struct store_uid_pairs pairs = {0};
	struct store_box *box = NULL;
	uint32_t uidvalidity;
	bool exists = false;
	pf_status status =
	    store_name_check(store, action->mailbox, &exists, err);

	if (status == PF_OK && !exists && action->create) {
		status = store_create(store, action->mailbox, NULL, err);
		if (status == PF_OK)
			status =
			    store_subscribe(store, action->mailbox, true, err);
	}
	if (status == PF_OK)
		status = store_box_copy_to(a->box, &a->uid, 1, &to,
					   &uidvalidity, &pairs, err);
	if (status == PF_OK && action->flags_set && pairs.n == 1) {
		status = store_box_open(store, action->mailbox, &box, err);
		if (status == PF_OK)
			status = set_flags(a, box, pairs.v[0].to, action, err);
		store_box_close(&box);
	}
	pf_vec_release(&pairs);
	return status;
}

static pf_status fileinto(struct apply *a, const struct sieve_action *action,
			  struct pf_error *err)
{
	pf_status status = action->header.p
			       ? store_changed(a, action->mailbox, action, err)
			       : copy_to(a, action, err);

	if (status == PF_OK) {
		a->done->changed = true;
		filter_index_notify(a->filter, a->id->user, action->mailbox);
	}
	return status;
}

/* FILTER: a changed message that is kept is put beside the old one, which
 * goes.  After an event changes are forgotten (RFC 6785 3.1). */
static pf_status keep(struct apply *a, const struct sieve_action *action,
		      struct pf_error *err)
{
	if (action->header.p && !a->event->transient) {
		a->replaced = true;
		return store_changed(a, store_box_name(a->box), action, err);
	}
	a->keep = true;
	return set_flags(a, a->box, a->uid, action, err);
}

/* ---- sending ---- */

static struct pf_str owner(const struct apply *a)
{
	return a->stored.message.to.n ? a->stored.message.to : a->event->email;
}

static pf_status redirect(struct apply *a, const struct sieve_action *action,
			  struct pf_error *err)
{
	struct pf_str header =
	    action->header.p ? action->header : pf_buf_str(&a->stored.header);
	struct pf_buf head = PF_BUF_INIT(MIME_HEADER_MAX + 128 * 1024);
	const struct sieve_span *body;
	struct sieve_span whole;
	struct mime_field field;
	size_t count, pos = 0;

	if (filter_looped(pf_buf_str(&a->stored.header), owner(a)))
		return pf_error_set(err, PF_INVALID, NULL,
				    "redirect would loop");
	body_of(a, action, &whole, &body, &count);
	pf_buf_addf(&head, FILTER_LOOP_FIELD ": %.*s\n", (int)owner(a).n,
		    owner(a).p);
	while (mime_field_next(header, &pos, &field)) {
		if (pf_str_ieq(field.name, PF_STR("Return-Path")) ||
		    pf_str_ieq(field.name, PF_STR("Delivered-To")))
			continue;
		for (size_t i = 0; i < field.size; i++)
			if (header.p[field.offset + i] != '\r')
				pf_buf_add_byte(&head,
						header.p[field.offset + i]);
	}
	pf_buf_add_byte(&head, '\n');
	pf_status status = pf_buf_status(&head, err);
	if (status == PF_OK) /* from the owner (RFC 6785 3.4) */
		status = filter_send_dsn(a->filter, owner(a), action->address,
					 &action->dsn, pf_buf_str(&head), body,
					 count, err);
	pf_buf_release(&head);
	return status;
}

static pf_status pipe_to(struct apply *a, const struct sieve_action *action,
			 struct pf_error *err)
{
	const struct filter_caller caller = {.filter = a->filter,
					     .id = a->id,
					     .from = a->stored.message.from,
					     .to = a->stored.message.to};
	const struct sieve_span *body;
	struct sieve_span whole;
	size_t count;

	body_of(a, action, &whole, &body, &count);
	if (filter_pipe(&caller, action, body, count))
		return PF_OK;
	return pf_error_set(
	    err, PF_INVALID, NULL, "the program %.*s did not take the message",
	    (int)action->program->name.n, action->program->name.p);
}

static pf_status report(struct apply *a, const struct sieve_action *action,
			struct pf_error *err)
{
	const struct sieve_span *body;
	struct sieve_span whole;
	size_t count;

	body_of(a, action, &whole, &body, &count);
	return filter_report(a->filter, action, a->stored.message.from, body,
			     count, err);
}

static pf_status notify(struct apply *a, const struct sieve_action *action,
			struct pf_error *err)
{
	char *address = pf_str_dup(owner(a));
	struct pf_str from = filter_notify_sender(a->filter, address, action);
	struct pf_buf letter = PF_BUF_INIT(1 << 20);
	pf_status status = PF_OK;

	filter_compose_notify(a->filter, address, from, action,
			      pf_buf_str(&a->stored.header), &letter);
	for (size_t i = 0; status == PF_OK && i < action->mailto->to_count; i++)
		status = filter_send(a->filter, from, action->mailto->to[i],
				     pf_buf_str(&letter), -1, 0, err);
	pf_buf_release(&letter);
	free(address);
	return status;
}

/* ---- all actions ---- */

static pf_status one(struct apply *a, const struct sieve_action *action,
		     struct pf_error *err)
{
	switch (action->kind) {
	case SIEVE_KEEP:
		return keep(a, action, err);
	case SIEVE_FILEINTO:
		if (pf_str_eq(action->mailbox, store_box_name(a->box)))
			return keep(a, action, err);
		a->keep |= action->copy;
		return fileinto(a, action, err);
	case SIEVE_REDIRECT:
		a->done->changed = true;
		return redirect(a, action, err);
	case SIEVE_PIPE:
		a->done->changed = true;
		return pipe_to(a, action, err);
	case SIEVE_REPORT:
		return report(a, action, err);
	case SIEVE_NOTIFY:
		return notify(a, action, err);
	case SIEVE_REJECT: /* the message is not lost for that */
		a->keep = true;
		return PF_OK;
	case SIEVE_VACATION:
	case SIEVE_DISCARD:
		break;
	}
	return PF_OK;
}

static void note_problem(struct apply *a, int line, const char *text)
{
	struct filter_applied *done = a->done;

	done->failed = true;
	if (done->problem[0])
		return;
	if (line > 0)
		snprintf(done->problem, sizeof done->problem, "line %d: %.200s",
			 line, text);
	else
		snprintf(done->problem, sizeof done->problem, "%.220s", text);
}

static pf_status execute(struct apply *a, const struct sieve_result *result,
			 struct pf_error *err)
{
	pf_status status = PF_OK;

	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *action = &result->actions[i];
		struct pf_error why = {0};

		if (one(a, action, &why) == PF_OK)
			continue;
		a->keep = true;
		if (!action->attempt)
			note_problem(a, action->line,
				     why.log[0] ? why.log
						: "the action failed");
	}
	if (!a->keep)
		status = mark_deleted(a, err);
	return status;
}

/* ---- the run ---- */

static pf_status run(struct apply *a, const struct filter_chain *chain,
		     struct pf_error *err)
{
	const struct store_msg *msg = store_box_find(a->box, a->uid);
	struct sieve_message *message = &a->stored.message;
	struct pf_buf flags = PF_BUF_INIT(FLAGS_MAX);
	struct sieve_result result = {0};
	struct sieve_limits limits;

	if (msg)
		filter_flag_names(a->box, msg->flags, msg->keywords, &flags);
	message->flags = pf_buf_str(&flags);
	message->no_envelope = a->event->transient;
	a->stored.ask.event = a->event;
	filter_limits(a->filter->conf, &limits);
	pf_status status =
	    filter_chain_run(chain, message, &limits, NULL, NULL, &result, err);
	if (status == PF_OK && result.problem[0])
		note_problem(a, result.problem_line, result.problem);
	if (status == PF_OK && !result.failed)
		status = execute(a, &result, err);
	sieve_result_release(&result);
	pf_buf_release(&flags);
	return status;
}

pf_status filter_apply(struct filter *filter, const struct auth_identity *id,
		       const struct filter_chain *chain, struct store_box *box,
		       uint32_t uid, const struct filter_event *event,
		       struct filter_applied *done, struct pf_error *err)
{
	struct apply a = {.filter = filter,
			  .id = id,
			  .box = box,
			  .uid = uid,
			  .event = event,
			  .done = done};
	uint64_t size;
	int fd;

	*done = (struct filter_applied){0};
	pf_status status = store_msg_open(box, uid, &fd, &size, err);
	if (status != PF_OK)
		return status;
	status = filter_stored_init(&a.stored, filter, id, store_box_store(box),
				    fd, NULL, err);
	if (status == PF_OK) {
		status = run(&a, chain, err);
		filter_stored_release(&a.stored);
	}
	close(fd);
	return status;
}
