/*
 * Watching mailboxes with one inotify descriptor for the process.
 *
 * Three watches a mailbox: new/, cur/, and the directory itself for our log
 * (keywords beyond the letters change nothing else).  The kernel gives the
 * same number for the same directory, so tokens are kept per number.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/box.h"

struct watched {
	int wd;
	uint64_t token;
	bool log_only;
};

struct store_watch {
	int fd;
	void (*changed)(void *arg, uint64_t token);
	void *arg;
	pthread_mutex_t lock;
	struct pf_vec(struct watched) list;
};

pf_status store_watch_new(void (*changed)(void *arg, uint64_t token), void *arg,
			  struct store_watch **watch, struct pf_error *err)
{
	struct store_watch *w;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return pf_error_sys(err, errno, "inotify");
	w = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->fd = fd;
	w->changed = changed;
	w->arg = arg;
	pthread_mutex_init(&w->lock, NULL);
	*watch = w;
	return PF_OK;
}

int store_watch_fd(const struct store_watch *watch)
{
	return watch->fd;
}

static pf_status add_one(struct store_watch *w, int dir, const char *part,
			 uint32_t mask, bool log_only, uint64_t token,
			 struct pf_error *err)
{
	char path[64];

	/* the directory itself, wherever its name has gone to meanwhile */
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, part);
	int wd = inotify_add_watch(w->fd, path, mask | IN_ONLYDIR);
	if (wd < 0 && errno == ENOSPC)
		return pf_error_set(err, PF_LIMIT, NULL,
				    "no inotify watches left");
	if (wd < 0)
		return pf_error_sys(err, errno, "watch %s", part);
	struct watched one = {wd, token, log_only};
	pf_vec_push(&w->list, one);
	return PF_OK;
}

/* With the lock held. */
static void remove_token(struct store_watch *w, uint64_t token)
{
	size_t to = 0;

	for (size_t i = 0; i < w->list.n; i++) {
		struct watched one = w->list.v[i];
		if (one.token != token) {
			w->list.v[to++] = one;
			continue;
		}
		bool shared = false;
		for (size_t k = 0; k < w->list.n && !shared; k++)
			shared = (k < to || k > i) &&
				 w->list.v[k].wd == one.wd &&
				 w->list.v[k].token != token;
		if (!shared)
			inotify_rm_watch(w->fd, one.wd);
	}
	w->list.n = to;
}

pf_status store_watch_add(struct store_watch *watch, struct store_box *box,
			  uint64_t token, struct pf_error *err)
{
	const uint32_t files =
	    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;
	const uint32_t log = IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF |
			     IN_MOVE_SELF | IN_ONLYDIR;

	pthread_mutex_lock(&watch->lock);
	pf_status status =
	    add_one(watch, box->dir, "new", files, false, token, err);
	if (status == PF_OK)
		status =
		    add_one(watch, box->dir, "cur", files, false, token, err);
	if (status == PF_OK)
		status = add_one(watch, box->dir, ".", log, true, token, err);
	if (status != PF_OK)
		remove_token(watch, token);
	pthread_mutex_unlock(&watch->lock);
	return status;
}

void store_watch_remove(struct store_watch *watch, uint64_t token)
{
	pthread_mutex_lock(&watch->lock);
	remove_token(watch, token);
	pthread_mutex_unlock(&watch->lock);
}

struct tokens pf_vec(uint64_t);

static void collect(struct store_watch *w, const struct inotify_event *event,
		    struct tokens *tokens)
{
	static const char log_name[] = "penfold.log";
	bool all = event->mask & IN_Q_OVERFLOW;
	bool named = event->len > 0;

	for (size_t i = 0; i < w->list.n; i++) {
		const struct watched *one = &w->list.v[i];
		if (!all && one->wd != event->wd)
			continue;
		if (!all && one->log_only && named &&
		    strcmp(event->name, log_name) != 0)
			continue;
		bool known = false;
		for (size_t k = 0; k < tokens->n && !known; k++)
			known = tokens->v[k] == one->token;
		if (!known)
			pf_vec_push(tokens, one->token);
	}
}

void store_watch_read(struct store_watch *watch)
{
	_Alignas(struct inotify_event) char block[16384];
	struct tokens tokens = {0};

	for (;;) {
		ssize_t got = read(watch->fd, block, sizeof block);
		if (got <= 0)
			break;
		pthread_mutex_lock(&watch->lock);
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event =
			    (const struct inotify_event *)(const void *)(block +
									 at);
			collect(watch, event, &tokens);
			at += (ssize_t)sizeof *event + event->len;
		}
		pthread_mutex_unlock(&watch->lock);
	}
	/* without the lock: the callback may add and remove */
	for (size_t i = 0; i < tokens.n; i++)
		watch->changed(watch->arg, tokens.v[i]);
	pf_vec_release(&tokens);
}

void store_watch_free(struct store_watch **watch)
{
	struct store_watch *w = *watch;

	*watch = NULL;
	if (!w)
		return;
	close(w->fd);
	pthread_mutex_destroy(&w->lock);
	pf_vec_release(&w->list);
	free(w);
}
