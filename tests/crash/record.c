/*
 * Preloaded into a program, this writes down each change that it makes below
 * PF_RECORD_ROOT, in order, to the file PF_RECORD; powercut.py replays it.
 * One line each, numbers are inodes:
 *
 *	create INO DIR NAME	mkdir INO DIR NAME	link INO DIR NAME
 *	rename DIR NAME DIR NAME			unlink DIR NAME
 *	write INO OFFSET HEX	size INO SIZE		sync INO
 *	say HEX			(what went to standard output)
 *
 * It stands below the C library, so what bypasses base/fsio is seen too.
 * PF_RECORD_BOOT: a file that is read in place of the kernel's boot id.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *format, ...)
{
	char line[4096];
	va_list ap;

	if (out < 0) {
		const char *path = getenv("PF_RECORD");
		out = REAL(open64)(path ? path : "/dev/null",
				   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
				   0666);
	}
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (REAL(write)(out, line, (size_t)n) != n)
		abort();
}

static void note_bytes(const char *head, const void *p, size_t n)
{
	char *line = malloc(strlen(head) + 2 * n + 3), *at;
	const unsigned char *bytes = p;

	at = line + sprintf(line, "%s ", head);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%02x", bytes[i]);
	*at++ = '\n';
	int saved = errno;
	note("%s", ""); /* opens it */
	if (REAL(write)(out, line, (size_t)(at - line)) != at - line)
		abort();
	errno = saved;
	free(line);
}

/* Is the open file one of those that are recorded?  Its inode, or 0. */
static unsigned long inode_of(int fd)
{
	char link[64], path[4096];
	const char *root = getenv("PF_RECORD_ROOT");
	struct stat st;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	if (!root || strncmp(path, root, strlen(root)) != 0 ||
	    fstat(fd, &st) != 0)
		return 0;
	return (unsigned long)st.st_ino;
}

/* The directory that a path ends in, and the last name of it. */
static unsigned long parent_of(int dir, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";

	*name = slash ? slash + 1 : path;
	if (slash)
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path),
			 path);
	if (slash == path)
		strcpy(folder, "/");
	int fd = REAL(openat64)(dir, folder, O_PATH | O_CLOEXEC);
	unsigned long ino = fd >= 0 ? inode_of(fd) : 0;
	if (fd >= 0)
		close(fd);
	return ino;
}

static unsigned long inode_at(int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return (unsigned long)st.st_ino;
}

static int do_open(int dir, const char *path, int flags, mode_t mode)
{
	const char *name, *boot = getenv("PF_RECORD_BOOT");

	if (boot && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		path = boot;
	if (!(flags & (O_CREAT | O_TRUNC)))
		return REAL(openat64)(dir, path, flags, mode);
	pthread_mutex_lock(&mutex);
	unsigned long there = inode_at(dir, path);
	int fd = REAL(openat64)(dir, path, flags, mode);
	int saved = errno;
	unsigned long ino = fd >= 0 ? inode_of(fd) : 0;
	if (ino && !there) {
		unsigned long parent = parent_of(dir, path, &name);
		note("create %lu %lu %s\n", ino, parent, name);
	} else if (ino && flags & O_TRUNC) {
		note("size %lu 0\n", ino);
	}
	pthread_mutex_unlock(&mutex);
	errno = saved;
	return fd;
}

#define MODE                                                                   \
	va_list ap;                                                            \
	va_start(ap, flags);                                                   \
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;                \
	va_end(ap)

int open(const char *path, int flags, ...)
{
	MODE;
	return do_open(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE;
	return do_open(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	MODE;
	return do_open(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	MODE;
	return do_open(dir, path, flags, mode);
}

static ssize_t do_write(int fd, const void *p, size_t n, off64_t offset,
			int placed)
{
	char head[100];
	struct stat st;
	unsigned long ino = fd == 1 ? 0 : inode_of(fd);

	pthread_mutex_lock(&mutex);
	if (ino && !placed) {
		offset = lseek64(fd, 0, SEEK_CUR);
		if (fcntl(fd, F_GETFL) & O_APPEND && fstat(fd, &st) == 0)
			offset = st.st_size;
	}
	ssize_t done =
	    placed ? REAL(pwrite64)(fd, p, n, offset) : REAL(write)(fd, p, n);
	if (ino && done > 0) {
		snprintf(head, sizeof head, "write %lu %lld", ino,
			 (long long)offset);
		note_bytes(head, p, (size_t)done);
	}
	if (fd == 1 && done > 0)
		note_bytes("say", p, (size_t)done);
	pthread_mutex_unlock(&mutex);
	return done;
}

ssize_t write(int fd, const void *p, size_t n)
{
	return do_write(fd, p, n, 0, 0);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t offset)
{
	return do_write(fd, p, n, offset, 1);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t offset)
{
	return do_write(fd, p, n, offset, 1);
}

/* A call that changes one thing; on success `...` is noted. */
#define CHANGE(call, ...)                                                      \
	do {                                                                   \
		pthread_mutex_lock(&mutex);                                    \
		int done_ = (call);                                            \
		int saved_ = errno;                                            \
		if (done_ == 0)                                                \
			note(__VA_ARGS__);                                     \
		pthread_mutex_unlock(&mutex);                                  \
		errno = saved_;                                                \
		return done_;                                                  \
	} while (0)

int ftruncate64(int fd, off64_t size)
{
	unsigned long ino = inode_of(fd);

	if (!ino)
		return REAL(ftruncate64)(fd, size);
	CHANGE(REAL(ftruncate64)(fd, size), "size %lu %lld\n", ino,
	       (long long)size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int fsync(int fd)
{
	unsigned long ino = inode_of(fd);

	if (!ino)
		return REAL(fsync)(fd);
	CHANGE(REAL(fsync)(fd), "sync %lu\n", ino);
}

int fdatasync(int fd)
{
	unsigned long ino = inode_of(fd);

	if (!ino)
		return REAL(fdatasync)(fd);
	CHANGE(REAL(fdatasync)(fd), "sync %lu\n", ino);
}

static int do_rename(int a, const char *from, int b, const char *to,
		     unsigned flags)
{
	const char *x, *y;
	unsigned long old = parent_of(a, from, &x), now = parent_of(b, to, &y);

	if (!old || !now)
		return REAL(renameat2)(a, from, b, to, flags);
	/* rename() of one file's two names does nothing */
	if (inode_at(a, from) == inode_at(b, to))
		return REAL(renameat2)(a, from, b, to, flags);
	CHANGE(REAL(renameat2)(a, from, b, to, flags), "rename %lu %s %lu %s\n",
	       old, x, now, y);
}

int rename(const char *from, const char *to)
{
	return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int a, const char *from, int b, const char *to)
{
	return do_rename(a, from, b, to, 0);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	return do_rename(a, from, b, to, flags);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
	const char *name;
	unsigned long dir = parent_of(b, to, &name), ino = inode_at(a, from);

	if (!dir)
		return REAL(linkat)(a, from, b, to, flags);
	CHANGE(REAL(linkat)(a, from, b, to, flags), "link %lu %lu %s\n", ino,
	       dir, name);
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int at, const char *path, int flags)
{
	const char *name;
	unsigned long dir = parent_of(at, path, &name);

	if (!dir)
		return REAL(unlinkat)(at, path, flags);
	CHANGE(REAL(unlinkat)(at, path, flags), "unlink %lu %s\n", dir, name);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int at, const char *path, mode_t mode)
{
	const char *name;
	unsigned long dir = parent_of(at, path, &name);

	if (!dir)
		return REAL(mkdirat)(at, path, mode);
	CHANGE(REAL(mkdirat)(at, path, mode), "mkdir %lu %lu %s\n",
	       inode_at(at, path), dir, name);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int symlinkat(const char *target, int at, const char *path)
{
	const char *name;
	unsigned long dir = parent_of(at, path, &name);

	if (!dir)
		return REAL(symlinkat)(target, at, path);
	CHANGE(REAL(symlinkat)(target, at, path), "symlink %lu %s %s\n", dir,
	       name, target);
}
