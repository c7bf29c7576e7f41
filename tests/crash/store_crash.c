/*
 * Kills (or fails) a process at each durable write in turn, then looks what
 * is left: whatever it said was done must be there, nothing half done may be,
 * no UID may be used twice, and the next opener must heal it without an
 * error.
 *
 * The process is this program again ("child DIR"), under PENFOLD_FAULT; it
 * says each thing that is done on stdout.  Needs --enable-fault-injection.
 * powercut.py uses it too: "after DIR" looks at what is left in DIR, by what
 * was said, on stdin.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <sys/wait.h>

#include "tests/store/fixture.h"

#define UIDS 4000
/* The first are copied and expunged, those from MOVED on are moved, and so
 * have to be in exactly one place. */
#define TEXTS 6
#define MOVED 3

/* what the child was told is done */
struct done {
	int text[2][UIDS]; /* box, uid -> 1 + text */
	uint32_t flags[2][UIDS];
	bool gone[2][UIDS];
	int last_text; /* the last one begun */
	int delivered[UIDS];
	int delivered_count;
	uint32_t keyword_uid;
	bool renamed, created;
	bool subscribed, unsubscribing, made, deleting, deleted;
	int metadata, rights; /* the last value that was set */
};

static const char *const box_names[2] = {"INBOX", "Work"};

/* ---- the child -------------------------------------------------------------
 */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (write(1, line, (size_t)n) != n)
		_exit(9);
}

static int next_text = 1;

static uint32_t child_append(struct store *store, int b, bool with_uid)
{
	struct store_deliver how = {.flags = 0};
	struct store_draft *draft = NULL;
	char text[32];
	uint32_t validity = 0, uid = 0;

	snprintf(text, sizeof text, "%d\n", next_text);
	say("begin %d\n", next_text);
	if (store_draft_new(store, &draft, NULL) == PF_OK &&
	    store_draft_write(draft, text, strlen(text), NULL) == PF_OK &&
	    store_deliver(store, pf_str_c(box_names[b]), draft, &how, &validity,
			  with_uid ? &uid : NULL, NULL, NULL) == PF_OK) {
		if (with_uid)
			say("append %d %u %d\n", b, uid, next_text);
		else
			say("deliver %d %d\n", b, next_text);
	}
	next_text++;
	store_draft_free(&draft);
	return uid;
}

static void child_flags(struct store_box *box, int b, const uint32_t *uids,
			size_t n, uint32_t flags, uint64_t keywords)
{
	struct store_flag_change change = {
	    .mode = STORE_FLAGS_SET,
	    .flags = flags,
	    .keywords = keywords,
	    .unchanged_since = UINT64_MAX,
	};

	say("flagging\n");
	if (store_box_change_flags(box, uids, n, &change, NULL, NULL) != PF_OK)
		return;
	for (size_t i = 0; i < n; i++)
		say("flags %d %u %u\n", b, uids[i], flags);
	if (keywords)
		say("keyword %u\n", uids[0]);
}

static void child_copy(struct store_box *box, const uint32_t *uids, size_t n,
		       int to, bool move)
{
	struct store_uid_pairs pairs = {0};
	uint32_t validity;

	say("copying %zu\n", n);
	if (store_box_copy(box, uids, n, pf_str_c(box_names[to]), move,
			   &validity, &pairs, NULL) == PF_OK)
		for (size_t i = 0; i < pairs.n; i++)
			say("%s %d %u %u\n", move ? "move" : "copy", to,
			    pairs.v[i].from, pairs.v[i].to);
	pf_vec_release(&pairs);
}

/* All that is about mailboxes and not about messages. */
static void child_folders(struct store *store)
{
	static const char *const values[] = {"one", "two"};
	static const unsigned rights[] = {STORE_LOOKUP,
					  STORE_LOOKUP | STORE_READ};
	struct store_acl_entry entry = {.kind = STORE_ACL_ANYONE};

	if (store_subscribe(store, PF_STR("Work"), true, NULL) == PF_OK)
		say("subscribed\n");
	for (int i = 0; i < 2; i++) {
		struct store_metadata one = {PF_STR("/shared/comment"),
					     pf_str_c(values[i])};
		if (store_metadata_set(store, PF_STR("Work"), NULL, &one, 1,
				       NULL) == PF_OK)
			say("metadata %d\n", i + 1);
		entry.rights = rights[i];
		if (store_acl_change(store, PF_STR("Work"), STORE_ACL_SET,
				     &entry, NULL) == PF_OK)
			say("rights %d\n", i + 1);
	}
	say("unsubscribing\n");
	(void)!store_subscribe(store, PF_STR("Work"), false, NULL);
	if (store_create(store, PF_STR("Gone"), NULL, NULL) == PF_OK)
		say("made\n");
	say("deleting\n");
	if (store_delete(store, PF_STR("Gone"), NULL) == PF_OK)
		say("deleted\n");
}

static int child(const char *root)
{
	struct store_conf conf = {
	    .root = root, .separator = '.', .past_keep = 86400};
	struct store *store = NULL;
	struct store_box *box = NULL;
	unsigned number = 0;
	uint32_t uids[TEXTS] = {0};

	if (store_open(&conf, &store, NULL) != PF_OK)
		return 0;
	if (store_box_open(store, PF_STR("INBOX"), &box, NULL) != PF_OK) {
		store_close(&store);
		return 0;
	}
	for (int i = 0; i < TEXTS; i++)
		uids[i] = child_append(store, 0, true);
	child_append(store, 0, false);
	if (store_create(store, PF_STR("Other"), NULL, NULL) == PF_OK)
		say("created\n");
	(void)!store_box_sync(box, true, NULL);
	child_flags(box, 0, uids, 3, STORE_SEEN | STORE_FLAGGED, 0);
	if (store_box_keyword_number(box, PF_STR("$Junk"), true, &number,
				     NULL) == PF_OK)
		child_flags(box, 0, uids, 1, STORE_SEEN, UINT64_C(1) << number);
	child_copy(box, uids, 3, 1, false);
	say("expunging\n");
	if (store_box_expunge(box, uids, 1, true, NULL) == PF_OK)
		say("expunge 0 %u\n", uids[0]);
	child_copy(box, uids + MOVED, 2, 1, true);
	child_append(store, 1, true);
	child_copy(box, uids + MOVED + 2, 1, 0, true); /* within INBOX */
	store_flush(store, 0);
	if (store_rename(store, PF_STR("Other"), PF_STR("New.name"), NULL) ==
	    PF_OK)
		say("renamed\n");
	child_folders(store);
	store_box_close(&box);
	store_close(&store);
	return 0;
}

/* Fills the log until it is folded into a new snapshot, and goes on. */
static int checkpoint_child(const char *root)
{
	struct store_conf conf = {.root = root, .separator = '.'};
	struct store *store = NULL;
	struct store_box *box = NULL;
	uint32_t uids[3];

	if (store_open(&conf, &store, NULL) != PF_OK)
		return 0;
	for (int i = 0; i < 3; i++)
		uids[i] = child_append(store, 0, true);
	for (int round = 0; round < 2; round++) {
		if (store_box_open(store, PF_STR("INBOX"), &box, NULL) != PF_OK)
			break;
		child_flags(box, 0, uids, 3, STORE_SEEN | STORE_FLAGGED, 0);
		for (uint32_t i = 0; i < 100 && round == 0; i++)
			child_flags(box, 0, uids, 1,
				    STORE_SEEN | (i % 2 ? STORE_FLAGGED : 0),
				    0);
		child_append(store, 0, true);
		store_box_close(&box); /* the log is large enough */
	}
	store_close(&store);
	return 0;
}

/* Moves all of INBOX. */
static int rename_child(const char *root)
{
	struct store_conf conf = {.root = root, .separator = '.'};
	struct store *store = NULL;

	if (store_open(&conf, &store, NULL) != PF_OK)
		return 0;
	(void)!store_rename(store, PF_STR("INBOX"), PF_STR("Old"), NULL);
	store_close(&store);
	return 0;
}

/* Another user's store, below ours only for the sake of tidiness. */
static struct store *open_other(const char *root)
{
	char path[600];
	struct store_conf conf = {.root = path, .separator = '.'};
	struct store *store = NULL;

	snprintf(path, sizeof path, "%s/other", root);
	(void)!store_open(&conf, &store, NULL);
	return store;
}

/* Moves all of INBOX into another store. */
static int share_child(const char *root)
{
	static const uint32_t uids[] = {1, 2, 3};
	struct store_conf conf = {.root = root, .separator = '.'};
	struct store *store = NULL, *other = open_other(root);
	struct store_copy how = {
	    .store = other, .name = PF_STR("INBOX"), .move = true};
	struct store_uid_pairs pairs = {0};
	struct store_box *box = NULL;
	uint32_t uidvalidity;

	if (other && store_open(&conf, &store, NULL) == PF_OK &&
	    store_box_open(store, PF_STR("INBOX"), &box, NULL) == PF_OK)
		(void)!store_box_copy_to(box, uids, 3, &how, &uidvalidity,
					 &pairs, NULL);
	pf_vec_release(&pairs);
	store_box_close(&box);
	store_close(&store);
	store_close(&other);
	return 0;
}

/* ---- the parent
 * -------------------------------------------------------------- */

static void read_folder_done(const char *line, struct done *done)
{
	const struct {
		const char *line;
		bool *what;
	} words[] = {
	    {"renamed\n", &done->renamed},
	    {"created\n", &done->created},
	    {"subscribed\n", &done->subscribed},
	    {"unsubscribing\n", &done->unsubscribing},
	    {"made\n", &done->made},
	    {"deleting\n", &done->deleting},
	    {"deleted\n", &done->deleted},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(line, words[i].line) == 0)
			*words[i].what = true;
}

static void read_done(FILE *f, struct done *done)
{
	char line[200];
	unsigned a, b;
	int n, t;

	*done = (struct done){0};
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "begin %d", &t) == 1)
			done->last_text = t;
		else if (sscanf(line, "append %d %u %d", &n, &a, &t) == 3)
			done->text[n][a] = t + 1;
		else if (sscanf(line, "deliver %d %d", &n, &t) == 2)
			done->delivered[done->delivered_count++] = t;
		else if (sscanf(line, "flags %d %u %u", &n, &a, &b) == 3)
			done->flags[n][a] = b;
		else if (sscanf(line, "copy %d %u %u", &n, &a, &b) == 3 ||
			 sscanf(line, "move %d %u %u", &n, &a, &b) == 3) {
			done->text[n][b] = done->text[0][a];
			if (line[0] == 'm')
				done->gone[0][a] = true;
		} else if (sscanf(line, "expunge %d %u", &n, &a) == 2)
			done->gone[n][a] = true;
		else if (sscanf(line, "keyword %u", &a) == 1)
			done->keyword_uid = a;
		else if (sscanf(line, "metadata %d", &n) == 1)
			done->metadata = n;
		else if (sscanf(line, "rights %d", &n) == 1)
			done->rights = n;
		else
			read_folder_done(line, done);
	}
}

static const char *plan_name = "every_operation_can_be_the_last";
static char plan[40];

#define verify(cond, ...)                                                      \
	do {                                                                   \
		if (!tap_check_in(plan_name, (cond), __VA_ARGS__))             \
			printf("# under %s\n", plan);                          \
	} while (0)

static int text_of(struct store_box *box, uint32_t uid)
{
	char text[32] = "";
	int fd = -1;
	uint64_t size;

	if (store_msg_open(box, uid, &fd, &size, NULL) != PF_OK)
		return -1;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 ? atoi(text) : -1;
}

/* How often each text is in the box, and whether all done is there. */
static void check_box(struct store *store, int b, const struct done *done,
		      int counts[UIDS])
{
	struct store_box *box = NULL;
	struct store_box_info info;
	struct pf_error err = {0};

	if (store_box_open(store, pf_str_c(box_names[b]), &box, &err) !=
	    PF_OK) {
		verify(false, "%s opens: %s", box_names[b], err.log);
		return;
	}
	store_box_info(box, &info);
	for (uint32_t i = 0; i < info.messages; i++) {
		/* reading a file may scan again, and find it expunged */
		const struct store_msg seen = *store_box_at(box, i), *m = &seen;
		int text = text_of(box, m->uid);
		store_box_info(box, &info);
		if (text < 0 && !store_box_find(box, m->uid)) {
			i--;
			continue;
		}
		verify(m->uid < info.uidnext, "uid < uidnext");
		verify(text > 0 && text < UIDS, "uid %u can be read", m->uid);
		if (text > 0 && text < UIDS)
			counts[text]++;
		if (m->uid < UIDS && done->text[b][m->uid])
			verify(done->text[b][m->uid] == text + 1,
			       "%s uid %u is text %d, was %d", box_names[b],
			       m->uid, text, done->text[b][m->uid] - 1);
		if (m->uid < UIDS && done->gone[b][m->uid])
			verify(false, "%s uid %u was expunged", box_names[b],
			       m->uid);
		if (m->uid < UIDS && done->flags[b][m->uid]) {
			/* uid 1 loses the flag later, perhaps just then */
			uint32_t open = m->uid == 1 ? STORE_FLAGGED : 0;
			verify((m->flags | open) ==
				   (done->flags[b][m->uid] | open),
			       "%s uid %u flags %x, want %x", box_names[b],
			       m->uid, m->flags, done->flags[b][m->uid]);
		}
	}
	store_box_close(&box);
}

/* Was the message expunged in the middle of the last thing begun? */
static void check_present(struct store *store, const struct done *done,
			  bool killed)
{
	for (int b = 0; b < 2; b++) {
		struct store_box *box = NULL;
		if (store_box_open(store, pf_str_c(box_names[b]), &box, NULL) !=
		    PF_OK)
			continue;
		for (uint32_t uid = 1; uid < UIDS; uid++) {
			if (!done->text[b][uid] || done->gone[b][uid])
				continue;
			/* an expunge or move may have been under way */
			bool maybe =
			    killed && b == 0 && (uid == 1 || uid > MOVED);
			verify(maybe || store_box_find(box, uid),
			       "%s uid %u is there", box_names[b], uid);
		}
		if (b == 0 && done->keyword_uid &&
		    !done->gone[0][done->keyword_uid] &&
		    store_box_find(box, done->keyword_uid))
			verify(
			    store_box_find(box, done->keyword_uid)->keywords ==
				1,
			    "the keyword is there");
		store_box_close(&box);
	}
}

/* 0: none, 1 or 2: what child_folders() had set */
static int metadata_now(struct store *store)
{
	struct pf_buf value = PF_BUF_INIT(100);
	int which = 0;

	pf_status status =
	    store_metadata_get(store, PF_STR("Work"), NULL,
			       PF_STR("/shared/comment"), &value, NULL);
	if (status == PF_OK)
		which = pf_str_eq(pf_buf_str(&value), PF_STR("two")) ? 2 : 1;
	else if (status != PF_NOTFOUND)
		which = -1;
	pf_buf_release(&value);
	return which;
}

static int rights_now(struct store *store)
{
	struct store_who who = {.user = "someone", .owner = "me"};
	unsigned rights = 0;
	bool exists;

	if (store_rights(store, PF_STR("Work"), &who, &exists, &rights, NULL) !=
	    PF_OK)
		return -1;
	return rights & STORE_READ ? 2 : rights & STORE_LOOKUP ? 1 : 0;
}

static bool subscribed_now(struct store *store)
{
	struct pf_arena arena;
	struct store_names names = {0};
	bool found = false;

	pf_arena_init(&arena, 1 << 20);
	must(store_list(store, &arena, &names, &err));
	for (size_t i = 0; i < names.n; i++)
		if (pf_str_eq(names.v[i].name, PF_STR("Work")))
			found = names.v[i].flags & STORE_NAME_SUBSCRIBED;
	pf_vec_release(&names);
	pf_arena_release(&arena);
	return found;
}

static void check_folders(struct store *store, const struct done *done)
{
	int metadata = metadata_now(store), rights = rights_now(store);
	bool gone = false;

	if (done->subscribed && !done->unsubscribing)
		verify(subscribed_now(store), "subscribed");
	verify(metadata >= done->metadata, "metadata %d, was %d", metadata,
	       done->metadata);
	verify(rights >= done->rights, "rights %d, were %d", rights,
	       done->rights);
	must(store_name_check(store, PF_STR("Gone"), &gone, &err));
	if (done->made && !done->deleting)
		verify(gone, "a mailbox that was made is there");
	if (done->deleted)
		verify(!gone, "a mailbox that was deleted is not there");
}

/* The past is not synced before an EXPUNGE is answered: see decision 155. */
static bool power_cut;

/* What was expunged on somebody's word is in the past (the disk was not full,
 * for then it goes for good); what is in the mailbox is not. */
static void check_past(struct store *store, const struct done *done)
{
	struct store *past = NULL;
	struct store_box *box = NULL;
	int kept = 0;

	if (store_past_open(store, &past, NULL) == PF_OK &&
	    store_box_open(past, PF_STR("INBOX"), &box, NULL) == PF_OK)
		for (uint32_t i = 0; store_box_at(box, i); i++)
			kept += text_of(box, store_box_at(box, i)->uid) == 1;
	store_box_close(&box);
	store_close(&past);
	box = fixture_box(store, "INBOX");
	verify(kept <= 1 && !(kept && store_box_find(box, 1)),
	       "a message is here or in the past");
	store_box_close(&box);
	if (!power_cut && done->gone[0][1] && done->text[0][1] == 1 + 1)
		verify(kept == 1, "what was expunged is in the past");
}

static void check_after(const struct done *done, bool killed)
{
	int counts[UIDS] = {0}, work[UIDS] = {0};
	struct store *store = fixture_open();
	bool exists = false;

	check_box(store, 0, done, counts);
	check_box(store, 1, done, work);
	check_present(store, done, killed);
	for (int i = 0; i < done->delivered_count; i++)
		verify(counts[done->delivered[i]] == 1, "text %d is there",
		       done->delivered[i]);
	for (int t = 1; t < UIDS; t++) /* never two of one in INBOX */
		verify(counts[t] <= 1 && work[t] <= 2, "text %d: %d and %d", t,
		       counts[t], work[t]);
	for (int t = MOVED + 1; t <= TEXTS; t++) {
		bool begun = t <= done->last_text;
		bool sure = false;
		for (uint32_t uid = 1; uid < UIDS && !sure; uid++)
			sure = done->text[0][uid] == t + 1;
		verify(counts[t] + work[t] <= begun &&
			   counts[t] + work[t] >= sure,
		       "text %d, moved: %d and %d", t, counts[t], work[t]);
	}
	/* a copy of three is three or none */
	verify((work[1] > 0) + (work[2] > 0) + (work[3] > 0) != 1,
	       "a copy is whole");
	if (done->renamed) {
		must(
		    store_name_check(store, PF_STR("New.name"), &exists, &err));
		verify(exists, "New.name is there");
	} else if (done->created) {
		bool old = false;
		must(
		    store_name_check(store, PF_STR("New.name"), &exists, &err));
		must(store_name_check(store, PF_STR("Other"), &old, &err));
		verify(exists != old, "renamed or not");
	}
	check_folders(store, done);
	if (!strstr(plan, "ENOSPC") && !strstr(plan, "EDQUOT"))
		check_past(store, done);
	uint32_t uid = fixture_append(store, "INBOX", "99\n", 0);
	for (uint32_t u = uid; u < UIDS; u++)
		verify(!done->text[0][u], "uid %u was given before", u);
	store_close(&store);
}

static bool run_child(const char *self, const char *what, struct done *done,
		      bool *killed)
{
	int fds[2], status = 0;

	if (pipe(fds) != 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		setenv("PENFOLD_FAULT", plan, 1);
		execl(self, self, what, fixture_root, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	FILE *f = fdopen(fds[0], "r");
	read_done(f, done);
	fclose(f);
	waitpid(pid, &status, 0);
	*killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	return *killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Everything child() does was done: nothing had to fail. */
static bool all_done(const struct done *done)
{
	return done->last_text == TEXTS + 2 && done->delivered_count == 1 &&
	       done->keyword_uid && done->renamed && done->deleted &&
	       done->metadata == 2 && done->rights == 2;
}

static void run_plans(const char *self, const char *kind, int limit)
{
	bool killed = true, kill = strcmp(kind, "kill") == 0;
	bool harmless =
	    strcmp(kind, "EINTR") == 0 || strcmp(kind, "short") == 0;

	for (int n = 1; n < limit && (killed || !kill); n++) {
		struct done done;
		snprintf(plan, sizeof plan, "%s@%d", kind, n);
		fixture_new();
		struct store *store = fixture_open();
		must(store_create(store, PF_STR("Work"), NULL, &err));
		store_close(&store);
		verify(run_child(self, "child", &done, &killed), "child ran");
		if (harmless)
			verify(all_done(&done), "nobody noticed");
		check_after(&done, true);
		fixture_free();
	}
}

/* For powercut.py: a store for child(). */
static int prepare(const char *root)
{
	(void)pf_str_copy(pf_str_c(root), fixture_root, sizeof fixture_root);
	struct store *store = fixture_open();

	must(store_create(store, PF_STR("Work"), NULL, &err));
	store_close(&store);
	return 0;
}

/* ... and single deliveries, to be counted. */
static int deliveries(const char *root)
{
	(void)pf_str_copy(pf_str_c(root), fixture_root, sizeof fixture_root);
	struct store *store = fixture_open();

	for (int i = 0; i < 20; i++) {
		fixture_deliver(store, "INBOX", "x\n", 0);
		say("delivered\n");
	}
	store_close(&store);
	return 0;
}

/* For powercut.py: 0, and what is wrong. */
static int after(const char *root)
{
	struct done done;

	(void)pf_str_copy(pf_str_c(root), fixture_root, sizeof fixture_root);
	plan_name = "after_a_power_cut";
	power_cut = true;
	read_done(stdin, &done);
	check_after(&done, true);
	fflush(stdout);
	return tap.failed != 0;
}

static void count_texts(struct store *store, const char *name, int counts[4])
{
	struct store_box *box = NULL;

	if (store_box_open(store, pf_str_c(name), &box, NULL) != PF_OK)
		return;
	for (uint32_t i = 0; store_box_at(box, i); i++) {
		int text = text_of(box, store_box_at(box, i)->uid);
		verify(text > 0 && text < 4, "%s can be read", name);
		if (text > 0 && text < 4)
			counts[text]++;
	}
	store_box_close(&box);
}

static void run_renames(const char *self, const char *kind, int limit)
{
	bool killed = true;

	plan_name = "an_inbox_that_is_renamed_is_there_once";
	for (int n = 1; n < limit && (killed || kind[0] == 'E'); n++) {
		struct done done;
		int counts[4] = {0};
		snprintf(plan, sizeof plan, "%s@%d", kind, n);
		fixture_new();
		struct store *store = fixture_open();
		fixture_append(store, "INBOX", "1\n", 0);
		fixture_append(store, "INBOX", "2\n", STORE_SEEN);
		fixture_append(store, "INBOX", "3\n", 0);
		store_close(&store);
		verify(run_child(self, "rename", &done, &killed), "child ran");
		store = fixture_open();
		/* either may be looked at first */
		count_texts(store, n % 2 ? "INBOX" : "Old", counts);
		count_texts(store, n % 2 ? "Old" : "INBOX", counts);
		store_close(&store);
		for (int t = 1; t < 4; t++)
			verify(counts[t] == 1, "text %d is there %d times", t,
			       counts[t]);
		fixture_free();
	}
}

static void run_shares(const char *self, const char *kind, int limit)
{
	bool killed = true;

	plan_name = "a_move_into_another_store_is_there_once";
	for (int n = 1; n < limit && (killed || kind[0] == 'E'); n++) {
		struct done done;
		int counts[4] = {0};
		snprintf(plan, sizeof plan, "%s@%d", kind, n);
		fixture_new();
		struct store *store = fixture_open();
		fixture_append(store, "INBOX", "1\n", 0);
		fixture_append(store, "INBOX", "2\n", STORE_SEEN);
		fixture_append(store, "INBOX", "3\n", 0);
		store_close(&store);
		verify(run_child(self, "share", &done, &killed), "child ran");
		/* the owner of the source comes first or last */
		struct store *other = n % 2 ? open_other(fixture_root) : NULL;
		store = fixture_open();
		count_texts(store, "INBOX", counts);
		if (!other)
			other = open_other(fixture_root);
		count_texts(other, "INBOX", counts);
		store_close(&other);
		store_close(&store);
		for (int t = 1; t < 4; t++)
			verify(counts[t] == 1, "text %d is there %d times", t,
			       counts[t]);
		fixture_free();
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "rename") == 0)
		return rename_child(argv[2]);
	if (argc == 3 && strcmp(argv[1], "share") == 0)
		return share_child(argv[2]);
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return child(argv[2]);
	if (argc == 3 && strcmp(argv[1], "checkpoint") == 0)
		return checkpoint_child(argv[2]);
	if (argc == 3 && strcmp(argv[1], "prepare") == 0)
		return prepare(argv[2]);
	if (argc == 3 && strcmp(argv[1], "deliveries") == 0)
		return deliveries(argv[2]);
	if (argc == 3 && strcmp(argv[1], "after") == 0)
		return after(argv[2]);
#ifdef PF_FAULT_INJECTION
	run_plans("/proc/self/exe", "kill", 1000);
	run_plans("/proc/self/exe", "EIO", 170);
	run_plans("/proc/self/exe", "ENOSPC", 170);
	run_plans("/proc/self/exe", "EDQUOT", 170);
	run_plans("/proc/self/exe", "EMFILE", 170);
	run_plans("/proc/self/exe", "EIO-read", 60);
	run_plans("/proc/self/exe", "EINTR", 120);
	run_plans("/proc/self/exe", "short", 120);
	run_renames("/proc/self/exe", "kill", 1000);
	run_renames("/proc/self/exe", "EIO", 60);
	run_renames("/proc/self/exe", "ENOSPC", 60);
	run_shares("/proc/self/exe", "kill", 1000);
	run_shares("/proc/self/exe", "EIO", 100);
	run_shares("/proc/self/exe", "ENOSPC", 100);
	return tap_done();
#else
	(void)run_plans;
	(void)run_renames;
	(void)run_shares;
	printf("1..0 # SKIP needs --enable-fault-injection\n");
	return 0;
#endif
}
