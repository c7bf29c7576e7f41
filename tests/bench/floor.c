/*
 * What the machine itself takes for a mailbox' work, in milliseconds of wall
 * and processor time: the floors that tests/bench/store shows.
 *
 *	floor scan DIR       readdir and stat of all files
 *	floor copy N         memcpy of an array of N records
 *	floor rename DIR N   renames N files of it, and back
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/store.h"

/* a record in memory: what clients see, and 16 bytes of where its file is */
#define RECORD (sizeof(struct store_msg) + 16)

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static DIR *open_dir(const char *path)
{
	DIR *d = opendir(path);

	if (!d) {
		perror(path);
		exit(1);
	}
	return d;
}

static void scan(const char *path)
{
	DIR *d = open_dir(path);
	struct stat st;

	for (struct dirent *e; (e = readdir(d));)
		(void)!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW);
	closedir(d);
}

static void copy(size_t n)
{
	char *from = calloc(n, RECORD), *to = malloc(n * RECORD);

	if (!from || !to)
		abort();
	memcpy(to, from, n * RECORD);
	/* so that it is not optimised away */
	fprintf(stderr, "%c", to[n * RECORD / 2] ? ' ' : '\n');
	free(from);
	free(to);
}

static void rename_some(const char *path, size_t n)
{
	DIR *d = open_dir(path);
	char(*names)[256] = calloc(n, sizeof *names);
	char to[300];
	size_t count = 0;

	if (!names)
		abort();
	for (struct dirent *e; count < n && (e = readdir(d));)
		if (e->d_name[0] != '.' && strlen(e->d_name) < 250)
			snprintf(names[count++], 256, "%.250s", e->d_name);
	for (size_t i = 0; i < count; i++) {
		snprintf(to, sizeof to, "%sF", names[i]);
		(void)!renameat(dirfd(d), names[i], dirfd(d), to);
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(to, sizeof to, "%sF", names[i]);
		(void)!renameat(dirfd(d), to, dirfd(d), names[i]);
	}
	closedir(d);
	free(names);
}

int main(int argc, char **argv)
{
	double wall = now(CLOCK_MONOTONIC);
	double cpu = now(CLOCK_PROCESS_CPUTIME_ID);

	if (argc == 3 && strcmp(argv[1], "scan") == 0)
		scan(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "copy") == 0)
		copy(strtoul(argv[2], NULL, 10));
	else if (argc == 4 && strcmp(argv[1], "rename") == 0)
		rename_some(argv[2], strtoul(argv[3], NULL, 10));
	else
		return 2;
	printf("%.3f %.3f\n", now(CLOCK_MONOTONIC) - wall,
	       now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return 0;
}
