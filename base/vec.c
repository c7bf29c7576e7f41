#include "base/vec.h"

#include <stdint.h>

void *pf_vec_grow(void *v, size_t *cap, size_t need, size_t size)
{
	size_t room = *cap ? *cap : 8, bytes;

	if (need <= *cap)
		return v;
	while (room < need)
		room += room / 2 + 1;
	if (__builtin_mul_overflow(room, size, &bytes))
		abort();
	v = realloc(v, bytes);
	if (!v)
		abort();
	*cap = room;
	return v;
}
