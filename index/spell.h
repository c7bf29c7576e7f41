/* spell: which word was meant (private to index/ and its tests). */
#ifndef INDEX_SPELL_H
#define INDEX_SPELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define INDEX_SPELL_MAX 32 /* characters */

/* A word as it was written. */
struct index_spelling {
	uint32_t c[INDEX_SPELL_MAX];
	unsigned n;
	unsigned wrong; /* letters that may be: 1, of eight and more 2 */
};

/* False: too short or too long to guess at. */
bool index_spelling_init(struct index_spelling *spelling, struct pf_str word);
/* How many letters are wrong, missing, too many, or in the wrong order, if
 * `word` was meant; more than spelling->wrong: too many. */
unsigned index_spelling_distance(const struct index_spelling *spelling,
				 struct pf_str word);

#endif
