/*
 * UIDVALIDITY values that only grow, in Dovecot's files: the root holds
 * dovecot-uidvalidity with 8 hex digits, and an empty file whose name ends in
 * the same digits; renaming that one to the next number is Dovecot's way to
 * take it, so we bring both forward.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/rand.h"
#include "store/box.h"

#define FILE_NAME "dovecot-uidvalidity"

static bool parse_hex(const char *s, uint32_t *value)
{
	char *end = NULL;

	if (strspn(s, "0123456789abcdef") != 8 || s[8] != '\0')
		return false;
	*value = (uint32_t)strtoul(s, &end, 16);
	return true;
}

/* The greatest of dovecot-uidvalidity.<hex>, 0: none. */
static uint32_t find_companion(struct store *store)
{
	int fd = -1;
	uint32_t best = 0, value;

	if (pf_fs_open(store->dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) !=
	    PF_OK)
		return 0;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return 0;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (strncmp(e->d_name, FILE_NAME ".", sizeof FILE_NAME) == 0 &&
		    parse_hex(e->d_name + sizeof FILE_NAME, &value) &&
		    value > best)
			best = value;
	closedir(d);
	return best;
}

pf_status store_uidvalidity_next(struct store *store, uint32_t floor,
				 uint32_t *value, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(64);
	char digits[9], from[40], to[40];
	uint32_t old = 0, next = (uint32_t)pf_clock_now();
	int lock = -1;
	/* a lock of its own: callers may hold the root's or a mailbox' */
	pf_status status =
	    pf_fs_open(store->dir, "penfold-uidvalidity.lock", O_RDWR | O_CREAT,
		       STORE_FILE_MODE, &lock, err);

	if (status == PF_OK)
		status = pf_fs_lock(lock, true, STORE_LOCK_MS, err);
	if (status != PF_OK) {
		if (lock >= 0)
			close(lock);
		return status;
	}
	if (pf_fs_read(store->dir, FILE_NAME, &text, NULL) != PF_OK ||
	    !parse_hex(text.data, &old))
		old = find_companion(store);
	uint32_t least = floor > old ? floor : old;
	if (next <= least)
		next = least + 1;
	snprintf(digits, sizeof digits, "%08x", next);
	snprintf(from, sizeof from, FILE_NAME ".%08x", old);
	snprintf(to, sizeof to, FILE_NAME ".%08x", next);
	if (renameat(store->dir, from, store->dir, to) != 0) {
		int fd = -1;
		if (pf_fs_open(store->dir, to, O_WRONLY | O_CREAT, 0444, &fd,
			       NULL) == PF_OK)
			close(fd);
	}
	status = pf_fs_replace(store->dir, FILE_NAME, pf_str_c(digits),
			       STORE_FILE_MODE, true, err);
	close(lock);
	pf_buf_release(&text);
	if (status == PF_OK)
		*value = next;
	return status;
}

void store_guid_make(char guid[33])
{
	unsigned char bytes[16];
	struct pf_buf hex = PF_BUF_INIT(64);

	pf_rand_bytes(bytes, sizeof bytes);
	pf_hex_encode(&hex, pf_str_mem(bytes, sizeof bytes));
	memcpy(guid, hex.data, 33);
	pf_buf_release(&hex);
}
