/* dovecot-acl: the file, and what its lines come to. */
#include "tests/store/fixture.h"

static unsigned rights_of(const char *letters)
{
	unsigned rights = 0;

	for (; *letters; letters++)
		rights |= store_right_of(*letters);
	return rights;
}

/* What `user` has in ann's mailbox by this file, as letters */
static const char *given(const char *file, const char *user)
{
	static char text[32];
	struct store_who who = {.user = user, .owner = "ann"};
	struct pf_str groups[] = {PF_STR("team"), PF_STR("staff")};
	struct store_acl acl = {0};
	struct pf_arena arena;
	struct pf_buf out = PF_BUF_INIT(32);

	who.groups = groups;
	who.group_count = user && strcmp(user, "gus") == 0 ? 2 : 0;
	pf_arena_init(&arena, 1 << 20);
	if (store_acl_parse(pf_str_c(file), &arena, &acl, NULL) != PF_OK)
		pf_buf_add_c(&out, "?");
	else
		store_rights_write(&out, store_acl_rights(&acl, &who));
	snprintf(text, sizeof text, "%.*s", (int)out.len,
		 out.len ? out.data : "");
	pf_vec_release(&acl);
	pf_arena_release(&arena);
	pf_buf_release(&out);
	return text;
}

static void the_strongest_kind_decides(void)
{
	is_str(given("", "ann"), "lrwstipekxa");
	is_str(given("", "bob"), "");
	is_str(given("anyone lr\n", "bob"), "lr");
	is_str(given("anyone lr\n", NULL), "lr");
	is_str(given("authenticated lr\n", NULL), "");
	is_str(given("anyone lr\nauthenticated lrs\n", "bob"), "lrs");
	is_str(given("user=bob l\nanyone lrs\n", "bob"), "l");
	is_str(given("user=bob \nanyone lrs\n", "bob"), "");
	is_str(given("user=bobby lr\n", "bob"), "");
	is_str(given("user=Bob lr\n", "bob"), "lr");
	is_str(given("user=Bob l\nuser=bob r\n", "bob"), "lr");
	is_str(given("group=team lr\ngroup=staff lw\n", "gus"), "lrw");
	is_str(given("group=team lr\nuser=gus l\n", "gus"), "l");
	is_str(given("group-override=team r\nuser=gus lw\n", "gus"), "r");
	is_str(given("group=team lr\n", "bob"), "");
}

static void negative_lines_come_last(void)
{
	is_str(given("anyone lrs\n-anyone s\n", "bob"), "lr");
	is_str(given("-user=bob s\nanyone lrs\n", "bob"), "lr");
	is_str(given("-user=bob s\nanyone lrs\n", "eve"), "lrs");
	/* of the strongest kind that takes something */
	is_str(given("user=bob lrs\n-anyone s\n-user=bob r\n", "bob"), "ls");
	is_str(given("user=bob lrs\n-anyone s\n", "bob"), "lr");
}

static void the_owner_begins_with_all(void)
{
	is_str(given("anyone l\n", "ann"), "lrwstipekxa");
	is_str(given("-anyone l\n", "ann"), "lrwstipekxa");
	is_str(given("owner lrw\n", "ann"), "lrwa");
	is_str(given("user=ann r\n", "ann"), "lra");
	is_str(given("-owner lraw\n", "ann"), "lstipekxa");
}

static void odd_lines(void)
{
	is_str(given("# a comment\n\nuser=bob lr\n", "bob"), "lr");
	is_str(given("\"user=b o\\\"b\" lr\n", "b o\"b"), "lr");
	is_str(given("user=bob lr :admin own-right\n", "bob"), "lra");
	is_str(given("user=bob :lookup,read write-seen\n", "bob"), "lrs");
	is_str(given("user=bob l\nuser=bob r\n", "bob"), "lr");
	is_str(given("anonymous l\n", "bob"), "l");
	is_str(given("user=bob lr", "bob"), "lr");
	is_str(given("user=bob lz\n", "bob"), "?");
	is_str(given("bob lr\n", "bob"), "?");
	is_str(given("user= lr\n", "bob"), "?");
	is_str(given("user=bob lr custom\n", "bob"), "?");
	is_str(given("\"user=bob lr\n", "bob"), "?");
}

static void change(struct store *store, const char *id,
		   enum store_acl_change how, const char *letters)
{
	struct store_acl_entry entry;

	ok(store_acl_id_parse(pf_str_c(id), &entry));
	entry.rights = rights_of(letters);
	good(store_acl_change(store, PF_STR("Box"), how, &entry, &err));
}

static void changes_are_written(void)
{
	struct store_who bob = {.user = "bob", .owner = "ann"};
	unsigned rights;
	bool exists;

	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("Box"), NULL, &err));
	struct store_box *box = fixture_box(store, "Box");
	unsigned version = store_box_acl_version(box);
	is_int(store_box_acl_version(box), version);
	change(store, "user=bob", STORE_ACL_SET, "lr");
	ok(store_box_acl_version(box) != version);
	change(store, "user=bob", STORE_ACL_ADD, "s");
	change(store, "anyone", STORE_ACL_ADD, "l");
	change(store, "-user=b b", STORE_ACL_SET, "w");
	change(store, "user=bob", STORE_ACL_REMOVE, "r");
	change(store, "user=eve", STORE_ACL_REMOVE, "r");
	change(store, "anyone", STORE_ACL_DELETE, "");
	is_str(fixture_text(".Box/dovecot-acl"),
	       "user=bob ls\n\"-user=b b\" w\n");
	/* what we do not know stays */
	fixture_put(".Box/dovecot-acl", "user=bob l :custom\ngroup=g lr\n");
	change(store, "user=bob", STORE_ACL_ADD, "r");
	is_str(fixture_text(".Box/dovecot-acl"),
	       "user=bob lr :custom\ngroup=g lr\n");
	/* what is below inherits, and a rename keeps it */
	good(store_create(store, PF_STR("Box.Sub"), NULL, &err));
	good(store_rename(store, PF_STR("Box"), PF_STR("New"), &err));
	good(store_rights(store, PF_STR("New.Sub"), &bob, &exists, &rights,
			  &err));
	is_int(rights, rights_of("lr"));
	good(store_create(store, PF_STR("Top"), NULL, &err));
	ok(!fixture_has(".Top/dovecot-acl"));
	/* a file that is not understood is nobody's but the owner's */
	fixture_put(".New/dovecot-acl", "user=bob lr\nwhat?\n");
	good(store_rights(store, PF_STR("New"), &bob, &exists, &rights, &err));
	is_int(rights, 0);
	bob.user = "ann";
	good(store_rights(store, PF_STR("New"), &bob, &exists, &rights, &err));
	is_int(rights, STORE_RIGHTS_ALL);
	struct store_acl_entry entry = {.kind = STORE_ACL_ANYONE};
	is_int(
	    store_acl_change(store, PF_STR("New"), STORE_ACL_SET, &entry, NULL),
	    PF_INVALID);
	is_int(store_acl_change(store, PF_STR("None"), STORE_ACL_SET, &entry,
				NULL),
	       PF_NOTFOUND);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

int main(void)
{
	the_strongest_kind_decides();
	negative_lines_come_last();
	the_owner_begins_with_all();
	odd_lines();
	changes_are_written();
	return tap_done();
}
