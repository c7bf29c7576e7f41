#include "imap/imap.h"

#include <stdlib.h>

#include "tests/tap.h"

static const char *decoded(const char *mutf7)
{
	static char out[200];
	struct pf_buf buf = PF_BUF_INIT(100);

	pf_buf_add_c(&buf, "=");
	if (imap_utf7_decode(&buf, pf_str_c(mutf7)))
		snprintf(out, sizeof out, "%s", buf.data);
	else
		snprintf(out, sizeof out, "bad%s", buf.data);
	pf_buf_release(&buf);
	return out;
}

static const char *encoded(const char *utf8)
{
	static char out[200];
	struct pf_buf buf = PF_BUF_INIT(100);

	imap_utf7_encode(&buf, pf_str_c(utf8));
	snprintf(out, sizeof out, "%s", buf.data);
	pf_buf_release(&buf);
	return out;
}

static void utf7_both_ways(void)
{
	static const char *const pairs[][2] = {
	    {"INBOX", "INBOX"},
	    {"", ""},
	    {"a&-b", "a&b"},
	    {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
	    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
	     "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
	     "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	    {"&2D3eAA-", "\xf0\x9f\x98\x80"},
	    {"&AOQA9g-x&APw-", "\xc3\xa4\xc3\xb6x\xc3\xbc"},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		is_str(encoded(pairs[i][1]), pairs[i][0]);
		is_str(decoded(pairs[i][0]) + 1, pairs[i][1]);
	}
}

static void utf7_refused(void)
{
	static const char *const bad[] = {
	    "a&b",   "&",     "&AOQ",	"&AGE-",    "&AOQ-&APY-", "&AO-",
	    "&AOR-", "&A-",   "&2D0-",	"&3gA-",    "\xc3\xa4",	  "a\nb",
	    "&AA-",  "&AAA-", "&AOQ/-", "&2D0A4A-", "&AOQA9gA-",  "a\x7f"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_str(decoded(bad[i]), "bad=");
}

#define matches(pattern, name) imap_glob(pf_str_c(pattern), pf_str_c(name), '/')

static void patterns(void)
{
	ok(matches("INBOX", "INBOX"));
	ok(!matches("INBOX", "INBOXx") && !matches("INBOX", "INBO"));
	ok(matches("*", "a/b/c") && matches("*", ""));
	ok(matches("%", "abc") && !matches("%", "a/b"));
	ok(matches("%/%", "a/b") && !matches("%/%", "a/b/c"));
	ok(matches("%/*", "a/b/c") && !matches("%/*", "a"));
	ok(matches("a%c*e", "abc/d/e") && !matches("a%c*e", "ab/cde"));
	ok(matches("*%", "a/b") && matches("%*", "a/b"));
	ok(matches("%%", "ab") && !matches("%%", "a/b"));
	ok(matches("", "") && !matches("", "a"));
	ok(matches("*b", "abab") && matches("a%b%c", "axbxbxc"));
	ok(!matches("A", "a"));
}

static void patterns_take_linear_time(void)
{
	struct pf_buf pattern = PF_BUF_INIT(100000), name = PF_BUF_INIT(2000);

	for (int i = 0; i < 30000; i++)
		pf_buf_add_c(&pattern, i % 2 ? "*" : "%a");
	for (int i = 0; i < 1000; i++)
		pf_buf_add_c(&name, "a");
	ok(!imap_glob(pf_buf_str(&pattern), pf_buf_str(&name), '/'));
	pf_buf_clear(&pattern);
	for (int i = 0; i < 30000; i++)
		pf_buf_add_c(&pattern, i % 2 ? "*" : "%");
	ok(imap_glob(pf_buf_str(&pattern), pf_buf_str(&name), '/'));
	pf_buf_release(&pattern);
	pf_buf_release(&name);
}

int main(void)
{
	utf7_both_ways();
	utf7_refused();
	patterns();
	patterns_take_linear_time();
	return tap_done();
}
