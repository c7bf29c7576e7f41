/*
 * The smallest TAP producer that our unit tests need.
 *
 *	int main(void) { TEST(parses_empty); ...; return tap_done(); }
 *
 * ok(cond) counts one check; a test that made no check fails.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool
tap_check(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	if (!good)
		tap_failed++;
	return good;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0 || tap_count == 0;
}

/* One check; the text of a failure says where and what. */
#define ok(cond) tap_check((cond), "%s:%d %s", __func__, __LINE__, #cond)

#define is_int(got, want)                                                      \
	do {                                                                   \
		long long got_ = (long long)(got), want_ = (long long)(want);  \
		if (!tap_check(got_ == want_, "%s:%d %s", __func__, __LINE__,  \
			       #got))                                          \
			printf("# got %lld, want %lld\n", got_, want_);        \
	} while (0)

#define is_str(got, want)                                                      \
	do {                                                                   \
		const char *got_ = (got), *want_ = (want);                     \
		if (!tap_check(got_ && strcmp(got_, want_) == 0, "%s:%d %s",   \
			       __func__, __LINE__, #got))                      \
			printf("# got \"%s\"\n# want \"%s\"\n",                \
			       got_ ? got_ : "(null)", want_);                 \
	} while (0)

#define is_mem(got, n, want)                                                   \
	do {                                                                   \
		const char *got_ = (got), *want_ = (want);                     \
		size_t n_ = (n);                                               \
		if (!tap_check(n_ == strlen(want_) &&                          \
				   memcmp(got_, want_, n_) == 0,               \
			       "%s:%d %s", __func__, __LINE__, #got))          \
			printf("# got \"%.*s\"\n# want \"%s\"\n", (int)n_,     \
			       got_, want_);                                   \
	} while (0)

#endif
