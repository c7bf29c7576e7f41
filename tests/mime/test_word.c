#include "tests/mime/util.h"

#include "base/utf8.h"

struct example {
	const char *raw, *want;
};

static void check(const char *test, const struct example *list, size_t n)
{
	struct pf_buf b;

	pf_buf_init(&b, 100000);
	for (size_t i = 0; i < n; i++) {
		pf_buf_clear(&b);
		mime_decode_text(&b, pf_str_c(list[i].raw));
		tap_check_in(test, strcmp(b.data, list[i].want) == 0,
			     "%s\n# got  %s\n# want %s", list[i].raw, b.data,
			     list[i].want);
	}
	pf_buf_release(&b);
}
#define CHECK(list) check(__func__, list, sizeof(list) / sizeof((list)[0]))

/* RFC 2047 8, and 2231 5 */
static void decodes_the_examples_of_rfc_2047(void)
{
	static const struct example list[] = {
	    {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>",
	     "Keith Moore <moore@cs.utk.edu>"},
	    {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
	     "Keld J\xc3\xb8rn Simonsen <keld@dkuug.dk>"},
	    {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard"},
	    {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
	     "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	     "If you can read this you understand the example."},
	    {"=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=",
	     "\xd7\x9d\xd7\x95\xd7\x9c\xd7\xa9 \xd7\x9f\xd7\x91 "
	     "\xd7\x99\xd7\x9c\xd7\x98\xd7\xa4\xd7\xa0"},
	    {"(=?ISO-8859-1?Q?a?=)", "(a)"},
	    {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
	    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a?=    \r\n =?ISO-8859-1?Q?b?=)", "(ab)"},
	    {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
	    {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
	    {"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
	};

	CHECK(list);
}

static void decodes_what_people_send(void)
{
	static const struct example list[] = {
	    {" plain \r\n text ", "plain  text"},
	    /* blanks and "?" inside, no blank around */
	    {"=?utf-8?Q?Hello there?=x", "Hello therex"},
	    {"=?utf-8?Q?Really?\?=", "Really?"},
	    {"x=?utf-8?q?=C3=A4?==?utf-8?q?=C3=B6?=y", "x\xc3\xa4\xc3\xb6y"},
	    /* a character cut in two */
	    {"=?UTF-8?B?w6TD?= =?UTF-8?B?tg==?=", "\xc3\xa4\xc3\xb6"},
	    {"=?UTF-8?Q?=E2=82?=\n =?UTF-8?Q?=AC?=", "\xe2\x82\xac"},
	    /* base64 with and without padding */
	    {"=?utf-8?B?YWI=?=", "ab"},
	    {"=?utf-8?B?YWI?=", "ab"},
	    {"=?utf-8?B?YW I=?=", "ab"},
	    /* not encoded words */
	    {"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
	    {"=?utf-8?Q?abc", "=?utf-8?Q?abc"},
	    {"=?utf-8?Q", "=?utf-8?Q"},
	    {"a =? b ?= c", "a =? b ?= c"},
	    {"=?utf-8?Q?a =?utf-8?Q?b?=", "=?utf-8?Q?a b"},
	    /* broken inside */
	    {"=?utf-8?Q?=C3?= x", "\xef\xbf\xbd x"},
	    {"=?utf-8?Q?a=4?=", "a=4"},
	    {"=?utf-8?Q?50=%=zz?=", "50=%=zz"},
	    {"=?nonsense?Q?=E4?=", "\xc3\xa4"},
	    {"=?utf-8?Q?a=0D=0Ab=00c?=", "a  b c"},
	    {"=?gb2312?B?xOO6ww==?=", "\xe4\xbd\xa0\xe5\xa5\xbd"},
	    {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
	    {"=?koi8-r?B?8NLJ18XU?=",
	     "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
	    /* raw bytes: UTF-8 where valid, else Windows-1252 */
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	    {"gr\xfc\xdf \x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"},
	};

	CHECK(list);
}

static void encodes(void)
{
	static const struct example list[] = {
	    {"Hello world", "Hello world"},
	    {"", ""},
	    {"gr\xc3\xbc\xc3\x9f dich", "=?UTF-8?B?Z3LDvMOf?= dich"},
	    {"\xc3\xa4 \xc3\xb6 o", "=?UTF-8?B?w6Qgw7Y=?= o"},
	    {"looks =?like?=", "looks =?UTF-8?B?PT9saWtlPz0=?="},
	};
	struct pf_buf b;

	pf_buf_init(&b, 10000);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		pf_buf_clear(&b);
		mime_encode_text(&b, pf_str_c(list[i].raw));
		is_str(b.data, list[i].want);
	}
	pf_buf_release(&b);
}

static void round_trip(const char *text)
{
	struct pf_buf b, back;
	size_t line = 0;

	pf_buf_init(&b, 100000);
	pf_buf_init(&back, 100000);
	mime_encode_text(&b, pf_str_c(text));
	for (size_t i = 0; i < b.len; i++) {
		line = b.data[i] == '\n' ? 0 : line + 1;
		if (line > 78)
			break;
	}
	ok(line <= 78);
	mime_decode_text(&back, pf_buf_str(&b));
	is_str(back.data, text);
	pf_buf_release(&b);
	pf_buf_release(&back);
}

static void encoding_is_undone_by_decoding(void)
{
	struct pf_buf b;

	round_trip("a  b   c");
	round_trip("\xe2\x82\xac\xe2\x82\xac  \xe2\x82\xac x \xe2\x82\xac");
	pf_buf_init(&b, 100000);
	repeat(&b,
	       "Gr\xc3\xbc\xc3\x9f"
	       "e\xf0\x9f\x98\x80",
	       100);
	round_trip(b.data);
	pf_buf_clear(&b);
	repeat(&b, "word \xd0\x9f\xd1\x80\xd0\xb8 ", 100);
	pf_buf_cut(&b, b.len - 1);
	round_trip(b.data);
	pf_buf_release(&b);
}

static void is_linear(void)
{
	static const char *const bad[] = {
	    "=?a?Q?", "=?",  "=?a?b?c", "=?a?Q?b", "=?a?Q?b ?",
	    "?=?",    "=?a", "=",	"\n ",	   "=?a?Q?b?= "};
	struct pf_buf b, to;

	pf_buf_init(&b, 4 << 20);
	pf_buf_init(&to, 16 << 20);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		pf_buf_clear(&b);
		pf_buf_clear(&to);
		repeat(&b, bad[i], 200000);
		mime_decode_text(&to, pf_buf_str(&b));
		ok(!to.failed && pf_utf8_valid(pf_buf_str(&to)));
	}
	pf_buf_release(&b);
	pf_buf_release(&to);
}

int main(void)
{
	decodes_the_examples_of_rfc_2047();
	decodes_what_people_send();
	encodes();
	encoding_is_undone_by_decoding();
	is_linear();
	return tap_done();
}
