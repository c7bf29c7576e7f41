/*
 * Files and directories.  Every durable write of penfold goes through here,
 * so that (a) each failure is seen and reported with its name, and (b) tests
 * can fail or kill the process at the n-th such operation.
 *
 * Paths: always a directory descriptor and a name below it.  `open_beneath`
 * refuses "..", absolute names and symbolic links (openat2), so nothing that
 * a peer chose can leave the directory.
 *
 * Fault injection (only with --enable-fault-injection): the environment
 * variable PENFOLD_FAULT is "KIND@N", the N-th operation that it can meet, or
 * "KIND+N", every N-th; or the absolute path of a file that says so, and may
 * change.  KIND: kill (SIGKILL before a durable operation), ENOSPC, EDQUOT,
 * EIO (durable ones), EMFILE (opening), EIO-read, EINTR and short (where the
 * call is to go on by itself).
 */
#ifndef BASE_FSIO_H
#define BASE_FSIO_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"

/* An open descriptor with O_CLOEXEC.  `flags` as for open(2); the caller
 * closes.  NOTFOUND, NOPERM (also: leaves dir, or a link), LIMIT, IO. */
PF_CHECKED pf_status pf_fs_open(int dir, const char *name, int flags,
				mode_t mode, int *fd, struct pf_error *err);
PF_CHECKED pf_status pf_fs_open_beneath(int dir, const char *path, int flags,
					mode_t mode, int *fd,
					struct pf_error *err);

/* All bytes or an error; EINTR and short writes are handled. */
PF_CHECKED pf_status pf_fs_write(int fd, const void *p, size_t n,
				 struct pf_error *err);
PF_CHECKED pf_status pf_fs_pwrite(int fd, const void *p, size_t n, off_t offset,
				  struct pf_error *err);

/* As many bytes as there are up to n. */
PF_CHECKED pf_status pf_fs_pread(int fd, void *p, size_t n, off_t offset,
				 size_t *got, struct pf_error *err);

/* Appends a whole file to `to` (LIMIT when it does not fit). */
PF_CHECKED pf_status pf_fs_read_fd(int fd, struct pf_buf *to,
				   struct pf_error *err);
PF_CHECKED pf_status pf_fs_read(int dir, const char *name, struct pf_buf *to,
				struct pf_error *err);

PF_CHECKED pf_status pf_fs_sync(int fd, struct pf_error *err);
PF_CHECKED pf_status pf_fs_datasync(int fd, struct pf_error *err);

/* Makes the entries of a directory durable. */
PF_CHECKED pf_status pf_fs_sync_dir(int dir, const char *name,
				    struct pf_error *err);

PF_CHECKED pf_status pf_fs_rename(int from_dir, const char *from, int to_dir,
				  const char *to, struct pf_error *err);
/* EXISTS when `to` is there (renameat2 RENAME_NOREPLACE). */
PF_CHECKED pf_status pf_fs_rename_new(int from_dir, const char *from,
				      int to_dir, const char *to,
				      struct pf_error *err);
PF_CHECKED pf_status pf_fs_link(int from_dir, const char *from, int to_dir,
				const char *to, struct pf_error *err);
PF_CHECKED pf_status pf_fs_symlink(const char *target, int dir,
				   const char *name, struct pf_error *err);
PF_CHECKED pf_status pf_fs_unlink(int dir, const char *name,
				  struct pf_error *err);
PF_CHECKED pf_status pf_fs_mkdir(int dir, const char *name, mode_t mode,
				 struct pf_error *err);
/* mkdir -p; existing directories are fine. */
PF_CHECKED pf_status pf_fs_mkdirs(const char *path, mode_t mode,
				  struct pf_error *err);
/* rm -r, without following links */
PF_CHECKED pf_status pf_fs_remove_tree(int dir, const char *name,
				       struct pf_error *err);

/* Replaces or creates a small file so that a reader, and a power cut, see
 * the old or the new content, never a mix: temporary file, fsync, rename,
 * fsync of the directory.  With durable == false without the fsyncs (caches).
 */
PF_CHECKED pf_status pf_fs_replace(int dir, const char *name, struct pf_str to,
				   mode_t mode, bool durable,
				   struct pf_error *err);

/*
 * An advisory lock on an open file (OFD lock: freed with the descriptor or
 * the process, never left behind).  wait_ms 0: try once, BUSY when held.
 */
PF_CHECKED pf_status pf_fs_lock(int fd, bool exclusive, int wait_ms,
				struct pf_error *err);
void pf_fs_unlock(int fd);

#endif
