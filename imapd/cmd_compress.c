/*
 * COMPRESS (RFC 4978).  Whatever stands behind the command is compressed
 * already, so nothing is read until it is answered (CMD_ALONE); the answer
 * itself goes out plain, and then the connection changes (run.c).
 */
#include "imapd/client.h"

enum run run_compress(struct cmd *cmd)
{
	struct client *client = cmd->client;

	if (!args_are(cmd->args, 1) || cmd->args[0].kind != IMAP_ATOM)
		return reply_bad(cmd, "COMPRESS needs an algorithm");
	if (!imap_arg_is_atom(&cmd->args[0], "DEFLATE"))
		return reply_no(cmd, "[CANNOT] Unknown algorithm");
	if (net_conn_is_deflated(client->conn))
		return reply_no(cmd, "[COMPRESSIONACTIVE] DEFLATE is active");
	client->deflate = true;
	return reply_ok(cmd, "DEFLATE active");
}
