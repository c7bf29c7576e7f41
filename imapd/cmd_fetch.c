/*
 * FETCH and UID FETCH (RFC 3501 6.4.5, 7.4.2; MODSEQ and CHANGEDSINCE:
 * RFC 7162 3.1.4, 3.1.5; VANISHED: 3.2.6; PARTIAL: RFC 9394 3.3).
 *
 * The command walks a list of UIDs taken at its start; the view does not move
 * while it runs, so sequence numbers stay true.  A message that another
 * session expunges meanwhile is left out, and the answer says so.
 */
#include "imapd/events.h"
#include "imapd/fetch.h"
#include "imapd/place.h"
#include "imapd/find.h"
#include "imapd/qresync.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "search/search.h"

/* \Seen is set for this many messages, or bytes, ahead in one change. */
#define SEEN_MESSAGES 64
#define SEEN_BYTES    (1024 * 1024)
/* of one message's answer, in memory */
#define TEXTS_MAX ((size_t)4 * 1024 * 1024)

enum fetch_stage {
	STAGE_NEXT,    /* between messages */
	STAGE_PREPARE, /* finding out everything about one */
	STAGE_WRITE,   /* item by item */
	STAGE_STREAM,  /* inside a literal */
};

/* Steps between two looks at the clock. */
#define CLOCK_EVERY 16

struct fetch {
	struct pf_arena own; /* of one without a command */
	struct imap_fetch what;
	bool uid, modseq, flags; /* items that are asked for or implied */
	struct store_uids uids;
	size_t at;
	struct store_uids seen; /* just became \Seen by us */
	size_t seen_until;	/* uids[..seen_until) are done */
	enum fetch_stage stage;
	unsigned steps; /* since the clock was looked at */
	size_t item;
	bool blank;
	struct pf_str *texts;  /* ready-made item, or p == NULL */
	uint64_t *sizes;       /* of BINARY items, decoded */
	size_t counted;	       /* items whose size is known, */
	bool counting;	       /* and the next one is being counted */
	bool decodes;	       /* what is streamed is m->binary */
	struct pf_map *wanted; /* per item: HEADER.FIELDS names */
	struct qresync vanished;
	struct message message;
	struct store_msg msg; /* as it was when its line began */
	bool gone;
	struct pf_error failed; /* some message could not be read */
	bool unknown_cte;	/* ... for its encoding (RFC 3516) */
};

static void release_fetch(struct fetch *f)
{
	message_release(&f->message);
	for (size_t i = 0; f->wanted && i < f->what.count; i++)
		pf_map_release(&f->wanted[i]);
	pf_vec_release(&f->uids);
	pf_vec_release(&f->seen);
	qresync_release(&f->vanished);
}

static void release(struct cmd *cmd)
{
	release_fetch(cmd->state);
}

/* ---- beginning ------------------------------------------------------------
 */

static void look_at_items(struct fetch *f, struct pf_arena *arena)
{
	f->wanted = pf_arena_array(arena, f->what.count, sizeof *f->wanted);
	f->texts = pf_arena_array(arena, f->what.count, sizeof *f->texts);
	f->sizes = pf_arena_array(arena, f->what.count, sizeof *f->sizes);
	for (size_t i = 0; i < f->what.count; i++) {
		const struct imap_fetch_item *item = &f->what.items[i];

		f->uid |= item->kind == IMAP_FETCH_UID;
		f->flags |= item->kind == IMAP_FETCH_FLAGS;
		f->modseq |= item->kind == IMAP_FETCH_MODSEQ;
		if (item->kind == IMAP_FETCH_SECTION && item->field_count)
			section_wanted(&f->wanted[i], item);
	}
}

/* RFC 9394 3.3: a page of what is asked for, or of what has changed */
static void take_page(const struct client *client, struct fetch *f)
{
	size_t kept = 0, first, end;

	for (size_t i = 0; i < f->uids.n; i++) {
		const struct store_msg *msg =
		    store_box_find(client->box, f->uids.v[i]);

		if (!f->what.changed_since_given ||
		    (msg && msg->modseq > f->what.changed_since))
			f->uids.v[kept++] = f->uids.v[i];
	}
	partial_span(f->what.partial_from, f->what.partial_to, kept, &first,
		     &end);
	f->uids.n = end;
	f->at = f->seen_until = first;
}

/* RFC 7162 3.2.6: which of the UIDs are gone since */
static bool find_vanished(struct cmd *cmd, struct fetch *f)
{
	struct client *client = cmd->client;
	struct pf_error err = {0};
	struct imap_set set;

	if (imap_set_parse(cmd->args[0].text, star_uid(client), &cmd->arena,
			   &set, &err) != PF_OK) {
		reply_syntax(cmd, &err);
		return false;
	}
	/* what "$" found is told as any expunge */
	if (qresync_vanished(&f->vanished, client, &set, f->what.changed_since,
			     0, &err) == PF_OK)
		return true;
	reply_error(cmd, &err);
	return false;
}

static enum run begin(struct cmd *cmd)
{
	struct client *client = cmd->client;
	struct fetch *f = PF_ARENA_NEW(&cmd->arena, struct fetch);
	struct pf_error err = {0};

	if (cmd->args[0].kind == IMAP_END || cmd->args[1].kind == IMAP_END)
		return reply_bad(cmd, "FETCH needs messages and items");
	if (imap_fetch_parse(&cmd->args[1], &cmd->args[2], &cmd->arena,
			     &f->what, &err) != PF_OK)
		return reply_syntax(cmd, &err);
	if (f->what.vanished && !(cmd->uid && client->qresync))
		return reply_bad(cmd, "VANISHED needs UID FETCH and QRESYNC");
	message_init(&f->message, client);
	cmd->state = f;
	cmd->release = release;
	look_at_items(f, &cmd->arena);
	if (!arg_messages(cmd, &cmd->args[0], &f->uids))
		return RUN_DONE;
	if (f->what.vanished && !find_vanished(cmd, f))
		return RUN_DONE;
	if (f->what.partial_from)
		take_page(client, f);
	else
		limit_messages(cmd, &f->uids);
	if (f->what.partial_from && limit_reached(cmd, f->uids.n - f->at))
		return limit_refuse(cmd);
	/* CHANGEDSINCE has brought MODSEQ along (RFC 7162 3.1.4.1) */
	if (f->modseq)
		client_condstore(client);
	return RUN_MORE;
}

/* ---- \Seen ------------------------------------------------------------------
 */

/* Sets \Seen on the next messages, once for many. */
static void set_seen(struct cmd *cmd, struct fetch *f)
{
	struct client *client = cmd->client;
	struct store_flag_change change = {.mode = STORE_FLAGS_ADD,
					   .flags = STORE_SEEN,
					   .unchanged_since = UINT64_MAX};
	struct event_flags before;
	struct pf_error err = {0};
	uint64_t bytes = 0;

	f->seen.n = 0;
	for (; f->seen_until < f->uids.n && f->seen.n < SEEN_MESSAGES &&
	       bytes < SEEN_BYTES;
	     f->seen_until++) {
		const struct store_msg *msg =
		    store_box_find(client->box, f->uids.v[f->seen_until]);
		if (!msg || (f->what.changed_since_given &&
			     msg->modseq <= f->what.changed_since))
			continue;
		bytes += msg->size;
		if (!(msg->flags & STORE_SEEN))
			pf_vec_push(&f->seen, msg->uid);
	}
	if (f->seen.n == 0)
		return;
	events_before(cmd, &f->seen, &before);
	if (store_box_change_flags(client->box, f->seen.v, f->seen.n, &change,
				   NULL, &err) != PF_OK) {
		pf_log_error(PF_LOG_WARN, "seen-failed", &err,
			     PF_LOGC("user", client->user->name));
		f->seen.n = 0;
		events_after(cmd, &f->seen, &before);
		return;
	}
	events_after(cmd, &f->seen, &before);
	store_view_told(client->view, f->seen.v, f->seen.n);
	cmd->changed = true;
}

static bool now_seen(const struct fetch *f, uint32_t uid)
{
	size_t low = 0, high = f->seen.n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (f->seen.v[mid] < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->seen.n && f->seen.v[low] == uid;
}

/* ---- preparing one message --------------------------------------------------
 */

static enum store_summary_kind summary_kind(enum imap_fetch_kind kind)
{
	return kind == IMAP_FETCH_ENVELOPE ? STORE_SUMMARY_ENVELOPE
	       : kind == IMAP_FETCH_BODY   ? STORE_SUMMARY_BODY
					   : STORE_SUMMARY_BODYSTRUCTURE;
}

static void keep_text(struct fetch *f, size_t i, struct pf_buf *text)
{
	f->texts[i] = pf_arena_str(&f->message.arena, pf_buf_str(text));
}

/* Header texts that are kept until their turn: a client may ask for a header of
 * a megabyte a thousand times in one command.  Beyond this they are made when
 * they are written. */
static bool may_keep(const struct fetch *f)
{
	return f->message.arena.used < TEXTS_MAX;
}

static bool is_structure(enum imap_fetch_kind kind)
{
	return kind == IMAP_FETCH_ENVELOPE || kind == IMAP_FETCH_BODY ||
	       kind == IMAP_FETCH_BODYSTRUCTURE;
}

static bool is_binary(enum imap_fetch_kind kind)
{
	return kind == IMAP_FETCH_BINARY || kind == IMAP_FETCH_BINARY_SIZE;
}

static bool is_fields(const struct imap_fetch_item *item)
{
	return item->kind == IMAP_FETCH_SECTION &&
	       (item->section == IMAP_SECTION_FIELDS ||
		item->section == IMAP_SECTION_FIELDS_NOT);
}

/* What the summary has becomes text; returns what else is needed. */
static unsigned from_summary(struct fetch *f, struct pf_buf *text)
{
	struct message *m = &f->message;
	struct store_box *box = m->client->box;
	unsigned needs = 0;

	for (size_t i = 0; i < f->what.count; i++) {
		const struct imap_fetch_item *item = &f->what.items[i];

		f->texts[i] = (struct pf_str){NULL, 0};
		pf_buf_clear(text);
		if (is_structure(item->kind)) {
			if (store_summary_get(box, m->uid,
					      summary_kind(item->kind),
					      text) == PF_OK)
				keep_text(f, i, text);
			else
				needs |= SECTION_NEEDS_FILE |
					 (item->kind == IMAP_FETCH_ENVELOPE
					      ? SECTION_NEEDS_HEADER
					      : SECTION_NEEDS_TREE);
		} else if (item->kind == IMAP_FETCH_SECTION) {
			struct pf_buf raw = PF_BUF_INIT(MIME_HEADER_MAX);
			struct pf_str fields;

			if (imap_summary_covers(item) && may_keep(f) &&
			    store_summary_get(box, m->uid,
					      STORE_SUMMARY_HEADERS,
					      &raw) == PF_OK &&
			    imap_summary_fields(pf_buf_str(&raw), &fields)) {
				section_fields(text, fields, item,
					       &f->wanted[i]);
				keep_text(f, i, text);
			} else {
				needs |= section_needs(item);
			}
			pf_buf_release(&raw);
		} else if (item->kind == IMAP_FETCH_PREVIEW) {
			if (store_summary_get(box, m->uid,
					      STORE_SUMMARY_PREVIEW,
					      text) == PF_OK)
				keep_text(f, i, text);
			else
				needs |= SECTION_NEEDS_FILE;
		} else if (is_binary(item->kind)) {
			needs |= SECTION_NEEDS_FILE | SECTION_NEEDS_TREE;
		}
	}
	return needs;
}

static struct pf_str header_of(void *arg, const struct mime_part *part)
{
	struct fetch *f = arg;
	struct pf_buf buf = PF_BUF_INIT(MIME_HEADER_MAX);
	struct pf_str header = message_part_header(&f->message, part, &buf);
	struct pf_str kept = pf_arena_str(&f->message.arena, header);

	pf_buf_release(&buf);
	return kept;
}

static void make_structure(struct fetch *f, size_t i, struct pf_buf *text)
{
	struct message *m = &f->message;
	enum imap_fetch_kind kind = f->what.items[i].kind;

	if (kind == IMAP_FETCH_ENVELOPE)
		imap_write_envelope(text, pf_buf_str(&m->header));
	else
		imap_write_body(text, m->root, kind == IMAP_FETCH_BODYSTRUCTURE,
				header_of, f);
	if (text->failed)
		pf_buf_clear(text);
	else
		store_summary_put(m->client->box, m->uid, summary_kind(kind),
				  pf_buf_str(text));
	keep_text(f, i, text);
}

/* False: there is no such part. */
static bool make_fields(struct fetch *f, size_t i, struct pf_buf *text)
{
	struct message *m = &f->message;
	const struct imap_fetch_item *item = &f->what.items[i];
	struct pf_buf buf = PF_BUF_INIT(MIME_HEADER_MAX);
	struct pf_str header;
	bool found = section_header(m, item, &buf, &header);

	if (found) {
		if (imap_summary_covers(item)) {
			imap_summary_headers(text, header);
			store_summary_put(m->client->box, m->uid,
					  STORE_SUMMARY_HEADERS,
					  pf_buf_str(text));
			pf_buf_clear(text);
		}
		section_fields(text, header, item, &f->wanted[i]);
	}
	pf_buf_release(&buf);
	return found;
}

static pf_status make_thread_id(struct fetch *f, size_t i, struct pf_buf *text,
				struct pf_error *err)
{
	struct message *m = &f->message;
	pf_status status = search_thread_id(m->client->box, m->uid, text, err);

	if (status == PF_OK)
		keep_text(f, i, text);
	return status;
}

/* RFC 8970: kept in the summary, so that it is read once */
static pf_status make_preview(struct fetch *f, size_t i, struct pf_buf *text,
			      struct pf_error *err)
{
	struct message *m = &f->message;
	pf_status status = mime_preview(m->fd, text, err);

	if (status != PF_OK)
		return status;
	store_summary_put(m->client->box, m->uid, STORE_SUMMARY_PREVIEW,
			  pf_buf_str(text));
	keep_text(f, i, text);
	return PF_OK;
}

/* Sizes of BINARY items; UINT64_MAX: no such part. */
static pf_status count_binaries(struct fetch *f, int64_t start,
				struct pf_error *err)
{
	struct message *m = &f->message;
	pf_status status = PF_OK;

	for (; status == PF_OK && f->counted < f->what.count; f->counted++) {
		const struct imap_fetch_item *item = &f->what.items[f->counted];

		if (!is_binary(item->kind))
			continue;
		if (!f->counting) {
			f->sizes[f->counted] = UINT64_MAX;
			if (!binary_begin(m, item, &status, err)) {
				f->unknown_cte |= status != PF_OK;
				if (status != PF_OK)
					return status;
				continue;
			}
		}
		status = binary_count(m, start, &f->sizes[f->counted]);
		f->counting = status == PF_MORE;
		if (status != PF_OK)
			return status;
	}
	return status;
}

/* OK: the message can be written.  MORE: again. */
static pf_status prepare(struct fetch *f, int64_t start, struct pf_error *err)
{
	struct message *m = &f->message;
	struct pf_buf text = PF_BUF_INIT(8 * MIME_HEADER_MAX);
	unsigned needs = from_summary(f, &text);
	pf_status status = PF_OK;

	if (needs & SECTION_NEEDS_FILE)
		status = message_open(m, err);
	if (status == PF_OK && (needs & SECTION_NEEDS_HEADER)) {
		status = message_header(m, err);
		if (m->header_end == 0 && m->header.len > 0)
			needs |= SECTION_NEEDS_TREE;
	}
	if (status == PF_OK && (needs & SECTION_NEEDS_TREE))
		status = message_tree(m, start, err);
	if (status == PF_OK)
		status = count_binaries(f, start, err);
	for (size_t i = 0; status == PF_OK && i < f->what.count; i++) {
		if (f->texts[i].p)
			continue;
		pf_buf_clear(&text);
		if (is_structure(f->what.items[i].kind))
			make_structure(f, i, &text);
		else if (f->what.items[i].kind == IMAP_FETCH_THREADID)
			status = make_thread_id(f, i, &text, err);
		else if (f->what.items[i].kind == IMAP_FETCH_PREVIEW)
			status = make_preview(f, i, &text, err);
		else if (is_fields(&f->what.items[i]) && may_keep(f) &&
			 make_fields(f, i, &text))
			keep_text(f, i, &text);
	}
	pf_buf_release(&text);
	return status;
}

/* ---- writing one message ----------------------------------------------------
 */

static void write_literal(struct pf_buf *out, struct pf_str text)
{
	pf_buf_addf(out, "{%zu}\r\n", text.n);
	pf_buf_add_str(out, text);
}

static struct pf_str part_of(struct pf_str text,
			     const struct imap_fetch_item *item)
{
	if (!item->partial)
		return text;
	text = pf_str_from(text, item->offset < text.n ? (size_t)item->offset
						       : text.n);
	return pf_str_head(text, item->length < text.n ? (size_t)item->length
						       : text.n);
}

static void write_fields(struct fetch *f, size_t i)
{
	struct pf_buf *out = &f->message.client->out;
	struct pf_buf text = PF_BUF_INIT(8 * MIME_HEADER_MAX);

	if (make_fields(f, i, &text))
		write_literal(out,
			      part_of(pf_buf_str(&text), &f->what.items[i]));
	else
		pf_buf_add_c(out, "NIL");
	pf_buf_release(&text);
}

/* BODY[...]: from text, as NIL, or by streaming. */
static bool write_section(struct fetch *f, size_t i)
{
	struct message *m = &f->message;
	struct pf_buf *out = &m->client->out;
	const struct imap_fetch_item *item = &f->what.items[i];

	pf_buf_add_str(out, item->label);
	pf_buf_add_byte(out, ' ');
	if (f->texts[i].p) {
		write_literal(out, part_of(f->texts[i], item));
	} else if (is_fields(item)) {
		write_fields(f, i);
	} else if (!section_stream(m, item)) {
		pf_buf_add_c(out, "NIL");
	} else {
		pf_buf_addf(out, "{%llu}\r\n",
			    (unsigned long long)m->stream.left);
		return true;
	}
	return false;
}

static void write_structure(struct fetch *f, size_t i, const char *name)
{
	struct client *client = f->message.client;
	struct pf_buf *out = &client->out;
	struct pf_str text = f->texts[i];

	pf_buf_addf(out, "%s ", name);
	if (text.n == 0)
		pf_buf_add_c(out, "NIL");
	else if (client_utf8(client) && pf_str_chr(text, '{') >= 0)
		imap_write_utf8(out, text);
	else
		pf_buf_add_str(out, text);
}

/* RFC 3516 4.2: as literal8, for it may hold anything */
static bool write_binary(struct fetch *f, size_t i)
{
	struct message *m = &f->message;
	struct pf_buf *out = &m->client->out;
	const struct imap_fetch_item *item = &f->what.items[i];
	struct pf_error err = {0};
	pf_status status;

	pf_buf_add_str(out, item->label);
	if (f->sizes[i] == UINT64_MAX ||
	    !binary_begin(m, item, &status, &err)) {
		pf_buf_add_c(out, " NIL");
		return false;
	}
	binary_send(m, item, f->sizes[i]);
	pf_buf_addf(out, " ~{%llu}\r\n", (unsigned long long)m->binary.left);
	f->decodes = true;
	return true;
}

/* The items of one word or number (RFC 3516, 8474, 8514, 8970). */
static void write_small(struct fetch *f, size_t i, const struct store_msg *msg)
{
	struct client *client = f->message.client;
	struct pf_buf *out = &client->out;
	const struct imap_fetch_item *item = &f->what.items[i];

	pf_buf_add_str(out, item->label);
	pf_buf_add_byte(out, ' ');
	if (item->kind == IMAP_FETCH_BINARY_SIZE) {
		uint64_t size = f->sizes[i] == UINT64_MAX ? 0 : f->sizes[i];
		pf_buf_addf(out, "%llu", (unsigned long long)size);
	} else if (item->kind == IMAP_FETCH_SAVEDATE && msg->save_date > 0) {
		imap_write_date_time(out, msg->save_date);
	} else if (item->kind == IMAP_FETCH_PREVIEW && f->texts[i].p) {
		imap_write_string(out, f->texts[i], client_utf8(client));
	} else if (item->kind == IMAP_FETCH_EMAILID) {
		pf_buf_add_byte(out, '(');
		search_email_id(out, store_msg_guid(client->box, msg->uid));
		pf_buf_add_byte(out, ')');
	} else if (item->kind == IMAP_FETCH_THREADID && f->texts[i].p) {
		pf_buf_add_byte(out, '(');
		pf_buf_add_str(out, f->texts[i]);
		pf_buf_add_byte(out, ')');
	} else {
		pf_buf_add_c(out, "NIL");
	}
}

/* True when a literal has to be streamed now. */
static bool write_item(struct fetch *f, size_t i, const struct store_msg *msg)
{
	struct client *client = f->message.client;
	struct pf_buf *out = &client->out;

	if (f->blank)
		pf_buf_add_byte(out, ' ');
	f->blank = true;
	switch (f->what.items[i].kind) {
	case IMAP_FETCH_UID:
		write_number(out, "UID ", msg->uid, "");
		break;
	case IMAP_FETCH_FLAGS:
		pf_buf_add_c(out, "FLAGS ");
		write_flags(out, client, msg);
		break;
	case IMAP_FETCH_INTERNALDATE:
		pf_buf_add_c(out, "INTERNALDATE ");
		imap_write_date_time(out, msg->date);
		break;
	case IMAP_FETCH_SIZE:
		write_number(out, "RFC822.SIZE ", msg->size, "");
		break;
	case IMAP_FETCH_MODSEQ:
		write_number(out, "MODSEQ (", msg->modseq, ")");
		break;
	case IMAP_FETCH_ENVELOPE:
		write_structure(f, i, "ENVELOPE");
		break;
	case IMAP_FETCH_BODY:
		write_structure(f, i, "BODY");
		break;
	case IMAP_FETCH_BODYSTRUCTURE:
		write_structure(f, i, "BODYSTRUCTURE");
		break;
	case IMAP_FETCH_SECTION:
		return write_section(f, i);
	case IMAP_FETCH_BINARY:
		return write_binary(f, i);
	case IMAP_FETCH_BINARY_SIZE:
	case IMAP_FETCH_SAVEDATE:
	case IMAP_FETCH_PREVIEW:
	case IMAP_FETCH_EMAILID:
	case IMAP_FETCH_THREADID:
		write_small(f, i, msg);
		break;
	}
	return false;
}

/* What is told without having been asked for: \Seen that we have set, and its
 * modseq to those who keep track (RFC 7162 3.1.2). */
static void write_implied(struct cmd *cmd, struct fetch *f,
			  const struct store_msg *msg)
{
	struct client *client = cmd->client;
	struct pf_buf *out = &client->out;

	if (!f->flags && now_seen(f, msg->uid)) {
		pf_buf_add_c(out, f->blank ? " FLAGS " : "FLAGS ");
		write_flags(out, client, msg);
		f->blank = true;
	}
	if (!f->modseq && client->condstore && now_seen(f, msg->uid))
		write_number(out, " MODSEQ (", msg->modseq, ")");
	pf_buf_add_c(out, ")\r\n");
}

static void write_head(struct cmd *cmd, struct fetch *f,
		       const struct store_msg *msg)
{
	struct client *client = cmd->client;
	/* RFC 7162 3.2.4, RFC 9051 7.5.2: flags that change are told with
	 * the UID */
	bool tells_uid = !f->uid && !client->uidonly &&
			 (cmd->uid || ((client->qresync || client->rev2) &&
				       now_seen(f, msg->uid)));

	if (f->flags || now_seen(f, msg->uid))
		tell_keywords(client, msg);
	write_fetch_head(client, msg->uid);
	if (tells_uid)
		write_number(&client->out, "UID ", msg->uid, "");
	f->blank = tells_uid;
}

/* ---- the walk ---------------------------------------------------------------
 */

/* The next message to tell about: STAGE_PREPARE, or not this one. */
static void next_message(struct cmd *cmd, struct fetch *f)
{
	struct client *client = cmd->client;
	uint32_t uid = f->uids.v[f->at];

	if (f->what.sets_seen && !client->read_only &&
	    place_has(client, STORE_KEEP_SEEN) && f->at == f->seen_until)
		set_seen(cmd, f);
	const struct store_msg *msg = store_box_find(client->box, uid);
	if (!msg) {
		f->gone = true;
		f->at++;
		return;
	}
	if (f->what.changed_since_given &&
	    msg->modseq <= f->what.changed_since) {
		f->at++;
		return;
	}
	message_begin(&f->message, uid, msg->size);
	f->counted = 0;
	f->counting = false;
	f->stage = STAGE_PREPARE;
}

static void message_done(struct fetch *f)
{
	message_end(&f->message);
	f->at++;
	f->stage = STAGE_NEXT;
}

static enum run prepare_message(struct cmd *cmd, struct fetch *f, int64_t start)
{
	struct pf_error err = {0};
	pf_status status = prepare(f, start, &err);

	if (status == PF_MORE)
		return RUN_MORE;
	const struct store_msg *msg =
	    store_box_find(cmd->client->box, f->message.uid);
	if (status == PF_OK && msg) {
		f->msg = *msg;
		write_head(cmd, f, &f->msg);
		f->item = 0;
		f->stage = STAGE_WRITE;
		return RUN_DONE;
	}
	if (status == PF_OK || status == PF_EXPUNGED)
		f->gone = true;
	else
		f->failed = err;
	message_done(f);
	return RUN_DONE;
}

/* The clock costs as much as a line of flags: seldom. */
static bool time_over(struct fetch *f, int64_t start)
{
	return ++f->steps % CLOCK_EVERY == 0 && slice_over(start);
}

static enum run write_message(struct cmd *cmd, struct fetch *f, int64_t start)
{
	for (;;) {
		if (f->stage == STAGE_STREAM) {
			enum run result =
			    f->decodes ? binary_emit(&f->message, start)
				       : section_emit(&f->message, start);
			if (result != RUN_DONE)
				return result;
			f->decodes = false;
			f->stage = STAGE_WRITE;
			f->item++;
		}
		if (client_full(cmd->client))
			return RUN_OUTPUT;
		if (time_over(f, start))
			return RUN_MORE;
		if (f->item == f->what.count) {
			write_implied(cmd, f, &f->msg);
			message_done(f);
			return RUN_DONE;
		}
		if (write_item(f, f->item, &f->msg))
			f->stage = STAGE_STREAM;
		else
			f->item++;
	}
}

/* All messages.  OUTPUT, MORE, FAIL, DONE. */
static enum run walk(struct cmd *cmd, struct fetch *f)
{
	int64_t start = pf_clock_mono_ms();
	enum run result = qresync_tell(&f->vanished, cmd->client);

	if (result != RUN_DONE)
		return result;
	while (f->at < f->uids.n) {
		if (client_full(cmd->client) && f->stage != STAGE_STREAM)
			return RUN_OUTPUT;
		if (f->stage == STAGE_NEXT && time_over(f, start))
			return RUN_MORE;
		if (f->stage == STAGE_NEXT)
			next_message(cmd, f);
		else if (f->stage == STAGE_PREPARE)
			result = prepare_message(cmd, f, start);
		else
			result = write_message(cmd, f, start);
		if (result != RUN_DONE)
			return result;
	}
	return RUN_DONE;
}

static enum run finish(struct cmd *cmd, const struct fetch *f)
{
	if (f->unknown_cte)
		return reply_no(cmd, "[UNKNOWN-CTE] A part has a transfer "
				     "encoding that is not known here");
	if (f->failed.status != PF_OK)
		return reply_error(cmd, &f->failed);
	if (f->gone)
		return reply_ok(cmd, "[EXPUNGEISSUED] Some messages were "
				     "expunged meanwhile");
	return reply_completed(cmd);
}

enum run run_fetch(struct cmd *cmd)
{
	if (!cmd->state) {
		enum run result = begin(cmd);
		if (result != RUN_MORE)
			return result;
	}
	enum run result = walk(cmd, cmd->state);
	return result == RUN_DONE ? finish(cmd, cmd->state) : result;
}

/* ---- without a FETCH
 * ---------------------------------------------------------
 */

struct fetch *fetch_new(struct client *client, const struct imap_fetch *what,
			const struct store_uids *uids)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (!f)
		abort();
	pf_arena_init(&f->own, 1 << 20);
	f->what = *what;
	message_init(&f->message, client);
	look_at_items(f, &f->own);
	for (size_t i = 0; i < uids->n; i++)
		pf_vec_push(&f->uids, uids->v[i]);
	return f;
}

enum run fetch_tell(struct cmd *cmd, struct fetch *f)
{
	return walk(cmd, f);
}

void fetch_free(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	*fetch = NULL;
	if (!f)
		return;
	release_fetch(f);
	pf_arena_release(&f->own);
	free(f);
}
