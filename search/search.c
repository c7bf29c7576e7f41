/*
 * search: the planner.  Messages are taken newest first, and each is judged
 * in the order of what it costs: the store's record, the index, the header of
 * its file, the whole file.  After each of these the key tree may be decided,
 * whatever its shape; most messages never get to the third.
 *
 * The index is only believed as far as it goes: a message that it does not
 * hold, or held later than the question was put, is OPEN.  An index that
 * fails in the middle may have lied before, so the search begins again
 * without it.
 */
#include "search/search.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "mime/mime.h"
#include "search/feed.h"
#include "search/keys.h"

#define DAY		86400
#define CLOCK_EVERY	64 /* messages that were not read, between two looks */
#define DIRECT_MESSAGES 3
#define DIRECT_SIZE	((uint64_t)64 * 1024)

struct search {
	struct store_view *view;
	const struct store_uids *saved;
	char *index_path; /* NULL: without */
	struct index *index;
	size_t asked;	 /* leaves whose question was put to the index */
	unsigned direct; /* messages read without */
	bool want_index;
	struct search_keys keys;
	int64_t now;
	bool begun, finished;
	uint32_t last_uid; /* everything below it is to do */
	uint32_t done;
	struct store_uids found; /* newest first until the end */
	/* search_want */
	bool some;
	uint32_t oldest, newest;
	uint32_t first_uid;	  /* everything above it is to do */
	struct store_uids lowest; /* found from the oldest on */
};

/* ---- the index ------------------------------------------------------- */

static void drop_index(struct search *search)
{
	for (size_t i = 0; i < search->keys.leaves.n; i++) {
		index_set_free(&search->keys.leaves.v[i].set);
		index_set_free(&search->keys.leaves.v[i].name_set);
	}
	if (search->index)
		index_close(&search->index);
	search->begun = false;
	search->done = search->first_uid = 0;
	search->found.n = search->lowest.n = 0;
}

/* Is there a field of that name at all? */
static pf_status ask_name(struct index *index, struct search_leaf *leaf)
{
	struct pf_buf name = PF_BUF_INIT(1 << 20);
	pf_status status;

	search_fold_needle(&name, leaf->key->name);
	status = index_candidates(index, pf_buf_str(&name), 1u << INDEX_HEADER,
				  &leaf->name_set, NULL);
	pf_buf_release(&name);
	return status;
}

static pf_status ask_leaf(struct index *index, struct search_leaf *leaf)
{
	const struct imap_key *key = leaf->key;
	unsigned fields = INDEX_ALL_FIELDS;

	leaf->sure = true;
	if (key->kind == IMAP_KEY_BODY) {
		fields = 1u << INDEX_BODY;
	} else if (key->kind == IMAP_KEY_HEADER) {
		enum index_field field = search_header_field(key->name);
		pf_status status = PF_OK;

		fields = 1u << field;
		leaf->sure = field != INDEX_HEADER;
		if (!leaf->sure || !key->text.n)
			status = ask_name(index, leaf);
		if (status || !key->text.n)
			return status;
	} else if (key->kind != IMAP_KEY_TEXT) {
		return PF_OK; /* SENTON, ...: dates are not indexed */
	}
	return index_candidates(index, pf_buf_str(&leaf->pattern.needle),
				fields, &leaf->set, NULL);
}

/* Opens the index, or puts one leaf's question to it. */
static void ask_index(struct search *search)
{
	struct search_keys *keys = &search->keys;
	pf_status status;

	if (!search->index)
		status = index_open(search->index_path, search_text_version(),
				    &search->index, NULL);
	else
		status =
		    ask_leaf(search->index, &keys->leaves.v[search->asked++]);
	if (status) {
		search->asked = keys->leaves.n;
		drop_index(search);
	}
}

/* The first few small messages are read sooner than the index answers. */
static bool wants_index(struct search *search, const struct store_msg *msg)
{
	if (search->asked == search->keys.leaves.n)
		return false;
	if (msg->size <= DIRECT_SIZE && search->direct < DIRECT_MESSAGES) {
		search->direct++;
		return false;
	}
	return true;
}

static enum search_verdict index_verdict(const struct search_leaf *leaf,
					 uint32_t docid)
{
	enum index_answer answer = INDEX_MAYBE;

	if (leaf->name_set && index_set_ask(leaf->name_set, docid) == INDEX_NO)
		return VERDICT_NO;
	if (leaf->set)
		answer = index_set_ask(leaf->set, docid);
	if (answer == INDEX_NO)
		return VERDICT_NO;
	return answer == INDEX_YES && leaf->sure ? VERDICT_YES : VERDICT_OPEN;
}

/* ---- the text -------------------------------------------------------- */

struct reading {
	struct search *search;
	const struct search_subject *subject;
	struct pf_buf name; /* "Name: " folded */
	enum search_verdict verdict;
};

/* SENTON and its kin: the day as the sender wrote it (RFC 3501 6.4.4:
 * "disregarding time and timezone"). A message without a date has none. */
static enum search_verdict judge_sent(const struct search_leaf *leaf,
				      struct pf_str raw)
{
	int64_t want = leaf->key->date / DAY, day;
	time_t when;
	int zone;
	bool match;

	if (!mime_date(raw, &when, &zone))
		return VERDICT_NO;
	when += zone;
	day = (when >= 0 ? when : when - DAY + 1) / DAY;
	if (leaf->key->kind == IMAP_KEY_SENTBEFORE)
		match = day < want;
	else if (leaf->key->kind == IMAP_KEY_SENTON)
		match = day == want;
	else
		match = day >= want;
	return match ? VERDICT_YES : VERDICT_NO;
}

static enum search_verdict judge_field(struct reading *reading,
				       struct search_leaf *leaf,
				       const struct search_piece *piece)
{
	struct search_pattern *pattern = &leaf->pattern;
	bool match = false;

	if (leaf->key->kind == IMAP_KEY_TEXT) {
		search_pattern_reset(pattern);
		match =
		    search_pattern_feed(pattern, pf_buf_str(&reading->name)) ||
		    search_pattern_feed(pattern, piece->text);
		search_pattern_reset(pattern);
	} else if (leaf->key->kind == IMAP_KEY_HEADER) {
		search_pattern_reset(pattern);
		match = pf_str_ieq(piece->name, leaf->key->name) &&
			search_pattern_feed(pattern, piece->text);
	} else if (leaf->key->kind != IMAP_KEY_BODY) {
		if (pf_str_ieq(piece->name, PF_STR("Date")))
			return judge_sent(leaf, piece->raw);
	}
	return match ? VERDICT_YES : VERDICT_OPEN;
}

static enum search_verdict judge_body(struct search_leaf *leaf,
				      const struct search_piece *piece)
{
	bool match;

	if (leaf->needs != NEEDS_BODY)
		return VERDICT_OPEN;
	match = search_pattern_feed(&leaf->pattern, piece->text);
	if (!piece->more)
		search_pattern_reset(&leaf->pattern);
	return match ? VERDICT_YES : VERDICT_OPEN;
}

static bool judge_piece(void *arg, const struct search_piece *piece)
{
	struct reading *reading = arg;
	struct search_keys *keys = &reading->search->keys;
	bool news = false;

	if (piece->name.n) {
		pf_buf_clear(&reading->name);
		mime_fold(&reading->name, piece->name);
		pf_buf_add_c(&reading->name, ": ");
	}
	for (size_t i = 0; i < keys->leaves.n; i++) {
		struct search_leaf *leaf = &keys->leaves.v[i];

		if (leaf->verdict != VERDICT_OPEN)
			continue;
		leaf->verdict = piece->name.n
				    ? judge_field(reading, leaf, piece)
				    : judge_body(leaf, piece);
		news = news || leaf->verdict != VERDICT_OPEN;
	}
	if (news)
		reading->verdict = search_keys_judge(keys, reading->subject);
	return reading->verdict == VERDICT_OPEN;
}

/* Reads as far as needed; what was then not found is not there. */
static pf_status read_text(struct search *search,
			   const struct search_subject *subject, int fd,
			   bool header_only, enum search_verdict *verdict,
			   struct pf_error *err)
{
	struct reading reading = {.search = search,
				  .subject = subject,
				  .name = PF_BUF_INIT(16 * MIME_HEADER_MAX),
				  .verdict = VERDICT_OPEN};
	struct search_keys *keys = &search->keys;
	pf_status status;

	for (size_t i = 0; i < keys->leaves.n; i++)
		search_pattern_reset(&keys->leaves.v[i].pattern);
	status = search_text(fd, header_only, judge_piece, &reading, err);
	pf_buf_release(&reading.name);
	if (status)
		return status;
	if (reading.verdict == VERDICT_OPEN)
		for (size_t i = 0; i < keys->leaves.n; i++) {
			struct search_leaf *leaf = &keys->leaves.v[i];

			if (leaf->verdict == VERDICT_OPEN &&
			    (!header_only || leaf->needs == NEEDS_HEADER))
				leaf->verdict = VERDICT_NO;
		}
	*verdict = reading.verdict == VERDICT_OPEN
		       ? search_keys_judge(keys, subject)
		       : reading.verdict;
	return PF_OK;
}

static pf_status judge_text(struct search *search,
			    const struct search_subject *subject,
			    enum search_verdict *verdict, struct pf_error *err)
{
	bool header = false;
	uint64_t size;
	pf_status status;
	int fd;

	if (search_keys_parts(&search->keys, subject)) {
		*verdict = search_keys_judge(&search->keys, subject);
		if (*verdict != VERDICT_OPEN)
			return PF_OK;
	}
	status = store_msg_open(store_view_box(search->view), subject->msg->uid,
				&fd, &size, err);
	if (status)
		return status;
	for (size_t i = 0; i < search->keys.leaves.n; i++)
		header = header ||
			 (search->keys.leaves.v[i].verdict == VERDICT_OPEN &&
			  search->keys.leaves.v[i].needs == NEEDS_HEADER);
	if (header)
		status = read_text(search, subject, fd, true, verdict, err);
	if (!status && *verdict == VERDICT_OPEN)
		status = read_text(search, subject, fd, false, verdict, err);
	close(fd);
	if (status)
		pf_error_context(err, "search uid %u", subject->msg->uid);
	return status;
}

/* ---- a message ------------------------------------------------------- */

static pf_status judge_index(struct search *search,
			     const struct search_subject *subject,
			     enum search_verdict *verdict)
{
	struct pf_str guid =
	    store_msg_guid(store_view_box(search->view), subject->msg->uid);
	uint32_t docid = 0;
	pf_status status = index_docid(search->index, guid, &docid, NULL);

	if (status || !docid)
		return status;
	for (size_t i = 0; i < search->keys.leaves.n; i++) {
		struct search_leaf *leaf = &search->keys.leaves.v[i];

		if (leaf->verdict == VERDICT_OPEN)
			leaf->verdict = index_verdict(leaf, docid);
	}
	*verdict = search_keys_judge(&search->keys, subject);
	return PF_OK;
}

/* EXPUNGED: it is gone.  MORE: again, the index changed.  *read: the file was
 * read. */
static pf_status judge_message(struct search *search, uint32_t seq,
			       uint32_t uid, bool *match, bool *read,
			       struct pf_error *err)
{
	const struct store_msg *found =
	    store_box_find(store_view_box(search->view), uid);
	struct store_msg msg;
	struct search_subject subject = {.view = search->view,
					 .msg = &msg,
					 .seq = seq,
					 .saved = search->saved,
					 .now = search->now};
	enum search_verdict verdict;
	pf_status status = PF_OK;

	*read = false;
	if (!found)
		return pf_error_set(err, PF_EXPUNGED, NULL, "search: uid %u",
				    uid);
	msg = *found; /* opening a file may change the box */
	search_keys_begin(&search->keys,
			  store_msg_guid(store_view_box(search->view), uid));
	verdict = search_keys_judge(&search->keys, &subject);
	if (verdict == VERDICT_OPEN && !search->index) {
		search->want_index = wants_index(search, &msg);
		if (search->want_index)
			return PF_MORE;
	}
	if (verdict == VERDICT_OPEN && search->index &&
	    judge_index(search, &subject, &verdict) != PF_OK) {
		drop_index(search);
		return PF_MORE;
	}
	if (verdict == VERDICT_OPEN) {
		*read = true;
		status = judge_text(search, &subject, &verdict, err);
	}
	if (!status)
		*match = verdict == VERDICT_YES;
	return status;
}

/* ---- the run --------------------------------------------------------- */

pf_status search_new(struct store_view *view, const struct imap_key *key,
		     const struct store_uids *saved, const char *index_path,
		     struct search **out, struct pf_error *err)
{
	struct search *search = calloc(1, sizeof *search);
	pf_status status;

	if (!search)
		return pf_error_set(err, PF_NOMEM, NULL, "search: no memory");
	search->view = view;
	search->saved = saved;
	search->now = pf_clock_now();
	status =
	    search_keys_compile(&search->keys, key, store_view_box(view), err);
	if (status) {
		free(search);
		return status;
	}
	if (index_path)
		search->index_path = pf_str_dup(pf_str_c(index_path));
	else
		search->asked = search->keys.leaves.n;
	*out = search;
	return PF_OK;
}

void search_free(struct search **search)
{
	if (!*search)
		return;
	drop_index(*search);
	search_keys_release(&(*search)->keys);
	pf_vec_release(&(*search)->found);
	pf_vec_release(&(*search)->lowest);
	free((*search)->index_path);
	free(*search);
	*search = NULL;
}

void search_want(struct search *search, uint32_t oldest, uint32_t newest)
{
	search->some = true;
	search->oldest = oldest;
	search->newest = newest;
}

/* Is the next message to look at taken from the newest down? */
static bool goes_down(const struct search *search)
{
	return !search->some || search->found.n < search->newest;
}

/* The message before the last one, or where only the oldest are wanted still,
 * behind the first ones; 0: there is none. */
static uint32_t next_seq(struct search *search)
{
	uint32_t below = store_view_count(search->view), seq;

	if (search->begun)
		below = store_view_seq_from(search->view, search->last_uid) - 1;
	if (goes_down(search))
		return below;
	if (search->lowest.n >= search->oldest)
		return 0;
	seq = search->first_uid == UINT32_MAX
		  ? below + 1
		  : store_view_seq_from(search->view, search->first_uid + 1);
	return seq <= below ? seq : 0;
}

static void note_judged(struct search *search, uint32_t uid, bool match)
{
	search->done++;
	if (goes_down(search)) {
		search->begun = true;
		search->last_uid = uid;
		if (match)
			pf_vec_push(&search->found, uid);
	} else {
		search->first_uid = uid;
		if (match)
			pf_vec_push(&search->lowest, uid);
	}
}

/* Sorted: the oldest, and then what was found from the newest down. */
static void sort_found(struct search *search)
{
	struct store_uids down = search->found;

	search->found = search->lowest;
	search->lowest = down;
	for (size_t i = down.n; i > 0; i--)
		pf_vec_push(&search->found, down.v[i - 1]);
}

pf_status search_step(struct search *search, int slice_ms, struct pf_error *err)
{
	int64_t until = pf_clock_mono_ms() + slice_ms;
	uint32_t seq;

	while (!search->finished && (seq = next_seq(search)) != 0) {
		uint32_t uid = store_view_uid(search->view, seq);
		bool match = false, read = false;
		pf_status status;

		if (search->want_index &&
		    search->asked < search->keys.leaves.n) {
			ask_index(search);
			if (slice_ms && pf_clock_mono_ms() >= until)
				return PF_MORE;
			continue;
		}
		status = judge_message(search, seq, uid, &match, &read, err);
		if (status == PF_MORE)
			continue;
		if (status && status != PF_EXPUNGED)
			return status;
		note_judged(search, uid, !status && match);
		if (slice_ms && (read || search->done % CLOCK_EVERY == 0) &&
		    pf_clock_mono_ms() >= until)
			return PF_MORE;
	}
	if (!search->finished)
		sort_found(search);
	search->finished = true;
	return PF_OK;
}

const struct store_uids *search_result(const struct search *search)
{
	return &search->found;
}

void search_progress(const struct search *search, uint32_t *done,
		     uint32_t *total)
{
	*done = search->done;
	*total = store_view_count(search->view);
}

pf_status search_message(struct search *search, uint32_t uid, bool *matches,
			 struct pf_error *err)
{
	uint32_t seq = store_view_seq(search->view, uid);
	bool match = false, read;
	pf_status status;

	do
		status = judge_message(search, seq, uid, &match, &read, err);
	while (status == PF_MORE);
	if (!status)
		*matches = match;
	return status;
}

pf_status search_matches(struct store_view *view, uint32_t uid,
			 const struct imap_key *key, bool *matches,
			 struct pf_error *err)
{
	struct search *search;
	pf_status status = search_new(view, key, NULL, NULL, &search, err);

	if (status)
		return status;
	status = search_message(search, uid, matches, err);
	search_free(&search);
	return status;
}

/* ---- names ----------------------------------------------------------- */

void search_index_path(struct pf_buf *to, const char *store_root)
{
	pf_buf_addf(to, "%s/penfold-index", store_root);
}

/* RFC 8474 7: 1*255 of A-Z a-z 0-9 _ -.  Everything else, and "_", as "_"
 * and two hex digits; a name too long for that ends in its checksum. */
void search_object_id(struct pf_buf *to, char kind, struct pf_str name)
{
	size_t start = to->len;

	pf_buf_add_byte(to, kind);
	for (size_t i = 0; i < name.n && to->len - start <= 255; i++) {
		char c = name.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-')
			pf_buf_add_byte(to, c);
		else
			pf_buf_addf(to, "_%02x", (unsigned)(unsigned char)c);
	}
	if (to->len - start > 255) {
		pf_buf_cut(to, start + 247);
		pf_buf_addf(to, "%08x", pf_crc32c(0, name.p, name.n));
	}
}

void search_email_id(struct pf_buf *to, struct pf_str guid)
{
	search_object_id(to, 'M', guid);
}
