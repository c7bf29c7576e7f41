/* penfold-metadata: any bytes; every entry that comes out has a good name. */
#include "store/names.h"
#include "tests/store/memory_box.h"

static void check_entry(void *arg, struct pf_str entry, struct pf_str value,
			struct pf_str who)
{
	size_t *bytes = arg;

	*bytes += value.n + who.n;
	if (!store_metadata_name_valid(entry))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_arena arena;
	size_t bytes = 0;

	pf_arena_init(&arena, (size_t)32 << 20);
	store_metadata_parse(pf_str_mem(data, size), &arena, check_entry,
			     &bytes);
	if (bytes > size)
		abort();
	pf_arena_release(&arena);
	return 0;
}
