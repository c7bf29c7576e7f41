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
		pf_buf_add_quoted(to, s);
	else
		add_literal(to, s);
}

/* "{5}" CR LF and what follows; n 0: that is no literal */
static size_t literal_at(struct pf_str s, struct pf_str *text)
{
	struct pf_str rest = pf_str_from(s, 1), digits;
	uint64_t n;

	if (!pf_str_split(&rest, '}', &digits) ||
	    !pf_str_u64(digits, SIZE_MAX, &n) ||
	    !pf_str_starts(rest, PF_STR("\r\n")) || rest.n - 2 < n)
		return 0;
	*text = pf_str_mem(rest.p + 2, (size_t)n);
	return (size_t)(text->p - s.p) + text->n;
}

void imap_write_utf8(struct pf_buf *to, struct pf_str made)
{
	bool quoted = false;
	struct pf_str text;

	for (size_t i = 0; i < made.n; i++) {
		char c = made.p[i];
		size_t n = 0;

		if (c == '{' && !quoted)
			n = literal_at(pf_str_from(made, i), &text);
		if (n > 0) {
			imap_write_string(to, text, true);
			i += n - 1;
			continue;
		}
		pf_buf_add_byte(to, c);
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted && i + 1 < made.n)
			pf_buf_add_byte(to, made.p[++i]);
	}
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
