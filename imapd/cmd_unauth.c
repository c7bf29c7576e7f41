/*
 * UNAUTHENTICATE (RFC 8437): back to before login, on the same connection.
 *
 * Only the gate may do SASL, so the connection goes back to it; that works
 * where the gate relays it (TLS), for then it never left.  When the answer is
 * sent, the session names the connection to the gate, hands it what came behind
 * the command and its end of the socket pair, where the rest lies unread, and
 * ends as any session does: nothing of it is left for the next login.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "imapd/client.h"
#include "imapd/handoff.h"

enum run run_unauthenticate(struct cmd *cmd)
{
	struct client *client = cmd->client;

	if (!args_are(cmd->args, 0))
		return reply_bad(cmd, "UNAUTHENTICATE takes no arguments");
	if (client->gate_fd < 0 || !client->user->server->conf->unauthenticate)
		return reply_bad(cmd, "UNAUTHENTICATE is not possible here");
	client_unselect(client);
	client->leaves = true;
	return reply_completed(cmd);
}

static pf_status give_back(struct client *c, int fd, struct pf_str rest,
			   struct pf_error *err)
{
	struct pf_buf packet = PF_BUF_INIT(HANDOFF_MAX);

	pf_buf_add_c(&packet, c->name);
	pf_buf_add_byte(&packet, '\0');
	pf_buf_add_str(&packet, rest);
	pf_status status = pf_buf_status(&packet, err);
	if (status == PF_OK)
		status =
		    net_fd_send(c->gate_fd, fd, packet.data, packet.len, err);
	pf_buf_wipe(&packet);
	return status;
}

void client_leave(struct client *c)
{
	struct pf_buf rest = PF_BUF_INIT(HANDOFF_MAX);
	struct pf_error err = {0};
	int fd = -1;

	if (c->in_input || net_conn_queued(c->conn) > 0)
		return; /* on_drain comes back */
	pf_buf_add_str(&rest, pf_buf_str(&c->pending));
	pf_status status = net_conn_detach(&c->conn, &fd, &rest, &err);
	if (status == PF_OK)
		status = give_back(c, fd, pf_buf_str(&rest), &err);
	if (status != PF_OK)
		pf_log_error(PF_LOG_WARN, "not-given-back", &err,
			     PF_LOGC("user", c->user->name));
	if (fd >= 0) {
		/* the gate sees the end, and looks for the packet */
		(void)shutdown(fd, SHUT_WR);
		close(fd);
	}
	pf_buf_wipe(&rest);
	c->closing = true;
	c->end = "unauthenticate";
	if (c->conn)
		net_conn_abort(c->conn);
}
