/*
 * work: one user's mail into one user's index.
 *
 * How far a mailbox is done is noted in the index itself, in the same commit
 * as the documents: "box GUID" = "UIDVALIDITY UIDNEXT", meaning every message
 * below UIDNEXT was seen.  So a crash costs what was not committed, and a
 * round over mailboxes without news costs a look at each one's STATUS.
 *
 * Expunged messages stay in the index until a sweep, at most once a day, finds
 * which GUIDs no mailbox holds any more.  A message that moves while the sweep
 * looks may lose its document; it has a new UID then, and is indexed again.
 *
 * Nothing here decides what a search answers: a message that is skipped is
 * read by whoever searches.
 */
#include "indexd/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "index/index.h"
#include "indexd/attach.h"
#include "search/search.h"

#define COMMIT_MS   2000
#define SWEEP_EVERY 86400

struct state {
	struct indexd_work *work;
	struct store *store;
	struct index_writer *writer;
	int64_t until_ms, commit_ms;
};

static bool out_of_time(const struct state *state)
{
	return *state->work->stop || pf_clock_mono_ms() >= state->until_ms;
}

/* ---- notes ----------------------------------------------------------- */

static pf_status read_note(struct state *state, const char *key,
			   uint64_t values[2], struct pf_error *err)
{
	struct pf_buf note = PF_BUF_INIT(200);
	struct pf_str rest, word;
	pf_status status =
	    index_writer_note_get(state->writer, key, &note, err);

	rest = pf_buf_str(&note);
	for (int i = 0; i < 2; i++)
		if (!pf_str_split(&rest, ' ', &word) ||
		    !pf_str_u64(word, INT64_MAX, &values[i]))
			values[i] = 0;
	pf_buf_release(&note);
	return status;
}

static pf_status write_note(struct state *state, const char *key, uint64_t a,
			    uint64_t b, struct pf_error *err)
{
	char text[64];

	snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, a, b);
	return index_writer_note(state->writer, key, pf_str_c(text), err);
}

static void box_key(char key[40], const struct store_box_info *info)
{
	snprintf(key, 40, "box %s", info->guid);
}

/* ---- a mailbox ------------------------------------------------------- */

static pf_status skip(struct state *state)
{
	state->work->skipped++;
	return PF_OK;
}

/* Only failures of the index count; a message that cannot be read or taken
 * is left to those who search. */
static pf_status index_message(struct state *state, struct store_box *box,
			       uint32_t uid, struct pf_error *err)
{
	struct pf_str guid = store_msg_guid(box, uid);
	struct pf_buf key = PF_BUF_INIT(4096);
	uint64_t size;
	bool has = false;
	pf_status status;
	int fd;

	status = index_writer_has(state->writer, guid, &has, err);
	if (status || (has && state->work->attachments))
		return status;
	if (state->work->attachments) {
		status =
		    indexd_attach_message(state->writer, box, uid, &has, err);
		state->work->indexed += !status && has;
		return status == PF_LIMIT ? PF_OK : status;
	}
	pf_buf_add_str(&key, guid); /* opening may change the box */
	if (store_msg_open(box, uid, &fd, &size, NULL) == PF_OK) {
		/* a copy of what is known has no summary in this mailbox */
		search_keep_summary(box, uid, fd);
		if (!has)
			status = search_index_message(
			    state->writer, pf_buf_str(&key), fd, err);
		close(fd);
		if (!status && !has)
			state->work->indexed++;
	} else if (!has) {
		state->work->skipped++;
	}
	pf_buf_release(&key);
	if (status == PF_LIMIT) {
		state->work->skipped++;
		status = PF_OK;
	}
	return status;
}

static pf_status commit(struct state *state, const char *key,
			uint32_t uidvalidity, uint32_t uidnext,
			struct pf_error *err)
{
	pf_status status = write_note(state, key, uidvalidity, uidnext, err);

	if (!status)
		status = index_writer_commit(state->writer, err);
	state->commit_ms = pf_clock_mono_ms() + COMMIT_MS;
	return status;
}

/* From where the note says.  MORE: the time is up. */
static pf_status index_open_box(struct state *state, struct store_box *box,
				uint64_t values[2], struct pf_error *err)
{
	struct store_box_info info;
	char key[40];
	uint32_t uid;
	const struct store_msg *msg = NULL;
	pf_status status = PF_OK;

	if (store_box_sync(box, false, NULL) != PF_OK)
		return skip(state);
	store_box_info(box, &info);
	box_key(key, &info);
	uid = values[0] == info.uidvalidity ? (uint32_t)values[1] : 1;
	while (!status && uid != 0 &&
	       (msg = store_box_at(box, store_box_lower_bound(box, uid)))) {
		if (out_of_time(state))
			break;
		uid = msg->uid;
		status = index_message(state, box, uid, err);
		uid++;
		if (!status && pf_clock_mono_ms() >= state->commit_ms)
			status = commit(state, key, info.uidvalidity, uid, err);
	}
	if (status)
		return status;
	if (msg && uid != 0) {
		status = commit(state, key, info.uidvalidity, uid, err);
		return status ? status : PF_MORE;
	}
	return commit(state, key, info.uidvalidity, info.uidnext, err);
}

/* NAME may be deleted, renamed, damaged: no failure of the index. */
static pf_status index_box(struct state *state, struct pf_str name,
			   struct pf_error *err)
{
	struct store_box *box;
	struct store_box_info info;
	uint64_t values[2];
	uint32_t recent;
	char key[40];
	pf_status status;

	if (store_status(state->store, name, &info, &recent, NULL) != PF_OK)
		return skip(state);
	box_key(key, &info);
	status = read_note(state, key, values, err);
	if (status ||
	    (values[0] == info.uidvalidity && values[1] == info.uidnext))
		return status;
	if (store_box_open(state->store, name, &box, NULL) != PF_OK)
		return skip(state);
	status = index_open_box(state, box, values, err);
	store_box_close(&box);
	return status;
}

/* ---- all mailboxes --------------------------------------------------- */

/* Calls each() for every mailbox until it does not go on. */
static pf_status each_box(struct state *state,
			  pf_status (*each)(struct state *, struct pf_str,
					    void *, struct pf_error *),
			  void *arg, struct pf_error *err)
{
	struct pf_arena arena;
	struct store_names names = {0};
	pf_status status;

	pf_arena_init(&arena, (size_t)64 << 20);
	status = store_list(state->store, &arena, &names, err);
	for (size_t i = 0; i < names.n && !status; i++) {
		if (!(names.v[i].flags & STORE_NAME_EXISTS))
			continue;
		status = each(state, names.v[i].name, arg, err);
	}
	pf_vec_release(&names);
	pf_arena_release(&arena);
	return status;
}

static pf_status each_index(struct state *state, struct pf_str name, void *arg,
			    struct pf_error *err)
{
	(void)arg;
	return index_box(state, name, err);
}

static pf_status each_collect(struct state *state, struct pf_str name,
			      void *arg, struct pf_error *err)
{
	struct store_box *box;
	struct store_box_info info;

	(void)err;
	if (store_box_open(state->store, name, &box, NULL) != PF_OK)
		return skip(state);
	store_box_info(box, &info);
	for (uint32_t i = 0; i < info.messages; i++)
		pf_map_set(arg, store_msg_guid(box, store_box_at(box, i)->uid),
			   state);
	store_box_close(&box);
	return *state->work->stop ? PF_MORE : PF_OK;
}

static bool is_known(void *arg, struct pf_str guid)
{
	return pf_map_get(arg, guid) != NULL;
}

static pf_status sweep(struct state *state, struct pf_error *err)
{
	struct pf_map guids = {0};
	uint64_t values[2];
	uint64_t now = (uint64_t)pf_clock_now();
	uint32_t skipped = state->work->skipped;
	pf_status status = read_note(state, "swept", values, err);

	if (status || values[0] + SWEEP_EVERY > now)
		return status;
	status = each_box(state, each_collect, &guids, err);
	/* a mailbox that could not be read may hold any of them */
	if (!status && state->work->skipped == skipped)
		status = index_writer_sweep(state->writer, is_known, &guids,
					    &state->work->removed, err);
	if (!status && state->work->skipped == skipped &&
	    state->work->attachments)
		indexd_attach_sweep(state->store, &guids);
	if (!status)
		status = write_note(state, "swept", now, 0, err);
	if (!status)
		status = index_writer_commit(state->writer, err);
	pf_map_release(&guids);
	return status;
}

/* ---- a user ---------------------------------------------------------- */

/* The index; of attachments everything, or one thing of it. */
static void where(const struct state *state, struct pf_buf *path,
		  const char *what)
{
	const char *root = store_root(state->store);

	if (state->work->attachments)
		search_attached_path(path, root, what);
	else
		search_index_path(path, root);
}

static pf_status open_index(struct state *state, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(8192);
	pf_status status = PF_OK;

	where(state, &path, "");
	if (state->work->order->rebuild) {
		status = pf_fs_remove_tree(AT_FDCWD, path.data, err);
		if (status == PF_NOTFOUND)
			status = PF_OK;
	}
	pf_buf_clear(&path);
	where(state, &path, "index");
	if (!status)
		status = index_writer_open(path.data, search_text_version(),
					   &state->writer,
					   &state->work->rebuilt, err);
	pf_buf_release(&path);
	return status;
}

static pf_status run_order(struct state *state, struct pf_error *err)
{
	const struct indexd_order *order = state->work->order;
	pf_status status = PF_OK;

	for (size_t i = 0; i < order->boxes.n && !status; i++)
		status = index_box(state, pf_str_c(order->boxes.v[i]), err);
	if (!status && order->all)
		status = each_box(state, each_index, NULL, err);
	if (!status && order->all)
		status = sweep(state, err);
	return status;
}

pf_status indexd_work_run(struct indexd_work *work, struct pf_error *err)
{
	struct state state = {.work = work};
	pf_status status;

	work->indexed = work->removed = work->skipped = 0;
	work->tidied = 0;
	state.until_ms = pf_clock_mono_ms() + work->slice_ms;
	state.commit_ms = pf_clock_mono_ms() + COMMIT_MS;
	status = store_open(work->store, &state.store, err);
	if (status)
		return status;
	status = open_index(&state, err);
	if (!status) {
		status = run_order(&state, err);
		index_writer_close(&state.writer);
	}
	if (!status && work->order->all)
		status =
		    store_past_tidy(state.store, false, &work->tidied, err);
	store_close(&state.store);
	return status;
}
