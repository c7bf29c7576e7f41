/* mbox: any bytes; reading ends, and what was read comes back. */
#include <stdlib.h>

#include "origin/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_str text = pf_str_mem(data, size);
	struct pf_buf body = PF_BUF_INIT(1 << 20);
	struct origin_message m;
	size_t at = 0, before = 0;

	while (origin_mbox_next(text, &at, &m, &body)) {
		if (at <= before || at > size || body.len > size)
			abort();
		before = at;
	}
	pf_buf_release(&body);
	return 0;
}
