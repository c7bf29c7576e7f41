/*
 * The session process: users and their stores, the watch, the clock.
 *
 * A user's store is opened by the first session and closed some seconds after
 * the last one left (web mail logs in for every click).  A mailbox that
 * somebody IDLEs on is watched by inotify under the client's id; where the
 * kernel has no watch left, the tick pokes instead.
 */
#include "imapd/server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "filter/filter.h"
#include "imapd/metadata.h"
#include "imapd/msieve.h"
#include "imapd/order.h"
#include "imapd/watched.h"

#define TICK_MS	    1000
#define LINGER_MS   10000
#define FLUSH_OLDER 900
/* of a user's mailboxes, after the last session left them */
#define REST_BYTES    ((size_t)32 << 20)
#define POLL_TICKS    10
#define TIMEOUT_TICKS 15

/* ---- users --------------------------------------------------------------- */

static struct user *user_of(struct pf_link *link)
{
	return pf_container_of(link, struct user, link);
}

static struct client *client_of(struct pf_link *link)
{
	return pf_container_of(link, struct client, link);
}

/* The site's rules with the user's behind them */
static char *quota_rules(const struct pf_conf *conf, const char *quota)
{
	struct pf_buf rules = PF_BUF_INIT(64 * 1024);

	pf_buf_addf(&rules, "%s %s", conf->quota, quota ? quota : "");
	return pf_buf_detach(&rules);
}

struct user *server_user(struct server *server, const char *name,
			 const char *mail, const char *home, const char *quota)
{
	struct user *user = pf_map_get(&server->users, pf_str_c(name));
	char *rules = quota_rules(server->conf, quota);

	if (user && strcmp(user->mail, mail) == 0 &&
	    strcmp(user->quota, rules) == 0) {
		free(rules);
		return user;
	}
	/* the user file says something else now: that is for newcomers */
	if (user)
		pf_map_remove(&server->users, pf_str_c(name));
	user = calloc(1, sizeof *user);
	if (!user)
		abort();
	user->server = server;
	user->name = pf_str_dup(pf_str_c(name));
	user->mail = pf_str_dup(pf_str_c(mail));
	user->home = home ? pf_str_dup(pf_str_c(home)) : NULL;
	user->quota = rules;
	user->queue = net_queue_new(server->loop, NET_LANE_DISK);
	pf_list_init(&user->clients);
	pf_list_append(&server->user_list, &user->link);
	server->user_count++;
	pf_map_set(&server->users, pf_str_c(name), user);
	return user;
}

static void make_folders(struct user *user)
{
	struct pf_str rest = pf_str_c(user->server->conf->create_folders);
	struct pf_str name;
	struct pf_error err;
	bool exists;

	while (pf_conf_word(&rest, &name)) {
		pf_status status =
		    store_name_check(user->store, name, &exists, &err);
		if (status == PF_OK && !exists)
			status = store_create(user->store, name, NULL, &err);
		else if (status == PF_OK)
			continue;
		if (status == PF_OK)
			status = store_subscribe(user->store, name, true, &err);
		if (status != PF_OK && status != PF_EXISTS)
			pf_log_error(PF_LOG_WARN, "create-folder", &err,
				     PF_LOGC("user", user->name),
				     PF_LOGS("mailbox", name));
	}
}

pf_status user_open(struct user *user, struct pf_error *err)
{
	const struct pf_conf *conf = user->server->conf;
	struct store_conf store_conf = {
	    .root = user->mail,
	    .separator = conf->hierarchy_separator[0],
	    .special_use = conf->special_use,
	    .size_max = (uint64_t)conf->message_size_max,
	    .rest = REST_BYTES,
	    .past_keep = conf->expunged_keep,
	    .past_size = (uint64_t)conf->expunged_size,
	};

	char full[4200];

	if (user->store)
		return PF_OK;
	store_conf.quota = user->quota;
	/* over ssh the user's own rules are not known */
	store_conf.quota_guess = user->server->single;
	if (pf_conf_full_path(conf, pf_str_c(user->name), full, sizeof full))
		store_conf.quota_full = full;
	pf_status status = store_open(&store_conf, &user->store, err);
	if (status != PF_OK)
		return status;
	user->share =
	    share_new(&(struct share_conf){.conf = conf,
					   .user = user->name,
					   .own = user->store,
					   .find = user->server->find_user,
					   .arg = user->server->find_arg});
	make_folders(user);
	return PF_OK;
}

void user_enter(struct user *user, struct pf_link *client)
{
	pf_list_append(&user->clients, client);
	user->client_count++;
}

static void user_close_work(void *arg)
{
	struct user *user = arg;
	struct pf_error err;
	size_t dropped;

	orders_free(&user->orders);
	share_free(&user->share);
	/* penfold-indexd does it where there is one */
	if (user->store && !user->server->conf->index_enabled &&
	    store_past_tidy(user->store, false, &dropped, &err) != PF_OK)
		pf_log_error(PF_LOG_WARN, "tidy", &err,
			     PF_LOGC("user", user->name));
	store_close(&user->store);
}

void server_ended(struct server *server)
{
	if (server->stopping && server->user_count == 0 &&
	    pf_list_empty(&server->managers))
		net_loop_stop(server->loop);
}

static void user_close_done(void *arg)
{
	struct user *user = arg;
	struct server *server = user->server;

	pf_list_remove(&user->link);
	server->user_count--;
	net_queue_free(&user->queue);
	if (user->event_queue)
		net_queue_free(&user->event_queue);
	metadata_news_release(user);
	pf_map_release(&user->watched);
	free(user->name);
	free(user->mail);
	free(user->home);
	free(user->quota);
	free(user);
	server_ended(server);
}

/* From now on a new login makes a new user with a store of its own. */
static void user_close(struct user *user)
{
	struct pf_str name = pf_str_c(user->name);

	user->closing = true;
	if (pf_map_get(&user->server->users, name) == user)
		pf_map_remove(&user->server->users, name);
	net_queue_run(user->queue, user_close_work, user_close_done, user);
}

void user_leave(struct user *user, struct pf_link *client)
{
	struct server *server = user->server;

	pf_list_remove(client);
	user->client_count--;
	user->idle_since = pf_clock_mono_ms();
	if (server->single)
		server->stopping = true;
	if (user->client_count == 0 && server->stopping && !user->flushing &&
	    user->event_jobs == 0)
		user_close(user);
}

void user_events_done(struct user *user)
{
	user->event_jobs--;
	if (user->event_jobs == 0 && user->client_count == 0 &&
	    user->server->stopping && !user->flushing)
		user_close(user);
}

void user_poke(struct user *user, const struct pf_link *except)
{
	for (struct pf_link *link = user->clients.next, *next;
	     link != &user->clients; link = next) {
		next = link->next;
		if (link != except)
			client_poke(client_of(link));
	}
}

void user_index_hint(const struct user *user, const char *owner,
		     struct pf_str mailbox)
{
	const struct server *server = user->server;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pf_buf text = PF_BUF_INIT(4096);

	if (server->index_socket < 0)
		return;
	pf_buf_addf(&text, "%s\t", owner);
	pf_buf_add_str(&text, mailbox);
	memcpy(address.sun_path, server->index_path, sizeof address.sun_path);
	/* nobody there, or its queue is full: it looks around by itself */
	(void)sendto(server->index_socket, text.data, text.len,
		     MSG_DONTWAIT | MSG_NOSIGNAL,
		     (struct sockaddr *)(void *)&address, sizeof address);
	pf_buf_release(&text);
}

/* ---- the tick -------------------------------------------------------------
 */

static void flush_work(void *arg)
{
	struct user *user = arg;

	if (user->store) {
		store_flush(user->store, FLUSH_OLDER);
		share_flush(user->share, FLUSH_OLDER);
		if (store_rests(user->store))
			atomic_store(&user->dirty, 1);
	}
}

static void flush_done(void *arg)
{
	struct user *user = arg;

	user->flushing = false;
	if (user->client_count == 0 && user->server->stopping &&
	    user->event_jobs == 0)
		user_close(user);
}

static void check_clients(struct user *user, int64_t now, bool timeouts,
			  bool poll)
{
	int64_t idle_ms = user->server->conf->idle_timeout * 1000;

	for (struct pf_link *link = user->clients.next, *next;
	     link != &user->clients; link = next) {
		struct client *client = client_of(link);

		next = link->next;
		if (timeouts && idle_ms > 0 && now - client->active > idle_ms)
			client_bye(client, "Idle for too long");
		else if (poll && client->watch_failed)
			client_poke(client);
	}
}

static void on_tick(void *arg)
{
	struct server *server = arg;
	int64_t now = pf_clock_mono_ms();
	bool timeouts = ++server->ticks % TIMEOUT_TICKS == 0;
	bool poll = server->ticks % POLL_TICKS == 0;

	for (struct pf_link *link = server->user_list.next, *next;
	     link != &server->user_list; link = next) {
		struct user *user = user_of(link);

		next = link->next;
		if (user->closing || user->flushing)
			continue;
		if (user->client_count == 0) {
			if (user->event_jobs == 0 &&
			    now - user->idle_since > LINGER_MS)
				user_close(user);
			continue;
		}
		if (timeouts || poll)
			check_clients(user, now, timeouts, poll);
		watched_tick(user, poll);
		if (atomic_exchange(&user->dirty, 0)) {
			user->flushing = true;
			net_queue_run(user->queue, flush_work, flush_done,
				      user);
		}
	}
}

static void on_changed(void *arg, uint64_t token)
{
	struct client *client;

	if (watched_changed(arg, token))
		return;
	client = client_by_id(arg, token);
	if (client)
		client_poke(client);
}

static void on_watch(void *arg)
{
	struct server *server = arg;

	store_watch_read(server->watch);
}

/* ---- the process ----------------------------------------------------------
 */

static struct filter *make_filter(const struct pf_conf *conf, unsigned offers)
{
	struct filter *filter = calloc(1, sizeof *filter);

	if (!filter)
		abort();
	filter->conf = conf;
	filter->index_socket = -1;
	if (*conf->hostname)
		snprintf(filter->hostname, sizeof filter->hostname, "%s",
			 conf->hostname);
	else if (gethostname(filter->hostname, sizeof filter->hostname - 1) < 0)
		snprintf(filter->hostname, sizeof filter->hostname,
			 "localhost");
	filter->rules = filter_rules_new(conf);
	filter_rules_offer(filter->rules, offers);
	return filter;
}

static void free_filter(struct filter **filter)
{
	if (*filter)
		filter_rules_free(&(*filter)->rules);
	free(*filter);
	*filter = NULL;
}

pf_status server_init(struct server *server, struct net_loop *loop,
		      const struct pf_conf *conf, struct pf_error *err)
{
	*server = (struct server){.loop = loop, .conf = conf};
	pf_list_init(&server->user_list);
	pf_list_init(&server->managers);
	pthread_mutex_init(&server->watched_lock, NULL);
	server->index_socket = -1;
	if (conf->index_enabled &&
	    pf_conf_run_path(conf, "index.sock", server->index_path,
			     sizeof server->index_path))
		server->index_socket = socket(
		    AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	pf_status status =
	    store_watch_new(on_changed, server, &server->watch, err);
	if (status == PF_OK)
		server->watch_fd = net_watch_new(
		    loop, store_watch_fd(server->watch), on_watch, server);
	else
		pf_log_error(PF_LOG_WARN, "no-inotify", err);
	server->filter = make_filter(conf, 0);
	server->event_filter =
	    make_filter(conf, SIEVE_OFFER_IMAP | SIEVE_ONLY_IMAP);
	server->tick = net_timer_new(loop, on_tick, server);
	net_timer_start(server->tick, TICK_MS, TICK_MS);
	return PF_OK;
}

void server_stop(struct server *server)
{
	if (server->stopping)
		return;
	server->stopping = true;
	for (struct pf_link *link = server->user_list.next, *next;
	     link != &server->user_list; link = next) {
		struct user *user = user_of(link);

		next = link->next;
		for (struct pf_link *l = user->clients.next, *n;
		     l != &user->clients; l = n) {
			n = l->next;
			client_bye(client_of(l), "Server is going down");
		}
		if (user->client_count == 0 && !user->closing &&
		    !user->flushing && user->event_jobs == 0)
			user_close(user);
	}
	for (struct pf_link *link = server->managers.next, *next;
	     link != &server->managers; link = next) {
		next = link->next;
		ms_client_bye(pf_container_of(link, struct ms_client, link),
			      "Server is going down");
	}
	server_ended(server);
}

void server_without_index(struct server *server)
{
	if (server->index_socket >= 0)
		close(server->index_socket);
	server->index_socket = -1;
}

void server_release(struct server *server)
{
	net_timer_free(&server->tick);
	net_watch_free(&server->watch_fd);
	store_watch_free(&server->watch);
	server_without_index(server);
	free_filter(&server->filter);
	free_filter(&server->event_filter);
	pf_map_release(&server->watched);
	pthread_mutex_destroy(&server->watched_lock);
	pf_map_release(&server->users);
	pf_map_release(&server->clients);
}
