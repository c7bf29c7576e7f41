/*
 * The text of Office Open XML (document.xml, slides, sheets, shared strings)
 * and OpenDocument (content.xml).  A word may be spread over many elements
 * ("<t>wo</t></r><r><t>rd</t>"), so a tag is no blank; only the elements that
 * are paragraphs, rows and cells end a line.  It is no XML parser: what is not
 * well formed gives some other text, in linear time.
 */
#include "extract/xml.h"

#include <stdlib.h>

#include "base/utf8.h"

static void end_line(struct extract_xml *xml, struct pf_buf *to)
{
	if (xml->broken && to->len)
		pf_buf_add_byte(to, '\n');
	xml->broken = false;
}

/* "w:p" -> "p" */
static struct pf_str local_name(struct pf_str tag)
{
	size_t n = 0;
	ptrdiff_t colon;

	while (n < tag.n && !strchr(" \t\r\n/>", tag.p[n]))
		n++;
	tag = pf_str_head(tag, n);
	colon = pf_str_chr(tag, ':');
	return colon < 0 ? tag : pf_str_from(tag, (size_t)colon + 1);
}

static bool contains(struct pf_str s, const char *what)
{
	return s.n && memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static void take_tag(struct extract_xml *xml, struct pf_buf *to)
{
	static const char *const breaks[] = {"p",  "h",	 "br",	"tr",
					     "si", "tc", "row", "tab",
					     "c",  "s",	 "cr",	"line-break"};
	struct pf_str tag = pf_str_mem(xml->token, xml->n);
	bool closes = tag.n && tag.p[0] == '/';
	bool empty = tag.n && tag.p[tag.n - 1] == '/';
	struct pf_str name = local_name(pf_str_from(tag, closes));

	(void)to;
	if (pf_str_starts(tag, PF_STR("?xml")))
		*xml = (struct extract_xml){.broken = true};
	else if (pf_str_starts(tag, PF_STR("office:document")))
		xml->all = true;
	else if (pf_str_eq(name, PF_STR("t")))
		xml->shown = !closes && !empty;
	else if (pf_str_eq(name, PF_STR("v")))
		xml->shown = !closes && !empty && xml->number;
	else if (pf_str_eq(name, PF_STR("c")) && !closes)
		xml->number = !contains(tag, " t=\"s\"");
	for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++)
		if (pf_str_eq(name, pf_str_c(breaks[i])))
			xml->broken = true;
}

static void add_text(struct extract_xml *xml, struct pf_str text,
		     struct pf_buf *to)
{
	if (!text.n || (!xml->all && !xml->shown))
		return;
	end_line(xml, to);
	pf_buf_add_str(to, text);
}

static void take_entity(struct extract_xml *xml, struct pf_buf *to)
{
	static const struct {
		const char *name, *text;
	} known[] = {{"lt", "<"},
		     {"gt", ">"},
		     {"amp", "&"},
		     {"quot", "\""},
		     {"apos", "'"}};
	struct pf_buf character = PF_BUF_INIT(8);

	xml->token[xml->n] = '\0';
	if (xml->token[0] == '#') {
		bool hex = xml->token[1] == 'x';
		unsigned long c =
		    strtoul(xml->token + 1 + hex, NULL, hex ? 16 : 10);

		if (c)
			pf_utf8_add(&character,
				    c < 0x110000 ? (uint32_t)c : PF_UTF8_BAD);
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(xml->token, known[i].name) == 0)
			pf_buf_add_c(&character, known[i].text);
	add_text(xml, pf_buf_str(&character), to);
	pf_buf_release(&character);
}

/* The end of the token that we are in. */
static size_t take_token(struct extract_xml *xml, struct pf_str s,
			 struct pf_buf *to)
{
	char end = xml->state == XML_TAG ? '>' : ';';
	size_t i = 0;

	for (; i < s.n && s.p[i] != end; i++) {
		if (xml->state == XML_ENTITY && s.p[i] == '<') {
			xml->state = XML_TEXT; /* it was none */
			return i;
		}
		if (xml->n < sizeof xml->token - 1)
			xml->token[xml->n++] = s.p[i];
		else /* at least a "/>" is seen */
			xml->token[xml->n - 1] = s.p[i];
	}
	if (i == s.n)
		return i;
	if (xml->state == XML_TAG)
		take_tag(xml, to);
	else
		take_entity(xml, to);
	xml->state = XML_TEXT;
	xml->n = 0;
	return i + 1;
}

void extract_xml_add(struct extract_xml *xml, struct pf_str s,
		     struct pf_buf *to)
{
	while (s.n) {
		size_t n = 0;

		if (xml->state != XML_TEXT) {
			s = pf_str_from(s, take_token(xml, s, to));
			continue;
		}
		while (n < s.n && s.p[n] != '<' && s.p[n] != '&')
			n++;
		add_text(xml, pf_str_head(s, n), to);
		if (n < s.n) {
			xml->state = s.p[n] == '<' ? XML_TAG : XML_ENTITY;
			xml->n = 0;
			n++;
		}
		s = pf_str_from(s, n);
	}
}
