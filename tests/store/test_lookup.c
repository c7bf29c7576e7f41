/* Finding a message by UID, from wherever the last search ended. */
#include "tests/store/memory_box.h"
#include "tests/tap.h"

#define N 300

static uint32_t by_hand(const struct store_box *box, uint32_t uid)
{
	uint32_t at = 0;

	while (at < box->recs.n && box->recs.v[at].m.uid < uid)
		at++;
	return at;
}

static void is_the_first_that_is_not_below(void)
{
	struct store_box *box = memory_box_new();
	uint64_t seed = 42;
	uint32_t uid = 0;
	int wrong = 0;

	is_int(store_box_lower_bound(box, 7), 0);
	for (int i = 0; i < N; i++) {
		struct store_rec rec = {0};
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		rec.m.uid = uid += 1 + (uint32_t)(seed >> 61);
		pf_vec_push(&box->recs, rec);
	}
	for (int i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint32_t wanted = (uint32_t)(seed >> 33) % (uid + 3);
		wrong +=
		    store_box_lower_bound(box, wanted) != by_hand(box, wanted);
	}
	for (uint32_t up = 0; up < uid + 3; up++)
		wrong += store_box_lower_bound(box, up) != by_hand(box, up);
	for (uint32_t down = uid + 3; down-- > 0;)
		wrong += store_box_lower_bound(box, down) != by_hand(box, down);
	is_int(wrong, 0);
	/* fewer than where the last search ended */
	box->recs.n = 3;
	is_int(store_box_lower_bound(box, box->recs.v[1].m.uid), 1);
	memory_box_free(box);
}

int main(void)
{
	is_the_first_that_is_not_below();
	return tap_done();
}
