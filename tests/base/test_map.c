#include "base/map.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/crc.h"
#include "base/vec.h"
#include "tests/tap.h"

/* Set, remove and look up against a plain array of what should be there. */
static void behaves_like_an_array(void)
{
	enum {
		KEYS = 500,
		STEPS = 20000
	};
	static char values[KEYS];
	bool there[KEYS] = {false};
	struct pf_map map = {0};
	unsigned state = 12345;
	size_t count = 0, wrong = 0;

	for (int step = 0; step < STEPS; step++) {
		char key[16];
		state = state * 1103515245u + 12345u;
		size_t k = (state >> 8) % KEYS;
		int n = snprintf(key, sizeof key, "key%zu", k);
		struct pf_str s = {key, (size_t)n};
		void *old = there[k] ? &values[k] : NULL;
		if (state & 0x40000000u) {
			wrong += pf_map_set(&map, s, &values[k]) != old;
			count += !there[k];
			there[k] = true;
		} else {
			wrong += pf_map_remove(&map, s) != old;
			count -= there[k];
			there[k] = false;
		}
		wrong += map.count != count;
		wrong += pf_map_get(&map, s) != (there[k] ? &values[k] : NULL);
	}
	is_int(wrong, 0);
	size_t pos = 0, walked = 0;
	while (pf_map_next(&map, &pos))
		walked++;
	is_int(walked, count);
	pf_map_release(&map);
	ok(pf_map_get(&map, PF_STR("x")) == NULL);
}

static void arena_counts_and_refuses(void)
{
	struct pf_arena arena;

	pf_arena_init(&arena, 1000);
	char *a = pf_arena_alloc(&arena, 600);
	ok(a && a[599] == 0);
	ok(pf_arena_alloc(&arena, 401) == NULL);
	ok(pf_arena_alloc(&arena, 400) != NULL);
	ok(pf_arena_array(&arena, SIZE_MAX, 2) == NULL);
	pf_arena_release(&arena);
	struct pf_str s = pf_arena_str(&arena, PF_STR("text"));
	is_str(s.p, "text");
	pf_arena_release(&arena);
}

static void vector_grows(void)
{
	struct numbers pf_vec(int);
	struct numbers v = {0};

	for (int i = 0; i < 1000; i++)
		pf_vec_push(&v, i);
	is_int(v.n, 1000);
	is_int(v.v[999], 999);
	pf_vec_release(&v);
	is_int(v.n, 0);
}

/* RFC 3720 B.4 */
static void crc32c_vectors(void)
{
	unsigned char bytes[32];

	memset(bytes, 0, sizeof bytes);
	is_int(pf_crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	is_int(pf_crc32c(0, bytes, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	is_int(pf_crc32c(0, bytes, 32), 0x46dd794e);
	is_int(pf_crc32c(pf_crc32c(0, bytes, 5), bytes + 5, 27), 0x46dd794e);
}

int main(void)
{
	behaves_like_an_array();
	arena_counts_and_refuses();
	vector_grows();
	crc32c_vectors();
	return tap_done();
}
