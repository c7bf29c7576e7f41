/*
 * Encoded words (RFC 2047), read as senders write them: anywhere in a field,
 * longer than 75 characters, with blanks inside, with a character cut in two
 * between neighbours.
 */
#include "mime/charset.h"
#include "mime/mime.h"
#include "base/base64.h"

#define CHARSET_MAX 64

struct word {
	struct pf_str charset; /* without the language (RFC 2231 5) */
	struct pf_str text;
	char encoding; /* 'b' or 'q' */
	size_t size;   /* of the whole word */
};

/* Is there an encoded word at s?  The text may not contain another "=?", so
 * that each byte is looked at for one beginning only. */
static bool read_word(struct pf_str s, struct word *word)
{
	size_t i = 2;

	if (s.n < 8 || s.p[0] != '=' || s.p[1] != '?')
		return false;
	while (i < s.n && i < CHARSET_MAX && s.p[i] > ' ' && s.p[i] != '?')
		i++;
	if (i + 3 >= s.n || i == 2 || s.p[i] != '?' || s.p[i + 2] != '?')
		return false;
	word->charset = (struct pf_str){s.p + 2, i - 2};
	ptrdiff_t star = pf_str_chr(word->charset, '*');
	if (star >= 0)
		word->charset.n = (size_t)star;
	word->encoding = pf_ascii_lower(s.p[i + 1]);
	if (word->encoding != 'b' && word->encoding != 'q')
		return false;
	size_t start = i + 3;
	for (i = start; i + 1 < s.n && s.p[i] != '\n'; i++) {
		if (s.p[i] == '?' && s.p[i + 1] == '=') {
			word->text = (struct pf_str){s.p + start, i - start};
			word->size = i + 2;
			return true;
		}
		/* "=?=" is the end of base64 padding */
		if (s.p[i] == '=' && s.p[i + 1] == '?' &&
		    !(i + 2 < s.n && s.p[i + 2] == '='))
			return false;
	}
	return false;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_word(const struct word *word, struct pf_buf *bytes)
{
	struct pf_str text = word->text;

	if (word->encoding == 'b') {
		struct mime_decoder dec;
		mime_decoder_init(&dec, MIME_ENC_BASE64);
		mime_decoder_add(&dec, text, bytes);
		mime_decoder_end(&dec, bytes);
		return;
	}
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '=' && i + 2 < text.n && hex(text.p[i + 1]) >= 0 &&
		    hex(text.p[i + 2]) >= 0) {
			c = (char)(hex(text.p[i + 1]) * 16 +
				   hex(text.p[i + 2]));
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		pf_buf_add_byte(bytes, c);
	}
}

/* Appends text, and keeps it on one line: encoded words may hide line ends.
 */
static void add_text(struct pf_buf *to, struct pf_str charset,
		     struct pf_str bytes)
{
	size_t start = to->len;

	if (bytes.n == 0)
		return;
	mime_to_utf8(to, charset, bytes);
	for (size_t i = start; i < to->len; i++)
		if (to->data[i] == '\r' || to->data[i] == '\n' ||
		    to->data[i] == '\0')
			to->data[i] = ' ';
}

static size_t next_word(struct pf_str s, size_t from, struct word *word)
{
	while (from + 8 <= s.n) {
		const char *at = memchr(s.p + from, '=', s.n - from);
		if (!at)
			break;
		from = (size_t)(at - s.p);
		if (read_word(pf_str_from(s, from), word))
			return from;
		from++;
	}
	return s.n;
}

void mime_decode_text(struct pf_buf *to, struct pf_str raw)
{
	struct pf_buf line, bytes;
	struct word word, before = {.size = 0};
	size_t pos = 0;

	pf_buf_init(&line, raw.n);
	mime_unfold(&line, raw);
	pf_buf_init(&bytes, raw.n);
	struct pf_str s = pf_buf_str(&line);
	while (pos < s.n) {
		size_t at = next_word(s, pos, &word);
		struct pf_str gap = {s.p + pos, at - pos};
		bool joins = before.size && at < s.n && pf_str_trim(gap).n == 0;
		/* neighbours are one text, even when a character was cut */
		if (!joins || !pf_str_ieq(before.charset, word.charset)) {
			add_text(to, before.charset, pf_buf_str(&bytes));
			pf_buf_clear(&bytes);
		}
		if (!joins)
			add_text(to, (struct pf_str){NULL, 0}, gap);
		if (at == s.n)
			break;
		decode_word(&word, &bytes);
		before = word;
		pos = at + word.size;
	}
	add_text(to, before.charset, pf_buf_str(&bytes));
	pf_buf_release(&bytes);
	pf_buf_release(&line);
}

/* ---- writing ---------------------------------------------------------------
 */

#define LINE_MAX_CHARS 76
#define WORD_BYTES     45 /* 60 characters of base64 */
#define NAME_CHARS     16 /* room for the field name on the first line */

static bool needs_encoding(struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if (c < ' ' || c >= 0x7f ||
		    (c == '=' && i + 1 < s.n && s.p[i + 1] == '?'))
			return true;
	}
	return s.n > 900; /* a line may have 998 (RFC 5322 2.1.1) */
}

/* Puts a blank, or a fold where the line would get too long. */
static void separate(struct pf_buf *to, size_t *column, size_t n, bool blank)
{
	if (*column + n + 1 > LINE_MAX_CHARS && *column > 1) {
		pf_buf_add_c(to, "\r\n ");
		*column = 1;
	} else if (blank) {
		pf_buf_add_byte(to, ' ');
		(*column)++;
	}
}

static void add_encoded(struct pf_buf *to, struct pf_str s, size_t *column,
			bool blank)
{
	while (s.n) {
		size_t n = s.n < WORD_BYTES ? s.n : WORD_BYTES;
		while (n > 1 && n < s.n && ((uint8_t)s.p[n] & 0xc0) == 0x80)
			n--;
		size_t size = 12 + (n + 2) / 3 * 4;
		separate(to, column, size, blank);
		pf_buf_add_c(to, "=?UTF-8?B?");
		pf_base64_encode(to, pf_str_head(s, n));
		pf_buf_add_c(to, "?=");
		*column += size;
		s = pf_str_from(s, n);
		blank = true;
	}
}

/* Length of the word at s, which ends before a blank. */
static size_t word_length(struct pf_str s)
{
	ptrdiff_t n = pf_str_chr(s, ' ');

	return n < 0 ? s.n : (size_t)n;
}

void mime_encode_text(struct pf_buf *to, struct pf_str s)
{
	size_t column = NAME_CHARS;
	bool first = true;

	while (s.n) {
		size_t n = word_length(s);
		if (!needs_encoding(pf_str_head(s, n))) {
			/* the second and later of several blanks is a word of
			 * no characters */
			separate(to, &column, n, !first);
			pf_buf_add(to, s.p, n);
			column += n;
		} else {
			/* the blanks between encoded words belong inside */
			for (size_t end = n; end < s.n;) {
				struct pf_str rest = pf_str_from(s, end + 1);
				size_t more = word_length(rest);
				end += 1 + more;
				if (needs_encoding(pf_str_head(rest, more)))
					n = end;
				else if (more > 0)
					break;
			}
			add_encoded(to, pf_str_head(s, n), &column, !first);
		}
		first = false;
		s = pf_str_from(s, n + 1);
	}
}
