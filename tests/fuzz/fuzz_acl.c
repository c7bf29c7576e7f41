/* dovecot-acl: any bytes.  What is read gives the same rights when it is
 * written and read again. */
#include <stdlib.h>

#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const users[] = {"ann", "bob", "b b", NULL};
	struct store_acl acl = {0}, again = {0};
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	struct pf_arena arena;

	pf_arena_init(&arena, 4 << 20);
	if (store_acl_parse(pf_str_mem(data, size), &arena, &acl, NULL) ==
	    PF_OK) {
		store_acl_write(&text, &acl);
		if (store_acl_parse(pf_buf_str(&text), &arena, &again, NULL) !=
			PF_OK ||
		    again.n != acl.n)
			abort();
		for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
			struct store_who who = {.user = users[i],
						.owner = "ann"};
			if (store_acl_rights(&acl, &who) !=
			    store_acl_rights(&again, &who))
				abort();
		}
	}
	pf_vec_release(&acl);
	pf_vec_release(&again);
	pf_buf_release(&text);
	pf_arena_release(&arena);
	return 0;
}
