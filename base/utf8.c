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
