/*
 * The incremental reader of IMAP commands.
 *
 * One state per place in the grammar, one function per state, one byte per
 * step (literals go in blocks).  A step that meets a byte which is not its own
 * changes the state and leaves the byte: so "what ends an atom" and "what may
 * follow an argument" are each written once.
 *
 *	TAG -> NAME -> NEXT -> ATOM | QUOTED | SIZE ... -> AFTER -> NEXT ...
 *
 * Invariants:
 * - Nothing depends on how the input was cut into pieces.
 * - Memory is bounded by line_max + literal_max (times a constant), and no
 *   byte is looked at twice: arguments are collected in one vector for each
 *   open parenthesis and copied once, when it closes.
 * - After a syntax error the reader still knows where the command ends,
 *   because it follows the `{n+}` at line ends (RFC 7888) without reading
 *   anything else.  If that were wrong, a message's text would be executed.
 * - Passwords pass through: every byte kept is overwritten by reader_next.
 */
#include "imap/imap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum state {
	TAG,
	NAME,
	NEXT,  /* an argument may begin */
	AFTER, /* an argument has ended */
	ATOM,
	SECTION, /* inside the brackets of BODY[...] */
	SECTION_QUOTED,
	SECTION_ESCAPE,
	QUOTED,
	ESCAPE,
	TILDE,	/* "~": literal8 or an atom */
	SIZE,	/* {123 */
	PLUS,	/* {123+ */
	CLOSED, /* {123} */
	CLOSED_CR,
	LITERAL,
	STREAM,
	LINE_CR, /* CR behind the command */
	SKIP,	 /* broken or refused: to the end of the command */
	SKIP_LITERAL,
	DONE,
	DEAD
};

#define TAIL	     32 /* enough for the longest "{n+}" CR LF that counts */
#define SIZE_TOO_BIG ((uint64_t)1 << 63)

struct args pf_vec(struct imap_arg);

struct imap_reader {
	struct imap_reader_conf conf;
	enum state state, after_literal;
	enum imap_read_event event;
	struct pf_arena arena; /* what tag, name and args point to */
	struct pf_str tag, name;
	struct imap_arg *args; /* when DONE, and while a stream begins */
	struct pf_buf token;
	struct args *frames; /* [0] the command, [n] the n-th open list */
	size_t frame_count;
	size_t arg_count; /* of the whole command */
	size_t line_len;  /* bytes outside literals */
	char tail[TAIL];  /* the last of them, as a ring */
	size_t literal_sum;
	char *literal; /* being read */
	uint64_t left, size;
	bool literal8, sync, has_digits;
	pf_status failure; /* what SKIP ends with */
	struct pf_error why;
	struct pf_buf line; /* of imap_reader_line */
	bool line_told;	    /* the caller has it */
};

/* ---- life --------------------------------------------------------------- */

static void set_conf(struct imap_reader *r, const struct imap_reader_conf *conf)
{
	r->conf = *conf;
	/* an argument takes one or two bytes of line: 64 bytes of tree */
	r->arena.max = conf->line_max * 160 + conf->literal_max * 2 + 4096;
	r->token.max = conf->line_max + 2 * conf->literal_max;
	r->line.max = conf->line_max;
}

struct imap_reader *imap_reader_new(const struct imap_reader_conf *conf)
{
	struct imap_reader *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	pf_arena_init(&r->arena, 0);
	pf_buf_init(&r->token, 0);
	pf_buf_init(&r->line, 0);
	set_conf(r, conf);
	return r;
}

void imap_reader_reconfigure(struct imap_reader *r,
			     const struct imap_reader_conf *conf)
{
	set_conf(r, conf);
}

static void forget(struct imap_reader *r)
{
	for (size_t i = 0; i < r->frame_count; i++)
		pf_vec_release(&r->frames[i]);
	free(r->frames);
	r->frames = NULL;
	r->frame_count = 0;
	r->args = NULL;
	r->tag = r->name = (struct pf_str){0};
	pf_arena_wipe(&r->arena);
	pf_buf_wipe(&r->token);
	explicit_bzero(r->tail, sizeof r->tail);
	r->arg_count = r->line_len = r->literal_sum = 0;
	r->literal = NULL;
	r->left = r->size = 0;
}

void imap_reader_next(struct imap_reader *r)
{
	forget(r);
	pf_buf_wipe(&r->line);
	r->line_told = false;
	r->failure = PF_OK;
	r->event = IMAP_READ_NONE;
	if (r->state != DEAD)
		r->state = TAG;
}

void imap_reader_free(struct imap_reader **reader)
{
	if (!*reader)
		return;
	imap_reader_next(*reader);
	free(*reader);
	*reader = NULL;
}

void imap_reader_detach(struct imap_reader *r, struct pf_arena *arena)
{
	*arena = r->arena;
	pf_arena_init(&r->arena, arena->max);
}

enum imap_read_event imap_reader_event(const struct imap_reader *r)
{
	return r->event;
}

bool imap_reader_busy(const struct imap_reader *r)
{
	return r->state != DONE && (r->state != TAG || r->line_len > 0);
}

struct pf_str imap_reader_tag(const struct imap_reader *r)
{
	return r->tag;
}

struct pf_str imap_reader_name(const struct imap_reader *r)
{
	return r->name;
}

const struct imap_arg *imap_reader_args(const struct imap_reader *r)
{
	static const struct imap_arg none = {.kind = IMAP_END};

	return r->args ? r->args : &none;
}

/* ---- failing ------------------------------------------------------------ */

/* A syntax error: the rest of the command is skipped, then it is told. */
static void fail(struct imap_reader *r, pf_status status, const char *text)
{
	char client[sizeof r->why.client];

	snprintf(client, sizeof client, "%s (at character %zu)", text,
		 r->line_len);
	pf_error_set(&r->why, status, client, "imap command: %s", client);
	r->failure = PF_INVALID;
	r->state = SKIP;
}

static void die(struct imap_reader *r, const char *text)
{
	forget(r);
	pf_error_set(&r->why, PF_LIMIT, text, "imap command: %s", text);
	r->failure = PF_LIMIT;
	r->state = DEAD;
}

/* ---- arguments ---------------------------------------------------------- */

static void open_frame(struct imap_reader *r)
{
	struct args *grown =
	    realloc(r->frames, (r->frame_count + 1) * sizeof *r->frames);

	if (!grown)
		abort();
	r->frames = grown;
	r->frames[r->frame_count++] = (struct args){0};
}

static struct imap_arg *add_arg(struct imap_reader *r, enum imap_arg_kind kind)
{
	if (r->conf.args_max && r->arg_count >= r->conf.args_max) {
		fail(r, PF_INVALID, "Too many arguments");
		return NULL;
	}
	r->arg_count++;
	struct args *args = &r->frames[r->frame_count - 1];
	pf_vec_push(args, ((struct imap_arg){.kind = kind}));
	return &args->v[args->n - 1];
}

/* The token as an argument; the state goes on with AFTER. */
static void add_token(struct imap_reader *r, enum imap_arg_kind kind)
{
	struct pf_str token = pf_buf_str(&r->token);

	if (kind == IMAP_ATOM && pf_str_ieq(token, PF_STR("NIL")))
		kind = IMAP_NIL;
	r->state = AFTER;
	struct imap_arg *arg = add_arg(r, kind);
	if (!arg)
		return;
	arg->text = pf_arena_str(&r->arena, token);
	arg->not_utf8 = kind == IMAP_STRING && !pf_utf8_valid(arg->text);
	if (!arg->text.p || r->token.failed)
		die(r, "Command too long");
}

static void open_list(struct imap_reader *r)
{
	if (r->frame_count > (size_t)r->conf.depth_max) {
		fail(r, PF_INVALID, "Too many nested parentheses");
		return;
	}
	r->state = NEXT;
	if (add_arg(r, IMAP_LIST))
		open_frame(r);
}

/* The arguments of the innermost frame as an array in the arena. */
static struct imap_arg *close_frame(struct imap_reader *r, size_t *count)
{
	struct args *args = &r->frames[r->frame_count - 1];
	struct imap_arg *v = pf_arena_array(&r->arena, args->n + 1, sizeof *v);

	if (!v)
		return NULL;
	if (args->n)
		memcpy(v, args->v, args->n * sizeof *v);
	v[args->n].kind = IMAP_END;
	*count = args->n;
	pf_vec_release(args);
	r->frame_count--;
	return v;
}

static void close_list(struct imap_reader *r)
{
	size_t count;

	if (r->frame_count < 2) {
		fail(r, PF_INVALID, "')' without '('");
		return;
	}
	struct imap_arg *v = close_frame(r, &count);
	if (!v) {
		die(r, "Command too long");
		return;
	}
	struct args *outer = &r->frames[r->frame_count - 1];
	struct imap_arg *arg = &outer->v[outer->n - 1];
	arg->list = v;
	arg->count = count;
	for (size_t i = 0; i < count; i++)
		arg->not_utf8 |= v[i].not_utf8;
	r->state = AFTER;
}

/* What there is so far, open lists included, readable until the next byte. */
static void show_args(struct imap_reader *r)
{
	for (size_t i = r->frame_count; i-- > 0;) {
		struct args *args = &r->frames[i];

		pf_vec_room(args, 1);
		args->v[args->n].kind = IMAP_END;
		if (i > 0) {
			struct args *outer = args - 1;
			outer->v[outer->n - 1].list = args->v;
			outer->v[outer->n - 1].count = args->n;
		}
	}
	r->args = r->frames[0].v;
}

static void end_command(struct imap_reader *r)
{
	size_t count;

	if (r->frame_count > 1) {
		fail(r, PF_INVALID, "Missing ')' at end of list");
		return;
	}
	if (r->frame_count == 1) {
		r->args = close_frame(r, &count);
		if (!r->args) {
			die(r, "Command too long");
			return;
		}
	}
	r->state = DONE;
}

/* ---- steps: true when the byte was used ---------------------------------- */

static bool is_ctl(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_8bit(char c)
{
	return (unsigned char)c >= 0x80;
}

/* An atom as the reader sees it is wider than the RFC's: it takes flags
 * ("\Seen"), sets ("1:*"), LIST patterns and "]" in. */
static bool is_bare(char c)
{
	return !is_ctl(c) && !is_8bit(c) && !memchr(" (){\"", c, 5);
}

static bool is_atom_char(char c)
{
	return is_bare(c) && !memchr("%*\\]", c, 4);
}

/* One block for whatever a password is: growing would leave copies behind. */
static void reserve(struct pf_buf *buf)
{
	if (buf->cap == 0 && buf->max >= 1024)
		(void)pf_buf_reserve(buf, 1024);
}

static void begin_token(struct imap_reader *r, enum state state)
{
	pf_buf_clear(&r->token);
	reserve(&r->token);
	r->state = state;
}

static bool step_tag(struct imap_reader *r, char c)
{
	if (r->line_len == 1)
		begin_token(r, TAG);
	if ((is_atom_char(c) || c == ']') && c != '+') {
		pf_buf_add_byte(&r->token, c);
		return true;
	}
	if (c == '\r' || c == '\n') {
		fail(r, PF_INVALID,
		     r->token.len ? "Missing command" : "Empty line");
		if (r->token.len)
			r->tag = pf_arena_str(&r->arena, pf_buf_str(&r->token));
		return false;
	}
	if (c != ' ' || r->token.len == 0) {
		fail(r, PF_INVALID, "Invalid character in tag");
		return false;
	}
	r->tag = pf_arena_str(&r->arena, pf_buf_str(&r->token));
	begin_token(r, NAME);
	return true;
}

/* "fetch" -> "FETCH"; "uid fetch" -> "UID FETCH" */
static bool step_name(struct imap_reader *r, char c)
{
	static const struct pf_str uid = {"UID ", 4};
	bool ends = c == ' ' || c == '\r' || c == '\n';
	struct pf_str token = pf_buf_str(&r->token);

	if (is_atom_char(c)) {
		pf_buf_add_byte(&r->token, pf_ascii_upper(c));
		return true;
	}
	if (c == ' ' && (token.n == 0 || pf_str_eq(token, uid)))
		return true; /* more than one blank */
	if (c == ' ' && pf_str_eq(token, PF_STR("UID"))) {
		pf_buf_add_byte(&r->token, ' ');
		return true;
	}
	if (!ends) {
		fail(r, PF_INVALID, "Invalid character in command name");
		return false;
	}
	if (token.n == 0) {
		fail(r, PF_INVALID, "Missing command");
		return false;
	}
	r->name = pf_arena_str(&r->arena, pf_str_trim(token));
	open_frame(r);
	r->state = NEXT;
	return false;
}

static bool line_end(struct imap_reader *r, char c)
{
	if (c == '\r')
		r->state = LINE_CR;
	else
		end_command(r);
	/* a command that turned out to be broken: SKIP wants the LF */
	return r->state != SKIP;
}

static bool step_next(struct imap_reader *r, char c)
{
	switch (c) {
	case ' ':
		return true;
	case '(':
		open_list(r);
		return r->state != SKIP;
	case ')':
		close_list(r);
		return r->state != SKIP;
	case '\r':
	case '\n':
		return line_end(r, c);
	case '"':
		begin_token(r, QUOTED);
		return true;
	case '{':
		r->literal8 = false;
		r->size = 0;
		r->has_digits = false;
		r->after_literal = AFTER;
		r->state = SIZE;
		return true;
	case '~':
		r->state = TILDE;
		return true;
	default:
		break;
	}
	if (is_bare(c)) {
		begin_token(r, ATOM);
		return false;
	}
	fail(r, PF_INVALID,
	     is_8bit(c) ? "8-bit characters need a quoted string or a literal"
			: "Invalid character");
	return false;
}

static bool step_after(struct imap_reader *r, char c)
{
	switch (c) {
	case ' ':
		r->state = NEXT;
		return true;
	case ')':
	case '\r':
	case '\n':
		r->state = NEXT;
		return false;
	default:
		fail(r, PF_INVALID, "Missing space between arguments");
		return false;
	}
}

/* Frames open inside ((, the command's own among them. */
#define SEARCH_DEPTH 3

/* Is this "[" that of BODY[...]?  Elsewhere "[" is a letter like others, also
 * in what is searched for; but UPDATE has FETCH items (RFC 5465 7), and they
 * are two parentheses deep. */
static bool begins_section(const struct imap_reader *r)
{
	static const char *const commands[] = {"FETCH", "UID FETCH", "NOTIFY"};
	static const char *const searches[] = {"SEARCH", "UID SEARCH", "SORT",
					       "UID SORT", "ESEARCH"};
	static const char *const items[] = {"BODY", "BODY.PEEK", "BINARY",
					    "BINARY.PEEK", "BINARY.SIZE"};
	struct pf_str token = pf_buf_str(&r->token);
	bool command = false, item = false;

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		command |= pf_str_eq(r->name, pf_str_c(commands[i]));
	for (size_t i = 0; r->frame_count >= SEARCH_DEPTH &&
			   i < sizeof searches / sizeof *searches;
	     i++)
		command |= pf_str_eq(r->name, pf_str_c(searches[i]));
	for (size_t i = 0; command && i < sizeof items / sizeof *items; i++)
		item |= pf_str_ieq(token, pf_str_c(items[i]));
	return item;
}

static bool step_atom(struct imap_reader *r, char c)
{
	if (is_bare(c)) {
		if (c == '[' && begins_section(r))
			r->state = SECTION;
		pf_buf_add_byte(&r->token, c);
		return true;
	}
	if (c == ' ' || c == ')' || c == '\r' || c == '\n') {
		add_token(r, IMAP_ATOM);
		return false;
	}
	fail(r, PF_INVALID,
	     is_8bit(c) ? "8-bit characters need a quoted string or a literal"
			: "Invalid character in atom");
	return false;
}

static bool step_section(struct imap_reader *r, char c)
{
	if (c == '{') {
		r->literal8 = false;
		r->size = 0;
		r->has_digits = false;
		r->after_literal = SECTION;
		r->state = SIZE;
		return true;
	}
	if (!is_bare(c) && c != ' ' && c != '(' && c != ')' && c != '"') {
		fail(r, PF_INVALID,
		     c == '\r' || c == '\n' ? "Missing ']' at end of section"
					    : "Invalid character in section");
		return false;
	}
	if (c == ']')
		r->state = ATOM;
	else if (c == '"')
		r->state = SECTION_QUOTED;
	pf_buf_add_byte(&r->token, c);
	return true;
}

/* Both kinds of quoted strings; in a section the quotes stay. */
static bool step_quoted(struct imap_reader *r, char c)
{
	bool section = r->state == SECTION_QUOTED;

	if (c == '\r' || c == '\n') {
		fail(r, PF_INVALID, "Missing '\"' at end of string");
		return false;
	}
	if (c == '"' && !section) {
		add_token(r, IMAP_STRING);
		return r->state != SKIP;
	}
	if (c != '\\' || section)
		pf_buf_add_byte(&r->token, c);
	if (c == '"')
		r->state = SECTION;
	else if (c == '\\')
		r->state = section ? SECTION_ESCAPE : ESCAPE;
	return true;
}

static bool step_escape(struct imap_reader *r, char c)
{
	if (c != '"' && c != '\\') {
		fail(r, PF_INVALID,
		     "Only '\"' and '\\' may follow '\\' in a string");
		return false;
	}
	pf_buf_add_byte(&r->token, c);
	r->state = r->state == ESCAPE ? QUOTED : SECTION_QUOTED;
	return true;
}

static bool step_tilde(struct imap_reader *r, char c)
{
	if (c == '{') {
		step_next(r, c);
		r->literal8 = true;
		return true;
	}
	begin_token(r, ATOM);
	pf_buf_add_byte(&r->token, '~');
	return false;
}

/* ---- literals --------------------------------------------------------------
 */

/* "{123+}": the digits, the plus and the brace */
static bool step_size(struct imap_reader *r, char c)
{
	if (r->state == SIZE && c >= '0' && c <= '9') {
		r->has_digits = true;
		if (r->size >= SIZE_TOO_BIG / 10)
			die(r, "Literal too big");
		else
			r->size = r->size * 10 + (uint64_t)(c - '0');
		return true;
	}
	if (r->has_digits && r->state == SIZE && c == '+') {
		r->state = PLUS;
		return true;
	}
	if (r->has_digits && c == '}') {
		r->sync = r->state == SIZE;
		r->state = CLOSED;
		return true;
	}
	fail(r, PF_INVALID, "Invalid literal size");
	return false;
}

static void begin_stream(struct imap_reader *r)
{
	struct imap_arg *arg = add_arg(r, IMAP_STREAM);

	if (!arg)
		return;
	arg->literal = true;
	arg->literal8 = r->literal8;
	arg->size = r->left = r->size;
	show_args(r);
	r->state = STREAM;
	r->event = IMAP_READ_LITERAL;
}

static bool wants_stream(struct imap_reader *r)
{
	if (!r->conf.wants_stream || r->after_literal == SECTION)
		return false;
	show_args(r);
	bool wanted = r->conf.wants_stream(r->conf.arg, r->name, r->args);
	r->args = NULL;
	return wanted;
}

static bool begin_literal(struct imap_reader *r)
{
	if (wants_stream(r)) {
		begin_stream(r);
		return r->state != SKIP;
	}
	if (r->size > r->conf.literal_max ||
	    r->literal_sum > r->conf.literal_max - r->size) {
		fail(r, PF_LIMIT, "Literal too big");
		return false;
	}
	r->literal_sum += (size_t)r->size;
	r->literal = pf_arena_alloc(&r->arena, (size_t)r->size + 1);
	if (!r->literal) {
		die(r, "Command too long");
		return true;
	}
	r->left = r->size;
	r->state = LITERAL;
	if (r->sync)
		r->event = IMAP_READ_CONTINUE;
	return true;
}

/* The line end behind "{123}" */
static bool step_closed(struct imap_reader *r, char c)
{
	if (c == '\r' && r->state == CLOSED) {
		r->state = CLOSED_CR;
		return true;
	}
	if (c == '\n')
		return begin_literal(r);
	fail(r, PF_INVALID, "A literal's size must end its line");
	return false;
}

/* A literal as a field name in BODY[HEADER.FIELDS (...)]: quoted */
static void end_section_literal(struct imap_reader *r)
{
	struct pf_str s = {r->literal, (size_t)r->size};

	r->state = SECTION;
	pf_buf_add_byte(&r->token, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (is_ctl(s.p[i])) {
			fail(r, PF_INVALID, "Invalid field name");
			return;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			pf_buf_add_byte(&r->token, '\\');
		pf_buf_add_byte(&r->token, s.p[i]);
	}
	pf_buf_add_byte(&r->token, '"');
}

static void end_literal(struct imap_reader *r)
{
	struct pf_str s = {r->literal, (size_t)r->size};

	if (!r->literal8 && pf_str_chr(s, '\0') >= 0) {
		die(r, "NUL byte in literal");
		return;
	}
	r->state = r->after_literal;
	if (r->state == SECTION) {
		end_section_literal(r);
		return;
	}
	struct imap_arg *arg = add_arg(r, IMAP_STRING);
	if (!arg)
		return;
	arg->text = s;
	arg->literal = true;
	arg->literal8 = r->literal8;
	r->literal = NULL;
}

static size_t take_literal(struct imap_reader *r, const char *p, size_t n)
{
	size_t take = n < r->left ? n : (size_t)r->left;

	if (take)
		memcpy(r->literal + (r->size - r->left), p, take);
	r->left -= take;
	if (r->left == 0)
		end_literal(r);
	return take;
}

/* ---- skipping --------------------------------------------------------------
 */

/* Does the line that ends here announce a literal that comes unasked?
 * Looks at the last bytes only, so it also works inside broken strings. */
static bool unasked_literal(struct imap_reader *r, uint64_t *size)
{
	size_t i = r->line_len - 1; /* of the LF */
	uint64_t n = 0, scale = 1;
	size_t first = r->line_len > TAIL ? r->line_len - TAIL : 0;

#define TAIL_AT(pos) r->tail[(pos) % TAIL]
	if (i > first && TAIL_AT(i - 1) == '\r')
		i--;
	if (i < first + 3 || TAIL_AT(i - 1) != '}' || TAIL_AT(i - 2) != '+')
		return false;
	for (i -= 2; i > first; i--, scale *= 10) {
		char c = TAIL_AT(i - 1);

		if (c == '{' && scale > 1) {
			*size = n;
			return true;
		}
		if (c < '0' || c > '9')
			return false;
		if (scale >= SIZE_TOO_BIG / 10) {
			*size = UINT64_MAX;
			return true;
		}
		n += (uint64_t)(c - '0') * scale;
	}
#undef TAIL_AT
	return false;
}

static bool step_skip(struct imap_reader *r, char c)
{
	uint64_t size;

	if (c != '\n')
		return true;
	if (!unasked_literal(r, &size)) {
		r->state = DONE;
	} else if (size == UINT64_MAX) {
		die(r, "Literal too big");
	} else {
		r->left = size;
		r->state = size ? SKIP_LITERAL : SKIP;
	}
	return true;
}

void imap_reader_refuse(struct imap_reader *r, bool continued,
			const struct pf_error *why)
{
	if (r->state != STREAM)
		return;
	r->why = *why;
	r->failure = why->status;
	r->event = IMAP_READ_NONE;
	if (r->sync && !continued)
		r->state = DONE;
	else
		r->state = r->left ? SKIP_LITERAL : SKIP;
}

/* ---- feeding ----------------------------------------------------------------
 */

static bool step(struct imap_reader *r, char c)
{
	switch (r->state) {
	case TAG:
		return step_tag(r, c);
	case NAME:
		return step_name(r, c);
	case NEXT:
		return step_next(r, c);
	case AFTER:
		return step_after(r, c);
	case ATOM:
		return step_atom(r, c);
	case SECTION:
		return step_section(r, c);
	case SECTION_QUOTED:
	case QUOTED:
		return step_quoted(r, c);
	case SECTION_ESCAPE:
	case ESCAPE:
		return step_escape(r, c);
	case TILDE:
		return step_tilde(r, c);
	case SIZE:
	case PLUS:
		return step_size(r, c);
	case CLOSED:
	case CLOSED_CR:
		return step_closed(r, c);
	case LINE_CR:
		if (c == '\n')
			return line_end(r, c);
		fail(r, PF_INVALID, "CR without LF");
		return false;
	case SKIP:
		return step_skip(r, c);
	case LITERAL:
	case STREAM:
	case SKIP_LITERAL:
	case DONE:
	case DEAD:
		break; /* not fed byte by byte */
	}
	return true;
}

static void feed_byte(struct imap_reader *r, char c)
{
	if (r->line_len >= r->conf.line_max) {
		die(r, "Command line too long");
		return;
	}
	if (c == '\0') {
		die(r, "NUL byte in command");
		return;
	}
	r->tail[r->line_len++ % TAIL] = c;
	while (!step(r, c))
		;
}

/* What has ended: a good command, a broken one, or the connection */
static pf_status finish(struct imap_reader *r, struct pf_error *err)
{
	if (r->failure == PF_OK)
		return PF_OK;
	if (err)
		*err = r->why;
	return r->failure;
}

pf_status imap_reader_feed(struct imap_reader *r, const char *p, size_t n,
			   size_t *used, struct pf_error *err)
{
	size_t i = 0, take;

	r->event = IMAP_READ_NONE;
	if (r->state == STREAM && r->left == 0) {
		r->args = NULL;
		r->state = AFTER;
	}
	while (r->state != DONE && r->state != DEAD && r->state != STREAM &&
	       r->event == IMAP_READ_NONE && i < n) {
		if (r->state == LITERAL) {
			i += take_literal(r, p + i, n - i);
		} else if (r->state == SKIP_LITERAL) {
			take = n - i < r->left ? n - i : (size_t)r->left;
			r->left -= take;
			i += take;
			if (r->left == 0)
				r->state = SKIP;
		} else {
			feed_byte(r, p[i++]);
		}
	}
	*used = i;
	if (r->state == DONE || r->state == DEAD)
		return finish(r, err);
	if (r->state == STREAM)
		r->event = IMAP_READ_LITERAL;
	return PF_MORE;
}

uint64_t imap_reader_stream_left(const struct imap_reader *r)
{
	return r->state == STREAM ? r->left : 0;
}

bool imap_reader_stream_sync(const struct imap_reader *r)
{
	return r->sync;
}

void imap_reader_stream_took(struct imap_reader *r, uint64_t n)
{
	r->left -= n < r->left ? n : r->left;
}

/* ---- raw lines
 * ---------------------------------------------------------------
 */

pf_status imap_reader_line(struct imap_reader *r, const char *p, size_t n,
			   size_t *used, struct pf_str *line,
			   struct pf_error *err)
{
	const char *lf = n ? memchr(p, '\n', n) : NULL;
	size_t take = lf ? (size_t)(lf - p) + 1 : n;

	if (r->line_told)
		pf_buf_wipe(&r->line);
	r->line_told = false;
	reserve(&r->line);
	pf_buf_add(&r->line, p, take);
	*used = take;
	if (r->line.failed) {
		die(r, "Line too long");
		return finish(r, err);
	}
	if (!lf)
		return PF_MORE;
	r->line_told = true;
	struct pf_str got = pf_buf_str(&r->line);
	got.n--;
	if (got.n && got.p[got.n - 1] == '\r')
		got.n--;
	*line = got;
	return PF_OK;
}
