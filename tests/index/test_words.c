/* How texts and needles are cut: the promise of words.c, on odd input too. */
#include "index/words.h"

#include "base/buf.h"
#include "tests/tap.h"

/* All words of a text, "|" between, fed `step` bytes at a time. */
static const char *cut(struct pf_str text, size_t step)
{
	static struct pf_buf out;
	struct index_words words = {0};
	struct pf_str word;

	pf_buf_release(&out);
	pf_buf_init(&out, 1 << 20);
	for (size_t at = 0; at < text.n; at += step) {
		struct pf_str piece = pf_str_head(pf_str_from(text, at), step);

		while (index_words_next(&words, &piece, &word)) {
			pf_buf_add_str(&out, word);
			pf_buf_add_byte(&out, '|');
		}
	}
	if (index_words_end(&words, &word))
		pf_buf_add_str(&out, word);
	return out.data;
}

static void words_of_text(void)
{
	is_str(cut(PF_STR(""), 9), "");
	is_str(cut(PF_STR(" .,"), 9), "");
	is_str(cut(PF_STR("the cat's hat_42"), 99), "the|cat|s|hat|42");
	is_str(cut(PF_STR("the cat's hat_42"), 1), "the|cat|s|hat|42");
	is_str(cut(PF_STR("gr\xc3\xbc\xc3\x9f\xe2\x80\x94zeit"), 99),
	       "gr\xc3\xbc\xc3\x9f|zeit");
	is_str(cut(PF_STR("a\xff\xc3z"), 99), "a|z");
	is_str(cut(PF_STR("a\0b"), 99), "a|b");
}

static void ideographs_alone_and_in_pairs(void)
{
	/* "x" + three ideographs + "y", then one alone */
	is_str(cut(PF_STR("x\xe6\x89\x8b\xe6\x9c\xba\xe5\x8f\xb7y "
			  "\xe6\x89\x8b"),
		   99),
	       "x|\xe6\x89\x8b|\xe6\x9c\xba|\xe6\x89\x8b\xe6\x9c\xba|"
	       "\xe5\x8f\xb7|\xe6\x9c\xba\xe5\x8f\xb7|y|\xe6\x89\x8b|");
	is_str(cut(PF_STR("\xe6\x89\x8b\xe6\x9c\xba"), 3),
	       "\xe6\x89\x8b|\xe6\x9c\xba|\xe6\x89\x8b\xe6\x9c\xba|");
}

static void long_runs_overlap(void)
{
	char run[300];
	size_t missed = 0, longest = 0;

	for (size_t i = 0; i < sizeof run; i++)
		run[i] = (char)('a' + (i * 7 + i / 26) % 26);
	for (size_t n = 1; n <= INDEX_OVERLAP; n++)
		for (size_t at = 0; at + n <= sizeof run; at++) {
			struct pf_str text = pf_str_mem(run, sizeof run);
			struct pf_str needle = pf_str_mem(run + at, n), word;
			struct index_fragment f = {needle,
						   at == 0 ? false : true,
						   at + n < sizeof run};
			struct index_words words = {0};
			bool found = false;

			while (index_words_next(&words, &text, &word)) {
				found = found || index_fragment_in(&f, word);
				longest = word.n > longest ? word.n : longest;
			}
			if (index_words_end(&words, &word))
				found = found || index_fragment_in(&f, word);
			missed += !found;
		}
	is_int(missed, 0);
	is_int(longest, INDEX_WORD_MAX);
}

static const char *show(struct pf_str needle)
{
	static struct pf_buf out;
	struct index_needle parsed;

	index_needle_parse(needle, &parsed);
	pf_buf_release(&out);
	pf_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < parsed.n; i++) {
		pf_buf_add_c(&out, parsed.v[i].open_left ? "*" : "");
		pf_buf_add_str(&out, parsed.v[i].text);
		pf_buf_add_c(&out, parsed.v[i].open_right ? "* " : " ");
	}
	pf_buf_add_c(&out, parsed.exact ? "exact" : "");
	return out.data;
}

static void fragments_of_needles(void)
{
	is_str(show(PF_STR("")), "");
	is_str(show(PF_STR("?!")), "");
	is_str(show(PF_STR("cat")), "*cat* exact");
	is_str(show(PF_STR(" cat")), "cat* ");
	is_str(show(PF_STR("cat ")), "*cat ");
	is_str(show(PF_STR("(cat)")), "cat ");
	is_str(show(PF_STR("the cat's hat")), "*the cat s hat* ");
	is_str(show(PF_STR("\xe6\x89\x8b")), "\xe6\x89\x8b exact");
	is_str(show(PF_STR("\xe6\x89\x8b\xe6\x9c\xba")),
	       "\xe6\x89\x8b\xe6\x9c\xba exact");
	is_str(show(PF_STR("\xe6\x89\x8b\xe6\x9c\xba\xe5\x8f\xb7")),
	       "\xe6\x89\x8b\xe6\x9c\xba \xe6\x9c\xba\xe5\x8f\xb7 ");
	is_str(show(PF_STR("e\xe6\x89\x8b")), "*e \xe6\x89\x8b ");
}

static void odd_needles_promise_nothing(void)
{
	struct index_needle parsed;
	char many[400];

	is_str(show(PF_STR("caf\xc3")), ""); /* half a character */
	is_str(show(PF_STR("\xa9 cat")), "");
	is_str(show(PF_STR("a\0b")), "*a b* ");
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 2 ? ' ' : 'x';
	index_needle_parse(pf_str_mem(many, sizeof many), &parsed);
	is_int(parsed.n, INDEX_FRAGMENTS_MAX);
	ok(!parsed.exact);
	memset(many, 'x', sizeof many);
	index_needle_parse(pf_str_mem(many, 40), &parsed);
	is_int(parsed.n, 2);
	ok(parsed.v[1].open_left && parsed.v[1].open_right);
	is_int(parsed.v[1].text.n, INDEX_OVERLAP);
	ok(parsed.v[1].text.p == many + 8);
	ok(!parsed.exact);
}

int main(void)
{
	words_of_text();
	ideographs_alone_and_in_pairs();
	long_runs_overlap();
	fragments_of_needles();
	odd_needles_promise_nothing();
	return tap_done();
}
