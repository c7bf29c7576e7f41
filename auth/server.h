/* penfold-authd without its main(): sockets, jobs, delays, the log. */
#ifndef AUTH_SERVER_H
#define AUTH_SERVER_H

#include "auth/auth.h"

struct auth_server;

/* Makes the sockets below run_dir and serves them.  Secrets and sockets are
 * made with the rights of the moment, so call it before giving them up. */
PF_CHECKED pf_status auth_server_new(struct net_loop *loop,
				     const struct pf_conf *conf,
				     struct auth_server **server,
				     struct pf_error *err);
/* After net_loop_run() returned. */
void auth_server_free(struct auth_server **server);

#endif
