#include "mime/charset.h"
#include "tests/mime/util.h"

#include "base/utf8.h"

struct example {
	const char *charset, *in, *want;
	bool known;
};

/* Whole, and byte by byte. */
static void check(const char *test, const struct example *e)
{
	struct pf_str in = pf_str_c(e->in), charset = pf_str_c(e->charset);
	struct mime_conv conv;
	struct pf_buf b;

	pf_buf_init(&b, 1000);
	bool known = mime_to_utf8(&b, charset, in);
	tap_check_in(test, known == e->known && strcmp(b.data, e->want) == 0,
		     "%s\n# got  %d %s\n# want %d %s", e->charset, known,
		     b.data, e->known, e->want);
	pf_buf_clear(&b);
	ok(mime_conv_init(&conv, charset) == e->known);
	for (size_t i = 0; i < in.n; i++)
		mime_conv_add(&conv, pf_str_head(pf_str_from(in, i), 1), &b);
	mime_conv_end(&conv, &b);
	mime_conv_release(&conv);
	tap_check_in(test, strcmp(b.data, e->want) == 0,
		     "%s in pieces\n# got  %s\n# want %s", e->charset, b.data,
		     e->want);
	pf_buf_release(&b);
}

static void converts(void)
{
	static const struct example list[] = {
	    {"utf-8", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	     "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", true},
	    {"UTF8",
	     "a\xff"
	     "b\xc3",
	     "a\xef\xbf\xbd"
	     "b\xef\xbf\xbd",
	     true},
	    {"utf-8", "\xe2\x82x\xe2\x82",
	     "\xef\xbf\xbd\xef\xbf\xbdx"
	     "\xef\xbf\xbd\xef\xbf\xbd",
	     true},
	    {"us-ascii", "\x93gr\xfc\xdf!\x94",
	     "\xe2\x80\x9cgr\xc3\xbc\xc3\x9f!\xe2\x80\x9d", true},
	    {"us-ascii", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", true},
	    {"", "gr\xfc\xdf", "gr\xc3\xbc\xc3\x9f", false},
	    {"x-unknown", "gr\xfc\xdf", "gr\xc3\xbc\xc3\x9f", false},
	    {"iso-8859-1", "\x80\xe4", "\xe2\x82\xac\xc3\xa4", true},
	    {"\"ISO-8859-15\"", "\xa4", "\xe2\x82\xac", true},
	    {"gb2312", "\xc4\xe3\xba\xc3", "\xe4\xbd\xa0\xe5\xa5\xbd", true},
	    {"ks_c_5601-1987", "\xb0\xa1\x8c\x63", "\xea\xb0\x80\xeb\x98\xa0",
	     true},
	    {"Shift_JIS", "\x93\xfa\x96\x7b\x87\x40",
	     "\xe6\x97\xa5\xe6\x9c\xac\xe2\x91\xa0", true},
	    {"euc-jp", "\xc6\xfc\xcb\xdc", "\xe6\x97\xa5\xe6\x9c\xac", true},
	    {"iso-2022-jp", "\x1b$BF|K\\\x1b(B!", "\xe6\x97\xa5\xe6\x9c\xac!",
	     true},
	    {"big5", "\xa4\xa4\xa4\xe5", "\xe4\xb8\xad\xe6\x96\x87", true},
	    {"koi8-r", "\xf0\xd2\xc9", "\xd0\x9f\xd1\x80\xd0\xb8", true},
	    {"windows-1251", "\xcf\xf0\xe8", "\xd0\x9f\xd1\x80\xd0\xb8", true},
	    {"utf-7", "+AOQ-x", "\xc3\xa4x", true},
	    {"utf-16be-nothing", "ab", "ab", false},
	    {"utf-8//TRANSLIT", "ab", "ab", false},
	    {"../../x", "ab", "ab", false},
	    {"euc-jp",
	     "a\xff"
	     "b",
	     "a\xef\xbf\xbd"
	     "b",
	     true},
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		check(__func__, &list[i]);
	ok(mime_charset_known(PF_STR("utf-8")));
	ok(!mime_charset_known(PF_STR("no-such-charset")));
}

/* More charsets than descriptors are kept, twice around. */
static void keeps_no_state_between_uses(void)
{
	static const char *const forms[] = {
	    "koi8-r",	   "iso-2022-jp", "utf-7",   "iso-8859-%d",
	    "iso_8859-%d", "iso8859-%d",  "cp125%d", "windows-125%d"};
	struct pf_buf b, name;
	int known = 0;

	pf_buf_init(&b, 1000);
	pf_buf_init(&name, 100);
	for (int i = 0; i < 2 * 8 * 16; i++) {
		struct pf_str form = pf_str_c(forms[i % 8]);
		ptrdiff_t at = pf_str_chr(form, '%');
		pf_buf_clear(&b);
		pf_buf_clear(&name);
		pf_buf_add_str(&name,
			       at < 0 ? form : pf_str_head(form, (size_t)at));
		if (at > 0)
			pf_buf_add_u64(&name, (uint64_t)(i / 8 % 16));
		known +=
		    mime_to_utf8(&b, pf_buf_str(&name), PF_STR("abc\x1b$B"));
		ok(strncmp(b.data, "abc", 3) == 0);
	}
	ok(known > 2 * 64);
	pf_buf_release(&name);
	pf_buf_release(&b);
}

/* A callback of mime_text may convert while a part is being converted. */
static void conversions_do_not_meet(void)
{
	struct pf_str jp = PF_STR("iso-2022-jp");
	struct mime_conv a, b;
	struct pf_buf to;

	pf_buf_init(&to, 1000);
	ok(mime_conv_init(&a, jp));
	mime_conv_add(&a, PF_STR("\x1b$BF|"), &to);
	ok(mime_conv_init(&b, jp));
	mime_conv_add(&b, PF_STR("x"), &to);
	mime_conv_release(&b);
	keeps_no_state_between_uses();
	mime_conv_add(&a, PF_STR("K\\\x1b(B"), &to);
	mime_conv_end(&a, &to);
	mime_conv_release(&a);
	is_str(to.data, "\xe6\x97\xa5x\xe6\x9c\xac");
	pf_buf_release(&to);
}

static void folds(void)
{
	static const struct {
		const char *in, *want;
	} list[] = {
	    {"Hello, World 1", "HELLO, WORLD 1"},
	    {"gr\xc3\xbc\xc3\x9f", "GRU\xcc\x88\xc3\x9f"},
	    {"u\xcc\x88", "U\xcc\x88"},
	    {"\xd0\xbf\xd1\x80", "\xd0\x9f\xd0\xa0"},
	    {"\xef\xbd\x81\xef\xbc\xa1", "AA"},		  /* full width */
	    {"\xef\xbd\xb1", "\xe3\x82\xa2"},		  /* half width */
	    {"\xcf\x83\xcf\x82", "\xce\xa3\xce\xa3"},	  /* sigmas */
	    {"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1"}, /* Hangul */
	    {"\xc7\x86", "D\x7a\xcc\x8c"},
	    {"a\xff\xc3", "A\xff\xc3"},
	};
	struct pf_buf b;

	pf_buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		pf_buf_clear(&b);
		mime_fold(&b, pf_str_c(list[i].in));
		is_str(b.data, list[i].want);
	}
	pf_buf_release(&b);
}

/* fold(a) + fold(b) == fold(a + b): substrings stay substrings. */
static void folds_piecewise(void)
{
	struct pf_buf whole, parts, text;

	pf_buf_init(&whole, 100000);
	pf_buf_init(&parts, 100000);
	pf_buf_init(&text, 100000);
	for (uint32_t c = 0x80; c < 0x3400; c += 3)
		pf_utf8_add(&text, c);
	mime_fold(&whole, pf_buf_str(&text));
	for (size_t i = 0, len; i < text.len; i += len) {
		struct pf_str rest = pf_str_from(pf_buf_str(&text), i);
		pf_utf8_next(rest, &len);
		mime_fold(&parts, pf_str_head(rest, len));
	}
	ok(pf_str_eq(pf_buf_str(&whole), pf_buf_str(&parts)));
	ok(pf_utf8_valid(pf_buf_str(&whole)));
	pf_buf_release(&whole);
	pf_buf_release(&parts);
	pf_buf_release(&text);
}

static void normalises(void)
{
	static const struct {
		const char *in, *want;
	} list[] = {{"", ""},
		    {"plain", "plain"},
		    {"u\xcc\x88 ", "\xc3\xbc "},
		    {"\xc3\xbc", "\xc3\xbc"},
		    {"\xe2\x84\xab", "\xc3\x85"},     /* Angstrom sign */
		    {"\xef\xac\x81", "\xef\xac\x81"}, /* ligature fi */
		    {"a\xff", "a\xff"}};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct pf_buf b = PF_BUF_INIT(100);

		mime_nfc(&b, pf_str_c(list[i].in));
		ok(pf_str_eq(pf_buf_str(&b), pf_str_c(list[i].want)));
		pf_buf_release(&b);
	}
}

int main(void)
{
	converts();
	normalises();
	keeps_no_state_between_uses();
	conversions_do_not_meet();
	folds();
	folds_piecewise();
	return tap_done();
}
