/*
 * words: how texts and needles are cut into what the index holds.
 *
 * The promise to keep: if a text contains a needle, then for every fragment
 * of the needle some word of the text contains that fragment, in the way its
 * open_left and open_right say.  It holds for any partition of characters
 * into classes as long as texts and needles are cut by the same one, so the
 * table below need not be good linguistics; it only has to be fixed, and a
 * change of it is a new INDEX_FORMAT.
 *
 *  LETTER  a maximal run is a word.  A run of more than INDEX_WORD_MAX bytes
 *	    gives overlapping chunks: each stretch of up to INDEX_OVERLAP bytes
 *	    lies whole in one of them, its first bytes begin one, its last
 *	    bytes end one.
 *  IDEO    scripts without blanks: each character is a word, and so is each
 *	    pair of neighbours.  A needle of one or two of them is decided by
 *	    the index alone, longer ones become their pairs.
 *  GAP     everything else; parts words, and is not indexed.
 *
 * A needle's fragment is open to the left only where the needle begins with
 * it, and to the right only where the needle ends with it.
 */
#include "index/words.h"

#include "base/utf8.h"

enum kind {
	GAP,
	LETTER,
	IDEO
};

struct range {
	uint32_t first, last;
	enum kind kind;
};

/* Above ASCII, sorted; what is not listed is LETTER. */
static const struct range ranges[] = {
    {0x0080, 0x00a9, GAP},    {0x00ab, 0x00b1, GAP},
    {0x00b4, 0x00b4, GAP},    {0x00b6, 0x00b8, GAP},
    {0x00bb, 0x00bb, GAP},    {0x00bf, 0x00bf, GAP},
    {0x00d7, 0x00d7, GAP},    {0x00f7, 0x00f7, GAP},
    {0x037e, 0x037e, GAP},    {0x0387, 0x0387, GAP},
    {0x0589, 0x058a, GAP},    {0x05be, 0x05be, GAP},
    {0x060c, 0x060d, GAP},    {0x061b, 0x061b, GAP},
    {0x061f, 0x061f, GAP},    {0x06d4, 0x06d4, GAP},
    {0x0964, 0x0965, GAP},    {0x0e00, 0x0eff, IDEO}, /* Thai, Lao */
    {0x1000, 0x109f, IDEO},			      /* Burmese */
    {0x1780, 0x17ff, IDEO},			      /* Khmer */
    {0x2000, 0x206f, GAP},    {0x20a0, 0x20cf, GAP},
    {0x2190, 0x2bff, GAP},    {0x2e00, 0x2e7f, GAP},
    {0x2e80, 0x2fdf, IDEO},			      /* radicals */
    {0x2ff0, 0x303f, GAP},    {0x3040, 0x312f, IDEO}, /* kana */
    {0x31a0, 0x31ff, IDEO},   {0x3400, 0x4dbf, IDEO},
    {0x4e00, 0xa4cf, IDEO}, /* Han, Yi */
    {0xe000, 0xf8ff, GAP},    {0xf900, 0xfaff, IDEO},
    {0xfe30, 0xfe6f, GAP},    {0xfff0, 0xffff, GAP},
    {0x1f000, 0x1faff, GAP}, /* pictures */
    {0x20000, 0x3ffff, IDEO}, {0xe0000, 0x10ffff, GAP},
};

static enum kind kind_of(uint32_t c)
{
	size_t lo = 0, hi = sizeof ranges / sizeof *ranges;

	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9')
			   ? LETTER
			   : GAP;
	if (c == PF_UTF8_BAD)
		return GAP;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c < ranges[mid].first)
			hi = mid;
		else if (c > ranges[mid].last)
			lo = mid + 1;
		else
			return ranges[mid].kind;
	}
	return LETTER;
}

static enum kind next_kind(struct pf_str s, size_t *len)
{
	unsigned char c = (unsigned char)s.p[0];

	if (c < 0x80) {
		*len = 1;
		return kind_of(c);
	}
	return kind_of(pf_utf8_next(s, len));
}

/* ---- texts ----------------------------------------------------------- */

static struct pf_str flush_run(struct index_words *words)
{
	size_t n = words->n;

	memcpy(words->out, words->run, n);
	words->n = 0;
	return (struct pf_str){words->out, n};
}

/* One chunk of a long run; its last bytes begin the next one too. */
static struct pf_str flush_chunk(struct index_words *words)
{
	size_t n = words->n;

	memcpy(words->out, words->run, n);
	memcpy(words->run, words->out + n - INDEX_OVERLAP, INDEX_OVERLAP);
	words->n = INDEX_OVERLAP;
	return (struct pf_str){words->out, n};
}

static struct pf_str add_ideograph(struct index_words *words, const char *p,
				   unsigned len)
{
	if (words->second) {
		memmove(words->pair, words->pair + words->first, words->second);
		words->first = words->second;
		words->second = 0;
	}
	memcpy(words->pair + words->first, p, len);
	if (words->first) {
		words->second = len;
		words->pair_due = true;
		return (struct pf_str){words->pair + words->first, len};
	}
	words->first = len;
	return (struct pf_str){words->pair, len};
}

bool index_words_next(struct index_words *words, struct pf_str *text,
		      struct pf_str *word)
{
	if (words->pair_due) {
		words->pair_due = false;
		*word = pf_str_mem(words->pair, words->first + words->second);
		return true;
	}
	while (text->n) {
		struct pf_str here = *text;
		size_t len;
		enum kind kind = next_kind(here, &len);

		if (kind != LETTER && words->n) {
			*word = flush_run(words);
			return true;
		}
		*text = pf_str_from(here, len);
		if (kind == IDEO) {
			*word = add_ideograph(words, here.p, (unsigned)len);
			return true;
		}
		words->first = words->second = 0;
		if (kind == GAP)
			continue;
		if (words->n + len > INDEX_WORD_MAX) {
			*word = flush_chunk(words);
			memcpy(words->run + words->n, here.p, len);
			words->n += len;
			return true;
		}
		memcpy(words->run + words->n, here.p, len);
		words->n += len;
	}
	return false;
}

bool index_words_end(struct index_words *words, struct pf_str *word)
{
	words->first = words->second = 0;
	words->pair_due = false;
	if (!words->n)
		return false;
	*word = flush_run(words);
	return true;
}

/* ---- needles --------------------------------------------------------- */

static void add_fragment(struct index_needle *needle, struct pf_str text,
			 bool open_left, bool open_right)
{
	/* More fragments than this would only narrow a superset further. */
	if (needle->n == INDEX_FRAGMENTS_MAX)
		return;
	needle->v[needle->n++] =
	    (struct index_fragment){text, open_left, open_right};
}

/* A run longer than the overlap may lie across chunks: whole only in pieces,
 * anywhere in them. */
static void add_run(struct index_needle *needle, struct pf_str run,
		    bool open_left, bool open_right)
{
	if (run.n <= INDEX_OVERLAP) {
		add_fragment(needle, run, open_left, open_right);
		return;
	}
	needle->exact = false;
	for (size_t at = 0; at < run.n; at += INDEX_OVERLAP) {
		if (at + INDEX_OVERLAP > run.n)
			at = run.n - INDEX_OVERLAP;
		add_fragment(needle,
			     pf_str_head(pf_str_from(run, at), INDEX_OVERLAP),
			     true, true);
	}
}

/* Single ideographs are words; so are pairs. */
static void add_ideographs(struct index_needle *needle, struct pf_str run,
			   size_t count)
{
	if (count <= 2) {
		add_fragment(needle, run, false, false);
		return;
	}
	needle->exact = false;
	while (count-- >= 2) {
		size_t one, two;

		pf_utf8_next(run, &one);
		pf_utf8_next(pf_str_from(run, one), &two);
		add_fragment(needle, pf_str_head(run, one + two), false, false);
		run = pf_str_from(run, one);
	}
}

void index_needle_parse(struct pf_str folded, struct index_needle *needle)
{
	size_t at = 0, len;

	memset(needle, 0, sizeof *needle);
	if (!folded.n || !pf_utf8_valid(folded))
		return;
	needle->exact = true;
	while (at < folded.n) {
		size_t start = at, count = 0;
		enum kind kind = next_kind(pf_str_from(folded, at), &len);
		struct pf_str run;

		while (at < folded.n &&
		       next_kind(pf_str_from(folded, at), &len) == kind) {
			at += len;
			count++;
		}
		run = pf_str_head(pf_str_from(folded, start), at - start);
		if (run.n < folded.n)
			needle->exact = false;
		if (kind == LETTER)
			add_run(needle, run, start == 0, at == folded.n);
		else if (kind == IDEO)
			add_ideographs(needle, run, count);
	}
	if (!needle->n)
		needle->exact = false;
}

bool index_fragment_in(const struct index_fragment *fragment,
		       struct pf_str word)
{
	struct pf_str text = fragment->text;

	if (fragment->open_left && fragment->open_right)
		return memmem(word.p, word.n, text.p, text.n) != NULL;
	if (fragment->open_left)
		return pf_str_ends(word, text);
	if (fragment->open_right)
		return pf_str_starts(word, text);
	return pf_str_eq(word, text);
}
