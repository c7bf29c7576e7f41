/*
 * An mbox file into a mailbox, and a mailbox into an mbox file.
 *
 * Importing is done in batches that are there whole or not at all
 * (store_deliver_many).  The state file has one line,
 *
 *	OFFSET UIDVALIDITY UIDNEXT
 *
 * synced before the batch that begins at OFFSET.  After a kill it is found
 * out whether that batch is there: is a message with the size and date of its
 * first one behind UIDNEXT?
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fsio.h"
#include "origin/survey.h"

#define BATCH	    200
#define BATCH_BYTES ((size_t)32 << 20)
#define MESSAGE_MAX ((size_t)1 << 30)
#define KEYWORD_MAX 64

struct reader {
	struct origin_transfer *transfer;
	struct pf_str text;
	const char *state;
	struct store_draft *drafts[BATCH];
	struct store_deliver hows[BATCH];
	struct pf_str keywords[BATCH][KEYWORD_MAX];
	size_t count, bytes;
	uint64_t first_size; /* RFC822.SIZE of the batch' first message */
};

/* ---- the state --------------------------------------------------------- */

static pf_status write_state(const struct reader *r, size_t offset,
			     struct pf_error *err)
{
	struct store_box_info info = {0};
	uint32_t recent;
	char line[100];

	if (!r->state)
		return PF_OK;
	pf_status status = store_status(
	    r->transfer->store, r->transfer->mailbox, &info, &recent, err);
	if (status == PF_NOTFOUND)
		status = PF_OK;
	snprintf(line, sizeof line, "%zu %u %u\n", offset, info.uidvalidity,
		 info.uidnext);
	if (status == PF_OK)
		status = pf_fs_replace(AT_FDCWD, r->state, pf_str_c(line),
				       ORIGIN_MODE, true, err);
	return status;
}

/* *uidnext 0: nothing was begun */
static void read_state(const struct reader *r, size_t *offset,
		       uint32_t *uidnext)
{
	struct pf_buf text = PF_BUF_INIT(1000);
	struct pf_str line, word;
	uint64_t n[3] = {0};

	*offset = *uidnext = 0;
	if (r->state && pf_fs_read(AT_FDCWD, r->state, &text, NULL) == PF_OK) {
		struct pf_str rest = pf_buf_str(&text);
		bool good = pf_str_split(&rest, '\n', &line);
		for (int i = 0; good && i < 3; i++)
			good = pf_str_split(&line, ' ', &word) &&
			       pf_str_u64(word, SIZE_MAX, &n[i]);
		if (good && n[0] <= r->text.n) {
			*offset = (size_t)n[0];
			*uidnext = n[2] ? (uint32_t)n[2] : 1;
		}
	}
	pf_buf_release(&text);
}

static bool is_there(const struct reader *r, uint32_t uidnext)
{
	struct store_box *box = NULL;
	struct store_box_info info;
	bool found = false;

	if (store_box_open(r->transfer->store, r->transfer->mailbox, &box,
			   NULL) != PF_OK)
		return false;
	store_box_info(box, &info);
	for (uint32_t i = store_box_lower_bound(box, uidnext);
	     !found && i < info.messages; i++) {
		const struct store_msg *m = store_box_at(box, i);
		found = m->size == r->first_size &&
			(!r->hows[0].date || m->date == r->hows[0].date);
	}
	store_box_close(&box);
	return found;
}

/* ---- reading ----------------------------------------------------------- */

static uint64_t size_with_crlf(struct pf_str text)
{
	uint64_t size = text.n;

	for (size_t i = 0; i < text.n; i++)
		size += text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r');
	return size;
}

static pf_status add_message(struct reader *r, const struct origin_message *m,
			     struct pf_str body, struct pf_error *err)
{
	struct store_deliver how = {
	    .flags = m->flags,
	    .keywords = r->keywords[r->count],
	    .date = m->date,
	    .exempt = true,
	    .create = true,
	};
	struct pf_str rest = m->keywords, word;

	while (pf_str_split(&rest, ' ', &word)) {
		word = pf_str_trim(word);
		if (word.n && how.keyword_count < KEYWORD_MAX)
			r->keywords[r->count][how.keyword_count++] = word;
	}
	if (r->count == 0)
		r->first_size = size_with_crlf(body);
	r->hows[r->count] = how;
	r->bytes += body.n;
	if (r->transfer->dry) {
		r->count++;
		return PF_OK;
	}
	pf_status status =
	    store_draft_new(r->transfer->store, &r->drafts[r->count], err);
	if (status != PF_OK)
		return status;
	struct store_draft *draft = r->drafts[r->count++];
	status = store_draft_write(draft, body.p, body.n, err);
	if (status == PF_OK)
		status = store_draft_finish(draft, NULL, err);
	return status;
}

static void forget_batch(struct reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->drafts[i])
			store_draft_free(&r->drafts[i]);
	r->count = r->bytes = 0;
}

/* From `at` on, as much as one batch holds; PF_OK and count 0 at the end. */
static pf_status read_batch(struct reader *r, size_t *at, struct pf_error *err)
{
	struct pf_buf body = PF_BUF_INIT(MESSAGE_MAX);
	struct origin_message m;
	pf_status status = PF_OK;

	while (status == PF_OK && r->count < BATCH && r->bytes < BATCH_BYTES &&
	       origin_mbox_next(r->text, at, &m, &body)) {
		status = pf_buf_status(&body, err);
		if (status == PF_OK)
			status = add_message(r, &m, pf_buf_str(&body), err);
	}
	pf_buf_release(&body);
	return status;
}

static pf_status import_text(struct reader *r, struct pf_error *err)
{
	struct origin_transfer *t = r->transfer;
	struct store_uids uids = {0};
	size_t at, begin;
	uint32_t doubt, uidvalidity;
	pf_status status = PF_OK;

	read_state(r, &at, &doubt);
	for (; status == PF_OK; doubt = 0) {
		begin = at;
		status = read_batch(r, &at, err);
		if (status != PF_OK || r->count == 0)
			break;
		if (doubt && is_there(r, doubt)) {
			t->skipped += r->count;
		} else {
			uids.n = 0;
			if (!t->dry)
				status = write_state(r, begin, err);
			if (status == PF_OK && !t->dry)
				status = store_deliver_many(
				    t->store, t->mailbox, r->drafts, r->hows,
				    r->count, &uidvalidity, &uids, err);
			if (status == PF_OK)
				t->messages += r->count;
		}
		forget_batch(r);
		if (status == PF_OK && t->progress)
			t->progress(t->arg, t->messages, at, r->text.n);
	}
	forget_batch(r);
	if (status == PF_OK && !t->dry)
		status = write_state(r, at, err);
	if (status == PF_OK && at < r->text.n &&
	    pf_str_trim(pf_str_from(r->text, at)).n)
		status =
		    pf_error_set(err, PF_INVALID, NULL,
				 "no mbox: no \"From \" line at byte %zu", at);
	pf_vec_release(&uids);
	return status;
}

pf_status origin_import_mbox(struct origin_transfer *transfer, const char *file,
			     const char *state, struct pf_error *err)
{
	struct stat st;
	int fd = -1;
	pf_status status = pf_fs_open(AT_FDCWD, file, O_RDONLY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return pf_error_set(err, PF_INVALID, NULL, "%s: no file", file);
	}
	size_t n = (size_t)st.st_size;
	void *p = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	close(fd);
	if (p == MAP_FAILED)
		return pf_error_sys(err, errno, "%s", file);
	struct reader *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->transfer = transfer;
	r->text = pf_str_mem(p, n);
	r->state = state;
	status = import_text(r, err);
	free(r);
	if (p)
		munmap(p, n);
	return status;
}

/* ---- writing ----------------------------------------------------------- */

static void keywords_of(const struct store_box *box, const struct store_msg *m,
			struct pf_buf *to)
{
	pf_buf_clear(to);
	for (unsigned k = 0; k < STORE_KEYWORDS_MAX; k++)
		if (m->keywords & UINT64_C(1) << k && store_box_keyword(box, k))
			pf_buf_addf(to, "%s%s", to->len ? " " : "",
				    store_box_keyword(box, k));
}

static pf_status write_message(struct store_box *box, uint32_t at, int out,
			       struct pf_buf *text, struct pf_buf *made,
			       struct pf_error *err)
{
	struct pf_buf keywords = PF_BUF_INIT(65536);
	const struct store_msg msg = *store_box_at(box, at);
	struct origin_message m = {.flags = msg.flags, .date = msg.date};
	uint64_t size;
	int fd = -1;

	keywords_of(box, &msg, &keywords);
	m.keywords = pf_buf_str(&keywords);
	pf_buf_clear(text);
	pf_buf_clear(made);
	pf_status status = store_msg_open(box, msg.uid, &fd, &size, err);
	if (status == PF_OK)
		status = pf_fs_read_fd(fd, text, err);
	if (fd >= 0)
		close(fd);
	if (status == PF_OK) {
		origin_mbox_write(&m, pf_buf_str(text), made);
		status = pf_buf_status(made, err);
	}
	if (status == PF_OK)
		status = pf_fs_write(out, made->data, made->len, err);
	pf_buf_release(&keywords);
	return status == PF_EXPUNGED ? PF_OK : status;
}

static pf_status export_box(struct origin_transfer *t, struct pf_str name,
			    const char *path, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(MESSAGE_MAX),
		      made = PF_BUF_INIT(2 * MESSAGE_MAX),
		      temp = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct store_box *box = NULL;
	struct store_box_info info = {0};
	int out = -1;
	pf_status status = store_box_open(t->store, name, &box, err);

	pf_buf_addf(&temp, "%s.tmp", path);
	if (status == PF_OK)
		store_box_info(box, &info);
	if (status == PF_OK && !t->dry)
		status = pf_fs_open(AT_FDCWD, temp.data,
				    O_WRONLY | O_CREAT | O_TRUNC, ORIGIN_MODE,
				    &out, err);
	for (uint32_t i = 0; status == PF_OK && i < info.messages; i++) {
		if (!t->dry)
			status = write_message(box, i, out, &text, &made, err);
		t->messages += status == PF_OK;
		if (t->progress)
			t->progress(t->arg, t->messages, i + 1, info.messages);
	}
	if (status == PF_OK && out >= 0)
		status = pf_fs_sync(out, err);
	if (out >= 0)
		close(out);
	if (status == PF_OK && !t->dry)
		status = pf_fs_rename(AT_FDCWD, temp.data, AT_FDCWD, path, err);
	if (box)
		store_box_close(&box);
	pf_buf_release(&text);
	pf_buf_release(&made);
	pf_buf_release(&temp);
	return status;
}

pf_status origin_export_mbox(struct origin_transfer *t, const char *path,
			     struct pf_error *err)
{
	struct pf_buf file = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct store_names names = {0};
	struct pf_arena arena;
	pf_status status = PF_OK;

	if (t->mailbox.n)
		return export_box(t, t->mailbox, path, err);
	pf_arena_init(&arena, 64 << 20);
	if (!t->dry)
		status = pf_fs_mkdirs(path, 0700, err);
	if (status == PF_OK)
		status = store_list(t->store, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++) {
		if (!(names.v[i].flags & STORE_NAME_EXISTS))
			continue;
		pf_buf_clear(&file);
		pf_buf_addf(&file, "%s/", path);
		for (size_t k = 0; k < names.v[i].name.n; k++)
			pf_buf_add_byte(&file, names.v[i].name.p[k] == '/'
						   ? '.'
						   : names.v[i].name.p[k]);
		pf_buf_add_c(&file, ".mbox");
		status = export_box(t, names.v[i].name, file.data, err);
	}
	pf_vec_release(&names);
	pf_arena_release(&arena);
	pf_buf_release(&file);
	return status;
}
