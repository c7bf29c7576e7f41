/*
 * What the files of net/ share.  One rule explains most of it: memory that
 * libuv knows of is freed in a close callback only, and those always come
 * from the loop, never from inside a call of ours.  So a connection may be
 * closed, aborted or detached inside any callback, and the code that made
 * the callback still finds the object and looks at its state.
 */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <pthread.h>
#include <uv.h>

#include "base/vec.h"
#include "net/net.h"

#define NET_SCRATCH (64 * 1024)

/* ---- loop ---- */

struct net_post {
	struct pf_link link;
	void (*fn)(void *);
	void *arg;
};

struct net_lane_state {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct pf_link ready; /* queues that have a job and no worker */
	pthread_t *threads;
	int started, idle, waiting, max; /* waiting: length of `ready` */
	bool quit;
	struct net_loop *loop;
};

struct net_signal {
	uv_signal_t handle;
	void (*fn)(void *, int);
	void *arg;
	struct net_signal *next;
};

struct net_loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_idle_t turn; /* runs while `ready` holds connections */
	pthread_mutex_t lock;
	struct pf_link posts; /* struct net_post, under lock */
	struct pf_link conns, ready;
	struct net_signal *signals;
	struct net_lane_state lanes[NET_LANES];
	size_t jobs; /* handed in and not yet done */
	bool stopping;
	char *wire;	/* NET_SCRATCH: what was just read, of any connection */
	char *plain;	/* NET_SCRATCH: the same after decryption */
	char *expanded; /* NET_SCRATCH: ... and after DEFLATE */
};

/* Like net_loop_post with memory of the caller's; any thread. */
void net_loop_post_node(struct net_loop *loop, struct net_post *post);
void net_loop_turn_soon(struct net_loop *loop);

void net_lanes_init(struct net_loop *loop, int disk, int hash);
void net_lanes_stop(struct net_loop *loop);

/* The libuv error `code` (negative) as ours. */
pf_status net_uv_error(struct pf_error *err, int code, const char *what);

/* ---- addresses ---- */

struct net_address {
	struct sockaddr_storage sa;
	socklen_t len;
	char text[128]; /* for messages */
};
PF_CHECKED pf_status net_address_parse(const char *text, bool passive,
				       struct net_address *address,
				       struct pf_error *err);

/* ---- connections ---- */

/* Output that the kernel did not take yet.  `data` is what libuv works on
 * and must not move; what comes meanwhile waits in `next`.  Exists only
 * while there is something in it. */
struct net_out {
	uv_write_t req;
	char *data;
	size_t n, done; /* of data; done = completed by libuv */
	struct pf_buf next;
	uint64_t progress_at; /* loop time of the last progress */
	size_t left_then;     /* bytes libuv still had at that time */
};

enum net_conn_state {
	NET_CONN_OPEN,
	NET_CONN_FLUSHING, /* net_conn_close(): only the queue counts now */
	NET_CONN_CLOSED,   /* uv_close() called, on_closed to come */
};

struct net_tls_layer;
struct net_deflate;

struct net_conn {
	struct net_loop *loop;
	struct pf_link all, ready;
	uv_pipe_t pipe;	       /* any kind of socket works as a libuv "pipe" */
	struct net_pair *pair; /* only with two descriptors */
	uv_timer_t timer;
	uint64_t timer_at; /* loop time it is set to, 0 = not */
	struct net_conn_events events;
	void *arg;
	struct pf_buf kept; /* input that on_input left */
	struct net_tls_layer *tls;
	struct net_deflate *deflate; /* above tls */
	struct net_out *out;
	struct pf_error *why; /* NULL: an ordinary end */
	uint64_t timeout, last_input, close_at, handshake_at;
	uint64_t rest_at; /* the deflate layer gives memory back; 0: did so */
	int handles;	  /* open uv handles, for the last close callback */
	enum net_conn_state state;
	bool wanted, reading, paused, over, eof, eof_told, in_input, detached;
	bool relay; /* input goes on while output is over its mark */
	bool armed; /* a layer began inside on_input */
	bool shut_wanted, shut, tcp;
};

/* Input on its way up: from the socket or TLS, and as the application sees
 * it. */
void net_conn_pass(struct net_conn *conn, const char *p, size_t n);
void net_conn_deliver(struct net_conn *conn, const char *p, size_t n);
void net_conn_deliver_eof(struct net_conn *conn);
/* How many bytes may be delivered now (0: paused, over the mark, full). */
size_t net_conn_room(const struct net_conn *conn);
/* The same for net_conn_pass(). */
size_t net_conn_pass_room(const struct net_conn *conn);
/* Output on its way down: below DEFLATE, and for the socket; never calls
 * back. */
void net_conn_below(struct net_conn *conn, const void *p, size_t n);
void net_conn_wire(struct net_conn *conn, const void *p, size_t n);
/* Ends the connection now; err NULL or CLOSED: an ordinary end. */
void net_conn_fail(struct net_conn *conn, const struct pf_error *err);

/* Loop milliseconds without write progress before a connection is given
 * up, and for a TLS handshake.  Variables so that tests can be short. */
extern uint64_t net_conn_stall_ms, net_conn_handshake_ms, net_conn_flush_ms;
/* ... and until a deflate layer that has nothing to do rests. */
extern uint64_t net_conn_rest_ms;

/* ---- the TLS layer of one connection ---- */

/* A layer gets bytes from the socket (`input`) and from the application
 * (`output`), and passes on through net_conn_deliver and net_conn_wire. */
struct ssl_ctx_st; /* OpenSSL's SSL_CTX: where a connection begins */
struct ssl_ctx_st *net_tls_context(const struct net_tls *tls);
PF_CHECKED pf_status net_tls_layer_new(struct net_tls *tls,
				       struct net_conn *conn,
				       struct net_tls_layer **layer,
				       struct pf_error *err);
void net_tls_layer_input(struct net_tls_layer *layer, const char *p, size_t n);
void net_tls_layer_output(struct net_tls_layer *layer, const void *p, size_t n);
/* True if input() without new bytes might deliver something. */
bool net_tls_layer_pending(const struct net_tls_layer *layer);
bool net_tls_layer_up(const struct net_tls_layer *layer);
const char *net_tls_layer_info(struct net_tls_layer *layer);
size_t net_tls_layer_binding(struct net_tls_layer *layer, enum net_binding kind,
			     unsigned char to[NET_BINDING_MAX]);
void net_tls_layer_end(struct net_tls_layer *layer); /* close_notify */
void net_tls_layer_free(struct net_tls_layer **layer);

/* ---- the deflate layer of one connection (deflate.c) ---- */

struct net_deflate *net_deflate_new(struct net_conn *conn);
void net_deflate_input(struct net_deflate *layer, const char *p, size_t n);
void net_deflate_output(struct net_deflate *layer, const void *p, size_t n);
/* True if input() without new bytes might deliver something. */
/* Nothing compressed is left, so that plain bytes may follow; those that came
 * already are appended to `rest`.  True where there is no layer. */
bool net_deflate_is_over(const struct net_conn *conn, struct pf_buf *rest);
bool net_deflate_pending(const struct net_deflate *layer);
/* Gives back what is not needed before the next byte. */
void net_deflate_rest(struct net_deflate *layer);
bool net_deflate_resting(const struct net_deflate *layer);
void net_deflate_free(struct net_deflate **layer);

#endif
