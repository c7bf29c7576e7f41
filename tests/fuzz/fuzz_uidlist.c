/* dovecot-uidlist: any bytes; what is read is within the file's bounds. */
#include "tests/store/memory_box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_box *box = memory_box_new();
	struct store_uidlist list;

	if (store_uidlist_parse(box, pf_str_mem(data, size), &list)) {
		uint32_t last = 0;
		if (!list.uidvalidity || !list.uidnext ||
		    list.lines != box->claims.n)
			abort();
		for (size_t i = 0; i < box->claims.n; i++) {
			const struct store_claim *c = &box->claims.v[i];
			if (c->uid <= last || c->uid >= list.uidnext ||
			    c->name >= box->heap_len ||
			    strchr(box->heap + c->name, '/'))
				abort();
			last = c->uid;
		}
	}
	memory_box_free(box);
	return 0;
}
