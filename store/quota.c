/*
 * Counting what a user's mailboxes hold.
 *
 * A delivery cannot look into 62 folders, and needs no lock on any of them,
 * so there is a running count in the root, penfold-quota:
 *
 *	penfold-quota 1 BOOT WHEN SOURCE	(of the last recount)
 *	BYTES MESSAGES SIZE FOLDER
 *	...
 *
 * Lines of one folder add up; SIZE is how large maildirsize was behind it.
 * It is changed in two ways, both under penfold-quota.lock, which is held for
 * a read and an append and never while anything else is waited for:
 *
 *  - take: room for what is about to come is looked for and taken at once,
 *    before a file is linked, so that no two processes take the same room.
 *    What failed to come is given back.
 *  - publish: whoever lets go of a mailbox' lock knows what it really holds
 *    and, if no file came since, writes the difference to what its lines say.
 *    (Room that was taken by somebody who is just about to link his file may
 *    get lost so: a limit can be overrun by what is in flight.)  For a delivery
 *that is nothing; for an expunge, or for files that another program brought or
 *    removed, it is what happened.  So each synchronisation of a mailbox makes
 *    its count exact, however it went wrong (a process killed between take
 *    and link, a power cut, an rm), and nothing can add up.
 *
 * A recount publishes every mailbox and forgets folders that are gone.  It
 * costs a few stats a folder.  It is due when there is no usable file (none,
 * one from before a reboot), when maildirsize is not as we left it (somebody
 * else counts there), and before anybody is told that there is no room, at
 * most every RECOUNT_OVER seconds.
 *
 * A program that was not told what is configured (penfold-indexd), or not all
 * (a session over ssh does not know the user's own rules), goes by
 * maildirsize's limits, leaves them alone, and takes part in the counting.
 *
 * What is counted is the size of files, as Dovecot's and Courier's maildir
 * quota do: the number behind ",S=" in the name, and for names without it the
 * size with CRLF.
 */
#include "store/quota.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"

#define COUNT_FILE    "penfold-quota"
#define LOCK_FILE     "penfold-quota.lock"
#define HEAD	      "penfold-quota 1 "
#define FILE_MAX      ((size_t)4 << 20)
#define FOLDERS_MAX   100000
#define COMPACT_MIN   16384
#define RECOUNT_OVER  30 /* seconds */
#define RECOUNT_SOON  10
#define RECOUNT_BEGUN 1 /* instead of a time: not all is counted yet */
#define ACCOUNT_ROOT  "User quota"
#define MAILBOX_ROOT  "Mailbox "

/* ---- the count in memory -------------------------------------------------
 */

static void forget(struct store_quota_state *q)
{
	for (size_t i = 0; i < q->boxes.n; i++)
		free(q->boxes.v[i].folder);
	q->boxes.n = 0;
	q->total = (struct quota_use){0};
	q->recounted = 0;
	q->maildirsize = -1;
}

static struct quota_box *find_box(struct store_quota_state *q,
				  struct pf_str folder)
{
	for (size_t i = 0; i < q->boxes.n; i++)
		if (pf_str_eq(pf_str_c(q->boxes.v[i].folder), folder))
			return &q->boxes.v[i];
	return NULL;
}

/* Its counter, made if needed. */
static struct quota_box *get_box(struct store *store, struct pf_str folder)
{
	struct store_quota_state *q = store->quota;
	struct quota_box *box = find_box(q, folder);
	struct pf_buf name = PF_BUF_INIT(2048);

	if (box)
		return box;
	struct quota_box fresh = {.folder = pf_str_dup(folder)};
	fresh.ignored = store_folder_name(store, fresh.folder, &name) &&
			store_quota_rules_ignore(&q->rules, pf_buf_str(&name));
	pf_buf_release(&name);
	pf_vec_push(&q->boxes, fresh);
	return &q->boxes.v[q->boxes.n - 1];
}

static void count(struct store_quota_state *q, struct quota_box *box,
		  int64_t storage, int64_t messages)
{
	box->use.storage += storage;
	box->use.messages += messages;
	if (box->ignored)
		return;
	q->total.storage += storage;
	q->total.messages += messages;
}

/* ---- the file ------------------------------------------------------------
 */

static bool parse_int(struct pf_str s, int64_t *value)
{
	uint64_t n;
	bool minus = s.n && s.p[0] == '-';

	if (!pf_str_u64(pf_str_from(s, minus), INT64_MAX >> 16, &n))
		return false;
	*value = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static void boot_text(char text[33])
{
	struct pf_buf hex = PF_BUF_INIT(33);
	char boot[16];

	store_boot_id(boot);
	pf_hex_encode(&hex, pf_str_mem(boot, sizeof boot));
	(void)pf_str_copy(pf_buf_str(&hex), text, 33);
	pf_buf_release(&hex);
}

/* Where the limits come from: without rules a maildirsize may have them. */
static struct pf_str source(const struct store_quota_state *q)
{
	return q->from_maildirsize ? PF_STR("maildirsize") : PF_STR("rules");
}

/* "BOOT WHEN SOURCE" */
static bool parse_head(struct store_quota_state *q, struct pf_str line)
{
	struct pf_str word;
	char boot[33];

	if (!pf_str_starts(line, PF_STR(HEAD)))
		return false;
	line = pf_str_from(line, sizeof HEAD - 1);
	boot_text(boot);
	if (!pf_str_split(&line, ' ', &word) ||
	    !pf_str_eq(word, pf_str_c(boot)) ||
	    !pf_str_split(&line, ' ', &word) || !parse_int(word, &q->recounted))
		return false;
	if (!q->known)
		q->from_maildirsize = pf_str_eq(line, PF_STR("maildirsize"));
	return pf_str_eq(line, source(q));
}

static bool parse_line(struct store *store, struct pf_str line)
{
	struct store_quota_state *q = store->quota;
	struct pf_str word;
	int64_t n[3];

	for (int i = 0; i < 3; i++)
		if (!pf_str_split(&line, ' ', &word) || !parse_int(word, &n[i]))
			return false;
	if (line.n == 0 || line.p[0] != '.' || q->boxes.n > FOLDERS_MAX)
		return false;
	count(q, get_box(store, line), n[0], n[1]);
	q->maildirsize = n[2];
	return true;
}

bool store_quota_parse(struct store *store, struct pf_str text)
{
	struct pf_str line;
	bool good =
	    pf_str_split(&text, '\n', &line) && parse_head(store->quota, line);

	while (good && pf_str_split(&text, '\n', &line))
		good = parse_line(store, line);
	if (!good)
		forget(store->quota);
	return good;
}

static struct store_stamp stamp(struct store *store)
{
	return store_stamp_of(store->dir, COUNT_FILE);
}

/* Under the lock: the memory as the file. */
static void load(struct store *store)
{
	struct store_quota_state *q = store->quota;
	struct store_stamp now = stamp(store);
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);

	if (now.ino && store_stamp_eq(&now, &q->stamp))
		return;
	forget(q);
	if (pf_fs_read(store->dir, COUNT_FILE, &text, NULL) == PF_OK)
		(void)store_quota_parse(store, pf_buf_str(&text));
	q->stamp = now;
	pf_buf_release(&text);
}

static void add_line(struct pf_buf *to, const struct quota_use *use,
		     int64_t maildirsize, const char *folder)
{
	pf_buf_addf(to, "%lld %lld %lld %s\n", (long long)use->storage,
		    (long long)use->messages, (long long)maildirsize, folder);
}

/* A cache: without syncs, and a failure is made good by the next recount. */
static void rewrite(struct store *store)
{
	struct store_quota_state *q = store->quota;
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	char boot[33];

	boot_text(boot);
	pf_buf_addf(&text, HEAD "%s %lld %s\n", boot, (long long)q->recounted,
		    source(q).p);
	for (size_t i = 0; i < q->boxes.n; i++)
		add_line(&text, &q->boxes.v[i].use, q->maildirsize,
			 q->boxes.v[i].folder);
	if (text.failed ||
	    pf_fs_replace(store->dir, COUNT_FILE, pf_buf_str(&text),
			  STORE_FILE_MODE, false, NULL) != PF_OK)
		unlinkat(store->dir, COUNT_FILE, 0);
	q->stamp = stamp(store);
	pf_buf_release(&text);
}

static void append(struct store *store, const struct quota_use *delta,
		   const char *folder)
{
	struct store_quota_state *q = store->quota;
	struct pf_buf line = PF_BUF_INIT(1000);
	int fd = -1;

	if (q->stamp.size > COMPACT_MIN && q->stamp.size > q->boxes.n * 100) {
		rewrite(store);
		return;
	}
	add_line(&line, delta, q->maildirsize, folder);
	bool good =
	    pf_fs_open(store->dir, COUNT_FILE, O_WRONLY | O_APPEND | O_NOFOLLOW,
		       0, &fd, NULL) == PF_OK;
	if (good && pf_fs_write(fd, line.data, line.len, NULL) != PF_OK)
		rewrite(store);
	else
		q->stamp = stamp(store);
	if (fd >= 0)
		close(fd);
	pf_buf_release(&line);
}

/* ---- the lock ------------------------------------------------------------
 */

static bool lock(struct store *store)
{
	struct store_quota_state *q = store->quota;
	struct pf_error err;

	if (q->lock_fd < 0 &&
	    pf_fs_open(store->dir, LOCK_FILE, O_RDWR | O_CREAT, STORE_FILE_MODE,
		       &q->lock_fd, &err) != PF_OK)
		return false;
	if (pf_fs_lock(q->lock_fd, true, STORE_LOCK_MS, &err) != PF_OK)
		return false;
	load(store);
	return true;
}

static void unlock(struct store *store)
{
	pf_fs_unlock(store->quota->lock_fd);
}

/* ---- full, or nearly -----------------------------------------------------
 */

static int percent(int64_t used, uint64_t max)
{
	if (max == 0 || used <= 0)
		return 0;
	if ((uint64_t)used >= max)
		return 100;
	return (int)((double)used * 100.0 / (double)max);
}

/* The mark that says to others (socketmap) that nothing fits in. */
static void mark(struct store *store)
{
	struct store_quota_state *q = store->quota;
	struct quota_limit limit =
	    store_quota_rules_account(&q->rules, PF_STR("INBOX"));
	int storage = percent(q->total.storage, limit.storage);
	int messages = percent(q->total.messages, limit.messages);

	q->percent = storage > messages ? storage : messages;
	if (!q->full_path)
		return;
	if (q->percent < 100) {
		unlink(q->full_path);
	} else {
		int fd = -1;
		if (pf_fs_open(AT_FDCWD, q->full_path,
			       O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, &fd,
			       NULL) == PF_OK) {
			(void)futimens(fd, NULL);
			close(fd);
		}
	}
}

/* Under the lock: a change, into both files. */
static void change(struct store *store, struct pf_str folder, int64_t storage,
		   int64_t messages)
{
	struct store_quota_state *q = store->quota;
	struct quota_box *box = get_box(store, folder);
	struct quota_use delta = {storage, messages};

	count(q, box, storage, messages);
	if (!box->ignored) {
		store_maildirsize_add(store, &q->rules.account, &delta,
				      q->known ? &q->total : NULL);
		q->maildirsize = store_maildirsize_bytes(store);
	}
	append(store, &delta, box->folder);
	mark(store);
}

/* ---- publish -------------------------------------------------------------
 */

uint64_t store_rec_disk(const struct store_box *box,
			const struct store_rec *rec)
{
	uint64_t size;

	if (store_base_number(pf_str_c(store_rec_base(box, rec)), 'S', &size) &&
	    size < UINT64_C(1) << 40)
		return size;
	return rec->m.size;
}

/* From here on apply.c keeps it. */
static uint64_t disk_of(struct store_box *box)
{
	if (!box->disk_known) {
		box->disk = 0;
		for (size_t i = 0; i < box->recs.n; i++)
			box->disk += store_rec_disk(box, &box->recs.v[i]);
		box->disk_known = true;
	}
	return box->disk;
}

/* Does the memory hold what the directories do?  A delivery that came since
 * is counted already, and must not be taken back. */
static bool is_fresh(const struct store_box *box)
{
	struct store_stamp fresh = store_stamp_of(box->dir, "new");
	struct store_stamp cur = store_stamp_of(box->dir, "cur");

	return store_stamp_eq(&fresh, &box->seen[STORE_NEW]) &&
	       store_stamp_eq(&cur, &box->seen[STORE_CUR]);
}

void store_quota_publish(struct store_box *box)
{
	struct store *store = box->store;

	if (!store->quota || store->read_only || !box->loaded || box->deleted)
		return;
	/* the same number of messages is no proof: another process may have
	 * counted one more that came and went between our looks */
	if (box->published && box->published_seq == box->seq)
		return;
	uint64_t disk = disk_of(box), messages = box->recs.n;
	if (!lock(store))
		return;
	/* without a usable file the next one who asks recounts all; and what
	 * is not fresh is looked at with the next synchronisation */
	box->published = false;
	if (store->quota->recounted && is_fresh(box)) {
		struct quota_box *known = get_box(store, pf_str_c(box->folder));
		int64_t by_disk = (int64_t)disk - known->use.storage;
		int64_t by_count = (int64_t)messages - known->use.messages;
		if (by_disk || by_count)
			change(store, pf_str_c(box->folder), by_disk, by_count);
		box->published = true;
		box->published_seq = box->seq;
	}
	unlock(store);
}

void store_quota_moved(struct store *store, const char *folder, const char *to)
{
	if (!store->quota || !lock(store))
		return;
	struct quota_box *box = find_box(store->quota, pf_str_c(folder));
	if (box && store->quota->recounted) {
		struct quota_use use = box->use;
		change(store, pf_str_c(folder), -use.storage, -use.messages);
		if (to)
			change(store, pf_str_c(to), use.storage, use.messages);
	}
	unlock(store);
}

/* ---- recount -------------------------------------------------------------
 */

struct folder_list {
	struct pf_vec(char *) v;
};

static void note_folder(void *arg, const char *folder, struct pf_str name)
{
	struct folder_list *list = arg;

	(void)folder;
	pf_vec_push(&list->v, pf_str_dup(name));
}

static void publish_one(struct store *store, const char *name)
{
	struct store_box *box = NULL;

	if (store_box_open(store, pf_str_c(name), &box, NULL) != PF_OK)
		return;
	box->published = false;
	if (store_box_lock(box, NULL) == PF_OK)
		store_box_unlock(box); /* publishes */
	store_box_close(&box);
}

/* What has no folder any more holds nothing. */
static void drop_missing(struct store *store)
{
	struct store_quota_state *q = store->quota;
	size_t kept = 0;

	for (size_t i = 0; i < q->boxes.n; i++) {
		struct quota_box *box = &q->boxes.v[i];
		if (strcmp(box->folder, ".") == 0 ||
		    store_folder_exists(store, box->folder)) {
			q->boxes.v[kept++] = *box;
			continue;
		}
		count(q, box, -box->use.storage, -box->use.messages);
		free(box->folder);
	}
	q->boxes.n = kept;
}

pf_status store_quota_recount(struct store *store, struct pf_error *err)
{
	struct store_quota_state *q = store->quota;
	struct folder_list list = {0};
	pf_status status = store_writable(store, err);

	if (!q || status != PF_OK)
		return status;
	status = store_folders(store, note_folder, &list, err);
	if (status == PF_OK && lock(store)) {
		if (q->recounted == 0) { /* there was no good file */
			forget(q);
			q->recounted = RECOUNT_BEGUN;
			rewrite(store);
		}
		unlock(store);
		publish_one(store, "INBOX");
		for (size_t i = 0; i < list.v.n; i++)
			publish_one(store, list.v.v[i]);
	}
	if (status == PF_OK && lock(store)) {
		drop_missing(store);
		q->recounted = pf_clock_now();
		if (q->known)
			store_maildirsize_write(store, &q->rules.account,
						&q->total);
		q->maildirsize = store_maildirsize_bytes(store);
		rewrite(store);
		mark(store);
		unlock(store);
	}
	for (size_t i = 0; i < list.v.n; i++)
		free(list.v.v[i]);
	pf_vec_release(&list.v);
	return status;
}

/* Under the lock.  How long ago may the last recount be? */
static bool recount_due(struct store *store, int seconds)
{
	struct store_quota_state *q = store->quota;
	int64_t age = pf_clock_now() - q->recounted;

	return age < 0 || age >= seconds;
}

static bool foreign_change(struct store *store)
{
	return store_maildirsize_bytes(store) != store->quota->maildirsize;
}

/* With the lock, and a count that can be trusted. */
static bool lock_counted(struct store *store, struct pf_error *err)
{
	if (!lock(store))
		return false;
	if (store->quota->recounted > RECOUNT_BEGUN &&
	    !(foreign_change(store) && recount_due(store, RECOUNT_SOON)))
		return true;
	unlock(store);
	return store_quota_recount(store, err) == PF_OK && lock(store);
}

/* ---- take ----------------------------------------------------------------
 */

static void add_size(struct pf_buf *to, uint64_t bytes)
{
	if (bytes >= UINT64_C(1) << 30)
		pf_buf_addf(to, "%.1f GiB", (double)bytes / (1 << 30));
	else if (bytes >= 1 << 20)
		pf_buf_addf(to, "%.1f MiB", (double)bytes / (1 << 20));
	else
		pf_buf_addf(to, "%llu KiB",
			    (unsigned long long)((bytes + 1023) / 1024));
}

/* With numbers, and what to do about it. */
static pf_status over(const char *what, const struct quota_use *use,
		      const struct quota_limit *limit, bool storage,
		      struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(200);

	pf_buf_addf(&text, "%s is full: ", what);
	if (storage) {
		add_size(&text, use->storage > 0 ? (uint64_t)use->storage : 0);
		pf_buf_add_c(&text, " of ");
		add_size(&text, limit->storage);
	} else {
		pf_buf_addf(&text, "%lld of %llu messages",
			    (long long)use->messages,
			    (unsigned long long)limit->messages);
	}
	pf_buf_add_c(&text, " in use; delete what is not needed");
	pf_status status =
	    pf_error_set(err, PF_OVERQUOTA, text.data, "%s", text.data);
	pf_buf_release(&text);
	return status;
}

static pf_status check(const char *what, const struct quota_use *use,
		       const struct quota_limit *limit, uint64_t storage,
		       uint64_t messages, struct pf_error *err)
{
	int64_t then_storage = use->storage + (int64_t)storage;
	int64_t then_messages = use->messages + (int64_t)messages;

	if (limit->storage && storage && then_storage > 0 &&
	    (uint64_t)then_storage > limit->storage)
		return over(what, use, limit, true, err);
	if (limit->messages && messages && then_messages > 0 &&
	    (uint64_t)then_messages > limit->messages)
		return over(what, use, limit, false, err);
	return PF_OK;
}

static uint64_t above(uint64_t n, uint64_t less)
{
	return n > less ? n - less : 0;
}

/* Under the lock: may it come? */
static pf_status check_all(struct store *store, const struct quota_want *want,
			   struct pf_str folder, struct pf_error *err)
{
	struct store_quota_state *q = store->quota;
	struct quota_box *box = get_box(store, folder);
	struct quota_limit account =
	    store_quota_rules_account(&q->rules, want->mailbox);
	struct quota_limit own =
	    store_quota_rules_own(&q->rules, want->mailbox);
	pf_status status = PF_OK;

	if (box->ignored)
		return PF_OK;
	if (!want->within)
		status =
		    check("The mail account", &q->total, &account,
			  above(want->storage, want->frees_storage),
			  above(want->messages, want->frees_messages), err);
	if (status == PF_OK)
		status = check("This mailbox", &box->use, &own, want->storage,
			       want->messages, err);
	return status;
}

/* take: or only look for it */
static pf_status find_room(struct store *store, const struct quota_want *want,
			   bool take, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	pf_status status = store_folder_of(store, want->mailbox, &folder, err);

	for (int tries = 0; tries < 2 && status == PF_OK; tries++) {
		/* who cannot count cannot refuse */
		if (!lock_counted(store, err))
			break;
		status = check_all(store, want, pf_buf_str(&folder), err);
		if (status == PF_OK && take)
			change(store, pf_buf_str(&folder),
			       (int64_t)want->storage, (int64_t)want->messages);
		bool again = status != PF_OK && tries == 0 &&
			     recount_due(store, RECOUNT_OVER);
		bool done = status == PF_OK;
		if (!done)
			mark(store);
		unlock(store);
		if (done)
			break;
		if (again && store_quota_recount(store, NULL) == PF_OK)
			status = PF_OK;
	}
	pf_buf_release(&folder);
	return status;
}

pf_status store_quota_take(struct store *store, const struct quota_want *want,
			   struct pf_error *err)
{
	return store->quota ? find_room(store, want, true, err) : PF_OK;
}

pf_status store_quota_room(struct store *store, struct pf_str mailbox,
			   uint64_t storage, uint64_t messages,
			   struct pf_error *err)
{
	struct quota_want want = {
	    .mailbox = mailbox, .storage = storage, .messages = messages};

	return store->quota ? find_room(store, &want, false, err) : PF_OK;
}

void store_quota_give(struct store *store, struct pf_str mailbox,
		      uint64_t storage, uint64_t messages)
{
	struct pf_buf folder = PF_BUF_INIT(300);

	if (store->quota &&
	    store_folder_of(store, mailbox, &folder, NULL) == PF_OK &&
	    lock(store)) {
		if (store->quota->recounted)
			change(store, pf_buf_str(&folder), -(int64_t)storage,
			       -(int64_t)messages);
		unlock(store);
	}
	pf_buf_release(&folder);
}

/* ---- mailboxes -----------------------------------------------------------
 */

static void count_folder(void *arg, const char *folder, struct pf_str name)
{
	uint64_t *n = arg;

	(void)folder;
	(void)name;
	(*n)++;
}

static uint64_t count_mailboxes(struct store *store)
{
	uint64_t n = 1; /* INBOX */

	(void)!store_folders(store, count_folder, &n, NULL);
	return n;
}

pf_status store_quota_room_for_mailbox(struct store *store,
				       struct pf_error *err)
{
	uint64_t max = store->quota ? store->quota->rules.account.mailboxes : 0;

	if (max == 0 || count_mailboxes(store) < max)
		return PF_OK;
	return pf_error_set(err, PF_OVERQUOTA,
			    "There are as many mailboxes as allowed",
			    "quota: %llu mailboxes", (unsigned long long)max);
}

/* ---- telling -------------------------------------------------------------
 */

static uint64_t positive(int64_t n)
{
	return n > 0 ? (uint64_t)n : 0;
}

static void add_account(struct store *store, struct store_quotas *list)
{
	struct store_quota_state *q = store->quota;
	const struct quota_limit *max = &q->rules.account;

	if (!max->storage && !max->messages && !max->mailboxes)
		return;
	struct store_quota one = {
	    .root = PF_STR(ACCOUNT_ROOT),
	    .storage = positive(q->total.storage),
	    .messages = positive(q->total.messages),
	    .mailboxes = max->mailboxes ? count_mailboxes(store) : 0,
	    .storage_max = max->storage,
	    .messages_max = max->messages,
	    .mailboxes_max = max->mailboxes,
	};
	pf_vec_push(list, one);
}

static void add_own(struct store *store, struct pf_str mailbox,
		    struct pf_arena *arena, struct store_quotas *list)
{
	struct store_quota_state *q = store->quota;
	struct quota_limit own = store_quota_rules_own(&q->rules, mailbox);
	struct pf_buf text = PF_BUF_INIT(4096);

	if (!own.storage && !own.messages)
		return;
	pf_buf_add_c(&text, MAILBOX_ROOT);
	pf_buf_add_str(&text, mailbox);
	struct store_quota one = {
	    .root = pf_arena_str(arena, pf_buf_str(&text)),
	    .storage_max = own.storage,
	    .messages_max = own.messages,
	};
	pf_buf_clear(&text);
	if (store_folder_of(store, mailbox, &text, NULL) == PF_OK) {
		struct quota_box *box = find_box(q, pf_buf_str(&text));
		if (box) {
			one.storage = positive(box->use.storage);
			one.messages = positive(box->use.messages);
		}
	}
	pf_buf_release(&text);
	pf_vec_push(list, one);
}

pf_status store_quota_list(struct store *store, struct pf_str mailbox,
			   struct pf_arena *arena, struct store_quotas *list,
			   struct pf_error *err)
{
	if (!store->quota || store->read_only)
		return PF_OK;
	if (!lock_counted(store, err))
		return pf_error_set(err, PF_UNAVAILABLE,
				    "The quota cannot be told now",
				    "quota: cannot lock or count");
	if (!store_quota_rules_ignore(&store->quota->rules, mailbox)) {
		add_account(store, list);
		add_own(store, mailbox, arena, list);
	}
	mark(store);
	unlock(store);
	return PF_OK;
}

pf_status store_quota_get(struct store *store, struct pf_str root,
			  struct pf_arena *arena, struct store_quota *quota,
			  struct pf_error *err)
{
	struct store_quotas list = {0};
	struct pf_str mailbox = PF_STR("INBOX");
	bool found = false;

	if (pf_str_starts(root, PF_STR(MAILBOX_ROOT)))
		mailbox = pf_str_from(root, sizeof MAILBOX_ROOT - 1);
	pf_status status = store_quota_list(store, mailbox, arena, &list, err);
	for (size_t i = 0; i < list.n && status == PF_OK && !found; i++)
		if (pf_str_eq(list.v[i].root, root)) {
			*quota = list.v[i];
			found = true;
		}
	pf_vec_release(&list);
	if (status == PF_OK && !found)
		status = pf_error_set(err, PF_NOTFOUND, "No such quota root",
				      "quota: no such root");
	return status;
}

int store_quota_percent(const struct store *store)
{
	return store->quota ? store->quota->percent : -1;
}

/* ---- opening -------------------------------------------------------------
 */

/* Nothing is configured (any more): a maildirsize that we wrote for rules
 * that are gone goes too; one of somebody else is taken at its word. */
static void adopt_maildirsize(struct store *store, struct store_quota_state *q)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	struct pf_str rest, line;

	if (store_maildirsize_bytes(store) < 0)
		return;
	bool ours = pf_fs_read(store->dir, COUNT_FILE, &text, NULL) == PF_OK;
	rest = pf_buf_str(&text);
	ours = ours && pf_str_split(&rest, '\n', &line) &&
	       pf_str_ends(line, PF_STR(" rules"));
	pf_buf_release(&text);
	if (ours && !store->read_only) {
		unlinkat(store->dir, "maildirsize", 0);
		unlinkat(store->dir, COUNT_FILE, 0);
	} else if (!ours) {
		q->from_maildirsize =
		    store_maildirsize_limits(store, &q->rules.account);
	}
}

/* Who does not know all rules goes by what others wrote down; where nobody
 * did, by what it knows. */
static void guess_limits(struct store *store, struct store_quota_state *q)
{
	struct quota_limit written;

	if (!store_maildirsize_limits(store, &written)) {
		q->known = store_quota_rules_any(&q->rules);
		return;
	}
	q->rules.account.storage = written.storage;
	q->rules.account.messages = written.messages;
}

void store_quota_open(struct store *store, const struct store_conf *conf)
{
	struct store_quota_state *q = calloc(1, sizeof *q);

	if (!q)
		abort();
	q->lock_fd = -1;
	q->percent = -1;
	q->maildirsize = -1;
	store->quota = q;
	/* `penfold check` tells what is wrong with a rule */
	(void)!store_quota_rules_parse(&q->rules, pf_str_c(conf->quota), NULL);
	q->known = !conf->quota_guess && conf->quota;
	if (q->known && !store_quota_rules_any(&q->rules))
		adopt_maildirsize(store, q);
	else if (!q->known)
		guess_limits(store, q);
	if (conf->quota_full)
		q->full_path = pf_str_dup(pf_str_c(conf->quota_full));
	if (store_quota_rules_any(&q->rules))
		return;
	if (q->full_path && !store->read_only)
		unlink(q->full_path);
	store_quota_close(store);
}

void store_quota_close(struct store *store)
{
	struct store_quota_state *q = store->quota;

	store->quota = NULL;
	if (!q)
		return;
	forget(q);
	pf_vec_release(&q->boxes);
	store_quota_rules_release(&q->rules);
	if (q->lock_fd >= 0)
		close(q->lock_fd);
	free(q->full_path);
	free(q);
}
