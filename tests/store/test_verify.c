/* The watch-dog barks: each kind of damage to a mailbox in memory or on disk
 * ends the process, with a message that says what. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <signal.h>
#include <sys/wait.h>

#include "store/box.h"
#include "tests/store/fixture.h"

#ifdef PF_FAULT_INJECTION

static void no_damage(struct store_box *box)
{
	(void)box;
}

static void order(struct store_box *box)
{
	box->recs.v[0].m.uid = 2;
}

static void uidnext(struct store_box *box)
{
	box->uidnext = 3;
}

static void fallen(struct store_box *box)
{
	box->modseq--;
}

static void unseen(struct store_box *box)
{
	box->unseen++;
}

static void size(struct store_box *box)
{
	box->recs.v[1].m.size++;
}

static void flag(struct store_box *box)
{
	box->recs.v[2].m.flags ^= STORE_FLAGGED;
}

static void heap(struct store_box *box)
{
	box->recs.v[0].name = (uint32_t)box->heap_len;
}

static void twice(struct store_box *box)
{
	box->recs.v[0].name = box->recs.v[1].name;
}

static void date(struct store_box *box)
{
	box->recs.v[1].m.date++;
}

static void keyword(struct store_box *box)
{
	box->keywords[5] = pf_str_dup(PF_STR("surprise"));
}

static void validity(struct store_box *box)
{
	box->uidvalidity++;
}

static void list(struct store_box *box)
{
	fixture_put("dovecot-uidlist", "3 V1 N9\n");
	box->noted.uidlist = store_stamp_of(box->dir, "dovecot-uidlist");
}

static void file(struct store_box *box)
{
	struct pf_buf path = PF_BUF_INIT(1024);

	store_rec_path(box, &box->recs.v[1], &path);
	fixture_remove(path.data);
	store_scan_own_end(box);
	box->rescan = 0;
	box->rescan_at = 0;
	pf_buf_release(&path);
}

static void each_damage_is_found(void)
{
	static const struct {
		void (*damage)(struct store_box *box);
		const char *text;
	} cases[] = {
	    {no_damage, ""},
	    {order, "uid 2 behind 2"},
	    {uidnext, "uid 3, but UIDNEXT is 3"},
	    {fallen, "modseq above HIGHESTMODSEQ"},
	    {unseen, "4 unseen, counted 3"},
	    {size, "the sum of sizes is wrong"},
	    {flag, "nobody is to rename it"},
	    {heap, "name outside the heap"},
	    {twice, "two records of one file"},
	    {date, "memory and log differ"},
	    {keyword, "keyword 5 differs"},
	    {validity, "UIDVALIDITY went from"},
	    {list, "dovecot-uidlist"},
	    {file, "has no file"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[700] = "";
		int fds[2], status = 0;
		fixture_new();
		struct store *store = fixture_open();
		for (int k = 0; k < 3; k++)
			fixture_append(store, "INBOX", "x\n", 0);
		struct store_box *box = fixture_box(store, "INBOX");
		must(store_box_sync(box, true, &err));
		must(store_box_flush(box, &err));
		if (pipe(fds) != 0)
			abort();
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			dup2(fds[1], 2);
			signal(SIGABRT, SIG_DFL);
			must(store_box_lock(box, &err));
			cases[i].damage(box);
			store_box_unlock(box);
			_exit(0);
		}
		close(fds[1]);
		ssize_t n = read(fds[0], text, sizeof text - 1);
		close(fds[0]);
		waitpid(pid, &status, 0);
		is_int(WIFSIGNALED(status), i > 0);
		ok(n >= 0 && strstr(text, cases[i].text) != NULL);
		if (!strstr(text, cases[i].text))
			printf("# want %s, got %s\n", cases[i].text, text);
		store_box_close(&box);
		store_close(&store);
		fixture_free();
	}
}

int main(void)
{
	unsetenv("PENFOLD_VERIFY");
	each_damage_is_found();
	return tap_done();
}

#else

int main(void)
{
	printf("1..0 # SKIP needs --enable-fault-injection\n");
	return 0;
}

#endif
