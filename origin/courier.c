/*
 * Courier's texts.
 *
 *	courierimapkeywords/:list	keywords, one a line; an empty line;
 *					"base:n n n", numbers of those lines
 *	courierimapkeywords/base	(or ".N.base": pending, a keyword a
 *					line; the newest N goes before :list)
 *	courierimapsubscribed		"INBOX.Lists.x", mUTF-7 or UTF-8
 */
#include "base/utf8.h"
#include "origin/origin.h"

static void parse_message(struct pf_str line, const struct pf_str *names,
			  size_t count, origin_courier_fn *fn, void *arg)
{
	/* a base name has no colon, but be lenient: the last one counts */
	ptrdiff_t colon = pf_str_rchr(line, ':');
	struct pf_str numbers, word;
	uint64_t n;

	if (colon <= 0)
		return;
	struct pf_str base = pf_str_head(line, (size_t)colon);
	numbers = pf_str_from(line, (size_t)colon + 1);
	while (pf_str_split(&numbers, ' ', &word))
		if (pf_str_u64(word, ORIGIN_KEYWORDS_MAX, &n) && n < count)
			fn(arg, base, names[n]);
}

void origin_courier_parse(struct pf_str list, origin_courier_fn *fn, void *arg)
{
	struct pf_str names[ORIGIN_KEYWORDS_MAX], line;
	size_t count = 0;

	while (pf_str_split(&list, '\n', &line) && line.n)
		if (count < ORIGIN_KEYWORDS_MAX)
			names[count++] = line;
	while (pf_str_split(&list, '\n', &line))
		parse_message(line, names, count, fn, arg);
}

static bool decode(struct pf_str text, bool utf7, char separator,
		   struct pf_buf *name)
{
	struct pf_str part;

	pf_buf_clear(name);
	while (pf_str_split(&text, '.', &part)) {
		if (name->len)
			pf_buf_add_byte(name, separator);
		if (part.n == 0)
			return false;
		if (!utf7)
			pf_buf_add_str(name, part);
		else if (!pf_utf7_decode(name, part))
			return false;
	}
	return name->len && !name->failed && pf_utf8_valid(pf_buf_str(name));
}

bool origin_courier_name(struct pf_str line, char separator,
			 struct pf_buf *name)
{
	line = pf_str_trim(line);
	if (pf_str_ieq(line, PF_STR("INBOX"))) {
		pf_buf_clear(name);
		pf_buf_add_c(name, "INBOX");
		return true;
	}
	if (!pf_str_istarts(line, PF_STR("INBOX.")))
		return false; /* shared folders ("#shared.") */
	line = pf_str_from(line, 6);
	return decode(line, true, separator, name) ||
	       decode(line, false, separator, name);
}

bool origin_courier_line(struct pf_str name, char separator, bool utf8,
			 struct pf_buf *line)
{
	struct pf_str part;

	pf_buf_add_c(line, "INBOX");
	if (!pf_str_ieq(name, PF_STR("INBOX")))
		while (pf_str_split(&name, separator, &part)) {
			pf_buf_add_byte(line, '.');
			if (utf8)
				pf_buf_add_str(line, part);
			else if (!pf_utf7_encode(line, part))
				return false;
		}
	pf_buf_add_byte(line, '\n');
	return !line->failed;
}
