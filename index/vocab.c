/* vocab: the flat file of all terms (the contract is in vocab.h). */
#include "index/vocab.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/map.h"

#define NAME	  "words"
#define NEW_NAME  "words.new"
#define BYTES_MAX ((size_t)512 << 20)
#define DUE_WRITE ((size_t)1 << 20)
#define DUE_MAX	  (2 * DUE_WRITE)

static void put_head(struct pf_buf *to, const char *uuid)
{
	pf_buf_addf(to, "penfold words %s\n", uuid);
}

static bool head_is(struct pf_str file, const char *uuid)
{
	struct pf_buf head = PF_BUF_INIT(256);
	bool same;

	put_head(&head, uuid);
	same = pf_str_starts(file, pf_buf_str(&head));
	pf_buf_release(&head);
	return same;
}

static pf_status open_file(const char *dir, const char *name, int flags,
			   int *fd, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(8192);
	pf_status status;

	pf_buf_addf(&path, "%s/%s", dir, name);
	status = pf_fs_open(AT_FDCWD, path.data, flags, 0600, fd, err);
	pf_buf_release(&path);
	return status;
}

/* ---- reading --------------------------------------------------------- */

pf_status index_vocab_load(struct pf_buf *terms, const char *dir,
			   const char *uuid, uint64_t size,
			   struct pf_error *err)
{
	pf_status status;
	int fd;

	pf_buf_init(terms, BYTES_MAX);
	status = open_file(dir, NAME, O_RDONLY, &fd, err);
	if (status)
		return status;
	status = pf_fs_read_fd(fd, terms, err);
	close(fd);
	if (!status && (terms->len < size || !head_is(pf_buf_str(terms), uuid)))
		status = pf_error_set(err, PF_NOTFOUND, NULL,
				      "%s/" NAME ": not of this index", dir);
	if (status)
		pf_buf_release(terms);
	return status;
}

bool index_vocab_next(struct pf_str terms, char field,
		      const struct index_fragment *fragment, size_t *pos,
		      struct pf_str *term)
{
	struct pf_str text = fragment->text;

	while (*pos < terms.n) {
		const char *from = terms.p + *pos, *end, *start;
		const char *hit = memmem(from, terms.n - *pos, text.p, text.n);

		if (!hit)
			break;
		/* from is the begin of a line, or the file's */
		start = memrchr(from, '\n', (size_t)(hit - from));
		start = start ? start + 1 : from;
		end = memchr(hit, '\n', terms.n - (size_t)(hit - terms.p));
		if (!end)
			break; /* torn */
		*pos = (size_t)(end - terms.p) + 1;
		*term = pf_str_mem(start, (size_t)(end - start));
		if (start[0] == field && end - start > 1 &&
		    index_fragment_in(fragment, pf_str_from(*term, 1)))
			return true;
	}
	*pos = terms.n;
	return false;
}

/* ---- writing --------------------------------------------------------- */

#define SEEN_SLOTS 65536 /* most words of a mail are among these */

struct index_vocab {
	char *dir;
	int fd;
	bool fresh; /* still has its new name */
	bool dirty; /* written but not synced */
	struct pf_buf due;
	uint64_t seen[SEEN_SLOTS]; /* hashes of terms that are in the file */
};

static pf_status write_due(struct index_vocab *vocab, struct pf_error *err)
{
	pf_status status = pf_buf_status(&vocab->due, err);

	if (!status)
		status = pf_fs_write(vocab->fd, vocab->due.data, vocab->due.len,
				     err);
	vocab->dirty = true;
	pf_buf_clear(&vocab->due);
	return status;
}

/* Opens the file there is, if it is whole and of this database. */
static pf_status open_old(struct index_vocab *vocab, const char *uuid,
			  uint64_t size, struct pf_error *err)
{
	struct stat st;
	char head[128], last;
	size_t got = 0;
	pf_status status =
	    open_file(vocab->dir, NAME, O_RDWR | O_APPEND, &vocab->fd, err);

	if (status)
		return status;
	if (fstat(vocab->fd, &st) < 0)
		return pf_error_sys(err, errno, "stat " NAME);
	status = pf_fs_pread(vocab->fd, head, sizeof head, 0, &got, err);
	if (status)
		return status;
	if (!head_is(pf_str_mem(head, got), uuid) ||
	    (uint64_t)st.st_size < size || (uint64_t)st.st_size > BYTES_MAX)
		return pf_error_set(err, PF_CORRUPT, NULL, NAME ": stale");
	status = pf_fs_pread(vocab->fd, &last, 1, st.st_size - 1, &got, err);
	if (!status && last != '\n')
		pf_buf_add_byte(&vocab->due, '\n');
	return status;
}

pf_status index_vocab_open(struct index_vocab **vocab_out, const char *dir,
			   const char *uuid, uint64_t size, bool *complete,
			   struct pf_error *err)
{
	struct index_vocab *vocab = calloc(1, sizeof *vocab);
	pf_status status;

	if (!vocab)
		return pf_error_set(err, PF_NOMEM, NULL, NAME ": no memory");
	vocab->fd = -1;
	vocab->dir = pf_str_dup(pf_str_c(dir));
	pf_buf_init(&vocab->due, DUE_MAX);
	status = open_old(vocab, uuid, size, err);
	*complete = !status;
	if (status) {
		if (vocab->fd >= 0)
			close(vocab->fd);
		pf_buf_clear(&vocab->due);
		put_head(&vocab->due, uuid);
		vocab->fresh = vocab->dirty = true;
		status = open_file(dir, NEW_NAME,
				   O_RDWR | O_CREAT | O_TRUNC | O_APPEND,
				   &vocab->fd, err);
	}
	if (status)
		index_vocab_close(&vocab);
	else
		*vocab_out = vocab;
	return status;
}

void index_vocab_close(struct index_vocab **vocab)
{
	if (!*vocab)
		return;
	if ((*vocab)->fd >= 0)
		close((*vocab)->fd);
	pf_buf_release(&(*vocab)->due);
	free((*vocab)->dir);
	free(*vocab);
	*vocab = NULL;
}

bool index_vocab_knows(struct index_vocab *vocab, struct pf_str term)
{
	uint64_t hash = pf_hash(term.p, term.n);
	uint64_t *slot = &vocab->seen[hash % SEEN_SLOTS];

	if (*slot == hash)
		return true;
	*slot = hash; /* the caller sees to it */
	return false;
}

pf_status index_vocab_add(struct index_vocab *vocab, struct pf_str term,
			  struct pf_error *err)
{
	pf_buf_add_str(&vocab->due, term);
	pf_buf_add_byte(&vocab->due, '\n');
	return vocab->due.len < DUE_WRITE ? PF_OK : write_due(vocab, err);
}

static pf_status give_name(struct index_vocab *vocab, struct pf_error *err)
{
	struct pf_buf from = PF_BUF_INIT(8192), to = PF_BUF_INIT(8192);
	pf_status status;

	pf_buf_addf(&from, "%s/" NEW_NAME, vocab->dir);
	pf_buf_addf(&to, "%s/" NAME, vocab->dir);
	status = pf_fs_rename(AT_FDCWD, from.data, AT_FDCWD, to.data, err);
	if (!status)
		vocab->fresh = false;
	pf_buf_release(&from);
	pf_buf_release(&to);
	return status;
}

pf_status index_vocab_sync(struct index_vocab *vocab, uint64_t *size,
			   struct pf_error *err)
{
	struct stat st;
	pf_status status = PF_OK;

	if (vocab->due.len)
		status = write_due(vocab, err);
	if (!status && vocab->dirty)
		status = pf_fs_datasync(vocab->fd, err);
	if (!status)
		vocab->dirty = false;
	if (!status && vocab->fresh)
		status = give_name(vocab, err);
	if (!status && fstat(vocab->fd, &st) < 0)
		status = pf_error_sys(err, errno, "stat " NAME);
	if (!status)
		*size = (uint64_t)st.st_size;
	return status;
}
