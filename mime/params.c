/*
 * Content-Type, Content-Disposition and their parameters (RFC 2045 5.1,
 * RFC 2183, RFC 2231).
 *
 * Parameters are first read as they stand ("sections"), then put together
 * twice: joined for BODYSTRUCTURE, and joined and decoded for us.
 */
#include "mime/params.h"
#include "mime/charset.h"
#include "mime/scan.h"

#define SECTIONS_MAX 1000 /* of one continued parameter: RFC 2231 3 */

struct section {
	struct pf_str name;  /* as written */
	struct pf_str base;  /* the name without its marks */
	struct pf_str value; /* quotes removed */
	int number;	     /* -1: not continued */
	bool encoded;	     /* percent-encoded (RFC 2231 4) */
	bool done;
};

struct sections {
	struct section v[MIME_PARAMS_MAX];
	size_t n;
};

struct pf_str mime_param(const struct mime_params *params, const char *name)
{
	for (size_t i = 0; i < params->n; i++)
		if (pf_str_ieq(params->v[i].name, pf_str_c(name)))
			return params->v[i].value;
	return (struct pf_str){NULL, 0};
}

static struct pf_str lower(struct pf_arena *arena, struct pf_str s)
{
	char *copy = pf_arena_cstr(arena, s);

	for (size_t i = 0; copy && i < s.n; i++)
		copy[i] = pf_ascii_lower(copy[i]);
	return (struct pf_str){copy, copy ? s.n : 0};
}

/* ---- reading ---------------------------------------------------------------
 */

/* "name*12*" -> base "name", number 12, encoded */
static void split_marks(struct section *section)
{
	struct pf_str name = section->name;
	uint64_t number;

	section->number = -1;
	if (pf_str_ends(name, PF_STR("*"))) {
		section->encoded = true;
		name.n--;
	}
	ptrdiff_t star = pf_str_rchr(name, '*');
	if (star >= 0 && pf_str_u64(pf_str_from(name, (size_t)star + 1),
				    SECTIONS_MAX, &number)) {
		section->number = (int)number;
		name.n = (size_t)star;
	}
	section->base = name;
}

/* An unquoted value goes on to the next blank or semicolon, whatever is in
 * it: boundaries with "=" and file names with "[" are sent without quotes. */
static void read_value(struct mime_scan *scan, struct pf_buf *value)
{
	mime_scan_cfws(scan, NULL);
	if (mime_scan_at(scan, '"')) {
		if (mime_scan_quoted(scan, value))
			return;
		scan->p++; /* never closed */
	}
	const char *start = scan->p;
	while (scan->p < scan->end && *scan->p != ';' &&
	       !mime_is_space(*scan->p))
		scan->p++;
	pf_buf_add(value, start, (size_t)(scan->p - start));
}

/* Skips to the next parameter, over anything that is none. */
static void skip_to_semicolon(struct mime_scan *scan, struct pf_buf *scratch)
{
	while (scan->p < scan->end && *scan->p != ';') {
		if (*scan->p == '"' && mime_scan_quoted(scan, scratch))
			continue;
		if (!mime_scan_cfws(scan, NULL))
			scan->p++;
	}
	pf_buf_clear(scratch);
}

static void read_sections(struct pf_arena *arena, struct mime_scan *scan,
			  struct sections *list)
{
	struct pf_buf name, value;

	list->n = 0;
	pf_buf_init(&name, (size_t)(scan->end - scan->p));
	pf_buf_init(&value, (size_t)(scan->end - scan->p));
	while (scan->p < scan->end && list->n < MIME_PARAMS_MAX) {
		skip_to_semicolon(scan, &value);
		if (scan->p < scan->end)
			scan->p++;
		mime_scan_cfws(scan, NULL);
		mime_scan_token(scan, &name);
		mime_scan_cfws(scan, NULL);
		if (name.len && mime_scan_at(scan, '=')) {
			scan->p++;
			read_value(scan, &value);
			struct section section = {
			    .name = pf_arena_str(arena, pf_buf_str(&name)),
			    .value = pf_arena_str(arena, pf_buf_str(&value)),
			};
			split_marks(&section);
			if (section.base.n && section.value.p)
				list->v[list->n++] = section;
		}
		pf_buf_clear(&name);
		pf_buf_clear(&value);
	}
	pf_buf_release(&name);
	pf_buf_release(&value);
}

/* ---- putting together ------------------------------------------------------
 */

/* The section of a continued parameter with this number, or NULL. */
static struct section *find_section(struct sections *list, struct pf_str base,
				    int number)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].number == number &&
		    pf_str_ieq(list->v[i].base, base))
			return &list->v[i];
	return NULL;
}

static bool has_param(const struct mime_params *params, struct pf_str name)
{
	for (size_t i = 0; i < params->n; i++)
		if (pf_str_ieq(params->v[i].name, name))
			return true;
	return false;
}

static void add_param(struct mime_params *params, struct pf_str name,
		      struct pf_str value)
{
	if (name.p && value.p)
		params->v[params->n++] = (struct mime_param){name, value};
}

/* Joins name*0, name*1, ... behind one another; `name` gets a "*" when one of
 * them is encoded. */
static void join_sections(struct sections *list, struct section *s,
			  struct pf_buf *name, struct pf_buf *value)
{
	struct pf_str base = s->base;
	bool encoded = false;

	pf_buf_clear(name);
	pf_buf_clear(value);
	for (int k = 1; s; s = find_section(list, base, k++)) {
		s->done = true;
		encoded |= s->encoded;
		pf_buf_add_str(value, s->value);
	}
	pf_buf_add_str(name, base);
	if (encoded)
		pf_buf_add_byte(name, '*');
}

/* What was written, continued parameters joined but not decoded. */
static void join(struct pf_arena *arena, struct sections *list,
		 struct mime_params *written)
{
	struct pf_buf value, name;

	pf_buf_init(&value, MIME_HEADER_MAX);
	pf_buf_init(&name, MIME_HEADER_MAX);
	for (size_t i = 0; i < list->n; i++) {
		struct section *s = &list->v[i];
		struct section *first = find_section(list, s->base, 0);
		if (s->number >= 0 && first && !first->done) {
			join_sections(list, first, &name, &value);
			if (!has_param(written, pf_buf_str(&name)))
				add_param(
				    written,
				    pf_arena_str(arena, pf_buf_str(&name)),
				    pf_arena_str(arena, pf_buf_str(&value)));
		}
		/* a single one, or one after a gap */
		if (!s->done && !has_param(written, s->name))
			add_param(written, s->name, s->value);
	}
	pf_buf_release(&name);
	pf_buf_release(&value);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 &&
		    hex(s.p[i + 2]) >= 0) {
			c = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		}
		pf_buf_add_byte(to, c);
	}
}

/* Cuts "charset'language'" off the first section. */
static struct pf_str cut_charset(struct pf_str *value)
{
	ptrdiff_t first = pf_str_chr(*value, '\'');
	struct pf_str charset = {NULL, 0};

	if (first < 0)
		return charset;
	struct pf_str rest = pf_str_from(*value, (size_t)first + 1);
	ptrdiff_t second = pf_str_chr(rest, '\'');
	if (second < 0)
		return charset;
	charset = pf_str_head(*value, (size_t)first);
	*value = pf_str_from(rest, (size_t)second + 1);
	return charset;
}

/* Decodes the parameter that the extended section `s` begins. */
static struct pf_str decode_extended(struct pf_arena *arena,
				     struct sections *list, struct section *s)
{
	struct pf_buf bytes, text;
	struct section *next = s;
	struct pf_str charset = {NULL, 0};

	pf_buf_init(&bytes, MIME_HEADER_MAX);
	for (int k = 0; next; k++) {
		struct pf_str value = next->value;
		if (k == 0 && next->encoded)
			charset = cut_charset(&value);
		if (next->encoded)
			percent_decode(&bytes, value);
		else
			pf_buf_add_str(&bytes, value);
		next =
		    s->number < 0 ? NULL : find_section(list, s->base, k + 1);
	}
	pf_buf_init(&text, 4 * MIME_HEADER_MAX);
	mime_to_utf8(&text, charset, pf_buf_str(&bytes));
	struct pf_str decoded = pf_arena_str(arena, pf_buf_str(&text));
	pf_buf_release(&text);
	pf_buf_release(&bytes);
	return decoded;
}

static struct pf_str decode_plain(struct pf_arena *arena, struct pf_str value)
{
	struct pf_buf text;

	pf_buf_init(&text, 4 * MIME_HEADER_MAX);
	mime_decode_text(&text, value);
	struct pf_str decoded = pf_arena_str(arena, pf_buf_str(&text));
	pf_buf_release(&text);
	return decoded;
}

/* Of one parameter in several forms the most telling wins: name*, then
 * name*0.., then name (RFC 6266 4.3 asks for this order). */
static void decode(struct pf_arena *arena, struct sections *list,
		   struct mime_params *params)
{
	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < list->n; i++) {
			struct section *s = &list->v[i];
			int form = s->number == 0  ? 1
				   : s->number > 0 ? -1
				   : s->encoded	   ? 0
						   : 2;
			if (form != pass || has_param(params, s->base))
				continue;
			add_param(params, lower(arena, s->base),
				  pass == 2 ? decode_plain(arena, s->value)
					    : decode_extended(arena, list, s));
		}
}

static void read_params(struct pf_arena *arena, struct mime_scan *scan,
			struct mime_params *params, struct mime_params *written)
{
	struct sections list;

	*params = (struct mime_params){NULL, 0};
	if (written)
		*written = *params;
	read_sections(arena, scan, &list);
	if (list.n == 0)
		return;
	params->v = pf_arena_array(arena, list.n, sizeof *params->v);
	if (params->v)
		decode(arena, &list, params);
	if (!written)
		return;
	written->v = pf_arena_array(arena, list.n, sizeof *written->v);
	if (written->v)
		join(arena, &list, written);
}

/* ---- the fields ------------------------------------------------------------
 */

static struct pf_str read_token(struct pf_arena *arena, struct mime_scan *scan)
{
	struct pf_buf token;

	pf_buf_init(&token, (size_t)(scan->end - scan->p));
	mime_scan_cfws(scan, NULL);
	mime_scan_token(scan, &token);
	struct pf_str s = {NULL, 0};
	if (token.len)
		s = lower(arena, pf_buf_str(&token));
	pf_buf_release(&token);
	return s;
}

bool mime_content_type_both(struct pf_arena *arena, struct pf_str raw,
			    struct pf_str *type, struct pf_str *subtype,
			    struct mime_params *params,
			    struct mime_params *written)
{
	struct mime_scan scan = mime_scan_of(raw);
	struct pf_str a = read_token(arena, &scan), b = {NULL, 0};

	mime_scan_cfws(&scan, NULL);
	if (mime_scan_at(&scan, '/')) {
		scan.p++;
		b = read_token(arena, &scan);
	}
	if (a.n && b.n) {
		*type = a;
		*subtype = b;
		read_params(arena, &scan, params, written);
		return true;
	}
	*type = PF_STR("text");
	*subtype = PF_STR("plain");
	*params = (struct mime_params){NULL, 0};
	if (written)
		*written = *params;
	return false;
}

bool mime_token_params_both(struct pf_arena *arena, struct pf_str raw,
			    struct pf_str *token, struct mime_params *params,
			    struct mime_params *written)
{
	struct mime_scan scan = mime_scan_of(raw);
	struct pf_str s = read_token(arena, &scan);

	*token = s.p ? s : PF_STR("");
	read_params(arena, &scan, params, written);
	return s.n > 0;
}

struct pf_str mime_content_encoding(struct pf_arena *arena, struct pf_str raw)
{
	struct mime_scan scan = mime_scan_of(raw);
	struct pf_str token = read_token(arena, &scan);

	mime_scan_cfws(&scan, NULL);
	bool alone = scan.p == scan.end || *scan.p == ';';
	if (!token.p || (!alone && mime_encoding(token) == MIME_ENC_UNKNOWN))
		return PF_STR("");
	return token;
}

bool mime_content_type(struct pf_arena *arena, struct pf_str raw,
		       struct pf_str *type, struct pf_str *subtype,
		       struct mime_params *params)
{
	return mime_content_type_both(arena, raw, type, subtype, params, NULL);
}

bool mime_token_params(struct pf_arena *arena, struct pf_str raw,
		       struct pf_str *token, struct mime_params *params)
{
	return mime_token_params_both(arena, raw, token, params, NULL);
}
