/*
 * attach: the text of attachments, kept in a file for each message that has
 * any (search/attached.h), written once and whole.  A rebuilt index is fed
 * from these files; only what has no file is read again.
 */
#include "indexd/attach.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fsio.h"
#include "extract/extract.h"
#include "search/search.h"

#define STRUCTURE_MAX ((size_t)16 << 20)
#define TEXT_MAX      (2 * EXTRACT_TEXT_MAX)

/* The structure that the store keeps spares reading most messages. */
static bool may_have_any(struct store_box *box, uint32_t uid)
{
	static const char type[] = "\"application\"";
	struct pf_buf text = PF_BUF_INIT(STRUCTURE_MAX);
	bool may = true;

	if (store_summary_get(box, uid, STORE_SUMMARY_BODYSTRUCTURE, &text) ==
	    PF_OK) {
		for (size_t i = 0; i < text.len; i++)
			text.data[i] = pf_ascii_lower(text.data[i]);
		may = text.len &&
		      memmem(text.data, text.len, type, sizeof type - 1);
	}
	pf_buf_release(&text);
	return may;
}

/* What cannot be read has no text. */
static void read_attachments(struct store_box *box, uint32_t uid,
			     struct pf_buf *text)
{
	struct mime_part *root;
	struct pf_arena arena;
	unsigned parts;
	uint64_t size;
	int fd;

	if (store_msg_open(box, uid, &fd, &size, NULL) != PF_OK)
		return;
	pf_arena_init(&arena, (size_t)16 << 20);
	if (mime_parse_fd(&arena, fd, &root, NULL) == PF_OK &&
	    extract_wanted(root) &&
	    extract_message(fd, root, text, &parts, NULL) != PF_OK)
		pf_buf_clear(text);
	pf_arena_release(&arena);
	close(fd);
}

static pf_status open_texts(const struct store *store, bool make, int *dir,
			    struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(8192);
	pf_status status = PF_OK;

	search_attached_path(&path, store_root(store), "text");
	if (make)
		status = pf_fs_mkdirs(path.data, 0700, err);
	if (!status)
		status = pf_fs_open(AT_FDCWD, path.data, O_RDONLY | O_DIRECTORY,
				    0, dir, err);
	pf_buf_release(&path);
	return status;
}

/* From its file, or from the message into its file. */
static pf_status get_text(struct store_box *box, uint32_t uid, int dir,
			  const char *name, struct pf_buf *text,
			  struct pf_error *err)
{
	if (pf_fs_read(dir, name, text, NULL) == PF_OK)
		return PF_OK;
	pf_buf_clear(text);
	read_attachments(box, uid, text);
	return text->len
		   ? pf_fs_replace(dir, name, pf_buf_str(text), 0600, true, err)
		   : PF_OK;
}

pf_status indexd_attach_message(struct index_writer *writer,
				struct store_box *box, uint32_t uid,
				bool *added, struct pf_error *err)
{
	struct pf_buf name = PF_BUF_INIT(300), text = PF_BUF_INIT(TEXT_MAX);
	struct pf_buf guid = PF_BUF_INIT(4096);
	bool some = false;
	int dir = -1;
	pf_status status = PF_OK;

	pf_buf_add_str(&guid, store_msg_guid(box, uid));
	search_attached_name(&name, pf_buf_str(&guid));
	if (may_have_any(box, uid)) {
		status = open_texts(store_box_store(box), true, &dir, err);
		if (!status)
			status = get_text(box, uid, dir, name.data, &text, err);
		if (!status && text.len) {
			some = true;
			status = search_index_attached(
			    writer, pf_buf_str(&guid), pf_buf_str(&text), err);
		}
	}
	if (dir >= 0)
		close(dir);
	pf_buf_release(&name);
	pf_buf_release(&text);
	pf_buf_release(&guid);
	*added = some && !status;
	return status;
}

void indexd_attach_sweep(const struct store *store, const struct pf_map *guids)
{
	const struct pf_map_entry *guid;
	struct pf_map names = {0};
	struct dirent *entry;
	size_t pos = 0;
	int fd;
	DIR *dir;

	if (open_texts(store, false, &fd, NULL) != PF_OK)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((guid = pf_map_next(guids, &pos))) {
		struct pf_buf name = PF_BUF_INIT(300);

		search_attached_name(&name,
				     pf_str_mem(guid->key, guid->key_len));
		pf_map_set(&names, pf_buf_str(&name), &names);
		pf_buf_release(&name);
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    !pf_map_get(&names, pf_str_c(entry->d_name)))
			unlinkat(fd, entry->d_name, 0);
	pf_map_release(&names);
	closedir(dir);
}
