/*
 * The store from the command line, for tests that bring other programs to
 * the same Maildir.  Usage: store_tool MAILDIR, then commands on stdin:
 *
 *	create BOX | subscribe BOX | sync BOX | dump BOX | list
 *	append BOX FLAGS KEYWORD TEXT		FLAGS as letters, "-" for none
 *	set BOX UID FLAGS KEYWORD		expunge BOX UID
 *	copy BOX UID TO | move BOX UID TO
 */
#include <stdlib.h>

#include "tests/store/fixture.h"

static uint32_t parse_flags(const char *letters)
{
	static const char all[] = "SRFTDP"; /* in the order of store.h */
	uint32_t flags = 0;

	for (const char *c = letters; *c; c++) {
		const char *at = strchr(all, *c);
		if (at)
			flags |= 1u << (at - all);
	}
	return flags;
}

static void dump(struct store *store, const char *name)
{
	struct store_box *box = fixture_box(store, name);
	struct store_box_info info;

	store_box_info(box, &info);
	printf("box %s %u %u %s\n", name, info.uidvalidity, info.uidnext,
	       info.guid);
	for (uint32_t i = 0; i < info.messages; i++) {
		const struct store_msg *m = store_box_at(box, i);
		struct pf_str guid = store_msg_guid(box, m->uid);
		printf("msg %u ", m->uid);
		for (int bit = 0; bit < 6; bit++)
			if (m->flags & 1u << bit)
				putchar("SRFTDP"[bit]);
		putchar('-');
		for (unsigned k = 0; k < STORE_KEYWORDS_MAX; k++)
			if (m->keywords & UINT64_C(1) << k)
				printf(",%s", store_box_keyword(box, k));
		printf(" %llu %lld %.*s\n", (unsigned long long)m->size,
		       (long long)m->date, (int)guid.n, guid.p);
	}
	store_box_close(&box);
}

static void append(struct store *store, const char *name, const char *flags,
		   const char *keyword, const char *text)
{
	struct pf_str keywords[1] = {pf_str_c(keyword)};
	struct store_deliver how = {
	    .flags = parse_flags(flags),
	    .keywords = keywords,
	    .keyword_count = keyword[0] != '-',
	};
	struct store_draft *draft = NULL;
	uint32_t validity, uid;

	must(store_draft_new(store, &draft, &err));
	must(store_draft_write(draft, text, strlen(text), &err));
	must(store_deliver(store, pf_str_c(name), draft, &how, &validity, &uid,
			   NULL, &err));
	store_draft_free(&draft);
	printf("uid %u\n", uid);
}

static void set(struct store *store, const char *name, uint32_t uid,
		const char *flags, const char *keyword)
{
	struct store_box *box = fixture_box(store, name);
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_SET,
	    .flags = parse_flags(flags),
	    .unchanged_since = UINT64_MAX,
	};
	unsigned number = 0;

	if (keyword[0] != '-') {
		must(store_box_keyword_number(box, pf_str_c(keyword), true,
					      &number, &err));
		change.keywords = UINT64_C(1) << number;
	}
	must(store_box_change_flags(box, &uid, 1, &change, NULL, &err));
	store_box_close(&box);
}

static void list(struct store *store)
{
	struct pf_arena arena;
	struct store_names names = {0};

	pf_arena_init(&arena, 1 << 20);
	must(store_list(store, &arena, &names, &err));
	for (size_t i = 0; i < names.n; i++)
		printf("name %x %s\n", names.v[i].flags, names.v[i].name.p);
	pf_vec_release(&names);
	pf_arena_release(&arena);
}

static void run(struct store *store, char *line)
{
	char none[1] = "";
	char *word[5] = {line, none, none, none, none};
	struct store_box *box = NULL;
	struct store_uid_pairs pairs = {0};
	uint32_t validity, uid;

	for (int i = 1; i < 5; i++) {
		char *blank = strchr(word[i - 1], ' ');
		if (!blank)
			break;
		*blank = '\0';
		word[i] = blank + 1;
	}
	uid = (uint32_t)strtoul(word[2], NULL, 10);
	if (strcmp(word[0], "create") == 0) {
		must(store_create(store, pf_str_c(word[1]), NULL, &err));
	} else if (strcmp(word[0], "subscribe") == 0) {
		must(store_subscribe(store, pf_str_c(word[1]), true, &err));
	} else if (strcmp(word[0], "dump") == 0) {
		dump(store, word[1]);
	} else if (strcmp(word[0], "list") == 0) {
		list(store);
	} else if (strcmp(word[0], "append") == 0) {
		append(store, word[1], word[2], word[3], word[4]);
	} else if (strcmp(word[0], "set") == 0) {
		set(store, word[1], uid, word[3], word[4]);
	} else {
		box = fixture_box(store, word[1]);
		if (strcmp(word[0], "sync") == 0)
			must(store_box_sync(box, true, &err));
		else if (strcmp(word[0], "expunge") == 0)
			must(store_box_expunge(box, &uid, 1, true, &err));
		else
			must(store_box_copy(box, &uid, 1, pf_str_c(word[3]),
					    word[0][0] == 'm', &validity,
					    &pairs, &err));
		store_box_close(&box);
	}
	pf_vec_release(&pairs);
}

int main(int argc, char **argv)
{
	char line[4096];

	if (argc != 2)
		return 2;
	snprintf(fixture_root, sizeof fixture_root, "%s", argv[1]);
	struct store *store = fixture_open();
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run(store, line);
	}
	store_close(&store);
	return 0;
}
