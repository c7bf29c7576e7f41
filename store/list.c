/* LIST: every name there is, with levels above and subscriptions. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/names.h"

pf_status store_folders(struct store *store, store_folder_fn *fn, void *arg,
			struct pf_error *err)
{
	struct pf_buf name = PF_BUF_INIT(2048);
	int fd = -1;
	pf_status status =
	    pf_fs_open(store->dir, ".", O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pf_error_sys(err, errno, "read the Maildir");
	}
	for (struct dirent *e; (e = readdir(d));) {
		pf_buf_clear(&name);
		if (e->d_name[0] == '.' && e->d_name[1] != '\0' &&
		    (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) &&
		    store_folder_name(store, e->d_name, &name) &&
		    store_folder_exists(store, e->d_name))
			fn(arg, e->d_name, pf_buf_str(&name));
	}
	closedir(d);
	pf_buf_release(&name);
	return PF_OK;
}

struct lister {
	struct store *store;
	struct pf_arena *arena;
	struct store_names *names;
	struct pf_map seen; /* name -> 1 + position in names */
	bool failed;
};

static struct store_name *enter(struct lister *l, struct pf_str name)
{
	uintptr_t at = (uintptr_t)pf_map_get(&l->seen, name);

	if (at)
		return &l->names->v[at - 1];
	struct store_name fresh = {.name = pf_arena_str(l->arena, name)};
	if (!fresh.name.p) {
		l->failed = true;
		return NULL;
	}
	pf_vec_push(l->names, fresh);
	(void)pf_map_set(&l->seen, name, (void *)(uintptr_t)l->names->n);
	return &l->names->v[l->names->n - 1];
}

/* Marks the name, and tells the levels above it. */
static void mark(struct lister *l, struct pf_str name, unsigned flag,
		 unsigned above)
{
	struct store_name *entry = enter(l, name);
	ptrdiff_t at;

	if (!entry)
		return;
	entry->flags |= flag;
	while ((at = pf_str_rchr(name, l->store->separator)) > 0) {
		name = pf_str_head(name, (size_t)at);
		/* what hangs below the level INBOX hangs below INBOX */
		entry = enter(l, store_is_inbox(name) ? PF_STR("INBOX") : name);
		if (!entry || entry->flags & above)
			return;
		entry->flags |= above;
	}
}

static void mark_folder(void *arg, const char *folder, struct pf_str name)
{
	(void)folder;
	mark(arg, name, STORE_NAME_EXISTS, STORE_NAME_CHILDREN);
}

static void mark_subscribed(void *arg, struct pf_str name, struct pf_str line)
{
	(void)line;
	mark(arg, name, STORE_NAME_SUBSCRIBED, STORE_NAME_SUB_CHILDREN);
}

static bool below_inbox(struct pf_str name, char separator)
{
	return pf_str_istarts(name, PF_STR("INBOX")) &&
	       (name.n == 5 || name.p[5] == separator);
}

/* Level by level: the separator sorts before everything else. */
static int compare_names(const void *a, const void *b, void *arg)
{
	const struct store_name *x = a, *y = b;
	char separator = ((const struct store *)arg)->separator;
	bool inbox_x = below_inbox(x->name, separator);
	bool inbox_y = below_inbox(y->name, separator);

	if (inbox_x != inbox_y)
		return inbox_x ? -1 : 1;
	for (size_t i = 0; i < x->name.n && i < y->name.n; i++) {
		unsigned char c = (unsigned char)x->name.p[i];
		unsigned char d = (unsigned char)y->name.p[i];
		if (c == d)
			continue;
		if ((char)c == separator)
			return -1;
		if ((char)d == separator)
			return 1;
		return c < d ? -1 : 1;
	}
	return (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

pf_status store_list_with(struct store *store, const struct pf_str *more,
			  size_t count, struct pf_arena *arena,
			  struct store_names *names, struct pf_error *err)
{
	struct lister l = {.store = store, .arena = arena, .names = names};
	struct store_roles roles = {0};

	names->n = 0;
	mark(&l, PF_STR("INBOX"), STORE_NAME_EXISTS, 0);
	pf_status status = store_folders(store, mark_folder, &l, err);
	for (size_t i = 0; i < count; i++)
		mark(&l, more[i], STORE_NAME_EXISTS, STORE_NAME_CHILDREN);
	if (status == PF_OK)
		status =
		    store_subscriptions_read(store, mark_subscribed, &l, err);
	if (status == PF_OK)
		status = store_roles_read(store, &roles, err);
	if (status == PF_OK && l.failed)
		status = pf_error_set(err, PF_LIMIT, "Too many mailboxes",
				      "list of mailboxes over the limit");
	for (size_t i = 0; i < names->n && status == PF_OK; i++) {
		struct store_name *n = &names->v[i];
		struct pf_str role = store_role_of(&roles, n->name);
		if (role.n && n->flags & STORE_NAME_EXISTS)
			n->special_use = pf_arena_str(arena, role);
	}
	if (names->n)
		qsort_r(names->v, names->n, sizeof *names->v, compare_names,
			store);
	store_roles_release(&roles);
	pf_map_release(&l.seen);
	return status;
}

pf_status store_list(struct store *store, struct pf_arena *arena,
		     struct store_names *names, struct pf_error *err)
{
	return store_list_with(store, NULL, 0, arena, names, err);
}
