/*
 * Was it only us?
 *
 * A change of our own moves a directory's time stamp, and a foreign one that
 * fell between our looks at it would hide behind that; so a scan of both
 * directories was due two seconds after each change, which in a mailbox of a
 * million costs more than anything else.  The kernel knows better: it reports
 * each change (inotify) from before our first to after our last, and when as
 * many are heard of as we made, nobody else made any.
 *
 * The watch lives from a change to the time when that scan would be due.
 * Wherever the count is not exact (another program, or a change of ours that
 * nobody counted, too many events, no watch to be had, a file system that
 * others change without our kernel) the directory is read as before.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/box.h"

/* the kernel's queue has 16,384 by default */
#define HEAR_EACH 4096
#define MASK	  (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

static bool is_local(int dir)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) != 0)
		return false;
	switch ((uint32_t)fs.f_type) {
	case 0xef53:	 /* ext2, ext3, ext4 */
	case 0x58465342: /* XFS */
	case 0x9123683e: /* Btrfs */
	case 0x01021994: /* tmpfs */
	case 0x2fc12fc1: /* ZFS */
		return true;
	default:
		return false;
	}
}

static int watch(const struct store_box *box, int fd, const char *part)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", box->dir, part);
	return inotify_add_watch(fd, path, MASK | IN_ONLYDIR);
}

void store_own_begin(struct store_box *box)
{
	struct store_own *own = &box->own;

	/* what is still to be looked for cannot be heard of any more */
	if (own->fd > 0 || box->rescan_at ||
	    box->recs.n < box->store->own_least || !is_local(box->dir))
		return;
	*own =
	    (struct store_own){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
	if (own->fd <= 0)
		return;
	own->wd[STORE_NEW] = watch(box, own->fd, "new");
	own->wd[STORE_CUR] = watch(box, own->fd, "cur");
	if (own->wd[STORE_NEW] < 0 || own->wd[STORE_CUR] < 0)
		store_own_stop(box);
}

void store_own_stop(struct store_box *box)
{
	if (box->own.fd > 0)
		close(box->own.fd);
	box->own = (struct store_own){0};
}

static void hear(struct store_own *own)
{
	_Alignas(struct inotify_event) char block[16384];
	ssize_t got;

	while ((got = read(own->fd, block, sizeof block)) > 0)
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *e =
			    (const void *)(block + at);
			at += (ssize_t)sizeof *e + e->len;
			if (e->mask & MASK)
				own->heard[e->wd == own->wd[STORE_CUR]]++;
			else
				own->lost = true;
		}
	if (got == 0 || errno != EAGAIN)
		own->lost = true;
}

void store_own_did(struct store_box *box, unsigned in_new, unsigned in_cur)
{
	struct store_own *own = &box->own;

	if (own->fd <= 0)
		return;
	own->did[STORE_NEW] += in_new;
	own->did[STORE_CUR] += in_cur;
	if (own->did[STORE_NEW] + own->did[STORE_CUR] >=
	    own->heard[STORE_NEW] + own->heard[STORE_CUR] + HEAR_EACH)
		hear(own);
}

unsigned store_own_end(struct store_box *box)
{
	struct store_own *own = &box->own;
	unsigned doubt = RESCAN_BOTH;

	if (own->fd > 0) {
		hear(own);
		if (!own->lost)
			doubt = (own->heard[STORE_NEW] != own->did[STORE_NEW]
				     ? RESCAN_NEW
				     : 0u) |
				(own->heard[STORE_CUR] != own->did[STORE_CUR]
				     ? RESCAN_CUR
				     : 0u);
	}
	store_own_stop(box);
	return doubt;
}
