/* IMAP URLs: any bytes; what comes out is text that fits into what came in. */
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_arena arena;
	struct imap_url url;

	pf_arena_init(&arena, 1 << 22);
	if (imap_url_parse(pf_str_mem(data, size), &arena, &url, NULL) ==
	    PF_OK) {
		struct pf_str texts[] = {url.user, url.host, url.mailbox,
					 url.section};
		size_t sum = 0;
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
			sum += texts[i].n;
			if (!pf_utf8_valid(texts[i]) ||
			    pf_str_chr(texts[i], '\0') >= 0)
				abort();
		}
		if (sum > size || url.uid == 0 ||
		    (url.host.n && !url.has_mailbox))
			abort();
	}
	pf_arena_release(&arena);
	return 0;
}
