/* attached: the text of attachments; see attached.h. */
#include "search/attached.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/map.h"
#include "search/search.h"

#define TEXT_MAX ((size_t)16 << 20) /* of a file, and folded */

struct search_attached {
	int dir; /* -1: there is none */
	struct pf_map names;
	struct index *index;
	char *index_path;
	bool asked; /* for the index */
};

void search_attached_path(struct pf_buf *to, const char *store_root,
			  const char *what)
{
	pf_buf_addf(to, "%s/penfold-attachments%s%s", store_root,
		    *what ? "/" : "", what);
}

void search_attached_name(struct pf_buf *to, struct pf_str guid)
{
	search_object_id(to, 'A', guid);
}

/* Most messages have none: knowing the names spares asking for each. */
static void read_names(struct search_attached *attached)
{
	int fd = openat(attached->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] == 'A')
			pf_map_set(&attached->names, pf_str_c(entry->d_name),
				   attached);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

struct search_attached *search_attached_new(const char *store_root)
{
	struct search_attached *attached = calloc(1, sizeof *attached);
	struct pf_buf path = PF_BUF_INIT(8192);

	if (!attached)
		return NULL;
	search_attached_path(&path, store_root, "text");
	attached->dir =
	    path.failed ? -1
			: open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pf_buf_clear(&path);
	search_attached_path(&path, store_root, "index");
	attached->index_path = pf_str_dup(pf_buf_str(&path));
	pf_buf_release(&path);
	if (attached->dir >= 0)
		read_names(attached);
	return attached;
}

void search_attached_free(struct search_attached **attached)
{
	if (!*attached)
		return;
	if ((*attached)->index)
		index_close(&(*attached)->index);
	if ((*attached)->dir >= 0)
		close((*attached)->dir);
	pf_map_release(&(*attached)->names);
	free((*attached)->index_path);
	free(*attached);
	*attached = NULL;
}

/* Without an index everything is MAYBE. */
static enum index_answer ask(struct search_attached *attached,
			     struct pf_str guid,
			     const struct search_pattern *pattern,
			     struct index_set **set)
{
	uint32_t docid = 0;
	pf_status status = PF_OK;

	if (!attached->asked)
		status = index_open(attached->index_path, search_text_version(),
				    &attached->index, NULL);
	attached->asked = true;
	if (!attached->index)
		return INDEX_MAYBE;
	if (!status && !*set)
		status = index_candidates(attached->index,
					  pf_buf_str(&pattern->needle),
					  1u << INDEX_BODY, set, NULL);
	if (!status)
		status = index_docid(attached->index, guid, &docid, NULL);
	if (status) {
		index_close(&attached->index);
		index_set_free(set);
	}
	return !status && docid ? index_set_ask(*set, docid) : INDEX_MAYBE;
}

static bool read_and_look(struct search_attached *attached, const char *name,
			  struct search_pattern *pattern)
{
	struct pf_buf text = PF_BUF_INIT(TEXT_MAX);
	struct pf_buf folded = PF_BUF_INIT(4 * TEXT_MAX);
	bool found = false;

	if (pf_fs_read(attached->dir, name, &text, NULL) == PF_OK) {
		search_fold_needle(&folded, pf_buf_str(&text));
		search_pattern_reset(pattern);
		found = search_pattern_feed(pattern, pf_buf_str(&folded));
		search_pattern_reset(pattern);
	}
	pf_buf_release(&text);
	pf_buf_release(&folded);
	return found;
}

bool search_attached_has(struct search_attached *attached, struct pf_str guid,
			 struct search_pattern *pattern, struct index_set **set)
{
	struct pf_buf name = PF_BUF_INIT(300);
	bool found = false;

	if (!attached || attached->dir < 0)
		return false;
	search_attached_name(&name, guid);
	if (pf_map_get(&attached->names, pf_buf_str(&name))) {
		enum index_answer answer = ask(attached, guid, pattern, set);

		found = answer == INDEX_YES ||
			(answer == INDEX_MAYBE &&
			 read_and_look(attached, name.data, pattern));
	}
	pf_buf_release(&name);
	return found;
}

pf_status search_index_attached(struct index_writer *writer, struct pf_str guid,
				struct pf_str text, struct pf_error *err)
{
	struct pf_buf folded = PF_BUF_INIT(4 * TEXT_MAX);
	pf_status status = index_writer_begin(writer, guid, err);

	if (status)
		return status;
	search_fold_needle(&folded, text);
	status = pf_buf_status(&folded, err);
	if (!status)
		status = index_writer_text(writer, INDEX_BODY,
					   pf_buf_str(&folded), false, err);
	if (!status)
		status = index_writer_end(writer, err);
	else
		index_writer_abandon(writer);
	pf_buf_release(&folded);
	return status;
}
