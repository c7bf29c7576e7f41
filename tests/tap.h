/*
 * The smallest TAP producer that our unit tests need.
 *
 *	static void parses_an_empty_line(void) { ok(...); is_str(...); }
 *	int main(void) { parses_an_empty_line(); return tap_done(); }
 *
 * A function is one TAP test, named after it, however many checks it makes;
 * each failed check says where and what.  A program without a check fails.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct {
	const char *name; /* the function whose checks are being counted */
	int tests, checks, failed, all_failed;
} tap;

static inline void tap_end_test(void)
{
	if (tap.name)
		printf("%sok %d - %s (%d checks)\n", tap.failed ? "not " : "",
		       ++tap.tests, tap.name, tap.checks);
	fflush(stdout);
	tap.all_failed += tap.failed;
	tap.checks = tap.failed = 0;
	tap.name = NULL;
}

__attribute__((format(printf, 3, 4), unused)) static bool
tap_check_in(const char *name, bool good, const char *fmt, ...)
{
	va_list ap;

	if (tap.name != name) {
		tap_end_test();
		tap.name = name;
	}
	tap.checks++;
	if (good)
		return true;
	tap.failed++;
	printf("# failed: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return false;
}
#define tap_check(good, ...) tap_check_in(__func__, (good), __VA_ARGS__)

static inline int tap_done(void)
{
	tap_end_test();
	printf("1..%d\n", tap.tests);
	return tap.all_failed > 0 || tap.tests == 0;
}

#define ok(cond) tap_check((cond), "%s:%d %s", __FILE__, __LINE__, #cond)

#define is_int(got, want)                                                      \
	do {                                                                   \
		long long got_ = (long long)(got), want_ = (long long)(want);  \
		tap_check(got_ == want_, "%s:%d %s: got %lld, want %lld",      \
			  __FILE__, __LINE__, #got, got_, want_);              \
	} while (0)

#define is_str(got, want)                                                      \
	do {                                                                   \
		const char *got_ = (got), *want_ = (want);                     \
		tap_check(got_ &&strcmp(got_, want_) == 0,                     \
			  "%s:%d %s:\n#   got \"%s\"\n#  want \"%s\"",         \
			  __FILE__, __LINE__, #got, got_ ? got_ : "(null)",    \
			  want_);                                              \
	} while (0)

#define is_mem(got, n, want)                                                   \
	do {                                                                   \
		const char *got_ = (got), *want_ = (want);                     \
		size_t n_ = (n);                                               \
		tap_check(n_ == strlen(want_) && memcmp(got_, want_, n_) == 0, \
			  "%s:%d %s:\n#   got \"%.*s\"\n#  want \"%s\"",       \
			  __FILE__, __LINE__, #got, (int)n_, got_, want_);     \
	} while (0)

#endif
