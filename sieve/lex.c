/*
 * The words of a script (RFC 5228 8.1).  Faults are reported and skipped, so
 * that one run finds them all; each call moves on by at least one byte.
 */
#include "sieve/lang.h"

#include "base/utf8.h"

static char peek(const struct sieve_lexer *lexer, size_t ahead)
{
	size_t at = lexer->pos + ahead;

	return at < lexer->text.n ? lexer->text.p[at] : '\0';
}

static bool at_end(const struct sieve_lexer *lexer)
{
	return lexer->pos >= lexer->text.n;
}

static void advance(struct sieve_lexer *lexer, size_t n)
{
	while (n-- > 0 && !at_end(lexer)) {
		unsigned char c = (unsigned char)lexer->text.p[lexer->pos++];

		if (c == '\n') {
			lexer->at.line++;
			lexer->at.column = 1;
		} else if ((c & 0xc0) != 0x80) { /* a character, not a byte */
			lexer->at.column++;
		}
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool in_name(char c)
{
	return starts_name(c) || is_digit(c);
}

/* Blanks, # comments and bracket comments */
static void skip_space(struct sieve_lexer *lexer)
{
	while (!at_end(lexer)) {
		char c = peek(lexer, 0);

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			advance(lexer, 1);
		} else if (c == '#') {
			while (!at_end(lexer) && peek(lexer, 0) != '\n')
				advance(lexer, 1);
		} else if (c == '/' && peek(lexer, 1) == '*') {
			struct sieve_place at = lexer->at;

			advance(lexer, 2);
			while (!at_end(lexer) && !(peek(lexer, 0) == '*' &&
						   peek(lexer, 1) == '/'))
				advance(lexer, 1);
			if (at_end(lexer))
				sieve_error(lexer->compiler, at,
					    "close it with */",
					    "this comment has no end");
			advance(lexer, 2);
		} else {
			return;
		}
	}
}

static struct pf_str take_name(struct sieve_lexer *lexer)
{
	size_t start = lexer->pos;

	while (in_name(peek(lexer, 0)))
		advance(lexer, 1);
	return pf_str_mem(lexer->text.p + start, lexer->pos - start);
}

/* number = 1*DIGIT [ "K" / "M" / "G" ] */
static void take_number(struct sieve_lexer *lexer, struct sieve_token *token)
{
	uint64_t n = 0;
	unsigned shift = 0;
	bool over = false;

	token->kind = SIEVE_TOKEN_NUMBER;
	while (is_digit(peek(lexer, 0))) {
		unsigned digit = (unsigned)(peek(lexer, 0) - '0');

		over |= n > ((uint64_t)INT64_MAX - digit) / 10;
		if (!over)
			n = n * 10 + digit;
		advance(lexer, 1);
	}
	char unit = pf_ascii_upper(peek(lexer, 0));
	if (unit == 'K' || unit == 'M' || unit == 'G') {
		shift = unit == 'K' ? 10 : unit == 'M' ? 20 : 30;
		advance(lexer, 1);
	}
	over |= n > (uint64_t)INT64_MAX >> shift;
	if (over)
		sieve_error(lexer->compiler, token->at, NULL,
			    "this number is too large");
	token->number = over ? INT64_MAX : n << shift;
	if (in_name(peek(lexer, 0))) {
		sieve_error(lexer->compiler, token->at,
			    "only K, M or G may follow the digits",
			    "this is not a number");
		take_name(lexer);
	}
}

/* quoted-string: a backslash takes away the meaning of the next byte */
static void take_quoted(struct sieve_lexer *lexer, struct sieve_token *token)
{
	bool escaped = false;

	token->kind = SIEVE_TOKEN_STRING;
	advance(lexer, 1);
	size_t start = lexer->pos;
	while (!at_end(lexer) && peek(lexer, 0) != '"') {
		if (peek(lexer, 0) == '\\') {
			escaped = true;
			advance(lexer, 1);
		}
		advance(lexer, 1);
	}
	token->text = pf_str_mem(lexer->text.p + start, lexer->pos - start);
	if (at_end(lexer))
		sieve_error(lexer->compiler, token->at,
			    "a quotation mark is missing",
			    "this string has no end");
	advance(lexer, 1);
	if (!escaped)
		return;
	char *to = pf_arena_alloc(lexer->compiler->arena, token->text.n);
	size_t n = 0;
	for (size_t i = 0; i < token->text.n; i++) {
		if (token->text.p[i] == '\\' && i + 1 < token->text.n)
			i++;
		to[n++] = token->text.p[i];
	}
	token->text = pf_str_mem(to, n);
}

/*
 * multi-line = "text:" *(SP / HTAB) (hash-comment / CRLF)
 *              *(line) "." CRLF
 * A line that starts with two dots has one of them too many (RFC 5228 2.4.2).
 */
static void take_multiline(struct sieve_lexer *lexer, struct sieve_token *token)
{
	token->kind = SIEVE_TOKEN_STRING;
	while (peek(lexer, 0) == ' ' || peek(lexer, 0) == '\t')
		advance(lexer, 1);
	if (peek(lexer, 0) == '#') {
		while (!at_end(lexer) && peek(lexer, 0) != '\n')
			advance(lexer, 1);
	}
	if (peek(lexer, 0) == '\r')
		advance(lexer, 1);
	if (peek(lexer, 0) == '\n')
		advance(lexer, 1);
	else
		sieve_error(lexer->compiler, lexer->at,
			    "the text begins on the next line",
			    "nothing may follow \"text:\" on its line");
	struct pf_str rest = pf_str_from(lexer->text, lexer->pos);
	struct pf_buf text = PF_BUF_INIT(rest.n);
	struct pf_str line;
	bool ended = false;
	while (!ended && rest.n > 0) {
		const char *start = rest.p;

		if (!pf_str_split(&rest, '\n', &line))
			break;
		advance(lexer, line.n + 1);
		ended = pf_str_eq(line, PF_STR(".")) ||
			pf_str_eq(line, PF_STR(".\r"));
		if (ended)
			break;
		if (pf_str_starts(line, PF_STR("..")))
			line = pf_str_from(line, 1);
		pf_buf_add_str(&text, line);
		if (start + line.n < lexer->text.p + lexer->text.n)
			pf_buf_add_byte(&text, '\n');
	}
	if (!ended)
		sieve_error(lexer->compiler, token->at,
			    "end it with a line that is a single dot",
			    "this text has no end");
	token->text = pf_arena_str(lexer->compiler->arena, pf_buf_str(&text));
	pf_buf_release(&text);
}

static void take_unknown(struct sieve_lexer *lexer)
{
	struct pf_str rest = pf_str_from(lexer->text, lexer->pos);
	unsigned char c = (unsigned char)rest.p[0];
	size_t n;

	if (c < 0x20 || c == 0x7f)
		sieve_error(lexer->compiler, lexer->at, NULL,
			    "a control character (0x%02x)", c);
	else if (pf_utf8_next(rest, &n) == PF_UTF8_BAD)
		sieve_error(lexer->compiler, lexer->at, "save it as UTF-8",
			    "a byte that is not UTF-8 (0x%02x)", c);
	else
		sieve_error(lexer->compiler, lexer->at,
			    "text belongs into quotation marks",
			    "\"%.*s\" means nothing here", (int)n, rest.p);
	if (pf_utf8_next(rest, &n) == PF_UTF8_BAD)
		n = 1;
	advance(lexer, n);
	/* one error for a run of them */
	while (!at_end(lexer) && (unsigned char)peek(lexer, 0) >= 0x80)
		advance(lexer, 1);
}

static void check_string(struct sieve_lexer *lexer,
			 const struct sieve_token *token)
{
	if (memchr(token->text.p ? token->text.p : "", '\0', token->text.n))
		sieve_error(lexer->compiler, token->at, NULL,
			    "this string holds a NUL byte");
	else if (!pf_utf8_valid(token->text))
		sieve_error(lexer->compiler, token->at,
			    "save the script as UTF-8",
			    "this string is not valid UTF-8");
}

/* The next word at a place where one starts; false: nothing usable there */
static bool take_token(struct sieve_lexer *lexer, struct sieve_token *token)
{
	char c = peek(lexer, 0);

	if (at_end(lexer)) {
		token->kind = SIEVE_TOKEN_END;
	} else if (starts_name(c)) {
		token->kind = SIEVE_TOKEN_NAME;
		token->text = take_name(lexer);
		if (peek(lexer, 0) == ':' &&
		    pf_str_ieq(token->text, PF_STR("text"))) {
			advance(lexer, 1);
			take_multiline(lexer, token);
			check_string(lexer, token);
		}
	} else if (c == ':' && starts_name(peek(lexer, 1))) {
		advance(lexer, 1);
		token->kind = SIEVE_TOKEN_TAG;
		token->text = take_name(lexer);
	} else if (is_digit(c)) {
		take_number(lexer, token);
	} else if (c == '"') {
		take_quoted(lexer, token);
		check_string(lexer, token);
	} else if (c != '\0' && strchr("(){}[],;", c)) {
		token->kind = SIEVE_TOKEN_MARK;
		token->mark = c;
		advance(lexer, 1);
	} else {
		take_unknown(lexer);
		return false;
	}
	return true;
}

void sieve_lexer_next(struct sieve_lexer *lexer, struct sieve_token *token)
{
	do {
		skip_space(lexer);
		*token = (struct sieve_token){.at = lexer->at};
	} while (!take_token(lexer, token));
	token->end = lexer->at;
}
