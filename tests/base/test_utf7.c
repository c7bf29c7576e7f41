/* Modified UTF-7: RFC 3501 5.1.3's own example, and what must be refused. */
#include "base/utf8.h"
#include "tests/tap.h"

static void check_pair(const char *utf8, const char *utf7)
{
	struct pf_buf to = PF_BUF_INIT(1000);

	ok(pf_utf7_encode(&to, pf_str_c(utf8)));
	is_str(to.data, utf7);
	pf_buf_clear(&to);
	ok(pf_utf7_decode(&to, pf_str_c(utf7)));
	is_str(to.data, utf8);
	pf_buf_release(&to);
}

static void pairs_go_both_ways(void)
{
	check_pair("", "");
	check_pair("INBOX", "INBOX");
	check_pair("a&b", "a&-b");
	check_pair("~peter/mail/台北/日本語",
		   "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
	check_pair("Entwürfe", "Entw&APw-rfe");
	check_pair("€", "&IKw-");
	check_pair("😀x", "&2D3eAA-x");
	check_pair("ä&ö", "&AOQ-&-&APY-");
}

static void wrong_ones_are_refused(void)
{
	static const char *const bad[] = {
	    "&",	  "&AOQ",     "&AGE-", /* "a" must not be encoded */
	    "&AOQ-&APY-",		       /* two runs where one would do */
	    "&2D0-",			       /* half a surrogate pair */
	    "&3gA-",	  "&A-",      "&AOR-", /* bits left over */
	    "&AO/-",	  "\xc3\xa4",
	};
	struct pf_buf to = PF_BUF_INIT(1000);

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(!pf_utf7_decode(&to, pf_str_c(bad[i])), "%s", bad[i]);
	ok(!pf_utf7_encode(&to, PF_STR("\xff")));
	pf_buf_release(&to);
}

int main(void)
{
	pairs_go_both_ways();
	wrong_ones_are_refused();
	return tap_done();
}
