/* Quota: the count, maildirsize and rules of any bytes.  First byte: which. */
#include "store/quota.h"
#include "tests/store/memory_box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct store_conf conf = {.quota = "*:storage=1M"};
	struct pf_str text = pf_str_mem(data + 1, size ? size - 1 : 0);
	struct quota_limit limit;
	struct quota_use sum;

	if (size == 0)
		return 0;
	if (data[0] == 'm') {
		(void)store_maildirsize_parse(text, &limit, &sum);
	} else if (data[0] == 'r') {
		struct quota_rules rules = {0};
		(void)!store_quota_rules_parse(&rules, text, NULL);
		(void)store_quota_rules_account(&rules, PF_STR("Trash"));
		(void)store_quota_rules_own(&rules, PF_STR("Trash"));
		store_quota_rules_release(&rules);
	} else {
		store_quota_open(&memory_store, &conf);
		(void)store_quota_parse(&memory_store, text);
		store_quota_close(&memory_store);
	}
	return 0;
}
