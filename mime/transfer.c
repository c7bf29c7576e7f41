/*
 * Content-Transfer-Encodings (RFC 2045 6), decoded in pieces of any size and
 * as forgivingly as real mail needs: characters outside the base64 alphabet
 * are skipped, and a "=" that encodes nothing stands for itself.
 */
#include "mime/mime.h"

enum mime_encoding mime_encoding(struct pf_str cte)
{
	static const struct {
		struct pf_str name;
		enum mime_encoding encoding;
	} known[] = {
	    {{"7bit", 4}, MIME_ENC_IDENTITY},
	    {{"8bit", 4}, MIME_ENC_IDENTITY},
	    {{"binary", 6}, MIME_ENC_IDENTITY},
	    {{"base64", 6}, MIME_ENC_BASE64},
	    {{"quoted-printable", 16}, MIME_ENC_QP},
	};
	size_t n = 0;

	cte = pf_str_trim(cte);
	if (cte.n == 0)
		return MIME_ENC_IDENTITY;
	/* parameters and comments do not belong there, but happen */
	while (n < cte.n && !strchr(" \t\r\n;(", cte.p[n]))
		n++;
	cte.n = n;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (pf_str_ieq(cte, known[i].name))
			return known[i].encoding;
	return MIME_ENC_UNKNOWN;
}

void mime_decoder_init(struct mime_decoder *dec, enum mime_encoding encoding)
{
	*dec = (struct mime_decoder){.encoding = encoding};
}

/* ---- base64 --------------------------------------------------------------
 */

/* Value of a base64 character; 64: none. */
static const uint8_t base64_value[256] = {
#define X 64
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	62, X,	X,  X,	63, 52, 53, 54, 55, 56, 57, 58, 59, 60,
    61, X,  X,	X,  X,	X,  X,	X,  0,	1,  2,	3,  4,	5,  6,	7,  8,	9,  10,
    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,	X,  X,
    X,	X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
    43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
    X,	X,  X,	X,  X,	X,  X,	X,  X,
#undef X
};

static void base64_add(struct mime_decoder *dec, struct pf_str in,
		       struct pf_buf *out)
{
	const uint8_t *p = (const uint8_t *)in.p, *end = p + in.n;
	char *start = pf_buf_reserve(out, in.n / 4 * 3 + 6), *o = start;

	if (!o)
		return;
	while (p < end && !dec->ended) {
		/* whole groups, the common case */
		while (dec->have == 0 && end - p >= 4) {
			uint32_t a = base64_value[p[0]], b = base64_value[p[1]];
			uint32_t c = base64_value[p[2]], d = base64_value[p[3]];
			if ((a | b | c | d) & 64)
				break;
			uint32_t v = a << 18 | b << 12 | c << 6 | d;
			*o++ = (char)(v >> 16);
			*o++ = (char)(v >> 8);
			*o++ = (char)v;
			p += 4;
		}
		if (p == end)
			break;
		uint32_t v = base64_value[*p];
		if (*p++ == '=') {
			/* padding ends the data, unless it comes too early */
			dec->ended = dec->have >= 2;
			continue;
		}
		if (v & 64)
			continue;
		dec->bits = dec->bits << 6 | v;
		if (++dec->have < 4)
			continue;
		*o++ = (char)(dec->bits >> 16);
		*o++ = (char)(dec->bits >> 8);
		*o++ = (char)dec->bits;
		dec->have = 0;
	}
	pf_buf_commit(out, (size_t)(o - start));
}

/* The last group may be short. */
static void base64_end(struct mime_decoder *dec, struct pf_buf *out)
{
	if (dec->have == 3)
		dec->bits >>= 2;
	else if (dec->have == 2)
		dec->bits >>= 4;
	if (dec->have == 3)
		pf_buf_add_byte(out, (char)(dec->bits >> 8));
	if (dec->have >= 2)
		pf_buf_add_byte(out, (char)dec->bits);
	dec->have = 0;
}

/* ---- quoted-printable ------------------------------------------------------
 *
 * `hold` keeps what cannot be decided yet: "=" and what follows it, or blanks
 * that vanish if the line ends behind them (RFC 2045 6.7 (3)).
 */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_line_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void qp_flush(struct mime_decoder *dec, struct pf_buf *out)
{
	pf_buf_add(out, dec->hold, dec->held);
	dec->held = 0;
}

static void qp_hold(struct mime_decoder *dec, char c, struct pf_buf *out)
{
	if (dec->held == sizeof dec->hold)
		qp_flush(dec, out);
	dec->hold[dec->held++] = c;
}

/* Takes c together with what is held back; false: c is still to be read. */
static bool qp_decide(struct mime_decoder *dec, char c, struct pf_buf *out)
{
	bool equals = dec->hold[0] == '=';

	if (c == '\n') {
		bool cr = dec->hold[dec->held - 1] == '\r';
		bool soft =
		    equals && (dec->held == 1 || is_line_space(dec->hold[1]));
		if (equals && !soft)
			qp_flush(dec, out);
		dec->held = 0;
		if (!soft && cr)
			pf_buf_add_byte(out, '\r');
		if (!soft)
			pf_buf_add_byte(out, '\n');
		return true;
	}
	if (equals && dec->held == 2 && hex_value(dec->hold[1]) >= 0) {
		int low = hex_value(c);
		if (low >= 0) {
			dec->held = 0;
			pf_buf_add_byte(
			    out, (char)(hex_value(dec->hold[1]) * 16 + low));
			return true;
		}
	} else if (is_line_space(c) ||
		   (equals && dec->held == 1 && hex_value(c) >= 0)) {
		qp_hold(dec, c, out);
		return true;
	}
	qp_flush(dec, out);
	return false;
}

static void qp_add(struct mime_decoder *dec, struct pf_str in,
		   struct pf_buf *out)
{
	const char *p = in.p, *end = p + in.n, *start = p;

	while (p < end) {
		if (dec->held) {
			if (qp_decide(dec, *p, out))
				p++;
			start = p;
			continue;
		}
		char c = *p;
		if (c > '=' || (c != '=' && !is_line_space(c))) {
			p++;
			continue;
		}
		/* a blank inside a line, without holding it */
		if (c != '=' && p + 1 < end && p[1] > ' ') {
			p++;
			continue;
		}
		pf_buf_add(out, start, (size_t)(p - start));
		qp_hold(dec, *p++, out);
		start = p;
	}
	pf_buf_add(out, start, (size_t)(p - start));
}

static void qp_end(struct mime_decoder *dec, struct pf_buf *out)
{
	bool soft =
	    dec->held && (is_line_space(dec->hold[0]) || dec->held == 1 ||
			  is_line_space(dec->hold[1]));

	if (!soft)
		qp_flush(dec, out);
	dec->held = 0;
}

/* ---- both ------------------------------------------------------------------
 */

void mime_decoder_add(struct mime_decoder *dec, struct pf_str in,
		      struct pf_buf *out)
{
	if (in.n == 0)
		return;
	switch (dec->encoding) {
	case MIME_ENC_BASE64:
		base64_add(dec, in, out);
		break;
	case MIME_ENC_QP:
		qp_add(dec, in, out);
		break;
	case MIME_ENC_IDENTITY:
	case MIME_ENC_UNKNOWN:
		pf_buf_add_str(out, in);
		break;
	}
}

void mime_decoder_end(struct mime_decoder *dec, struct pf_buf *out)
{
	if (dec->encoding == MIME_ENC_BASE64)
		base64_end(dec, out);
	else if (dec->encoding == MIME_ENC_QP)
		qp_end(dec, out);
}

/* RFC 2045 6.7: lines of at most 76, line ends as CRLF. */
void mime_qp_encode(struct pf_buf *to, struct pf_str in)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t column = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		size_t ahead = i + 1;
		if (c == '\r' && ahead < in.n && in.p[ahead] == '\n')
			continue;
		if (c == '\n') {
			pf_buf_add_c(to, "\r\n");
			column = 0;
			continue;
		}
		bool ends =
		    ahead == in.n || in.p[ahead] == '\n' || in.p[ahead] == '\r';
		bool plain = (c > ' ' && c < 0x7f && c != '=') ||
			     ((c == ' ' || c == '\t') && !ends);
		/* "From " and "." alone are changed by some on the way */
		if (column == 0 && (c == 'F' || c == '.'))
			plain = false;
		if (column + (plain ? 1 : 3) > 75) {
			pf_buf_add_c(to, "=\r\n");
			column = 0;
		}
		if (plain) {
			pf_buf_add_byte(to, c);
			column++;
			continue;
		}
		char code[3] = {'=', hex[(uint8_t)c >> 4],
				hex[(uint8_t)c & 15]};
		pf_buf_add(to, code, 3);
		column += 3;
	}
}
