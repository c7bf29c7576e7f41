/*
 * once: for `penfold index`, and for people without a penfold-indexd.  It works
 * in slices as that does, so that the two can share a user's index.
 */
#include "indexd/once.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "indexd/work.h"

#define SLICE_MS 1000
#define BUSY_MS	 30000
#define PAUSE_US 100000

struct progress {
	const char *what;
	int64_t began_ms;
	uint32_t total, done;
	bool terminal;
};

static uint32_t count_messages(const struct store_conf *conf)
{
	struct store_names names = {0};
	struct pf_arena arena;
	struct store *store;
	uint32_t total = 0;

	if (store_open(conf, &store, NULL) != PF_OK)
		return 0;
	pf_arena_init(&arena, (size_t)64 << 20);
	if (store_list(store, &arena, &names, NULL) == PF_OK)
		for (size_t i = 0; i < names.n; i++) {
			struct store_box_info info;
			uint32_t recent;

			if ((names.v[i].flags & STORE_NAME_EXISTS) &&
			    store_status(store, names.v[i].name, &info, &recent,
					 NULL) == PF_OK)
				total += info.messages;
		}
	pf_vec_release(&names);
	pf_arena_release(&arena);
	store_close(&store);
	return total;
}

static void tell(const struct progress *progress, bool end)
{
	int64_t ms = pf_clock_mono_ms() - progress->began_ms;
	unsigned rate =
	    ms > 0 ? (unsigned)(progress->done * (int64_t)1000 / ms) : 0;

	if (progress->terminal)
		printf("\r\033[K");
	else if (!end)
		return;
	printf("%s: %u", progress->what, progress->done);
	if (!end)
		printf(" of at most %u", progress->total);
	printf(", %u/s%s", rate, end ? "\n" : "");
	fflush(stdout);
}

static pf_status run_all(struct indexd_work *work, struct indexd_order *order,
			 struct progress *progress, struct pf_error *err)
{
	int64_t busy_until = pf_clock_mono_ms() + BUSY_MS;
	pf_status status;

	do {
		status = indexd_work_run(work, err);
		progress->done += work->indexed;
		if (status == PF_BUSY && pf_clock_mono_ms() < busy_until) {
			usleep(PAUSE_US);
			status = PF_MORE;
		} else if (status == PF_MORE || status == PF_OK) {
			order->rebuild = false;
			busy_until = pf_clock_mono_ms() + BUSY_MS;
			tell(progress, status == PF_OK);
		}
	} while (status == PF_MORE && !*work->stop);
	if (status == PF_MORE)
		status = pf_error_set(err, PF_CANCELLED, NULL, "interrupted");
	return status;
}

pf_status indexd_once(const struct store_conf *conf, bool rebuild,
		      volatile sig_atomic_t *stop, struct pf_error *err)
{
	uint32_t total = count_messages(conf);
	pf_status status = PF_OK;

	for (int i = 0; i < 2 && !status; i++) {
		struct indexd_order order = {.all = true, .rebuild = rebuild};
		struct indexd_work work = {.store = conf,
					   .order = &order,
					   .attachments = i == 1,
					   .slice_ms = SLICE_MS,
					   .stop = stop};
		struct progress progress = {.what = i == 0 ? "messages"
							   : "attachments",
					    .began_ms = pf_clock_mono_ms(),
					    .total = total,
					    .terminal = isatty(STDOUT_FILENO)};

		status = run_all(&work, &order, &progress, err);
	}
	return status;
}
