/* The shim: answers, statuses, damage, other versions, the flat word file. */
#include "index/index.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsio.h"
#include "tests/tap.h"

#define BODY	(1u << INDEX_BODY)
#define SUBJECT (1u << INDEX_SUBJECT)
#define NONE	(&(struct pf_error){0})

static char dir[] = "/tmp/penfold-index-XXXXXX", path[64];

static void add(struct index_writer *writer, const char *guid,
		enum index_field field, const char *text)
{
	ok(!index_writer_begin(writer, pf_str_c(guid), NONE));
	ok(!index_writer_text(writer, field, pf_str_c(text), false, NONE));
	ok(!index_writer_end(writer, NONE));
}

static struct index_writer *begin(const char *version, bool expect_rebuilt)
{
	struct index_writer *writer = NULL;
	bool rebuilt = !expect_rebuilt;

	is_int(index_writer_open(path, version, &writer, &rebuilt, NONE),
	       PF_OK);
	is_int(rebuilt, expect_rebuilt);
	return writer;
}

/* "NYM" for the documents a, b, c: no, yes, maybe; "?" not indexed */
static const char *ask(struct index *index, const char *needle, unsigned fields)
{
	static char answer[4];
	struct index_set *set = NULL;

	if (index_candidates(index, pf_str_c(needle), fields, &set, NONE))
		return "failed";
	for (int i = 0; i < 3; i++) {
		uint32_t docid = 0;

		if (index_docid(index, pf_str_mem(&"abc"[i], 1), &docid, NONE))
			return "failed";
		answer[i] = docid ? "NYM"[index_set_ask(set, docid)] : '?';
	}
	index_set_free(&set);
	return answer;
}

static void fill(void)
{
	struct index_writer *writer = begin("v1", false);

	add(writer, "a", INDEX_BODY, "the quick brown fox; jumps over");
	add(writer, "b", INDEX_SUBJECT, "foxes and hens");
	ok(!index_writer_note(writer, "where", PF_STR("7"), NONE));
	index_writer_close(&writer);
	ok(writer == NULL);
}

static void answers(void)
{
	struct index *index = NULL;
	uint32_t n = 0;

	is_int(index_open(path, "v1", &index, NONE), PF_OK);
	is_int(index_count(index, &n, NONE), PF_OK);
	is_int(n, 2);
	is_str(ask(index, "fox", INDEX_ALL_FIELDS), "YY?");
	is_str(ask(index, "fox", BODY), "YN?");
	is_str(ask(index, "fox", SUBJECT), "NY?");
	is_str(ask(index, "oxe", INDEX_ALL_FIELDS), "NY?");
	is_str(ask(index, "nothing", INDEX_ALL_FIELDS), "NN?");
	is_str(ask(index, "ick brown fo", BODY), "MN?");
	is_str(ask(index, "uick row", BODY), "NN?");
	is_str(ask(index, "fox;", BODY), "MN?");
	is_str(ask(index, "own ", BODY), "MN?");
	is_str(ask(index, " own", BODY), "NN?");
	is_str(ask(index, ";", BODY), "MM?");
	index_close(&index);
	ok(index == NULL);
}

/* The flat word file and the term tree must agree. */
static void without_words_file(void)
{
	char words[80];

	snprintf(words, sizeof words, "%s/words", path);
	ok(access(words, R_OK) == 0);
	ok(unlink(words) == 0);
	answers();
	index_writer_close(&(struct index_writer *){begin("v1", false)});
	ok(access(words, R_OK) == 0);
	answers();
}

static const char *meant(const char *word)
{
	static char answer[100];
	struct index *index = NULL;
	struct pf_buf to = PF_BUF_INIT(sizeof answer - 1);

	if (index_open(path, "v1", &index, NONE))
		return "failed";
	if (index_spell(index, pf_str_c(word), &to, NONE) == PF_NOTFOUND)
		pf_buf_add_c(&to, "none");
	snprintf(answer, sizeof answer, "%s", to.data);
	pf_buf_release(&to);
	index_close(&index);
	return answer;
}

static void misspelled_words(void)
{
	struct index_writer *writer = begin("v1", false);

	add(writer, "a", INDEX_BODY, "hello world, receiving");
	add(writer, "b", INDEX_BODY, "hello cello receive");
	add(writer, "c", INDEX_SUBJECT, "yellow");
	index_writer_close(&writer);
	is_str(meant("helo"), "hello");
	is_str(meant("hlelo"), "hello");
	is_str(meant("xello"), "hello"); /* in more messages than cello */
	is_str(meant("recieving"), "receiving");
	is_str(meant("yelloww"), "none"); /* in no body */
	is_str(meant("he"), "none");
	is_str(meant("entirely"), "none");
	is_str(meant(""), "none");
}

/* With names that fit into the file, and one that does not; the file there,
 * cut off, of another index, gone; a document removed and come back. */
static bool keep_most(void *arg, struct pf_str guid)
{
	return !pf_str_eq(guid, pf_str_c(arg));
}

static void find_all(const char *gone)
{
	static const char *const names[] = {"n5", "n4", "n3", "n2",
					    "n1", "n2", "n5"};
	struct index *index = NULL;
	char big[100];
	uint32_t docid, last = 0;
	int bad = 0;

	memset(big, 'x', sizeof big);
	is_int(index_open(path, "v1", &index, NONE), PF_OK);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		docid = 77;
		if (index_docid(index, pf_str_c(names[i]), &docid, NONE))
			bad++;
		bad += (docid == 0) != (strcmp(names[i], gone) == 0);
		bad += docid != 0 && docid == last;
		last = docid;
	}
	for (int i = 0; i < 2; i++)
		if (index_docid(index, pf_str_mem(big, sizeof big), &docid,
				NONE) ||
		    !docid)
			bad++;
	if (index_docid(index, PF_STR("n"), &docid, NONE) || docid)
		bad++;
	is_int(bad, 0);
	index_close(&index);
}

static void names_file(void)
{
	struct index_writer *writer = begin("v1", false);
	char guids[80], big[101] = "";
	uint32_t removed = 0;

	memset(big, 'x', sizeof big - 1);
	snprintf(guids, sizeof guids, "%s/guids", path);
	for (int i = 1; i <= 5; i++) {
		add(writer, (char[]){'n', (char)('0' + i), '\0'}, INDEX_BODY,
		    "text");
		if (i == 2)
			add(writer, big, INDEX_BODY, "text");
	}
	index_writer_close(&writer);
	find_all("");
	ok(truncate(guids, 3 * 64) == 0);
	find_all("");
	ok(unlink(guids) == 0);
	find_all("");
	index_writer_close(&(struct index_writer *){begin("v1", false)});
	ok(access(guids, R_OK) == 0);
	find_all("");
	writer = begin("v1", false);
	ok(!index_writer_sweep(writer, keep_most, (char[]){"n3"}, &removed,
			       NONE));
	is_int(removed, 1);
	index_writer_close(&writer);
	find_all("n3");
	writer = begin("v1", false);
	add(writer, "n3", INDEX_BODY, "text");
	add(writer, "n4", INDEX_BODY, "text");
	index_writer_close(&writer);
	find_all("");
	writer = begin("v1", false);
	ok(!index_writer_sweep(writer, keep_most, (char[]){"n3"}, &removed,
			       NONE));
	index_writer_close(&writer);
}

static void a_set_says_maybe_of_later_documents(void)
{
	struct index_writer *writer = begin("v1", false), *other = NULL;
	struct index *index = NULL;
	struct index_set *set = NULL;
	struct pf_buf note = PF_BUF_INIT(100);
	uint32_t docid = 0;
	bool has = false;

	is_int(index_open(path, "v1", &index, NONE), PF_OK);
	ok(!index_candidates(index, PF_STR("late"), BODY, &set, NONE));
	is_int(index_writer_open(path, "v1", &other, &has, NONE), PF_BUSY);
	add(writer, "c", INDEX_BODY, "better late than never");
	ok(!index_writer_has(writer, PF_STR("c"), &has, NONE));
	ok(has);
	ok(!index_writer_note_get(writer, "where", &note, NONE));
	is_str(note.data, "7");
	index_writer_close(&writer);
	/* its number may be known already, and is above the set */
	is_str(ask(index, "late", BODY), "NNM");
	is_int(index_reopen(index, NONE), PF_OK);
	is_str(ask(index, "late", BODY), "NNY");
	is_str(ask(index, "atelier", BODY), "NNN");
	ok(!index_docid(index, PF_STR("c"), &docid, NONE));
	is_int(index_set_ask(set, docid), INDEX_MAYBE);
	is_int(index_set_ask(set, 0), INDEX_MAYBE);
	index_set_free(&set);
	index_close(&index);
	pf_buf_release(&note);
}

static bool keep(void *arg, struct pf_str guid)
{
	(void)arg;
	return !pf_str_eq(guid, PF_STR("a"));
}

static void sweep_and_replace(void)
{
	struct index_writer *writer = begin("v1", false);
	struct index *index = NULL;
	uint32_t removed = 0;
	char guid[300];

	ok(!index_writer_sweep(writer, keep, NULL, &removed, NONE));
	is_int(removed, 1);
	add(writer, "b", INDEX_BODY, "hens only");
	memset(guid, 'g', sizeof guid);
	is_int(index_writer_begin(writer, pf_str_mem(guid, sizeof guid), NONE),
	       PF_LIMIT);
	index_writer_close(&writer);
	is_int(index_open(path, "v1", &index, NONE), PF_OK);
	is_str(ask(index, "fox", INDEX_ALL_FIELDS), "?NN");
	is_str(ask(index, "hen", INDEX_ALL_FIELDS), "?YN");
	index_close(&index);
}

static void too_many_words(void)
{
	struct index_writer *writer = begin("v1", false);
	struct index *index = NULL;

	ok(!index_writer_begin(writer, PF_STR("a"), NONE));
	for (int block = 0; block < 3000; block++) {
		struct pf_buf text = PF_BUF_INIT(10000);

		for (int i = 0; i < 100; i++)
			pf_buf_addf(&text, "w%d ", block * 100 + i);
		if (index_writer_text(writer, INDEX_BODY, pf_buf_str(&text),
				      block + 1 < 3000, NONE))
			tap_check(false, "block %d", block);
		pf_buf_release(&text);
	}
	ok(!index_writer_end(writer, NONE));
	index_writer_close(&writer);
	is_int(index_open(path, "v1", &index, NONE), PF_OK);
	is_str(ask(index, "w299999", BODY), "MNN");
	is_str(ask(index, "hen", BODY), "MYN");
	index_close(&index);
}

static void other_version(void)
{
	struct index *index = NULL, *old = NULL;
	struct index_writer *writer;

	is_int(index_open(path, "v1", &old, NONE), PF_OK);
	is_int(index_open(path, "v2", &index, NONE), PF_NOTFOUND);
	writer = begin("v2", true);
	add(writer, "c", INDEX_BODY, "new");
	index_writer_close(&writer);
	is_int(index_reopen(old, NONE), PF_NOTFOUND);
	index_close(&old);
	is_int(index_open(path, "v2", &index, NONE), PF_OK);
	is_str(ask(index, "new", BODY), "??Y");
	index_close(&index);
}

static void cut(const char *name)
{
	char file[96];

	snprintf(file, sizeof file, "%s/%s", path, name);
	ok(truncate(file, 10) == 0);
}

static void damage(const char *name)
{
	struct index *index = NULL;
	struct index_writer *writer = NULL;
	bool rebuilt = false;

	cut(name);
	if (!index_open(path, "v2", &index, NONE)) {
		is_str(ask(index, "gain", BODY), "failed");
		index_close(&index);
	}
	is_int(index_writer_open(path, "v2", &writer, &rebuilt, NONE), PF_OK);
	ok(rebuilt);
	add(writer, "a", INDEX_BODY, "again");
	index_writer_close(&writer);
	is_int(index_open(path, "v2", &index, NONE), PF_OK);
	is_str(ask(index, "gain", BODY), "Y??");
	index_close(&index);
}

/* A tenth of 20,000 words: every block of the tables changes. */
static pf_status add_words(int tenth)
{
	struct index_writer *writer = NULL;
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	char guid[20];
	bool rebuilt;

	for (int i = tenth; i < 20000; i += 10)
		pf_buf_addf(&text, "w%dz ", i);
	snprintf(guid, sizeof guid, "tenth%d", tenth);
	if (index_writer_open(path, "v2", &writer, &rebuilt, NONE) ||
	    index_writer_begin(writer, pf_str_c(guid), NONE) ||
	    index_writer_text(writer, INDEX_BODY, pf_buf_str(&text), false,
			      NONE) ||
	    index_writer_end(writer, NONE))
		return PF_INTERNAL;
	index_writer_close(&writer);
	pf_buf_release(&text);
	return PF_OK;
}

/* A handle that is older than two commits is set right by itself. */
static void reads_while_written(void)
{
	struct index *index = NULL;
	int failed = 0;
	pid_t writer;

	for (int i = 0; i < 3; i++)
		is_int(add_words(i), PF_OK);
	is_int(index_open(path, "v2", &index, NONE), PF_OK);
	writer = fork();
	if (writer == 0) {
		for (int i = 0; i < 20; i++)
			if (add_words(i % 10))
				_exit(1);
		_exit(0);
	}
	for (int i = 0, end; waitpid(writer, &end, WNOHANG) == 0; i++) {
		struct index_set *set = NULL;
		char word[20];

		snprintf(word, sizeof word, "w%dz", i * 31 % 2000 * 10);
		/* at least tenth0 has it */
		if (index_candidates(index, pf_str_c(word), BODY, &set, NONE) ||
		    index_set_count(set) < 1)
			failed++;
		index_set_free(&set);
	}
	is_int(failed, 0);
	is_int(index_reopen(index, NONE), PF_OK);
	is_str(ask(index, "agai", BODY), "Y??");
	index_close(&index);
}

int main(void)
{
	struct index *index = NULL;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/index", dir);
	is_int(index_open(path, "v1", &index, NONE), PF_NOTFOUND);
	fill();
	answers();
	without_words_file();
	a_set_says_maybe_of_later_documents();
	sweep_and_replace();
	too_many_words();
	other_version();
	damage("iamglass");
	damage("postlist.glass");
	reads_while_written();
	snprintf(path, sizeof path, "%s/names", dir);
	names_file();
	snprintf(path, sizeof path, "%s/spell", dir);
	misspelled_words();
	ok(!pf_fs_remove_tree(AT_FDCWD, dir, NONE));
	return tap_done();
}
