/*
 * gate: everything before login.
 *
 * The gate holds no mail, no password file and no opinion about who a user
 * is: authd checks the password and gives a one-time cookie, the session
 * process asks authd whose cookie it is.  After login a clear connection
 * leaves the gate altogether; a TLS connection stays, and the gate relays
 * between it and a socket pair, because the keys live here.
 */
#ifndef IMAPD_GATE_H
#define IMAPD_GATE_H

#include "auth/auth.h"
#include "base/conf.h"
#include "base/vec.h"
#include "imapd/command.h"
#include "imapd/handoff.h"
#include "net/net.h"

#define GATE_LISTENERS_MAX 32
#define GATE_WORKERS_MAX   64
/* What may have been sent behind UNAUTHENTICATE. */
#define GATE_BACK_MAX (512 * 1024)

struct gate;

struct gate_port {
	struct gate *gate;
	struct net_listener *listener;
	enum handoff_protocol protocol;
	bool tls;   /* from the first byte on */
	bool proxy; /* a proxy connects, and says for whom */
};

struct gate {
	struct net_loop *loop;
	const struct pf_conf *conf;
	struct net_key *key; /* NULL: no certificate */
	struct net_tls *tls; /* the same */
	unsigned ticks;
	struct auth_client *auth;
	struct gate_port ports[GATE_LISTENERS_MAX];
	size_t port_count;
	int workers[GATE_WORKERS_MAX]; /* sockets, -1: not connected */
	struct pf_link waiting;	       /* before login, oldest first */
	struct pf_link relays;	       /* after login, over TLS */
	struct pf_link proxied;	       /* of whom we do not know yet */
	size_t count, count_max;
	uint64_t last_id;
	bool full, stopping;
	struct net_timer *tick;
	char hostname[256];
};

/* `key` (or NULL) is the gate's from now on, also when this fails. */
PF_CHECKED pf_status gate_init(struct gate *gate, struct net_loop *loop,
			       struct net_key *key, const struct pf_conf *conf,
			       struct pf_error *err);
/* Looks whether there are new certificates (SIGHUP, and now and then). */
void gate_reload(struct gate *gate);
/* BYE to those who wait; the loop stops when the relays have ended. */
void gate_stop(struct gate *gate);
void gate_release(struct gate *gate);

enum gate_state {
	GATE_COMMANDS,
	GATE_SASL, /* the next line is an answer for authd */
	GATE_AUTH, /* authd works: input waits */
	GATE_HAND, /* logged in, waiting for our output to drain */
	GATE_RELAY,
	GATE_CLOSING,
};

struct gate_conn {
	struct pf_link link;
	struct gate *gate;
	enum handoff_protocol protocol;
	uint64_t id;
	struct net_conn *conn;
	struct net_conn *session; /* RELAY: our end of the socket pair */
	struct imap_reader *reader;
	struct msieve_reader *sieve_reader;
	struct auth_request *request;
	enum gate_state state;
	bool tls;
	bool returned;	    /* RELAY: the session gave it back, */
	int back_fd;	    /* with its end of the pair, or -1 */
	bool in_back;	    /* guards against reentry */
	struct pf_buf back; /* input that comes before what conn has */
	bool eof;	    /* RELAY: the client sends nothing more */
	unsigned failures, bad;
	char *tag;	 /* of the command being answered */
	char *mechanism; /* of the login that runs */
	char *cookie;	 /* HAND */
	unsigned worker; /* HAND */
	const char *end;
	int64_t deadline; /* monotonic ms, to log in */
	char ip[48], local_ip[48];
};

/* A new connection; local_ip "": that of its socket. */
void gate_accept(struct gate_port *port, int fd, const char *peer,
		 const char *local_ip);
/* proxied.c: the same, when the header has come */
void gate_proxied_accept(struct gate_port *port, int fd, const char *peer);
void gate_proxied_stop(struct gate *gate);

/* gate.c, for the commands */
void gate_send(struct gate_conn *g, struct pf_str text);
/* "tag text"; ends the command */
void gate_reply(struct gate_conn *g, const char *text);
/* The same, of either protocol: NO, UNAVAILABLE (or ""), words. */
void gate_result(struct gate_conn *g, const char *result, const char *code,
		 const char *text);
/* "* BYE text", then the end */
void gate_bye(struct gate_conn *g, const char *text);
void gate_close(struct gate_conn *g, const char *why);
/* Joins those who have to log in, from now on. */
void gate_set_deadline(struct gate_conn *g);
/* Commands go on, with input that waited (`back` first). */
void gate_continue(struct gate_conn *g);
/* Works on `back`, as far as the state allows, then on what conn has. */
void gate_take_back(struct gate_conn *g);
/* When neither side is connected any more. */
void gate_conn_free(struct gate_conn *g);
/* May clear-text passwords be sent here? */
bool gate_secure(const struct gate_conn *g);
bool gate_offers(const struct gate_conn *g, struct pf_str mechanism);
/* The mechanisms of the moment, with `before` in front of each. */
void gate_write_mechanisms(struct pf_buf *to, const struct gate_conn *g,
			   const char *before);
void write_capability_gate(struct pf_buf *to, const struct gate_conn *g);

/* cmd_auth.c: TLS from here on, or the end */
bool gate_begin_tls(struct gate_conn *g);
/* AUTHENTICATE; initial: base64, p NULL: none */
void gate_begin_sasl(struct gate_conn *g, struct pf_str mechanism,
		     struct pf_str initial);
/* a line that answers a challenge */
void gate_sasl_line(struct gate_conn *g, struct pf_str line);

/* relay.c: the connection goes to the session process of `user` */
void gate_hand_over(struct gate_conn *g, struct pf_str user,
		    const char *cookie);
/* HAND: the output is drained */
void gate_hand_now(struct gate_conn *g);

#endif
