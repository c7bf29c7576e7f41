/*
 * server: what one session process has: its loop, its users, its clients.
 *
 * All sessions of one user share one `struct store` and one serial job queue,
 * so that command code needs no locks (docs/decisions/070).
 */
#ifndef IMAPD_SERVER_H
#define IMAPD_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/conf.h"
#include "base/map.h"
#include "base/vec.h"
#include "net/net.h"
#include "share/share.h"
#include "store/store.h"

struct filter;

struct server {
	struct net_loop *loop;
	const struct pf_conf *conf;
	struct pf_map users;
	struct pf_link user_list;
	size_t user_count;
	struct pf_map clients; /* by id */
	uint64_t last_id;
	unsigned ends; /* how often sessions were ended by `penfold` */
	struct pf_link managers;   /* ManageSieve sessions (msieve.h) */
	struct store_watch *watch; /* NULL: poll */
	struct net_watch *watch_fd;
	/* watched.h: by token, under the lock */
	pthread_mutex_t watched_lock;
	struct pf_map watched;
	uint64_t last_watched;
	atomic_bool watch_warned;
	/* scripts: on events, and by FILTER */
	struct filter *event_filter, *filter;
	struct net_timer *tick;
	unsigned ticks;
	int index_socket;
	char index_path[108];
	share_user_fn *find_user; /* where others' mail is */
	void *find_arg;
	bool single; /* one session: stop the loop at its end */
	bool stopping;
};

PF_CHECKED pf_status server_init(struct server *server, struct net_loop *loop,
				 const struct pf_conf *conf,
				 struct pf_error *err);
void server_release(struct server *server);
/* Gives no hints to penfold-indexd. */
void server_without_index(struct server *server);
/* Stops the loop if that is due: a session has ended. */
void server_ended(struct server *server);
/* BYE to everybody, then the loop stops. */
void server_stop(struct server *server);

/* Metadata that a session set, for the others (cmd_metadata.c). */
#define METADATA_NEWS 16
struct metadata_news {
	uint64_t by; /* client */
	char *mailbox, *entries;
};

struct user {
	struct pf_link link;
	struct server *server;
	char *name, *mail;
	char *home;  /* NULL: unknown */
	char *quota; /* rules: the site's and the user's */
	struct net_queue *queue;
	struct pf_link clients;
	unsigned client_count;
	int64_t idle_since; /* monotonic ms, when client_count is 0 */
	bool flushing, closing;
	struct store *store;   /* the queue's; NULL until first used */
	struct share *share;   /* its namespaces, with the store */
	struct orders *orders; /* what SORT worked out (order.h) */
	struct metadata_news metadata_news[METADATA_NEWS]; /* the queue's */
	uint64_t metadata_serial;
	/* scripts on events (events.h) */
	struct net_queue *event_queue;
	unsigned event_jobs;
	atomic_int dirty; /* documented files may be behind the log */
	/* watched.h */
	struct pf_map watched; /* by name; the queue's */
	atomic_uint lists, polls, polled;
	atomic_int list_again;
};

/* The user of that name, made if needed (`quota`: rules of his own, or NULL);
 * it lives while it has clients and a while longer. */
struct user *server_user(struct server *server, const char *name,
			 const char *mail, const char *home, const char *quota);
/* One of its event jobs is over. */
void user_events_done(struct user *user);
/* In the user's queue: opens the store, makes create_folders. */
PF_CHECKED pf_status user_open(struct user *user, struct pf_error *err);
/* Counts a client in and out. */
void user_enter(struct user *user, struct pf_link *client);
void user_leave(struct user *user, struct pf_link *client);
/* Something changed: other idling sessions look. */
void user_poke(struct user *user, const struct pf_link *except);
/* Tells penfold-indexd of owner's mailbox (any thread; a lost hint is found
 * again later). */
void user_index_hint(const struct user *user, const char *owner,
		     struct pf_str mailbox);

#endif
