/*
 * Memory that begins as a part of a file.
 *
 * The records, names and index of a large mailbox are mapped from its
 * snapshot: nothing is read before it is asked for, and processes share the
 * pages.  The mapping is private (a page is copied when we write to it) and
 * lies at the beginning of a larger reserve, so that the array grows in place;
 * only when the reserve is used up all is copied to memory of our own.
 *
 * The file may be mapped because it is ours: it is made anew, never changed,
 * and has no write permission.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "store/box.h"

#define PAGE	      ((size_t)4096) /* at least, on all machines */
#define RESERVE_LEAST ((size_t)1 << 20)

static size_t pages(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

void *store_area_map(struct store_area *area, int fd, uint64_t offset, size_t n,
		     size_t *cap, size_t item)
{
	size_t size = pages(n + n / 4 + RESERVE_LEAST);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (n && mmap(p, n, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
		      (off_t)offset) == MAP_FAILED) {
		munmap(p, size);
		return NULL;
	}
	*area = (struct store_area){.size = size, .mapped = n};
	*cap = size / item;
	return p;
}

void *store_area_grow(struct store_area *area, void *p, size_t used,
		      size_t *cap, size_t need, size_t item)
{
	size_t bigger = 0;

	if (area->size == 0)
		return pf_vec_grow(p, cap, need, item);
	if (need <= *cap)
		return p;
	void *copy = pf_vec_grow(NULL, &bigger, need + need / 4, item);
	memcpy(copy, p, used * item);
	store_area_free(area, p);
	*cap = bigger;
	return copy;
}

void store_area_free(struct store_area *area, void *p)
{
	if (area->size)
		munmap(p, area->size);
	else
		free(p);
	*area = (struct store_area){0};
}

size_t store_area_bytes(const struct store_area *area, size_t used, size_t cap)
{
	if (area->size == 0)
		return cap;
	/* pages that we changed cannot be told from the others */
	return used > area->mapped ? used - area->mapped : 0;
}
