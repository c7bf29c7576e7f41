#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "base/fsio.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"

/* What an operation is, and so which faults can meet it. */
enum fault_class {
	FAULT_CHANGE = 1 << 0, /* link, rename, unlink, ... */
	FAULT_WRITE = 1 << 1,
	FAULT_SYNC = 1 << 2,
	FAULT_OPEN = 1 << 3,
	FAULT_READ = 1 << 4,
	FAULT_DURABLE = FAULT_CHANGE | FAULT_WRITE | FAULT_SYNC,
};

#ifdef PF_FAULT_INJECTION
enum {
	FAULT_SHORT = -1,
	FAULT_KILL = -2
};

static const struct {
	const char *name;
	int code;
	unsigned classes;
} faults[] = {
    {"kill", FAULT_KILL, FAULT_DURABLE},
    {"ENOSPC", ENOSPC, FAULT_DURABLE},
    {"EDQUOT", EDQUOT, FAULT_DURABLE},
    {"EIO-read", EIO, FAULT_READ},
    {"EIO", EIO, FAULT_DURABLE},
    {"EMFILE", EMFILE, FAULT_OPEN},
    {"EINTR", EINTR, FAULT_WRITE | FAULT_SYNC | FAULT_READ},
    {"short", FAULT_SHORT, FAULT_WRITE | FAULT_READ},
};

/* The plan as it is now.  From a file: so that a test can change it while the
 * program runs; counting begins anew then. */
static void read_plan(char *plan, size_t size)
{
	const char *text = getenv("PENFOLD_FAULT");

	plan[0] = '\0';
	if (text && text[0] == '/') {
		int fd = open(text, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, plan, size - 1) : 0;
		plan[n > 0 ? n : 0] = '\0';
		if (fd >= 0)
			close(fd);
	} else if (text) {
		(void)pf_str_copy(pf_str_c(text), plan, size);
	}
}

/* Counts the operation; returns the errno to fail with, FAULT_SHORT or 0. */
static int fault(enum fault_class what)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static char last[64];
	static long count;
	char plan[sizeof last];
	int code = 0;

	if (!getenv("PENFOLD_FAULT"))
		return 0;
	read_plan(plan, sizeof plan);
	pthread_mutex_lock(&mutex);
	if (strcmp(plan, last) != 0)
		count = 0;
	memcpy(last, plan, sizeof last);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		size_t n = strlen(faults[i].name);
		if (strncmp(plan, faults[i].name, n) != 0 ||
		    (plan[n] != '@' && plan[n] != '+') ||
		    !(what & faults[i].classes))
			continue;
		long at = strtol(plan + n + 1, NULL, 10);
		count++;
		if (plan[n] == '+' ? at > 0 && count % at == 0 : count == at)
			code = faults[i].code;
	}
	pthread_mutex_unlock(&mutex);
	if (code == FAULT_KILL)
		kill(getpid(), SIGKILL);
	return code;
}
#else
enum {
	FAULT_SHORT = -1
};

static inline int fault(enum fault_class what)
{
	(void)what;
	return 0;
}
#endif

/* The fault that befalls a call in a loop: EINTR once, or half of it. */
static ssize_t faulty(int *wrong, size_t *n)
{
	if (*wrong == FAULT_SHORT) {
		*n = (*n + 1) / 2;
		*wrong = 0;
	}
	if (!*wrong)
		return 0;
	errno = *wrong;
	*wrong = 0;
	return -1;
}

pf_status pf_fs_open(int dir, const char *name, int flags, mode_t mode, int *fd,
		     struct pf_error *err)
{
	int wrong = fault(FAULT_OPEN), got = -1;

	if (!wrong && (got = openat(dir, name, flags | O_CLOEXEC, mode)) < 0)
		wrong = errno;
	if (wrong)
		return pf_error_sys(err, wrong, "open %s", name);
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
	int wrong = fault(FAULT_OPEN);
	long got = -1;

	if (!wrong &&
	    (got = syscall(SYS_openat2, dir, path, &how, sizeof how)) < 0)
		wrong = errno;
	if (wrong)
		return pf_error_sys(err, wrong, "open %s", path);
	*fd = (int)got;
	return PF_OK;
}

pf_status pf_fs_write(int fd, const void *p, size_t n, struct pf_error *err)
{
	const char *at = p;
	int injected = fault(FAULT_WRITE);

	while (n > 0) {
		size_t part = n;
		ssize_t done = faulty(&injected, &part);
		if (done == 0)
			done = write(fd, at, part);
		if (done < 0 && errno != EINTR)
			return pf_error_sys(err, errno, "write");
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
	return PF_OK;
}

pf_status pf_fs_pwrite(int fd, const void *p, size_t n, off_t offset,
		       struct pf_error *err)
{
	const char *at = p;
	int injected = fault(FAULT_WRITE);

	while (n > 0) {
		size_t part = n;
		ssize_t done = faulty(&injected, &part);
		if (done == 0)
			done = pwrite(fd, at, part, offset);
		if (done < 0 && errno != EINTR)
			return pf_error_sys(err, errno, "write");
		if (done > 0) {
			at += done;
			offset += done;
			n -= (size_t)done;
		}
	}
	return PF_OK;
}

pf_status pf_fs_pread(int fd, void *p, size_t n, off_t offset, size_t *got,
		      struct pf_error *err)
{
	int injected = fault(FAULT_READ);
	size_t total = 0;

	while (total < n) {
		size_t want = n - total;
		ssize_t part = faulty(&injected, &want);
		if (part == 0)
			part = pread(fd, (char *)p + total, want,
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
	int injected = fault(FAULT_READ);
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
		ssize_t got = faulty(&injected, &chunk);
		if (got == 0)
			got = read(fd, at, chunk);
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

static pf_status sync_by(int (*sync)(int fd), int fd, const char *name,
			 struct pf_error *err)
{
	int injected = fault(FAULT_SYNC);
	size_t all = 0;

	for (;;) {
		ssize_t done = faulty(&injected, &all);
		if (done == 0)
			done = sync(fd);
		if (done == 0)
			return PF_OK;
		if (errno != EINTR)
			return pf_error_sys(err, errno, "%s", name);
	}
}

pf_status pf_fs_sync(int fd, struct pf_error *err)
{
	return sync_by(fsync, fd, "fsync", err);
}

pf_status pf_fs_datasync(int fd, struct pf_error *err)
{
	return sync_by(fdatasync, fd, "fdatasync", err);
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
	int wrong = fault(FAULT_CHANGE);

	if (!wrong && renameat(from_dir, from, to_dir, to) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "rename %s to %s", from, to)
		     : PF_OK;
}

pf_status pf_fs_rename_new(int from_dir, const char *from, int to_dir,
			   const char *to, struct pf_error *err)
{
	int wrong = fault(FAULT_CHANGE);

	if (!wrong &&
	    renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "rename %s to %s", from, to)
		     : PF_OK;
}

pf_status pf_fs_link(int from_dir, const char *from, int to_dir, const char *to,
		     struct pf_error *err)
{
	int wrong = fault(FAULT_CHANGE);

	if (!wrong && linkat(from_dir, from, to_dir, to, 0) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "link %s to %s", from, to)
		     : PF_OK;
}

pf_status pf_fs_symlink(const char *target, int dir, const char *name,
			struct pf_error *err)
{
	int wrong = fault(FAULT_CHANGE);

	if (!wrong && symlinkat(target, dir, name) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "symlink %s", name) : PF_OK;
}

pf_status pf_fs_unlink(int dir, const char *name, struct pf_error *err)
{
	int wrong = fault(FAULT_CHANGE);

	if (!wrong && unlinkat(dir, name, 0) != 0)
		wrong = errno;
	return wrong ? pf_error_sys(err, wrong, "unlink %s", name) : PF_OK;
}

pf_status pf_fs_mkdir(int dir, const char *name, mode_t mode,
		      struct pf_error *err)
{
	int wrong = fault(FAULT_CHANGE);

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
