/*
 * Commands as a peer sends them.  The first byte says how the input is cut;
 * however that is, the reader must find the same as in one piece.  What it
 * finds goes through every grammar that takes arguments.
 */
#include <stdlib.h>

#include "tests/imap/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool append_streams(void *arg, struct pf_str name,
			   const struct imap_arg *args)
{
	(void)arg;
	(void)args;
	return pf_str_eq(name, PF_STR("APPEND"));
}

static const struct imap_reader_conf conf = {
    .line_max = 3000,
    .literal_max = 1000,
    .depth_max = 50,
    .args_max = 1000,
    .wants_stream = append_streams,
};

static int depth_of(const struct imap_key *key)
{
	int deepest = 0;

	for (const struct imap_key *k = key->child; k; k = k->next) {
		int depth = depth_of(k);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static void check_fetch(const struct imap_arg *args, struct pf_arena *arena)
{
	struct imap_fetch fetch;

	if (args[0].kind == IMAP_END || args[1].kind == IMAP_END ||
	    imap_fetch_parse(args + 1, args + 2, arena, &fetch, NULL) != PF_OK)
		return;
	for (size_t i = 0; i < fetch.count; i++)
		if (!fetch.items[i].label.p)
			abort();
}

static void check_search(const struct imap_arg *args, struct pf_arena *arena)
{
	struct imap_search search;

	if (imap_search_parse(args, 5, 50, arena, &search, NULL) == PF_OK &&
	    depth_of(search.root) > 130)
		abort();
}

static void check_source(const struct imap_arg *args, struct pf_arena *arena)
{
	struct imap_source source;

	if (imap_source_parse(&args, true, arena, &source, NULL) != PF_OK)
		return;
	for (size_t i = 0; i < source.count; i++)
		if (source.filters[i].kind == IMAP_FILTER_DELAYED)
			abort();
	check_search(args, arena);
}

static void check_notify(const struct imap_arg *args, struct pf_arena *arena)
{
	struct imap_notify notify;
	size_t messages = 0;

	if (imap_notify_parse(args, false, arena, &notify, NULL) != PF_OK)
		return;
	for (size_t i = 0; i < notify.count; i++) {
		const struct imap_notify_group *group = &notify.groups[i];

		messages += group->filter.kind <= IMAP_FILTER_DELAYED;
		for (size_t k = 0; k < group->filter.count; k++)
			(void)imap_filter_match(
			    &group->filter, group->filter.names[k], '/', true);
	}
	if (messages > 1)
		abort();
}

static void parse_all(struct imap_reader *r)
{
	const struct imap_arg *args = imap_reader_args(r);
	struct imap_store store;
	struct imap_set set;
	struct pf_arena arena;
	struct pf_str text;
	int64_t when;

	pf_arena_init(&arena, 1 << 20);
	check_fetch(args, &arena);
	check_search(args, &arena);
	check_notify(args, &arena);
	check_source(args, &arena);
	if (args->kind != IMAP_END)
		(void)!imap_store_parse(args + 1, &arena, &store, NULL);
	for (; args->kind != IMAP_END; args++) {
		(void)!imap_arg_mailbox(args, false, &arena, &text, NULL);
		(void)!imap_arg_mailbox(args, true, &arena, &text, NULL);
		if (!imap_arg_astring(args, &text))
			continue;
		(void)!imap_set_parse(text, 9, &arena, &set, NULL);
		(void)imap_parse_date_time(text, &when);
	}
	pf_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_buf whole = PF_BUF_INIT(16 << 20),
		      cut = PF_BUF_INIT(16 << 20);

	if (size < 1)
		return 0;
	struct pf_str in = pf_str_mem(data + 1, size - 1);
	dump_session(&whole, &conf, in, size, parse_all);
	dump_session(&cut, &conf, in, (size_t)data[0] + 1, NULL);
	if (!pf_str_eq(pf_buf_str(&whole), pf_buf_str(&cut)))
		abort();
	dump_session(&whole, &conf, in, 1, NULL);
	dump_session(&cut, &conf, in, 2, NULL);
	if (!pf_str_eq(pf_buf_str(&whole), pf_buf_str(&cut)))
		abort();
	pf_buf_release(&whole);
	pf_buf_release(&cut);
	return 0;
}
