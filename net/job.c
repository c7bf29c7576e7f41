/*
 * Worker jobs.  A lane is a set of threads of our own (libuv has one pool for
 * everything, so a slow disk would hold up password checks); threads start
 * when work finds nobody idle.  A queue is in the lane's ready list while it
 * has jobs and no worker: that alone makes its jobs run one at a time and in
 * order.  After one job it goes to the end of the list, so that a queue with
 * many jobs does not keep a thread to itself.
 */
#include "net/private.h"

#include <signal.h>
#include <stdlib.h>

/* Enough for libc's resolver and our own (recursion-free) code; untouched
 * pages cost nothing. */
#define STACK_SIZE (1024 * 1024)
/* They wait for programs. */
#define SLOW_THREADS 4

struct job {
	struct net_post post; /* first the queue's list, then the loop's */
	struct net_loop *loop;
	void (*work)(void *);
	void (*done)(void *);
	void *arg;
};

struct net_queue {
	struct pf_link ready; /* in the lane's list */
	struct pf_link jobs;
	struct net_lane_state *lane;
	bool busy; /* in the ready list or at a worker */
	bool freed;
};

void net_lanes_init(struct net_loop *loop, int disk, int hash)
{
	const int max[NET_LANES] = {[NET_LANE_DISK] = disk,
				    [NET_LANE_HASH] = hash,
				    [NET_LANE_SLOW] = SLOW_THREADS};

	for (int i = 0; i < NET_LANES; i++) {
		struct net_lane_state *lane = &loop->lanes[i];

		pthread_mutex_init(&lane->lock, NULL);
		pthread_cond_init(&lane->wake, NULL);
		pf_list_init(&lane->ready);
		lane->max = max[i];
		lane->loop = loop;
	}
}

static void run_done(void *arg)
{
	struct job job = *(struct job *)arg;

	free(arg);
	job.loop->jobs--;
	job.done(job.arg);
}

/* With the lane's lock held, and held again on return. */
static void run_one(struct net_lane_state *lane, struct net_queue *queue)
{
	struct net_post *post =
	    pf_container_of(queue->jobs.next, struct net_post, link);
	struct job *job = pf_container_of(post, struct job, post);

	pf_list_remove(&post->link);
	pthread_mutex_unlock(&lane->lock);
	job->work(job->arg);
	net_loop_post_node(lane->loop, post);
	pthread_mutex_lock(&lane->lock);
	if (!pf_list_empty(&queue->jobs)) {
		pf_list_append(&lane->ready, &queue->ready);
		lane->waiting++;
		return;
	}
	queue->busy = false;
	if (queue->freed)
		free(queue);
}

static void *worker(void *arg)
{
	struct net_lane_state *lane = arg;

	pthread_mutex_lock(&lane->lock);
	while (!lane->quit || !pf_list_empty(&lane->ready)) {
		struct net_queue *queue;

		if (pf_list_empty(&lane->ready)) {
			lane->idle++;
			pthread_cond_wait(&lane->wake, &lane->lock);
			lane->idle--;
			continue;
		}
		queue =
		    pf_container_of(lane->ready.next, struct net_queue, ready);
		pf_list_remove(&queue->ready);
		lane->waiting--;
		run_one(lane, queue);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

/* Signals are the loop's thread's business. */
static void start_worker(struct net_lane_state *lane)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t *threads;

	threads = realloc(lane->threads,
			  ((size_t)lane->started + 1) * sizeof *threads);
	if (!threads)
		abort();
	lane->threads = threads;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (pthread_create(&threads[lane->started], &attr, worker, lane) == 0)
		lane->started++;
	else if (lane->started == 0)
		abort(); /* no thread at all: nothing would ever be done */
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void net_lanes_stop(struct net_loop *loop)
{
	for (int i = 0; i < NET_LANES; i++) {
		struct net_lane_state *lane = &loop->lanes[i];

		pthread_mutex_lock(&lane->lock);
		lane->quit = true;
		pthread_cond_broadcast(&lane->wake);
		pthread_mutex_unlock(&lane->lock);
		for (int t = 0; t < lane->started; t++)
			pthread_join(lane->threads[t], NULL);
		free(lane->threads);
		pthread_mutex_destroy(&lane->lock);
		pthread_cond_destroy(&lane->wake);
	}
}

struct net_queue *net_queue_new(struct net_loop *loop, enum net_lane lane)
{
	struct net_queue *queue = calloc(1, sizeof *queue);

	if (!queue)
		abort();
	queue->lane = &loop->lanes[lane];
	pf_list_init(&queue->jobs);
	return queue;
}

void net_queue_free(struct net_queue **queuep)
{
	struct net_queue *queue = *queuep;
	struct net_lane_state *lane;
	bool now;

	if (!queue)
		return;
	*queuep = NULL;
	lane = queue->lane;
	pthread_mutex_lock(&lane->lock);
	queue->freed = true;
	now = !queue->busy;
	pthread_mutex_unlock(&lane->lock);
	if (now)
		free(queue);
}

void net_queue_run(struct net_queue *queue, void (*work)(void *),
		   void (*done)(void *), void *arg)
{
	struct net_lane_state *lane = queue->lane;
	struct job *job = calloc(1, sizeof *job);

	if (!job || lane->max <= 0)
		abort(); /* a lane that net_loop_new was told not to have */
	job->loop = lane->loop;
	job->work = work;
	job->done = done;
	job->arg = arg;
	job->post.fn = run_done;
	job->post.arg = job;
	lane->loop->jobs++;
	pthread_mutex_lock(&lane->lock);
	pf_list_append(&queue->jobs, &job->post.link);
	if (!queue->busy) {
		queue->busy = true;
		pf_list_append(&lane->ready, &queue->ready);
		/* a signalled worker counts as idle until it runs */
		if (++lane->waiting > lane->idle && lane->started < lane->max)
			start_worker(lane);
		pthread_cond_signal(&lane->wake);
	}
	pthread_mutex_unlock(&lane->lock);
}
