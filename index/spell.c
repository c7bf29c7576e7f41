/*
 * spell: which word was meant: the distance of Damerau and Levenshtein
 * (neighbours swapped count once), given up as soon as it is too much.
 */
#include "index/spell.h"

#include "base/utf8.h"

#define SHORT 4 /* characters; of shorter words any other may be meant */
#define LONG  8

static bool read_word(struct pf_str word, uint32_t c[INDEX_SPELL_MAX],
		      unsigned *n)
{
	size_t len;

	for (*n = 0; word.n; word = pf_str_from(word, len)) {
		if (*n == INDEX_SPELL_MAX)
			return false;
		c[(*n)++] = pf_utf8_next(word, &len);
	}
	return true;
}

bool index_spelling_init(struct index_spelling *spelling, struct pf_str word)
{
	if (!read_word(word, spelling->c, &spelling->n) || spelling->n < SHORT)
		return false;
	spelling->wrong = spelling->n < LONG ? 1 : 2;
	return true;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* One row of the table: what the first i letters of b are from those of a. */
static unsigned next_row(const uint32_t *a, unsigned n, const uint32_t *b,
			 unsigned i, unsigned *const row[3])
{
	unsigned best = row[2][0] = i;

	for (unsigned k = 1; k <= n; k++) {
		unsigned d = row[1][k - 1] + (a[k - 1] != b[i - 1]);

		d = least(d, least(row[1][k], row[2][k - 1]) + 1);
		if (i > 1 && k > 1 && a[k - 1] == b[i - 2] &&
		    a[k - 2] == b[i - 1])
			d = least(d, row[0][k - 2] + 1);
		row[2][k] = d;
		best = least(best, d);
	}
	return best;
}

unsigned index_spelling_distance(const struct index_spelling *spelling,
				 struct pf_str word)
{
	unsigned rows[3][INDEX_SPELL_MAX + 1];
	unsigned *row[3] = {rows[0], rows[1], rows[2]};
	unsigned far = spelling->wrong + 1, a = spelling->n, b;
	uint32_t c[INDEX_SPELL_MAX];

	/* no character is longer than four bytes */
	if (word.n + spelling->wrong < a || word.n > 4 * (a + spelling->wrong))
		return far;
	if (!read_word(word, c, &b) || b > a + spelling->wrong ||
	    a > b + spelling->wrong)
		return far;
	for (unsigned k = 0; k <= a; k++)
		row[1][k] = k;
	memcpy(row[0], row[1], sizeof rows[0]);
	for (unsigned i = 1; i <= b; i++) {
		unsigned *oldest = row[0];

		if (next_row(spelling->c, a, c, i, row) >= far)
			return far;
		row[0] = row[1];
		row[1] = row[2];
		row[2] = oldest;
	}
	return row[1][a];
}
