/*
 * Names, patterns, sets and dates: what can be read back must come back, and
 * the fast pattern matcher must agree with the plain one.  First line: a
 * pattern; the rest: a name, a set, a date.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The rule as one would say it; only for short texts. */
static bool plain_glob(struct pf_str p, struct pf_str s)
{
	if (p.n == 0)
		return s.n == 0;
	if (*p.p != '*' && *p.p != '%')
		return s.n > 0 && *s.p == *p.p &&
		       plain_glob(pf_str_from(p, 1), pf_str_from(s, 1));
	for (size_t i = 0; i <= s.n; i++) {
		if (plain_glob(pf_str_from(p, 1), pf_str_from(s, i)))
			return true;
		if (i < s.n && *p.p == '%' && s.p[i] == '/')
			return false;
	}
	return false;
}

static void check_glob(struct pf_str pattern, struct pf_str name)
{
	bool fast = imap_glob(pattern, name, '/');

	pattern = pf_str_head(pattern, 9);
	name = pf_str_head(name, 9);
	if (pattern.n < 9 && name.n < 9 && fast != plain_glob(pattern, name))
		abort();
}

static void check_utf7(struct pf_str name)
{
	struct pf_buf utf8 = PF_BUF_INIT(1 << 20), again = PF_BUF_INIT(1 << 20);

	if (imap_utf7_decode(&utf8, name)) {
		if (!pf_utf8_valid(pf_buf_str(&utf8)))
			abort();
		imap_utf7_encode(&again, pf_buf_str(&utf8));
		if (!pf_str_eq(pf_buf_str(&again), name))
			abort();
	}
	pf_buf_clear(&utf8);
	pf_buf_clear(&again);
	imap_utf7_encode(&again, name);
	if (pf_utf8_valid(name) && pf_str_chr(name, '\0') < 0 &&
	    (!imap_utf7_decode(&utf8, pf_buf_str(&again)) ||
	     !pf_str_eq(pf_buf_str(&utf8), name)))
		abort();
	pf_buf_release(&utf8);
	pf_buf_release(&again);
}

static void check_set(struct pf_str text)
{
	struct pf_arena arena;
	struct imap_set set;

	pf_arena_init(&arena, 1 << 20);
	if (imap_set_parse(text, 77, &arena, &set, NULL) == PF_OK)
		for (size_t i = 0; i < set.n; i++) {
			if (set.v[i].from == 0 || set.v[i].from > set.v[i].to)
				abort();
			if (i && set.v[i].from <= set.v[i - 1].to)
				abort();
			if (!imap_set_has(&set, set.v[i].from) ||
			    !imap_set_has(&set, set.v[i].to) ||
			    imap_set_has(&set, set.v[i].from - 1))
				abort();
		}
	pf_arena_release(&arena);
}

static void check_date(struct pf_str text)
{
	struct pf_buf to = PF_BUF_INIT(100);
	int64_t when, again;

	if (imap_parse_date_time(text, &when)) {
		imap_write_date_time(&to, when);
		if (!imap_parse_date_time(pf_str_mem(to.data + 1, to.len - 2),
					  &again))
			abort();
	}
	pf_buf_release(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str rest = pf_str_mem(data, size), pattern = {0};

	if (size > 5000 || !pf_str_split(&rest, '\n', &pattern))
		return 0;
	check_glob(pattern, rest);
	check_utf7(rest);
	check_set(rest);
	check_date(rest);
	return 0;
}
