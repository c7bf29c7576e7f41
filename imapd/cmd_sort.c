/*
 * SORT, THREAD and their UID forms (RFC 5256; DISPLAYFROM, DISPLAYTO: RFC 5957;
 * RETURN: RFC 5267 3).
 *
 * First a search, then what the messages are ordered by is read, from the
 * store's records and from the header summary (summary.c), which is made here
 * where it is missing; then sorted by merging, or threaded (imap/thread.c).
 * Everything but the last step of THREAD goes by time slices.  What came out
 * is kept (order.h) for the next time.
 *
 * Texts are compared folded as i;unicode-casemap has it (RFC 5255 4.3).
 */
#include <stdlib.h>

#include "base/clock.h"
#include "imapd/context.h"
#include "imapd/fetch.h"
#include "imapd/order.h"

/* As much of a text as decides an order, and of a field that is looked at for
 * its first address. */
#define KEY_MAX	    512
#define ADDRESS_MAX 8192
#define TEXTS_MAX   ((size_t)1 << 31)
/* Steps of a merge between two looks at the clock. */
#define CLOCK_EVERY 4096

struct value {
	int64_t number; /* or a text: */
	uint32_t at, n;
};

struct sort_cmd {
	struct find find;
	struct imap_sort by;
	struct imap_threads *threads; /* THREAD */
	struct message message;
	struct pf_buf header, text, base;
	size_t read; /* of find.found */
	/* SORT: rows of by.count values */
	struct pf_vec(struct value) values;
	struct pf_buf texts;
	struct store_uids uids; /* row -> UID; then in order */
	/* merging rows in `from` into `to`: runs of `width` */
	uint32_t *from, *to;
	size_t width, low, left, right, out;
	bool sorted;
	/* THREAD: the answer, in UIDs */
	struct pf_buf answer;
	size_t told;
	bool threaded;
	/* under which the outcome is kept */
	struct store_box_info box;
	struct pf_buf how;
};

static void release_sort(struct sort_cmd *s)
{
	find_release(&s->find);
	imap_threads_free(&s->threads);
	message_release(&s->message);
	pf_buf_release(&s->header);
	pf_buf_release(&s->text);
	pf_buf_release(&s->base);
	pf_buf_release(&s->texts);
	pf_buf_release(&s->answer);
	pf_buf_release(&s->how);
	pf_vec_release(&s->values);
	pf_vec_release(&s->uids);
	free(s->from);
	free(s->to);
}

static void release(struct cmd *cmd)
{
	release_sort(cmd->state);
}

/* ---- beginning ------------------------------------------------------------
 */

static void init_sort(struct sort_cmd *s, struct client *client)
{
	message_init(&s->message, client);
	pf_buf_init(&s->find.index_path, 0);
	pf_buf_init(&s->header, MIME_HEADER_MAX + 64); /* and its edition */
	pf_buf_init(&s->text, 4 * MIME_HEADER_MAX);
	pf_buf_init(&s->base, 4 * MIME_HEADER_MAX);
	pf_buf_init(&s->texts, TEXTS_MAX);
	pf_buf_init(&s->answer, TEXTS_MAX);
	pf_buf_init(&s->how, 256);
}

static struct sort_cmd *new_state(struct cmd *cmd)
{
	struct sort_cmd *s = PF_ARENA_NEW(&cmd->arena, struct sort_cmd);

	init_sort(s, cmd->client);
	cmd->state = s;
	cmd->release = release;
	return s;
}

static bool by_relevance(const struct imap_sort *by)
{
	for (size_t i = 0; i < by->count; i++)
		if (by->keys[i].kind == IMAP_SORT_RELEVANCY)
			return true;
	return false;
}

/* charset and keys */
static enum run begin_find(struct cmd *cmd, struct sort_cmd *s,
			   const struct imap_arg *args)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};
	struct pf_str charset;

	if (!imap_arg_astring(args, &charset) || charset.n == 0)
		return reply_bad(cmd, "Charset expected");
	pf_status status = imap_search_parse_keys(
	    args + 1, charset, store_view_count(client->view), star_uid(client),
	    &cmd->arena, &s->find.what, &err);
	if (status != PF_OK)
		return find_syntax(cmd, status, &err);
	if (by_relevance(&s->by) && !s->find.what.has_fuzzy)
		return reply_bad(cmd, "RELEVANCY needs FUZZY");
	s->find.relevance.wanted = by_relevance(&s->by);
	return find_begin(cmd, &s->find);
}

static enum run begin_sort(struct cmd *cmd)
{
	struct sort_cmd *s = new_state(cmd);
	const struct imap_arg *args = cmd->args;
	struct pf_error err = {0};

	if (imap_return_parse(&args, &cmd->arena, &s->find.what, &err) !=
		PF_OK ||
	    imap_sort_parse(args, &s->by, &err) != PF_OK)
		return reply_syntax(cmd, &err);
	/* only what never changes of a message may be kept by this name */
	pf_buf_add_c(&s->how, "SORT");
	for (size_t i = 0; i < s->by.count; i++)
		pf_buf_addf(&s->how, " %s%d", s->by.keys[i].reverse ? "-" : "",
			    (int)s->by.keys[i].kind);
	return begin_find(cmd, s, args + 1);
}

static enum run begin_thread(struct cmd *cmd)
{
	struct sort_cmd *s = new_state(cmd);
	enum imap_thread_kind kind;

	if (cmd->args[0].kind != IMAP_ATOM)
		return reply_bad(cmd, "Thread algorithm expected");
	if (!imap_thread_kind(cmd->args[0].text, &kind))
		return reply_bad(cmd, "Unknown thread algorithm");
	s->threads = imap_threads_new(kind);
	pf_buf_addf(&s->how, "THREAD %d", (int)kind);
	enum run result = begin_find(cmd, s, cmd->args + 1);
	/* RFC 9738 3.3 */
	return result == RUN_MORE && cmd->lowest ? limit_refuse(cmd) : result;
}

/* ---- what a message is ordered by -------------------------------------------
 */

/* The first field of each name, raw. */
struct fields {
	struct pf_str cc, date, from, in_reply_to, message_id, references,
	    subject, to;
};

static void note_field(struct fields *fields, const struct mime_field *field)
{
	const struct {
		const char *name;
		struct pf_str *value;
	} wanted[] = {{"Cc", &fields->cc},
		      {"Date", &fields->date},
		      {"From", &fields->from},
		      {"In-Reply-To", &fields->in_reply_to},
		      {"Message-ID", &fields->message_id},
		      {"References", &fields->references},
		      {"Subject", &fields->subject},
		      {"To", &fields->to}};

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!wanted[i].value->p &&
		    pf_str_ieq(field->name, pf_str_c(wanted[i].name)))
			*wanted[i].value = field->raw;
}

/* Fields of the header summary, which is made if it is not there. */
static pf_status read_fields(struct sort_cmd *s, uint32_t uid,
			     struct fields *fields, struct pf_error *err)
{
	struct message *m = &s->message;
	struct mime_field field;
	struct pf_str header;
	size_t pos = 0;

	*fields = (struct fields){0};
	pf_buf_clear(&s->header);
	if (store_summary_get(m->client->box, uid, STORE_SUMMARY_HEADERS,
			      &s->header) != PF_OK ||
	    !imap_summary_fields(pf_buf_str(&s->header), &header)) {
		pf_buf_clear(&s->header);
		message_begin(m, uid, 0);
		pf_status status = message_open(m, err);
		if (status == PF_OK)
			status = message_header(m, err);
		if (status != PF_OK)
			return status;
		imap_summary_headers(&s->header, pf_buf_str(&m->header));
		store_summary_put(m->client->box, uid, STORE_SUMMARY_HEADERS,
				  pf_buf_str(&s->header));
		if (!imap_summary_fields(pf_buf_str(&s->header), &header))
			return PF_OK; /* no memory: has no fields */
	}
	while (mime_field_next(header, &pos, &field))
		note_field(fields, &field);
	return PF_OK;
}

/* RFC 5256 2.2: the sent date, or when there is none the INTERNALDATE */
static int64_t sent_date(struct pf_str raw, const struct store_msg *msg)
{
	time_t when;
	int zone;

	return raw.n && mime_date(raw, &when, &zone) ? when : msg->date;
}

/* s->base: folded; true: a reply or forward */
static bool base_subject(struct sort_cmd *s, struct pf_str raw)
{
	pf_buf_clear(&s->text);
	pf_buf_clear(&s->base);
	mime_decode_text(&s->text, raw);
	bool reply = mime_base_subject(&s->base, pf_buf_str(&s->text));
	pf_buf_clear(&s->text);
	mime_fold(&s->text, pf_buf_str(&s->base));
	pf_buf_clear(&s->base);
	pf_buf_add_str(&s->base, pf_buf_str(&s->text));
	return reply;
}

/* RFC 5957 3: the name that programs show, or else the address */
static void add_display(struct pf_buf *to, const struct mime_addr *addr)
{
	if (addr->name.n)
		mime_decode_text(to, addr->name);
	if (to->len)
		return;
	pf_buf_add_str(to, addr->local);
	if (addr->domain.p) {
		pf_buf_add_byte(to, '@');
		pf_buf_add_str(to, addr->domain);
	}
}

/* s->base: the first address; a group is its name (RFC 3501 7.4.2) */
static void first_address(struct sort_cmd *s, struct pf_str raw, bool display)
{
	struct pf_arena *arena = &s->message.arena;
	struct mime_addrs addrs = {0};

	pf_buf_clear(&s->text);
	pf_buf_clear(&s->base);
	mime_addresses(arena, pf_str_head(raw, ADDRESS_MAX), &addrs);
	if (addrs.n == 0)
		return;
	const struct mime_addr *first = &addrs.v[0];
	if (display)
		add_display(&s->text, first);
	else
		pf_buf_add_str(&s->text, first->kind == MIME_GROUP_START
					     ? first->name
					     : first->local);
	mime_fold(&s->base, pf_buf_str(&s->text));
}

static struct value keep_text(struct sort_cmd *s)
{
	struct value value = {.at = (uint32_t)s->texts.len};
	struct pf_str text = pf_str_head(pf_buf_str(&s->base), KEY_MAX);

	value.n = (uint32_t)text.n;
	pf_buf_add_str(&s->texts, text);
	return value;
}

static struct value key_value(struct sort_cmd *s, enum imap_sort_kind kind,
			      const struct store_msg *msg,
			      const struct fields *fields)
{
	switch (kind) {
	case IMAP_SORT_ARRIVAL:
		return (struct value){.number = msg->date};
	case IMAP_SORT_DATE:
		return (struct value){.number = sent_date(fields->date, msg)};
	case IMAP_SORT_SIZE:
		return (struct value){.number = (int64_t)msg->size};
	case IMAP_SORT_RELEVANCY: /* the best first (RFC 6203 6) */
		return (struct value){
		    .number = -(int64_t)relevance_score(&s->find, msg->uid)};
	case IMAP_SORT_CC:
		first_address(s, fields->cc, false);
		break;
	case IMAP_SORT_FROM:
		first_address(s, fields->from, false);
		break;
	case IMAP_SORT_TO:
		first_address(s, fields->to, false);
		break;
	case IMAP_SORT_DISPLAYFROM:
		first_address(s, fields->from, true);
		break;
	case IMAP_SORT_DISPLAYTO:
		first_address(s, fields->to, true);
		break;
	case IMAP_SORT_SUBJECT:
		base_subject(s, fields->subject);
		break;
	case IMAP_SORT_KINDS:
		break;
	}
	return keep_text(s);
}

static bool wants_fields(const struct sort_cmd *s)
{
	if (s->threads)
		return true;
	for (size_t i = 0; i < s->by.count; i++)
		if (s->by.keys[i].kind != IMAP_SORT_ARRIVAL &&
		    s->by.keys[i].kind != IMAP_SORT_RELEVANCY &&
		    s->by.keys[i].kind != IMAP_SORT_SIZE)
			return true;
	return false;
}

static pf_status take_message(struct sort_cmd *s, const struct store_msg *msg,
			      const struct fields *fields, struct pf_error *err)
{
	pf_vec_push(&s->uids, msg->uid);
	if (s->threads) {
		struct imap_thread_message message = {
		    .date = sent_date(fields->date, msg),
		    .message_id = fields->message_id,
		    .in_reply_to = fields->in_reply_to,
		    .references = fields->references};
		message.reply = base_subject(s, fields->subject);
		message.subject = pf_buf_str(&s->base);
		return imap_threads_add(s->threads, &message, err);
	}
	for (size_t i = 0; i < s->by.count; i++)
		pf_vec_push(&s->values,
			    key_value(s, s->by.keys[i].kind, msg, fields));
	return pf_buf_status(&s->texts, err);
}

/* One more row; EXPUNGED. */
static pf_status read_message(struct sort_cmd *s, uint32_t uid, bool fields_too,
			      struct pf_error *err)
{
	const struct store_msg *msg =
	    store_box_find(s->message.client->box, uid);
	struct fields fields = {0};
	pf_status status = PF_OK;

	if (!msg)
		return pf_error_set(err, PF_EXPUNGED, NULL, "sort: uid %u",
				    uid);
	struct store_msg copy = *msg; /* reading may move it */
	if (fields_too)
		status = read_fields(s, copy.uid, &fields, err);
	if (status == PF_OK)
		status = take_message(s, &copy, &fields, err);
	message_end(&s->message);
	return status;
}

/* MORE, OK; what is gone meanwhile is left out */
static pf_status read_messages(struct sort_cmd *s, struct pf_error *err)
{
	const struct store_uids *found = s->find.found;
	bool fields_too = wants_fields(s);
	int64_t start = pf_clock_mono_ms();

	for (size_t done = 1; s->read < found->n; s->read++, done++) {
		if (done % 64 == 0 && slice_over(start))
			return PF_MORE;
		pf_status status =
		    read_message(s, found->v[s->read], fields_too, err);
		if (status != PF_OK && status != PF_EXPUNGED)
			return status;
	}
	return PF_OK;
}

/* ---- sorting
 * ------------------------------------------------------------------
 */

static int compare_values(const struct sort_cmd *s, const struct value *a,
			  const struct value *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return pf_str_cmp((struct pf_str){s->texts.data + a->at, a->n},
			  (struct pf_str){s->texts.data + b->at, b->n});
}

/* Equal rows stay as they are: in the order of their numbers (RFC 5256 3). */
static bool is_before(const struct sort_cmd *s, uint32_t b, uint32_t a)
{
	const struct value *x = s->values.v + (size_t)a * s->by.count;
	const struct value *y = s->values.v + (size_t)b * s->by.count;

	for (size_t i = 0; i < s->by.count; i++) {
		int order = compare_values(s, &x[i], &y[i]);

		if (order)
			return (order > 0) != s->by.keys[i].reverse;
	}
	return false;
}

static void begin_merge(struct sort_cmd *s)
{
	size_t n = s->uids.n ? s->uids.n : 1;

	s->from = malloc(n * sizeof *s->from);
	s->to = malloc(n * sizeof *s->to);
	if (!s->from || !s->to)
		abort();
	for (uint32_t i = 0; i < s->uids.n; i++)
		s->from[i] = i;
	s->width = 1;
	s->left = 0;
	s->right = 1;
}

static size_t at_most(size_t value, size_t max)
{
	return value < max ? value : max;
}

/* From the bottom up, one element at a time; false: not ready yet. */
static bool merge(struct sort_cmd *s)
{
	size_t n = s->uids.n;
	int64_t start = pf_clock_mono_ms();

	for (size_t steps = 1; s->width < n; steps++) {
		size_t middle = at_most(s->low + s->width, n);
		size_t high = at_most(s->low + 2 * s->width, n);

		if (steps % CLOCK_EVERY == 0 && slice_over(start))
			return false;
		if (s->out < high) {
			bool right =
			    s->left == middle ||
			    (s->right < high &&
			     is_before(s, s->from[s->right], s->from[s->left]));
			s->to[s->out++] =
			    s->from[right ? s->right++ : s->left++];
			continue;
		}
		if (high == n) { /* this width is done */
			uint32_t *swap = s->from;
			s->from = s->to;
			s->to = swap;
			s->width *= 2;
			high = 0;
		}
		s->low = s->left = s->out = high;
		s->right = at_most(high + s->width, n);
	}
	return true;
}

/* s->uids in the order that was found. */
static void apply_order(struct sort_cmd *s)
{
	struct store_uids ordered = {0};

	for (size_t i = 0; i < s->uids.n; i++)
		pf_vec_push(&ordered, s->uids.v[s->from[i]]);
	pf_vec_release(&s->uids);
	s->uids = ordered;
}

/* ---- the commands
 * -------------------------------------------------------------
 */

/* Under what the outcome is kept; valid as long as s. */
static struct order_key key_of(struct cmd *cmd, struct sort_cmd *s)
{
	store_box_info(cmd->client->box, &s->box);
	return (struct order_key){.guid = s->box.guid,
				  .uidvalidity = s->box.uidvalidity,
				  .how = pf_buf_str(&s->how)};
}

/* DONE with s->sorted, or a refusal */
static enum run sort_found(struct cmd *cmd, struct sort_cmd *s)
{
	struct orders **orders = &cmd->client->user->orders;
	const struct order_key key = key_of(cmd, s);
	struct pf_error err = {0};

	if (!s->from) {
		if (s->read == 0 && !by_relevance(&s->by) &&
		    orders_get(*orders, &key, s->find.found, &s->uids)) {
			s->sorted = true;
			return RUN_DONE;
		}
		pf_status status = read_messages(s, &err);
		if (status == PF_MORE) {
			find_tell_progress(cmd, s->read, s->find.found->n);
			return RUN_MORE;
		}
		if (status != PF_OK)
			return reply_error(cmd, &err);
		begin_merge(s);
	}
	if (!merge(s))
		return RUN_MORE;
	if (!by_relevance(&s->by))
		orders_put(orders, &key, &s->uids, s->from);
	apply_order(s);
	s->sorted = true;
	return RUN_DONE;
}

enum run run_sort(struct cmd *cmd)
{
	enum run result = RUN_MORE;

	if (!cmd->state)
		result = begin_sort(cmd);
	if (result != RUN_MORE)
		return result;
	struct sort_cmd *s = cmd->state;
	if (!s->sorted) {
		result = find_step(cmd, &s->find);
		if (result == RUN_DONE && s->find.found)
			result = sort_found(cmd, s);
		if (!s->sorted)
			return result;
	}
	result = find_answer(cmd, &s->find, "SORT", &s->uids);
	if (result != RUN_DONE)
		return result;
	if (!(s->find.what.returns & IMAP_RETURN_UPDATE))
		return reply_completed(cmd);
	/* scores are not kept */
	if (by_relevance(&s->by))
		context_refuse(cmd);
	else
		context_add(cmd, &s->find, &s->by, &s->uids);
	return reply_completed(cmd);
}

static uint32_t uid_of(void *arg, uint32_t n)
{
	const struct sort_cmd *s = arg;

	return s->uids.v[n];
}

/* DONE with s->threaded, or a refusal */
static enum run thread_found(struct cmd *cmd, struct sort_cmd *s)
{
	struct orders **orders = &cmd->client->user->orders;
	const struct order_key key = key_of(cmd, s);
	struct pf_error err = {0};
	struct pf_str text = {0};

	if (s->read == 0)
		text = orders_get_text(*orders, &key, s->find.found);
	if (text.p) {
		pf_buf_add_str(&s->answer, text);
		s->threaded = true;
		return RUN_DONE;
	}
	pf_status status = read_messages(s, &err);
	if (status == PF_MORE) {
		find_tell_progress(cmd, s->read, s->find.found->n);
		return RUN_MORE;
	}
	if (status == PF_OK) {
		imap_threads_finish(s->threads);
		(void)imap_threads_write(s->threads, &s->answer, SIZE_MAX,
					 uid_of, s);
		status = pf_buf_status(&s->answer, &err);
	}
	if (status != PF_OK)
		return reply_error(cmd, &err);
	orders_put_text(orders, &key, &s->uids, pf_buf_str(&s->answer));
	s->threaded = true;
	return RUN_DONE;
}

/* s->answer with the numbers that the command speaks of */
static enum run tell_threads(struct cmd *cmd, struct sort_cmd *s)
{
	struct pf_buf *out = &cmd->client->out;
	const char *p = s->answer.data;

	if (s->told == 0)
		pf_buf_add_c(out, s->answer.len ? "* THREAD " : "* THREAD");
	while (s->told < s->answer.len) {
		uint32_t uid = 0;

		if (client_full(cmd->client))
			return RUN_OUTPUT;
		if (p[s->told] < '0' || p[s->told] > '9') {
			pf_buf_add_byte(out, p[s->told++]);
			continue;
		}
		while (p[s->told] >= '0' && p[s->told] <= '9')
			uid = uid * 10 + (uint32_t)(p[s->told++] - '0');
		pf_buf_add_u64(
		    out,
		    cmd->uid ? uid : store_view_seq(cmd->client->view, uid));
	}
	pf_buf_add_c(out, "\r\n");
	return reply_completed(cmd);
}

enum run run_thread(struct cmd *cmd)
{
	enum run result = RUN_MORE;

	if (!cmd->state)
		result = begin_thread(cmd);
	if (result != RUN_MORE)
		return result;
	struct sort_cmd *s = cmd->state;
	if (!s->threaded) {
		result = find_step(cmd, &s->find);
		if (result == RUN_DONE && s->find.found)
			result = thread_found(cmd, s);
		if (!s->threaded)
			return result;
	}
	return tell_threads(cmd, s);
}

/* ---- one more (RFC 5267 4.3.3)
 * ------------------------------------------------
 */

pf_status sort_place(struct client *client, const struct imap_sort *by,
		     const struct store_uids *order, uint32_t uid, size_t *at,
		     struct pf_error *err)
{
	struct sort_cmd s = {.by = *by};
	size_t low = 0, high = order->n;

	init_sort(&s, client);
	bool fields_too = wants_fields(&s);
	pf_status status = read_message(&s, uid, fields_too, err);
	size_t texts = s.texts.len, values = s.values.n;
	while (status == PF_OK && low < high) {
		size_t middle = low + (high - low) / 2;

		s.values.n = values;
		pf_buf_cut(&s.texts, texts);
		status = read_message(&s, order->v[middle], fields_too, err);
		bool gone = status == PF_EXPUNGED;
		if (gone)
			status = PF_OK;
		else if (status != PF_OK)
			break;
		/* row 1 is the other one; equal ones by their numbers */
		bool before =
		    !gone && (is_before(&s, 0, 1) ||
			      (!is_before(&s, 1, 0) && uid < order->v[middle]));
		if (before)
			high = middle;
		else
			low = middle + 1;
	}
	release_sort(&s);
	if (status == PF_OK)
		*at = low;
	return status;
}
