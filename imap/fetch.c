/*
 * What FETCH asks for (RFC 3501 6.4.5, RFC 9051 6.4.5, RFC 3516, RFC 7162,
 * RFC 8514, RFC 8474, RFC 8970), and what the answers are called.
 *
 * A section arrives as one atom, "BODY.PEEK[1.HEADER.FIELDS (Date "X Y")]<0.9>"
 * (see the reader), and is taken apart here from left to right.
 */
#include "imap/imap.h"

#include "imap/private.h"

struct simple_item {
	const char *name;
	enum imap_fetch_kind kind;
};

static const struct simple_item simple_items[] = {
    {"UID", IMAP_FETCH_UID},
    {"FLAGS", IMAP_FETCH_FLAGS},
    {"INTERNALDATE", IMAP_FETCH_INTERNALDATE},
    {"RFC822.SIZE", IMAP_FETCH_SIZE},
    {"ENVELOPE", IMAP_FETCH_ENVELOPE},
    {"BODY", IMAP_FETCH_BODY},
    {"BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE},
    {"MODSEQ", IMAP_FETCH_MODSEQ},
    {"SAVEDATE", IMAP_FETCH_SAVEDATE},
    {"PREVIEW", IMAP_FETCH_PREVIEW},
    {"EMAILID", IMAP_FETCH_EMAILID},
    {"THREADID", IMAP_FETCH_THREADID},
};

/* RFC 3501 6.4.5: words for several items; not inside a list */
static const char *const macro_fast[] = {"FLAGS", "INTERNALDATE", "RFC822.SIZE",
					 NULL};
static const char *const macro_all[] = {"FLAGS", "INTERNALDATE", "RFC822.SIZE",
					"ENVELOPE", NULL};
static const char *const macro_full[] = {
    "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", NULL};

struct section_item {
	const char *name; /* up to the bracket, upper case */
	const char *label;
	enum imap_fetch_kind kind;
	bool peek;
};

static const struct section_item section_items[] = {
    {"BODY", "BODY", IMAP_FETCH_SECTION, false},
    {"BODY.PEEK", "BODY", IMAP_FETCH_SECTION, true},
    {"BINARY", "BINARY", IMAP_FETCH_BINARY, false},
    {"BINARY.PEEK", "BINARY", IMAP_FETCH_BINARY, true},
    {"BINARY.SIZE", "BINARY.SIZE", IMAP_FETCH_BINARY_SIZE, true},
};

/* RFC 3501 6.4.5: names of old for sections */
struct old_item {
	const char *name;
	enum imap_section section;
	bool peek;
};

static const struct old_item old_items[] = {
    {"RFC822", IMAP_SECTION_ALL, false},
    {"RFC822.HEADER", IMAP_SECTION_HEADER, true},
    {"RFC822.TEXT", IMAP_SECTION_TEXT, false},
};

struct section_name {
	const char *name; /* longest first where one begins the other */
	enum imap_section section;
};

static const struct section_name section_names[] = {
    {"HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT},
    {"HEADER.FIELDS", IMAP_SECTION_FIELDS},
    {"HEADER", IMAP_SECTION_HEADER},
    {"TEXT", IMAP_SECTION_TEXT},
    {"MIME", IMAP_SECTION_MIME},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static pf_status bad(struct pf_error *err, const char *text)
{
	return pf_error_set(err, PF_INVALID, text, "imap fetch: %s", text);
}

static pf_status too_long(struct pf_error *err)
{
	return pf_error_set(err, PF_LIMIT, "FETCH items too long",
			    "imap fetch: items over the arena's limit");
}

/* ---- sections ------------------------------------------------------------ */

static bool take(struct pf_str *s, const char *word)
{
	struct pf_str w = pf_str_c(word);

	if (!pf_str_istarts(*s, w))
		return false;
	*s = pf_str_from(*s, w.n);
	return true;
}

/* Digits at *s, at least one. */
static bool take_number(struct pf_str *s, uint64_t max, uint64_t *n)
{
	size_t len = 0;

	while (len < s->n && s->p[len] >= '0' && s->p[len] <= '9')
		len++;
	if (!pf_str_u64(pf_str_head(*s, len), max, n))
		return false;
	*s = pf_str_from(*s, len);
	return true;
}

/* "1.2" of "1.2]" and "1.2.MIME]"; leaves what is behind the dot. */
static pf_status take_part(struct pf_str *s, struct pf_arena *arena,
			   struct imap_fetch_item *item, struct pf_error *err)
{
	size_t dots = 1;
	uint64_t n;

	if (s->n == 0 || *s->p < '0' || *s->p > '9')
		return PF_OK;
	for (size_t i = 0; i < s->n; i++)
		dots += s->p[i] == '.';
	item->numbers = pf_arena_array(arena, dots, sizeof *item->numbers);
	if (!item->numbers)
		return too_long(err);
	do {
		if (!take_number(s, UINT32_MAX, &n) || n == 0)
			return bad(err, "Invalid part number in section");
		item->numbers[item->number_count++] = (unsigned)n;
		if (!take(s, "."))
			return PF_OK;
	} while (s->n > 0 && *s->p >= '0' && *s->p <= '9');
	if (pf_str_starts(*s, PF_STR("]")))
		return bad(err, "Invalid part number in section");
	return PF_OK;
}

/* One field name: an atom or a quoted string.  The copy (to *room, which has
 * space for all of them) is upper case: field names have none, and the answer
 * calls them in one way. */
static bool take_field(struct pf_str *s, char **room, struct pf_str *field)
{
	size_t i = 0, n = 0;

	if (take(s, "\"")) {
		for (; i < s->n && s->p[i] != '"'; i++) {
			i += s->p[i] == '\\' && i + 1 < s->n;
			(*room)[n++] = pf_ascii_upper(s->p[i]);
		}
		if (i == s->n)
			return false;
		i++;
	} else {
		for (; i < s->n && !memchr(" ()]\"", s->p[i], 5); i++)
			(*room)[n++] = pf_ascii_upper(s->p[i]);
	}
	*s = pf_str_from(*s, i);
	*field = (struct pf_str){*room, n};
	*room += n;
	return n > 0 && pf_str_chr(*field, ':') < 0;
}

static void skip_blanks(struct pf_str *s)
{
	while (take(s, " "))
		;
}

/* " (DATE SUBJECT)" */
static pf_status take_fields(struct pf_str *s, struct pf_arena *arena,
			     struct imap_fetch_item *item, struct pf_error *err)
{
	size_t count = 1;

	skip_blanks(s);
	if (!take(s, "("))
		return bad(err, "Missing field names in section");
	for (size_t i = 0; i < s->n; i++)
		count += s->p[i] == ' ' || s->p[i] == '"';
	item->fields = pf_arena_array(arena, count, sizeof *item->fields);
	char *room = pf_arena_alloc(arena, s->n + 1);
	if (!item->fields || !room)
		return too_long(err);
	skip_blanks(s);
	do {
		struct pf_str *field = &item->fields[item->field_count];

		if (!take_field(s, &room, field))
			return bad(err, "Invalid field name in section");
		item->field_count++;
		if (s->n > 0 && *s->p != ' ' && *s->p != ')')
			return bad(err, "Missing ')' in section");
		skip_blanks(s);
	} while (!take(s, ")"));
	return PF_OK;
}

/* "HEADER.FIELDS (...)" and the other words */
static pf_status take_section_name(struct pf_str *s, struct pf_arena *arena,
				   struct imap_fetch_item *item,
				   struct pf_error *err)
{
	for (size_t i = 0; i < COUNT(section_names); i++) {
		if (!take(s, section_names[i].name))
			continue;
		item->section = section_names[i].section;
		if (item->section == IMAP_SECTION_FIELDS ||
		    item->section == IMAP_SECTION_FIELDS_NOT)
			return take_fields(s, arena, item, err);
		if (item->section == IMAP_SECTION_MIME &&
		    item->number_count == 0)
			return bad(err, "MIME needs a part number in section");
		return PF_OK;
	}
	return bad(err, "Unknown section");
}

/* "<0.1024>" */
static pf_status take_partial(struct pf_str *s, struct imap_fetch_item *item,
			      struct pf_error *err)
{
	if (!take(s, "<"))
		return PF_OK;
	if (item->kind == IMAP_FETCH_BINARY_SIZE ||
	    !take_number(s, INT64_MAX, &item->offset) || !take(s, ".") ||
	    !take_number(s, INT64_MAX, &item->length) || item->length == 0 ||
	    !take(s, ">"))
		return bad(err, "Invalid partial range behind section");
	item->partial = true;
	return PF_OK;
}

/* ---- labels ----------------------------------------------------------------
 */

static void write_fields(struct pf_buf *to, const struct imap_fetch_item *item)
{
	pf_buf_add_c(to, " (");
	for (size_t i = 0; i < item->field_count; i++) {
		if (i)
			pf_buf_add_byte(to, ' ');
		imap_write_astring(to, item->fields[i]);
	}
	pf_buf_add_byte(to, ')');
}

/* The answer's name: no PEEK, and of the range only where it begins (RFC 3501
 * 7.4.2). */
static bool make_label(struct pf_arena *arena, const char *name,
		       struct imap_fetch_item *item, size_t text_len)
{
	struct pf_buf to = PF_BUF_INIT(text_len * 3 + 64);

	pf_buf_addf(&to, "%s[", name);
	for (size_t i = 0; i < item->number_count; i++)
		pf_buf_addf(&to, "%s%u", i ? "." : "", item->numbers[i]);
	for (size_t i = 0; i < COUNT(section_names); i++)
		if (item->section == section_names[i].section)
			pf_buf_addf(&to, "%s%s", item->number_count ? "." : "",
				    section_names[i].name);
	if (item->field_count)
		write_fields(&to, item);
	pf_buf_add_byte(&to, ']');
	if (item->partial)
		pf_buf_addf(&to, "<%llu>", (unsigned long long)item->offset);
	item->label = pf_arena_str(arena, pf_buf_str(&to));
	bool good = !to.failed && item->label.p;
	pf_buf_release(&to);
	return good;
}

/* ---- items ------------------------------------------------------------------
 */

static pf_status parse_section(const struct section_item *entry,
			       struct pf_str s, struct pf_arena *arena,
			       struct imap_fetch_item *item,
			       struct pf_error *err)
{
	size_t len = s.n;
	pf_status status;

	*item =
	    (struct imap_fetch_item){.kind = entry->kind, .peek = entry->peek};
	status = take_part(&s, arena, item, err);
	if (status == PF_OK && entry->kind == IMAP_FETCH_SECTION && s.n > 0 &&
	    *s.p != ']')
		status = take_section_name(&s, arena, item, err);
	if (status != PF_OK)
		return status;
	if (!take(&s, "]"))
		return bad(err, "Missing ']' behind section");
	status = take_partial(&s, item, err);
	if (status != PF_OK)
		return status;
	if (s.n > 0)
		return bad(err, "Invalid characters behind section");
	return make_label(arena, entry->label, item, len) ? PF_OK
							  : too_long(err);
}

static pf_status parse_word(struct pf_str s, struct imap_fetch_item *item,
			    struct pf_error *err)
{
	for (size_t i = 0; i < COUNT(simple_items); i++)
		if (pf_str_ieq(s, pf_str_c(simple_items[i].name))) {
			*item = (struct imap_fetch_item){
			    .kind = simple_items[i].kind,
			    .peek = true,
			    .label = pf_str_c(simple_items[i].name)};
			return PF_OK;
		}
	for (size_t i = 0; i < COUNT(old_items); i++)
		if (pf_str_ieq(s, pf_str_c(old_items[i].name))) {
			*item = (struct imap_fetch_item){
			    .kind = IMAP_FETCH_SECTION,
			    .section = old_items[i].section,
			    .peek = old_items[i].peek,
			    .label = pf_str_c(old_items[i].name)};
			return PF_OK;
		}
	char text[80];
	imap_error_word(text, sizeof text, "Unknown FETCH item", s);
	return bad(err, text);
}

static pf_status parse_item(struct pf_str s, struct pf_arena *arena,
			    struct imap_fetch_item *item, struct pf_error *err)
{
	ptrdiff_t bracket = pf_str_chr(s, '[');
	struct pf_str name = pf_str_head(s, bracket < 0 ? 0 : (size_t)bracket);

	for (size_t i = 0; bracket >= 0 && i < COUNT(section_items); i++)
		if (pf_str_ieq(name, pf_str_c(section_items[i].name)))
			return parse_section(
			    &section_items[i],
			    pf_str_from(s, (size_t)bracket + 1), arena, item,
			    err);
	return parse_word(s, item, err);
}

/* Answers of these kinds have no parameters: once is enough. */
static bool is_simple(const struct imap_fetch_item *item)
{
	return item->kind != IMAP_FETCH_SECTION &&
	       item->kind != IMAP_FETCH_BINARY &&
	       item->kind != IMAP_FETCH_BINARY_SIZE;
}

static void add_item(struct imap_fetch *fetch,
		     const struct imap_fetch_item *item, unsigned *seen)
{
	if (is_simple(item)) {
		if (*seen & 1u << item->kind)
			return;
		*seen |= 1u << item->kind;
	}
	fetch->items[fetch->count++] = *item;
	fetch->sets_seen |= !item->peek;
}

static const char *const *find_macro(const struct imap_arg *arg)
{
	if (imap_arg_is_atom(arg, "ALL"))
		return macro_all;
	if (imap_arg_is_atom(arg, "FAST"))
		return macro_fast;
	if (imap_arg_is_atom(arg, "FULL"))
		return macro_full;
	return NULL;
}

/* RFC 8970 3.1: PREVIEW (LAZY).  We are always quick, so it changes nothing. */
static bool is_preview_modifier(const struct imap_arg *arg,
				const struct imap_fetch_item *before)
{
	return arg->kind == IMAP_LIST && before &&
	       before->kind == IMAP_FETCH_PREVIEW && arg->count == 1 &&
	       imap_arg_is_atom(arg->list, "LAZY");
}

static pf_status parse_list(const struct imap_arg *list, size_t count,
			    struct pf_arena *arena, struct imap_fetch *fetch,
			    unsigned *seen, struct pf_error *err)
{
	struct imap_fetch_item item = {0};

	for (size_t i = 0; i < count; i++) {
		if (is_preview_modifier(&list[i], i ? &item : NULL))
			continue;
		if (list[i].kind != IMAP_ATOM)
			return bad(err, "FETCH item expected");
		pf_status status = parse_item(list[i].text, arena, &item, err);
		if (status != PF_OK)
			return status;
		add_item(fetch, &item, seen);
	}
	return PF_OK;
}

static pf_status parse_macro(const char *const *macro, struct imap_fetch *fetch,
			     unsigned *seen, struct pf_error *err)
{
	struct imap_fetch_item item;

	for (; *macro; macro++) {
		pf_status status = parse_word(pf_str_c(*macro), &item, err);
		if (status != PF_OK)
			return status;
		add_item(fetch, &item, seen);
	}
	return PF_OK;
}

/* RFC 7162 3.1.4.1 and 3.2.6: (CHANGEDSINCE n [VANISHED]); an answer then
 * always has MODSEQ.  RFC 9394 3.3: (PARTIAL range) */
static pf_status parse_modifiers(const struct imap_arg *arg,
				 struct imap_fetch *fetch, unsigned *seen,
				 struct pf_error *err)
{
	static const struct imap_fetch_item modseq = {
	    .kind = IMAP_FETCH_MODSEQ, .peek = true, .label = {"MODSEQ", 6}};

	if (arg->kind == IMAP_END)
		return PF_OK;
	if (arg->kind != IMAP_LIST || arg[1].kind != IMAP_END)
		return bad(err, "Too many arguments behind FETCH items");
	for (const struct imap_arg *a = arg->list; a->kind != IMAP_END; a++) {
		if (imap_arg_is_atom(a, "VANISHED")) {
			fetch->vanished = true;
		} else if (imap_arg_is_atom(a, "CHANGEDSINCE")) {
			a++;
			if (!imap_arg_number(a, INT64_MAX,
					     &fetch->changed_since))
				return bad(err, "Invalid CHANGEDSINCE value");
			fetch->changed_since_given = true;
		} else if (imap_arg_is_atom(a, "PARTIAL") &&
			   !fetch->partial_from) {
			a++;
			if (!imap_partial_parse(a, &fetch->partial_from,
						&fetch->partial_to))
				return bad(err, "Invalid PARTIAL range");
		} else {
			return bad(err, "Unknown FETCH modifier");
		}
	}
	if (fetch->vanished && !fetch->changed_since_given)
		return bad(err, "VANISHED needs CHANGEDSINCE");
	if (fetch->changed_since_given)
		add_item(fetch, &modseq, seen);
	return PF_OK;
}

pf_status imap_fetch_parse(const struct imap_arg *arg,
			   const struct imap_arg *modifiers,
			   struct pf_arena *arena, struct imap_fetch *fetch,
			   struct pf_error *err)
{
	struct imap_fetch out = {0};
	unsigned seen = 0;
	pf_status status;
	const char *const *macro = find_macro(arg);
	/* PREVIEW (LAZY) without a list around: the modifier is an argument */
	bool lazy = imap_arg_is_atom(arg, "PREVIEW") &&
		    modifiers->kind == IMAP_LIST && modifiers->count == 1 &&
		    imap_arg_is_atom(modifiers->list, "LAZY");
	size_t room = (arg->kind == IMAP_LIST ? arg->count : 1) + 8;

	out.items = pf_arena_array(arena, room, sizeof *out.items);
	if (!out.items)
		return too_long(err);
	if (macro)
		status = parse_macro(macro, &out, &seen, err);
	else if (arg->kind == IMAP_LIST)
		status =
		    parse_list(arg->list, arg->count, arena, &out, &seen, err);
	else
		status = parse_list(arg, 1, arena, &out, &seen, err);
	if (status == PF_OK && out.count == 0)
		return bad(err, "FETCH items expected");
	if (status == PF_OK)
		status = parse_modifiers(modifiers + lazy, &out, &seen, err);
	if (status == PF_OK)
		*fetch = out;
	return status;
}

static bool has_label(const struct imap_fetch *fetch, struct pf_str label)
{
	for (size_t i = 0; i < fetch->count; i++)
		if (pf_str_eq(fetch->items[i].label, label))
			return true;
	return false;
}

static bool copy_item(struct imap_fetch_item *item, struct pf_arena *arena)
{
	struct imap_fetch_item from = *item;

	item->label = pf_arena_str(arena, from.label);
	item->numbers =
	    pf_arena_array(arena, from.number_count + 1, sizeof *item->numbers);
	item->fields =
	    pf_arena_array(arena, from.field_count + 1, sizeof *item->fields);
	if (!item->label.p || !item->numbers || !item->fields)
		return false;
	for (size_t i = 0; i < from.number_count; i++)
		item->numbers[i] = from.numbers[i];
	for (size_t i = 0; i < from.field_count; i++) {
		item->fields[i] = pf_arena_str(arena, from.fields[i]);
		if (!item->fields[i].p)
			return false;
	}
	return true;
}

bool imap_fetch_join(struct imap_fetch *to, const struct imap_fetch *from,
		     struct pf_arena *arena)
{
	struct imap_fetch out = *to;

	if (from->count == 0)
		return true;
	out.items =
	    pf_arena_array(arena, to->count + from->count, sizeof *out.items);
	if (!out.items)
		return false;
	for (size_t i = 0; i < to->count; i++)
		out.items[i] = to->items[i];
	for (size_t i = 0; i < from->count; i++) {
		struct imap_fetch_item *item = &out.items[out.count];

		if (has_label(to, from->items[i].label))
			continue;
		*item = from->items[i];
		if (!copy_item(item, arena))
			return false;
		out.count++;
	}
	out.sets_seen |= from->sets_seen;
	*to = out;
	return true;
}
