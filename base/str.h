/*
 * A slice: bytes owned by somebody else.  May hold NUL and 8-bit bytes.
 * Functions that take text from a peer take slices, never C strings.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pf_str {
	const char *p; /* may be NULL when n is 0 */
	size_t n;
};

#define PF_STR(literal) ((struct pf_str){"" literal, sizeof(literal) - 1})

static inline struct pf_str pf_str_c(const char *c_string)
{
	return (struct pf_str){c_string, c_string ? strlen(c_string) : 0};
}

static inline struct pf_str pf_str_mem(const void *p, size_t n)
{
	return (struct pf_str){(const char *)p, n};
}

static inline bool pf_str_eq(struct pf_str a, struct pf_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char pf_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char pf_ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* ASCII case only, whatever the locale */
bool pf_str_ieq(struct pf_str a, struct pf_str b);
bool pf_str_starts(struct pf_str s, struct pf_str prefix);
bool pf_str_istarts(struct pf_str s, struct pf_str prefix);
bool pf_str_ends(struct pf_str s, struct pf_str suffix);

/* memcmp order, shorter first */
int pf_str_cmp(struct pf_str a, struct pf_str b);

/* index of the first/last `c`, or -1 */
ptrdiff_t pf_str_chr(struct pf_str s, char c);
ptrdiff_t pf_str_rchr(struct pf_str s, char c);

/* without SP, HTAB, CR, LF at both ends */
struct pf_str pf_str_trim(struct pf_str s);

static inline struct pf_str pf_str_from(struct pf_str s, size_t start)
{
	if (start > s.n)
		start = s.n;
	return (struct pf_str){s.p ? s.p + start : NULL, s.n - start};
}

static inline struct pf_str pf_str_head(struct pf_str s, size_t n)
{
	return (struct pf_str){s.p, n < s.n ? n : s.n};
}

/* Cuts *rest at the first `sep`: returns what stands before, leaves what
 * stands behind.  False at the end (then *rest is empty). */
bool pf_str_split(struct pf_str *rest, char sep, struct pf_str *word);

/* Decimal digits only, no sign, no blanks, whole slice, at most `max`. */
bool pf_str_u64(struct pf_str s, uint64_t max, uint64_t *value);

/* malloc'd, NUL-terminated copy (aborts when memory is out: small only) */
char *pf_str_dup(struct pf_str s);

/* True if `s` has no NUL, and fits with its NUL into `size`: copied. */
bool pf_str_copy(struct pf_str s, char *to, size_t size);

#endif
