/*
 * GETMETADATA and SETMETADATA (RFC 5464); LIST asks here too (RFC 9590).
 *
 * What a mailbox has is in the store.  The server's /shared entries are the
 * administrator's: /shared/admin comes from the configuration, and nobody can
 * set one here but the script for IMAP events (RFC 6785).
 *
 * Changes are told to the user's other sessions that said ENABLE METADATA or
 * METADATA-SERVER (RFC 5464 4.1): they are noted in a short list of the user,
 * and each session reads it behind its next command, or at once in IDLE.
 */
#include <stdlib.h>

#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/place.h"

#define ENTRIES_MAX 1000

struct get {
	struct pf_str mailbox;
	struct metadata_entries entries;
	int depth; /* 0, 1, -1: infinity */
	bool maxsize_given, open;
	uint64_t maxsize, longest;
	struct store_metadatas all;
	size_t at, from; /* asked entry, and where in `all` it goes on */
};

/* ---- arguments -----------------------------------------------------------
 */

static bool is_prefix(struct pf_str name)
{
	return pf_str_ieq(name, PF_STR("/shared")) ||
	       pf_str_ieq(name, PF_STR("/private"));
}

static bool add_entry(struct cmd *cmd, const struct imap_arg *arg,
		      struct metadata_entries *entries)
{
	struct pf_str name;

	if (!imap_arg_astring(arg, &name) ||
	    !(store_metadata_name_valid(name) || is_prefix(name))) {
		reply_bad(cmd, "%s: that is no name of an entry",
			  cmd->def->name);
		return false;
	}
	if (entries->n == ENTRIES_MAX) {
		reply_no(cmd, "[LIMIT] Too many entries");
		return false;
	}
	entries->v[entries->n++] = pf_arena_str(&cmd->arena, name);
	return true;
}

bool metadata_entries_parse(struct cmd *cmd, const struct imap_arg *arg,
			    struct metadata_entries *entries)
{
	const struct imap_arg *list;

	*entries = (struct metadata_entries){
	    pf_arena_array(&cmd->arena, ENTRIES_MAX, sizeof *entries->v), 0};
	if (!imap_arg_list(arg, &list))
		return add_entry(cmd, arg, entries);
	if (list->kind == IMAP_END) {
		reply_bad(cmd, "%s needs entries", cmd->def->name);
		return false;
	}
	for (; list->kind != IMAP_END; list++)
		if (!add_entry(cmd, list, entries))
			return false;
	return true;
}

static bool read_options(struct cmd *cmd, const struct imap_arg *list,
			 struct get *get)
{
	for (; list->kind != IMAP_END; list += 2) {
		const struct imap_arg *value = &list[1];
		if (imap_arg_is_atom(list, "MAXSIZE") &&
		    imap_arg_number(value, UINT32_MAX, &get->maxsize)) {
			get->maxsize_given = true;
		} else if (imap_arg_is_atom(list, "DEPTH") &&
			   (imap_arg_is_atom(value, "0") ||
			    imap_arg_is_atom(value, "1") ||
			    imap_arg_is_atom(value, "INFINITY"))) {
			get->depth = imap_arg_is_atom(value, "0")   ? 0
				     : imap_arg_is_atom(value, "1") ? 1
								    : -1;
		} else {
			reply_bad(cmd, "Unknown option of GETMETADATA");
			return false;
		}
	}
	return true;
}

/* RFC 5464 3.3: "l", and any of these */
static bool may_annotate(const struct share_place *place)
{
	return (place->rights & STORE_LOOKUP) &&
	       (place->rights & (STORE_READ | STORE_KEEP_SEEN | STORE_WRITE |
				 STORE_INSERT | STORE_POST));
}

/* Where the entries of a mailbox are, and whose private ones; the empty name
 * is the server, which here is the user's account. */
static pf_status find_place(struct cmd *cmd, struct pf_str mailbox,
			    struct share_place *place, const char **who,
			    struct pf_error *err)
{
	struct user *user = cmd->client->user;
	pf_status status = PF_OK;

	*who = NULL;
	if (mailbox.n == 0) {
		*place = (struct share_place){.store = user->store};
		return PF_OK;
	}
	status = place_quietly(cmd->client, mailbox, STORE_LOOKUP, place, err);
	if (status == PF_OK && !may_annotate(place))
		status = pf_error_set(err, PF_NOPERM,
				      "You have not the right to do that",
				      "no right");
	if (status == PF_OK && place->store != user->store)
		*who = user->name;
	return status;
}

/* The empty name is the server.  A mailbox must be there. */
static bool read_mailbox(struct cmd *cmd, const struct imap_arg *arg,
			 struct pf_str *name)
{
	struct share_place place;
	struct pf_error err = {0};
	const char *who;

	if (imap_arg_astring(arg, name) && name->n == 0)
		return true;
	if (!arg_mailbox(cmd, arg, name))
		return false;
	pf_status status = find_place(cmd, *name, &place, &who, &err);
	if (status != PF_OK)
		reply_error(cmd, &err);
	return status == PF_OK;
}

/* [(options)] mailbox entries.  Older clients put the options behind the
 * mailbox, as the examples of RFC 5464 4.2.1 do. */
static bool read_get(struct cmd *cmd, struct get *get)
{
	const struct imap_arg *args = cmd->args, *list;
	bool options = false;

	if (imap_arg_list(&args[0], &list)) {
		options = true;
		if (!read_options(cmd, list, get))
			return false;
		args++;
	}
	const struct imap_arg *mailbox = args++;
	if (mailbox->kind == IMAP_END || args[0].kind == IMAP_END) {
		reply_bad(cmd, "GETMETADATA needs a mailbox and entries");
		return false;
	}
	if (!options && args[1].kind != IMAP_END &&
	    imap_arg_list(&args[0], &list)) {
		if (!read_options(cmd, list, get))
			return false;
		args++;
	}
	if (args[1].kind != IMAP_END) {
		reply_bad(cmd, "GETMETADATA: too many arguments");
		return false;
	}
	return metadata_entries_parse(cmd, &args[0], &get->entries) &&
	       read_mailbox(cmd, mailbox, &get->mailbox);
}

/* ---- GETMETADATA ---------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
	const struct store_metadata *x = a, *y = b;

	return pf_str_cmp(x->entry, y->entry);
}

/* RFC 5464 6.2.1: whom to write to about the server */
static void add_server_entries(struct cmd *cmd, struct store_metadatas *all)
{
	const struct pf_conf *conf = cmd->client->user->server->conf;
	struct pf_buf uri = PF_BUF_INIT(1024);

	if (!conf->postmaster_address[0])
		return;
	pf_buf_addf(&uri, "mailto:%s", conf->postmaster_address);
	struct store_metadata admin = {
	    PF_STR("/shared/admin"),
	    pf_arena_str(&cmd->arena, pf_buf_str(&uri))};
	pf_vec_push(all, admin);
	qsort(all->v, all->n, sizeof *all->v, compare);
	pf_buf_release(&uri);
}

static pf_status read_all(struct cmd *cmd, struct pf_str mailbox,
			  struct store_metadatas *all, struct pf_error *err)
{
	struct share_place place;
	const char *who;
	pf_status status = find_place(cmd, mailbox, &place, &who, err);

	if (status == PF_OK)
		status = store_metadata_list(place.store, place.name, who,
					     &cmd->arena, all, err);
	if (status == PF_OK && mailbox.n == 0)
		add_server_entries(cmd, all);
	return status;
}

/* RFC 5464 5: a value with NUL is a literal8. */
static void write_value(struct pf_buf *out, struct pf_str value)
{
	if (pf_str_chr(value, '\0') < 0) {
		imap_write_nstring(out, value);
		return;
	}
	pf_buf_addf(out, "~{%zu}\r\n", value.n);
	pf_buf_add_str(out, value);
}

static void write_head(struct client *client, struct pf_str mailbox)
{
	struct pf_buf *out = &client->out;

	pf_buf_add_c(out, "* METADATA ");
	if (mailbox.n)
		write_mailbox(out, client, mailbox);
	else
		pf_buf_add_c(out, "\"\"");
	pf_buf_add_c(out, " (");
}

static void write_entry(struct cmd *cmd, struct get *get, struct pf_str name,
			struct pf_str value)
{
	struct pf_buf *out = &cmd->client->out;

	if (get->maxsize_given && value.n > get->maxsize) {
		if (value.n > get->longest)
			get->longest = value.n;
		return;
	}
	if (get->open)
		pf_buf_add_byte(out, ' ');
	else
		write_head(cmd->client, get->mailbox);
	get->open = true;
	imap_write_astring(out, name);
	pf_buf_add_byte(out, ' ');
	write_value(out, value);
}

static void close_list(struct cmd *cmd, struct get *get)
{
	if (get->open)
		pf_buf_add_c(&cmd->client->out, ")\r\n");
	get->open = false;
}

static size_t find_entry(const struct store_metadatas *all, struct pf_str name)
{
	for (size_t i = 0; i < all->n; i++)
		if (pf_str_ieq(all->v[i].entry, name))
			return i;
	return all->n;
}

/* Is it the asked entry, or below it as far as the depth says? */
static bool in_depth(const struct get *get, struct pf_str asked,
		     struct pf_str entry)
{
	if (!pf_str_istarts(entry, asked))
		return false;
	struct pf_str rest = pf_str_from(entry, asked.n);
	if (rest.n == 0)
		return true;
	return rest.p[0] == '/' &&
	       (get->depth < 0 || pf_str_chr(pf_str_from(rest, 1), '/') < 0);
}

/* One asked entry, or as much of it as fits.  False: the output is full. */
static bool answer_entry(struct cmd *cmd, struct get *get, struct pf_str asked)
{
	const struct store_metadatas *all = &get->all;

	if (get->depth == 0) {
		size_t at = find_entry(all, asked);
		write_entry(cmd, get, asked,
			    at < all->n ? all->v[at].value
					: (struct pf_str){NULL, 0});
		return true;
	}
	for (; get->from < all->n; get->from++) {
		if (client_full(cmd->client))
			return false;
		if (in_depth(get, asked, all->v[get->from].entry))
			write_entry(cmd, get, all->v[get->from].entry,
				    all->v[get->from].value);
	}
	get->from = 0;
	return true;
}

static void release_get(struct cmd *cmd)
{
	struct get *get = cmd->state;

	pf_vec_release(&get->all);
}

enum run run_getmetadata(struct cmd *cmd)
{
	struct get *get = cmd->state;
	struct pf_error err = {0};

	if (!get) {
		get = PF_ARENA_NEW(&cmd->arena, struct get);
		if (!read_get(cmd, get))
			return RUN_DONE;
		cmd->state = get;
		cmd->release = release_get;
		if (read_all(cmd, get->mailbox, &get->all, &err) != PF_OK)
			return reply_error(cmd, &err);
	}
	/* RFC 5464 4.4.1: a response may tell a part of them */
	for (; get->at < get->entries.n; get->at++)
		if (client_full(cmd->client) ||
		    !answer_entry(cmd, get, get->entries.v[get->at])) {
			close_list(cmd, get);
			return RUN_OUTPUT;
		}
	close_list(cmd, get);
	if (get->longest)
		return reply_ok(cmd,
				"[METADATA LONGENTRIES %llu] GETMETADATA "
				"completed",
				(unsigned long long)get->longest);
	return reply_completed(cmd);
}

pf_status metadata_write(struct cmd *cmd, struct pf_str name,
			 const struct metadata_entries *entries,
			 struct pf_error *err)
{
	struct get get = {.mailbox = name, .entries = *entries};
	pf_status status = read_all(cmd, name, &get.all, err);

	for (size_t i = 0; status == PF_OK && i < entries->n; i++)
		(void)answer_entry(cmd, &get, entries->v[i]);
	close_list(cmd, &get);
	pf_vec_release(&get.all);
	return status;
}

/* ---- SETMETADATA ---------------------------------------------------------
 */

static bool read_pair(struct cmd *cmd, const struct imap_arg *pair,
		      struct store_metadata *change)
{
	if (!imap_arg_astring(&pair[0], &change->entry) ||
	    !store_metadata_name_valid(change->entry)) {
		reply_bad(cmd, "SETMETADATA: that is no name of an entry");
		return false;
	}
	if (pair[1].kind != IMAP_STRING && pair[1].kind != IMAP_NIL) {
		reply_bad(cmd, "SETMETADATA: an entry without a value");
		return false;
	}
	if (!imap_arg_nstring(&pair[1], &change->value))
		change->value = (struct pf_str){NULL, 0};
	if (change->value.n > STORE_METADATA_VALUE_MAX) {
		reply_no(cmd, "[METADATA MAXSIZE %d] The value is too long",
			 STORE_METADATA_VALUE_MAX);
		return false;
	}
	return true;
}

static bool read_changes(struct cmd *cmd, const struct imap_arg *list,
			 struct store_metadata **changes, size_t *count)
{
	size_t n = 0, args = 0;

	while (list[args].kind != IMAP_END)
		args++;
	if (args == 0 || args % 2) {
		reply_bad(cmd, "SETMETADATA needs entries and values");
		return false;
	}
	if (args / 2 > ENTRIES_MAX) {
		reply_no(cmd, "[METADATA TOOMANY] Too many entries");
		return false;
	}
	*changes = pf_arena_array(&cmd->arena, args / 2, sizeof **changes);
	for (; n < args / 2; n++)
		if (!read_pair(cmd, &list[2 * n], &(*changes)[n]))
			return false;
	*count = n;
	return true;
}

/* Of the server, which is this account: one is the user's (RFC 6785 2.3.1). */
static bool sets_admins(const struct store_metadata *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pf_str_istarts(changes[i].entry, PF_STR("/shared/")) &&
		    !pf_str_ieq(changes[i].entry,
				PF_STR("/shared/imapsieve/script")))
			return true;
	return false;
}

static bool sets_shared(const struct store_metadata *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pf_str_istarts(changes[i].entry, PF_STR("/shared/")))
			return true;
	return false;
}

enum run run_setmetadata(struct cmd *cmd)
{
	struct client *client = cmd->client;
	const struct imap_arg *list;
	struct store_metadata *changes;
	struct share_place place;
	struct pf_error err = {0};
	struct pf_str mailbox;
	const char *who;
	size_t count;

	if (!args_are(cmd->args, 2) || !imap_arg_list(&cmd->args[1], &list))
		return reply_bad(cmd, "SETMETADATA needs a mailbox and a list");
	if (!read_changes(cmd, list, &changes, &count) ||
	    !read_mailbox(cmd, &cmd->args[0], &mailbox))
		return RUN_DONE;
	if (mailbox.n == 0 && sets_admins(changes, count))
		return reply_no(cmd, "[NOPERM] Shared entries of the server "
				     "are the administrator's");
	pf_status status = find_place(cmd, mailbox, &place, &who, &err);
	/* what all see takes more than RFC 5464 3.3 asks for */
	if (status == PF_OK && mailbox.n && sets_shared(changes, count) &&
	    !(place.rights & STORE_WRITE))
		status = pf_error_set(&err, PF_NOPERM,
				      "You have not the right to do that",
				      "no right to shared entries");
	if (status == PF_OK)
		status = store_metadata_set(place.store, place.name, who,
					    changes, count, &err);
	if (status == PF_LIMIT)
		return reply_no(cmd, "[METADATA TOOMANY] %s", err.client);
	if (status != PF_OK)
		return reply_error(cmd, &err);
	metadata_changed(client, mailbox, changes, count);
	return reply_completed(cmd);
}

/* ---- telling others ------------------------------------------------------
 */

void metadata_changed(struct client *by, struct pf_str mailbox,
		      const struct store_metadata *changes, size_t count)
{
	struct user *user = by->user;
	struct pf_buf text = PF_BUF_INIT(CLIENT_OUT_SOFT);
	struct metadata_news *news =
	    &user->metadata_news[user->metadata_serial % METADATA_NEWS];

	for (size_t i = 0; i < count; i++) {
		pf_buf_add_byte(&text, ' ');
		imap_write_astring(&text, changes[i].entry);
	}
	free(news->mailbox);
	free(news->entries);
	*news = (struct metadata_news){by->id, pf_str_dup(mailbox),
				       pf_str_dup(pf_buf_str(&text))};
	user->metadata_serial++;
	pf_buf_release(&text);
}

/* After ENABLE, or NOTIFY (RFC 5465 5.6, 5.7). */
static bool is_wanted(const struct client *client, struct pf_str mailbox)
{
	if (mailbox.n)
		return client->metadata ||
		       notify_wants(client, mailbox, IMAP_EVENT_METADATA);
	return client->metadata_server ||
	       notify_wants(client, mailbox, IMAP_EVENT_SERVER_METADATA);
}

void metadata_tell(struct client *client)
{
	const struct user *user = client->user;
	uint64_t told = client->metadata_told;

	client->metadata_told = user->metadata_serial;
	if (!client->metadata && !client->metadata_server && !client->notify)
		return;
	/* of a long list the end: these are hints */
	if (user->metadata_serial - told > METADATA_NEWS)
		told = user->metadata_serial - METADATA_NEWS;
	for (; told < user->metadata_serial; told++) {
		const struct metadata_news *news =
		    &user->metadata_news[told % METADATA_NEWS];
		struct pf_str mailbox = pf_str_c(news->mailbox);
		if (news->by == client->id || !news->entries[0] ||
		    !is_wanted(client, mailbox))
			continue;
		pf_buf_add_c(&client->out, "* METADATA ");
		if (mailbox.n)
			write_mailbox(&client->out, client, mailbox);
		else
			pf_buf_add_c(&client->out, "\"\"");
		pf_buf_addf(&client->out, "%s\r\n", news->entries);
	}
}

void metadata_enable(struct client *client, bool mailboxes)
{
	if (!client->metadata && !client->metadata_server)
		client->metadata_told = client->user->metadata_serial;
	if (mailboxes)
		client->metadata = true;
	client->metadata_server = true;
}

void metadata_news_release(struct user *user)
{
	for (size_t i = 0; i < METADATA_NEWS; i++) {
		free(user->metadata_news[i].mailbox);
		free(user->metadata_news[i].entries);
	}
}
