/*
 * What a script costs: sieve_run SCRIPT MESSAGE [TIMES]
 *
 * Compiles the script, runs it over the message TIMES times and prints one
 * JSON line: CPU milliseconds to compile, and of a run (the median).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fsio.h"
#include "mime/mime.h"
#include "sieve/sieve.h"

static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int message_fd;

static int file(void *arg)
{
	(void)arg;
	return message_fd;
}

int main(int argc, char **argv)
{
	struct pf_buf text = PF_BUF_INIT(2 << 20), mail = PF_BUF_INIT(64 << 20);
	struct sieve_limits limits = sieve_default_limits;
	struct sieve_script *script;
	struct pf_error err;
	int times = argc > 3 ? atoi(argv[3]) : 100;
	double *took = calloc((size_t)times + 1, sizeof *took);
	size_t actions = 0;

	if (argc < 3 || !took ||
	    pf_fs_read(AT_FDCWD, argv[1], &text, &err) != PF_OK ||
	    pf_fs_read(AT_FDCWD, argv[2], &mail, &err) != PF_OK ||
	    pf_fs_open(AT_FDCWD, argv[2], O_RDONLY, 0, &message_fd, &err) !=
		PF_OK)
		return 2;
	double start = cpu_ms();
	if (sieve_compile(pf_buf_str(&text), &limits, &script, NULL, &err) !=
	    PF_OK) {
		fprintf(stderr, "%s\n", err.log);
		return 1;
	}
	double compiled = cpu_ms() - start;
	struct pf_str all = pf_buf_str(&mail);
	const struct sieve_message message = {
	    .header = pf_str_head(all, mime_header_end(all)),
	    .size = all.n,
	    .from = PF_STR("a@b.test"),
	    .to = PF_STR("u@ex.test"),
	    .user = PF_STR("u"),
	    .delimiters = "+",
	    .file = file,
	    .now = 1700000000,
	};
	for (int i = 0; i < times; i++) {
		struct sieve_result result;

		start = cpu_ms();
		if (sieve_run(script, &message, &limits, NULL, NULL, &result,
			      &err) != PF_OK ||
		    result.failed)
			return 1;
		actions = result.count;
		sieve_result_release(&result);
		took[i] = cpu_ms() - start;
	}
	qsort(took, (size_t)times, sizeof *took, by_size);
	printf("{\"compile_ms\": %.3f, \"run_ms\": %.3f, \"actions\": %zu}\n",
	       compiled, took[times / 2], actions);
	sieve_script_free(&script);
	return 0;
}
