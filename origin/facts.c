/* What the files of one mailbox say about its UIDs and keywords. */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/map.h"
#include "origin/survey.h"

/* ---- UIDs -------------------------------------------------------------- */

/* The names' bytes go behind `text`, which is why UIDs are resolved last. */
static void read_mbsync_names(const struct origin_survey *s,
			      const struct origin_box *box, struct pf_buf *text,
			      struct origin_uids *uids)
{
	static const char *const parts[] = {"cur", "new"};
	struct pf_vec(size_t) offsets = {0};
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);

	for (int i = 0; i < 2; i++) {
		int fd = -1;
		origin_path(&path, box->path, parts[i]);
		if (pf_fs_open(s->root, path.data, O_RDONLY | O_DIRECTORY, 0,
			       &fd, NULL) != PF_OK)
			continue;
		DIR *d = fdopendir(fd);
		for (struct dirent *e; d && (e = readdir(d));) {
			struct pf_str name = pf_str_c(e->d_name);
			struct origin_uid one = {0};
			if (!origin_uids_mbsync_name(name, &one.uid))
				continue;
			ptrdiff_t colon = pf_str_chr(name, ':');
			if (colon >= 0)
				name = pf_str_head(name, (size_t)colon);
			one.base.n = name.n;
			pf_vec_push(&uids->list, one);
			pf_vec_push(&offsets, text->len);
			pf_buf_add_str(text, name);
		}
		if (d)
			closedir(d);
		else
			close(fd);
	}
	for (size_t i = 0; i < uids->list.n; i++)
		uids->list.v[i].base.p = text->data + offsets.v[i];
	if (text->failed)
		uids->list.n = 0;
	origin_uids_sort(uids);
	pf_vec_release(&offsets);
	pf_buf_release(&path);
}

bool origin_box_uids(const struct origin_survey *s,
		     const struct origin_box *box, struct pf_buf *text,
		     struct origin_uids *uids, const char **source)
{
	*uids = (struct origin_uids){0};
	*source = "dovecot-uidlist";
	if (origin_read(s, box, *source, text, NULL) == PF_OK &&
	    origin_uids_parse(pf_buf_str(text), uids))
		return true;
	origin_uids_release(uids);
	pf_buf_clear(text);
	if (s->conf->control &&
	    origin_read_beside(s, s->conf->control, box, *source, text, NULL) ==
		PF_OK &&
	    origin_uids_parse(pf_buf_str(text), uids))
		return true;
	origin_uids_release(uids);
	pf_buf_clear(text);
	*source = "courierimapuiddb";
	if (origin_read(s, box, *source, text, NULL) == PF_OK &&
	    origin_uids_parse(pf_buf_str(text), uids))
		return true;
	origin_uids_release(uids);
	pf_buf_clear(text);
	*source = ".uidvalidity";
	if (origin_read(s, box, *source, text, NULL) == PF_OK &&
	    origin_uids_mbsync_parse(pf_buf_str(text), uids)) {
		pf_buf_clear(text);
		read_mbsync_names(s, box, text, uids);
		return true;
	}
	*source = "";
	return false;
}

/* ---- keywords ---------------------------------------------------------- */

static void read_index(const struct origin_survey *s,
		       const struct origin_box *box, const char *name,
		       struct pf_buf *text)
{
	if (s->conf->index && origin_read_beside(s, s->conf->index, box, name,
						 text, NULL) == PF_OK)
		return;
	pf_buf_clear(text);
	if (origin_read(s, box, name, text, NULL) != PF_OK)
		pf_buf_clear(text);
}

/* Keywords that are letters in file names need nothing: take them out. */
static void drop_letters(const struct origin_survey *s,
			 const struct origin_box *box,
			 struct origin_keywords *keywords)
{
	struct pf_buf text = PF_BUF_INIT(65536);
	struct pf_str rest, line, number;

	if (origin_read(s, box, "dovecot-keywords", &text, NULL) != PF_OK &&
	    s->conf->control) {
		pf_buf_clear(&text);
		(void)!origin_read_beside(s, s->conf->control, box,
					  "dovecot-keywords", &text, NULL);
	}
	rest = pf_buf_str(&text);
	while (pf_str_split(&rest, '\n', &line))
		if (pf_str_split(&line, ' ', &number))
			for (size_t i = 0; i < keywords->list.n; i++)
				if (pf_str_ieq(keywords->list.v[i].name, line))
					keywords->list.v[i--] =
					    keywords->list
						.v[--keywords->list.n];
	pf_buf_release(&text);
}

static void read_dovecot(const struct origin_survey *s,
			 const struct origin_box *box, uint32_t uidvalidity,
			 struct origin_keywords *keywords)
{
	struct pf_buf texts[3];
	static const char *const names[] = {
	    "dovecot.index", "dovecot.index.log.2", "dovecot.index.log"};

	for (int i = 0; i < 3; i++) {
		pf_buf_init(&texts[i], ORIGIN_TEXT_MAX);
		read_index(s, box, names[i], &texts[i]);
	}
	(void)origin_index_parse(pf_buf_str(&texts[0]), pf_buf_str(&texts[1]),
				 pf_buf_str(&texts[2]), uidvalidity, keywords);
	for (int i = 0; i < 3; i++)
		pf_buf_release(&texts[i]);
	drop_letters(s, box, keywords);
}

struct courier {
	struct pf_map uids; /* base name -> struct origin_uid */
	struct origin_keywords *keywords;
};

static void mark(void *arg, struct pf_str base, struct pf_str keyword)
{
	struct courier *c = arg;
	const struct origin_uid *one = pf_map_get(&c->uids, base);

	if (one && keyword.n)
		origin_keywords_mark(c->keywords, keyword, one->uid, one->uid,
				     true);
}

/* A file of courierimapkeywords/: ".N.base" or "base"; the rank is N. */
static struct pf_str pending_base(struct pf_str file, uint64_t *rank)
{
	*rank = 0;
	if (file.n && file.p[0] == '.') {
		struct pf_str rest = pf_str_from(file, 1), number;
		if (pf_str_split(&rest, '.', &number) &&
		    pf_str_u64(number, UINT64_MAX - 1, rank)) {
			++*rank;
			return rest;
		}
	}
	return file;
}

/* What was not put into :list yet: of one message, the newest counts. */
static void read_pending(const struct origin_survey *s,
			 const struct origin_box *box, struct courier *c)
{
	struct pf_buf path = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct pf_map ranks = {0};
	int fd = -1;

	origin_path(&path, box->path, "courierimapkeywords");
	if (pf_fs_open(s->root, path.data, O_RDONLY | O_DIRECTORY, 0, &fd,
		       NULL) != PF_OK) {
		pf_buf_release(&path);
		return;
	}
	DIR *d = fdopendir(fd);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct pf_buf text = PF_BUF_INIT(65536);
		struct pf_str rest, keyword;
		uint64_t rank;
		struct pf_str base = pending_base(pf_str_c(e->d_name), &rank);
		const struct origin_uid *one = pf_map_get(&c->uids, base);
		/* the value is the rank and one */
		uintptr_t before = (uintptr_t)pf_map_get(&ranks, base);
		if (!one || rank + 1 < before ||
		    pf_fs_read(dirfd(d), e->d_name, &text, NULL) != PF_OK) {
			pf_buf_release(&text);
			continue;
		}
		(void)pf_map_set(&ranks, base, (void *)(uintptr_t)(rank + 1));
		origin_keywords_clear(c->keywords, one->uid, one->uid);
		rest = pf_buf_str(&text);
		while (pf_str_split(&rest, '\n', &keyword))
			mark(c, base, keyword);
		pf_buf_release(&text);
	}
	if (d)
		closedir(d);
	else
		close(fd);
	pf_map_release(&ranks);
	pf_buf_release(&path);
}

static void read_courier(const struct origin_survey *s,
			 const struct origin_box *box,
			 const struct origin_uids *uids,
			 struct origin_keywords *keywords)
{
	struct courier c = {.keywords = keywords};
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);

	for (size_t i = 0; i < uids->list.n; i++)
		(void)pf_map_set(&c.uids, uids->list.v[i].base,
				 &uids->list.v[i]);
	if (origin_read(s, box, "courierimapkeywords/:list", &text, NULL) ==
	    PF_OK)
		origin_courier_parse(pf_buf_str(&text), mark, &c);
	read_pending(s, box, &c);
	pf_map_release(&c.uids);
	pf_buf_release(&text);
}

void origin_box_keywords(const struct origin_survey *s,
			 const struct origin_box *box,
			 const struct origin_uids *uids, uint32_t **numbers,
			 struct origin_keywords *keywords)
{
	*numbers = calloc(uids->list.n + 1, sizeof **numbers);
	if (!*numbers)
		abort();
	for (size_t i = 0; i < uids->list.n; i++)
		(*numbers)[i] = uids->list.v[i].uid;
	origin_keywords_init(keywords, *numbers, (uint32_t)uids->list.n);
	if (origin_has(s, box, "courierimapkeywords") &&
	    origin_has(s, box, "courierimapuiddb"))
		read_courier(s, box, uids, keywords);
	else
		read_dovecot(s, box, uids->uidvalidity, keywords);
	origin_keywords_count(keywords);
	for (size_t i = 0; i < keywords->list.n; i++)
		if (keywords->list.v[i].count == 0)
			keywords->list.v[i--] =
			    keywords->list.v[--keywords->list.n];
}
