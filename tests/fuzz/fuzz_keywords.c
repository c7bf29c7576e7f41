/* dovecot-keywords: any bytes; no name twice, none outside the text. */
#include "tests/store/memory_box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str names[STORE_KEYWORD_LETTERS];
	unsigned found = 0;

	unsigned said = store_keywords_parse(pf_str_mem(data, size), names);
	for (unsigned i = 0; i < STORE_KEYWORD_LETTERS; i++) {
		found += names[i].n > 0;
		for (unsigned k = 0; k < i; k++)
			if (names[i].n && pf_str_ieq(names[i], names[k]))
				abort();
	}
	if (found != said)
		abort();
	return 0;
}
