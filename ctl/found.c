/*
 * A Maildir of symbolic links, for mail programs that know nothing of searching
 * (mairix does the same).  It is built under another name and takes its place
 * by one rename, so that nobody sees half of it.  A mark in it says that it is
 * ours: nothing else is ever replaced, above all no mail.
 */
#include "ctl/found.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsio.h"

#define MARK	  ".penfold-search"
#define PLACE_MAX 3900

struct ctl_found {
	char *place; /* where it is to be, absolute, without a last slash */
	struct pf_buf work;
	int dir;
	unsigned links;
	bool is_there; /* something to replace */
};

static pf_status check_place(struct ctl_found *found, struct pf_error *err)
{
	struct pf_buf mark = PF_BUF_INIT(PLACE_MAX + 100);
	struct stat st;
	pf_status status = PF_OK;

	pf_buf_addf(&mark, "%s/" MARK, found->place);
	found->is_there = lstat(found->place, &st) == 0;
	/* an empty directory is nobody's */
	if (found->is_there && lstat(mark.data, &st) < 0 &&
	    rmdir(found->place) < 0)
		status = pf_error_set(err, PF_EXISTS, NULL,
				      "%s is not an earlier result of penfold "
				      "search: it stays as it is",
				      found->place);
	else if (found->is_there && lstat(found->place, &st) < 0)
		found->is_there = false;
	pf_buf_release(&mark);
	return status;
}

static pf_status make_work(struct ctl_found *found, struct pf_error *err)
{
	static const char *const folders[] = {"cur", "new", "tmp"};
	pf_status status;
	int mark;

	pf_buf_addf(&found->work, "%s.%ld.tmp", found->place, (long)getpid());
	status = pf_fs_mkdir(AT_FDCWD, found->work.data, 0700, err);
	if (status)
		return status;
	found->dir = open(found->work.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (found->dir < 0)
		return pf_error_sys(err, errno, "%s", found->work.data);
	for (size_t i = 0; i < 3 && !status; i++)
		status = pf_fs_mkdir(found->dir, folders[i], 0700, err);
	mark = openat(found->dir, MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (mark < 0)
		return pf_error_sys(err, errno, "%s", found->work.data);
	close(mark);
	return status;
}

static char *absolute(const char *path)
{
	struct pf_buf full = PF_BUF_INIT(PLACE_MAX);
	char here[PLACE_MAX], *copy = NULL;

	if (path[0] != '/' && getcwd(here, sizeof here))
		pf_buf_addf(&full, "%s/", here);
	pf_buf_add_c(&full, path);
	while (full.len > 1 && full.data[full.len - 1] == '/')
		pf_buf_cut(&full, full.len - 1);
	if (!full.failed)
		copy = pf_str_dup(pf_buf_str(&full));
	pf_buf_release(&full);
	return copy;
}

pf_status ctl_found_new(const char *path, struct ctl_found **out,
			struct pf_error *err)
{
	struct ctl_found *found = calloc(1, sizeof *found);
	pf_status status;

	if (!found)
		return pf_error_set(err, PF_NOMEM, NULL, "no memory");
	found->dir = -1;
	pf_buf_init(&found->work, PLACE_MAX + 100);
	found->place = absolute(path);
	if (!found->place)
		status = pf_error_set(err, PF_LIMIT, NULL,
				      "the path of the "
				      "Maildir is too "
				      "long");
	else
		status = check_place(found, err);
	if (!status)
		status = make_work(found, err);
	if (status)
		ctl_found_free(&found);
	else
		*out = found;
	return status;
}

/* "cur/name:2,S", as it is; a second one of that name gets a number. */
pf_status ctl_found_add(struct ctl_found *found, struct pf_str path,
			struct pf_error *err)
{
	ptrdiff_t slash = pf_str_rchr(path, '/');
	struct pf_str name = pf_str_from(path, (size_t)(slash + 1));
	struct pf_str folder = pf_str_head(path, slash > 0 ? (size_t)slash : 0);
	const char *into = pf_str_ends(folder, PF_STR("/new")) ? "new" : "cur";
	struct pf_buf target = PF_BUF_INIT(8192), link = PF_BUF_INIT(1024);
	pf_status status;

	if (path.n && path.p[0] != '/') { /* a relative Maildir */
		char *here = absolute(".");

		pf_buf_addf(&target, "%s/", here ? here : "");
		free(here);
	}
	pf_buf_add_str(&target, path);
	pf_buf_addf(&link, "%s/%.*s", into, (int)name.n, name.p);
	found->links++;
	status = pf_fs_symlink(target.data, found->dir, link.data, err);
	if (status == PF_EXISTS) {
		pf_buf_clear(&link);
		pf_buf_addf(&link, "%s/%u.%.*s", into, found->links,
			    (int)name.n, name.p);
		status = pf_fs_symlink(target.data, found->dir, link.data, err);
	}
	pf_buf_release(&target);
	pf_buf_release(&link);
	return status;
}

pf_status ctl_found_show(struct ctl_found *found, struct pf_error *err)
{
	unsigned how = found->is_there ? RENAME_EXCHANGE : RENAME_NOREPLACE;

	if (renameat2(AT_FDCWD, found->work.data, AT_FDCWD, found->place, how) <
	    0)
		return pf_error_sys(err, errno, "%s", found->place);
	if (!found->is_there)
		pf_buf_clear(&found->work);
	return PF_OK;
}

void ctl_found_free(struct ctl_found **out)
{
	struct ctl_found *found = *out;

	if (!found)
		return;
	if (found->dir >= 0)
		close(found->dir);
	if (found->work.len)
		(void)!pf_fs_remove_tree(AT_FDCWD, found->work.data, NULL);
	pf_buf_release(&found->work);
	free(found->place);
	free(found);
	*out = NULL;
}
