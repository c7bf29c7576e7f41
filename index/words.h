/* words: how texts and needles are cut (private to index/ and its tests). */
#ifndef INDEX_WORDS_H
#define INDEX_WORDS_H

#include <stdbool.h>

#include "base/str.h"

#define INDEX_WORD_MAX 64 /* longer runs are cut into chunks ... */
#define INDEX_OVERLAP  32 /* ... that share this many bytes */

/* ---- texts ---- */

/* Zeroed is ready. */
struct index_words {
	char run[INDEX_WORD_MAX];
	char out[INDEX_WORD_MAX];
	char pair[8];	/* the last ideographs of a run, up to two */
	unsigned first; /* bytes of the older one in `pair` */
	unsigned second;
	size_t n; /* bytes in `run` */
	bool pair_due;
};

/* The next word; eats what it looked at from *text.  False: *text is empty,
 * a word may go on in the next piece.  *word holds until the next call. */
bool index_words_next(struct index_words *words, struct pf_str *text,
		      struct pf_str *word);
/* The text ends here: the last word, if one is open. */
bool index_words_end(struct index_words *words, struct pf_str *word);

/* ---- needles ---- */

#define INDEX_FRAGMENTS_MAX 24

/* A piece of a needle that must be found in one indexed word. */
struct index_fragment {
	struct pf_str text;
	bool open_left;	 /* the word may begin before it */
	bool open_right; /* the word may go on behind it */
};

struct index_needle {
	struct index_fragment v[INDEX_FRAGMENTS_MAX];
	size_t n;   /* 0: every text may contain it */
	bool exact; /* a text contains it if and only if a word does */
};

/* Fragments point into `folded`. */
void index_needle_parse(struct pf_str folded, struct index_needle *needle);

/* Does a word contain the fragment as it must? */
bool index_fragment_in(const struct index_fragment *fragment,
		       struct pf_str word);

#endif
