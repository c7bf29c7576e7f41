/*
 * CATENATE's URLs (RFC 4469, RFC 5092, URL-PARTIAL: RFC 5550 3): a message or
 * a part of one, of a mailbox that the user may read, copied block by block
 * with the line ends that FETCH would give it, so that PARTIAL counts the same
 * bytes.
 */
#include "imapd/catenate.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "imapd/fetch.h"
#include "imapd/place.h"

#define SECTION_MAX 1000

struct catenate {
	struct pf_str text; /* the URL, for [BADURL] */
	struct share_place place;
	bool held;
	struct store_box *box;
	struct imap_fetch_item item;
	struct message message;
	struct pf_buf out;
	bool prepared;
};

/* RFC 4469 4: which one it was */
static void bad_url(struct cmd *cmd, struct pf_str url, const char *why)
{
	pf_buf_clear(&cmd->reply);
	pf_buf_add_c(&cmd->reply, "NO [BADURL \"");
	for (size_t i = 0; i < url.n && i < 400; i++) {
		char c = url.p[i];
		if (c == '"' || c == '\\')
			pf_buf_add_byte(&cmd->reply, '\\');
		pf_buf_add_byte(&cmd->reply, c < 0x20 || c == 0x7f ? '?' : c);
	}
	pf_buf_addf(&cmd->reply, "\"] %s", why);
}

/* Is this us, and the user himself? */
static bool is_here(const struct client *client, const struct imap_url *url)
{
	const char *host = client->user->server->conf->hostname;
	char own[256] = "";

	if (url->user.n && !pf_str_ieq(url->user, pf_str_c(client->user->name)))
		return false;
	if (!host[0] && gethostname(own, sizeof own - 1) == 0)
		host = own;
	return url->host.n == 0 || pf_str_ieq(url->host, pf_str_c(host)) ||
	       pf_str_ieq(url->host, PF_STR("localhost"));
}

/* The section as FETCH knows it. */
static bool read_section(struct cmd *cmd, const struct imap_url *url,
			 struct imap_fetch_item *item)
{
	struct pf_buf text = PF_BUF_INIT(SECTION_MAX);
	struct imap_arg args[2] = {{.kind = IMAP_ATOM}, {.kind = IMAP_END}};
	struct imap_fetch fetch = {0};

	pf_buf_add_c(&text, "BODY.PEEK[");
	if (url->has_section)
		pf_buf_add_str(&text, url->section);
	pf_buf_add_byte(&text, ']');
	args[0].text = pf_arena_str(&cmd->arena, pf_buf_str(&text));
	bool good = !text.failed && pf_str_chr(url->section, ']') < 0 &&
		    imap_fetch_parse(&args[0], &args[1], &cmd->arena, &fetch,
				     NULL) == PF_OK &&
		    fetch.count == 1 && !fetch.items[0].partial;
	if (good) {
		*item = fetch.items[0];
		item->partial = url->partial;
		item->offset = url->offset;
		item->length = url->length;
	}
	pf_buf_release(&text);
	return good;
}

/* A reference of our own, whosever mailbox it is. */
static pf_status open_box(struct cmd *cmd, const struct imap_url *url,
			  struct catenate *c, struct pf_error *err)
{
	struct client *client = cmd->client;

	if (!url->has_mailbox) {
		if (!client->box)
			return pf_error_set(err, PF_INVALID,
					    "No mailbox is selected",
					    "relative URL");
		return store_box_open(store_box_store(client->box),
				      store_box_name(client->box), &c->box,
				      err);
	}
	pf_status status =
	    place_quietly(client, url->mailbox, STORE_READ, &c->place, err);
	if (status != PF_OK)
		return status;
	share_hold(&c->place, true);
	c->held = true;
	return store_box_open(c->place.store, c->place.name, &c->box, err);
}

static pf_status find_message(struct cmd *cmd, const struct imap_url *url,
			      struct catenate *c, struct pf_error *err)
{
	struct store_box_info info;
	pf_status status = open_box(cmd, url, c, err);

	if (status != PF_OK)
		return status;
	store_box_info(c->box, &info);
	if (url->uidvalidity && url->uidvalidity != info.uidvalidity)
		return pf_error_set(err, PF_NOTFOUND,
				    "The mailbox has another UIDVALIDITY",
				    "URL: UIDVALIDITY");
	const struct store_msg *msg = store_box_find(c->box, url->uid);
	if (!msg)
		return pf_error_set(err, PF_NOTFOUND, "No such message",
				    "URL: no such UID");
	message_init(&c->message, cmd->client);
	c->message.box = c->box;
	c->message.out = &c->out;
	message_begin(&c->message, url->uid, msg->size);
	return message_open(&c->message, err);
}

struct catenate *catenate_open(struct cmd *cmd, struct pf_str text)
{
	struct catenate *c = calloc(1, sizeof *c);
	struct pf_error err = {0};
	struct imap_url url;

	if (!c)
		abort();
	c->text = text;
	pf_buf_init(&c->out, CLIENT_OUT_MAX);
	pf_status status = imap_url_parse(text, &cmd->arena, &url, &err);
	if (status == PF_OK && !is_here(cmd->client, &url))
		status = pf_error_set(&err, PF_INVALID,
				      "The URL names another server or user",
				      "URL: not here");
	if (status == PF_OK && !read_section(cmd, &url, &c->item))
		status = pf_error_set(&err, PF_INVALID,
				      "The section in the URL is not "
				      "understood",
				      "URL: section");
	if (status == PF_OK)
		status = find_message(cmd, &url, c, &err);
	if (status != PF_OK) {
		bad_url(cmd, text, err.client);
		catenate_free(&c);
	}
	return c;
}

void catenate_free(struct catenate **catenate)
{
	struct catenate *c = *catenate;

	*catenate = NULL;
	if (!c)
		return;
	if (c->message.client)
		message_release(&c->message);
	store_box_close(&c->box);
	if (c->held)
		share_hold(&c->place, false);
	pf_buf_release(&c->out);
	free(c);
}

/* HEADER.FIELDS is made as a whole, then cut. */
static bool make_fields(struct catenate *c)
{
	struct pf_buf buf = PF_BUF_INIT(MIME_HEADER_MAX);
	struct pf_map wanted = {0};
	struct pf_str header;
	bool found = section_header(&c->message, &c->item, &buf, &header);

	if (found) {
		section_wanted(&wanted, &c->item);
		section_fields(&c->out, header, &c->item, &wanted);
		pf_map_release(&wanted);
	}
	pf_buf_release(&buf);
	if (found && c->item.partial) {
		pf_buf_take(&c->out, c->item.offset < c->out.len
					 ? (size_t)c->item.offset
					 : c->out.len);
		if (c->out.len > c->item.length)
			pf_buf_cut(&c->out, (size_t)c->item.length);
	}
	c->message.stream.left = 0;
	return found;
}

/* MORE, or an answer was given. */
static pf_status prepare(struct cmd *cmd, struct catenate *c, int64_t start)
{
	struct message *m = &c->message;
	unsigned needs = section_needs(&c->item);
	struct pf_error err = {0};
	pf_status status = PF_OK;

	if (needs & SECTION_NEEDS_HEADER) {
		status = message_header(m, &err);
		if (m->header_end == 0 && m->header.len > 0)
			needs |= SECTION_NEEDS_TREE;
	}
	if (status == PF_OK && (needs & SECTION_NEEDS_TREE))
		status = message_tree(m, start, &err);
	if (status == PF_MORE)
		return status;
	if (status != PF_OK) {
		reply_error(cmd, &err);
		return status;
	}
	bool fields = c->item.section == IMAP_SECTION_FIELDS ||
		      c->item.section == IMAP_SECTION_FIELDS_NOT;
	c->prepared = true;
	if (fields ? make_fields(c) : section_stream(m, &c->item))
		return PF_OK;
	bad_url(cmd, c->text, "The message has no such part");
	return PF_NOTFOUND;
}

enum run catenate_copy(struct cmd *cmd, struct catenate *c,
		       struct store_draft *draft)
{
	int64_t start = pf_clock_mono_ms();
	struct pf_error err = {0};
	enum run result = RUN_OUTPUT;

	if (!c->prepared) {
		pf_status status = prepare(cmd, c, start);
		if (status != PF_OK)
			return status == PF_MORE ? RUN_MORE : RUN_FAIL;
	}
	while (result == RUN_OUTPUT) {
		result = section_emit(&c->message, start);
		if (result == RUN_FAIL) {
			bad_url(cmd, c->text, "The message cannot be read");
			return RUN_FAIL;
		}
		pf_status status =
		    store_draft_write(draft, c->out.data, c->out.len, &err);
		pf_buf_clear(&c->out);
		if (status == PF_LIMIT) /* RFC 4469 4 */
			reply_no(cmd, "[TOOBIG] The message becomes too large");
		else if (status != PF_OK)
			reply_error(cmd, &err);
		if (status != PF_OK)
			return RUN_FAIL;
	}
	return result;
}
