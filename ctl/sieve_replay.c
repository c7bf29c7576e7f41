/*
 * penfold sieve replay: a candidate script over mail that was delivered
 * already, with the envelope that it came with, beside what was done then.
 * Nothing is written: the store is opened for reading, and what a script
 * would send is only named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/journal.h"
#include "base/map.h"
#include "ctl/sieve.h"
#include "mime/mime.h"

#define LAST_DEFAULT 1000
#define DAY_US	     ((int64_t)86400 * 1000000)

/* What the journal knows of one delivery. */
struct past {
	struct past *next;
	struct pf_str from, to;
	bool cut, shown;
	struct ctl_places places;
};

struct candidate {
	size_t box; /* of names */
	uint32_t uid;
	int64_t date;
};
struct candidates pf_vec(struct candidate);

struct replay {
	struct ctl_sieve *s;
	struct filter_chain chain;
	struct filter_script script; /* the candidate, in the user's place */
	struct pf_arena arena;
	struct store_names names;
	struct candidates mail;
	int64_t since_us;    /* the journal is read back to there */
	struct pf_map pasts; /* "d:" id, "f:" file, "m:" message -> past */
	struct past *all;
	bool json, show_all;
	size_t seen, changed, unknown, failed, printed;
};

/* ---- the journal ----------------------------------------------------------
 */

static struct pf_str key(char room[128], char kind, struct pf_str text)
{
	int n = snprintf(room, 128, "%c:%.*s", kind,
			 text.n > 120 ? 120 : (int)text.n, text.p);

	return pf_str_mem(room, (size_t)n);
}

static struct past *past_of(struct replay *r, struct pf_str id)
{
	char room[128];
	struct past *past = pf_map_get(&r->pasts, key(room, 'd', id));

	if (past)
		return past;
	past = calloc(1, sizeof *past);
	if (!past)
		abort();
	past->next = r->all;
	r->all = past;
	pf_map_set(&r->pasts, key(room, 'd', id), past);
	return past;
}

/* "...: redirect to x", of what left no copy */
static struct pf_str action_of(struct pf_str rule)
{
	const char *at = memmem(rule.p, rule.n, ": ", 2);

	return at ? pf_str_from(rule, (size_t)(at - rule.p) + 2) : rule;
}

static bool remember(void *arg, const struct pf_journal_entry *e)
{
	struct replay *r = arg;
	const struct pf_str texts[] = {e->file, e->message};
	char room[128];

	if (e->when_us < r->since_us)
		return false;
	if (!pf_str_ieq(e->user, pf_str_c(r->s->id.user)))
		return true;
	struct past *past = past_of(r, e->id);
	past->from = pf_arena_str(&r->arena, e->sender);
	past->to = pf_arena_str(&r->arena, e->recipient);
	past->cut = e->cut;
	ctl_places_add(&past->places,
		       e->mailbox.n ? e->mailbox : action_of(e->rule));
	/* the newest of that name stays */
	for (int i = 0; i < 2; i++) {
		struct pf_str k = key(room, "fm"[i], texts[i]);

		if (texts[i].n && !pf_map_get(&r->pasts, k))
			pf_map_set(&r->pasts, k, past);
	}
	return true;
}

static struct past *find_past(struct replay *r, struct pf_str guid,
			      struct pf_str header)
{
	char room[128], hash[PF_JOURNAL_MESSAGE_SIZE] = "";
	struct mime_field field;
	size_t pos = 0;
	struct past *past =
	    pf_map_get(&r->pasts, key(room, 'f', pf_journal_file(guid)));

	while (!past && !hash[0] && mime_field_next(header, &pos, &field))
		if (pf_str_ieq(field.name, PF_STR("Message-ID")))
			pf_journal_message(field.raw, hash);
	return past || !hash[0]
		   ? past
		   : pf_map_get(&r->pasts, key(room, 'm', pf_str_c(hash)));
}

/* ---- one message ------------------------------------------------------------
 */

static void print_row(struct replay *r, const struct candidate *c,
		      const struct filter_stored *stored,
		      const struct sieve_result *result,
		      const struct ctl_places *was,
		      const struct ctl_places *would, bool known)
{
	struct pf_buf from = PF_BUF_INIT(65536), subject = PF_BUF_INIT(65536);
	struct pf_buf before = PF_BUF_INIT(65536), after = PF_BUF_INIT(65536);
	time_t when = (time_t)c->date;
	char stamp[20];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%d", &tm);
	ctl_mail_fields(stored->message.header, &from, &subject);
	if (r->json) {
		printf("%s\n {\"mailbox\": ", r->printed ? "," : "[");
		ctl_json_string(r->names.v[c->box].name);
		printf(", \"uid\": %u, \"date\": \"%s\"", c->uid, stamp);
		ctl_json_member("from", pf_buf_str(&from));
		ctl_json_member("subject", pf_buf_str(&subject));
		printf(", \"journal\": %s, \"was\": ",
		       known ? "true" : "false");
		ctl_places_json(was);
		printf(", \"would_be\": ");
		ctl_places_json(would);
		printf(", \"line\": %d",
		       result->count ? result->actions[0].line : 0);
		if (result->problem[0])
			ctl_json_member("problem", pf_str_c(result->problem));
		putchar('}');
	} else {
		if (!r->printed)
			printf("%-10s %-24s %-32s %-20s    %s\n", "DATE",
			       "FROM", "SUBJECT", "WAS", "WOULD BE");
		ctl_places_print(was, &before);
		ctl_places_print(would, &after);
		printf("%s ", stamp);
		ctl_print_column(pf_buf_str(&from), 24);
		ctl_print_column(pf_buf_str(&subject), 32);
		ctl_print_column(pf_buf_str(&before), 20);
		printf("-> %s%s\n", after.data,
		       result->problem[0] ? " (the script fails)" : "");
	}
	r->printed++;
	pf_buf_release(&from);
	pf_buf_release(&subject);
	pf_buf_release(&before);
	pf_buf_release(&after);
}

static pf_status replay_one(struct replay *r, struct store_box *box,
			    const struct candidate *c, struct pf_error *err)
{
	struct ctl_places here = {0}, would = {0};
	struct filter_stored stored;
	struct sieve_result result;
	uint64_t size;
	int fd;
	pf_status status = store_msg_open(box, c->uid, &fd, &size, err);

	if (status != PF_OK)
		return status == PF_EXPUNGED ? PF_OK : status;
	status = filter_stored_init(&stored, &r->s->filter, &r->s->id,
				    r->s->store, fd, NULL, err);
	if (status != PF_OK) {
		close(fd);
		return status;
	}
	struct past *past =
	    find_past(r, store_msg_guid(box, c->uid), stored.message.header);
	bool again = past && past->shown;
	if (past) {
		past->shown = true;
		if (!past->cut)
			filter_stored_envelope(
			    &stored,
			    &(struct filter_envelope){past->from, past->to});
	}
	stored.message.now = (time_t)c->date; /* vacation dates, date tests */
	if (!again) {
		status =
		    filter_chain_run(&r->chain, &stored.message, &r->s->limits,
				     NULL, NULL, &result, err);
		ctl_sieve_places(r->s, &stored.message, &result, &would);
		ctl_places_add(&here, r->names.v[c->box].name);
		const struct ctl_places *was = past ? &past->places : &here;
		bool changed = !ctl_places_equal(was, &would);
		r->seen++;
		r->changed += changed;
		r->unknown += !past;
		r->failed += result.problem[0] != '\0';
		if (changed || r->show_all)
			print_row(r, c, &stored, &result, was, &would,
				  past != NULL);
		sieve_result_release(&result);
	}
	ctl_places_release(&here);
	ctl_places_release(&would);
	filter_stored_release(&stored);
	close(fd);
	return status;
}

/* ---- which messages ---------------------------------------------------------
 */

static int newest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->date < y->date ? 1 : x->date > y->date ? -1 : 0;
}

static int by_box(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->box != y->box)
		return x->box < y->box ? -1 : 1;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static pf_status gather(struct replay *r, const char *only, int64_t since,
			struct pf_error *err)
{
	pf_status status = store_list(r->s->store, &r->arena, &r->names, err);
	bool found = !only;

	for (size_t i = 0; status == PF_OK && i < r->names.n; i++) {
		struct store_box *box;
		struct store_box_info info;

		if (!(r->names.v[i].flags & STORE_NAME_EXISTS) ||
		    (only && !pf_str_eq(r->names.v[i].name, pf_str_c(only))))
			continue;
		found = true;
		status =
		    store_box_open(r->s->store, r->names.v[i].name, &box, err);
		if (status != PF_OK)
			break;
		store_box_info(box, &info);
		for (uint32_t at = 0; at < info.messages; at++) {
			const struct store_msg *m = store_box_at(box, at);
			struct candidate c = {i, m->uid, m->date};

			if (m->date >= since)
				pf_vec_push(&r->mail, c);
		}
		store_box_close(&box);
	}
	if (status == PF_OK && !found)
		status = pf_error_set(err, PF_NOTFOUND, NULL,
				      "there is no mailbox \"%s\"", only);
	return status;
}

static void choose(struct replay *r, uint64_t last)
{
	if (r->mail.n == 0)
		return;
	qsort(r->mail.v, r->mail.n, sizeof *r->mail.v, newest_first);
	if (r->mail.n > last)
		r->mail.n = (size_t)last;
	r->since_us = r->mail.v[r->mail.n - 1].date * 1000000 - DAY_US;
	qsort(r->mail.v, r->mail.n, sizeof *r->mail.v, by_box);
}

static pf_status replay_all(struct replay *r, struct pf_error *err)
{
	struct store_box *box = NULL;
	pf_status status = PF_OK;

	for (size_t i = 0; status == PF_OK && i < r->mail.n; i++) {
		const struct candidate *c = &r->mail.v[i];

		if (i == 0 || c->box != r->mail.v[i - 1].box) {
			store_box_close(&box);
			status = store_box_open(
			    r->s->store, r->names.v[c->box].name, &box, err);
		}
		if (status == PF_OK)
			status = replay_one(r, box, c, err);
		if (r->json || !isatty(STDOUT_FILENO))
			ctl_progress("replay", i + 1, r->mail.n);
	}
	store_box_close(&box);
	return status;
}

/* The candidate in the place of the user's script, between the site's. */
static void take_place(struct replay *r)
{
	struct filter_chain *chain = &r->chain;
	size_t at = 0;

	while (at < chain->n && chain->links[at].role == FILTER_BEFORE)
		at++;
	if (at < chain->n && chain->links[at].role != FILTER_AFTER) {
		filter_script_unref(r->s->filter.rules,
				    &chain->links[at].script);
	} else {
		if (chain->n == FILTER_CHAIN_MAX)
			chain->n--; /* as delivery would */
		for (size_t i = chain->n++; i > at; i--)
			chain->links[i] = chain->links[i - 1];
	}
	r->script.refs = 2; /* never freed by the cache */
	chain->links[at] = (struct filter_link){FILTER_PERSONAL, &r->script};
}

static void summary(const struct replay *r)
{
	if (r->json) {
		puts(r->printed ? "\n]" : "[]");
		return;
	}
	printf("%zu of %zu messages would be treated differently.\n",
	       r->changed, r->seen);
	if (r->unknown)
		printf("%zu are not in the journal: their envelope is taken "
		       "from the header, and WAS is where they are now.\n",
		       r->unknown);
	if (r->failed)
		printf("The script fails on %zu of them.\n", r->failed);
}

static bool parse_since(const char *text, int64_t *since)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end;

	*since = INT64_MIN;
	if (!text)
		return true;
	end = strptime(text, "%Y-%m-%d", &tm);
	if (!end || *end)
		return false;
	*since = mktime(&tm);
	return true;
}

static void release(struct replay *r)
{
	for (struct past *p = r->all, *next; p; p = next) {
		next = p->next;
		ctl_places_release(&p->places);
		free(p);
	}
	pf_map_release(&r->pasts);
	filter_chain_release(&r->s->filter, &r->chain);
	sieve_script_free(&r->script.script);
	pf_vec_release(&r->mail);
	pf_vec_release(&r->names);
	pf_arena_release(&r->arena);
}

int ctl_sieve_replay(struct ctl_sieve *s)
{
	const char *last = ctl_option(s->ctl, "--last");
	const char *since = ctl_option(s->ctl, "--since");
	const char *mailbox = ctl_option(s->ctl, "--mailbox");
	struct replay r = {.s = s,
			   .json = ctl_switch(s->ctl, "--json"),
			   .show_all = ctl_switch(s->ctl, "--all")};
	uint64_t count = since ? UINT64_MAX : LAST_DEFAULT;
	int64_t from;
	struct pf_error err;
	int code = 0;

	if (s->ctl->argc != 2)
		return ctl_usage(s->ctl, "which script?");
	if (last && !pf_str_u64(pf_str_c(last), UINT64_MAX, &count))
		return ctl_usage(s->ctl, "--last takes a number");
	if (!parse_since(since, &from))
		return ctl_usage(s->ctl, "--since takes a date: 2024-12-31");
	pf_arena_init(&r.arena, SIZE_MAX);
	r.script.path = s->ctl->argv[1];
	r.script.script = ctl_sieve_compile(s, s->ctl->argv[1], stderr);
	if (!r.script.script || !ctl_sieve_open_mail(s, true)) {
		release(&r);
		return 1;
	}
	if (filter_chain_load(&s->filter, &s->id, &r.chain, &err) != PF_OK)
		fprintf(stderr, "penfold sieve: %s\n", err.log);
	take_place(&r);
	pf_status status = gather(&r, mailbox, from, &err);
	if (status == PF_OK) {
		choose(&r, count);
		if (pf_journal_scan(s->conf.state_dir, PF_STR(""), remember, &r,
				    &err) != PF_OK)
			fprintf(stderr, "penfold sieve: %s\n", err.log);
		status = replay_all(&r, &err);
	}
	if (status == PF_OK)
		summary(&r);
	else
		code = ctl_fail(s->ctl, &err);
	release(&r);
	return code;
}
