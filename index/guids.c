/* guids: the flat file of all documents' names (the contract is in guids.h). */
#include "index/guids.h"

#include <stdio.h>
#include <unistd.h>

#include "base/fsio.h"

#define NAME	"guids"
#define DUE_MAX ((size_t)1 << 20)

static pf_status open_file(const char *dir, int flags, int *fd,
			   struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(8192);
	pf_status status;

	pf_buf_addf(&path, "%s/" NAME, dir);
	status = pf_fs_open(AT_FDCWD, path.data, flags, 0600, fd, err);
	pf_buf_release(&path);
	return status;
}

static void make_head(char head[INDEX_GUID_RECORD], const char *uuid)
{
	memset(head, 0, INDEX_GUID_RECORD);
	snprintf(head, INDEX_GUID_RECORD, "penfold guids %s\n", uuid);
}

static bool has_head(int fd, const char want[INDEX_GUID_RECORD])
{
	char head[INDEX_GUID_RECORD];
	size_t got = 0;

	return pf_fs_pread(fd, head, sizeof head, 0, &got, NULL) == PF_OK &&
	       got == sizeof head && memcmp(head, want, sizeof head) == 0;
}

/* ---- reading --------------------------------------------------------- */

void index_guids_open(struct index_guids *guids, const char *dir,
		      const char *uuid)
{
	char head[INDEX_GUID_RECORD];

	make_head(head, uuid);
	guids->count = 0;
	if (open_file(dir, O_RDONLY, &guids->fd, NULL) != PF_OK) {
		guids->fd = -1;
		return;
	}
	if (!has_head(guids->fd, head))
		index_guids_close(guids);
}

void index_guids_close(struct index_guids *guids)
{
	if (guids->fd >= 0)
		close(guids->fd);
	guids->fd = -1;
	guids->count = 0;
}

/* Mailboxes are walked newest first, or from the oldest on: the window has
 * the document in its middle. */
static bool load(struct index_guids *guids, uint32_t docid)
{
	uint32_t half = INDEX_GUID_WINDOW / 2;
	uint32_t first = docid > half ? docid - half : 1;
	size_t got = 0;

	if (pf_fs_pread(guids->fd, guids->window, sizeof guids->window,
			(off_t)first * INDEX_GUID_RECORD, &got, NULL) != PF_OK)
		got = 0;
	guids->first = first;
	guids->count = (uint32_t)(got / INDEX_GUID_RECORD);
	return docid - first < guids->count;
}

bool index_guids_is(struct index_guids *guids, uint32_t docid,
		    struct pf_str guid)
{
	const char *record;

	if (guids->fd < 0 || docid == 0 || guid.n == 0 ||
	    guid.n >= INDEX_GUID_RECORD)
		return false;
	if ((docid < guids->first || docid - guids->first >= guids->count) &&
	    !load(guids, docid))
		return false;
	record =
	    guids->window + (size_t)(docid - guids->first) * INDEX_GUID_RECORD;
	return memcmp(record, guid.p, guid.n) == 0 && record[guid.n] == '\0';
}

/* ---- writing --------------------------------------------------------- */

pf_status index_guids_begin(struct index_guids_writer *writer, const char *dir,
			    const char *uuid, bool *complete,
			    struct pf_error *err)
{
	pf_status status;

	*writer = (struct index_guids_writer){.fd = -1};
	pf_buf_init(&writer->due, DUE_MAX + INDEX_GUID_RECORD);
	make_head(writer->head, uuid);
	status = open_file(dir, O_RDWR | O_CREAT, &writer->fd, err);
	if (status)
		return status;
	writer->complete = has_head(writer->fd, writer->head);
	*complete = writer->complete;
	if (!writer->complete && ftruncate(writer->fd, 0) < 0)
		status = pf_error_set(err, PF_IO, NULL, NAME ": truncate");
	return status;
}

static pf_status write_due(struct index_guids_writer *writer,
			   struct pf_error *err)
{
	pf_status status = pf_buf_status(&writer->due, err);

	if (!status && writer->due.len) {
		status =
		    pf_fs_pwrite(writer->fd, writer->due.data, writer->due.len,
				 (off_t)writer->first * INDEX_GUID_RECORD, err);
		writer->dirty = true;
	}
	pf_buf_clear(&writer->due);
	return status;
}

pf_status index_guids_put(struct index_guids_writer *writer, uint32_t docid,
			  struct pf_str guid, struct pf_error *err)
{
	char record[INDEX_GUID_RECORD] = {0};
	uint32_t next =
	    writer->first + (uint32_t)(writer->due.len / INDEX_GUID_RECORD);
	pf_status status = PF_OK;

	if (guid.n < sizeof record)
		memcpy(record, guid.n ? guid.p : "", guid.n);
	if (writer->due.len && (docid != next || writer->due.len >= DUE_MAX))
		status = write_due(writer, err);
	if (!writer->due.len)
		writer->first = docid;
	pf_buf_add(&writer->due, record, sizeof record);
	return status;
}

pf_status index_guids_sync(struct index_guids_writer *writer,
			   struct pf_error *err)
{
	pf_status status = write_due(writer, err);

	if (!status && !writer->complete) {
		status = pf_fs_pwrite(writer->fd, writer->head,
				      sizeof writer->head, 0, err);
		writer->complete = writer->dirty = true;
	}
	if (!status && writer->dirty)
		status = pf_fs_datasync(writer->fd, err);
	if (!status)
		writer->dirty = false;
	return status;
}

void index_guids_end(struct index_guids_writer *writer)
{
	if (writer->fd >= 0)
		close(writer->fd);
	writer->fd = -1;
	pf_buf_release(&writer->due);
}
