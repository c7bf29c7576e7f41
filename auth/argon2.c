/*
 * Argon2 (RFC 9106) by libargon2, verified only; this is its only home.
 *
 *	$argon2id$v=19$m=65536,t=3,p=1$salt$hash	(also argon2i, argon2d)
 *
 * The library does what the text says, so the text is looked at first: memory
 * (m, in KiB) comes out of the budget, and time and lanes have an end.
 */
#include "auth/scheme.h"

#include <argon2.h>
#include <stdlib.h>

#define LANES_MAX 16
#define WORK_MAX  ((uint64_t)8 << 20) /* m * t: some ten seconds */

struct cost {
	uint64_t memory, passes, lanes;
};

static bool number(struct pf_str *params, const char *name, uint64_t *to)
{
	struct pf_str word;

	return pf_str_split(params, ',', &word) &&
	       pf_str_starts(word, pf_str_c(name)) &&
	       pf_str_u64(pf_str_from(word, strlen(name)), UINT32_MAX, to);
}

static bool parse(struct pf_str text, argon2_type *type, struct cost *cost)
{
	struct pf_str word;

	if (!pf_str_split(&text, '$', &word) || word.n != 0 ||
	    !pf_str_split(&text, '$', &word))
		return false;
	if (pf_str_eq(word, PF_STR("argon2id")))
		*type = Argon2_id;
	else if (pf_str_eq(word, PF_STR("argon2i")))
		*type = Argon2_i;
	else if (pf_str_eq(word, PF_STR("argon2d")))
		*type = Argon2_d;
	else
		return false;
	if (pf_str_starts(text, PF_STR("v=")) &&
	    !pf_str_split(&text, '$', &word))
		return false;
	return pf_str_split(&text, '$', &word) &&
	       number(&word, "m=", &cost->memory) &&
	       number(&word, "t=", &cost->passes) &&
	       number(&word, "p=", &cost->lanes) && cost->lanes <= LANES_MAX &&
	       cost->passes <= WORK_MAX &&
	       cost->memory * cost->passes <= WORK_MAX;
}

bool auth_argon2_verify(struct pf_str stored, struct pf_str password,
			bool *right)
{
	argon2_type type;
	struct cost cost;

	if (!parse(stored, &type, &cost) ||
	    !auth_budget_take(cost.memory * 1024))
		return false;
	char *text = pf_str_dup(stored);
	int result = argon2_verify(text, password.p, password.n, type);
	free(text);
	auth_budget_give(cost.memory * 1024);
	if (result != ARGON2_OK && result != ARGON2_VERIFY_MISMATCH)
		return false;
	*right = result == ARGON2_OK;
	return true;
}
