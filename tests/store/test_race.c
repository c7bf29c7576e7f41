/*
 * Real processes at once: four move the same messages, one delivers, one
 * renames files as a mail program would.  Each message ends in one place, and
 * exactly one process was told that it moved it.
 */
#include <sys/wait.h>

#include "tests/store/fixture.h"

#define MOVERS	 4
#define MESSAGES 40

/* Moves all it sees until nothing comes any more; the exit code says how many
 * it was told it moved. */
static int mover(void)
{
	struct store *store = fixture_open();
	struct store_box *box = fixture_box(store, "INBOX");
	int moved = 0;

	for (int idle = 0; idle < 40; idle++) {
		struct store_uid_pairs pairs = {0};
		struct store_uids uids = {0};
		uint32_t validity;
		must(store_box_sync(box, true, &err));
		for (uint32_t i = 0; store_box_at(box, i); i++)
			pf_vec_push(&uids, store_box_at(box, i)->uid);
		if (uids.n) {
			must(store_box_copy(box, uids.v, uids.n, PF_STR("Work"),
					    true, &validity, &pairs, &err));
			moved += (int)pairs.n;
			if (pairs.n)
				idle = 0;
		}
		pf_vec_release(&pairs);
		pf_vec_release(&uids);
		usleep(2000);
	}
	store_box_close(&box);
	store_close(&store);
	return moved;
}

static int deliverer(void)
{
	struct store *store = fixture_open();
	char text[32];

	for (int i = 0; i < MESSAGES; i++) {
		snprintf(text, sizeof text, "%d\n", i);
		if (i % 2)
			fixture_deliver(store, "INBOX", text, 0);
		else
			fixture_append(store, "INBOX", text, 0);
	}
	store_close(&store);
	return 0;
}

/* Marks files in cur/ as read, again and again. */
static int foreigner(void)
{
	static const char *const dirs[] = {"cur", ".Work/cur"};
	char dir[600], from[1400], to[1400];

	for (int i = 0; i < 100; i++) {
		snprintf(dir, sizeof dir, "%s/%s", fixture_root, dirs[i % 2]);
		DIR *d = opendir(dir);
		for (struct dirent *e; d && (e = readdir(d));) {
			size_t n = strcspn(e->d_name, ":");
			if (e->d_name[0] == '.' || !e->d_name[n])
				continue;
			snprintf(from, sizeof from, "%s/%s", dir, e->d_name);
			snprintf(to, sizeof to, "%s/%.*s:2,%s", dir, (int)n,
				 e->d_name, i & 2 ? "S" : "FS");
			rename(from, to);
		}
		if (d)
			closedir(d);
		usleep(1000);
	}
	return 0;
}

static pid_t start(int (*what)(void))
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0)
		_exit(what());
	return pid;
}

static void each_message_is_moved_once(void)
{
	int seen[MESSAGES] = {0}, moved = 0, status = 0;

	fixture_new();
	struct store *store = fixture_open();
	good(store_create(store, PF_STR("Work"), NULL, &err));
	start(deliverer);
	start(foreigner);
	for (int i = 0; i < MOVERS; i++)
		start(mover);
	while (wait(&status) > 0) {
		ok(WIFEXITED(status));
		moved += WEXITSTATUS(status);
	}
	is_int(moved, MESSAGES);
	struct store_box *box = fixture_box(store, "INBOX");
	is_int(store_box_at(box, 0) != NULL, 0);
	store_box_close(&box);
	box = fixture_box(store, "Work");
	uint32_t count = 0;
	for (; store_box_at(box, count); count++) {
		char text[32] = "";
		uint64_t size;
		int fd = -1;
		good(store_msg_open(box, store_box_at(box, count)->uid, &fd,
				    &size, &err));
		ok(read(fd, text, sizeof text - 1) > 0);
		close(fd);
		int t = atoi(text);
		ok(t >= 0 && t < MESSAGES && !seen[t]++);
	}
	is_int(count, MESSAGES);
	store_box_close(&box);
	store_close(&store);
	fixture_free();
}

int main(void)
{
	each_message_is_moved_once();
	return tap_done();
}
