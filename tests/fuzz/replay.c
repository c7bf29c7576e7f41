/*
 * Replays tests/fuzz/corpus/NAME/ (NAME from argv[0], "fuzz_" cut off) through
 * a fuzz target, so that `make check` needs no fuzz engine.  Each file is also
 * fed cut short at every length up to 512, which is how peers hang up.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(int dir, const char *name)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	size_t n = (size_t)st.st_size;
	uint8_t *whole = malloc(n + 1);
	bool good = whole && read(fd, whole, n) == (ssize_t)n;
	close(fd);
	for (size_t len = 0; good && len <= n && len <= 512; len++) {
		/* an exact allocation, so that ASan sees one byte too far */
		uint8_t *cut = malloc(len ? len : 1);
		if (!cut)
			break;
		if (len)
			memcpy(cut, whole, len);
		LLVMFuzzerTestOneInput(cut, len);
		free(cut);
	}
	if (good)
		LLVMFuzzerTestOneInput(whole, n);
	free(whole);
	return good;
}

int main(int argc, char **argv)
{
	const char *src = getenv("PF_SRCDIR");
	const char *base = strrchr(argv[0], '/');
	char path[4096];

	base = base ? base + 1 : argv[0];
	if (strncmp(base, "fuzz_", 5) == 0)
		base += 5;
	if (argc > 1)
		snprintf(path, sizeof path, "%s", argv[1]);
	else
		snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s",
			 src ? src : ".", base);
	DIR *dir = opendir(path);
	ok(dir != NULL);
	int count = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		if (!replay_file(dirfd(dir), e->d_name))
			tap_check(false, "cannot read %s", e->d_name);
		count++;
	}
	if (dir)
		closedir(dir);
	tap_check(count > 0, "%s: %d corpus files replayed", base, count);
	return tap_done();
}
