/* Any mailto: URI: what is accepted can be put into a letter and a mail
 * command as it is. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "sieve/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_buf uri = PF_BUF_INIT(1 << 20);
	struct sieve_mailto mailto;
	const char *problem = NULL;
	struct pf_arena arena;

	pf_arena_init(&arena, 8 << 20);
	pf_buf_add_c(&uri, "mailto:");
	pf_buf_add(&uri, (const char *)data, size);
	if (!sieve_mailto_parse(&arena, pf_buf_str(&uri), &mailto, &problem)) {
		need(problem != NULL);
	} else {
		need(!problem && mailto.cc_from <= mailto.to_count);
		for (size_t i = 0; i < mailto.to_count; i++) {
			struct pf_str to = mailto.to[i];

			need(pf_str_chr(to, '@') > 0);
			for (size_t k = 0; k < to.n; k++)
				need((unsigned char)to.p[k] > ' ' &&
				     !strchr("<>\"\\,", to.p[k]));
		}
		for (size_t i = 0; i < mailto.field_count; i++) {
			need(mailto.fields[i].name.n > 0);
			need(pf_str_chr(mailto.fields[i].name, ':') < 0);
			need(pf_str_chr(mailto.fields[i].name, '\n') < 0);
			need(pf_utf8_valid(mailto.fields[i].value));
		}
	}
	pf_arena_release(&arena);
	pf_buf_release(&uri);
	return 0;
}
