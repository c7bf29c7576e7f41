#include "search/search.h"

#include <stdlib.h>

#include "base/fsio.h"
#include "index/index.h"
#include "mime/mime.h"
#include "tests/imap/command.h"
#include "tests/tap.h"

static char shown[3000];
static const char *index_path;

static void show(struct pf_buf *to, const struct imap_key *key)
{
	if (key->kind == IMAP_KEY_HEADER || key->kind == IMAP_KEY_BODY ||
	    key->kind == IMAP_KEY_TEXT)
		pf_buf_addf(to, "%.*s:'%.*s'", (int)key->name.n, key->name.p,
			    (int)key->text.n, key->text.p);
	else
		pf_buf_addf(to, "%s",
			    key->kind == IMAP_KEY_AND	? "and"
			    : key->kind == IMAP_KEY_OR	? "or"
			    : key->kind == IMAP_KEY_NOT ? "not"
							: "?");
	if (!key->child)
		return;
	pf_buf_add_byte(to, '(');
	for (const struct imap_key *k = key->child; k; k = k->next) {
		show(to, k);
		if (k->next)
			pf_buf_add_byte(to, ' ');
	}
	pf_buf_add_byte(to, ')');
}

/* What the keys become (which: -1), or one of their grades. */
static const char *fuzzy(const char *text, int which)
{
	struct pf_arena arena;
	struct imap_search what;
	struct imap_key *grades[SEARCH_GRADES];
	struct pf_buf to = PF_BUF_INIT(sizeof shown - 1);
	char line[1000];

	snprintf(line, sizeof line, "SEARCH %s", text);
	const struct imap_arg *args = command_args(line, &arena);
	if (!args ||
	    imap_search_parse(args, 9, 99, &arena, &what, NULL) != PF_OK ||
	    search_fuzzy(what.root, &arena, index_path, grades, NULL) != PF_OK)
		pf_buf_add_c(&to, "bad");
	else if (which < 0)
		show(&to, what.root);
	else if (grades[which])
		show(&to, grades[which]);
	else
		pf_buf_add_c(&to, "none");
	snprintf(shown, sizeof shown, "%s", to.len ? to.data : "");
	pf_buf_release(&to);
	pf_arena_release(&arena);
	return shown;
}

static void words_lose_their_endings(void)
{
	is_str(fuzzy("FUZZY TEXT \"Breaking news\"", -1),
	       "and(and(:'news' :'Break'))");
	is_str(fuzzy("FUZZY SUBJECT happy", -1), "and(and(Subject:'happ'))");
	is_str(fuzzy("FUZZY BODY \"of, as\"", -1), "and(and(:'as' :'of'))");
	/* whole characters, and no other language harmed */
	is_str(fuzzy("FUZZY TEXT {7}\r\n\303\234bungs", -1),
	       "and(and(:'\303\234bung'))");
}

static void only_below_fuzzy(void)
{
	is_str(fuzzy("TEXT breaking FUZZY TEXT breaking", -1),
	       "and(:'breaking' and(and(:'break')))");
	is_str(fuzzy("FUZZY TEXT \"...\"", -1), "and(:'...')");
	is_str(fuzzy("FUZZY SEEN", -1), "and(?)");
}

static void grades(void)
{
	const char *text = "FUZZY TEXT \"breaking news\"";

	is_str(fuzzy(text, 0), "and(:'news' :'breaking')");
	is_str(fuzzy(text, 1), "and(:'breaking news')");
	is_str(fuzzy(text, 2), "and(Subject:'news' Subject:'break')");
	is_str(fuzzy("FUZZY FROM dave", 2), "and(From:'dave')");
	is_str(fuzzy("FUZZY SEEN TEXT a", 0), "none");
}

static void misspelled_words(void)
{
	char dir[] = "/tmp/penfold-fuzzy-XXXXXX";
	struct index_writer *writer = NULL;
	struct pf_buf text = PF_BUF_INIT(1000);
	bool rebuilt;

	ok(mkdtemp(dir) != NULL);
	mime_fold(&text, PF_STR("We have received the happy news"));
	ok(!index_writer_open(dir, search_text_version(), &writer, &rebuilt,
			      NULL) &&
	   !index_writer_begin(writer, PF_STR("a"), NULL) &&
	   !index_writer_text(writer, INDEX_BODY, pf_buf_str(&text), false,
			      NULL) &&
	   !index_writer_end(writer, NULL));
	index_writer_close(&writer);
	index_path = dir;
	is_str(fuzzy("FUZZY TEXT recieved", -1),
	       "and(and(or(:'reciev' :'RECEIV')))");
	is_str(fuzzy("FUZZY TEXT \"receiving nwes\"", -1),
	       "and(and(or(:'nwes' :'NEWS') :'receiv'))");
	is_str(fuzzy("FUZZY TEXT unlike", -1), "and(and(:'unlik'))");
	is_str(fuzzy("TEXT recieved", -1), ":'recieved'");
	index_path = "/nonexistent";
	is_str(fuzzy("FUZZY TEXT recieved", -1), "and(and(:'reciev'))");
	index_path = NULL;
	ok(!pf_fs_remove_tree(AT_FDCWD, dir, NULL));
	pf_buf_release(&text);
}

int main(void)
{
	words_lose_their_endings();
	only_below_fuzzy();
	grades();
	misspelled_words();
	return tap_done();
}
