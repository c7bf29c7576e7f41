/*
 * Bytes to ManageSieve commands (RFC 5804 4), one byte at a time but for the
 * insides of literals.
 *
 *	NAME --SP--> ARG --"--> QUOTED --"--> GAP --SP--> ARG ...
 *	              |---{--> BRACE --CRLF--> LITERAL --> GAP --CRLF--> done
 *	              '--0-9-> NUMBER --> GAP
 *
 * A line that is no command is skipped, with the literals it announces: what
 * somebody's script says must never be taken for commands.  Where that cannot
 * be told ("{n}" waits for a "+" that this protocol does not have) the
 * connection has to end.
 */
#include "msieve/msieve.h"

#include <stdlib.h>

#define LITERAL_SKIP_MAX (256u << 20) /* more is no mistake any more */

enum state {
	NAME,
	GAP, /* behind an argument */
	ARG, /* one begins */
	QUOTED,
	ESCAPE,
	NUMBER,
	BRACE,	   /* "{", digits */
	BRACE_END, /* behind "+" */
	LITERAL_CR,
	LITERAL,
	END_LF, /* behind CR */
	SKIP,
	SKIP_LITERAL,
};

/* In SKIP: how much of "{n+}" was seen at the end of the line. */
enum announce {
	NOTHING,
	DIGITS,
	PLUS,
	CLOSED
};

enum outcome {
	GO_ON,
	COMPLETE,
	LOST
};

struct span {
	enum msieve_kind kind;
	size_t at, n;
	uint32_t number;
};

struct msieve_reader {
	struct msieve_reader_conf conf;
	struct pf_buf data; /* the name, then the strings */
	struct span args[MSIEVE_ARGS_MAX];
	size_t arg_count, name_len;
	size_t line, literals; /* bytes so far */
	uint64_t number, left;
	enum state state;
	enum announce announce;
	bool digits; /* BRACE, NUMBER: there was one */
	bool string; /* just a string is expected */
	bool too_big;
	const char *fault;
};

struct msieve_reader *msieve_reader_new(const struct msieve_reader_conf *conf)
{
	struct msieve_reader *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->conf = *conf;
	pf_buf_init(&r->data, conf->line_max + conf->literal_max);
	return r;
}

void msieve_reader_free(struct msieve_reader **reader)
{
	if (!*reader)
		return;
	pf_buf_wipe(&(*reader)->data);
	free(*reader);
	*reader = NULL;
}

void msieve_reader_next(struct msieve_reader *r)
{
	struct msieve_reader_conf conf = r->conf;

	pf_buf_wipe(&r->data);
	*r = (struct msieve_reader){.conf = conf};
	pf_buf_init(&r->data, conf.line_max + conf.literal_max);
}

void msieve_reader_expect_string(struct msieve_reader *r)
{
	msieve_reader_next(r);
	r->string = true;
	r->state = ARG;
}

/* ---- the command that was read ----------------------------------------- */

struct pf_str msieve_reader_name(const struct msieve_reader *r)
{
	return pf_str_head(pf_buf_str(&r->data), r->name_len);
}

size_t msieve_reader_count(const struct msieve_reader *r)
{
	return r->arg_count;
}

struct msieve_arg msieve_reader_arg(const struct msieve_reader *r, size_t i)
{
	const struct span *span = &r->args[i];

	return (struct msieve_arg){
	    .kind = span->kind,
	    .text = pf_str_mem(r->data.data + span->at, span->n),
	    .number = span->number};
}

bool msieve_reader_args_are(const struct msieve_reader *r, const char *kinds)
{
	if (strlen(kinds) != r->arg_count)
		return false;
	for (size_t i = 0; i < r->arg_count; i++) {
		if (r->args[i].kind !=
		    (kinds[i] == 'n' ? MSIEVE_NUMBER : MSIEVE_STRING))
			return false;
	}
	return true;
}

/* ---- skipping ----------------------------------------------------------- */

/* How "{n+}" grows by `c`; anything else starts again. */
static void follow_announcement(struct msieve_reader *r, char c)
{
	bool digit = c >= '0' && c <= '9';

	if (c == '{') {
		r->announce = DIGITS;
		r->number = 0;
		r->digits = false;
	} else if (r->announce == DIGITS && digit) {
		r->digits = true;
		if (r->number <= UINT32_MAX)
			r->number = r->number * 10 + (uint64_t)(c - '0');
	} else if (r->announce == DIGITS && c == '+' && r->digits) {
		r->announce = PLUS;
	} else if (r->announce == PLUS && c == '}') {
		r->announce = CLOSED;
	} else if (c != '\r') {
		r->announce = NOTHING;
	}
}

static enum outcome skip(struct msieve_reader *r, char c)
{
	if (c != '\n') {
		follow_announcement(r, c);
		return GO_ON;
	}
	if (r->announce != CLOSED)
		return COMPLETE;
	if (r->number > LITERAL_SKIP_MAX)
		return LOST;
	r->announce = NOTHING;
	r->left = r->number;
	r->state = r->left ? SKIP_LITERAL : SKIP;
	return GO_ON;
}

static enum outcome fault(struct msieve_reader *r, const char *why, char c)
{
	r->fault = why;
	r->state = SKIP;
	r->announce = NOTHING;
	return skip(r, c);
}

/* ---- tokens ------------------------------------------------------------- */

static enum outcome begin_string(struct msieve_reader *r, enum state state)
{
	r->args[r->arg_count] =
	    (struct span){.kind = MSIEVE_STRING, .at = r->data.len};
	r->state = state;
	return GO_ON;
}

static void end_string(struct msieve_reader *r)
{
	struct span *span = &r->args[r->arg_count++];

	span->n = r->data.len - span->at;
	r->state = GAP;
}

static enum outcome on_name(struct msieve_reader *r, char c)
{
	char upper = pf_ascii_upper(c);

	if (upper >= 'A' && upper <= 'Z') {
		pf_buf_add_byte(&r->data, upper);
		return GO_ON;
	}
	r->name_len = r->data.len;
	if (r->name_len == 0)
		return fault(r, "A command was expected", c);
	if (c == ' ') {
		r->state = ARG;
		return GO_ON;
	}
	if (c == '\n')
		return COMPLETE;
	if (c != '\r')
		return fault(r, "A command is a word of letters", c);
	r->state = END_LF;
	return GO_ON;
}

static enum outcome on_gap(struct msieve_reader *r, char c)
{
	if (c == '\n')
		return COMPLETE;
	if (c == '\r') {
		r->state = END_LF;
		return GO_ON;
	}
	if (c != ' ' || r->string)
		return fault(r, "The line should end here", c);
	r->state = ARG;
	return GO_ON;
}

static enum outcome on_arg(struct msieve_reader *r, char c)
{
	bool digit = c >= '0' && c <= '9';

	if (r->arg_count == MSIEVE_ARGS_MAX)
		return fault(r, "Too many arguments", c);
	r->number = 0;
	r->digits = false;
	if (c == '"')
		return begin_string(r, QUOTED);
	if (c == '{')
		return begin_string(r, BRACE);
	if (!digit || r->string)
		return fault(r, "A string was expected", c);
	r->args[r->arg_count] = (struct span){.kind = MSIEVE_NUMBER};
	r->number = (uint64_t)(c - '0');
	r->state = NUMBER;
	return GO_ON;
}

static enum outcome on_number(struct msieve_reader *r, char c)
{
	if (c >= '0' && c <= '9') {
		r->number = r->number * 10 + (uint64_t)(c - '0');
		return r->number > UINT32_MAX
			   ? fault(r, "The number is too large", c)
			   : GO_ON;
	}
	r->args[r->arg_count++].number = (uint32_t)r->number;
	r->state = GAP;
	return on_gap(r, c);
}

static enum outcome on_quoted(struct msieve_reader *r, char c)
{
	if (r->state == ESCAPE) {
		if (c != '"' && c != '\\')
			return fault(r, "Only \\\" and \\\\ may be escaped", c);
		pf_buf_add_byte(&r->data, c);
		r->state = QUOTED;
	} else if (c == '"') {
		end_string(r);
	} else if (c == '\\') {
		r->state = ESCAPE;
	} else if (c == '\r' || c == '\n' || c == '\0') {
		return fault(r, "A quoted string ends on its line", c);
	} else {
		pf_buf_add_byte(&r->data, c);
	}
	return GO_ON;
}

static enum outcome begin_literal(struct msieve_reader *r)
{
	r->left = r->number;
	if (r->left > LITERAL_SKIP_MAX)
		return LOST;
	if (r->left > r->conf.literal_max - r->literals)
		r->too_big = true;
	else
		r->literals += (size_t)r->left;
	r->state = LITERAL;
	if (r->left == 0)
		end_string(r);
	return GO_ON;
}

static enum outcome on_brace(struct msieve_reader *r, char c)
{
	if (r->state == BRACE && c >= '0' && c <= '9') {
		r->digits = true;
		r->number = r->number * 10 + (uint64_t)(c - '0');
		return r->number > UINT32_MAX ? LOST : GO_ON;
	}
	if (r->state == BRACE && c == '+' && r->digits) {
		r->state = BRACE_END;
		return GO_ON;
	}
	/* "{n}": does its content come or not? */
	if (r->state == BRACE && c == '}')
		return LOST;
	if (r->state == BRACE_END && c == '}') {
		r->state = LITERAL_CR;
		return GO_ON;
	}
	if (r->state == LITERAL_CR && c == '\r')
		return GO_ON;
	if (r->state == LITERAL_CR && c == '\n')
		return begin_literal(r);
	return fault(r, "A literal is announced as {n+}", c);
}

static enum outcome step(struct msieve_reader *r, char c)
{
	if (++r->line > r->conf.line_max)
		return LOST;
	switch (r->state) {
	case NAME:
		return on_name(r, c);
	case GAP:
		return on_gap(r, c);
	case ARG:
		return on_arg(r, c);
	case QUOTED:
	case ESCAPE:
		return on_quoted(r, c);
	case NUMBER:
		return on_number(r, c);
	case BRACE:
	case BRACE_END:
	case LITERAL_CR:
		return on_brace(r, c);
	case END_LF:
		return c == '\n' ? COMPLETE
				 : fault(r, "CR stands before LF only", c);
	case SKIP:
		return skip(r, c);
	case LITERAL:
	case SKIP_LITERAL:
		break;
	}
	return LOST;
}

/* The inside of a literal: how much of it was taken. */
static size_t take_literal(struct msieve_reader *r, const char *p, size_t n)
{
	if (n > r->left)
		n = (size_t)r->left;
	r->left -= n;
	if (r->state == LITERAL && !r->too_big)
		pf_buf_add(&r->data, p, n);
	if (r->left == 0 && r->state == LITERAL)
		end_string(r);
	else if (r->left == 0)
		r->state = SKIP;
	return n;
}

static pf_status complete(const struct msieve_reader *r, struct pf_error *err)
{
	if (r->fault)
		return pf_error_set(err, PF_INVALID, r->fault, "bad command");
	if (r->too_big || r->data.failed)
		return pf_error_set(err, PF_LIMIT, "That is too large",
				    "literals over %zu bytes",
				    r->conf.literal_max);
	return PF_OK;
}

pf_status msieve_reader_feed(struct msieve_reader *r, const char *p, size_t n,
			     size_t *used, struct pf_error *err)
{
	size_t i = 0;

	while (i < n) {
		if (r->state == LITERAL || r->state == SKIP_LITERAL) {
			i += take_literal(r, p + i, n - i);
			continue;
		}
		enum outcome outcome = step(r, p[i++]);
		if (outcome == GO_ON)
			continue;
		*used = i;
		if (outcome == COMPLETE)
			return complete(r, err);
		return pf_error_set(err, PF_CORRUPT,
				    r->line > r->conf.line_max
					? "Line too long"
					: "Literals are announced as {n+}",
				    "lost in the input");
	}
	*used = n;
	return PF_MORE;
}
