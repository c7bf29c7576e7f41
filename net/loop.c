/*
 * The loop: posting from other threads, signals, and a turn of its own for
 * connections that have something to do without the kernel saying so.
 */
#include "net/private.h"

#include <signal.h>
#include <stdlib.h>

pf_status net_uv_error(struct pf_error *err, int code, const char *what)
{
	return pf_error_sys(err, -code, "%s", what);
}

static void run_posts(uv_async_t *handle)
{
	struct net_loop *loop = handle->data;
	struct pf_link mine;

	pf_list_init(&mine);
	pthread_mutex_lock(&loop->lock);
	if (!pf_list_empty(&loop->posts)) {
		mine = loop->posts;
		mine.next->prev = mine.prev->next = &mine;
		pf_list_init(&loop->posts);
	}
	pthread_mutex_unlock(&loop->lock);
	while (!pf_list_empty(&mine)) {
		struct net_post *post =
		    pf_container_of(mine.next, struct net_post, link);

		pf_list_remove(&post->link);
		post->fn(post->arg);
	}
}

void net_loop_post_node(struct net_loop *loop, struct net_post *post)
{
	pthread_mutex_lock(&loop->lock);
	pf_list_append(&loop->posts, &post->link);
	/* inside the lock: once the loop has seen the post, the loop may be
	 * freed by what it does */
	uv_async_send(&loop->wake);
	pthread_mutex_unlock(&loop->lock);
}

struct own_post {
	struct net_post post;
	void (*fn)(void *);
	void *arg;
};

static void run_own_post(void *arg)
{
	struct own_post own = *(struct own_post *)arg;

	free(arg);
	own.fn(own.arg);
}

void net_loop_post(struct net_loop *loop, void (*fn)(void *), void *arg)
{
	struct own_post *own = calloc(1, sizeof *own);

	if (!own)
		abort();
	own->fn = fn;
	own->arg = arg;
	own->post.fn = run_own_post;
	own->post.arg = own;
	net_loop_post_node(loop, &own->post);
}

pf_status net_loop_new(int disk_threads, int hash_threads,
		       struct net_loop **out, struct pf_error *err)
{
	struct net_loop *loop = calloc(1, sizeof *loop);
	int r;

	if (!loop)
		return pf_error_sys(err, ENOMEM, "loop");
	loop->wire = malloc(NET_SCRATCH);
	loop->plain = malloc(NET_SCRATCH);
	loop->expanded = malloc(NET_SCRATCH);
	r = loop->wire && loop->plain && loop->expanded
		? uv_loop_init(&loop->uv)
		: UV_ENOMEM;
	if (r < 0) {
		free(loop->wire);
		free(loop->plain);
		free(loop->expanded);
		free(loop);
		return net_uv_error(err, r, "event loop");
	}
	r = uv_async_init(&loop->uv, &loop->wake, run_posts);
	if (r < 0) {
		(void)uv_loop_close(&loop->uv);
		free(loop->wire);
		free(loop->plain);
		free(loop->expanded);
		free(loop);
		return net_uv_error(err, r, "event loop");
	}
	(void)uv_idle_init(&loop->uv, &loop->turn);
	loop->wake.data = loop->turn.data = loop;
	pthread_mutex_init(&loop->lock, NULL);
	pf_list_init(&loop->posts);
	pf_list_init(&loop->conns);
	pf_list_init(&loop->ready);
	net_lanes_init(loop, disk_threads, hash_threads);
	/* a peer that went away is an error of write(2), not our death */
	signal(SIGPIPE, SIG_IGN);
	*out = loop;
	return PF_OK;
}

/* Connections are told; jobs cannot be cancelled, so they are waited for. */
static void wind_down(struct net_loop *loop)
{
	struct pf_link *at, *next;
	struct pf_error why = {0};

	(void)pf_error_set(&why, PF_CANCELLED, NULL, "shutting down");
	for (at = loop->conns.next; at != &loop->conns; at = next) {
		next = at->next;
		net_conn_fail(pf_container_of(at, struct net_conn, all), &why);
	}
	while (!pf_list_empty(&loop->conns) || loop->jobs > 0)
		uv_run(&loop->uv, UV_RUN_ONCE);
}

void net_loop_run(struct net_loop *loop)
{
	while (!loop->stopping)
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	wind_down(loop);
	loop->stopping = false;
}

void net_loop_stop(struct net_loop *loop)
{
	loop->stopping = true;
	uv_stop(&loop->uv);
}

static void close_left(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void net_loop_free(struct net_loop **loopp)
{
	struct net_loop *loop = *loopp;
	struct net_signal *sig;

	if (!loop)
		return;
	*loopp = NULL;
	wind_down(loop);
	net_lanes_stop(loop);
	run_posts(&loop->wake);
	uv_walk(&loop->uv, close_left, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop->uv);
	while ((sig = loop->signals)) {
		loop->signals = sig->next;
		free(sig);
	}
	pthread_mutex_destroy(&loop->lock);
	free(loop->wire);
	free(loop->plain);
	free(loop->expanded);
	free(loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct net_signal *sig = handle->data;

	sig->fn(sig->arg, number);
}

void net_loop_on_signal(struct net_loop *loop, int signal_number,
			void (*fn)(void *, int), void *arg)
{
	struct net_signal *sig = calloc(1, sizeof *sig);

	if (!sig)
		abort();
	sig->fn = fn;
	sig->arg = arg;
	sig->next = loop->signals;
	loop->signals = sig;
	(void)uv_signal_init(&loop->uv, &sig->handle);
	sig->handle.data = sig;
	(void)uv_signal_start(&sig->handle, on_signal, signal_number);
}
