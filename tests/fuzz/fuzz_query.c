/* Queries of `penfold search`: any bytes; what is an error has a column. */
#include "ctl/query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_error err = {0};
	struct ctl_query query;
	struct pf_arena arena;
	pf_status status;

	pf_arena_init(&arena, 1 << 20);
	status = ctl_query_parse(&query, &arena, pf_str_mem(data, size),
				 1700000000, &err);
	if (status == PF_INVALID &&
	    (query.column == 0 || query.column > size + 1))
		abort();
	ctl_query_place(&query, PF_STR("INBOX"), '.');
	if (!status && !query.root.child)
		abort();
	ctl_query_release(&query);
	pf_arena_release(&arena);
	return 0;
}
