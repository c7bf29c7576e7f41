/*
 * UIDs as others keep them.
 *
 *	dovecot-uidlist, version 3
 *		3 V1795262240 N499 G95d5...
 *		342 S59361 :1795262483.M710166P8887.vm,S=59361
 *	dovecot-uidlist, version 1, and courierimapuiddb
 *		1 795262924 499
 *		342 1795262483.M710166P8887.vm
 *	mbsync: ",U=342" in file names; .uidvalidity has UIDVALIDITY and the
 *		last UID, a line each
 */
#include <stdlib.h>

#include "origin/origin.h"

static bool number(struct pf_str s, uint32_t *value)
{
	uint64_t n;

	if (!pf_str_u64(s, UINT32_MAX - 1, &n) || n == 0)
		return false;
	*value = (uint32_t)n;
	return true;
}

static bool parse_header(struct pf_str line, struct origin_uids *uids, bool *v1)
{
	struct pf_str word;

	if (!pf_str_split(&line, ' ', &word))
		return false;
	*v1 = pf_str_eq(word, PF_STR("1"));
	if (*v1)
		return pf_str_split(&line, ' ', &word) &&
		       number(word, &uids->uidvalidity) &&
		       number(line, &uids->uidnext);
	if (!pf_str_eq(word, PF_STR("3")))
		return false;
	while (pf_str_split(&line, ' ', &word)) {
		uint32_t *to = word.n == 0	  ? NULL
			       : word.p[0] == 'V' ? &uids->uidvalidity
			       : word.p[0] == 'N' ? &uids->uidnext
						  : NULL;
		if (to && !number(pf_str_from(word, 1), to))
			return false;
	}
	return uids->uidvalidity && uids->uidnext;
}

static bool parse_record(struct pf_str line, bool v1, struct origin_uid *record)
{
	struct pf_str word;

	if (!pf_str_split(&line, ' ', &word) || !number(word, &record->uid))
		return false;
	while (!v1 && line.n && line.p[0] != ':')
		if (!pf_str_split(&line, ' ', &word))
			return false;
	line = pf_str_from(line, v1 ? 0 : 1);
	ptrdiff_t colon = pf_str_chr(line, ':');
	record->base = colon < 0 ? line : pf_str_head(line, (size_t)colon);
	return record->base.n > 0 && record->base.n <= 255 &&
	       !memchr(record->base.p, '/', record->base.n) &&
	       !memchr(record->base.p, '\0', record->base.n);
}

bool origin_uids_parse(struct pf_str text, struct origin_uids *uids)
{
	struct origin_uid record;
	struct pf_str line;
	uint32_t last = 0;
	bool v1 = false;

	*uids = (struct origin_uids){0};
	if (!pf_str_split(&text, '\n', &line) || !parse_header(line, uids, &v1))
		return false;
	while (pf_str_chr(text, '\n') >= 0 &&
	       pf_str_split(&text, '\n', &line)) {
		/* Courier's need not be in order */
		if (!parse_record(line, v1, &record) ||
		    (!v1 && record.uid <= last))
			break;
		pf_vec_push(&uids->list, record);
		last = record.uid;
	}
	origin_uids_sort(uids);
	return true;
}

bool origin_uids_mbsync_name(struct pf_str file, uint32_t *uid)
{
	ptrdiff_t colon = pf_str_chr(file, ':');
	struct pf_str rest =
	    colon < 0 ? file : pf_str_head(file, (size_t)colon);
	struct pf_str word;
	bool found = false;

	if (!pf_str_split(&rest, ',', &word))
		return false;
	while (pf_str_split(&rest, ',', &word))
		if (pf_str_starts(word, PF_STR("U=")))
			found = number(pf_str_from(word, 2), uid);
	return found;
}

bool origin_uids_mbsync_parse(struct pf_str text, struct origin_uids *uids)
{
	struct pf_str line;
	uint64_t last;

	*uids = (struct origin_uids){0};
	if (!pf_str_split(&text, '\n', &line) ||
	    !number(pf_str_trim(line), &uids->uidvalidity) ||
	    !pf_str_split(&text, '\n', &line) ||
	    !pf_str_u64(pf_str_trim(line), UINT32_MAX - 2, &last))
		return false;
	uids->uidnext = (uint32_t)last + 1;
	return true;
}

static int by_uid(const void *a, const void *b)
{
	const struct origin_uid *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

void origin_uids_sort(struct origin_uids *uids)
{
	size_t to = 0;

	if (uids->list.n)
		qsort(uids->list.v, uids->list.n, sizeof *uids->list.v, by_uid);
	for (size_t i = 0; i < uids->list.n; i++)
		if (to == 0 || uids->list.v[i].uid != uids->list.v[to - 1].uid)
			uids->list.v[to++] = uids->list.v[i];
	uids->list.n = to;
	if (to && uids->uidnext <= uids->list.v[to - 1].uid)
		uids->uidnext = uids->list.v[to - 1].uid + 1;
}

void origin_uids_write(const struct origin_uids *uids, int version,
		       struct pf_buf *to)
{
	if (version == 1)
		pf_buf_addf(to, "1 %u %u\n", uids->uidvalidity, uids->uidnext);
	else
		pf_buf_addf(to, "3 V%u N%u\n", uids->uidvalidity,
			    uids->uidnext);
	for (size_t i = 0; i < uids->list.n; i++) {
		pf_buf_addf(to, "%u %s", uids->list.v[i].uid,
			    version == 1 ? "" : ":");
		pf_buf_add_str(to, uids->list.v[i].base);
		pf_buf_add_byte(to, '\n');
	}
}

void origin_uids_release(struct origin_uids *uids)
{
	pf_vec_release(&uids->list);
}
