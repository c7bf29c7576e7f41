/*
 * Address lists (RFC 5322 3.4, and the obsolete forms of 4.4) as they come.
 *
 * A list is read from left to right, one pass: words are gathered until a
 * character says what they were.  "<" makes them a display name, "@" a local
 * part, ":" the name of a group, and "," or the end a lonely word.  What does
 * not fit is skipped up to the next comma, so that one bad address never
 * hides the others.
 */
#include "mime/scan.h"

#define SPECIALS "<>@,;:\"("

struct reader {
	struct mime_scan scan;
	struct pf_arena *arena;
	struct mime_addr *v;
	size_t n, cap;
	bool group;
	struct pf_buf phrase;  /* the words so far, one blank between them */
	struct pf_buf local;   /* the last of them as a local part */
	struct pf_buf comment; /* the last one of this address */
	struct pf_buf text;    /* local part, domain or route */
	size_t words;
	size_t last;	    /* where the last word begins in `phrase` */
	bool glued, quoted; /* nothing behind the last word; it has quotes */
};

static const struct pf_str none = {NULL, 0};

/* Nothing to say is no name at all. */
static struct pf_str keep(struct reader *r, struct pf_str s)
{
	return s.n ? pf_arena_str(r->arena, s) : none;
}

/* There is always room for the end of a group that has begun. */
static bool add(struct reader *r, struct mime_addr addr)
{
	bool end = addr.kind == MIME_GROUP_END;

	if (r->n + 1 >= MIME_ADDRS_MAX && !end) {
		r->scan.p = r->scan.end;
		return false;
	}
	if (r->n + 2 > r->cap && !(end && r->n < r->cap)) {
		size_t cap = r->cap ? r->cap * 2 : 4;
		struct mime_addr *v = pf_arena_array(r->arena, cap, sizeof *v);
		if (!v) {
			r->scan.p = r->scan.end;
			return false;
		}
		if (r->n)
			memcpy(v, r->v, r->n * sizeof *v);
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = addr;
	return true;
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Appends characters up to the next special or blank; at least one. */
static void take_atom(struct reader *r, struct pf_buf *to)
{
	const char *start = r->scan.p++;

	while (r->scan.p < r->scan.end && !is_one_of(*r->scan.p, SPECIALS) &&
	       !mime_is_space(*r->scan.p))
		r->scan.p++;
	pf_buf_add(to, start, (size_t)(r->scan.p - start));
}

static bool ends_in_dot(const struct pf_buf *buf)
{
	return buf->len && buf->data[buf->len - 1] == '.';
}

/* A quoted string or atom.  It is a word of a display name, and may also be
 * (a piece of) a local part, in which blanks around a dot say nothing
 * (RFC 5322 4.4 obs-local-part). */
static void take_word(struct reader *r)
{
	bool dot = mime_scan_at(&r->scan, '.') ||
		   (ends_in_dot(&r->local) && !r->quoted);
	size_t start = r->phrase.len;

	r->quoted = mime_scan_at(&r->scan, '"');
	if (r->words && !(r->glued && dot))
		pf_buf_add_byte(&r->phrase, ' ');
	if (r->words == 0 || !dot) {
		r->last = start;
		pf_buf_clear(&r->local);
		r->words++;
	}
	size_t from = r->phrase.len;
	if (!r->quoted || !mime_scan_quoted(&r->scan, &r->phrase))
		take_atom(r, &r->phrase);
	pf_buf_add_str(&r->local, pf_str_from(pf_buf_str(&r->phrase), from));
	r->glued = !mime_scan_cfws(&r->scan, &r->comment);
}

/* "[...]" or words and dots behind the "@" */
static void take_domain(struct reader *r)
{
	struct pf_buf *text = &r->text;

	for (;;) {
		mime_scan_cfws(&r->scan, &r->comment);
		if (r->scan.p == r->scan.end || is_one_of(*r->scan.p, SPECIALS))
			return;
		if (text->len && !ends_in_dot(text) && *r->scan.p != '.')
			return;
		if (*r->scan.p == '[') {
			ptrdiff_t end = pf_str_chr(
			    pf_str_mem(r->scan.p,
				       (size_t)(r->scan.end - r->scan.p)),
			    ']');
			if (end > 0) {
				pf_buf_add(text, r->scan.p, (size_t)end + 1);
				r->scan.p += end + 1;
				mime_scan_cfws(&r->scan, &r->comment);
				return;
			}
		}
		take_atom(r, text);
	}
}

/* Skips what is no address up to a separator. */
static void skip_garbage(struct reader *r)
{
	while (r->scan.p < r->scan.end && *r->scan.p != ',' &&
	       *r->scan.p != ';') {
		if (mime_scan_cfws(&r->scan, NULL))
			continue;
		pf_buf_clear(&r->text);
		if (*r->scan.p == '"' && mime_scan_quoted(&r->scan, &r->text))
			continue;
		r->scan.p++;
	}
}

/* "@a,@b:" inside angle brackets (RFC 5322 4.4 obs-route) */
static struct pf_str take_route(struct reader *r)
{
	struct pf_buf route;

	pf_buf_init(&route, MIME_HEADER_MAX);
	while (mime_scan_at(&r->scan, '@')) {
		r->scan.p++;
		pf_buf_clear(&r->text);
		take_domain(r);
		if (route.len)
			pf_buf_add_byte(&route, ',');
		pf_buf_add_byte(&route, '@');
		pf_buf_add_str(&route, pf_buf_str(&r->text));
		while (mime_scan_at(&r->scan, ',')) {
			r->scan.p++;
			mime_scan_cfws(&r->scan, NULL);
		}
	}
	if (mime_scan_at(&r->scan, ':'))
		r->scan.p++;
	struct pf_str s = keep(r, pf_buf_str(&route));
	pf_buf_release(&route);
	return s;
}

static void begin(struct reader *r)
{
	pf_buf_clear(&r->phrase);
	pf_buf_clear(&r->local);
	r->words = 0;
	r->last = 0;
	r->glued = false;
	r->quoted = false;
}

/* At "<": the address, then its name is in addr->name already. */
static void take_angle(struct reader *r, struct mime_addr *addr)
{
	while (mime_scan_at(&r->scan, '<')) {
		r->scan.p++;
		mime_scan_cfws(&r->scan, NULL);
	}
	if (mime_scan_at(&r->scan, '@'))
		addr->route = take_route(r);
	begin(r);
	mime_scan_cfws(&r->scan, NULL);
	while (r->scan.p < r->scan.end && !is_one_of(*r->scan.p, "<>@,;"))
		take_word(r);
	bool good = r->words <= 1;
	addr->local = keep(r, pf_buf_str(good ? &r->local : &r->phrase));
	if (mime_scan_at(&r->scan, '@')) {
		r->scan.p++;
		pf_buf_clear(&r->text);
		take_domain(r);
		addr->domain = keep(r, pf_buf_str(&r->text));
	}
	const char *p = r->scan.p;
	while (p < r->scan.end && !is_one_of(*p, "<>,\""))
		p++;
	if (p < r->scan.end && *p == '>') {
		good &= p == r->scan.p;
		r->scan.p = p + 1;
	}
	if (!good)
		addr->domain = none;
}

/* "a@b", "Name a@b", "a@b (Name)" */
static void take_spec(struct reader *r)
{
	struct mime_addr addr = {.kind = MIME_ADDR};
	struct pf_str words = pf_buf_str(&r->phrase);
	size_t before = r->last;

	r->scan.p++;
	pf_buf_clear(&r->text);
	take_domain(r);
	if (mime_scan_at(&r->scan, '<')) {
		/* the sender's program put an address where a name belongs */
		pf_buf_add_byte(&r->phrase, '@');
		pf_buf_add_str(&r->phrase, pf_buf_str(&r->text));
		addr.name = keep(r, pf_buf_str(&r->phrase));
		take_angle(r, &addr);
		add(r, addr);
		return;
	}
	addr.local = keep(r, pf_buf_str(&r->local));
	addr.domain = keep(r, pf_buf_str(&r->text));
	addr.name = keep(r, pf_str_trim(pf_str_head(words, before)));
	if (!addr.name.p)
		addr.name = keep(r, pf_buf_str(&r->comment));
	add(r, addr);
}

/* Words with no address: one word may be a local user, more are a name. */
static void take_lonely(struct reader *r)
{
	struct mime_addr addr = {.kind = MIME_ADDR};
	struct pf_str words = pf_buf_str(&r->phrase);

	if (r->words == 1 && !r->quoted) {
		addr.local = keep(r, pf_buf_str(&r->local));
		addr.name = keep(r, pf_buf_str(&r->comment));
	} else {
		addr.name = keep(r, words);
	}
	add(r, addr);
}

static void take_group(struct reader *r)
{
	r->scan.p++;
	r->group =
	    add(r, (struct mime_addr){.kind = MIME_GROUP_START,
				      .name = keep(r, pf_buf_str(&r->phrase))});
}

static void end_group(struct reader *r)
{
	if (r->group)
		add(r, (struct mime_addr){.kind = MIME_GROUP_END});
	r->group = false;
}

static void take_address(struct reader *r)
{
	struct mime_addr addr = {.kind = MIME_ADDR};

	begin(r);
	while (r->scan.p < r->scan.end && !is_one_of(*r->scan.p, "<@,;:"))
		take_word(r);
	char c = r->scan.p < r->scan.end ? *r->scan.p : ',';
	if (c == ':' && !r->group) {
		take_group(r);
		return;
	}
	if (c == '<') {
		addr.name = keep(r, pf_buf_str(&r->phrase));
		take_angle(r, &addr);
		add(r, addr);
	} else if (c == '@') {
		take_spec(r);
	} else if (r->words) {
		take_lonely(r);
	}
	skip_garbage(r);
}

void mime_addresses(struct pf_arena *arena, struct pf_str raw,
		    struct mime_addrs *addrs)
{
	struct reader r = {.scan = mime_scan_of(raw), .arena = arena};

	pf_buf_init(&r.phrase, 2 * raw.n + 1);
	pf_buf_init(&r.local, raw.n);
	pf_buf_init(&r.comment, raw.n);
	pf_buf_init(&r.text, raw.n);
	for (;;) {
		pf_buf_clear(&r.comment);
		mime_scan_cfws(&r.scan, &r.comment);
		if (r.scan.p == r.scan.end)
			break;
		if (*r.scan.p == ';')
			end_group(&r);
		if (*r.scan.p == ',' || *r.scan.p == ';')
			r.scan.p++;
		else
			take_address(&r);
	}
	end_group(&r);
	pf_buf_release(&r.phrase);
	pf_buf_release(&r.local);
	pf_buf_release(&r.comment);
	pf_buf_release(&r.text);
	*addrs = (struct mime_addrs){r.v, r.n};
}
