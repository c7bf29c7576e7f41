/*
 * maildirsize: the quota file of Maildir++, which Courier, maildrop, Dovecot
 * and Postfix' VDA read and append to.
 *
 *	1000000S,5000C			limits: bytes, messages
 *	        1234            1	what there is: sums of deltas
 *
 * It is kept for them; what penfold goes by is in penfold-quota (quota.c).
 * Only where nothing is configured its limits are taken, so that a store that
 * had a quota keeps it.  As the others do: a line is appended with one write,
 * and a file of 5120 bytes or more is written anew.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/quota.h"

#define FILE_NAME "maildirsize"
#define FILE_MAX  5120
#define LINES_MAX 4096

static bool parse_number(struct pf_str s, int64_t *value)
{
	uint64_t n;
	bool minus = s.n && s.p[0] == '-';

	if (!pf_str_u64(pf_str_from(s, minus), INT64_MAX / LINES_MAX, &n))
		return false;
	*value = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static bool parse_limits(struct pf_str line, struct quota_limit *limit)
{
	struct pf_str word;
	uint64_t n;

	*limit = (struct quota_limit){0};
	while (pf_str_split(&line, ',', &word)) {
		word = pf_str_trim(word);
		if (word.n < 2 ||
		    !pf_str_u64(pf_str_head(word, word.n - 1), INT64_MAX, &n))
			return false;
		if (word.p[word.n - 1] == 'S')
			limit->storage = n;
		else if (word.p[word.n - 1] == 'C')
			limit->messages = n;
		else
			return false;
	}
	return true;
}

bool store_maildirsize_parse(struct pf_str text, struct quota_limit *limit,
			     struct quota_use *sum)
{
	struct pf_str line, word;
	struct quota_use use = {0};
	int lines = 0;

	if (!pf_str_split(&text, '\n', &line) || !parse_limits(line, limit))
		return false;
	while (pf_str_split(&text, '\n', &line) && lines++ < LINES_MAX) {
		int64_t storage, messages;
		line = pf_str_trim(line);
		if (!pf_str_split(&line, ' ', &word) ||
		    !parse_number(word, &storage) ||
		    !parse_number(pf_str_trim(line), &messages))
			return false;
		use.storage += storage;
		use.messages += messages;
	}
	*sum = use;
	return true;
}

bool store_maildirsize_limits(struct store *store, struct quota_limit *limit)
{
	struct pf_buf text = PF_BUF_INIT(4 * FILE_MAX);
	struct quota_use sum;
	struct quota_limit found;
	struct pf_str rest, line;
	bool good = pf_fs_read(store->dir, FILE_NAME, &text, NULL) == PF_OK;

	rest = pf_buf_str(&text);
	good =
	    good &&
	    (store_maildirsize_parse(rest, &found, &sum) ||
	     (pf_str_split(&rest, '\n', &line) && parse_limits(line, &found)));
	pf_buf_release(&text);
	if (good && (found.storage || found.messages))
		*limit = found;
	return good && (found.storage || found.messages);
}

int64_t store_maildirsize_bytes(struct store *store)
{
	struct stat st;

	if (fstatat(store->dir, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return st.st_size;
}

static void add_use(struct pf_buf *to, const struct quota_use *use)
{
	/* Courier pads its lines, too */
	pf_buf_addf(to, "%12lld %12lld\n", (long long)use->storage,
		    (long long)use->messages);
}

static void add_limits(struct pf_buf *to, const struct quota_limit *limit)
{
	pf_buf_addf(to, "%lluS", (unsigned long long)limit->storage);
	if (limit->messages)
		pf_buf_addf(to, ",%lluC", (unsigned long long)limit->messages);
	pf_buf_add_byte(to, '\n');
}

void store_maildirsize_write(struct store *store,
			     const struct quota_limit *limit,
			     const struct quota_use *total)
{
	struct pf_buf text = PF_BUF_INIT(400);

	add_limits(&text, limit);
	add_use(&text, total);
	(void)!pf_fs_replace(store->dir, FILE_NAME, pf_buf_str(&text),
			     STORE_FILE_MODE, false, NULL);
	pf_buf_release(&text);
}

/* Does it begin with our limits, and is there room? */
static bool can_append(int fd, const struct quota_limit *limit)
{
	struct pf_buf want = PF_BUF_INIT(200);
	char have[200];
	struct stat st;
	size_t n = 0;

	add_limits(&want, limit);
	bool good = fstat(fd, &st) == 0 && st.st_size < FILE_MAX &&
		    pf_fs_pread(fd, have, want.len, 0, &n, NULL) == PF_OK &&
		    pf_str_eq(pf_str_mem(have, n), pf_buf_str(&want));
	pf_buf_release(&want);
	return good;
}

void store_maildirsize_add(struct store *store, const struct quota_limit *limit,
			   const struct quota_use *delta,
			   const struct quota_use *total)
{
	struct pf_buf line = PF_BUF_INIT(200);
	int fd = -1;
	bool good =
	    pf_fs_open(store->dir, FILE_NAME, O_RDWR | O_APPEND | O_NOFOLLOW, 0,
		       &fd, NULL) == PF_OK &&
	    can_append(fd, limit);

	if (good) {
		add_use(&line, delta);
		good = pf_fs_write(fd, line.data, line.len, NULL) == PF_OK;
	}
	if (fd >= 0)
		close(fd);
	pf_buf_release(&line);
	if (!good && total)
		store_maildirsize_write(store, limit, total);
}
