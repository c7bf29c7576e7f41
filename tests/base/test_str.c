#include "base/str.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "tests/tap.h"

static void compares_whole_slices(void)
{
	ok(pf_str_eq(PF_STR("a"), PF_STR("a")));
	ok(!pf_str_eq(PF_STR("a"), PF_STR("a\0")));
	ok(pf_str_ieq(PF_STR("InBoX"), PF_STR("INBOX")));
	ok(!pf_str_ieq(PF_STR("\xc4"), PF_STR("\xe4")));
	ok(pf_str_cmp(PF_STR("a"), PF_STR("ab")) < 0);
	ok(pf_str_cmp(PF_STR("b"), PF_STR("ab")) > 0);
	ok(pf_str_ends(PF_STR("x.c"), PF_STR(".c")));
	ok(!pf_str_ends(PF_STR("c"), PF_STR(".c")));
	ok(pf_str_eq((struct pf_str){NULL, 0}, PF_STR("")));
}

static void splits_words(void)
{
	struct pf_str rest = PF_STR("a,,b"), word;

	ok(pf_str_split(&rest, ',', &word) && pf_str_eq(word, PF_STR("a")));
	ok(pf_str_split(&rest, ',', &word) && word.n == 0);
	ok(pf_str_split(&rest, ',', &word) && pf_str_eq(word, PF_STR("b")));
	ok(!pf_str_split(&rest, ',', &word));
}

static void reads_numbers_within_bounds(void)
{
	uint64_t n = 7;

	ok(pf_str_u64(PF_STR("18446744073709551615"), UINT64_MAX, &n));
	ok(n == UINT64_MAX);
	ok(!pf_str_u64(PF_STR("18446744073709551616"), UINT64_MAX, &n));
	ok(!pf_str_u64(PF_STR("256"), 255, &n));
	ok(!pf_str_u64(PF_STR(""), 255, &n));
	ok(!pf_str_u64(PF_STR("+1"), 255, &n));
	ok(!pf_str_u64(PF_STR("1 "), 255, &n));
	ok(n == UINT64_MAX);
}

static void copies_only_what_fits(void)
{
	char to[4];

	ok(pf_str_copy(PF_STR("abc"), to, sizeof to));
	is_str(to, "abc");
	ok(!pf_str_copy(PF_STR("abcd"), to, sizeof to));
	ok(!pf_str_copy(PF_STR("a\0b"), to, sizeof to));
}

static void utf8_is_strict(void)
{
	struct pf_buf b = PF_BUF_INIT(100);

	ok(pf_utf8_valid(PF_STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xac")));
	ok(!pf_utf8_valid(PF_STR("\xc0\xaf")));
	ok(!pf_utf8_valid(PF_STR("\xed\xa0\x80")));
	ok(!pf_utf8_valid(PF_STR("\xf4\x90\x80\x80")));
	ok(!pf_utf8_valid(PF_STR("\xe2\x82")));
	pf_utf8_add_clean(&b, PF_STR("a\xff"
				     "b\xe2\x82"));
	is_str(b.data, "a\xef\xbf\xbd"
		       "b\xef\xbf\xbd\xef\xbf\xbd");
	pf_buf_clear(&b);
	pf_utf8_add(&b, 0x1f4ec);
	is_str(b.data, "\xf0\x9f\x93\xac");
	pf_buf_release(&b);
}

/* RFC 4648 10 */
static void base64_vectors(void)
{
	static const char *const pairs[][2] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	};
	struct pf_buf b = PF_BUF_INIT(100);

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		pf_buf_clear(&b);
		pf_base64_encode(&b, pf_str_c(pairs[i][0]));
		is_str(b.data, pairs[i][1]);
		pf_buf_clear(&b);
		ok(pf_base64_decode(&b, pf_str_c(pairs[i][1])));
		is_str(b.data, pairs[i][0]);
	}
	ok(!pf_base64_decode(&b, PF_STR("Zg=")));
	ok(!pf_base64_decode(&b, PF_STR("Zg==Zg==")));
	ok(!pf_base64_decode(&b, PF_STR("Z===")));
	ok(!pf_base64_decode(&b, PF_STR("Zm9 ")));
	pf_buf_release(&b);
}

int main(void)
{
	compares_whole_slices();
	splits_words();
	reads_numbers_within_bounds();
	copies_only_what_fits();
	utf8_is_strict();
	base64_vectors();
	return tap_done();
}
