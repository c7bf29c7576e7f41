/* Reading messages: finding the file, whatever others renamed meanwhile. */
#include <errno.h>
#include <unistd.h>

#include "store/box.h"

static pf_status expunged(const struct store_box *box, uint32_t uid,
			  struct pf_error *err)
{
	return pf_error_set(err, PF_EXPUNGED, "The message was expunged",
			    "%s: uid %u is gone", box->folder, uid);
}

/* Scans until the file is found or its absence proved. */
static pf_status look_again(struct store_box *box, struct pf_error *err)
{
	pf_status status = store_box_lock(box, err);

	if (status != PF_OK)
		return status;
	status = store_scan(box, true, err);
	store_box_unlock(box);
	return status;
}

static pf_status try_open(struct store_box *box, uint32_t uid, int *fd,
			  struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(1024);
	const struct store_rec *rec = store_box_rec(box, uid);

	if (!rec)
		return expunged(box, uid, err);
	store_rec_path(box, rec, &path);
	pf_status status =
	    pf_fs_open(box->dir, path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
		       0, fd, err);
	pf_buf_release(&path);
	return status;
}

pf_status store_msg_open(struct store_box *box, uint32_t uid, int *fd,
			 uint64_t *file_size, struct pf_error *err)
{
	struct stat st;
	int got = -1;
	pf_status status = try_open(box, uid, &got, err);

	for (int i = 0; i < 4 && status == PF_NOTFOUND; i++) {
		status = look_again(box, err);
		if (status == PF_OK)
			status = try_open(box, uid, &got, err);
	}
	if (status == PF_NOTFOUND)
		return expunged(box, uid, err);
	if (status != PF_OK)
		return status;
	if (fstat(got, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(got);
		return pf_error_set(err, PF_IO, NULL,
				    "%s: uid %u is no regular file",
				    box->folder, uid);
	}
	*fd = got;
	if (file_size)
		*file_size = (uint64_t)st.st_size;
	return PF_OK;
}

struct pf_str store_msg_guid(const struct store_box *box, uint32_t uid)
{
	uint32_t at = store_box_lower_bound(box, uid);

	if (at >= box->recs.n || box->recs.v[at].m.uid != uid)
		return (struct pf_str){NULL, 0};
	const struct store_rec *rec = &box->recs.v[at];
	return pf_str_c(
	    store_heap_text(box, rec->guid ? rec->guid : rec->name));
}

pf_status store_msg_path(struct store_box *box, uint32_t uid,
			 struct pf_buf *path, struct pf_error *err)
{
	uint64_t size;
	int fd = -1;
	/* opening finds out where it is now */
	pf_status status = store_msg_open(box, uid, &fd, &size, err);

	if (status != PF_OK)
		return status;
	close(fd);
	if (strcmp(box->folder, ".") != 0) {
		pf_buf_add_c(path, box->folder);
		pf_buf_add_byte(path, '/');
	}
	store_rec_path(box, store_box_rec(box, uid), path);
	return pf_buf_status(path, err);
}
