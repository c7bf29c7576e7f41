/* Mailbox names: modified UTF-7 (RFC 3501 5.1.3) and LIST patterns. */
#include "imap/imap.h"

#include <stdlib.h>

#include "base/utf8.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* ---- encoding ---------------------------------------------------------- */

struct encoder {
	struct pf_buf *to;
	uint32_t bits;
	int have;
	bool shifted;
};

static void add_unit(struct encoder *enc, uint32_t unit)
{
	enc->bits = enc->bits << 16 | unit;
	for (enc->have += 16; enc->have >= 6; enc->have -= 6)
		pf_buf_add_byte(enc->to,
				alphabet[enc->bits >> (enc->have - 6) & 0x3f]);
	enc->bits &= (1u << enc->have) - 1;
}

static void unshift(struct encoder *enc)
{
	if (!enc->shifted)
		return;
	if (enc->have > 0)
		pf_buf_add_byte(enc->to,
				alphabet[enc->bits << (6 - enc->have) & 0x3f]);
	pf_buf_add_byte(enc->to, '-');
	enc->shifted = false;
	enc->bits = 0;
	enc->have = 0;
}

static void add_shifted(struct encoder *enc, uint32_t c)
{
	if (!enc->shifted)
		pf_buf_add_byte(enc->to, '&');
	enc->shifted = true;
	if (c < 0x10000) {
		add_unit(enc, c);
		return;
	}
	add_unit(enc, 0xd800 + ((c - 0x10000) >> 10));
	add_unit(enc, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

void imap_utf7_encode(struct pf_buf *to, struct pf_str utf8)
{
	struct encoder enc = {.to = to};
	size_t len;

	for (; utf8.n > 0; utf8 = pf_str_from(utf8, len)) {
		uint32_t c = pf_utf8_next(utf8, &len);

		if (!is_direct(c)) {
			add_shifted(&enc, c == PF_UTF8_BAD ? 0xfffd : c);
			continue;
		}
		unshift(&enc);
		pf_buf_add_byte(to, (char)c);
		if (c == '&')
			pf_buf_add_byte(to, '-');
	}
	unshift(&enc);
}

/* ---- decoding ---------------------------------------------------------- */

/* One UTF-16 unit; `high` waits for its other half. */
static bool take_unit(struct pf_buf *to, uint32_t unit, uint32_t *high)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return false;
		pf_utf8_add(to, 0x10000 + ((*high - 0xd800) << 10) +
				    (unit - 0xdc00));
		*high = 0;
		return true;
	}
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return false;
	if (unit >= 0xd800 && unit <= 0xdbff)
		*high = unit;
	else
		pf_utf8_add(to, unit);
	return true;
}

/* What stands between "&" and "-". */
static bool decode_shifted(struct pf_buf *to, struct pf_str s)
{
	uint32_t bits = 0, high = 0;
	int have = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *at = memchr(alphabet, s.p[i], 64);

		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		if (!take_unit(to, bits >> have, &high))
			return false;
		bits &= (1u << have) - 1;
	}
	return high == 0;
}

static bool decode(struct pf_buf *to, struct pf_str s)
{
	while (s.n > 0) {
		if (!is_direct((unsigned char)*s.p))
			return false;
		if (*s.p != '&') {
			pf_buf_add_byte(to, *s.p);
			s = pf_str_from(s, 1);
			continue;
		}
		s = pf_str_from(s, 1);
		ptrdiff_t end = pf_str_chr(s, '-');
		if (end < 0)
			return false;
		if (end == 0)
			pf_buf_add_byte(to, '&');
		else if (!decode_shifted(to, pf_str_head(s, (size_t)end)))
			return false;
		s = pf_str_from(s, (size_t)end + 1);
	}
	return true;
}

/*
 * There must be one way only to write a name, or two names would mean one
 * mailbox: what does not come out again as it went in is refused (shifted
 * ASCII, needless shifts, stray bits, NUL).
 */
bool imap_utf7_decode(struct pf_buf *to, struct pf_str mutf7)
{
	size_t start = to->len;
	struct pf_buf again = PF_BUF_INIT(mutf7.n + 8);

	bool good = decode(to, mutf7);
	if (good && pf_str_chr(mutf7, '&') >= 0) {
		imap_utf7_encode(&again, pf_str_from(pf_buf_str(to), start));
		good = pf_str_eq(pf_buf_str(&again), mutf7);
		good = good && pf_str_chr(pf_buf_str(to), '\0') < 0;
	}
	pf_buf_release(&again);
	if (!good || to->failed)
		pf_buf_cut(to, start);
	return good && !to->failed;
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
