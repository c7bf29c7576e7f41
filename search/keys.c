/*
 * keys: what each search key means (RFC 3501 6.4.4, RFC 9051 6.4.4, RFC 5032,
 * RFC 7162 3.1.5, RFC 8474 4, RFC 8514 4.3), in two halves: what the store's
 * record of a message decides, here; what its text decides, as leaves whose
 * verdict search.c fills in.
 *
 * Dates: INTERNALDATE is spoken in UTC, so BEFORE, ON and SINCE compare UTC
 * days.  Text keys with an empty needle: every text contains it, and HEADER
 * asks whether there is such a field.
 */
#include "search/keys.h"

#include <stdlib.h>

#include "search/attached.h"
#include "search/feed.h"
#include "search/parts.h"
#include "search/search.h"

#define DAY	   86400
#define LEAVES_MAX 1000

/* ---- compiling ------------------------------------------------------- */

static const struct {
	const char *name;
	int flag;
} flag_names[] = {
    {"\\Seen", STORE_SEEN},	  {"\\Answered", STORE_ANSWERED},
    {"\\Flagged", STORE_FLAGGED}, {"\\Deleted", STORE_DELETED},
    {"\\Draft", STORE_DRAFT},	  {"$Forwarded", STORE_PASSED},
};

static void compile_flag(struct search_op *op, struct store_box *box)
{
	struct pf_str name = op->key->name;

	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (pf_str_ieq(name, pf_str_c(flag_names[i].name)))
			op->flag = flag_names[i].flag;
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		const char *keyword = store_box_keyword(box, i);

		if (keyword && pf_str_ieq(name, pf_str_c(keyword)))
			op->keyword |= (uint64_t)1 << i;
	}
}

static pf_status add_leaf(struct search_keys *keys, struct search_op *op,
			  enum search_needs needs, struct pf_error *err)
{
	struct search_leaf leaf = {.key = op->key, .needs = needs};
	pf_status status;

	/* each is looked for in each text */
	if (keys->leaves.n >= LEAVES_MAX)
		return pf_error_set(err, PF_LIMIT, "Too many texts to look for",
				    "search: more than %d texts", LEAVES_MAX);
	status = search_pattern_init(&leaf.pattern, op->key->text, err);
	if (status)
		return status;
	op->leaf = (ssize_t)keys->leaves.n;
	pf_vec_push(&keys->leaves, leaf);
	return PF_OK;
}

static pf_status add_op(struct search_keys *keys, const struct imap_key *key,
			size_t arity, struct store_box *box,
			struct pf_error *err)
{
	struct search_op op = {.key = key, .arity = arity, .leaf = -1};
	pf_status status = PF_OK;

	if (key->kind == IMAP_KEY_FLAG)
		compile_flag(&op, box);
	else if (key->kind == IMAP_KEY_HEADER ||
		 key->kind == IMAP_KEY_SENTBEFORE ||
		 key->kind == IMAP_KEY_SENTON ||
		 key->kind == IMAP_KEY_SENTSINCE)
		status = add_leaf(keys, &op, NEEDS_HEADER, err);
	else if ((key->kind == IMAP_KEY_BODY || key->kind == IMAP_KEY_TEXT) &&
		 key->text.n)
		status = add_leaf(keys, &op, NEEDS_BODY, err);
	else if (key->kind == IMAP_KEY_ATTACHMENT && key->text.n)
		status = add_leaf(keys, &op, NEEDS_ATTACHED, err);
	else if (key->kind == IMAP_KEY_HAS)
		status = add_leaf(keys, &op, NEEDS_PARTS, err);
	if (key->kind == IMAP_KEY_ATTACHMENT && !keys->attached)
		keys->attached =
		    search_attached_new(store_root(store_box_store(box)));
	pf_vec_push(&keys->ops, op);
	return status;
}

/* Children before parents. */
pf_status search_keys_compile(struct search_keys *keys,
			      const struct imap_key *root,
			      struct store_box *box, struct pf_error *err)
{
	struct level {
		const struct imap_key *key, *child;
		size_t children;
	};
	struct pf_vec(struct level) levels = {0};
	pf_status status = PF_OK;

	*keys = (struct search_keys){0};
	pf_vec_push(&levels, ((struct level){root, root->child, 0}));
	while (levels.n && !status) {
		struct level *top = &levels.v[levels.n - 1];
		const struct imap_key *child = top->child;

		if (child) {
			top->child = child->next;
			top->children++;
			pf_vec_push(&levels,
				    ((struct level){child, child->child, 0}));
		} else {
			status =
			    add_op(keys, top->key, top->children, box, err);
			levels.n--;
		}
	}
	pf_vec_release(&levels);
	keys->stack = calloc(keys->ops.n, sizeof *keys->stack);
	if (!status && !keys->stack)
		status = pf_error_set(err, PF_NOMEM, NULL, "search: no memory");
	if (status)
		search_keys_release(keys);
	return status;
}

void search_keys_release(struct search_keys *keys)
{
	for (size_t i = 0; i < keys->leaves.n; i++) {
		struct search_leaf *leaf = &keys->leaves.v[i];

		search_pattern_release(&leaf->pattern);
		index_set_free(&leaf->set);
		index_set_free(&leaf->name_set);
	}
	search_attached_free(&keys->attached);
	pf_vec_release(&keys->leaves);
	pf_vec_release(&keys->ops);
	free(keys->stack);
	keys->stack = NULL;
}

/* ---- judging --------------------------------------------------------- */

static int64_t day_of(int64_t when)
{
	return when >= 0 ? when / DAY : (when - DAY + 1) / DAY;
}

static bool has_uid(const struct store_uids *uids, uint32_t uid)
{
	size_t lo = 0, hi = uids ? uids->n : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (uids->v[mid] < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return uids && lo < uids->n && uids->v[lo] == uid;
}

static bool in_set(const struct imap_set *set, uint32_t n,
		   const struct search_subject *subject)
{
	if (set->saved)
		return has_uid(subject->saved, subject->msg->uid);
	return imap_set_has(set, n);
}

/* One that cannot be read has none. */
static bool has_thread_id(const struct search_subject *subject,
			  struct pf_str id)
{
	struct pf_buf own = PF_BUF_INIT(300);
	bool same = search_thread_id(store_view_box(subject->view),
				     subject->msg->uid, &own, NULL) == PF_OK &&
		    pf_str_eq(pf_buf_str(&own), id);

	pf_buf_release(&own);
	return same;
}

static bool has_email_id(const struct search_subject *subject, struct pf_str id)
{
	struct pf_buf own = PF_BUF_INIT(2048);
	bool same;

	search_email_id(&own, store_msg_guid(store_view_box(subject->view),
					     subject->msg->uid));
	same = pf_str_eq(pf_buf_str(&own), id);
	pf_buf_release(&own);
	return same;
}

static bool judge_flag(const struct search_op *op,
		       const struct search_subject *subject)
{
	const struct store_msg *msg = subject->msg;

	if (pf_str_ieq(op->key->name, PF_STR("\\Recent")))
		return store_view_recent(subject->view, msg->uid);
	return (msg->flags & (uint32_t)op->flag) ||
	       (msg->keywords & op->keyword);
}

/* A key that the record decides. */
static bool judge_record(const struct search_op *op,
			 const struct search_subject *subject)
{
	const struct imap_key *key = op->key;
	const struct store_msg *msg = subject->msg;

	switch (key->kind) {
	case IMAP_KEY_ALL:
	case IMAP_KEY_BODY: /* with an empty needle */
	case IMAP_KEY_TEXT:
	case IMAP_KEY_ATTACHMENT:
		return true;
	case IMAP_KEY_SEQ:
		return in_set(&key->set, subject->seq, subject);
	case IMAP_KEY_UID:
		return in_set(&key->set, msg->uid, subject);
	case IMAP_KEY_SAVED:
		return has_uid(subject->saved, msg->uid);
	case IMAP_KEY_FLAG:
		return judge_flag(op, subject);
	case IMAP_KEY_RECENT:
		return store_view_recent(subject->view, msg->uid);
	case IMAP_KEY_BEFORE:
		return day_of(msg->date) < day_of(key->date);
	case IMAP_KEY_ON:
		return day_of(msg->date) == day_of(key->date);
	case IMAP_KEY_SINCE:
		return day_of(msg->date) >= day_of(key->date);
	case IMAP_KEY_SAVEDBEFORE:
		return day_of(msg->save_date) < day_of(key->date);
	case IMAP_KEY_SAVEDON:
		return day_of(msg->save_date) == day_of(key->date);
	case IMAP_KEY_SAVEDSINCE:
		return day_of(msg->save_date) >= day_of(key->date);
	case IMAP_KEY_LARGER:
		return msg->size > key->number;
	case IMAP_KEY_SMALLER:
		return msg->size < key->number;
	case IMAP_KEY_OLDER:
		return msg->date < subject->now - (int64_t)key->number;
	case IMAP_KEY_YOUNGER:
		return msg->date >= subject->now - (int64_t)key->number;
	case IMAP_KEY_MODSEQ:
		return msg->modseq >= key->number;
	case IMAP_KEY_EMAILID:
		return has_email_id(subject, key->text);
	case IMAP_KEY_THREADID:
		return has_thread_id(subject, key->text);
	case IMAP_KEY_AND:
	case IMAP_KEY_OR:
	case IMAP_KEY_NOT:
	case IMAP_KEY_FUZZY:
	case IMAP_KEY_SENTBEFORE:
	case IMAP_KEY_SENTON:
	case IMAP_KEY_SENTSINCE:
	case IMAP_KEY_HEADER:
	case IMAP_KEY_HAS:
		break;
	}
	return false; /* never: combined, or a leaf */
}

static enum search_verdict combine(enum imap_key_kind kind,
				   const enum search_verdict *v, size_t n)
{
	bool any[3] = {false, false, false};

	for (size_t i = 0; i < n; i++)
		any[v[i]] = true;
	if (kind == IMAP_KEY_OR)
		return any[VERDICT_YES]	   ? VERDICT_YES
		       : any[VERDICT_OPEN] ? VERDICT_OPEN
					   : VERDICT_NO;
	if (kind == IMAP_KEY_NOT && !any[VERDICT_OPEN])
		return any[VERDICT_YES] ? VERDICT_NO : VERDICT_YES;
	return any[VERDICT_NO]	   ? VERDICT_NO
	       : any[VERDICT_OPEN] ? VERDICT_OPEN
				   : VERDICT_YES;
}

void search_keys_begin(struct search_keys *keys, struct pf_str guid)
{
	for (size_t i = 0; i < keys->leaves.n; i++) {
		struct search_leaf *leaf = &keys->leaves.v[i];

		leaf->verdict = VERDICT_OPEN;
		if (leaf->needs == NEEDS_ATTACHED)
			leaf->verdict =
			    search_attached_has(keys->attached, guid,
						&leaf->pattern, &leaf->set)
				? VERDICT_YES
				: VERDICT_NO;
	}
}

bool search_keys_parts(struct search_keys *keys,
		       const struct search_subject *subject)
{
	bool any = false;

	for (size_t i = 0; i < keys->leaves.n; i++) {
		struct search_leaf *leaf = &keys->leaves.v[i];

		if (leaf->needs != NEEDS_PARTS || leaf->verdict != VERDICT_OPEN)
			continue;
		leaf->verdict =
		    search_parts_has(store_view_box(subject->view),
				     subject->msg->uid, leaf->key->text)
			? VERDICT_YES
			: VERDICT_NO;
		any = true;
	}
	return any;
}

enum search_verdict search_keys_judge(const struct search_keys *keys,
				      const struct search_subject *subject)
{
	enum search_verdict *stack = keys->stack;
	size_t n = 0;

	for (size_t i = 0; i < keys->ops.n; i++) {
		const struct search_op *op = &keys->ops.v[i];
		enum imap_key_kind kind = op->key->kind;
		enum search_verdict verdict;

		if (kind == IMAP_KEY_AND || kind == IMAP_KEY_OR ||
		    kind == IMAP_KEY_NOT || kind == IMAP_KEY_FUZZY) {
			n -= op->arity;
			verdict = combine(kind, stack + n, op->arity);
		} else if (op->leaf >= 0) {
			verdict = keys->leaves.v[op->leaf].verdict;
		} else {
			verdict = judge_record(op, subject) ? VERDICT_YES
							    : VERDICT_NO;
		}
		stack[n++] = verdict;
	}
	return stack[0];
}
