/*
 * net: all of libuv behind one interface.  Loop, listeners, connections
 * (write queue with marks, read pause, timeouts), TLS and DEFLATE as layers,
 * timers, descriptors to watch, worker jobs in two lanes, descriptor passing.
 *
 * Thread rule: everything is called from the loop's thread, except
 * net_loop_post() and the `work` half of a job.
 * Life rule: an object passed to a callback may be closed in that callback.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <sys/socket.h>

#include "base/buf.h"
#include "base/error.h"

/* ---- loop ---------------------------------------------------------- */

struct net_loop;

/* `disk_threads` and `hash_threads`: worker threads of the two lanes (started
 * when first used; 0 = that lane is not used). */
PF_CHECKED pf_status net_loop_new(int disk_threads, int hash_threads,
				  struct net_loop **loop, struct pf_error *err);

/* Runs until net_loop_stop().  Returns after open handles were closed. */
void net_loop_run(struct net_loop *loop);
void net_loop_stop(struct net_loop *loop);
void net_loop_free(struct net_loop **loop);

/* Calls fn(arg) on the loop's thread soon.  From any thread. */
void net_loop_post(struct net_loop *loop, void (*fn)(void *), void *arg);

/* Calls fn(arg, signal) for SIGTERM, SIGINT, SIGHUP, ...; kept until the loop
 * is freed. */
void net_loop_on_signal(struct net_loop *loop, int signal_number,
			void (*fn)(void *, int), void *arg);

/* ---- timers and descriptors --------------------------------------- */

struct net_timer;

/* One shot after ms; repeat_ms > 0: then again and again. */
struct net_timer *net_timer_new(struct net_loop *loop, void (*fn)(void *),
				void *arg);
void net_timer_start(struct net_timer *timer, uint64_t ms, uint64_t repeat_ms);
void net_timer_stop(struct net_timer *timer);
void net_timer_free(struct net_timer **timer);

struct net_watch;

/* fn(arg) each time fd (not owned) is readable.  NULL on failure. */
struct net_watch *net_watch_new(struct net_loop *loop, int fd,
				void (*fn)(void *), void *arg);
void net_watch_free(struct net_watch **watch);

/* ---- listeners ------------------------------------------------------ */

struct net_listener;

/* "host:port", "[v6]:port" or "unix:/path".  A Unix socket is created with
 * `mode` and owner/group (-1: leave), replacing a dead one; a live one is
 * EXISTS.  on_accept owns `fd` (non-blocking, close-on-exec); `peer` is
 * "192.0.2.1", "2001:db8::1" or "unix". */
struct net_listener_conf {
	const char *address;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	void (*on_accept)(void *arg, int fd, const char *peer, int peer_port);
	void *arg;
};
PF_CHECKED pf_status net_listener_new(struct net_loop *loop,
				      const struct net_listener_conf *conf,
				      struct net_listener **listener,
				      struct pf_error *err);
/* The TCP port it got (address "127.0.0.1:0": any free one); 0 for unix. */
int net_listener_port(const struct net_listener *listener);
/* Accepting can be paused when too many connections are open. */
void net_listener_pause(struct net_listener *listener, bool pause);
void net_listener_free(struct net_listener **listener);

/* Connects (blocking, short: loopback and Unix sockets).  Same addresses. */
PF_CHECKED pf_status net_connect(const char *address, int timeout_ms, int *fd,
				 struct pf_error *err);

/* ---- who is behind a proxy (PROXY protocol, versions 1 and 2) --------- */

#define NET_PROXY_MAX 536

struct net_proxy_peer {
	char ip[48], local_ip[48]; /* "": the proxy speaks for itself */
};
/* How many bytes behind these n surely belong to the header; 0: it is whole,
 * SIZE_MAX: it is none. */
size_t net_proxy_wants(const char *p, size_t n);
bool net_proxy_read(const char *p, size_t n, struct net_proxy_peer *peer);

/* Is the peer ("192.0.2.1", "unix") in a list of networks (trusted_networks)?
 * A Unix socket always is. */
bool net_is_trusted(const char *networks, const char *peer);

/* ---- connections ---------------------------------------------------- */

#define NET_HIGH_MARK (64 * 1024)
#define NET_LOW_MARK  (32 * 1024)

struct net_conn;
struct net_tls; /* a server's certificate and settings; see below */

struct net_conn_events {
	/* Bytes came in.  Returns how many were used; the rest is kept and
	 * shown again with what follows, or after net_conn_resume().  At
	 * `input_max` kept bytes reading pauses until some are used. */
	size_t (*on_input)(void *arg, const char *p, size_t n);
	/* The write queue fell below NET_LOW_MARK after it was over
	 * NET_HIGH_MARK, or became empty. */
	void (*on_drain)(void *arg);
	/* The peer closed its sending side (input ended); optional: NULL
	 * closes the connection. */
	void (*on_eof)(void *arg);
	/* Last call, exactly once, also after net_conn_close().  `why` has
	 * status CLOSED for an ordinary end, TIMEOUT, IO, ... */
	void (*on_closed)(void *arg, const struct pf_error *why);
	/* TLS is up after net_conn_start_tls(); optional. */
	void (*on_tls)(void *arg);
};

/* Takes fd over.  No callback happens before the loop turns again. */
PF_CHECKED pf_status net_conn_new(struct net_loop *loop, int fd,
				  const struct net_conn_events *events,
				  void *arg, size_t input_max,
				  struct net_conn **conn, struct pf_error *err);

/* Reads from one descriptor and writes to another (stdin and stdout: pipes,
 * files, terminals or one socket pair). */
PF_CHECKED pf_status net_conn_new_pair(struct net_loop *loop, int in_fd,
				       int out_fd,
				       const struct net_conn_events *events,
				       void *arg, size_t input_max,
				       struct net_conn **conn,
				       struct pf_error *err);

/* Queues bytes (copied unless written at once).  Never calls back from
 * inside.  Returns false when the queue is now over NET_HIGH_MARK: stop
 * producing until on_drain.  After a close it does nothing. */
bool net_conn_send(struct net_conn *conn, const void *p, size_t n);
size_t net_conn_queued(const struct net_conn *conn);

/* Stops / restarts the delivery of input. resume also shows kept input. */
void net_conn_pause(struct net_conn *conn);
void net_conn_resume(struct net_conn *conn);

/* From now on input goes on while our own write queue is over its mark, and
 * only pause stops it: for a relay, whose output is not made from its own
 * input.  Else both sides could wait for each other.  Resumes. */
void net_conn_set_relay(struct net_conn *conn);

/* Closes after what is queued was sent (at most 5 s), or at once. */
void net_conn_close(struct net_conn *conn);
void net_conn_abort(struct net_conn *conn);

/* Closes with TIMEOUT when no input comes for ms (0: never).  Restarted by
 * input.  Writing without progress for 5 minutes always closes. */
void net_conn_set_timeout(struct net_conn *conn, uint64_t ms);
/* Shut our sending side down after what is queued. */
void net_conn_shutdown(struct net_conn *conn);

/* Turns the connection into TLS, as server.  Call it after the last clear
 * byte was handed to net_conn_send (it is sent in clear first).  Fails with
 * INVALID if the peer already sent bytes behind its STARTTLS (injection);
 * inside on_input that is known only when it returns: if it did not use all
 * it was shown, the connection closes with INVALID.  What is sent before
 * on_tls waits for the handshake, which has 30 seconds. */
PF_CHECKED pf_status net_conn_start_tls(struct net_conn *conn,
					struct net_tls *tls,
					struct pf_error *err);
bool net_conn_is_tls(const struct net_conn *conn);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" */
const char *net_conn_tls_info(const struct net_conn *conn);

/* What names this TLS connection to both its ends (RFC 5056). */
enum net_binding {
	NET_BINDING_EXPORTER,  /* tls-exporter (RFC 9266), with TLS 1.3 */
	NET_BINDING_END_POINT, /* tls-server-end-point (RFC 5929) */
};
#define NET_BINDING_MAX 64
/* Its length; 0: there is none. */
size_t net_conn_tls_binding(const struct net_conn *conn, enum net_binding kind,
			    unsigned char to[NET_BINDING_MAX]);

/* From here on both ways are raw DEFLATE (RFC 4978), above TLS if there is
 * any.  Call it after the last plain byte was handed to net_conn_send.  INVALID
 * if the peer already sent plain bytes behind it, as in net_conn_start_tls. */
PF_CHECKED pf_status net_conn_start_deflate(struct net_conn *conn,
					    struct pf_error *err);
bool net_conn_is_deflated(const struct net_conn *conn);

/* Gives the descriptor back (without TLS, with an empty write queue, and with
 * nothing compressed left to read, else INVALID): the conn is freed without
 * on_closed.  Input kept but
 * not yet used is appended to `rest`; inside on_input the bytes being shown
 * are the callee's own to hand on. */
PF_CHECKED pf_status net_conn_detach(struct net_conn **conn, int *fd,
				     struct pf_buf *rest, struct pf_error *err);

/* ---- TLS ------------------------------------------------------------ */

/*
 * Certificate chains and their private keys: lists of PEM files, in the same
 * order (conf's tls_cert and tls_key).  A client that names a host gets the
 * first certificate that is for it, others get the first.  An OCSP response
 * (DER) in CERT_FILE.ocsp is stapled while it is valid.  INVALID unless each
 * key is its certificate's.
 */
PF_CHECKED pf_status net_tls_new(const char *certs, const char *keys,
				 const char *min_version, struct net_tls **tls,
				 struct pf_error *err);
void net_tls_ref(struct net_tls *tls);
void net_tls_unref(struct net_tls **tls);
/* When the first of its certificates ends, and of which file (by number); Unix
 * time. */
int64_t net_tls_expires(const struct net_tls *tls, size_t *which);

/*
 * The same with the keys in another process, which this forks: it alone opens
 * the files, and signs.  Before threads, loops and giving up rights.  It ends
 * when `key` is freed or we die.
 */
struct net_key;
PF_CHECKED pf_status net_key_new(const char *certs, const char *keys,
				 struct net_key **key, struct pf_error *err);
void net_key_free(struct net_key **key);
/* Looks at the files.  *changed: there are new ones, all good, for
 * net_tls_new_by_key().  INVALID (once for each change): they are not, and what
 * was there stays.  CLOSED: the other process is gone. */
PF_CHECKED pf_status net_key_look(struct net_key *key, bool *changed,
				  struct pf_error *err);
PF_CHECKED pf_status net_tls_new_by_key(struct net_key *key,
					const char *min_version,
					struct net_tls **tls,
					struct pf_error *err);

/* Writes a self-signed P-256 certificate (for the try-out and tests). */
PF_CHECKED pf_status net_tls_self_signed(const char *host,
					 const char *cert_file,
					 const char *key_file,
					 struct pf_error *err);

/* ---- jobs ------------------------------------------------------------ */

/*
 * A queue runs its jobs one after the other, in order, on the worker threads
 * of one lane; different queues run in parallel.  Lanes are separate, so slow
 * disks cannot hold up password checks and the other way round.
 */
enum net_lane {
	NET_LANE_DISK,
	NET_LANE_HASH,
	NET_LANE_SLOW, /* what may take minutes: programs, other servers */
	NET_LANES
};
struct net_queue;

struct net_queue *net_queue_new(struct net_loop *loop, enum net_lane lane);
/* Frees it once its last job is done; no further jobs. */
void net_queue_free(struct net_queue **queue);

/* work(arg) on a worker, then done(arg) on the loop's thread.  `arg` must
 * stay alive until done.  Jobs cannot be cancelled. */
void net_queue_run(struct net_queue *queue, void (*work)(void *),
		   void (*done)(void *), void *arg);

/* ---- descriptor passing (blocking socket or not, SOCK_SEQPACKET) ------ */

/* One packet of at most 64 KiB, with a descriptor if fd >= 0. BUSY: full. */
PF_CHECKED pf_status net_fd_send(int socket, int fd, const void *p, size_t n,
				 struct pf_error *err);
/* MORE when nothing is there (non-blocking), CLOSED at the end. *fd is -1
 * when none came. */
PF_CHECKED pf_status net_fd_receive(int socket, int *fd, void *p, size_t size,
				    size_t *n, struct pf_error *err);

#endif
