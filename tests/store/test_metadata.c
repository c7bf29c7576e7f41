/* Metadata: its file, whose entries are whose, and where it goes. */
#include "tests/store/fixture.h"

static struct pf_str s(const char *text)
{
	return pf_str_c(text);
}

/* One value, or NULL when there is none. */
static const char *get(struct store *store, const char *box, const char *who,
		       const char *entry)
{
	static struct pf_buf value = PF_BUF_INIT(100000);

	pf_buf_clear(&value);
	if (store_metadata_get(store, s(box), who, s(entry), &value, NULL) !=
	    PF_OK)
		return NULL;
	pf_buf_add_byte(&value, '\0');
	return value.failed ? NULL : value.data;
}

static pf_status set(struct store *store, const char *box, const char *who,
		     const char *entry, const char *value)
{
	struct store_metadata one = {s(entry), s(value)};

	return store_metadata_set(store, s(box), who, &one, 1, NULL);
}

static void names_are_checked(void)
{
	static const char *const bad[] = {
	    "",
	    "/shared",
	    "/private/",
	    "comment",
	    "/other/x",
	    "/shared//x",
	    "/shared/x/",
	    "/shared/*",
	    "/shared/a%b",
	    "/shared/\x01",
	    "/shared/\xc3\xa4",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(!store_metadata_name_valid(s(bad[i])), "%s", bad[i]);
	ok(store_metadata_name_valid(s("/SHARED/Comment")));
	ok(store_metadata_name_valid(s("/private/vendor/x y/z")));
}

static void values_come_back_from_a_readable_file(void)
{
	static const char odd[] = "a\tb\nc\\d\r\0e";

	fixture_new();
	struct store *store = fixture_open();
	struct store_metadata both[] = {
	    {PF_STR("/shared/Comment"), PF_STR("for all")},
	    {PF_STR("/private/comment"), pf_str_mem(odd, sizeof odd - 1)},
	};
	good(store_metadata_set(store, PF_STR("INBOX"), NULL, both, 2, &err));
	is_str(fixture_text("penfold-metadata"),
	       "/private/comment\ta\\tb\\nc\\\\d\\r\\0e\t\n"
	       "/shared/comment\tfor all\n");
	is_str(get(store, "inbox", NULL, "/SHARED/comment"), "for all");
	struct pf_buf value = PF_BUF_INIT(100);
	good(store_metadata_get(store, PF_STR("INBOX"), NULL,
				PF_STR("/private/comment"), &value, &err));
	ok(pf_str_eq(pf_buf_str(&value), pf_str_mem(odd, sizeof odd - 1)));
	pf_buf_release(&value);

	is_int(set(store, "INBOX", NULL, "/shared/empty", ""), PF_OK);
	is_str(get(store, "INBOX", NULL, "/shared/empty"), "");
	is_int(set(store, "INBOX", NULL, "/shared/comment", NULL), PF_OK);
	ok(!get(store, "INBOX", NULL, "/shared/comment"));
	ok(!get(store, "", NULL, "/private/comment"));
	store_close(&store);

	fixture_put("penfold-metadata", "torn\n/shared/x\n/shared/y\ty\n\n\t");
	store = fixture_open();
	is_str(get(store, "INBOX", NULL, "/shared/y"), "y");
	store_close(&store);
	fixture_free();
}

static void private_entries_have_an_owner(void)
{
	struct store_metadatas list = {0};
	struct pf_arena arena;

	fixture_new();
	struct store *store = fixture_open();
	is_int(set(store, "", NULL, "/private/x", "mine"), PF_OK);
	is_int(set(store, "", "mary", "/private/x", "hers"), PF_OK);
	is_int(set(store, "", "mary", "/shared/x", "all"), PF_OK);
	is_str(get(store, "", NULL, "/private/x"), "mine");
	is_str(get(store, "", "mary", "/private/x"), "hers");
	ok(!get(store, "", "jane", "/private/x"));
	is_str(get(store, "", "jane", "/shared/x"), "all");
	pf_arena_init(&arena, 100000);
	good(store_metadata_list(store, PF_STR(""), "mary", &arena, &list,
				 &err));
	is_int(list.n, 2);
	is_str(list.v[0].value.p, "hers");
	pf_vec_release(&list);
	pf_arena_release(&arena);
	store_close(&store);
	fixture_free();
}

static void they_follow_their_mailbox(void)
{
	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("a"), NULL, &err));
	is_int(set(store, "a", NULL, "/private/x", "1"), PF_OK);
	is_int(set(store, "none", NULL, "/private/x", "1"), PF_NOTFOUND);
	good(store_rename(store, PF_STR("a"), PF_STR("b"), &err));
	is_str(get(store, "b", NULL, "/private/x"), "1");
	good(store_delete(store, PF_STR("b"), &err));
	good(store_create(store, PF_STR("b"), NULL, &err));
	ok(!get(store, "b", NULL, "/private/x"));
	store_close(&store);
	fixture_free();
}

static void limits_hold_and_nothing_is_half_done(void)
{
	static char big[STORE_METADATA_VALUE_MAX + 2];
	struct store_metadata *many =
	    calloc(STORE_METADATA_ENTRIES_MAX + 1, sizeof *many);
	char names[STORE_METADATA_ENTRIES_MAX + 1][24];

	fixture_new();
	struct store *store = fixture_open();
	memset(big, 'x', sizeof big - 1);
	is_int(set(store, "", NULL, "/private/x", big), PF_LIMIT);
	big[STORE_METADATA_VALUE_MAX] = '\0';
	is_int(set(store, "", NULL, "/private/x", big), PF_OK);
	for (size_t i = 0; i <= STORE_METADATA_ENTRIES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "/private/n%zu", i);
		many[i] = (struct store_metadata){s(names[i]), PF_STR("v")};
	}
	is_int(store_metadata_set(store, PF_STR(""), NULL, many,
				  STORE_METADATA_ENTRIES_MAX + 1, NULL),
	       PF_LIMIT);
	ok(!get(store, "", NULL, "/private/n1"));
	is_int(set(store, "", NULL, "/private/a*", "x"), PF_INVALID);
	free(many);
	store_close(&store);
	fixture_free();
}

/* RFC 6154 5.4 */
static void the_special_use_is_an_entry(void)
{
	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("Out"), NULL, &err));
	good(store_create(store, PF_STR("Sent"), NULL, &err));
	is_str(get(store, "Sent", NULL, "/private/specialuse"), "\\Sent");
	ok(!get(store, "Out", NULL, "/private/specialuse"));
	is_int(set(store, "Out", NULL, "/private/SpecialUse", "\\Drafts"),
	       PF_OK);
	is_str(get(store, "Out", NULL, "/private/specialuse"), "\\Drafts");
	is_int(set(store, "Out", NULL, "/private/specialuse", "\\All"),
	       PF_INVALID);
	is_int(set(store, "INBOX", NULL, "/private/specialuse", "\\Junk"),
	       PF_INVALID);
	is_int(set(store, "Out", NULL, "/private/specialuse", NULL), PF_OK);
	ok(!get(store, "Out", NULL, "/private/specialuse"));
	store_close(&store);
	fixture_free();
}

int main(void)
{
	names_are_checked();
	values_come_back_from_a_readable_file();
	private_entries_have_an_owner();
	they_follow_their_mailbox();
	limits_hold_and_nothing_is_half_done();
	the_special_use_is_an_entry();
	return tap_done();
}
