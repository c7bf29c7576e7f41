#include "imap/imap.h"

#include "tests/tap.h"

#define writes(call, want)                                                     \
	do {                                                                   \
		struct pf_buf to = PF_BUF_INIT(100000);                        \
		call;                                                          \
		is_mem(to.data, to.len, want);                                 \
		pf_buf_release(&to);                                           \
	} while (0)

static void strings(void)
{
	writes(imap_write_quoted(&to, PF_STR("a b")), "\"a b\"");
	writes(imap_write_quoted(&to, PF_STR("a\"\\")), "\"a\\\"\\\\\"");
	writes(imap_write_quoted(&to, PF_STR("a\r\nb")), "{4}\r\na\r\nb");
	writes(imap_write_quoted(&to, PF_STR("\xc3\xa4")), "{2}\r\n\xc3\xa4");
	writes(imap_write_quoted(&to, PF_STR("a\0b")), "{3}\r\na\x80"
						       "b");
	writes(imap_write_nstring(&to, PF_STR("")), "\"\"");
	writes(imap_write_nstring(&to, (struct pf_str){0}), "NIL");
}

static void astrings(void)
{
	writes(imap_write_astring(&to, PF_STR("INBOX")), "INBOX");
	writes(imap_write_astring(&to, PF_STR("[Gmail]/x")), "[Gmail]/x");
	writes(imap_write_astring(&to, PF_STR("")), "\"\"");
	writes(imap_write_astring(&to, PF_STR("nil")), "\"nil\"");
	writes(imap_write_astring(&to, PF_STR("a*b")), "\"a*b\"");
	writes(imap_write_astring(&to, PF_STR("\xff")), "{1}\r\n\xff");
}

static void mailboxes(void)
{
	static const struct pf_str name = {"Entw\xc3\xbcrfe", 9};

	writes(imap_write_mailbox(&to, name, false), "Entw&APw-rfe");
	writes(imap_write_mailbox(&to, name, true), "\"Entw\xc3\xbcrfe\"");
	writes(imap_write_mailbox(&to, PF_STR("a&b c"), false), "\"a&-b c\"");
	writes(imap_write_mailbox(&to, PF_STR("a&b"), true), "a&b");
}

static void utf8_between_quotes(void)
{
	writes(imap_write_string(&to, PF_STR("a\"\xc3\xa4"), true),
	       "\"a\\\"\xc3\xa4\"");
	writes(imap_write_string(&to, PF_STR("\xc3\xa4"), false),
	       "{2}\r\n\xc3\xa4");
	writes(imap_write_string(&to, PF_STR("\xe4"), true), "{1}\r\n\xe4");
}

static void requoted(void)
{
	writes(imap_write_utf8(&to, PF_STR("(\"a\\\"{3}\" {2}\r\n\xc3\xa4 NIL "
					   "{1}\r\n\xe4 {3}\r\na\nb)")),
	       "(\"a\\\"{3}\" \"\xc3\xa4\" NIL {1}\r\n\xe4 {3}\r\na\nb)");
	/* what it was never given */
	writes(imap_write_utf8(&to, PF_STR("{99}\r\nab {x} {2}a \"a")),
	       "{99}\r\nab {x} {2}a \"a");
	writes(imap_write_utf8(&to, PF_STR("")), "");
}

static void long_strings_are_literals(void)
{
	struct pf_buf in = PF_BUF_INIT(10000), to = PF_BUF_INIT(20000);

	for (int i = 0; i < 5000; i++)
		pf_buf_add_byte(&in, 'x');
	imap_write_quoted(&to, pf_buf_str(&in));
	is_mem(to.data, 8, "{5000}\r\n");
	is_int(to.len, 5008);
	pf_buf_release(&in);
	pf_buf_release(&to);
}

static void dates(void)
{
	static const char *const bad[] = {"21-Nov-2026",
					  "31-Feb-2026 00:00:00 +0000",
					  "29-Feb-2025 00:00:00 +0000",
					  "21-Nov-2026 24:00:00 +0000",
					  "21-Nov-2026 10:00:00 0000",
					  "21-Nov-2026 10:00:00 +00000",
					  "21-Nov-2026 10:00:00",
					  "21-Foo-2026 10:00:00 +0000",
					  "0-Nov-2026 10:00:00 +0000",
					  "21-Nov-26 10:00:00 +0000",
					  ""};
	int64_t when;

	writes(imap_write_date_time(&to, 1795272000),
	       "\"21-Nov-2026 14:40:00 +0000\"");
	writes(imap_write_date_time(&to, 0), "\"01-Jan-1970 00:00:00 +0000\"");
	writes(imap_write_date_time(&to, INT64_MAX),
	       "\"01-Jan-1970 00:00:00 +0000\"");
	ok(imap_parse_date_time(PF_STR("21-Nov-2026 15:40:00 +0100"), &when));
	is_int(when, 1795272000);
	ok(imap_parse_date_time(PF_STR(" 1-jan-1970 00:00:01 -0001"), &when));
	is_int(when, 61);
	ok(imap_parse_date_time(PF_STR("29-Feb-2024 23:59:60 +0000"), &when));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!imap_parse_date_time(pf_str_c(bad[i]), &when));
}

int main(void)
{
	strings();
	astrings();
	mailboxes();
	utf8_between_quotes();
	requoted();
	long_strings_are_literals();
	dates();
	return tap_done();
}
