/* Descriptors of others (inotify, packet sockets) that become readable. */
#include "net/private.h"

#include <stdlib.h>

struct net_watch {
	uv_poll_t handle;
	void (*fn)(void *);
	void *arg;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct net_watch *watch = handle->data;

	/* an error is readable too: the owner's read meets it */
	(void)status;
	(void)events;
	watch->fn(watch->arg);
}

struct net_watch *net_watch_new(struct net_loop *loop, int fd,
				void (*fn)(void *), void *arg)
{
	struct net_watch *watch = calloc(1, sizeof *watch);

	if (!watch)
		abort();
	if (uv_poll_init(&loop->uv, &watch->handle, fd) < 0) {
		free(watch);
		return NULL;
	}
	watch->fn = fn;
	watch->arg = arg;
	watch->handle.data = watch;
	(void)uv_poll_start(&watch->handle, UV_READABLE | UV_DISCONNECT,
			    on_poll);
	return watch;
}

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void net_watch_free(struct net_watch **watch)
{
	if (!*watch)
		return;
	uv_close((uv_handle_t *)&(*watch)->handle, on_close);
	*watch = NULL;
}
