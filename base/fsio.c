#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "base/fsio.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"

#ifdef PF_FAULT_INJECTION
/* Counts the operation; returns the errno to fail with, or 0. */
static int fault(void)
{
	static atomic_long count;
	static const struct {
		const char *name;
		int code;
	} kinds[] = {{"kill", 0}, {"ENOSPC", ENOSPC}, {"EIO", EIO}};
	const char *plan = getenv("PENFOLD_FAULT");
	long now = atomic_fetch_add(&count, 1) + 1;

	if (!plan)
		return 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i].name);
		if (strncmp(plan, kinds[i].name, n) != 0)
			continue;
		long at = strtol(plan + n + 1, NULL, 10);
		bool hit = plan[n] == '+' ? at > 0 && now % at == 0 : now == at;
		if (hit && kinds[i].code == 0)
			kill(getpid(), SIGKILL);
		return hit ? kinds[i].code : 0;
	}
	return 0;
}
#else
static inline int fault(void)
{
	return 0;
}
#endif

pf_status pf_fs_open(int dir, const char *name, int flags, mode_t mode, int *fd,
		     struct pf_error *err)
{
	int got = openat(dir, name, flags | O_CLOEXEC, mode);

	if (got < 0)
		return pf_error_sys(err, errno, "open %s", name);
	*fd = got;
	return PF_OK;
}

pf_status pf_fs_open_beneath(int dir, const char *path, int flags, mode_t mode,
			     int *fd, struct pf_error *err)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	    .mode = flags & O_CREAT ? mode : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long got = syscall(SYS_openat2, dir, path, &how, sizeof how);

	if (got < 0)
		return pf_error_sys(err, errno, "open %s", path);
	*fd = (int)got;
	return PF_OK;
}

pf_status pf_fs_write(int fd, const void *p, size_t n, struct pf_error *err)
{
	const char *at = p;
	int wrong = fault();

	while (!wrong && n > 0) {
		ssize_t done = write(fd, at, n);
		if (done < 0 && errno != EINTR)
			wrong = errno;
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
	return wrong ? pf_error_sys(err, wrong, "write") : PF_OK;
}

pf_status pf_fs_pwrite(int fd, const void *p, size_t n, off_t offset,
		       struct pf_error *err)
{
	const char *at = p;
	int wrong = fault();

	while (!wrong && n > 0) {
		ssize_t done = pwrite(fd, at, n, offset);
		if (done < 0 && errno != EINTR)
			wrong = errno;
		if (done > 0) {
			at += done;
			offset += done;
			n -= (size_t)done;
		}
	}
	return wrong ? pf_error_sys(err, wrong, "write") : PF_OK;
}

pf_status pf_fs_pread(int fd, void *p, size_t n, off_t offset, size_t *got,
		      struct pf_error *err)
{
	size_t total = 0;

	while (total < n) {
		ssize_t part = pread(fd, (char *)p + total, n - total,
				     offset + (off_t)total);
		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return pf_error_sys(err, errno, "read");
		if (part == 0)
			break;
		total += (size_t)part;
	}
	*got = total;
	return PF_OK;
}

pf_status pf_fs_read_fd(int fd, struct pf_buf *to, struct pf_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return pf_error_sys(err, errno, "stat");
	size_t chunk = st.st_size > 0 && st.st_size < 1 << 30
			   ? (size_t)st.st_size + 1
			   : 16384;
	for (;;) {
		size_t room = to->max - to->len;
		if (chunk > room)
			chunk = room;
		if (chunk == 0) { /* full: fine only at the end of the file */
			char one;
			ssize_t more = read(fd, &one, 1);
			if (more == 0)
				return PF_OK;
			to->failed = true;
			return pf_buf_status(to, err);
		}
		char *at = pf_buf_reserve(to, chunk);
		if (!at)
			return pf_buf_status(to, err);
		ssize_t got = read(fd, at, chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return pf_error_sys(err, errno, "read");
		if (got == 0)
			return PF_OK;
		pf_buf_commit(to, (size_t)got);
		chunk = 16384;
	}
}

pf_status pf_fs_read(int dir, const char *name, struct pf_buf *to,
		     struct pf_error *err)
{
	int fd = -1;
	pf_status status = pf_fs_open(dir, name, O_RDONLY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	status = pf_fs_read_fd(fd, to, err);
	if (status != PF_OK)
		pf_error_context(err, "%s", name);
	close(fd);
	return status;
}

pf_status pf_fs_sync(int fd, struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && fsync(fd) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "fsync") : PF_OK;
}

pf_status pf_fs_datasync(int fd, struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && fdatasync(fd) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "fdatasync") : PF_OK;
}

pf_status pf_fs_sync_dir(int dir, const char *name, struct pf_error *err)
{
	int fd = -1;
	pf_status status =
	    pf_fs_open(dir, name, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	status = pf_fs_sync(fd, err);
	close(fd);
	return status;
}

pf_status pf_fs_rename(int from_dir, const char *from, int to_dir,
		       const char *to, struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && renameat(from_dir, from, to_dir, to) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "rename %s to %s", from, to)
		     : PF_OK;
}

pf_status pf_fs_rename_new(int from_dir, const char *from, int to_dir,
			   const char *to, struct pf_error *err)
{
	int wrong = fault();

	if (!wrong &&
	    renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "rename %s to %s", from, to)
		     : PF_OK;
}

pf_status pf_fs_link(int from_dir, const char *from, int to_dir, const char *to,
		     struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && linkat(from_dir, from, to_dir, to, 0) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "link %s to %s", from, to)
		     : PF_OK;
}

pf_status pf_fs_symlink(const char *target, int dir, const char *name,
			struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && symlinkat(target, dir, name) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "symlink %s", name) : PF_OK;
}

pf_status pf_fs_unlink(int dir, const char *name, struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && unlinkat(dir, name, 0) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "unlink %s", name) : PF_OK;
}

pf_status pf_fs_mkdir(int dir, const char *name, mode_t mode,
		      struct pf_error *err)
{
	int wrong = fault();

	if (!wrong && mkdirat(dir, name, mode) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "mkdir %s", name) : PF_OK;
}

pf_status pf_fs_mkdirs(const char *path, mode_t mode, struct pf_error *err)
{
	char *copy = pf_str_dup(pf_str_c(path));
	pf_status status = PF_OK;

	for (char *at = copy + 1; status == PF_OK; at++) {
		bool last = *at == '\0';
		if (!last && *at != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, mode) != 0 && errno != EEXIST)
			status = pf_error_sys(err, errno, "mkdir %s", copy);
		if (last)
			break;
		*at = '/';
	}
	free(copy);
	return status;
}

pf_status pf_fs_remove_tree(int dir, const char *name, struct pf_error *err)
{
	pf_status status = PF_OK;
	int fd = -1;

	if (unlinkat(dir, name, 0) == 0)
		return PF_OK;
	if (errno != EISDIR && errno != EPERM)
		return pf_error_sys(err, errno, "unlink %s", name);
	status = pf_fs_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			    &fd, err);
	if (status != PF_OK)
		return status;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pf_error_sys(err, errno, "read %s", name);
	}
	for (struct dirent *e; status == PF_OK && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			status = pf_fs_remove_tree(dirfd(d), e->d_name, err);
	}
	closedir(d);
	if (status == PF_OK && unlinkat(dir, name, AT_REMOVEDIR) != 0)
		status = pf_error_sys(err, errno, "rmdir %s", name);
	return status;
}

pf_status pf_fs_replace(int dir, const char *name, struct pf_str content,
			mode_t mode, bool durable, struct pf_error *err)
{
	char tmp[300];
	int fd = -1;

	if (snprintf(tmp, sizeof tmp, "%s.tmp.%x.%08x", name,
		     (unsigned)getpid(), pf_rand_u32()) >= (int)sizeof tmp)
		return pf_error_set(err, PF_LIMIT, NULL, "name too long: %s",
				    name);
	pf_status status =
	    pf_fs_open(dir, tmp, O_WRONLY | O_CREAT | O_EXCL, mode, &fd, err);
	if (status != PF_OK)
		return status;
	status = pf_fs_write(fd, content.p, content.n, err);
	if (status == PF_OK && durable)
		status = pf_fs_sync(fd, err);
	if (close(fd) != 0 && status == PF_OK)
		status = pf_error_sys(err, errno, "close");
	if (status == PF_OK)
		status = pf_fs_rename(dir, tmp, dir, name, err);
	if (status != PF_OK) {
		pf_error_context(err, "%s", name);
		unlinkat(dir, tmp, 0);
		return status;
	}
	return durable ? pf_fs_sync_dir(dir, ".", err) : PF_OK;
}

pf_status pf_fs_lock(int fd, bool exclusive, int wait_ms, struct pf_error *err)
{
	int64_t until = pf_clock_mono_ms() + wait_ms;
	useconds_t pause = 200;

	for (;;) {
		struct flock lock = {
		    .l_type = exclusive ? F_WRLCK : F_RDLCK,
		    .l_whence = SEEK_SET,
		};
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return PF_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return pf_error_sys(err, errno, "lock");
		if (pf_clock_mono_ms() >= until)
			return pf_error_set(err, PF_BUSY,
					    "In use by another session",
					    "lock held for %d ms", wait_ms);
		usleep(pause);
		if (pause < 5000)
			pause *= 2;
	}
}

void pf_fs_unlock(int fd)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(fd, F_OFD_SETLK, &lock);
}
