/*
 * A message on its way in: bytes go to tmp/ of the root with LF line ends,
 * and get their name when they are complete:
 *
 *	secs.M<usec>P<pid>Q<counter>.<host>,S=<size>,W=<size with CRLF>
 *
 * CRLF becomes LF, except behind another CR: reading turns each LF into CRLF
 * unless a CR stands before it, so what came in is what goes out.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/box.h"

#define CHUNK 65536

/* The host's name with what a file name cannot hold written in octal. */
static void host_name(char *to, size_t size)
{
	char host[200] = "";
	size_t n = 0;

	if (gethostname(host, sizeof host - 1) != 0 || !host[0])
		(void)pf_str_copy(PF_STR("localhost"), host, sizeof host);
	for (const char *c = host; *c && n + 5 < size; c++) {
		if (*c == '/' || *c == ':' || *c == ',')
			n += (size_t)snprintf(to + n, size - n, "\\%03o",
					      (unsigned)(unsigned char)*c);
		else
			to[n++] = *c;
	}
	to[n] = '\0';
}

void store_base_make(char *to, size_t size, uint64_t file_size, uint64_t vsize)
{
	static atomic_uint counter;
	int64_t us = pf_clock_us();
	char host[100];

	host_name(host, sizeof host);
	int n = snprintf(to, size, "%lld.M%06lldP%ldQ%u.%s,S=%llu",
			 (long long)(us / 1000000), (long long)(us % 1000000),
			 (long)getpid(), atomic_fetch_add(&counter, 1) + 1,
			 host, (unsigned long long)file_size);
	if (vsize && n > 0 && (size_t)n < size)
		snprintf(to + n, size - (size_t)n, ",W=%llu",
			 (unsigned long long)vsize);
}

pf_status store_draft_new(struct store *store, struct store_draft **draft,
			  struct pf_error *err)
{
	pf_status status = store_writable(store, err);
	struct store_draft *d;

	if (status != PF_OK)
		return status;
	d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->store = store;
	d->fd = -1;
	pf_buf_init(&d->out, CHUNK + 16);
	(void)pf_str_copy(PF_STR("tmp/"), d->tmp, sizeof d->tmp);
	store_base_make(d->tmp + 4, sizeof d->tmp - 4, 0, 0);
	/* the size is not known yet */
	*strrchr(d->tmp, ',') = '\0';
	status = pf_fs_open(store->dir, d->tmp, O_RDWR | O_CREAT | O_EXCL,
			    STORE_FILE_MODE, &d->fd, err);
	if (status != PF_OK) {
		d->tmp[0] = '\0';
		store_draft_free(&d);
		return status;
	}
	*draft = d;
	return PF_OK;
}

static pf_status flush_out(struct store_draft *d, struct pf_error *err)
{
	pf_status status = PF_OK;

	if (d->out.len)
		status = pf_fs_write(d->fd, d->out.data, d->out.len, err);
	pf_buf_clear(&d->out);
	return status;
}

/* Bytes as they will be on disk. */
static pf_status put(struct store_draft *d, const char *p, size_t n,
		     struct pf_error *err)
{
	d->size += n;
	if (d->store->size_max && d->size > d->store->size_max)
		return pf_error_set(err, PF_LIMIT, "The message is too large",
				    "message over %llu bytes",
				    (unsigned long long)d->store->size_max);
	while (n > 0) {
		size_t room = CHUNK - d->out.len;
		size_t part = n < room ? n : room;
		pf_buf_add(&d->out, p, part);
		p += part;
		n -= part;
		if (d->out.len == CHUNK) {
			pf_status status = flush_out(d, err);
			if (status != PF_OK)
				return status;
		}
	}
	return PF_OK;
}

static pf_status put_lf(struct store_draft *d, bool after_cr,
			struct pf_error *err)
{
	d->vsize += after_cr ? 0 : 1; /* the CR it is read back with */
	return put(d, "\n", 1, err);
}

pf_status store_draft_write(struct store_draft *d, const void *p, size_t n,
			    struct pf_error *err)
{
	const char *at = p, *end = at + n;
	pf_status status = PF_OK;

	while (at < end && status == PF_OK) {
		if (d->pending_cr) {
			d->pending_cr = false;
			if (*at != '\n') {
				status = put(d, "\r", 1, err);
				d->after_cr = true;
				continue;
			}
			if (d->after_cr) { /* CR CR LF stays */
				status = put(d, "\r", 1, err);
				if (status == PF_OK)
					status = put_lf(d, true, err);
			} else {
				status = put_lf(d, false, err);
			}
			d->after_cr = false;
			at++;
			continue;
		}
		if (*at == '\r') {
			d->pending_cr = true;
			at++;
			continue;
		}
		if (*at == '\n') {
			status = put_lf(d, false, err);
			d->after_cr = false;
			at++;
			continue;
		}
		const char *stop = at;
		while (stop < end && *stop != '\r' && *stop != '\n')
			stop++;
		status = put(d, at, (size_t)(stop - at), err);
		d->after_cr = false;
		at = stop;
	}
	return status;
}

pf_status store_draft_finish(struct store_draft *d, int *fd,
			     struct pf_error *err)
{
	pf_status status = PF_OK;

	if (!d->finished) {
		if (d->pending_cr)
			status = put(d, "\r", 1, err);
		d->pending_cr = false;
		if (status == PF_OK)
			status = flush_out(d, err);
		if (status == PF_OK)
			status = pf_fs_sync(d->fd, err);
		if (status != PF_OK)
			return status;
		d->vsize += d->size;
		store_base_make(d->base, sizeof d->base, d->size, d->vsize);
		d->finished = true;
	}
	if (lseek(d->fd, 0, SEEK_SET) < 0)
		return pf_error_sys(err, errno, "seek");
	if (fd)
		*fd = d->fd;
	return PF_OK;
}

void store_draft_free(struct store_draft **draft)
{
	struct store_draft *d = *draft;

	*draft = NULL;
	if (!d)
		return;
	if (d->tmp[0])
		unlinkat(d->store->dir, d->tmp, 0);
	if (d->fd >= 0)
		close(d->fd);
	pf_buf_release(&d->out);
	free(d);
}
