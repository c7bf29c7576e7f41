#include "base/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void pf_base64_encode(struct pf_buf *to, struct pf_str from)
{
	const unsigned char *p = (const unsigned char *)from.p;

	for (size_t i = 0; i < from.n; i += 3) {
		size_t left = from.n - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		char four[4] = {
		    alphabet[v >> 18],
		    alphabet[v >> 12 & 63],
		    left > 1 ? alphabet[v >> 6 & 63] : '=',
		    left > 2 ? alphabet[v & 63] : '=',
		};
		pf_buf_add(to, four, 4);
	}
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool pf_base64_decode(struct pf_buf *to, struct pf_str from)
{
	if (from.n % 4 != 0)
		return false;
	for (size_t i = 0; i < from.n; i += 4) {
		const char *q = from.p + i;
		size_t pad = 0;
		uint32_t v = 0;

		if (i + 4 == from.n)
			pad = q[3] == '=' ? (q[2] == '=' ? 2 : 1) : 0;
		for (size_t k = 0; k < 4 - pad; k++) {
			int d = digit(q[k]);
			if (d < 0)
				return false;
			v |= (uint32_t)d << (18 - 6 * k);
		}
		char three[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		pf_buf_add(to, three, 3 - pad);
	}
	return !to->failed;
}

void pf_hex_encode(struct pf_buf *to, struct pf_str from)
{
	for (size_t i = 0; i < from.n; i++) {
		unsigned char c = (unsigned char)from.p[i];
		pf_buf_add_byte(to, "0123456789abcdef"[c >> 4]);
		pf_buf_add_byte(to, "0123456789abcdef"[c & 15]);
	}
}
