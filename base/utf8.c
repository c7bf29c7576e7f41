#include "base/utf8.h"

uint32_t pf_utf8_next(struct pf_str s, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s.p;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = p[0];
	size_t n;

	*len = 1;
	if (c < 0x80)
		return c;
	if (c >= 0xc2 && c <= 0xdf) {
		n = 2;
		c &= 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		n = 3;
		c &= 0x0f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		n = 4;
		c &= 0x07;
	} else {
		return PF_UTF8_BAD;
	}
	if (s.n < n)
		return PF_UTF8_BAD;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return PF_UTF8_BAD;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return PF_UTF8_BAD;
	*len = n;
	return c;
}

bool pf_utf8_valid(struct pf_str s)
{
	for (size_t i = 0, len; i < s.n; i += len)
		if (pf_utf8_next(pf_str_from(s, i), &len) == PF_UTF8_BAD)
			return false;
	return true;
}

void pf_utf8_add(struct pf_buf *buf, uint32_t c)
{
	char b[4];
	size_t n;

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80) {
		b[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		b[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (char)(0xe0 | c >> 12);
		b[1] = (char)(0x80 | (c >> 6 & 0x3f));
		b[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | c >> 18);
		b[1] = (char)(0x80 | (c >> 12 & 0x3f));
		b[2] = (char)(0x80 | (c >> 6 & 0x3f));
		b[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	pf_buf_add(buf, b, n);
}

void pf_utf8_add_clean(struct pf_buf *buf, struct pf_str s)
{
	size_t start = 0, i = 0, len;

	while (i < s.n) {
		if ((unsigned char)s.p[i] < 0x80) {
			i++;
			continue;
		}
		if (pf_utf8_next(pf_str_from(s, i), &len) == PF_UTF8_BAD) {
			pf_buf_add(buf, s.p + start, i - start);
			pf_utf8_add(buf, 0xfffd);
			start = i + 1;
		}
		i += len;
	}
	if (s.n > start)
		pf_buf_add(buf, s.p + start, s.n - start);
}

static const char utf7_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* UTF-16 units on their way into or out of a base64 run. */
struct utf7_run {
	uint32_t bits;
	unsigned count; /* bits waiting, below 16 + 6 */
};

static void utf7_put_unit(struct pf_buf *to, struct utf7_run *run,
			  uint32_t unit)
{
	run->bits = run->bits << 16 | unit;
	run->count += 16;
	while (run->count >= 6) {
		run->count -= 6;
		pf_buf_add_byte(to,
				utf7_alphabet[run->bits >> run->count & 0x3f]);
	}
}

bool pf_utf7_encode(struct pf_buf *to, struct pf_str s)
{
	struct utf7_run run = {0, 0};
	bool shifted = false;

	for (size_t i = 0, len; i <= s.n; i += len) {
		uint32_t c = ' ';
		len = 1;
		if (i < s.n)
			c = pf_utf8_next(pf_str_from(s, i), &len);
		if (c == PF_UTF8_BAD)
			return false;
		bool plain = c >= 0x20 && c <= 0x7e;
		if (plain && shifted) {
			if (run.count)
				pf_buf_add_byte(
				    to,
				    utf7_alphabet[run.bits << (6 - run.count) &
						  0x3f]);
			pf_buf_add_byte(to, '-');
			shifted = false;
		}
		if (i == s.n)
			break;
		if (plain) {
			pf_buf_add_byte(to, (char)c);
			if (c == '&')
				pf_buf_add_byte(to, '-');
			continue;
		}
		if (!shifted) {
			pf_buf_add_byte(to, '&');
			run = (struct utf7_run){0, 0};
			shifted = true;
		}
		if (c > 0xffff) {
			utf7_put_unit(to, &run, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		utf7_put_unit(to, &run, c);
	}
	return true;
}

/* Decodes a base64 run without its "&" and "-". */
static bool utf7_run(struct pf_buf *to, struct pf_str run)
{
	uint32_t bits = 0, high = 0;
	unsigned count = 0;

	for (size_t i = 0; i < run.n; i++) {
		const char *at =
		    run.p[i] ? strchr(utf7_alphabet, run.p[i]) : NULL;
		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - utf7_alphabet);
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		uint32_t unit = bits >> count & 0xffff;
		if (high) {
			if (unit < 0xdc00 || unit > 0xdfff)
				return false;
			pf_utf8_add(to, 0x10000 + ((high - 0xd800) << 10) +
					    (unit - 0xdc00));
			high = 0;
		} else if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
		} else if ((unit >= 0xdc00 && unit <= 0xdfff) ||
			   (unit >= 0x20 && unit <= 0x7e)) {
			return false;
		} else {
			pf_utf8_add(to, unit);
		}
	}
	return !high && count < 6 && (bits & ((1u << count) - 1)) == 0;
}

bool pf_utf7_decode(struct pf_buf *to, struct pf_str s)
{
	bool after_run = false;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 || c > 0x7e)
			return false;
		if (c != '&') {
			pf_buf_add_byte(to, (char)c);
			after_run = false;
			continue;
		}
		ptrdiff_t n = pf_str_chr(pf_str_from(s, i + 1), '-');
		if (n < 0)
			return false;
		struct pf_str run = {s.p + i + 1, (size_t)n};
		if (run.n == 0)
			pf_buf_add_byte(to, '&');
		else if (after_run || !utf7_run(to, run))
			return false; /* two runs side by side are one */
		after_run = run.n > 0;
		i += run.n + 1;
	}
	return true;
}
