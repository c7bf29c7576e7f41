/* What SEARCH must answer, the slow and simple way. */
#include "tests/search/oracle.h"

#include <stdlib.h>
#include <unistd.h>

#include "mime/mime.h"

/* ---- reading --------------------------------------------------------- */

static char *copy(struct pf_str s)
{
	char *p = malloc(s.n + 1);

	memcpy(p, s.n ? s.p : "", s.n);
	p[s.n] = '\0';
	return p;
}

static char *fold(struct pf_str s, size_t *n)
{
	struct pf_buf lf = PF_BUF_INIT((size_t)1 << 28);
	struct pf_buf folded = PF_BUF_INIT((size_t)1 << 28);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			pf_buf_add_byte(&lf, s.p[i]);
	mime_fold(&folded, pf_buf_str(&lf));
	*n = folded.len;
	pf_buf_release(&lf);
	return pf_buf_detach(&folded);
}

struct reading {
	struct oracle_msg *msg;
	struct pf_buf text;
};

static void add_text(struct reading *reading, const char *name)
{
	struct oracle_text text = {0};

	text.name = name ? copy(pf_str_c(name)) : NULL;
	text.plain = copy(pf_buf_str(&reading->text));
	text.plain_n = reading->text.len;
	text.folded = fold(pf_buf_str(&reading->text), &text.folded_n);
	pf_vec_push(&reading->msg->texts, text);
	pf_buf_clear(&reading->text);
}

static bool take(void *arg, enum mime_text_kind kind,
		 const struct mime_part *part, struct pf_str name,
		 struct pf_str piece, bool more)
{
	struct reading *reading = arg;

	if (kind == MIME_TEXT_HEADER) {
		char *field = copy(name);

		pf_buf_clear(&reading->text);
		if (part->parent) {
			pf_buf_add_c(&reading->text, field);
			pf_buf_add_c(&reading->text, ": ");
		}
		pf_buf_add_str(&reading->text, piece);
		add_text(reading, part->parent ? NULL : field);
		free(field);
	} else {
		pf_buf_add_str(&reading->text, piece);
		if (!more)
			add_text(reading, NULL);
	}
	return true;
}

static void read_date(struct oracle_msg *msg)
{
	const struct fake_msg *from = msg->msg;
	size_t pos = 0;
	struct mime_field field;
	time_t when;
	int zone;

	while (mime_field_next(pf_buf_str(&from->text), &pos, &field))
		if (pf_str_ieq(field.name, PF_STR("Date"))) {
			msg->has_date = mime_date(field.raw, &when, &zone);
			if (msg->has_date)
				msg->sent_day = (when + zone) / 86400;
			return;
		}
}

void oracle_read(struct oracle_msg *msg, const struct fake_msg *from,
		 uint32_t seq)
{
	struct reading reading = {msg, PF_BUF_INIT((size_t)1 << 28)};
	int fd = fake_fd(from);

	*msg = (struct oracle_msg){.msg = from, .seq = seq};
	if (mime_text(fd, take, &reading, NULL))
		abort();
	close(fd);
	read_date(msg);
	pf_buf_release(&reading.text);
}

void oracle_release(struct oracle_msg *msg)
{
	for (size_t i = 0; i < msg->texts.n; i++) {
		free(msg->texts.v[i].name);
		free(msg->texts.v[i].plain);
		free(msg->texts.v[i].folded);
	}
	pf_vec_release(&msg->texts);
}

/* ---- judging --------------------------------------------------------- */

static bool contains(const char *text, size_t n, const char *needle,
		     size_t needle_n)
{
	return needle_n == 0 || memmem(text, n, needle, needle_n) != NULL;
}

static bool with_name_contains(const struct oracle_text *text,
			       const char *needle, size_t n)
{
	struct pf_buf line = PF_BUF_INIT((size_t)1 << 28);
	bool found;

	mime_fold(&line, pf_str_c(text->name));
	pf_buf_add_c(&line, ": ");
	pf_buf_add(&line, text->folded, text->folded_n);
	found = contains(line.data, line.len, needle, n);
	pf_buf_release(&line);
	return found;
}

static bool text_matches(const struct oracle_msg *msg,
			 const struct imap_key *key)
{
	size_t n;
	char *needle = fold(key->text, &n);
	bool found = key->kind != IMAP_KEY_HEADER && n == 0;

	for (size_t i = 0; i < msg->texts.n && !found; i++) {
		const struct oracle_text *t = &msg->texts.v[i];

		if (key->kind == IMAP_KEY_HEADER)
			found = t->name &&
				pf_str_ieq(pf_str_c(t->name), key->name) &&
				contains(t->folded, t->folded_n, needle, n);
		else if (!t->name)
			found = contains(t->folded, t->folded_n, needle, n);
		else if (key->kind == IMAP_KEY_TEXT)
			found = with_name_contains(t, needle, n);
	}
	free(needle);
	return found;
}

static bool all_or_any(const struct oracle_msg *msg, const struct imap_key *key,
		       bool all)
{
	for (const struct imap_key *k = key->child; k; k = k->next)
		if (oracle_matches(msg, k) != all)
			return !all;
	return all;
}

bool oracle_matches(const struct oracle_msg *msg, const struct imap_key *key)
{
	const struct store_msg *m = &msg->msg->msg;

	if (msg->msg->expunged)
		return false;
	if (key->kind == IMAP_KEY_AND)
		return all_or_any(msg, key, true);
	if (key->kind == IMAP_KEY_OR)
		return all_or_any(msg, key, false);
	if (key->kind == IMAP_KEY_NOT)
		return !oracle_matches(msg, key->child);
	if (key->kind == IMAP_KEY_HEADER || key->kind == IMAP_KEY_BODY ||
	    key->kind == IMAP_KEY_TEXT)
		return text_matches(msg, key);
	if (key->kind == IMAP_KEY_FLAG &&
	    pf_str_eq(key->name, PF_STR("\\Seen")))
		return m->flags & STORE_SEEN;
	if (key->kind == IMAP_KEY_FLAG)
		return m->keywords & 1; /* the test's only keyword */
	if (key->kind == IMAP_KEY_UID)
		return imap_set_has(&key->set, m->uid);
	if (key->kind == IMAP_KEY_SEQ)
		return imap_set_has(&key->set, msg->seq);
	if (key->kind == IMAP_KEY_LARGER)
		return m->size > key->number;
	if (key->kind == IMAP_KEY_SMALLER)
		return m->size < key->number;
	if (key->kind == IMAP_KEY_SINCE)
		return m->date >= key->date;
	if (key->kind == IMAP_KEY_BEFORE)
		return m->date < key->date;
	if (key->kind == IMAP_KEY_ON)
		return m->date >= key->date && m->date < key->date + 86400;
	if (key->kind == IMAP_KEY_SENTSINCE)
		return msg->has_date && msg->sent_day * 86400 >= key->date;
	if (key->kind == IMAP_KEY_SENTBEFORE)
		return msg->has_date && msg->sent_day * 86400 < key->date;
	if (key->kind == IMAP_KEY_SENTON)
		return msg->has_date && msg->sent_day * 86400 == key->date;
	if (key->kind == IMAP_KEY_MODSEQ)
		return m->modseq >= key->number;
	if (key->kind == IMAP_KEY_ALL)
		return true;
	abort(); /* the test asked what the oracle does not know */
}
