/* Names: what may be one, LIST, subscriptions, create, rename, delete. */
#include "tests/store/fixture.h"

static const struct store_name *find(const struct store_names *names,
				     const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (pf_str_eq(names->v[i].name, pf_str_c(name)))
			return &names->v[i];
	return NULL;
}

static void odd_names_are_refused(void)
{
	static const char *const bad[] = {
	    "", ".", "a..b", ".a", "a.", "a/b", "a\tb", "a\x7f", "\xff",
	};
	bool exists;

	fixture_new();
	struct store *store = fixture_open();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pf_error err = {0};
		is_int(store_name_check(store, pf_str_c(bad[i]), &exists, &err),
		       PF_INVALID);
		ok(err.client[0]);
	}
	char text[300];
	memset(text, 'x', sizeof text);
	is_int(store_name_check(store, pf_str_mem(text, 255), &exists, NULL),
	       PF_INVALID);
	good(store_name_check(store, pf_str_mem(text, 254), &exists, &err));
	good(store_name_check(store, PF_STR("iNbOx"), &exists, &err));
	ok(exists);
	good(store_name_check(store, PF_STR("inbox.x"), &exists, &err));
	store_close(&store);
	fixture_free();
}

static void lists_levels_and_subscriptions(void)
{
	struct pf_arena arena;
	struct store_names names = {0};

	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("Lists.net.nanog"), NULL, &err));
	good(store_create(store, PF_STR("Sent"), NULL, &err));
	good(store_create(store, PF_STR("Entwürfe"), "Drafts", &err));
	good(store_create(store, PF_STR("INBOX.sub"), NULL, &err));
	is_int(store_create(store, PF_STR("Sent."), NULL, NULL), PF_EXISTS);
	is_int(store_create(store, PF_STR("INBOX"), NULL, NULL), PF_EXISTS);
	ok(fixture_has(".Entw&APw-rfe/maildirfolder"));
	good(store_subscribe(store, PF_STR("Lists.net.nanog"), true, &err));
	good(store_subscribe(store, PF_STR("Gone"), true, &err));
	good(store_subscribe(store, PF_STR("inbox"), true, &err));
	good(store_subscribe(store, PF_STR("Gone"), true, &err));
	is_str(fixture_text("subscriptions"),
	       "V\t2\n\nLists\tnet\tnanog\nGone\nINBOX\n");

	pf_arena_init(&arena, 1 << 20);
	good(store_list(store, &arena, &names, &err));
	is_int(names.n, 8);
	is_str(names.v[0].name.p, "INBOX");
	is_str(names.v[1].name.p, "INBOX.sub");
	const struct store_name *n = find(&names, "Lists");
	ok(n && n->flags == (STORE_NAME_CHILDREN | STORE_NAME_SUB_CHILDREN));
	n = find(&names, "Gone");
	ok(n && n->flags == STORE_NAME_SUBSCRIBED);
	n = find(&names, "Sent");
	ok(n && pf_str_eq(n->special_use, PF_STR("Sent")));
	n = find(&names, "Entwürfe");
	ok(n && pf_str_eq(n->special_use, PF_STR("Drafts")));
	n = find(&names, "INBOX");
	ok(n && n->flags == (STORE_NAME_EXISTS | STORE_NAME_SUBSCRIBED |
			     STORE_NAME_CHILDREN));
	good(store_subscribe(store, PF_STR("Gone"), false, &err));
	good(store_list(store, &arena, &names, &err));
	ok(!find(&names, "Gone"));
	pf_vec_release(&names);
	pf_arena_release(&arena);
	store_close(&store);
	fixture_free();
}

static void old_subscriptions_are_read(void)
{
	struct pf_arena arena;
	struct store_names names = {0};

	fixture_new();
	struct store *store = fixture_open();
	fixture_put("subscriptions", "Lists.a\nEntw&APw-rfe\n&bad\nINBOX");
	pf_arena_init(&arena, 1 << 20);
	good(store_list(store, &arena, &names, &err));
	ok(find(&names, "Lists.a") && find(&names, "Entwürfe"));
	good(store_subscribe(store, PF_STR("New"), true, &err));
	is_str(fixture_text("subscriptions"),
	       "V\t2\n\nLists\ta\nEntw&APw-rfe\n&-bad\nINBOX\nNew\n");
	pf_vec_release(&names);
	pf_arena_release(&arena);
	store_close(&store);
	fixture_free();
}

static void renames_keep_identity(void)
{
	struct store_box_info before, after;
	uint32_t recent;
	bool exists;

	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("A"), NULL, &err));
	good(store_create(store, PF_STR("A.b"), NULL, &err));
	good(store_create(store, PF_STR("AB"), NULL, &err));
	fixture_append(store, "A.b", "x\n", 0);
	good(store_status(store, PF_STR("A.b"), &before, &recent, &err));
	struct store_box *open = fixture_box(store, "A.b");
	good(store_rename(store, PF_STR("A"), PF_STR("New.place"), &err));
	ok(store_box_exists(open));
	is_mem(store_box_name(open).p, store_box_name(open).n, "New.place.b");
	store_box_close(&open);
	good(store_status(store, PF_STR("New.place.b"), &after, &recent, &err));
	is_int(after.uidvalidity, before.uidvalidity);
	is_int(after.messages, 1);
	is_str(after.guid, before.guid);
	good(store_name_check(store, PF_STR("AB"), &exists, &err));
	ok(exists);
	good(store_name_check(store, PF_STR("A"), &exists, &err));
	ok(!exists);
	is_int(store_rename(store, PF_STR("AB"), PF_STR("New.place"), NULL),
	       PF_EXISTS);
	is_int(store_rename(store, PF_STR("AB"), PF_STR("AB.c"), NULL),
	       PF_INVALID);
	is_int(store_rename(store, PF_STR("none"), PF_STR("x"), NULL),
	       PF_NOTFOUND);
	/* a level without a folder of its own */
	good(store_rename(store, PF_STR("New"), PF_STR("Old"), &err));
	good(store_name_check(store, PF_STR("Old.place.b"), &exists, &err));
	ok(exists);
	/* a plan that a killed process left */
	fixture_put("penfold-rename", ".AB\t.Finished\n../x\t.y\n");
	store_close(&store);
	store = fixture_open();
	good(store_name_check(store, PF_STR("Finished"), &exists, &err));
	ok(exists);
	ok(!fixture_has("penfold-rename"));
	/* INBOX stays, its messages go */
	fixture_append(store, "INBOX", "m\n", STORE_SEEN);
	good(store_rename(store, PF_STR("INBOX"), PF_STR("Saved"), &err));
	good(store_status(store, PF_STR("Saved"), &after, &recent, &err));
	is_int(after.messages, 1);
	good(store_status(store, PF_STR("INBOX"), &after, &recent, &err));
	is_int(after.messages, 0);
	store_close(&store);
	fixture_free();
}

static void deleted_ones_come_back_new(void)
{
	struct store_box_info first, second;
	uint32_t recent;

	fixture_new();
	struct store *store = fixture_open(), *other = fixture_open();
	good(store_create(store, PF_STR("T"), NULL, &err));
	fixture_append(store, "T", "x\n", 0);
	good(store_status(store, PF_STR("T"), &first, &recent, &err));
	struct store_box *held = fixture_box(other, "T");
	good(store_delete(store, PF_STR("T"), &err));
	ok(!store_box_exists(held));
	uint32_t one = 1;
	is_int(store_box_expunge(held, &one, 1, true, NULL), PF_NOTFOUND);
	store_box_close(&held);
	is_int(store_delete(store, PF_STR("T"), NULL), PF_NOTFOUND);
	is_int(store_delete(store, PF_STR("INBOX"), NULL), PF_NOPERM);
	good(store_create(store, PF_STR("T"), NULL, &err));
	good(store_status(store, PF_STR("T"), &second, &recent, &err));
	ok(second.uidvalidity > first.uidvalidity);
	is_int(second.messages, 0);
	store_close(&other);
	store_close(&store);
	fixture_free();
}

static void slash_as_separator(void)
{
	struct store_conf conf = {.root = fixture_root, .separator = '/'};
	struct store *store = NULL;
	bool exists;

	fixture_new();
	good(store_open(&conf, &store, &err));
	good(store_create(store, PF_STR("a/b"), NULL, &err));
	ok(fixture_has(".a.b/cur"));
	is_int(store_name_check(store, PF_STR("a.b"), &exists, NULL),
	       PF_INVALID);
	store_close(&store);
	fixture_free();
}

int main(void)
{
	odd_names_are_refused();
	lists_levels_and_subscriptions();
	old_subscriptions_are_read();
	renames_keep_identity();
	deleted_ones_come_back_new();
	slash_as_separator();
	return tap_done();
}
