/*
 * session: the process that serves those who logged in.  Takes connections
 * from the gate, asks authd who they are, and runs clients (client.h).
 */
#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

#include "auth/auth.h"
#include "imapd/server.h"

struct session {
	struct server server;
	unsigned worker;
	int socket; /* listening */
	struct net_watch *accept;
	struct pf_link gates; /* connections from gates */
	struct net_listener *control;
	struct auth_lookup *lookup;
	struct net_queue *lookups;
	size_t arriving; /* bytes of those that are being looked up */
	uid_t gate_uid;
};

/* Opens the sockets (as root: for the gate's user). */
PF_CHECKED pf_status session_init(struct session *session,
				  struct net_loop *loop,
				  const struct pf_conf *conf, unsigned worker,
				  struct pf_error *err);
void session_stop(struct session *session);
void session_release(struct session *session);

/* who.c: answers "who" on the control socket */
PF_CHECKED pf_status who_listen(struct server *server, const char *path,
				struct net_listener **listener,
				struct pf_error *err);

#endif
