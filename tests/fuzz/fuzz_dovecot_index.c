/* dovecot.index and its logs: two lengths, then the three files. */
#include <stdlib.h>

#include "origin/origin.h"

static size_t take(struct pf_str *rest)
{
	size_t n = 0;

	for (int i = 3; i >= 0; i--)
		n = n << 8 | (unsigned char)rest->p[i];
	*rest = pf_str_from(*rest, 4);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t uids[] = {1, 2, 4, 5, 6, 7, 8, 9, 70000};
	struct pf_str rest = pf_str_mem(data, size), files[2];
	struct origin_keywords keywords;

	if (size < 8)
		return 0;
	size_t n[2] = {take(&rest), 0};
	n[1] = take(&rest);
	for (int i = 0; i < 2; i++) {
		files[i] = pf_str_head(rest, n[i]);
		rest = pf_str_from(rest, n[i]);
	}
	origin_keywords_init(&keywords, uids, 9);
	bool read = origin_index_parse(files[0], files[1], rest, 0, &keywords);
	if (!read && keywords.list.n)
		abort();
	origin_keywords_count(&keywords);
	for (size_t i = 0; i < keywords.list.n; i++)
		if (keywords.list.v[i].name.n == 0 ||
		    keywords.list.v[i].count > 9)
			abort();
	origin_keywords_release(&keywords);
	return 0;
}
