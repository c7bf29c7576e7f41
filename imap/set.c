/* Sequence sets (RFC 3501 9, RFC 9051 9): "1:3,7,*" and "$". */
#include "imap/imap.h"

#include <stdlib.h>

static int by_from(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Sorts, and joins what overlaps or touches. */
static void merge(struct imap_set *set)
{
	size_t n = 0;

	if (set->n > 1)
		qsort(set->v, set->n, sizeof *set->v, by_from);
	for (size_t i = 0; i < set->n; i++) {
		struct imap_range r = set->v[i];
		struct imap_range *last = n ? &set->v[n - 1] : NULL;

		if (!last || (last->to < UINT32_MAX && r.from > last->to + 1))
			set->v[n++] = r;
		else if (r.to > last->to)
			last->to = r.to;
	}
	set->n = n;
}

static bool parse_number(struct pf_str s, uint32_t star, struct imap_set *set,
			 uint32_t *n)
{
	uint64_t value;

	if (pf_str_eq(s, PF_STR("*"))) {
		set->star = true;
		*n = star;
		return true;
	}
	if (!pf_str_u64(s, UINT32_MAX, &value) || value == 0)
		return false;
	*n = (uint32_t)value;
	return true;
}

static bool parse_range(struct pf_str s, uint32_t star, struct imap_set *set)
{
	ptrdiff_t colon = pf_str_chr(s, ':');
	struct pf_str first = colon < 0 ? s : pf_str_head(s, (size_t)colon);
	struct pf_str last = colon < 0 ? s : pf_str_from(s, (size_t)colon + 1);
	uint32_t a, b;

	if (!parse_number(first, star, set, &a) ||
	    !parse_number(last, star, set, &b))
		return false;
	set->v[set->n++] =
	    a <= b ? (struct imap_range){a, b} : (struct imap_range){b, a};
	return true;
}

pf_status imap_set_parse(struct pf_str text, uint32_t star,
			 struct pf_arena *arena, struct imap_set *set,
			 struct pf_error *err)
{
	struct imap_set out = {0};
	size_t count = 1;

	if (pf_str_eq(text, PF_STR("$"))) {
		*set = (struct imap_set){.saved = true};
		return PF_OK;
	}
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == ',';
	out.v = pf_arena_array(arena, count, sizeof *out.v);
	if (!out.v)
		return pf_error_set(err, PF_LIMIT, "Message set too long",
				    "imap: message set too long");
	for (size_t start = 0; start <= text.n;) {
		struct pf_str rest = pf_str_from(text, start);
		ptrdiff_t comma = pf_str_chr(rest, ',');
		struct pf_str word =
		    comma < 0 ? rest : pf_str_head(rest, (size_t)comma);

		if (!parse_range(word, star, &out))
			return pf_error_set(err, PF_INVALID,
					    "Invalid message set",
					    "imap: invalid message set");
		start += word.n + 1;
	}
	merge(&out);
	*set = out;
	return PF_OK;
}

bool imap_set_has(const struct imap_set *set, uint32_t n)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (n < set->v[mid].from)
			high = mid;
		else if (n > set->v[mid].to)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

void imap_set_write(struct pf_buf *to, const uint32_t *numbers, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1;
		     end < n && numbers[end] - numbers[end - 1] <= 1; end++)
			;
		if (i)
			pf_buf_add_byte(to, ',');
		pf_buf_add_u64(to, numbers[i]);
		if (numbers[end - 1] != numbers[i]) {
			pf_buf_add_byte(to, ':');
			pf_buf_add_u64(to, numbers[end - 1]);
		}
	}
}
