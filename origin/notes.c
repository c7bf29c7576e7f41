/*
 * The root's penfold-takeover: what a take-over has done, a line each, synced
 * before the thing is done:
 *
 *	moved TAB from TAB to		a directory
 *	keywords TAB folder		were read (after they were)
 *	fs | courier | control TAB dir	what it was
 *
 * So a take-over that was killed goes on where it was, nothing is done twice
 * (a keyword that was removed since does not come back), and all of it can be
 * undone.
 */
#include <unistd.h>

#include "base/fsio.h"
#include "origin/survey.h"

#define FILE_NAME "penfold-takeover"

static void add(struct origin_survey *s, struct pf_str line)
{
	struct pf_str what = {0}, from = {0}, to = {0};

	if (!pf_str_split(&line, '\t', &what))
		return;
	(void)pf_str_split(&line, '\t', &from);
	(void)pf_str_split(&line, '\t', &to);
	struct origin_note note = {pf_str_dup(what), pf_str_dup(from),
				   pf_str_dup(to)};
	pf_vec_push(&s->notes, note);
}

pf_status origin_notes_read(struct origin_survey *s, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);
	pf_status status = pf_fs_read(s->root, FILE_NAME, &text, err);
	struct pf_str rest = pf_buf_str(&text), line;

	/* a last line without LF was torn: it was not done either */
	while (pf_str_chr(rest, '\n') >= 0 && pf_str_split(&rest, '\n', &line))
		add(s, line);
	pf_buf_release(&text);
	return status == PF_NOTFOUND ? PF_OK : status;
}

bool origin_noted(const struct origin_survey *s, const char *what,
		  const char *from)
{
	for (size_t i = 0; i < s->notes.n; i++)
		if (strcmp(s->notes.v[i].what, what) == 0 &&
		    strcmp(s->notes.v[i].from, from) == 0)
			return true;
	return false;
}

pf_status origin_note(struct origin_survey *s, const char *what,
		      const char *from, const char *to, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(ORIGIN_TEXT_MAX);

	if (origin_noted(s, what, from))
		return PF_OK;
	pf_status status = pf_fs_read(s->root, FILE_NAME, &text, err);
	if (status == PF_NOTFOUND)
		status = PF_OK;
	ptrdiff_t end = pf_str_rchr(pf_buf_str(&text), '\n');
	pf_buf_cut(&text, (size_t)(end + 1));
	size_t start = text.len;
	pf_buf_addf(&text, "%s\t%s\t%s\n", what, from, to);
	if (status == PF_OK)
		status = pf_buf_status(&text, err);
	if (status == PF_OK)
		status = pf_fs_replace(s->root, FILE_NAME, pf_buf_str(&text),
				       ORIGIN_MODE, true, err);
	if (status == PF_OK)
		add(s, pf_str_head(pf_str_from(pf_buf_str(&text), start),
				   text.len - start - 1));
	pf_buf_release(&text);
	return status;
}
