/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4; RETURN: RFC 4731; SAVE and "$":
 * RFC 5182; UPDATE: RFC 5267 4; MODSEQ: RFC 7162 3.1.5; OLDER, YOUNGER: RFC
 * 5032; PARTIAL: RFC 9394).
 */
#include "imapd/context.h"

static void release(struct cmd *cmd)
{
	find_release(cmd->state);
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct find *f = PF_ARENA_NEW(&cmd->arena, struct find);
	struct pf_error err = {0};
	pf_status status =
	    imap_search_parse(cmd->args, store_view_count(client->view),
			      star_uid(client), &cmd->arena, &f->what, &err);

	if (status != PF_OK)
		return find_syntax(cmd, status, &err);
	/* RFC 9051 6.4.4 */
	if (client->rev2 && !f->what.esearch) {
		f->what.esearch = true;
		f->what.returns = IMAP_RETURN_ALL;
	}
	cmd->state = f;
	cmd->release = release;
	enum run result = find_begin(cmd, f);
	if (result == RUN_MORE)
		find_narrow(f);
	return result;
}

enum run run_search(struct cmd *cmd)
{
	enum run result = RUN_MORE;

	if (!cmd->state)
		result = begin(cmd);
	if (result != RUN_MORE)
		return result;
	struct find *f = cmd->state;
	result = find_step(cmd, f);
	if (result != RUN_DONE || !f->found)
		return result;
	result = find_answer(cmd, f, "SEARCH", f->found);
	if (result != RUN_DONE)
		return result;
	if (f->what.returns & IMAP_RETURN_UPDATE)
		context_add(cmd, f, NULL, f->found);
	return reply_completed(cmd);
}
