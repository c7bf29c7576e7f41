/*
 * Watching mailboxes with one inotify descriptor for the process.
 *
 * Three watches a mailbox: new/, cur/, and the directory itself for our log
 * (keywords beyond the letters change nothing else); one for the list of
 * mailboxes.  The kernel gives the same number for the same directory however
 * often it is asked, so a directory has a list of listeners here, and a token
 * the list of its directories.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/box.h"

#define FILES_MASK (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define LOG_MASK   (IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define NAMES_MASK                                                             \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE)

/* What a listener wants to hear of in a directory. */
enum interest {
	FILES, /* everything */
	LOG,   /* our log, and the directory's own end */
	NAMES, /* folders, subscriptions, special uses */
};

struct listener {
	uint64_t token;
	enum interest interest;
};

struct directory {
	int wd;
	struct pf_vec(struct listener) listeners;
};

struct token {
	uint64_t token;
	struct pf_vec(struct directory *) directories;
};

struct store_watch {
	int fd;
	void (*changed)(void *arg, uint64_t token);
	void *arg;
	pthread_mutex_t lock;
	struct pf_map directories; /* by number */
	struct pf_map tokens;
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

/* ---- who listens where (all with the lock held) ---------------------------
 */

static struct pf_str wd_key(const int *wd)
{
	return pf_str_mem(wd, sizeof *wd);
}

static struct pf_str token_key(const uint64_t *token)
{
	return pf_str_mem(token, sizeof *token);
}

static struct directory *find_directory(struct store_watch *w, int wd)
{
	struct directory *d = pf_map_get(&w->directories, wd_key(&wd));

	if (d)
		return d;
	d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->wd = wd;
	pf_map_set(&w->directories, wd_key(&d->wd), d);
	return d;
}

static struct token *find_token(struct store_watch *w, uint64_t token)
{
	struct token *t = pf_map_get(&w->tokens, token_key(&token));

	if (t)
		return t;
	t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->token = token;
	pf_map_set(&w->tokens, token_key(&t->token), t);
	return t;
}

static void listen(struct token *t, struct directory *d, enum interest interest)
{
	struct listener listener = {t->token, interest};

	for (size_t i = 0; i < d->listeners.n; i++)
		if (d->listeners.v[i].token == t->token &&
		    d->listeners.v[i].interest == interest)
			return;
	pf_vec_push(&d->listeners, listener);
	for (size_t i = 0; i < t->directories.n; i++)
		if (t->directories.v[i] == d)
			return;
	pf_vec_push(&t->directories, d);
}

static void free_directory(struct store_watch *w, struct directory *d)
{
	pf_map_remove(&w->directories, wd_key(&d->wd));
	pf_vec_release(&d->listeners);
	free(d);
}

static void leave(struct store_watch *w, struct directory *d, uint64_t token)
{
	size_t to = 0;

	for (size_t i = 0; i < d->listeners.n; i++)
		if (d->listeners.v[i].token != token)
			d->listeners.v[to++] = d->listeners.v[i];
	d->listeners.n = to;
	if (to)
		return;
	inotify_rm_watch(w->fd, d->wd);
	free_directory(w, d);
}

static void remove_token(struct store_watch *w, uint64_t token)
{
	struct token *t = pf_map_remove(&w->tokens, token_key(&token));

	if (!t)
		return;
	for (size_t i = 0; i < t->directories.n; i++)
		leave(w, t->directories.v[i], token);
	pf_vec_release(&t->directories);
	free(t);
}

/* The directory is gone, and the kernel has forgotten it. */
static void forget_directory(struct store_watch *w, int wd)
{
	struct directory *d = pf_map_get(&w->directories, wd_key(&wd));

	if (!d)
		return;
	for (size_t i = 0; i < d->listeners.n; i++) {
		struct token *t = find_token(w, d->listeners.v[i].token);

		for (size_t k = 0; k < t->directories.n; k++)
			if (t->directories.v[k] == d)
				t->directories.v[k--] =
				    t->directories.v[--t->directories.n];
	}
	free_directory(w, d);
}

/* ---- adding and removing ----------------------------------------------------
 */

static pf_status add_one(struct store_watch *w, int dir, const char *part,
			 uint32_t mask, enum interest interest, uint64_t token,
			 struct pf_error *err)
{
	char path[64];

	/* the directory itself, wherever its name has gone to meanwhile */
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, part);
	int wd =
	    inotify_add_watch(w->fd, path, mask | IN_ONLYDIR | IN_MASK_ADD);
	if (wd < 0 && errno == ENOSPC)
		return pf_error_set(err, PF_LIMIT, NULL,
				    "no inotify watches left "
				    "(fs.inotify.max_user_watches)");
	if (wd < 0)
		return pf_error_sys(err, errno, "watch %s", part);
	listen(find_token(w, token), find_directory(w, wd), interest);
	return PF_OK;
}

static pf_status add_box(struct store_watch *watch, int dir, uint64_t token,
			 struct pf_error *err)
{
	pthread_mutex_lock(&watch->lock);
	pf_status status =
	    add_one(watch, dir, "new", FILES_MASK, FILES, token, err);
	if (status == PF_OK)
		status =
		    add_one(watch, dir, "cur", FILES_MASK, FILES, token, err);
	if (status == PF_OK)
		status = add_one(watch, dir, ".", LOG_MASK, LOG, token, err);
	if (status != PF_OK)
		remove_token(watch, token);
	pthread_mutex_unlock(&watch->lock);
	return status;
}

pf_status store_watch_add(struct store_watch *watch, struct store_box *box,
			  uint64_t token, struct pf_error *err)
{
	return add_box(watch, box->dir, token, err);
}

pf_status store_watch_add_name(struct store_watch *watch, struct store *store,
			       struct pf_str name, uint64_t token,
			       struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	int dir = -1;
	pf_status status = store_folder_of(store, name, &folder, err);

	if (status == PF_OK)
		status = pf_fs_open(store->dir, folder.data,
				    O_RDONLY | O_DIRECTORY, 0, &dir, err);
	if (status == PF_OK) {
		status = add_box(watch, dir, token, err);
		close(dir);
	}
	pf_buf_release(&folder);
	return status;
}

pf_status store_watch_add_list(struct store_watch *watch, struct store *store,
			       uint64_t token, struct pf_error *err)
{
	pthread_mutex_lock(&watch->lock);
	pf_status status =
	    add_one(watch, store->dir, ".", NAMES_MASK, NAMES, token, err);
	pthread_mutex_unlock(&watch->lock);
	return status;
}

void store_watch_remove(struct store_watch *watch, uint64_t token)
{
	pthread_mutex_lock(&watch->lock);
	remove_token(watch, token);
	pthread_mutex_unlock(&watch->lock);
}

/* ---- what happened ----------------------------------------------------------
 */

struct tokens pf_vec(uint64_t);

static bool concerns(const struct inotify_event *event, enum interest interest)
{
	bool named = event->len > 0;

	if (interest == FILES || !named)
		return interest != NAMES;
	if (interest == LOG)
		return strcmp(event->name, "penfold.log") == 0;
	return (event->name[0] == '.' && (event->mask & IN_ISDIR)) ||
	       strcmp(event->name, "subscriptions") == 0 ||
	       strcmp(event->name, "penfold-special-use") == 0;
}

static void collect_all(const struct store_watch *w, struct tokens *tokens)
{
	const struct pf_map_entry *entry;
	size_t pos = 0;

	while ((entry = pf_map_next(&w->tokens, &pos)))
		pf_vec_push(tokens, ((struct token *)entry->value)->token);
}

static void collect(struct store_watch *w, const struct inotify_event *event,
		    struct tokens *tokens)
{
	if (event->mask & IN_Q_OVERFLOW) {
		collect_all(w, tokens);
		return;
	}
	const struct directory *d =
	    pf_map_get(&w->directories, wd_key(&event->wd));
	for (size_t i = 0; d && i < d->listeners.n; i++)
		if (concerns(event, d->listeners.v[i].interest))
			pf_vec_push(tokens, d->listeners.v[i].token);
	if (event->mask & IN_IGNORED)
		forget_directory(w, event->wd);
}

static int compare_tokens(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
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
	if (tokens.n)
		qsort(tokens.v, tokens.n, sizeof *tokens.v, compare_tokens);
	/* without the lock: the callback may add and remove */
	for (size_t i = 0; i < tokens.n; i++)
		if (i == 0 || tokens.v[i] != tokens.v[i - 1])
			watch->changed(watch->arg, tokens.v[i]);
	pf_vec_release(&tokens);
}

void store_watch_free(struct store_watch **watch)
{
	struct store_watch *w = *watch;
	struct tokens tokens = {0};

	*watch = NULL;
	if (!w)
		return;
	collect_all(w, &tokens);
	for (size_t i = 0; i < tokens.n; i++)
		remove_token(w, tokens.v[i]);
	pf_vec_release(&tokens);
	close(w->fd);
	pthread_mutex_destroy(&w->lock);
	pf_map_release(&w->directories);
	pf_map_release(&w->tokens);
	free(w);
}
