/*
 * One message on its way in.
 *
 * Small messages stay in memory until everything is there; then one job
 * writes, syncs and links them, which is as little as the disk allows.  From
 * SPILL_SIZE on the bytes go to a file in tmp/ of the first recipient's store
 * as they come.  Recipients whose store is on the same file system share that
 * file by hard links; for others it is copied.
 *
 * The file begins with a prefix of our own (RFC 5321 4.4):
 *	Return-Path: <sender>
 *	Delivered-To: recipient		if there is only one
 *	X-Original-To: recipient	the same, if ORCPT named another
 *	Received: ...
 * A shared file cannot name each recipient without telling all of them who
 * the others are (docs/decisions/012-shared-file-headers.md).
 */
#include "mda/mda.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "mime/mime.h"

#define SPILL_SIZE   (256 * 1024)
#define COPY_SIZE    (64 * 1024)
#define ENVELOPE_MAX (64 * 1024)
/* whatever is pending when a spill is due, and one more read */
#define PENDING_MAX (MIME_HEADER_MAX + 2 * SPILL_SIZE)

static struct pf_str keep(struct mda_message *message, struct pf_str s)
{
	return pf_arena_str(&message->arena, s);
}

/* The address as it is now, and, where the MTA rewrote it, as it was. */
static void add_recipient(struct pf_buf *to, const struct mda_rcpt *rcpt)
{
	struct pf_str original = pf_str_c(rcpt->orcpt);

	pf_buf_addf(to, "Delivered-To: %s\n", rcpt->address);
	if (!pf_str_istarts(original, PF_STR("rfc822;")))
		return;
	original = pf_str_from(original, 7);
	if (!pf_str_ieq(original, pf_str_c(rcpt->address)))
		pf_buf_addf(to, "X-Original-To: %.*s\n", (int)original.n,
			    original.p);
}

static void make_prefix(struct mda_message *message)
{
	const struct mda_envelope *env = &message->envelope;
	struct pf_buf *to = &message->prefix;

	pf_buf_addf(to, "Return-Path: <%.*s>\n", (int)env->from.n, env->from.p);
	if (message->rcpt_count == 1)
		add_recipient(to, &message->rcpts[0]);
	message->relay_from = to->len;
	pf_buf_add_c(to, "Received: ");
	if (env->lhlo.n)
		pf_buf_addf(to, "from %.*s (%s%.*s%s)\n\t", (int)env->lhlo.n,
			    env->lhlo.p, env->peer.p[0] == 'u' ? "" : "[",
			    (int)env->peer.n, env->peer.p,
			    env->peer.p[0] == 'u' ? "" : "]");
	pf_buf_addf(to, "by %s (penfold) with %s id %s",
		    message->filter->hostname, env->protocol, message->id);
	if (env->queue.n)
		pf_buf_addf(to, "\n\t(queue id %.*s)", (int)env->queue.n,
			    env->queue.p);
	if (message->rcpt_count == 1)
		pf_buf_addf(to, "\n\tfor <%s>", message->rcpts[0].address);
	pf_buf_add_c(to, "; ");
	mime_date_format(to, pf_clock_now(), 0);
	pf_buf_add_byte(to, '\n');
}

struct mda_message *mda_message_new(struct filter *filter,
				    const struct mda_envelope *envelope,
				    struct mda_rcpt *rcpts, size_t count)
{
	struct mda_message *message = calloc(1, sizeof *message);

	if (!message)
		abort();
	message->filter = filter;
	message->fd = -1;
	message->rcpts = rcpts;
	message->rcpt_count = count;
	pf_arena_init(&message->arena, ENVELOPE_MAX);
	pf_buf_init(&message->prefix, ENVELOPE_MAX);
	pf_buf_init(&message->pending, PENDING_MAX);
	pf_buf_init(&message->head, MIME_HEADER_MAX);
	message->envelope = *envelope;
	message->envelope.from = keep(message, envelope->from);
	message->envelope.lhlo = keep(message, envelope->lhlo);
	message->envelope.peer = keep(message, envelope->peer);
	message->envelope.client = keep(message, envelope->client);
	message->envelope.queue = keep(message, envelope->queue);
	message->envelope.dsn.envid = keep(message, envelope->dsn.envid);
	filter_id_make(message->id);
	make_prefix(message);
	return message;
}

/* Unlinks the temporary name: that is the disk's business, not the loop's. */
void mda_message_done(struct mda_message *message)
{
	store_draft_free(&message->draft);
	store_close(&message->store);
	message->fd = -1;
}

void mda_message_free(struct mda_message **messagep)
{
	struct mda_message *message = *messagep;

	if (!message)
		return;
	*messagep = NULL;
	mda_message_done(message);
	for (size_t i = 0; i < message->rcpt_count; i++)
		mda_rcpt_release(&message->rcpts[i]);
	free(message->rcpts);
	pf_buf_release(&message->prefix);
	pf_buf_release(&message->pending);
	pf_buf_release(&message->head);
	pf_arena_release(&message->arena);
	free(message);
}

/* ---- bytes in ---- */

/* The end of the header within what is pending, if it is there. */
static bool header_complete(const struct mda_message *message)
{
	struct pf_str s = pf_buf_str(&message->pending);

	return s.n >= MIME_HEADER_MAX || mime_header_end(s) < s.n;
}

bool mda_message_add(struct mda_message *message, struct pf_str data)
{
	message->size += data.n;
	pf_buf_add_str(&message->pending, data);
	if (message->pending.len < SPILL_SIZE)
		return false;
	return message->spilled || header_complete(message);
}

static void keep_header(struct mda_message *message)
{
	struct pf_str s = pf_buf_str(&message->pending);
	size_t n = mime_header_end(s);

	pf_buf_add(&message->head, s.p,
		   n < MIME_HEADER_MAX ? n : MIME_HEADER_MAX);
	message->spilled = true;
}

struct pf_str mda_message_header(const struct mda_message *message)
{
	struct pf_str s = pf_buf_str(&message->pending);
	size_t n;

	if (message->spilled)
		return pf_buf_str(&message->head);
	n = mime_header_end(s);
	return pf_str_head(s, n < MIME_HEADER_MAX ? n : MIME_HEADER_MAX);
}

pf_status mda_store_open(struct filter *filter, const struct auth_identity *id,
			 struct store **store, struct pf_error *err)
{
	struct store_conf conf = {
	    .root = id->mail,
	    .separator = filter->conf->hierarchy_separator[0],
	    .special_use = filter->conf->special_use,
	    .size_max = 0, /* ours counts the message, without the prefix */
	    .past_keep = filter->conf->expunged_keep,
	    .past_size = (uint64_t)filter->conf->expunged_size,
	};
	struct pf_buf rules = PF_BUF_INIT(64 * 1024);
	char full[4200];

	pf_buf_addf(&rules, "%s %s", filter->conf->quota,
		    id->quota ? id->quota : "");
	conf.quota = rules.data;
	if (pf_conf_full_path(filter->conf, pf_str_c(id->user), full,
			      sizeof full))
		conf.quota_full = full;
	pf_status status = store_open(&conf, store, err);
	pf_buf_release(&rules);
	return status;
}

static dev_t device_of(struct store *store)
{
	struct stat st;

	return stat(store_root(store), &st) == 0 ? st.st_dev : 0;
}

/* Begins the shared file in the first store that can be opened. */
static pf_status begin_file(struct mda_message *message, struct pf_error *err)
{
	pf_status status = PF_INTERNAL;

	for (size_t i = 0; i < message->rcpt_count && !message->store; i++)
		status = mda_store_open(message->filter, &message->rcpts[i].id,
					&message->store, err);
	if (!message->store)
		return status;
	message->device = device_of(message->store);
	status = store_draft_new(message->store, &message->draft, err);
	if (status != PF_OK)
		return status;
	return store_draft_write(message->draft, message->prefix.data,
				 message->prefix.len, err);
}

void mda_message_spill(struct mda_message *message)
{
	if (!message->spilled) {
		keep_header(message);
		message->status = begin_file(message, &message->failure);
	}
	if (message->status == PF_OK)
		message->status =
		    store_draft_write(message->draft, message->pending.data,
				      message->pending.len, &message->failure);
	pf_buf_clear(&message->pending);
}

/* ---- the finished file ---- */

static pf_status write_from_memory(struct mda_message *message,
				   struct store_draft *draft,
				   struct pf_error *err)
{
	pf_status status = store_draft_write(draft, message->prefix.data,
					     message->prefix.len, err);

	if (status == PF_OK)
		status = store_draft_write(draft, message->pending.data,
					   message->pending.len, err);
	return status;
}

/* The shared file as it is on disk, prefix and all. */
static pf_status write_from_file(struct mda_message *message,
				 struct store_draft *draft,
				 struct pf_error *err)
{
	char *block = malloc(COPY_SIZE);
	pf_status status = PF_OK;
	size_t n = 1;

	if (!block)
		abort();
	for (off_t at = 0; status == PF_OK && n > 0; at += (off_t)n) {
		status =
		    pf_fs_pread(message->fd, block, COPY_SIZE, at, &n, err);
		if (status == PF_OK)
			status = store_draft_write(draft, block, n, err);
	}
	free(block);
	return status;
}

static pf_status finish_shared(struct mda_message *message,
			       struct pf_error *err)
{
	mda_message_spill(message);
	if (message->status == PF_OK)
		message->status = store_draft_finish(
		    message->draft, &message->fd, &message->failure);
	if (message->status != PF_OK && err)
		*err = message->failure;
	return message->status;
}

/* A small message gets its shared file from the first store that takes it:
 * what is wrong with one recipient's disk is not another's fault. */
static pf_status make_shared(struct mda_message *message, struct store *store,
			     struct store_draft **draft, struct pf_error *err)
{
	struct store_draft *made = NULL;
	pf_status status = store_draft_new(store, &made, err);

	if (status == PF_OK)
		status = write_from_memory(message, made, err);
	if (status == PF_OK)
		status = store_draft_finish(made, &message->fd, err);
	if (status != PF_OK) {
		store_draft_free(&made);
		return status;
	}
	message->draft = *draft = made;
	message->device = device_of(store);
	return PF_OK;
}

pf_status mda_message_draft(struct mda_message *message, struct store *store,
			    struct store_draft **draft,
			    struct store_draft **own, struct pf_error *err)
{
	struct store_draft *made = NULL;
	pf_status status = PF_OK;
	int fd;

	*own = NULL;
	if (message->spilled && message->fd < 0)
		status = finish_shared(message, err);
	else if (!message->draft)
		return make_shared(message, store, draft, err);
	if (status != PF_OK)
		return status;
	if (message->device == device_of(store)) {
		*draft = message->draft;
		return PF_OK;
	}
	status = store_draft_new(store, &made, err);
	if (status == PF_OK)
		status = message->spilled
			     ? write_from_file(message, made, err)
			     : write_from_memory(message, made, err);
	if (status == PF_OK)
		status = store_draft_finish(made, &fd, err);
	if (status != PF_OK) {
		store_draft_free(&made);
		return status;
	}
	*draft = *own = made;
	return PF_OK;
}
