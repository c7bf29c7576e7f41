/*
 * Mailboxes that are watched for NOTIFY.
 *
 * Made and freed in the user's queue, where all sessions of the user run;
 * found by the loop when inotify speaks.  The map of tokens is all that both
 * touch, under a lock; numbers of changes are atomic.
 *
 * Where the kernel has no watches left the tick counts a change every few
 * seconds, so that the sessions look for themselves.
 */
#include "imapd/watched.h"

#include "base/log.h"
#include "imapd/client.h"
#include "share/share.h"

/* Tokens of sessions (client->id) are below. */
#define TOKENS ((uint64_t)1 << 63)

struct watched {
	uint64_t token;
	struct user *user;
	char *name;
	unsigned refs;
	atomic_uint changes;
	bool polled;
};

static struct pf_str token_key(const uint64_t *token)
{
	return pf_str_mem(token, sizeof *token);
}

static void set_polled(struct watched *w, bool polled)
{
	if (polled && !w->polled)
		atomic_fetch_add(&w->user->polled, 1);
	else if (!polled && w->polled)
		atomic_fetch_sub(&w->user->polled, 1);
	w->polled = polled;
}

void watched_renew(struct watched *w)
{
	struct server *server = w->user->server;
	struct pf_str name = pf_str_c(w->name);
	struct share_place place = {.store = w->user->store};
	struct pf_error err = {0};
	pf_status status = PF_OK;

	if (!server->watch) {
		set_polled(w, true);
		return;
	}
	if (name.n)
		status = share_find(w->user->share, name, &place, &err);
	if (status == PF_OK && !place.store)
		status = PF_NOTFOUND;
	if (status == PF_OK && name.n)
		status = store_watch_add_name(server->watch, place.store,
					      place.name, w->token, &err);
	else if (status == PF_OK)
		status = store_watch_add_list(server->watch, place.store,
					      w->token, &err);
	set_polled(w, status != PF_OK);
	/* one that is just being removed needs no watch */
	if (status == PF_OK || status == PF_NOTFOUND ||
	    atomic_exchange(&server->watch_warned, true))
		return;
	pf_log_error(PF_LOG_WARN, "watch-failed", &err,
		     PF_LOGC("user", w->user->name),
		     PF_LOGC("instead", "polling"));
}

struct watched *watched_get(struct user *user, struct pf_str name)
{
	struct server *server = user->server;
	struct watched *w = pf_map_get(&user->watched, name);

	if (w) {
		w->refs++;
		return w;
	}
	w = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->user = user;
	w->name = pf_str_dup(name);
	w->refs = 1;
	pf_map_set(&user->watched, name, w);
	pthread_mutex_lock(&server->watched_lock);
	w->token = TOKENS | ++server->last_watched;
	pf_map_set(&server->watched, token_key(&w->token), w);
	pthread_mutex_unlock(&server->watched_lock);
	watched_renew(w);
	return w;
}

void watched_put(struct watched **watched)
{
	struct watched *w = *watched;

	*watched = NULL;
	if (!w || --w->refs > 0)
		return;
	struct server *server = w->user->server;
	pthread_mutex_lock(&server->watched_lock);
	pf_map_remove(&server->watched, token_key(&w->token));
	pthread_mutex_unlock(&server->watched_lock);
	if (server->watch)
		store_watch_remove(server->watch, w->token);
	pf_map_remove(&w->user->watched, pf_str_c(w->name));
	set_polled(w, false);
	free(w->name);
	free(w);
}

unsigned watched_changes(const struct watched *w)
{
	unsigned changes = atomic_load(&w->changes);

	if (w->name[0] == '\0')
		changes += atomic_load(&w->user->lists);
	if (w->polled)
		changes += atomic_load(&w->user->polls);
	return changes;
}

/* ---- the loop's side -------------------------------------------------------
 */

static void wake(struct user *user)
{
	for (struct pf_link *link = user->clients.next, *next;
	     link != &user->clients; link = next) {
		struct client *c = pf_container_of(link, struct client, link);

		next = link->next;
		if (atomic_load(&c->listens))
			client_poke(c);
	}
}

bool watched_changed(struct server *server, uint64_t token)
{
	struct user *user = NULL;

	if (!(token & TOKENS))
		return false;
	pthread_mutex_lock(&server->watched_lock);
	struct watched *w = pf_map_get(&server->watched, token_key(&token));
	if (w) {
		atomic_fetch_add(&w->changes, 1);
		user = w->user;
		/* a folder that another program makes is none before its
		 * cur/ is there */
		if (w->name[0] == '\0')
			atomic_store(&user->list_again, 2);
	}
	pthread_mutex_unlock(&server->watched_lock);
	if (user)
		wake(user);
	return true;
}

void watched_tick(struct user *user, bool poll)
{
	int again = atomic_load(&user->list_again);

	if (again)
		atomic_store(&user->list_again, again - 1);
	if (again == 1)
		atomic_fetch_add(&user->lists, 1);
	poll = poll && atomic_load(&user->polled) > 0;
	if (poll)
		atomic_fetch_add(&user->polls, 1);
	if (poll || again == 1)
		wake(user);
}
