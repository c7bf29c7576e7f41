/*
 * encoded-character (RFC 5228 2.4.2.4): in every string,
 *
 *	"${hex:" hex-pair *(blanks hex-pair) "}"	these bytes
 *	"${unicode:" hex *(blanks hex) "}"		these characters
 *
 * What does not have this form stays as it is.
 */
#include "sieve/lang.h"

#include "base/utf8.h"

static int hex_digit(char c)
{
	c = pf_ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum {
	TOO_LARGE = 0x1000000 /* to be a character */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next hexadecimal number of *rest; false: none, or more digits than
 * `digits` (0: any number of them). */
static bool next_number(struct pf_str *rest, size_t digits, uint32_t *value)
{
	size_t n = 0;

	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = pf_str_from(*rest, 1);
	*value = 0;
	while (n < rest->n && hex_digit(rest->p[n]) >= 0) {
		if (*value < TOO_LARGE)
			*value = *value << 4 | (uint32_t)hex_digit(rest->p[n]);
		if (++n > digits && digits > 0)
			return false;
	}
	*rest = pf_str_from(*rest, n);
	return n > 0;
}

/* Numbers up to "}", into `to`: false (and nothing) on any other form. */
static bool decode(struct sieve_compiler *compiler, struct sieve_place at,
		   struct pf_str *rest, bool unicode, struct pf_buf *to)
{
	size_t start = to->len;
	struct pf_str in = *rest;
	uint32_t value;

	while (next_number(&in, unicode ? 0 : 2, &value)) {
		if (unicode &&
		    (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)))
			sieve_error(compiler, at, NULL,
				    "${unicode:%x} is no character",
				    (unsigned)value);
		else if (unicode)
			pf_utf8_add(to, value);
		else
			pf_buf_add_byte(to, (char)value);
		if (in.n > 0 && !is_blank(in.p[0]))
			break;
	}
	while (in.n > 0 && is_blank(in.p[0]))
		in = pf_str_from(in, 1);
	if (in.n == 0 || in.p[0] != '}' || to->len == start) {
		pf_buf_cut(to, start);
		return false;
	}
	*rest = pf_str_from(in, 1);
	return true;
}

static void string(struct sieve_compiler *compiler, struct sieve_string *string)
{
	static const struct pf_str hex = {"${hex:", 6};
	static const struct pf_str unicode = {"${unicode:", 10};
	struct pf_str rest = string->value.text;
	struct pf_buf to = PF_BUF_INIT(rest.n + 1);

	if (pf_str_chr(rest, '$') < 0)
		return;
	while (rest.n > 0) {
		struct pf_str behind;

		if (pf_str_istarts(rest, hex)) {
			behind = pf_str_from(rest, hex.n);
			if (decode(compiler, string->at, &behind, false, &to)) {
				rest = behind;
				continue;
			}
		} else if (pf_str_istarts(rest, unicode)) {
			behind = pf_str_from(rest, unicode.n);
			if (decode(compiler, string->at, &behind, true, &to)) {
				rest = behind;
				continue;
			}
		}
		pf_buf_add_byte(&to, rest.p[0]);
		rest = pf_str_from(rest, 1);
	}
	string->value.text = pf_arena_str(compiler->arena, pf_buf_str(&to));
	pf_buf_release(&to);
}

const struct sieve_extension sieve_ext_encoded_character = {
    .name = "encoded-character", .string = string};
