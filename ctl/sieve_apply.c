/*
 * penfold sieve apply: files mail that is there already by a script.
 *
 * Only filing is done: fileinto, and flags.  What keeps a message leaves it
 * where it is; nothing is sent, rejected, answered or deleted (discard can be
 * told to move instead).  Without --yes it only shows what it would do.
 *
 * It can be stopped and begun again at any time: a move is one step of the
 * store's, and a copy that is there is not made again, because a copy has the
 * GUID of its original.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "ctl/sieve.h"

struct dest {
	struct dest *next;
	char *name;
	struct store_box *box; /* NULL: not there, or not yet */
	struct pf_map guids;   /* -> uid */
};

struct apply {
	struct ctl_sieve *s;
	struct sieve_script *script;
	struct store_box *box;
	const char *discard_to; /* or NULL: stays */
	bool yes, create;
	struct dest *dests;
	size_t filed, copied, stay, failed;
};

/* ---- flags ------------------------------------------------------------------
 */

static uint32_t system_flag(struct pf_str name)
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
		if (pf_str_ieq(name, known[i].name))
			return known[i].flag;
	return 0;
}

static pf_status add_flags(struct store_box *box, uint32_t uid,
			   const struct sieve_action *action,
			   struct pf_error *err)
{
	struct store_flag_change change = {.mode = STORE_FLAGS_ADD,
					   .unchanged_since = UINT64_MAX};
	pf_status status = PF_OK;

	for (size_t i = 0; status == PF_OK && i < action->flag_count; i++) {
		struct pf_str name = action->flags[i];
		uint32_t flag = system_flag(name);
		unsigned number;

		change.flags |= flag;
		if (flag || name.n == 0 || name.p[0] == '\\')
			continue;
		status =
		    store_box_keyword_number(box, name, true, &number, err);
		if (status == PF_OK)
			change.keywords |= UINT64_C(1) << number;
	}
	if (status == PF_OK && (change.flags || change.keywords))
		status =
		    store_box_change_flags(box, &uid, 1, &change, NULL, err);
	return status;
}

/* ---- where to
 * ----------------------------------------------------------------- */

static void note_guids(struct dest *dest)
{
	struct store_box_info info;

	store_box_info(dest->box, &info);
	for (uint32_t at = 0; at < info.messages; at++) {
		uint32_t uid = store_box_at(dest->box, at)->uid;

		pf_map_set(&dest->guids, store_msg_guid(dest->box, uid),
			   (void *)(uintptr_t)uid);
	}
}

static struct dest *find_dest(struct apply *a, struct pf_str name)
{
	struct dest *dest = a->dests;

	while (dest && !pf_str_eq(pf_str_c(dest->name), name))
		dest = dest->next;
	if (dest)
		return dest;
	dest = calloc(1, sizeof *dest);
	if (!dest)
		abort();
	dest->name = pf_str_dup(name);
	dest->next = a->dests;
	a->dests = dest;
	return dest;
}

static pf_status open_dest(struct apply *a, struct pf_str name, bool create,
			   struct dest **out, struct pf_error *err)
{
	struct dest *dest = find_dest(a, name);
	pf_status status = PF_OK;

	if (!dest->box) {
		status = store_box_open(a->s->store, name, &dest->box, err);
		if (status == PF_NOTFOUND && create) {
			status = store_create(a->s->store, name, NULL, err);
			if (status == PF_OK)
				status = store_subscribe(a->s->store, name,
							 true, err);
			if (status == PF_OK)
				status = store_box_open(a->s->store, name,
							&dest->box, err);
		}
		if (status == PF_OK)
			note_guids(dest);
	}
	if (status == PF_OK)
		*out = dest;
	return status;
}

static pf_status copy_to(struct apply *a, uint32_t uid, struct dest *dest,
			 const struct sieve_action *action,
			 struct pf_error *err)
{
	struct pf_str guid = store_msg_guid(a->box, uid);
	struct store_uid_pairs pairs = {0};
	void *there = pf_map_get(&dest->guids, guid);
	uint32_t to = (uint32_t)(uintptr_t)there, validity;
	char *name = pf_str_dup(guid);
	pf_status status = PF_OK;

	if (!there) {
		status = store_box_copy(a->box, &uid, 1, pf_str_c(dest->name),
					false, &validity, &pairs, err);
		to = status == PF_OK && pairs.n ? pairs.v[0].to : 0;
		if (to) {
			pf_map_set(&dest->guids, pf_str_c(name),
				   (void *)(uintptr_t)to);
			a->copied++;
		}
	}
	if (status == PF_OK && to && action && action->flag_count) {
		status = store_box_sync(dest->box, false, err);
		if (status == PF_OK)
			status = add_flags(dest->box, to, action, err);
	}
	pf_vec_release(&pairs);
	free(name);
	return status;
}

/* Flags first: a move takes them along, and there is nothing behind it. */
static pf_status move_to(struct apply *a, uint32_t uid, struct dest *dest,
			 const struct sieve_action *action,
			 struct pf_error *err)
{
	struct store_uid_pairs pairs = {0};
	uint32_t validity;
	pf_status status = PF_OK;

	if (action && action->flag_count)
		status = add_flags(a->box, uid, action, err);
	if (status == PF_OK)
		status = store_box_copy(a->box, &uid, 1, pf_str_c(dest->name),
					true, &validity, &pairs, err);
	if (status == PF_OK)
		a->filed++;
	pf_vec_release(&pairs);
	return status;
}

/* ---- one message
 * ------------------------------------------------------------- */

struct plan {
	const struct sieve_action *to[64];
	size_t n;
	const struct sieve_action *keep; /* or NULL */
	bool discard;
};

static void make_plan(const struct apply *a, const struct sieve_result *result,
		      struct plan *plan)
{
	struct pf_str here = store_box_name(a->box);

	*plan = (struct plan){.n = 0};
	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *action = &result->actions[i];

		if (action->kind == SIEVE_FILEINTO &&
		    !pf_str_eq(action->mailbox, here) &&
		    plan->n < sizeof plan->to / sizeof *plan->to)
			plan->to[plan->n++] = action;
		else if (action->kind == SIEVE_DISCARD)
			plan->discard = a->discard_to != NULL;
		else if (action->kind != SIEVE_VACATION &&
			 action->kind != SIEVE_NOTIFY && !action->copy)
			plan->keep = action; /* also: what would leave us */
	}
}

static void describe_plan(const struct apply *a, const struct plan *plan,
			  struct ctl_places *places)
{
	for (size_t i = 0; i < plan->n; i++)
		ctl_places_add(places, plan->to[i]->mailbox);
	if (plan->n == 0 && plan->discard)
		ctl_places_add(places, pf_str_c(a->discard_to));
	else if (plan->n == 0 || plan->keep)
		ctl_places_add(places, store_box_name(a->box));
}

static pf_status carry_out(struct apply *a, uint32_t uid,
			   const struct plan *plan, struct pf_error *err)
{
	pf_status status = PF_OK;
	struct dest *dest = NULL;

	/* all of them are there before anything is done */
	for (size_t i = 0; status == PF_OK && i < plan->n; i++)
		status =
		    open_dest(a, plan->to[i]->mailbox,
			      a->create || plan->to[i]->create, &dest, err);
	for (size_t i = 0; status == PF_OK && i < plan->n; i++) {
		dest = find_dest(a, plan->to[i]->mailbox);
		if (i + 1 < plan->n || plan->keep)
			status = copy_to(a, uid, dest, plan->to[i], err);
		else
			status = move_to(a, uid, dest, plan->to[i], err);
	}
	if (status == PF_OK && plan->n == 0 && plan->discard) {
		status = open_dest(a, pf_str_c(a->discard_to), a->create, &dest,
				   err);
		if (status == PF_OK)
			status = move_to(a, uid, dest, NULL, err);
	} else if (status == PF_OK && plan->keep) {
		a->stay += plan->n == 0;
		status = add_flags(a->box, uid, plan->keep, err);
	} else if (status == PF_OK && plan->n == 0) {
		a->stay++;
	}
	return status;
}

static void show(struct apply *a, const struct filter_stored *stored,
		 const struct plan *plan)
{
	struct pf_buf from = PF_BUF_INIT(65536), subject = PF_BUF_INIT(65536);
	struct pf_buf text = PF_BUF_INIT(65536);
	struct ctl_places places = {0};

	if (plan->n || plan->discard) {
		describe_plan(a, plan, &places);
		ctl_places_print(&places, &text);
		ctl_mail_fields(stored->message.header, &from, &subject);
		ctl_print_column(pf_buf_str(&from), 28);
		ctl_print_column(pf_buf_str(&subject), 40);
		printf("-> %s\n", text.data);
		a->filed++;
	} else {
		a->stay++;
	}
	ctl_places_release(&places);
	pf_buf_release(&from);
	pf_buf_release(&subject);
	pf_buf_release(&text);
}

static void complain(struct apply *a, uint32_t uid, const char *text)
{
	a->failed++;
	fprintf(stderr, "%suid %u: %s\n",
		isatty(STDERR_FILENO) ? "\r\033[K" : "", uid, text);
}

/* What concerns one message only is told, and the others go on. */
static pf_status apply_one(struct apply *a, uint32_t uid, struct pf_error *err)
{
	struct filter_stored stored;
	struct sieve_result result;
	struct plan plan;
	uint64_t size;
	int fd;
	pf_status status = store_msg_open(a->box, uid, &fd, &size, err);

	if (status != PF_OK)
		return status == PF_EXPUNGED ? PF_OK : status;
	status = filter_stored_init(&stored, &a->s->filter, &a->s->id,
				    a->s->store, fd, NULL, err);
	if (status == PF_OK) {
		status = sieve_run(a->script, &stored.message, &a->s->limits,
				   NULL, NULL, &result, err);
		if (result.failed) {
			complain(a, uid, result.problem);
		} else if (status == PF_OK) {
			make_plan(a, &result, &plan);
			if (a->yes)
				status = carry_out(a, uid, &plan, err);
			else
				show(a, &stored, &plan);
		}
		sieve_result_release(&result);
		filter_stored_release(&stored);
	}
	close(fd);
	if (status == PF_NOTFOUND || status == PF_INVALID) {
		complain(a, uid, err->log);
		status = PF_OK;
	}
	return status;
}

static pf_status apply_all(struct apply *a, const char *mailbox,
			   struct pf_error *err)
{
	struct store_uids uids = {0};
	struct store_box_info info;
	pf_status status =
	    store_box_open(a->s->store, pf_str_c(mailbox), &a->box, err);

	if (status != PF_OK)
		return status;
	store_box_info(a->box, &info);
	for (uint32_t at = 0; at < info.messages; at++)
		pf_vec_push(&uids, store_box_at(a->box, at)->uid);
	for (size_t i = 0; status == PF_OK && i < uids.n; i++) {
		status = apply_one(a, uids.v[i], err);
		if (a->yes)
			ctl_progress("apply", i + 1, uids.n);
	}
	pf_vec_release(&uids);
	return status;
}

static void release(struct apply *a)
{
	for (struct dest *d = a->dests, *next; d; d = next) {
		next = d->next;
		store_box_close(&d->box);
		pf_map_release(&d->guids);
		free(d->name);
		free(d);
	}
	store_box_close(&a->box);
	sieve_script_free(&a->script);
}

static void summary(const struct apply *a)
{
	if (a->yes)
		printf("%zu moved, %zu copied, %zu stay, %zu failed\n",
		       a->filed, a->copied, a->stay, a->failed);
	else
		printf("%zu would be filed, %zu stay.  Nothing was changed: "
		       "add --yes to do it.\n",
		       a->filed, a->stay);
}

int ctl_sieve_apply(struct ctl_sieve *s)
{
	const char *mailbox = ctl_option(s->ctl, "--mailbox");
	struct apply a = {.s = s,
			  .discard_to = ctl_option(s->ctl, "--discard-to"),
			  .yes = ctl_switch(s->ctl, "--yes"),
			  .create = ctl_switch(s->ctl, "--create")};
	struct pf_error err;
	int code = 0;

	if (s->ctl->argc != 2 || !mailbox)
		return ctl_usage(s->ctl, "which script, and --mailbox?");
	a.script = ctl_sieve_compile(s, s->ctl->argv[1], stderr);
	if (!a.script || !ctl_sieve_open_mail(s, !a.yes)) {
		release(&a);
		return 1;
	}
	if (apply_all(&a, mailbox, &err) != PF_OK)
		code = ctl_fail(s->ctl, &err);
	summary(&a);
	if (a.failed)
		code = 1;
	release(&a);
	return code;
}
