/* Strings, names and dates as IMAP writes them. */
#include "imap/imap.h"

#include "base/utf8.h"

/* Longer strings are easier on clients as literals. */
#define QUOTED_MAX 4096

static bool quotable(struct pf_str s, bool utf8)
{
	if (s.n > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 && c != '\t')
			return false;
		if (c == 0x7f || (c >= 0x80 && !utf8))
			return false;
	}
	return true;
}

static void add_quoted(struct pf_buf *to, struct pf_str s)
{
	pf_buf_add_byte(to, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			pf_buf_add_byte(to, '\\');
		pf_buf_add_byte(to, s.p[i]);
	}
	pf_buf_add_byte(to, '"');
}

/* A literal may hold anything but NUL (RFC 9051 9): that becomes 0x80. */
static void add_literal(struct pf_buf *to, struct pf_str s)
{
	pf_buf_addf(to, "{%zu}\r\n", s.n);
	for (ptrdiff_t nul; (nul = pf_str_chr(s, '\0')) >= 0;) {
		pf_buf_add_str(to, pf_str_head(s, (size_t)nul));
		pf_buf_add_byte(to, (char)0x80);
		s = pf_str_from(s, (size_t)nul + 1);
	}
	pf_buf_add_str(to, s);
}

void imap_write_string(struct pf_buf *to, struct pf_str s, bool utf8)
{
	if (quotable(s, utf8 && pf_utf8_valid(s)))
		add_quoted(to, s);
	else
		add_literal(to, s);
}

void imap_write_quoted(struct pf_buf *to, struct pf_str s)
{
	imap_write_string(to, s, false);
}

void imap_write_nstring(struct pf_buf *to, struct pf_str s)
{
	if (s.p)
		imap_write_string(to, s, false);
	else
		pf_buf_add_c(to, "NIL");
}

static bool is_astring(struct pf_str s)
{
	if (s.n == 0 || s.n > QUOTED_MAX || pf_str_ieq(s, PF_STR("NIL")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] == 0x7f ||
		    memchr("(){%*\"\\", s.p[i], 7))
			return false;
	return true;
}

void imap_write_astring(struct pf_buf *to, struct pf_str s)
{
	if (is_astring(s))
		pf_buf_add_str(to, s);
	else
		imap_write_string(to, s, false);
}

void imap_write_mailbox(struct pf_buf *to, struct pf_str name, bool utf8)
{
	struct pf_buf mutf7 = PF_BUF_INIT(name.n * 8 + 8);

	if (utf8 && !is_astring(name)) {
		imap_write_string(to, name, true);
		return;
	}
	imap_utf7_encode(&mutf7, name);
	imap_write_astring(to, utf8 ? name : pf_buf_str(&mutf7));
	pf_buf_release(&mutf7);
}
