/*
 * THREAD: who answers whom (RFC 5256 3; REFS: draft-ietf-morg-inthread 3.3).
 *
 * A node stands for a message or, as a dummy, for a message id that others
 * name but that is not here.  All there is to know of the tree is each node's
 * parent; children are put in lists, in their order, only to be written.
 *
 *	add     node, its id in the table, parent = its last reference,
 *		links between the references
 *	finish  dummies out, order by date, (REFERENCES) join by subject, lists
 *	write   a walk along child, next and parent
 *
 * Every link is made from a node that has no parent yet, so a union-find over
 * the trees tells in nearly constant time whether it would close a circle
 * (RFC 5256 3 REFERENCES 1.A), where walking up the ancestors would let one
 * message with a long header make the whole quadratic.  For that, what a
 * message says of itself comes first, and only dummies take their parents from
 * what others say: links() keeps those back until finish.  The RFC's own order
 * (link, break, link again) gives the same trees wherever there is no circle.
 *
 * Nothing here is recursive.
 */
#include <stdlib.h>

#include "base/map.h"
#include "imap/imap.h"

/* References of one message that are looked at: the last ones. */
#define REFERENCES_MAX 200
#define NODES_MAX      (1u << 27)

#define NONE UINT32_MAX

struct node {
	int64_t date; /* of a dummy: its first child's */
	uint32_t message;
	uint32_t parent;
	uint32_t set; /* union-find: towards the root's node */
	uint32_t child, last, next;
	uint32_t children;
	uint32_t first; /* dummy: the message that its date is from */
	bool gone;	/* a dummy that is no more */
};

struct link {
	uint32_t parent, child;
};

struct subject {
	struct pf_str text;
	bool reply;
};

struct imap_threads {
	enum imap_thread_kind kind;
	struct pf_vec(struct node) nodes;
	struct pf_vec(struct link) links;	/* between references */
	struct pf_vec(uint32_t) messages;	/* their nodes */
	struct pf_vec(struct subject) subjects; /* of messages */
	struct pf_arena texts;
	struct pf_map ids; /* message id -> node + 1 */
	uint32_t root, at; /* first root; the walk */
	bool descending;   /* the walk */
};

bool imap_thread_kind(struct pf_str name, enum imap_thread_kind *kind)
{
	static const char *const names[] = {
	    [IMAP_THREAD_ORDEREDSUBJECT] = "ORDEREDSUBJECT",
	    [IMAP_THREAD_REFERENCES] = "REFERENCES",
	    [IMAP_THREAD_REFS] = "REFS"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (pf_str_ieq(name, pf_str_c(names[i]))) {
			*kind = (enum imap_thread_kind)i;
			return true;
		}
	return false;
}

struct imap_threads *imap_threads_new(enum imap_thread_kind kind)
{
	struct imap_threads *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->kind = kind;
	pf_arena_init(&t->texts, (size_t)1 << 31);
	return t;
}

void imap_threads_free(struct imap_threads **threads)
{
	struct imap_threads *t = *threads;

	*threads = NULL;
	if (!t)
		return;
	pf_vec_release(&t->nodes);
	pf_vec_release(&t->links);
	pf_vec_release(&t->messages);
	pf_vec_release(&t->subjects);
	pf_arena_release(&t->texts);
	pf_map_release(&t->ids);
	free(t);
}

/* ---- nodes ------------------------------------------------------------------
 */

static uint32_t new_node(struct imap_threads *t)
{
	uint32_t n = (uint32_t)t->nodes.n;
	struct node node = {.message = NONE,
			    .parent = NONE,
			    .set = n,
			    .child = NONE,
			    .last = NONE,
			    .next = NONE,
			    .first = NONE};

	pf_vec_push(&t->nodes, node);
	return n;
}

static uint32_t root_of(struct imap_threads *t, uint32_t n)
{
	struct node *v = t->nodes.v;

	while (v[n].set != n) {
		v[n].set = v[v[n].set].set;
		n = v[n].set;
	}
	return n;
}

/* `child` has no parent yet; not where it would close a circle. */
static void adopt(struct imap_threads *t, uint32_t parent, uint32_t child)
{
	if (root_of(t, parent) == child)
		return;
	t->nodes.v[child].parent = parent;
	t->nodes.v[child].set = parent;
}

/* RFC 5256 2.1: quoting does not make another id, nor do blanks that a broken
 * program folded into it. */
static struct pf_str plain_id(struct pf_buf *to, struct pf_str id)
{
	static const char odd[] = "\"\\ \t\r\n";
	size_t i = 0;

	while (i < id.n && !memchr(odd, id.p[i], sizeof odd - 1))
		i++;
	if (i == id.n)
		return id;
	pf_buf_clear(to);
	for (i = 0; i < id.n; i++) {
		if (id.p[i] == '\\' && i + 1 < id.n)
			i++;
		else if (memchr(odd, id.p[i], sizeof odd - 1))
			continue;
		pf_buf_add_byte(to, id.p[i]);
	}
	return pf_buf_str(to);
}

static uint32_t node_of(struct imap_threads *t, struct pf_str raw_id)
{
	struct pf_buf plain = PF_BUF_INIT(raw_id.n + 1);
	struct pf_str id = plain_id(&plain, raw_id);
	uintptr_t found = (uintptr_t)pf_map_get(&t->ids, id);

	if (!found) {
		found = (uintptr_t)new_node(t) + 1;
		pf_map_set(&t->ids, id, (void *)found);
	}
	pf_buf_release(&plain);
	return (uint32_t)(found - 1);
}

/* ---- adding -----------------------------------------------------------------
 */

/* A message without an id of its own, or with another's, is none's parent. */
static uint32_t message_node(struct imap_threads *t, struct pf_str field)
{
	struct pf_str id;
	size_t pos = 0;

	if (t->kind != IMAP_THREAD_ORDEREDSUBJECT &&
	    mime_msgid_next(field, &pos, &id)) {
		uint32_t n = node_of(t, id);
		if (t->nodes.v[n].message == NONE)
			return n;
	}
	return new_node(t);
}

static void add_references(struct imap_threads *t, uint32_t self,
			   const struct imap_thread_message *message)
{
	struct pf_str ring[REFERENCES_MAX], id;
	uint32_t before = NONE;
	size_t n = 0, pos = 0;

	while (mime_msgid_next(message->references, &pos, &id))
		ring[n++ % REFERENCES_MAX] = id;
	pos = 0;
	if (n == 0 && mime_msgid_next(message->in_reply_to, &pos, &id))
		ring[n++] = id;
	for (size_t i = n > REFERENCES_MAX ? n - REFERENCES_MAX : 0; i < n;
	     i++) {
		struct link link = {.parent = before};

		link.child = node_of(t, ring[i % REFERENCES_MAX]);
		if (before != NONE && before != link.child)
			pf_vec_push(&t->links, link);
		before = link.child;
	}
	if (before != NONE)
		adopt(t, before, self);
}

pf_status imap_threads_add(struct imap_threads *t,
			   const struct imap_thread_message *message,
			   struct pf_error *err)
{
	struct subject subject = {pf_arena_str(&t->texts, message->subject),
				  message->reply};

	if (!subject.text.p || t->nodes.n > NODES_MAX)
		return pf_error_set(err, PF_LIMIT, "Too much to thread",
				    "imap thread: too many messages");
	uint32_t n = message_node(t, message->message_id);
	t->nodes.v[n].message = (uint32_t)t->messages.n;
	t->nodes.v[n].date = message->date;
	pf_vec_push(&t->messages, n);
	pf_vec_push(&t->subjects, subject);
	if (t->kind != IMAP_THREAD_ORDEREDSUBJECT)
		add_references(t, n, message);
	return PF_OK;
}

/* ---- order ------------------------------------------------------------------
 */

struct place {
	int64_t date;
	uint32_t first; /* message number: decides between equal dates */
	uint32_t node;
};
struct places pf_vec(struct place);

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return 0;
}

/* A dummy is as old as its oldest child (its first, once they are sorted). */
static void date_dummies(struct imap_threads *t)
{
	for (size_t i = 0; i < t->messages.n; i++) {
		const struct node *node = &t->nodes.v[t->messages.v[i]];
		struct node *up;

		if (node->parent == NONE)
			continue;
		up = &t->nodes.v[node->parent];
		if (up->message != NONE)
			continue;
		if (up->first == NONE || node->date < up->date) {
			up->date = node->date;
			up->first = node->message;
		}
	}
}

static void sort_nodes(struct imap_threads *t, struct places *places)
{
	date_dummies(t);
	for (size_t i = 0; i < t->nodes.n; i++) {
		const struct node *node = &t->nodes.v[i];
		struct place place = {node->date,
				      node->message == NONE ? node->first
							    : node->message,
				      (uint32_t)i};

		if (!node->gone)
			pf_vec_push(places, place);
	}
	if (places->n)
		qsort(places->v, places->n, sizeof *places->v, compare_places);
}

/* ---- REFERENCES, steps 1 and 3 ----------------------------------------------
 */

static void link_dummies(struct imap_threads *t)
{
	for (size_t i = 0; i < t->links.n; i++) {
		const struct link *link = &t->links.v[i];
		const struct node *child = &t->nodes.v[link->child];

		if (child->message == NONE && child->parent == NONE)
			adopt(t, link->parent, link->child);
	}
	pf_vec_release(&t->links);
}

/* The nearest ancestor that is no dummy, or else the topmost dummy.  Dummies
 * on the way point there afterwards, so that no way is gone twice. */
static uint32_t real_parent(struct imap_threads *t, uint32_t n)
{
	struct node *v = t->nodes.v;
	uint32_t end = v[n].parent, next;

	while (end != NONE && v[end].message == NONE && v[end].parent != NONE)
		end = v[end].parent;
	for (uint32_t up = v[n].parent; up != end; up = next) {
		next = v[up].parent;
		v[up].parent = end;
	}
	return end;
}

/* Only dummies that hold a thread of two or more together stay. */
static void prune(struct imap_threads *t)
{
	struct node *v = t->nodes.v;

	for (size_t i = 0; i < t->messages.n; i++) {
		uint32_t n = t->messages.v[i];

		v[n].parent = real_parent(t, n);
		if (v[n].parent != NONE)
			v[v[n].parent].children++;
	}
	for (size_t i = 0; i < t->messages.n; i++) {
		struct node *node = &v[t->messages.v[i]];

		if (node->parent != NONE && v[node->parent].message == NONE &&
		    v[node->parent].children < 2)
			node->parent = NONE;
	}
	for (size_t i = 0; i < t->nodes.n; i++)
		v[i].gone = v[i].message == NONE && v[i].children < 2;
}

/* ---- REFERENCES, step 5: threads of one subject
 * ------------------------------
 */

static const struct subject *subject_of(const struct imap_threads *t,
					uint32_t n)
{
	const struct node *node = &t->nodes.v[n];

	return &t->subjects
		    .v[node->message == NONE ? node->first : node->message];
}

static bool is_dummy(const struct imap_threads *t, uint32_t n)
{
	return t->nodes.v[n].message == NONE;
}

/* 5.B: the root that a subject's threads gather under */
static void note_subject(const struct imap_threads *t, struct pf_map *table,
			 uint32_t n)
{
	const struct subject *subject = subject_of(t, n);

	if (subject->text.n == 0)
		return;
	uintptr_t found = (uintptr_t)pf_map_get(table, subject->text);
	if (found) {
		uint32_t old = (uint32_t)(found - 1);

		if (is_dummy(t, old) ||
		    (!is_dummy(t, n) &&
		     !(subject_of(t, old)->reply && !subject->reply)))
			return;
	}
	pf_map_set(table, subject->text, (void *)((uintptr_t)n + 1));
}

/* 5.C */
static void join(struct imap_threads *t, struct pf_map *table, uint32_t n)
{
	const struct subject *subject = subject_of(t, n);
	uintptr_t found = (uintptr_t)pf_map_get(table, subject->text);

	if (subject->text.n == 0 || !found || found - 1 == n)
		return;
	uint32_t other = (uint32_t)(found - 1);
	if (is_dummy(t, n)) {
		/* both are: dummies win in note_subject() */
		for (uint32_t c = t->nodes.v[n].child; c != NONE;
		     c = t->nodes.v[c].next)
			t->nodes.v[c].parent = other;
		t->nodes.v[n].gone = true;
		return;
	}
	if (!is_dummy(t, other) &&
	    !(subject->reply && !subject_of(t, other)->reply)) {
		uint32_t above = new_node(t);

		/* subject_of() wants to know */
		t->nodes.v[above].first = t->nodes.v[other].message;
		t->nodes.v[above].date = t->nodes.v[other].date;
		t->nodes.v[other].parent = above;
		pf_map_set(table, subject->text,
			   (void *)((uintptr_t)above + 1));
		other = above;
	}
	t->nodes.v[n].parent = other;
}

/* ---- lists ------------------------------------------------------------------
 */

static void make_lists(struct imap_threads *t, const struct places *places)
{
	struct node *v = t->nodes.v;
	uint32_t last = NONE;

	t->root = NONE;
	for (size_t i = 0; i < t->nodes.n; i++) {
		v[i].child = v[i].last = v[i].next = NONE;
		v[i].children = 0;
	}
	for (size_t i = 0; i < places->n; i++) {
		uint32_t n = places->v[i].node, parent = v[n].parent;
		uint32_t *tail = parent == NONE ? &last : &v[parent].last;

		if (*tail != NONE)
			v[*tail].next = n;
		else if (parent == NONE)
			t->root = n;
		else
			v[parent].child = n;
		*tail = n;
		if (parent != NONE)
			v[parent].children++;
	}
}

static void gather_subjects(struct imap_threads *t, struct places *places)
{
	struct pf_map table = {0};

	make_lists(t, places);
	for (size_t i = 0; i < places->n; i++)
		if (t->nodes.v[places->v[i].node].parent == NONE)
			note_subject(t, &table, places->v[i].node);
	for (size_t i = 0; i < places->n; i++)
		if (t->nodes.v[places->v[i].node].parent == NONE)
			join(t, &table, places->v[i].node);
	pf_map_release(&table);
	places->n = 0;
	for (size_t i = 0; i < t->nodes.n; i++)
		if (t->nodes.v[i].message == NONE)
			t->nodes.v[i].first = NONE;
	sort_nodes(t, places);
}

/* ORDEREDSUBJECT: the oldest of a subject, and the others below it */
static void group_subjects(struct imap_threads *t, const struct places *places)
{
	struct pf_map table = {0};

	for (size_t i = 0; i < places->n; i++) {
		uint32_t n = places->v[i].node;
		struct pf_str text = subject_of(t, n)->text;
		uintptr_t found = (uintptr_t)pf_map_get(&table, text);

		if (found)
			t->nodes.v[n].parent = (uint32_t)(found - 1);
		else
			pf_map_set(&table, text, (void *)((uintptr_t)n + 1));
	}
	pf_map_release(&table);
}

/* REFS: the threads in the order of their latest messages.  A tree's set is
 * still its own, even where its topmost dummy is gone. */
static void order_by_latest(struct imap_threads *t, struct places *places)
{
	struct pf_vec(uint32_t) latest = {0}, top = {0};
	struct places ordered = {0};

	for (size_t i = 0; i < t->nodes.n; i++) {
		pf_vec_push(&latest, NONE);
		pf_vec_push(&top, NONE);
	}
	for (size_t i = 0; i < places->n; i++) {
		uint32_t n = places->v[i].node, set = root_of(t, n);

		if (!is_dummy(t, n))
			latest.v[set] = (uint32_t)i;
		if (t->nodes.v[n].parent == NONE)
			top.v[set] = (uint32_t)i;
	}
	for (size_t i = 0; i < places->n; i++) {
		uint32_t n = places->v[i].node, set = root_of(t, n);

		if (t->nodes.v[n].parent != NONE)
			pf_vec_push(&ordered, places->v[i]);
		if (latest.v[set] == i)
			pf_vec_push(&ordered, places->v[top.v[set]]);
	}
	pf_vec_release(&latest);
	pf_vec_release(&top);
	pf_vec_release(places);
	*places = ordered;
}

void imap_threads_finish(struct imap_threads *t)
{
	struct places places = {0};

	if (t->kind != IMAP_THREAD_ORDEREDSUBJECT) {
		link_dummies(t);
		prune(t);
	}
	pf_map_release(&t->ids);
	sort_nodes(t, &places);
	if (t->kind == IMAP_THREAD_ORDEREDSUBJECT)
		group_subjects(t, &places);
	else if (t->kind == IMAP_THREAD_REFERENCES)
		gather_subjects(t, &places);
	else
		order_by_latest(t, &places);
	make_lists(t, &places);
	pf_vec_release(&places);
	t->at = t->root;
	t->descending = true;
}

/* ---- writing ----------------------------------------------------------------
 */

static void open_node(const struct imap_threads *t, struct pf_buf *to,
		      const struct node *node, bool alone)
{
	const struct node *up =
	    node->parent == NONE ? NULL : &t->nodes.v[node->parent];

	if (up && up->message != NONE && up->child == t->at)
		pf_buf_add_byte(to, ' ');
	if (!alone)
		pf_buf_add_byte(to, '(');
}

bool imap_threads_write(struct imap_threads *t, struct pf_buf *to, size_t full,
			uint32_t (*number)(void *arg, uint32_t n), void *arg)
{
	while (t->at != NONE) {
		const struct node *node = &t->nodes.v[t->at];
		bool alone = node->parent != NONE &&
			     t->nodes.v[node->parent].children == 1;

		if (to->len >= full)
			return true;
		if (t->descending) {
			open_node(t, to, node, alone);
			if (node->message != NONE)
				pf_buf_add_u64(to, number(arg, node->message));
			if (node->child != NONE)
				t->at = node->child;
			else
				t->descending = false;
			continue;
		}
		if (!alone)
			pf_buf_add_byte(to, ')');
		t->descending = node->next != NONE;
		t->at = t->descending ? node->next : node->parent;
	}
	return false;
}
