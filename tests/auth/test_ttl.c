/* Entries expire, and the oldest goes when the table is full. */
#include "auth/ttl.h"
#include "tests/tap.h"

static bool has(struct auth_ttl *t, const char *key, int64_t now)
{
	return auth_ttl_get(t, pf_str_c(key), now) != NULL;
}

static void expires(void)
{
	struct auth_ttl t;

	auth_ttl_init(&t, 100, 10);
	auth_ttl_put(&t, PF_STR("a"), 0)->count = 7;
	auth_ttl_put(&t, PF_STR("b"), 50);
	ok(has(&t, "a", 99));
	is_int(auth_ttl_get(&t, PF_STR("a"), 99)->count, 7);
	ok(!has(&t, "a", 100));
	ok(has(&t, "b", 100));
	/* put again: the same entry, a new life */
	auth_ttl_put(&t, PF_STR("b"), 120)->count++;
	is_int(auth_ttl_put(&t, PF_STR("b"), 140)->count, 1);
	ok(has(&t, "b", 239));
	ok(!has(&t, "b", 240));
	is_int(t.map.count, 0);
	auth_ttl_release(&t);
}

static void is_bounded(void)
{
	struct auth_ttl t;

	auth_ttl_init(&t, 1000, 3);
	auth_ttl_put(&t, PF_STR("a"), 1)->text = pf_str_dup(PF_STR("secret"));
	auth_ttl_put(&t, PF_STR("b"), 2);
	auth_ttl_put(&t, PF_STR("c"), 3);
	auth_ttl_put(&t, PF_STR("a"), 4); /* now the youngest */
	auth_ttl_put(&t, PF_STR("d"), 5);
	is_int(t.map.count, 3);
	ok(!has(&t, "b", 6));
	is_str(auth_ttl_get(&t, PF_STR("a"), 6)->text, "secret");
	auth_ttl_remove(&t, auth_ttl_get(&t, PF_STR("a"), 6));
	ok(!has(&t, "a", 6));
	auth_ttl_release(&t);
}

int main(void)
{
	expires();
	is_bounded();
	return tap_done();
}
