/*
 * ManageSieve (RFC 5804) in the gate and in the session process: a second
 * front on the same roles.  The grammar and the scripts are msieve's.
 *
 * The gate relays these connections even without TLS, so that one can come
 * back to it by UNAUTHENTICATE.
 */
#ifndef IMAPD_MSIEVE_H
#define IMAPD_MSIEVE_H

#include "imapd/gate.h"
#include "imapd/handoff.h"
#include "imapd/server.h"
#include "msieve/msieve.h"

/* The lines that both sides' CAPABILITY has. */
void ms_common_capabilities(struct pf_buf *to, const struct pf_conf *conf);
/* The answer to NOOP. */
void ms_add_noop(struct pf_buf *to, const struct msieve_reader *reader);

/* ---- ms_gate.c: before login ---- */
void ms_gate_greet(struct gate_conn *g);
size_t ms_gate_input(struct gate_conn *g, const char *p, size_t n);
/* An IMAP result ("NO", "UNAVAILABLE") in ManageSieve's words. */
void ms_gate_result(struct gate_conn *g, const char *result, const char *code,
		    const char *text);
void ms_gate_challenge(struct gate_conn *g, struct pf_str base64);

/* ---- ms_session.c: after login ---- */

struct ms_client {
	struct pf_link link; /* server->managers */
	struct server *server;
	struct net_conn *conn;
	struct msieve_reader *reader;
	struct net_queue *queue;
	char *user, *home, *ip, *tls, *via;
	char *name;  /* at the gate (handoff.h) */
	int gate_fd; /* to give it back */
	uint64_t id;
	time_t since;
	int64_t active; /* last command, monotonic ms */
	unsigned bad;
	uint64_t commands;
	bool closing;
	const char *end;

	/* ---- the command's: a worker's while `busy` ---- */
	bool busy;
	const struct ms_command *command;
	struct pf_buf out;
};

struct ms_client_conf {
	const char *user, *home, *via; /* via may be NULL */
	struct pf_str ip, tls;
	int fd; /* taken over */
	struct pf_str name;
	int gate_fd; /* taken over */
};
PF_CHECKED pf_status ms_client_new(struct server *server,
				   const struct ms_client_conf *conf,
				   struct pf_error *err);
/* The end, after what was sent; `why` is kept. */
void ms_client_end(struct ms_client *client, const char *why);
/* BYE before. */
void ms_client_bye(struct ms_client *client, const char *text);
unsigned ms_client_count(const struct server *server, const char *user);

/* ---- ms_commands.c ---- */

struct ms_command {
	const char *name;
	const char *args;    /* of msieve_reader_args_are() */
	const char *or_args; /* another form, or NULL */
	/* On a worker, unless `quick`; appends the answer to client->out.
	 * NULL: only before login. */
	void (*run)(struct ms_client *client);
	bool quick;
};
const struct ms_command *ms_command_find(struct pf_str name);

#endif
