/* A Maildir of our own under $TMPDIR for one test. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "store/store.h"
#include "tests/tap.h"

static char fixture_root[512];

static inline void fixture_new(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(fixture_root, sizeof fixture_root, "%s/pfstore.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(fixture_root))
		abort();
}

static inline void fixture_free(void)
{
	(void)!pf_fs_remove_tree(AT_FDCWD, fixture_root, NULL);
}

static inline struct store *fixture_open(void)
{
	struct store_conf conf = {
	    .root = fixture_root,
	    .separator = '.',
	    .special_use = "Sent:Sent Trash:Trash",
	};
	struct pf_error err = {0};
	struct store *store = NULL;

	if (store_open(&conf, &store, &err) != PF_OK) {
		printf("# %s\n", err.log);
		abort();
	}
	return store;
}

/* Writes a file below the root as another program would. */
static inline void fixture_put(const char *path, const char *text)
{
	char full[1024];
	FILE *f;

	snprintf(full, sizeof full, "%s/%s", fixture_root, path);
	f = fopen(full, "w");
	if (!f)
		abort();
	fputs(text, f);
	fclose(f);
}

static inline bool fixture_has(const char *path)
{
	char full[1024];

	snprintf(full, sizeof full, "%s/%s", fixture_root, path);
	return access(full, F_OK) == 0;
}

static inline void fixture_rename(const char *from, const char *to)
{
	char a[1024], b[1024];

	snprintf(a, sizeof a, "%s/%s", fixture_root, from);
	snprintf(b, sizeof b, "%s/%s", fixture_root, to);
	if (rename(a, b) != 0)
		printf("# rename %s: failed\n", from);
}

static inline void fixture_remove(const char *path)
{
	char full[1024];

	snprintf(full, sizeof full, "%s/%s", fixture_root, path);
	unlink(full);
}

/* The content of a file below the root, in a static buffer. */
static inline const char *fixture_text(const char *path)
{
	static char text[65536];
	char full[1024];
	FILE *f;

	snprintf(full, sizeof full, "%s/%s", fixture_root, path);
	f = fopen(full, "r");
	if (!f)
		return "";
	size_t n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Is the call PF_OK?  Says why not. */
#define good(call)                                                             \
	do {                                                                   \
		struct pf_error err = {0};                                     \
		pf_status status_ = (call);                                    \
		if (!tap_check(status_ == PF_OK, "%s:%d %s: %s", __func__,     \
			       __LINE__, #call, pf_status_name(status_)))      \
			printf("# %s\n", err.log);                             \
	} while (0)

/* In helpers: fails loudly, is no check of its own. */
#define must(call)                                                             \
	do {                                                                   \
		struct pf_error err = {0};                                     \
		if ((call) != PF_OK) {                                         \
			printf("Bail out! %s: %s\n", #call, err.log);          \
			exit(1);                                               \
		}                                                              \
	} while (0)

static inline struct store_box *fixture_box(struct store *store,
					    const char *name)
{
	struct store_box *box = NULL;

	must(store_box_open(store, pf_str_c(name), &box, &err));
	return box;
}

static inline uint32_t fixture_append(struct store *store, const char *box,
				      const char *text, uint32_t flags)
{
	struct store_deliver how = {.flags = flags};
	struct store_draft *draft = NULL;
	uint32_t validity = 0, uid = 0;

	must(store_draft_new(store, &draft, &err));
	must(store_draft_write(draft, text, strlen(text), &err));
	must(store_deliver(store, pf_str_c(box), draft, &how, &validity, &uid,
			   NULL, &err));
	store_draft_free(&draft);
	return uid;
}

static inline void fixture_deliver(struct store *store, const char *box,
				   const char *text, uint32_t flags)
{
	struct store_deliver how = {.flags = flags};
	struct store_draft *draft = NULL;

	must(store_draft_new(store, &draft, &err));
	must(store_draft_write(draft, text, strlen(text), &err));
	must(store_deliver(store, pf_str_c(box), draft, &how, NULL, NULL, NULL,
			   &err));
	store_draft_free(&draft);
}

#endif
