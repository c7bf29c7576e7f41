/* Words out of a message, as the index must know them (`penfold index
 * verify`). */

#include "search/search.h"
#include "search/text.h"

#define WORD_MAX 30

struct sample {
	unsigned skip, skipped;
	search_word_fn fn;
	void *arg;
};

static bool in_word(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9');
}

/* Words of a piece that lie wholly in it; every `skip`th. */
static bool cut_words(void *arg, const struct search_piece *piece)
{
	struct sample *sample = arg;
	struct pf_str text = piece->text;
	size_t from, to = 0;

	while (to < text.n) {
		for (from = to; from < text.n && !in_word(text.p[from]);)
			from++;
		for (to = from; to < text.n && in_word(text.p[to]);)
			to++;
		if (from == 0 || to == text.n || to - from < 3 ||
		    to - from > WORD_MAX || ++sample->skipped < sample->skip)
			continue;
		sample->skipped = 0;
		if (!sample->fn(sample->arg,
				pf_str_mem(text.p + from, to - from)))
			return false;
	}
	return true;
}

pf_status search_words(int fd, unsigned seed, search_word_fn fn, void *arg,
		       struct pf_error *err)
{
	struct sample sample = {.skip = 1 + seed % 17, .fn = fn, .arg = arg};

	return search_text(fd, false, cut_words, &sample, err);
}
