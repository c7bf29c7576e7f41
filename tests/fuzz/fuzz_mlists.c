/* Any ~/.mlists: parsed, and the script it equals compiles. */
#include <stdint.h>
#include <stdlib.h>

#include "sieve/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sieve_problems problems = {0};
	struct sieve_script *script = NULL;
	struct sieve_lists lists;
	struct pf_buf text = PF_BUF_INIT(8 << 20);

	if (size > 100000)
		return 0;
	sieve_lists_parse(pf_str_mem(data, size), &lists, &problems);
	for (size_t i = 0; i < lists.n; i++) {
		if (sieve_lists_find(&lists, lists.v[i].tag) != &lists.v[i])
			abort();
	}
	sieve_lists_to_script(&lists, &text);
	if (lists.n < 1000 && sieve_compile(pf_buf_str(&text), NULL, &script,
					    &problems, NULL) != PF_OK)
		abort();
	sieve_script_free(&script);
	sieve_lists_release(&lists);
	pf_vec_release(&problems);
	pf_buf_release(&text);
	return 0;
}
