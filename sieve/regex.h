/*
 * Regular expressions in linear time.  Private to sieve/ and tests/sieve/.
 *
 * POSIX extended expressions over characters of UTF-8 (a byte that is no part
 * of one is a character of its own), with the usual \w \W \s \S \d \D \b \B
 * \< \>; without back-references, which have no linear time.
 */
#ifndef SIEVE_REGEX_H
#define SIEVE_REGEX_H

#include "base/arena.h"
#include "base/str.h"

#define SIEVE_REGEX_MAX	       2000 /* instructions of a program */
#define SIEVE_REGEX_GROUPS_MAX 32   /* that are remembered, with the whole */

enum sieve_regex_fold {
	SIEVE_REGEX_EXACT,
	SIEVE_REGEX_ASCII,
	SIEVE_REGEX_UNICODE
};

struct sieve_regex;

/* NULL: *problem says why the pattern is none. */
const struct sieve_regex *sieve_regex_compile(struct pf_arena *arena,
					      struct pf_str pattern,
					      enum sieve_regex_fold fold,
					      const char **problem);
/*
 * The leftmost match, of those the longest.  groups[0] is the match, [k] the
 * k-th parenthesis (p NULL: it took no part); group_max may be 0, which is
 * fastest.  Work is asked for by `step`, which may say no.
 */
bool sieve_regex_match(const struct sieve_regex *regex, struct pf_str text,
		       struct pf_str *groups, size_t group_max,
		       bool (*step)(void *arg, uint64_t steps), void *arg);
size_t sieve_regex_groups(const struct sieve_regex *regex);

#endif
