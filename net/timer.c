/* Timers. */
#include "net/private.h"

#include <stdlib.h>

struct net_timer {
	uv_timer_t handle;
	void (*fn)(void *);
	void *arg;
};

static void on_timer(uv_timer_t *handle)
{
	struct net_timer *timer = handle->data;

	timer->fn(timer->arg);
}

struct net_timer *net_timer_new(struct net_loop *loop, void (*fn)(void *),
				void *arg)
{
	struct net_timer *timer = calloc(1, sizeof *timer);

	if (!timer)
		abort();
	timer->fn = fn;
	timer->arg = arg;
	(void)uv_timer_init(&loop->uv, &timer->handle);
	timer->handle.data = timer;
	return timer;
}

void net_timer_start(struct net_timer *timer, uint64_t ms, uint64_t repeat_ms)
{
	(void)uv_timer_start(&timer->handle, on_timer, ms, repeat_ms);
}

void net_timer_stop(struct net_timer *timer)
{
	(void)uv_timer_stop(&timer->handle);
}

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void net_timer_free(struct net_timer **timer)
{
	if (!*timer)
		return;
	uv_close((uv_handle_t *)&(*timer)->handle, on_close);
	*timer = NULL;
}
