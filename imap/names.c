/* Mailbox names: modified UTF-7 (RFC 3501 5.1.3) and LIST patterns. */
#include "imap/imap.h"

#include <stdlib.h>

#include "base/utf8.h"

void imap_utf7_encode(struct pf_buf *to, struct pf_str utf8)
{
	struct pf_buf clean = PF_BUF_INIT(utf8.n * 3 + 1);

	pf_utf8_add_clean(&clean, utf8);
	(void)pf_utf7_encode(to, pf_buf_str(&clean));
	pf_buf_release(&clean);
}

bool imap_utf7_decode(struct pf_buf *to, struct pf_str mutf7)
{
	size_t start = to->len;
	bool good = pf_utf7_decode(to, mutf7) && !to->failed;

	/* "&AAA-": no name has a NUL */
	if (good && pf_str_chr(pf_str_from(pf_buf_str(to), start), '\0') >= 0)
		good = false;
	if (!good)
		pf_buf_cut(to, start);
	return good;
}

/* ---- patterns ---------------------------------------------------------- */

/*
 * row[j]: the pattern so far matches the first j characters of the name.  A
 * character of the pattern costs one pass over the row, runs of wildcards are
 * one, and a pattern with more letters than the name empties the row early:
 * never more than about 3 * n^2 steps, whatever the pattern.
 */
static bool match_letter(bool *row, struct pf_str name, char c)
{
	bool any = false;

	for (size_t j = name.n; j > 0; j--) {
		row[j] = row[j - 1] && name.p[j - 1] == c;
		any |= row[j];
	}
	row[0] = false;
	return any;
}

static void match_wildcard(bool *row, struct pf_str name, bool star,
			   char separator)
{
	for (size_t j = 1; j <= name.n; j++)
		row[j] |= row[j - 1] && (star || name.p[j - 1] != separator);
}

bool imap_glob(struct pf_str pattern, struct pf_str name, char separator)
{
	bool *row = calloc(name.n + 1, sizeof *row);
	char wild = 0; /* the wildcard just before, "*" wins */

	if (!row)
		abort();
	row[0] = true;
	bool any = true;
	for (size_t i = 0; any && i < pattern.n; i++) {
		char c = pattern.p[i];

		if (c != '*' && c != '%') {
			any = match_letter(row, name, c);
			wild = 0;
		} else if (wild != '*' && wild != c) {
			match_wildcard(row, name, c == '*', separator);
			wild = c;
		}
	}
	bool matched = any && row[name.n];
	free(row);
	return matched;
}
