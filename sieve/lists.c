/*
 * Address rules, ~/.mlists:
 *
 *	file	= *( [entry] [comment] LF )
 *	entry	= tag folder *address *option
 *	word	= 1*non-blank / DQUOTE *( any / "\" any ) DQUOTE
 *	option	= key "=" value			; not in quotation marks
 *	comment = "#" *any			; at the start of a word
 *
 * Mail to user<delimiter>tag goes to the folder; the addresses are those of
 * the list (the first is where one writes to), for the mail client's use.
 * A rule with a fault is reported and skipped: the others go on working.
 */
#include "sieve/sieve.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/map.h"
#include "base/utf8.h"
#include "sieve/lang.h"

enum {
	FILE_MAX = 1 << 20,
	WORDS_MAX = 200
};

struct reader {
	struct sieve_lists *lists;
	struct sieve_problems *problems;
	struct pf_map tags; /* seen before */
	size_t cap;
	struct pf_str line; /* what is left of it */
	struct pf_str whole;
	int number;
};

struct word {
	struct pf_str text;
	bool quoted;
	int column;
};

__attribute__((format(printf, 5, 6))) static void
report(struct reader *reader, int column, bool warning, const char *hint,
       const char *format, ...)
{
	struct sieve_problem problem = {
	    .line = reader->number, .column = column, .warning = warning};
	va_list ap;

	if (!reader->problems || reader->problems->n >= 100)
		return;
	va_start(ap, format);
	vsnprintf(problem.text, sizeof problem.text, format, ap);
	va_end(ap);
	snprintf(problem.hint, sizeof problem.hint, "%s", hint ? hint : "");
	pf_vec_push(reader->problems, problem);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* At a quotation mark; false when its partner is missing */
static bool quoted_word(struct reader *reader, struct word *word)
{
	struct pf_str s = pf_str_from(reader->line, 1);
	char *to = pf_arena_alloc(&reader->lists->arena, s.n + 1);
	size_t n = 0, i = 0;

	for (; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		to[n++] = s.p[i];
	}
	word->text = pf_str_mem(to, n);
	word->quoted = true;
	reader->line = pf_str_from(s, i + 1);
	if (i < s.n)
		return true;
	report(reader, word->column, false, "close it with \"",
	       "a quotation mark is missing");
	return false;
}

/* *more: there was a word.  False: the line is faulty. */
static bool next_word(struct reader *reader, struct word *word, bool *more)
{
	struct pf_str s = reader->line;
	size_t n = 0;

	while (s.n > 0 && is_blank(s.p[0]))
		s = pf_str_from(s, 1);
	*word = (struct word){.column = (int)(reader->whole.n - s.n) + 1};
	reader->line = s;
	*more = s.n > 0 && s.p[0] != '#';
	if (!*more)
		return true;
	if (s.p[0] == '"')
		return quoted_word(reader, word);
	while (n < s.n && !is_blank(s.p[n]))
		n++;
	word->text = pf_arena_str(&reader->lists->arena, pf_str_head(s, n));
	reader->line = pf_str_from(s, n);
	return true;
}

static bool is_option(const struct word *word)
{
	ptrdiff_t equals = pf_str_chr(word->text, '=');

	if (word->quoted || equals <= 0)
		return false;
	for (ptrdiff_t i = 0; i < equals; i++) {
		char c = pf_ascii_lower(word->text.p[i]);

		if (!(c >= 'a' && c <= 'z') && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool is_plain(struct pf_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	}
	return text.n > 0 && pf_utf8_valid(text);
}

static bool is_address(struct pf_str text)
{
	ptrdiff_t at = pf_str_rchr(text, '@');

	return at > 0 && (size_t)at + 1 < text.n && is_plain(text);
}

/* Sorts the words behind the folder; false: one of them is faulty. */
static bool sort_words(struct reader *reader, struct sieve_list *list,
		       const struct word *words, size_t n)
{
	list->addresses =
	    pf_arena_array(&reader->lists->arena, n, sizeof *list->addresses);
	list->options =
	    pf_arena_array(&reader->lists->arena, n, sizeof *list->options);
	for (size_t i = 0; i < n; i++) {
		struct pf_str text = words[i].text;

		if (is_option(&words[i])) {
			list->options[list->option_count++] = text;
		} else if (is_address(text)) {
			list->addresses[list->address_count++] = text;
		} else {
			report(reader, words[i].column, false,
			       "a folder with blanks needs \"...\"",
			       "\"%.*s\" is not an address",
			       text.n > 60 ? 60 : (int)text.n, text.p);
			return false;
		}
	}
	if (list->address_count == 0)
		report(reader, words[0].column, true,
		       "add the address of the list behind the folder",
		       "this rule names no address");
	return true;
}

static bool check_names(struct reader *reader, const struct word *tag,
			const struct word *folder)
{
	if (!is_plain(tag->text) || pf_str_chr(tag->text, '@') >= 0) {
		report(reader, tag->column, false,
		       "write what stands behind the delimiter only",
		       "this is no address extension");
		return false;
	}
	if (!sieve_mailbox_name(folder->text) || is_address(folder->text)) {
		report(reader, folder->column, false,
		       "a rule is: tag folder address...",
		       "this is no name of a folder");
		return false;
	}
	return true;
}

/* The first rule for a tag counts. */
static bool is_new(struct reader *reader, const struct word *tag)
{
	struct pf_buf lower = PF_BUF_INIT(FILE_MAX);

	for (size_t i = 0; i < tag->text.n; i++)
		pf_buf_add_byte(&lower, pf_ascii_lower(tag->text.p[i]));
	bool fresh = !pf_map_get(&reader->tags, pf_buf_str(&lower));
	if (fresh)
		pf_map_set(&reader->tags, pf_buf_str(&lower),
			   (void *)(uintptr_t)reader->number);
	else
		report(reader, tag->column, false, "remove one of the two",
		       "there was a rule for this extension in line %d",
		       (int)(uintptr_t)pf_map_get(&reader->tags,
						  pf_buf_str(&lower)));
	pf_buf_release(&lower);
	return fresh;
}

static void add(struct reader *reader, const struct sieve_list *list)
{
	struct sieve_lists *lists = reader->lists;

	if (lists->n == reader->cap) {
		size_t cap = reader->cap ? 2 * reader->cap : 16;
		struct sieve_list *v =
		    pf_arena_array(&lists->arena, cap, sizeof *v);

		if (lists->n > 0)
			memcpy(v, lists->v, lists->n * sizeof *v);
		lists->v = v;
		reader->cap = cap;
	}
	lists->v[lists->n++] = *list;
}

static void read_line(struct reader *reader)
{
	struct word words[WORDS_MAX + 1];
	size_t n = 0;
	bool more = true;

	while (n <= WORDS_MAX) {
		if (!next_word(reader, &words[n], &more))
			return;
		if (!more)
			break;
		n++;
	}
	if (n == 0)
		return;
	if (n < 2 || n > WORDS_MAX) {
		report(reader, words[0].column, false,
		       "a rule is: tag folder address...",
		       n < 2 ? "the folder is missing"
			     : "too many words in one line");
		return;
	}
	struct sieve_list list = {.tag = words[0].text,
				  .folder = words[1].text,
				  .line = reader->number};
	if (check_names(reader, &words[0], &words[1]) &&
	    sort_words(reader, &list, words + 2, n - 2) &&
	    is_new(reader, &words[0]))
		add(reader, &list);
}

void sieve_lists_parse(struct pf_str text, struct sieve_lists *lists,
		       struct sieve_problems *problems)
{
	struct reader reader = {.lists = lists, .problems = problems};

	*lists = (struct sieve_lists){0};
	/* a few times the file's size, which is bounded here */
	pf_arena_init(&lists->arena, SIZE_MAX);
	if (text.n > FILE_MAX) {
		report(&reader, 0, false, NULL,
		       "the file is larger than %d bytes: the rest is ignored",
		       FILE_MAX);
		text = pf_str_head(text, FILE_MAX);
	}
	while (pf_str_split(&text, '\n', &reader.line)) {
		reader.whole = reader.line;
		reader.number++;
		read_line(&reader);
	}
	pf_map_release(&reader.tags);
}

const struct sieve_list *sieve_lists_find(const struct sieve_lists *lists,
					  struct pf_str detail)
{
	for (size_t i = 0; i < lists->n; i++) {
		if (pf_str_ieq(lists->v[i].tag, detail))
			return &lists->v[i];
	}
	return NULL;
}

void sieve_lists_release(struct sieve_lists *lists)
{
	pf_arena_release(&lists->arena);
	*lists = (struct sieve_lists){0};
}

void sieve_lists_to_script(const struct sieve_lists *lists, struct pf_buf *to)
{
	pf_buf_add_c(to, "require [\"envelope\", \"subaddress\", "
			 "\"fileinto\", \"mailbox\"];\n");
	for (size_t i = 0; i < lists->n; i++) {
		pf_buf_add_c(to, "if envelope :detail \"to\" ");
		pf_buf_add_quoted(to, lists->v[i].tag);
		pf_buf_add_c(to, " {\n\tfileinto :create ");
		pf_buf_add_quoted(to, lists->v[i].folder);
		pf_buf_add_c(to, ";\n\tstop;\n}\n");
	}
}
