/*
 * Random operations by several openers of one Maildir, as several processes
 * would, and by a foreign program between them, against a simple model.
 *
 * Checked all the time: a UID never names another message, HIGHESTMODSEQ
 * never falls, a view's sequence numbers follow from what it was told.
 * Checked at the end of each run: messages, flags and files are the model's.
 */
#include <time.h>

#include "base/clock.h"
#include "tests/store/fixture.h"

/* every check counts for the one test there is */
static const char test_name[] = "random_operations";
#define verify(...) tap_check_in(test_name, __VA_ARGS__)

#define STORES	 3
#define BOXES	 2
#define MESSAGES 4000

static const char *const box_names[BOXES] = {"INBOX", "Work"};
static const char *const box_dirs[BOXES] = {"", ".Work/"};

/* A message in the model; its text is its position here. */
struct message {
	int box; /* -1: gone */
	uint32_t flags;
};

static struct message messages[MESSAGES];
static int message_count;
static int uid_text[BOXES][MESSAGES * 4]; /* uid -> 1 + text */
static uint32_t validity[BOXES];
static bool foreign_moved;
static uint64_t seed;

struct session {
	struct store *store;
	struct store_box *box[BOXES];
	struct store_view *view;
	uint64_t modseqs[BOXES];
	struct store_uids seen; /* what the view's client believes */
};
static struct session sessions[STORES];

static uint32_t pick(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* The real clock, put forward so that what is due in two seconds is due. */
static int64_t ahead_us;
static int64_t test_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + ahead_us;
}

/* ---- openers
 * ------------------------------------------------------------------ */

static void sync_box(struct session *s, int b)
{
	if (foreign_moved)
		ahead_us += 3000000;
	must(store_box_sync(s->box[b], pick(2), &err));
}

static void session_open(struct session *s)
{
	s->store = fixture_open();
	for (int b = 0; b < BOXES; b++)
		s->box[b] = fixture_box(s->store, box_names[b]);
	must(store_view_new(s->box[0], true, &s->view, &err));
	s->seen.n = 0;
	for (uint32_t i = 1; i <= store_view_count(s->view); i++)
		pf_vec_push(&s->seen, store_view_uid(s->view, i));
}

static void session_close(struct session *s)
{
	store_view_free(&s->view);
	for (int b = 0; b < BOXES; b++)
		store_box_close(&s->box[b]);
	store_close(&s->store);
}

/* ---- looking
 * ------------------------------------------------------------------- */

static int read_text(struct store_box *box, uint32_t uid)
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

static bool check_box(struct session *s, int b, bool read_all)
{
	struct store_box_info info;
	bool fine = true;

	store_box_info(s->box[b], &info);
	if (validity[b] == 0)
		validity[b] = info.uidvalidity;
	fine &= verify(info.uidvalidity == validity[b], "UIDVALIDITY");
	fine &= verify(info.highest_modseq >= s->modseqs[b], "HIGHESTMODSEQ");
	s->modseqs[b] = info.highest_modseq;
	for (uint32_t i = 0; store_box_at(s->box[b], i); i++) {
		/* reading may find out that others are gone */
		uint32_t uid = store_box_at(s->box[b], i)->uid;
		if (!read_all && pick(20))
			continue;
		store_box_info(s->box[b], &info);
		fine &= verify(uid < info.uidnext, "uid < uidnext");
		int text = read_text(s->box[b], uid);
		if (text < 0)
			continue; /* expunged behind our back */
		int *known = &uid_text[b][uid];
		if (*known == 0)
			*known = text + 1;
		fine &=
		    verify(*known == text + 1, "%s uid %u: message %d, was %d",
			   box_names[b], uid, text, *known - 1);
	}
	return fine;
}

/* The view's client applies what it is told. */
static bool check_view(struct session *s)
{
	struct store_view_changes c;
	struct store_uids *seen = &s->seen;
	bool fine = true;

	store_view_update(s->view, pick(2), &c);
	for (size_t i = 0; i < c.expunged_seqs.n; i++) {
		uint32_t seq = c.expunged_seqs.v[i];
		fine &= verify(seq >= 1 && seq <= seen->n &&
				   seen->v[seq - 1] == c.expunged_uids.v[i],
			       "EXPUNGE %u", seq);
		if (!fine)
			break;
		seen->n--;
		memmove(seen->v + seq - 1, seen->v + seq,
			(seen->n - seq + 1) * sizeof *seen->v);
	}
	fine &= verify(c.exists >= seen->n, "EXISTS %u after %zu", c.exists,
		       seen->n);
	while (seen->n < c.exists) {
		uint32_t uid = store_view_uid(s->view, (uint32_t)seen->n + 1);
		pf_vec_push(seen, uid);
	}
	for (uint32_t i = 0; i < seen->n; i++)
		fine &= store_view_uid(s->view, i + 1) == seen->v[i] &&
			store_view_seq(s->view, seen->v[i]) == i + 1;
	fine = verify(fine, "view and client agree");
	store_view_changes_release(&c);
	return fine;
}

/* ---- doing
 * ---------------------------------------------------------------------- */

static uint32_t any_uid(struct session *s, int b)
{
	struct store_box_info info;

	store_box_info(s->box[b], &info);
	return info.messages ? store_box_at(s->box[b], pick(info.messages))->uid
			     : 0;
}

static void do_add(struct session *s, int b)
{
	char text[32];
	uint32_t flags = pick(3) ? 0 : STORE_SEEN;

	if (message_count == MESSAGES)
		return;
	snprintf(text, sizeof text, "%d\n", message_count);
	if (pick(2)) {
		fixture_deliver(s->store, box_names[b], text, flags);
	} else {
		uint32_t uid =
		    fixture_append(s->store, box_names[b], text, flags);
		uid_text[b][uid] = message_count + 1;
	}
	messages[message_count++] = (struct message){b, flags};
}

static void do_flags(struct session *s, int b)
{
	struct store_flag_change change = {
	    .mode = pick(2) ? STORE_FLAGS_ADD : STORE_FLAGS_REMOVE,
	    .flags = 1u << pick(5),
	    .unchanged_since = UINT64_MAX,
	};
	uint32_t uids[4];
	size_t n = 0;

	sync_box(s, b);
	uint32_t uid = any_uid(s, b);
	for (; uid && n < 1 + pick(4); n++)
		uids[n] = uid + (uint32_t)n;
	must(store_box_change_flags(s->box[b], uids, n, &change, NULL, &err));
	for (size_t i = 0; i < n; i++) {
		int text = store_box_find(s->box[b], uids[i])
			       ? read_text(s->box[b], uids[i])
			       : -1;
		if (text < 0)
			continue;
		if (change.mode == STORE_FLAGS_ADD)
			messages[text].flags |= change.flags;
		else
			messages[text].flags &= ~change.flags;
	}
}

static void do_expunge(struct session *s, int b)
{
	sync_box(s, b);
	uint32_t uid = any_uid(s, b);
	int text = uid ? read_text(s->box[b], uid) : -1;

	if (text < 0)
		return;
	must(store_box_expunge(s->box[b], &uid, 1, true, &err));
	messages[text].box = -1;
}

static void do_copy(struct session *s, int b, bool move)
{
	struct store_uid_pairs pairs = {0};
	uint32_t uid, uidvalidity;

	if (!move) /* the model has one place per text */
		return;
	sync_box(s, b);
	uid = any_uid(s, b);
	int text = uid ? read_text(s->box[b], uid) : -1;
	if (text < 0)
		return;
	must(store_box_copy(s->box[b], &uid, 1, pf_str_c(box_names[!b]), true,
			    &uidvalidity, &pairs, &err));
	verify(pairs.n == 1, "moved one message");
	messages[text].box = !b;
	messages[text].flags =
	    store_box_find(s->box[!b], pairs.v[0].to)
		? store_box_find(s->box[!b], pairs.v[0].to)->flags
		: messages[text].flags;
	pf_vec_release(&pairs);
}

/* mutt, mbsync, rm: on the files, without asking */
static void do_foreign(int b)
{
	char dir[600], path[1400], target[1400];
	struct dirent *chosen = NULL, copy = {0};
	int seen = 0;

	snprintf(dir, sizeof dir, "%s/%s%s", fixture_root, box_dirs[b],
		 pick(4) ? "cur" : "new");
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && pick((uint32_t)++seen) == 0) {
			copy = *e;
			chosen = &copy;
		}
	if (d)
		closedir(d);
	if (!chosen)
		return;
	snprintf(path, sizeof path, "%s/%s", dir, chosen->d_name);
	FILE *f = fopen(path, "r");
	int text = -1;
	if (!f || fscanf(f, "%d", &text) != 1 || text < 0)
		abort();
	fclose(f);
	foreign_moved = true;
	if (pick(4) == 0) {
		unlink(path);
		messages[text].box = -1;
		return;
	}
	static const char *const suffixes[] = {":2,", ":2,S", ":2,FS", ":2,RS",
					       ":2,X"};
	static const uint32_t flags[] = {0, STORE_SEEN,
					 STORE_SEEN | STORE_FLAGGED,
					 STORE_SEEN | STORE_ANSWERED, 0};
	uint32_t which = pick(5);
	size_t base = strcspn(chosen->d_name, ":");
	snprintf(target, sizeof target, "%s/%scur/%.*s%s", fixture_root,
		 box_dirs[b], (int)base, chosen->d_name, suffixes[which]);
	if (rename(path, target) != 0)
		abort();
	messages[text].flags = flags[which];
}

static void do_foreign_add(int b)
{
	char path[100], text[32];

	if (message_count == MESSAGES)
		return;
	snprintf(path, sizeof path, "%s%s/17000%05u.M%uP1.other", box_dirs[b],
		 pick(2) ? "new" : "cur", pick(99999), message_count);
	snprintf(text, sizeof text, "%d\n", message_count);
	fixture_put(path, text);
	messages[message_count++] = (struct message){b, 0};
	foreign_moved = true;
}

static void step(void)
{
	struct session *s = &sessions[pick(STORES)];
	int b = (int)pick(BOXES);

	switch (pick(16)) {
	case 0:
	case 1:
	case 2:
		do_add(s, b);
		break;
	case 3:
	case 4:
	case 5:
		do_flags(s, b);
		break;
	case 6:
		do_expunge(s, b);
		break;
	case 7:
		do_copy(s, b, true);
		break;
	case 8:
	case 9:
		do_foreign(b);
		break;
	case 10:
		do_foreign_add(b);
		break;
	case 11:
		session_close(s);
		session_open(s);
		break;
	case 12:
		if (pick(10) == 0) { /* a disposable file is lost */
			session_close(s);
			fixture_remove(pick(2) ? "penfold.summary"
					       : "dovecot-keywords");
			session_open(s);
		}
		store_flush(s->store, 0);
		break;
	default:
		must(store_box_sync(s->box[b], pick(2), &err));
	}
}

/* ---- the end of a run
 * -------------------------------------------------------------- */

static void check_all(void)
{
	ahead_us += 3000000;
	/* twice: absence needs a directory at rest */
	for (int i = 0; i < 2 * STORES; i++)
		for (int b = 0; b < BOXES; b++) {
			must(store_box_sync(sessions[i % STORES].box[b], false,
					    &err));
			check_box(&sessions[i % STORES], b, true);
		}
	for (int b = 0; b < BOXES; b++) {
		struct store_box *box = sessions[0].box[b];
		struct store_box_info info, other;
		uint32_t want = 0;
		for (int i = 0; i < message_count; i++)
			want += messages[i].box == b;
		store_box_info(box, &info);
		verify(info.messages == want, "%s: %u messages, want %u",
		       box_names[b], info.messages, want);
		for (uint32_t i = 0; i < info.messages; i++) {
			const struct store_msg *m = store_box_at(box, i);
			int text = uid_text[b][m->uid] - 1;
			verify(text >= 0 && messages[text].box == b &&
				   messages[text].flags == m->flags,
			       "%s uid %u text %d: flags %x, want %x",
			       box_names[b], m->uid, text, m->flags,
			       text >= 0 ? messages[text].flags : 0);
		}
		for (int k = 1; k < STORES; k++) {
			store_box_info(sessions[k].box[b], &other);
			verify(other.messages == info.messages &&
				   other.uidnext == info.uidnext &&
				   other.unseen == info.unseen &&
				   other.size == info.size,
			       "%s: opener %d sees %u %u %u %u, the first %u "
			       "%u %u %u",
			       box_names[b], k, other.messages, other.uidnext,
			       other.unseen, (unsigned)other.size,
			       info.messages, info.uidnext, info.unseen,
			       (unsigned)info.size);
			for (uint32_t i = 0; i < other.messages; i++) {
				const struct store_msg *x =
							   store_box_at(box, i),
						       *y = store_box_at(
							   sessions[k].box[b],
							   i);
				verify(x->uid == y->uid &&
					   x->flags == y->flags &&
					   x->modseq == y->modseq,
				       "uid %u alike", x->uid);
			}
		}
	}
}

static void random_operations(void)
{
	const char *runs = getenv("PF_MODEL_RUNS"), *first = getenv("PF_SEED");
	int count = runs ? atoi(runs) : 2;

	for (int run = 0; run < count && !tap.failed; run++) {
		seed = (uint64_t)run + 1;
		if (first)
			seed = (uint64_t)run + (uint64_t)atoll(first);
		uint64_t name = seed;
		message_count = 0;
		memset(uid_text, 0, sizeof uid_text);
		memset(sessions, 0, sizeof sessions);
		memset(validity, 0, sizeof validity);
		fixture_new();
		struct store *store = fixture_open();
		must(store_create(store, PF_STR("Work"), NULL, &err));
		store_close(&store);
		for (int i = 0; i < STORES; i++)
			session_open(&sessions[i]);
		for (int i = 0; i < 300 && !tap.failed; i++) {
			step();
			struct session *s = &sessions[pick(STORES)];
			check_box(s, (int)pick(BOXES), false);
			check_view(s);
		}
		check_all();
		for (int i = 0; i < STORES; i++) {
			session_close(&sessions[i]);
			pf_vec_release(&sessions[i].seen);
		}
		fixture_free();
		if (tap.failed)
			printf("# seed %llu\n", (unsigned long long)name);
	}
}

int main(void)
{
	pf_clock_set_source(test_clock);
	random_operations();
	return tap_done();
}
