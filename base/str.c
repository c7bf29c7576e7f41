#include "base/str.h"

#include <stdlib.h>

bool pf_str_ieq(struct pf_str a, struct pf_str b)
{
	return a.n == b.n && pf_str_istarts(a, b);
}

bool pf_str_starts(struct pf_str s, struct pf_str prefix)
{
	return s.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool pf_str_istarts(struct pf_str s, struct pf_str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (pf_ascii_lower(s.p[i]) != pf_ascii_lower(prefix.p[i]))
			return false;
	return true;
}

bool pf_str_ends(struct pf_str s, struct pf_str suffix)
{
	return s.n >= suffix.n &&
	       pf_str_eq(pf_str_from(s, s.n - suffix.n), suffix);
}

int pf_str_cmp(struct pf_str a, struct pf_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

ptrdiff_t pf_str_chr(struct pf_str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t pf_str_rchr(struct pf_str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct pf_str pf_str_trim(struct pf_str s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool pf_str_split(struct pf_str *rest, char sep, struct pf_str *word)
{
	if (!rest->p || rest->n == 0)
		return false;
	ptrdiff_t at = pf_str_chr(*rest, sep);
	if (at < 0) {
		*word = *rest;
		*rest = (struct pf_str){NULL, 0};
		return true;
	}
	*word = pf_str_head(*rest, (size_t)at);
	*rest = pf_str_from(*rest, (size_t)at + 1);
	return true;
}

bool pf_str_u64(struct pf_str s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) ||
		    v > max)
			return false;
	}
	*value = v;
	return true;
}

char *pf_str_dup(struct pf_str s)
{
	char *copy = malloc(s.n + 1);

	if (!copy)
		abort();
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

bool pf_str_copy(struct pf_str s, char *to, size_t size)
{
	if (s.n >= size || pf_str_chr(s, '\0') >= 0)
		return false;
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}
