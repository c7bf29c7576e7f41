/*
 * comparators: i;octet and i;ascii-casemap, which every script may use
 * (RFC 5228 2.7.3, RFC 4790 9.2 and 9.3), and comparator-i;ascii-numeric
 * (RFC 4790 9.1) and comparator-i;unicode-casemap (RFC 5051 2), which must be
 * required.
 */
#include "sieve/run.h"

/* Also for casemap: there both sides are in upper case by now. */
static int compare_bytes(struct pf_str a, struct pf_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* The digits at the start, without leading zeros; false: none, and that is
 * more than any number. */
static bool number(struct pf_str s, struct pf_str *digits)
{
	size_t zeros = 0, n;

	while (zeros < s.n && s.p[zeros] == '0')
		zeros++;
	for (n = zeros; n < s.n && s.p[n] >= '0' && s.p[n] <= '9';)
		n++;
	*digits = pf_str_head(pf_str_from(s, zeros), n - zeros);
	return n > 0;
}

static int compare_numbers(struct pf_str a, struct pf_str b)
{
	struct pf_str x, y;
	bool finite_a = number(a, &x), finite_b = number(b, &y);

	if (!finite_a || !finite_b)
		return (int)finite_b - (int)finite_a;
	if (x.n != y.n)
		return x.n > y.n ? 1 : -1;
	return compare_bytes(x, y);
}

const struct sieve_comparator sieve_comparator_octet = {
    .name = "i;octet", .substring = true, .compare = compare_bytes};
const struct sieve_comparator sieve_comparator_casemap = {
    .name = "i;ascii-casemap",
    .substring = true,
    .fold = true,
    .compare = compare_bytes};
static const struct sieve_comparator unicode = {.name = "i;unicode-casemap",
						.substring = true,
						.unicode = true,
						.compare = compare_bytes};
static const struct sieve_comparator numeric = {.name = "i;ascii-numeric",
						.compare = compare_numbers};

const struct sieve_extension sieve_ext_octet = {.name = "comparator-i;octet",
						.unlisted = true,
						.comparator =
						    &sieve_comparator_octet};
const struct sieve_extension sieve_ext_casemap = {
    .name = "comparator-i;ascii-casemap",
    .unlisted = true,
    .comparator = &sieve_comparator_casemap};
const struct sieve_extension sieve_ext_numeric = {
    .name = "comparator-i;ascii-numeric", .comparator = &numeric};
const struct sieve_extension sieve_ext_unicode = {
    .name = "comparator-i;unicode-casemap", .comparator = &unicode};
