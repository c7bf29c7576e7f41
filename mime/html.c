/*
 * What a reader of an HTML mail would see, as plain text: tags and comments
 * are gone, so are scripts and style sheets, entities are characters, and
 * block elements stand apart.  A state machine over bytes; it never looks
 * back, so any nesting costs nothing.
 */
#include "mime/html.h"
#include "mime/entities.h"
#include "base/utf8.h"

#include <stdlib.h>

enum state {
	TEXT,
	OPEN,	  /* "<" */
	NAME,	  /* "<name" or "</name" */
	TAG,	  /* behind the name, up to ">" */
	BANG,	  /* "<!" */
	DASH,	  /* "<!-" */
	COMMENT,  /* "<!--" up to "-->" */
	DECL,	  /* "<!DOCTYPE", "<?xml" up to ">" */
	ENTITY,	  /* "&name" */
	RAW,	  /* script or style: all up to its end tag */
	RAW_OPEN, /* "<" in it */
	RAW_NAME  /* "</name" in it */
};

void mime_html_init(struct mime_html *html)
{
	*html = (struct mime_html){.state = TEXT};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static bool is_alnum(char c)
{
	char l = pf_ascii_lower(c);

	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

static void owe(struct mime_html *html, char blank)
{
	if (html->blank != '\n')
		html->blank = blank;
}

static void pay(struct mime_html *html, struct pf_buf *out)
{
	if (html->blank && html->started)
		pf_buf_add_byte(out, html->blank);
	html->blank = 0;
	html->started = true;
}

static void add_text(struct mime_html *html, const char *p, size_t n,
		     struct pf_buf *out)
{
	pay(html, out);
	pf_buf_add(out, p, n);
}

/* ---- tags ------------------------------------------------------------------
 */

static int compare_names(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

/* Elements inside a line of text (sorted); every other one parts words. */
static bool is_inline(const char *name)
{
	static const char *const list[] = {
	    "a",    "abbr",  "acronym", "b",	  "bdi",    "bdo",  "big",
	    "cite", "code",  "del",	"dfn",	  "em",	    "font", "i",
	    "ins",  "kbd",   "label",	"mark",	  "nobr",   "q",    "s",
	    "samp", "small", "span",	"strike", "strong", "sub",  "sup",
	    "tt",   "u",     "var",	"wbr"};

	return bsearch(name, list, sizeof list / sizeof list[0], sizeof list[0],
		       compare_names);
}

static bool is_dropped(const char *name)
{
	return strcmp(name, "script") == 0 || strcmp(name, "style") == 0 ||
	       strcmp(name, "title") == 0;
}

static void tag_begin(struct mime_html *html)
{
	html->state = TAG;
	html->quote = 0;
	html->before = 0;
}

static void tag_end(struct mime_html *html)
{
	const char *name = html->name;

	html->state = TEXT;
	if (name[0] == '/') {
		name++;
	} else if (is_dropped(name)) {
		memcpy(html->raw, name, strlen(name) + 1);
		html->state = RAW;
	}
	if (!is_inline(name))
		owe(html, '\n');
}

static void name_begin(struct mime_html *html, int state)
{
	html->state = state;
	html->name_len = 0;
	html->name[0] = '\0';
}

/* A name that is too long is not kept, so that it equals none. */
static void name_add(struct mime_html *html, char c)
{
	if (html->name_len < MIME_HTML_NAME) {
		html->name[html->name_len++] = c;
		html->name[html->name_len] = '\0';
	} else {
		html->name[0] = '?';
	}
}

/* ---- entities --------------------------------------------------------------
 */

static int compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct entity *)entry)->name);
}

/* "&#228;", "&#xe4;": Windows-1252 where Unicode has controls, as browsers
 * do. */
static uint32_t number_of(const char *name)
{
	static const uint16_t high[32] = {
	    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
	    0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
	    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	    0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
	bool hex = name[1] == 'x' || name[1] == 'X';
	const char *digits = name + (hex ? 2 : 1);
	char *end;

	unsigned long n = strtoul(digits, &end, hex ? 16 : 10);
	if (end == digits || *end || n == 0 || n > 0x10ffff)
		return 0;
	return n >= 0x80 && n < 0xa0 ? high[n - 0x80] : (uint32_t)n;
}

static uint32_t entity_of(const char *name)
{
	if (name[0] == '#')
		return number_of(name);
	const struct entity *entry =
	    bsearch(name, entities, sizeof entities / sizeof entities[0],
		    sizeof entities[0], compare);
	return entry ? entry->character : 0;
}

static void entity_end(struct mime_html *html, bool closed, struct pf_buf *out)
{
	uint32_t c = entity_of(html->name);

	html->state = TEXT;
	if (c == 0) {
		/* no entity: just an ampersand in the text */
		add_text(html, "&", 1, out);
		pf_buf_add(out, html->name, html->name_len);
		if (closed)
			pf_buf_add_byte(out, ';');
	} else if (c == 0xa0 || (c < 0x80 && is_space((char)c))) {
		owe(html, ' ');
	} else if (c != 0xad) { /* a soft hyphen cuts no word */
		pay(html, out);
		pf_utf8_add(out, c);
	}
}

/* ---- the machine -----------------------------------------------------------
 */

static bool is_plain(char c)
{
	return (uint8_t)c > ' ' && c != '<' && c != '&';
}

/* Text up to the next character that means something. */
static size_t text_run(struct mime_html *html, struct pf_str in,
		       struct pf_buf *out)
{
	size_t n = 0;

	/* one blank between words is text as it stands */
	while (n < in.n &&
	       (is_plain(in.p[n]) || (in.p[n] == ' ' && n > 0 && n + 1 < in.n &&
				      is_plain(in.p[n + 1]))))
		n++;
	if (n) {
		add_text(html, in.p, n, out);
		return n;
	}
	if (in.p[0] == '<')
		html->state = OPEN;
	else if (in.p[0] == '&')
		name_begin(html, ENTITY);
	else if (is_space(in.p[0]))
		owe(html, ' ');
	else
		add_text(html, in.p, 1, out);
	return 1;
}

/* How many characters the state can pass over without a change. */
static size_t skip_run(const struct mime_html *html, struct pf_str in)
{
	const char *at = NULL;

	switch ((enum state)html->state) {
	case TAG:
		if (!html->quote)
			return 0;
		at = memchr(in.p, html->quote, in.n);
		break;
	case DECL:
		at = memchr(in.p, '>', in.n);
		break;
	case RAW:
		at = memchr(in.p, '<', in.n);
		break;
	case TEXT:
	case OPEN:
	case NAME:
	case BANG:
	case DASH:
	case COMMENT:
	case ENTITY:
	case RAW_OPEN:
	case RAW_NAME:
		return 0;
	}
	return at ? (size_t)(at - in.p) : in.n;
}

/* The characters of a comment: "-->" and, as browsers have it, "--!>". */
static void comment_char(struct mime_html *html, char c)
{
	if (c == '>' && html->dashes >= 2)
		html->state = TEXT;
	else if (c == '-')
		html->dashes += html->dashes < 2;
	else if (c != '!' || html->dashes < 2)
		html->dashes = 0;
}

static bool open_char(struct mime_html *html, char c, struct pf_buf *out)
{
	if (c == '!') {
		html->state = BANG;
	} else if (c == '?') {
		html->state = DECL;
	} else if (c == '/' || (is_alnum(c) && c > '9')) {
		name_begin(html, NAME);
		name_add(html, pf_ascii_lower(c));
	} else {
		html->state = TEXT;
		add_text(html, "<", 1, out);
		return false;
	}
	return true;
}

static bool name_char(struct mime_html *html, char c)
{
	if (is_alnum(c) || c == ':' || c == '-') {
		name_add(html, pf_ascii_lower(c));
		return true;
	}
	tag_begin(html);
	return false;
}

static void tag_char(struct mime_html *html, char c)
{
	if (html->quote) {
		if (c == html->quote)
			html->quote = 0;
	} else if (c == '>') {
		tag_end(html);
	} else if ((c == '"' || c == '\'') && html->before == '=') {
		html->quote = c;
	}
	if (!is_space(c))
		html->before = c;
}

static bool raw_name_char(struct mime_html *html, char c)
{
	if (is_alnum(c) && html->name_len < MIME_HTML_NAME) {
		name_add(html, pf_ascii_lower(c));
		return true;
	}
	html->state = RAW;
	if (strcmp(html->name + 1, html->raw) == 0)
		tag_begin(html);
	return false;
}

static bool entity_char(struct mime_html *html, char c, struct pf_buf *out)
{
	bool name = is_alnum(c) || (c == '#' && html->name_len == 0);

	if (name && html->name_len < MIME_HTML_NAME) {
		name_add(html, c);
		return true;
	}
	entity_end(html, c == ';', out);
	return c == ';';
}

/* Takes c; false: the state has changed and c is still to be read. */
static bool take(struct mime_html *html, char c, struct pf_buf *out)
{
	switch ((enum state)html->state) {
	case TEXT:
		return false;
	case OPEN:
		return open_char(html, c, out);
	case NAME:
		return name_char(html, c);
	case TAG:
		tag_char(html, c);
		return true;
	case BANG:
		html->state = c == '-' ? DASH : DECL;
		return c == '-';
	case DASH:
		html->dashes = 2; /* "<!-->" is a whole comment */
		html->state = c == '-' ? COMMENT : DECL;
		return c == '-';
	case COMMENT:
		comment_char(html, c);
		return true;
	case DECL:
		if (c == '>')
			html->state = TEXT;
		return true;
	case ENTITY:
		return entity_char(html, c, out);
	case RAW:
		if (c == '<')
			html->state = RAW_OPEN;
		return true;
	case RAW_OPEN:
		html->state = RAW;
		if (c != '/')
			return c != '<';
		name_begin(html, RAW_NAME);
		name_add(html, '/');
		return true;
	case RAW_NAME:
		return raw_name_char(html, c);
	}
	return true;
}

void mime_html_add(struct mime_html *html, struct pf_str in, struct pf_buf *out)
{
	size_t i = 0;

	while (i < in.n) {
		if (html->state == TEXT) {
			i += text_run(html, pf_str_from(in, i), out);
			continue;
		}
		i += skip_run(html, pf_str_from(in, i));
		if (i < in.n)
			i += take(html, in.p[i], out);
	}
}

void mime_html_end(struct mime_html *html, struct pf_buf *out)
{
	if (html->state == ENTITY)
		entity_end(html, false, out);
	else if (html->state == OPEN)
		add_text(html, "<", 1, out);
	mime_html_init(html);
}
