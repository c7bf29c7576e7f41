/*
 * FUZZY (RFC 6203): what an inexact key means, in exact keys.
 *
 * A text is found by its words: each of them, in any order, without the ending
 * that a stemmer takes away ("breaking news" finds "news breaks").  The stem
 * is looked for anywhere in the text, so the planner and its index serve as
 * they are.  Keys that are no text stay exact (section 5).
 *
 * A word whose stem the index does not know at all may be misspelled: the word
 * of the index most like it is looked for as well ("recieved" finds
 * "receive").  Without an index nothing is guessed.
 *
 * How well a message fits is asked in three more keys, its grades: the words
 * as they were written; the phrase as it was written; the words in the
 * subject.
 */
#include "search/search.h"

#include "index/index.h"
#include "search/text.h"

#define WORDS_MAX  20 /* of one text; the rest is passed over */
#define STEM_BYTES 3  /* at least, else the whole word */

struct fuzzy {
	struct pf_arena *arena;
	struct index *index;			/* NULL: without */
	struct imap_key *grades[SEARCH_GRADES]; /* ANDs, or NULL */
	bool failed;
};

static struct imap_key *new_key(struct fuzzy *z, enum imap_key_kind kind)
{
	struct imap_key *key = PF_ARENA_NEW(z->arena, struct imap_key);

	if (key)
		key->kind = kind;
	else
		z->failed = true;
	return key;
}

static void add_child(struct imap_key *parent, struct imap_key *child)
{
	if (!parent || !child)
		return;
	child->next = parent->child;
	parent->child = child;
}

static bool is_text(const struct imap_key *key)
{
	return (key->kind == IMAP_KEY_HEADER || key->kind == IMAP_KEY_BODY ||
		key->kind == IMAP_KEY_TEXT) &&
	       key->text.n > 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool next_word(struct pf_str *rest, struct pf_str *word)
{
	size_t from = 0, to;

	while (from < rest->n && !is_letter(rest->p[from]))
		from++;
	for (to = from; to < rest->n && is_letter(rest->p[to]);)
		to++;
	*word = pf_str_mem(rest->p + from, to - from);
	*rest = pf_str_from(*rest, to);
	return word->n > 0;
}

/* "breaking" -> "break", "happiness" -> "happi", "happy" -> "happ": what word
 * and stem begin with. */
static struct pf_str root_of(struct pf_str word)
{
	struct pf_buf lower = PF_BUF_INIT(word.n + 1);
	struct pf_buf stem = PF_BUF_INIT(2 * word.n + 64);
	size_t same = 0;

	for (size_t i = 0; i < word.n; i++)
		pf_buf_add_byte(&lower, pf_ascii_lower(word.p[i]));
	if (index_stem(pf_buf_str(&lower), &stem, NULL) == PF_OK)
		while (same < word.n && same < stem.len &&
		       lower.data[same] == stem.data[same])
			same++;
	pf_buf_release(&lower);
	pf_buf_release(&stem);
	/* whole characters */
	while (same < word.n && same > 0 &&
	       ((unsigned char)word.p[same] & 0xc0) == 0x80)
		same--;
	return same < STEM_BYTES ? word : pf_str_head(word, same);
}

static struct imap_key *text_key(struct fuzzy *z, const struct imap_key *like,
				 struct pf_str text)
{
	struct imap_key *key = new_key(z, like->kind);

	if (key) {
		key->name = like->name;
		key->text = text;
	}
	return key;
}

/* In some message, as far as the index knows? */
static bool is_known(struct fuzzy *z, struct pf_str folded)
{
	struct index_set *set = NULL;
	bool known = true;

	if (index_candidates(z->index, folded, INDEX_ALL_FIELDS, &set, NULL) ==
	    PF_OK)
		known = index_set_count(set) > 0;
	index_set_free(&set);
	return known;
}

static struct pf_str meant_by(struct fuzzy *z, struct pf_str word)
{
	struct pf_buf folded = PF_BUF_INIT(1 << 20);
	struct pf_buf meant = PF_BUF_INIT(1 << 10);
	struct pf_str out = {0};

	search_fold_needle(&folded, root_of(word));
	bool known = is_known(z, pf_buf_str(&folded));
	pf_buf_clear(&folded);
	search_fold_needle(&folded, word);
	if (!known &&
	    index_spell(z->index, pf_buf_str(&folded), &meant, NULL) == PF_OK)
		out = pf_arena_str(z->arena, pf_buf_str(&meant));
	pf_buf_release(&folded);
	pf_buf_release(&meant);
	return out;
}

/* What is looked for where a word was written. */
static struct imap_key *word_key(struct fuzzy *z, const struct imap_key *like,
				 struct pf_str word)
{
	struct imap_key *key = text_key(z, like, root_of(word)), *either;
	struct pf_str meant = {0};

	if (z->index)
		meant = meant_by(z, word);
	if (!meant.n || !(either = new_key(z, IMAP_KEY_OR)))
		return key;
	add_child(either, text_key(z, like, root_of(meant)));
	add_child(either, key);
	return either;
}

static void add_grades(struct fuzzy *z, const struct imap_key *key)
{
	static const struct imap_key subject = {.kind = IMAP_KEY_HEADER,
						.name = {"Subject", 7}};
	struct pf_str rest = key->text, word;

	for (int i = 0; i < SEARCH_GRADES; i++)
		if (!z->grades[i])
			z->grades[i] = new_key(z, IMAP_KEY_AND);
	if (z->failed)
		return;
	for (int n = 0; n < WORDS_MAX && next_word(&rest, &word); n++) {
		add_child(z->grades[0], text_key(z, key, word));
		if (key->kind != IMAP_KEY_HEADER)
			add_child(z->grades[2],
				  text_key(z, &subject, root_of(word)));
	}
	add_child(z->grades[1], text_key(z, key, key->text));
	if (key->kind == IMAP_KEY_HEADER)
		add_child(z->grades[2], text_key(z, key, key->text));
}

/* The key becomes an AND of its words' roots. */
static void split(struct fuzzy *z, struct imap_key *key)
{
	struct pf_str rest = key->text, word;
	struct imap_key and = {.kind = IMAP_KEY_AND, .next = key->next};

	for (int n = 0; n < WORDS_MAX && next_word(&rest, &word); n++)
		add_child(&and, word_key(z, key, word));
	add_grades(z, key);
	if (and.child)
		*key = and;
}

/* The tree is not deep (imap/search.c). */
static void walk(struct fuzzy *z, struct imap_key *key, bool inside)
{
	if (key->kind == IMAP_KEY_FUZZY) {
		key->kind = IMAP_KEY_AND;
		inside = true;
	}
	if (inside && is_text(key)) {
		split(z, key);
		return;
	}
	for (struct imap_key *k = key->child; k; k = k->next)
		walk(z, k, inside);
}

/* Most searches have none. */
static bool has_fuzzy(const struct imap_key *key)
{
	if (key->kind == IMAP_KEY_FUZZY)
		return true;
	for (const struct imap_key *k = key->child; k; k = k->next)
		if (has_fuzzy(k))
			return true;
	return false;
}

pf_status search_fuzzy(struct imap_key *root, struct pf_arena *arena,
		       const char *index_path, struct imap_key **grades,
		       struct pf_error *err)
{
	struct fuzzy z = {.arena = arena};

	if (index_path && has_fuzzy(root) &&
	    index_open(index_path, search_text_version(), &z.index, NULL) !=
		PF_OK)
		z.index = NULL;
	walk(&z, root, false);
	if (z.index)
		index_close(&z.index);
	if (z.failed)
		return pf_error_set(err, PF_LIMIT, "Search too long",
				    "search: fuzzy keys over the limit");
	for (int i = 0; i < SEARCH_GRADES; i++)
		grades[i] =
		    z.grades[i] && z.grades[i]->child ? z.grades[i] : NULL;
	return PF_OK;
}
