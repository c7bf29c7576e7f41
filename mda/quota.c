/*
 * Quota, beside what the store refuses by itself: the letter that says that it
 * is nearly used up, and a second look at mailboxes that are full.
 *
 * run_dir/full has a file for each user whose mailbox is full, for Postfix to
 * know at RCPT (docs/decisions/126).  Whoever changes the count makes and
 * removes it.  Mail that another program removed is only seen by looking:
 * once a minute each such mailbox is counted again, which also renews the
 * file's time, without which it is not believed for long.
 */
#include "mda/delivery.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/log.h"
#include "net/net.h"

#define WARNED_FILE "penfold-quota-warned"
#define LOOK_MS	    60000
#define LOOK_MAX    1000 /* users in one round */

/* ---- the letter ----------------------------------------------------------
 */

/* The highest mark that was passed; 0: none. */
static int passed(const struct pf_conf *conf, int percent)
{
	struct pf_str rest = pf_str_c(conf->quota_warning), word;
	uint64_t mark;
	int highest = 0;

	while (pf_conf_word(&rest, &word))
		if (pf_str_u64(word, 100, &mark) && percent >= (int)mark &&
		    (int)mark > highest)
			highest = (int)mark;
	return highest;
}

static int told_before(int dir)
{
	struct pf_buf text = PF_BUF_INIT(100);
	uint64_t mark = 0;

	if (pf_fs_read(dir, WARNED_FILE, &text, NULL) == PF_OK)
		(void)pf_str_u64(pf_str_trim(pf_buf_str(&text)), 100, &mark);
	pf_buf_release(&text);
	return (int)mark;
}

static pf_status tell(struct delivery *d, int percent, struct pf_error *err)
{
	struct pf_buf letter = PF_BUF_INIT(64 * 1024);
	struct pf_buf text = PF_BUF_INIT(1024);

	pf_buf_addf(&text,
		    "Your mailbox is %d %% full.\n\n"
		    "When it is full no more mail can come in, and folders "
		    "cannot take more.\nPlease delete what you do not need, "
		    "and empty the trash.\n",
		    percent);
	filter_compose_letter(d->filter, &d->rcpt->id,
			      "Your mailbox is nearly full", pf_buf_str(&text),
			      &letter);
	pf_status status =
	    mda_delivery_letter(d, PF_STR("INBOX"), &letter, NULL, err);
	pf_buf_release(&letter);
	pf_buf_release(&text);
	return status;
}

void mda_quota_warn(struct delivery *d)
{
	int percent = store_quota_percent(d->store), mark, told, dir = -1;
	struct pf_buf text = PF_BUF_INIT(20);
	struct pf_error err;

	if (percent < 0 ||
	    pf_fs_open(AT_FDCWD, store_root(d->store), O_RDONLY | O_DIRECTORY,
		       0, &dir, &err) != PF_OK)
		return;
	mark = passed(d->filter->conf, percent);
	told = told_before(dir);
	pf_status status = PF_OK;
	if (mark != told) {
		/* written first: a letter too few, not one with each mail */
		pf_buf_addf(&text, "%d\n", mark);
		status = pf_fs_replace(dir, WARNED_FILE, pf_buf_str(&text),
				       0600, false, &err);
	}
	if (status == PF_OK && mark > told)
		status = tell(d, percent, &err);
	if (status != PF_OK)
		mda_delivery_problem(d, "quota warning", &err);
	close(dir);
	pf_buf_release(&text);
}

/* ---- the second look -----------------------------------------------------
 */

struct mda_full {
	struct filter *filter;
	struct auth_lookup *lookup;
	struct net_timer *timer;
	struct net_queue *queue;
	bool looking;
};

static void look_at(struct mda_full *full, const char *path, const char *name)
{
	struct auth_identity id = {0};
	struct store *store = NULL;
	struct pf_error err;
	pf_status status =
	    auth_lookup_address(full->lookup, pf_str_c(name), &id, &err);

	if (status == PF_NOTFOUND)
		unlink(path);
	if (status != PF_OK)
		return;
	status = mda_store_open(full->filter, &id, &store, &err);
	if (status == PF_OK)
		status = store_quota_recount(store, &err);
	if (status != PF_OK)
		pf_log_error(PF_LOG_WARN, "quota", &err, PF_LOGC("user", name));
	store_close(&store);
	auth_identity_release(&id);
}

static void look_work(void *arg)
{
	struct mda_full *full = arg;
	char path[4200];
	DIR *dir;

	if (!pf_conf_run_path(full->filter->conf, "full", path, sizeof path) ||
	    !(dir = opendir(path)))
		return;
	struct dirent *e;
	for (int n = 0; n < LOOK_MAX && (e = readdir(dir));)
		if (e->d_name[0] != '.' &&
		    pf_conf_full_path(full->filter->conf, pf_str_c(e->d_name),
				      path, sizeof path)) {
			look_at(full, path, e->d_name);
			n++;
		}
	closedir(dir);
}

static void look_done(void *arg)
{
	((struct mda_full *)arg)->looking = false;
}

static void on_timer(void *arg)
{
	struct mda_full *full = arg;

	if (full->looking)
		return;
	full->looking = true;
	net_queue_run(full->queue, look_work, look_done, full);
}

struct mda_full *mda_full_new(struct filter *filter, struct net_loop *loop,
			      const char *auth_socket)
{
	struct mda_full *full = calloc(1, sizeof *full);

	if (!full)
		abort();
	full->filter = filter;
	full->lookup = auth_lookup_new(auth_socket);
	full->queue = net_queue_new(loop, NET_LANE_DISK);
	full->timer = net_timer_new(loop, on_timer, full);
	net_timer_start(full->timer, LOOK_MS, LOOK_MS);
	return full;
}

void mda_full_stop(struct mda_full *full)
{
	if (!full)
		return;
	net_timer_free(&full->timer);
	net_queue_free(&full->queue);
}

void mda_full_free(struct mda_full **full)
{
	struct mda_full *f = *full;

	*full = NULL;
	if (!f)
		return;
	auth_lookup_free(&f->lookup);
	free(f);
}
