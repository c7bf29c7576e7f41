/*
 * Telling a session what changed in its mailbox (RFC 3501 5.2, 7.2-7.4).
 *
 * sync_client() runs after every command and while IDLE waits: it looks what
 * others did to the Maildir, moves the view, and writes EXPUNGE, EXISTS and
 * FETCH lines, as many as fit; the rest in the next call.
 */
#include "base/log.h"
#include "imapd/context.h"
#include "imapd/fetch.h"
#include "imapd/notify.h"
#include "imapd/place.h"

/* ---- flags ----------------------------------------------------------------
 */

static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
    {STORE_ANSWERED, "\\Answered"}, {STORE_FLAGGED, "\\Flagged"},
    {STORE_DELETED, "\\Deleted"},   {STORE_SEEN, "\\Seen"},
    {STORE_DRAFT, "\\Draft"},	    {STORE_PASSED, "$Forwarded"},
};

uint32_t flag_bit(struct pf_str name)
{
	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (pf_str_ieq(name, pf_str_c(flag_names[i].name)))
			return flag_names[i].flag;
	return 0;
}

static void add_word(struct pf_buf *to, size_t start, const char *word)
{
	if (to->len > start)
		pf_buf_add_byte(to, ' ');
	pf_buf_add_c(to, word);
}

static void write_keywords(struct pf_buf *to, size_t start,
			   const struct store_box *box, uint64_t keywords)
{
	while (keywords) {
		unsigned number = (unsigned)__builtin_ctzll(keywords);
		const char *name = store_box_keyword(box, number);

		keywords &= keywords - 1;
		if (name)
			add_word(to, start, name);
	}
}

void write_flags(struct pf_buf *to, struct client *client,
		 const struct store_msg *msg)
{
	pf_buf_add_byte(to, '(');
	size_t start = to->len;
	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (msg->flags & flag_names[i].flag)
			add_word(to, start, flag_names[i].name);
	if (!client->rev2 && store_view_recent(client->view, msg->uid))
		add_word(to, start, "\\Recent");
	write_keywords(to, start, client->box, msg->keywords);
	pf_buf_add_byte(to, ')');
}

static uint64_t keywords_of(const struct store_box *box)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++)
		if (store_box_keyword(box, i))
			all |= UINT64_C(1) << i;
	return all;
}

/* Those of `flags`, and these keywords */
static void write_flag_list(struct client *client, uint32_t flags,
			    uint64_t keywords)
{
	size_t start = client->out.len;

	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (flags & flag_names[i].flag)
			add_word(&client->out, start, flag_names[i].name);
	write_keywords(&client->out, start, client->box, keywords);
}

void write_flag_lists(struct client *client)
{
	uint64_t keywords = keywords_of(client->box);

	pf_buf_add_c(&client->out, "* FLAGS (");
	write_flag_list(client, STORE_FLAGS_ALL, keywords);
	pf_buf_add_c(&client->out, ")\r\n* OK [PERMANENTFLAGS (");
	if (!client->read_only) {
		/* RFC 4314 5.1.1: what this user may set */
		bool any = rights_keywords(client->rights);
		write_flag_list(client, share_flags(client->rights),
				any ? keywords : 0);
		if (any && keywords != UINT64_MAX) /* room for more */
			pf_buf_add_c(&client->out, " \\*");
	}
	pf_buf_add_c(&client->out, ")] Flags permitted\r\n");
	client->keywords_told = keywords;
}

void tell_keywords(struct client *client, const struct store_msg *msg)
{
	if (msg->keywords & ~client->keywords_told)
		write_flag_lists(client);
}

void write_exists(struct client *client, uint32_t exists)
{
	pf_buf_addf(&client->out, "* %u EXISTS\r\n", exists);
	if (!client->rev2)
		pf_buf_addf(&client->out, "* %u RECENT\r\n",
			    store_view_recent_count(client->view));
}

void write_number(struct pf_buf *to, const char *before, uint64_t n,
		  const char *after)
{
	pf_buf_add_c(to, before);
	pf_buf_add_u64(to, n);
	pf_buf_add_c(to, after);
}

void write_fetch_head(struct client *client, uint32_t uid)
{
	if (client->uidonly)
		write_number(&client->out, "* ", uid, " UIDFETCH (");
	else
		write_number(&client->out, "* ",
			     store_view_seq(client->view, uid), " FETCH (");
}

void write_fetch_flags(struct cmd *cmd, uint32_t uid, bool flags, bool modseq)
{
	struct client *client = cmd->client;
	struct pf_buf *out = &client->out;
	const struct store_msg *msg = store_box_find(client->box, uid);
	const char *blank = "";

	if (!msg || !store_view_seq(client->view, uid))
		return;
	if (flags)
		tell_keywords(client, msg);
	write_fetch_head(client, uid);
	/* RFC 9051 7.5.2: what nobody asked for says of which message it is */
	if (!client->uidonly &&
	    (cmd->uid || client->condstore || client->rev2 || client->notify)) {
		write_number(out, "UID ", uid, "");
		blank = " ";
	}
	if (flags) {
		pf_buf_addf(out, "%sFLAGS ", blank);
		write_flags(out, client, msg);
		blank = " ";
	}
	if (modseq)
		pf_buf_addf(out, "%sMODSEQ (%llu)", blank,
			    (unsigned long long)msg->modseq);
	pf_buf_add_c(out, ")\r\n");
}

/* ---- what changed ---------------------------------------------------------
 */

/* Expunged messages on one line of VANISHED */
#define VANISHED_UIDS 4096

/* False: the mailbox under the session is not there any more. */
static bool still_there(struct client *client)
{
	struct store_box_info info;

	store_box_info(client->box, &info);
	if (store_box_exists(client->box) &&
	    info.uidvalidity == client->uidvalidity)
		return true;
	bool reset = store_box_is_reset(client->box);
	pf_buf_addf(&client->out, "* BYE [UNAVAILABLE] The mailbox %s\r\n",
		    reset ? "has changed: select it again" : "was deleted");
	client->gone = reset ? "mailbox reset" : "mailbox deleted";
	return false;
}

static void look(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};
	pf_status status =
	    store_box_sync(client->box, !client->read_only, &err);

	if (status != PF_OK && store_box_exists(client->box))
		pf_log_error(PF_LOG_WARN, "sync-failed", &err,
			     PF_LOGC("user", client->user->name),
			     PF_LOGS("mailbox", store_box_name(client->box)));
}

static void tell_exists(struct client *client,
			const struct store_view_changes *changes)
{
	struct store_box *box = client->box;

	if (!changes->exists_changed)
		return;
	write_exists(client, changes->exists);
	place_index_hint(client, store_box_store(box), store_box_name(box));
}

/* RFC 7162 3.2.10, RFC 9586 3.2: UIDs instead of numbers */
static void tell_vanished(struct cmd *cmd)
{
	const struct store_uids *uids = &cmd->changes.expunged_uids;
	size_t n = uids->n - cmd->told;

	if (n > VANISHED_UIDS)
		n = VANISHED_UIDS;
	pf_buf_add_c(&cmd->client->out, "* VANISHED ");
	imap_set_write(&cmd->client->out, uids->v + cmd->told, n);
	pf_buf_add_c(&cmd->client->out, "\r\n");
	cmd->told += n - 1;
}

/* Does NOTIFY let it through? */
static bool tells(const struct cmd *cmd, enum imap_event event)
{
	return cmd->tells_all || (cmd->def->flags & CMD_REMOVES) ||
	       notify_tells(cmd->client, event);
}

/* RFC 5465 5.2: what NOTIFY wants of new messages, those with a UID over
 * `last`. */
static void fetch_news(struct cmd *cmd, uint32_t last)
{
	struct client *client = cmd->client;
	const struct imap_fetch *what = notify_fetch(client);
	struct store_uids uids = {0};
	uint32_t count = store_view_count(client->view);

	if (!what)
		return;
	for (uint32_t seq = store_view_seq_from(client->view, last + 1);
	     seq <= count; seq++) {
		uint32_t uid = store_view_uid(client->view, seq);
		if (!notify_is_own(client, uid) &&
		    !context_update_told(cmd->update, uid))
			pf_vec_push(&uids, uid);
	}
	notify_own_told(client);
	if (uids.n)
		cmd->fetch = fetch_new(client, what, &uids);
	pf_vec_release(&uids);
}

/* Lines in the order of the changes; cmd->told counts what they tell. */
static enum run tell(struct cmd *cmd)
{
	struct client *client = cmd->client;
	const struct store_view_changes *ch = &cmd->changes;
	size_t expunges = ch->expunged_seqs.n;

	for (; cmd->told < expunges + 1 + ch->changed.n; cmd->told++) {
		size_t at = cmd->told;

		if (client_full(client))
			return RUN_OUTPUT;
		if (at > expunges && !tells(cmd, IMAP_EVENT_FLAGS))
			continue;
		if (at < expunges && (client->qresync || client->uidonly))
			tell_vanished(cmd);
		else if (at < expunges)
			pf_buf_addf(&client->out, "* %u EXPUNGE\r\n",
				    ch->expunged_seqs.v[at]);
		else if (at == expunges)
			tell_exists(client, ch);
		else
			write_fetch_flags(cmd, ch->changed.v[at - expunges - 1],
					  true, client->condstore);
	}
	return RUN_DONE;
}

static uint32_t last_uid(const struct client *client)
{
	uint32_t count = store_view_count(client->view);

	return count ? store_view_uid(client->view, count) : 0;
}

enum run sync_client(struct cmd *cmd, bool may_expunge)
{
	struct client *client = cmd->client;

	if (!cmd->telling) {
		if (client->notify && notify_tells(client, IMAP_EVENT_NEW))
			client_watch(client);
		look(cmd);
		if (!still_there(client) || !place_still(client))
			return RUN_DONE;
		/* Where no message event is told the numbers stay as they
		 * are: the view does not move. */
		if (!store_view_pending(client->view) ||
		    !tells(cmd, IMAP_EVENT_NEW))
			return RUN_DONE;
		cmd->last = last_uid(client);
		cmd->update = context_update_new(client);
		cmd->changes = (struct store_view_changes){0};
		store_view_update(client->view, may_expunge, &cmd->changes);
		cmd->telling = true;
		cmd->told = 0;
	}
	enum run result = tell(cmd);
	if (result == RUN_DONE && cmd->update && !cmd->fetch)
		result = context_update_tell(cmd, cmd->update);
	if (result == RUN_DONE && cmd->changes.exists_changed && !cmd->fetch)
		fetch_news(cmd, cmd->last);
	if (result == RUN_DONE && cmd->fetch)
		result = fetch_tell(cmd, cmd->fetch);
	if (result != RUN_DONE)
		return result;
	fetch_free(&cmd->fetch);
	context_update_free(&cmd->update);
	store_view_changes_release(&cmd->changes);
	cmd->telling = false;
	return RUN_DONE;
}

void client_condstore(struct client *client)
{
	struct store_box_info info;

	if (client->condstore)
		return;
	client->condstore = true;
	if (!client->view)
		return;
	/* RFC 7162 3.1.2: once, when turned on inside a mailbox */
	store_box_info(client->box, &info);
	pf_buf_addf(&client->out, "* OK [HIGHESTMODSEQ %llu] Highest\r\n",
		    (unsigned long long)info.highest_modseq);
}
