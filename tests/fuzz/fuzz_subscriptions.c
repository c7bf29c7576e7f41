/* subscriptions: any bytes; every name that comes out is a good one. */
#include "base/utf8.h"
#include "store/names.h"
#include "tests/store/memory_box.h"

static void check_name(void *arg, struct pf_str name, struct pf_str line)
{
	(void)arg;
	(void)line;
	if (name.n == 0 || !pf_utf8_valid(name) || memchr(name.p, '/', name.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	store_subscriptions_parse(&memory_store, pf_str_mem(data, size),
				  check_name, NULL);
	return 0;
}
