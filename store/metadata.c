/*
 * Metadata (RFC 5464): named values of a mailbox, or of the account as a
 * whole ("server").
 *
 * They are facts that nothing else can tell, so they lie in a file that a
 * person can read and a backup keeps: penfold-metadata in the mailbox'
 * directory, with which it is renamed and removed, and
 * penfold-server-metadata in the root.  A line each, sorted:
 *
 *	/shared/comment TAB Minutes of the board
 *	/private/comment TAB mine TAB			(the owner's)
 *	/private/comment TAB hers TAB mary@example.org	(another user's)
 *
 * with \t \n \r \0 and \\ in values.  Names are in lower case.  The file is
 * replaced as a whole under the root's lock; readers need none.
 *
 * /private/specialuse (RFC 6154 5.4) is not in it: it is the mailbox' role
 * (special.c) by another name.
 */
#include <stdlib.h>
#include <unistd.h>

#include "store/names.h"

#define BOX_FILE    "penfold-metadata"
#define SERVER_FILE "penfold-server-metadata"
#define FILE_MAX    ((size_t)8 << 20)
#define ARENA_MAX   ((size_t)32 << 20)
#define LINES_MAX   10000
#define ENTRY_USE   "/private/specialuse"

struct line {
	struct pf_str entry, value, who; /* in the arena */
};
struct lines pf_vec(struct line);

/* ---- names ---------------------------------------------------------------
 */

bool store_metadata_name_valid(struct pf_str entry)
{
	bool scope = pf_str_istarts(entry, PF_STR("/shared/")) ||
		     pf_str_istarts(entry, PF_STR("/private/"));

	if (!scope || entry.n > STORE_METADATA_NAME_MAX ||
	    entry.p[entry.n - 1] == '/')
		return false;
	for (size_t i = 0; i < entry.n; i++) {
		unsigned char c = (unsigned char)entry.p[i];
		if (c < 0x20 || c >= 0x7f || c == '*' || c == '%' ||
		    (c == '/' && i > 0 && entry.p[i - 1] == '/'))
			return false;
	}
	return true;
}

static bool is_private(struct pf_str entry)
{
	return pf_str_starts(entry, PF_STR("/private/"));
}

static struct pf_str lower(struct pf_arena *arena, struct pf_str s)
{
	char *copy = pf_arena_alloc(arena, s.n + 1);

	for (size_t i = 0; copy && i < s.n; i++)
		copy[i] = pf_ascii_lower(s.p[i]);
	return pf_str_mem(copy, copy ? s.n : 0);
}

/* ---- the file ------------------------------------------------------------
 */

static void add_escaped(struct pf_buf *to, struct pf_str s)
{
	static const char from[] = "\t\n\r\0\\", letters[] = "tnr0\\";

	for (size_t i = 0; i < s.n; i++) {
		const char *at = memchr(from, s.p[i], sizeof from - 1);
		if (at)
			pf_buf_add_byte(to, '\\');
		pf_buf_add_byte(to, at ? letters[at - from] : s.p[i]);
	}
}

static struct pf_str unescape(struct pf_arena *arena, struct pf_str s)
{
	char *copy = pf_arena_alloc(arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; copy && i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && i + 1 < s.n) {
			c = s.p[++i];
			c = c == 't'   ? '\t'
			    : c == 'n' ? '\n'
			    : c == 'r' ? '\r'
			    : c == '0' ? '\0'
				       : c;
		}
		copy[n++] = c;
	}
	return pf_str_mem(copy, n);
}

/* What is no line of ours (a file torn by hand) is passed over. */
void store_metadata_parse(struct pf_str text, struct pf_arena *arena,
			  store_metadata_fn *fn, void *arg)
{
	struct pf_str line, entry, value;

	for (int i = 0; i < LINES_MAX && pf_str_split(&text, '\n', &line);
	     i++) {
		if (!pf_str_split(&line, '\t', &entry) ||
		    !store_metadata_name_valid(entry))
			continue;
		if (!pf_str_split(&line, '\t', &value))
			value = PF_STR("");
		fn(arg, lower(arena, entry), unescape(arena, value),
		   pf_arena_str(arena, line));
	}
}

static void add_line(void *arg, struct pf_str entry, struct pf_str value,
		     struct pf_str who)
{
	struct lines *lines = arg;
	struct line one = {entry, value, who};

	pf_vec_push(lines, one);
}

struct place {
	int dir; /* of the mailbox, or the root */
	const char *file;
	bool box;
};

static pf_status place_open(struct store *store, struct pf_str mailbox,
			    struct place *place, struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	pf_status status = PF_OK;

	*place = (struct place){-1, SERVER_FILE, false};
	if (mailbox.n) {
		*place = (struct place){-1, BOX_FILE, true};
		status = store_folder_of(store, mailbox, &folder, err);
		if (status == PF_OK && !store_is_inbox(mailbox) &&
		    !store_folder_exists(store, folder.data))
			status =
			    pf_error_set(err, PF_NOTFOUND, "No such mailbox",
					 "no folder %s", folder.data);
	}
	if (status == PF_OK)
		status =
		    pf_fs_open(store->dir, mailbox.n ? folder.data : ".",
			       O_RDONLY | O_DIRECTORY, 0, &place->dir, err);
	pf_buf_release(&folder);
	return status;
}

static pf_status read_lines(const struct place *place, struct pf_arena *arena,
			    struct lines *lines, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	pf_status status = pf_fs_read(place->dir, place->file, &text, err);

	if (status == PF_OK)
		store_metadata_parse(pf_buf_str(&text), arena, add_line, lines);
	pf_buf_release(&text);
	return status == PF_NOTFOUND ? PF_OK : status;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = pf_str_cmp(x->entry, y->entry);

	return order ? order : pf_str_cmp(x->who, y->who);
}

static pf_status write_lines(const struct place *place, struct lines *lines,
			     struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);

	if (lines->n > 1)
		qsort(lines->v, lines->n, sizeof *lines->v, compare_lines);
	for (size_t i = 0; i < lines->n; i++) {
		const struct line *line = &lines->v[i];
		pf_buf_add_str(&text, line->entry);
		pf_buf_add_byte(&text, '\t');
		add_escaped(&text, line->value);
		if (is_private(line->entry)) {
			pf_buf_add_byte(&text, '\t');
			pf_buf_add_str(&text, line->who);
		}
		pf_buf_add_byte(&text, '\n');
	}
	pf_status status = pf_buf_status(&text, err);
	if (status == PF_OK)
		status =
		    pf_fs_replace(place->dir, place->file, pf_buf_str(&text),
				  STORE_FILE_MODE, true, err);
	pf_buf_release(&text);
	return status;
}

/* ---- the role as an entry ------------------------------------------------
 */

static pf_status add_use(struct store *store, struct pf_str mailbox,
			 struct pf_arena *arena, struct store_metadatas *list,
			 struct pf_error *err)
{
	struct store_roles roles = {0};
	struct pf_buf text = PF_BUF_INIT(300);
	pf_status status = store_roles_read(store, &roles, err);
	struct pf_str role = store_role_of(&roles, mailbox);

	if (status == PF_OK && role.n) {
		pf_buf_add_byte(&text, '\\');
		pf_buf_add_str(&text, role);
		struct store_metadata one = {
		    PF_STR(ENTRY_USE), pf_arena_str(arena, pf_buf_str(&text))};
		pf_vec_push(list, one);
	}
	pf_buf_release(&text);
	store_roles_release(&roles);
	return status;
}

static pf_status check_use(struct pf_str mailbox, struct pf_str value,
			   struct pf_error *err)
{
	if (store_is_inbox(mailbox))
		return pf_error_set(err, PF_INVALID,
				    "Only a folder has a special use",
				    "specialuse of INBOX");
	if (value.n == 0 ||
	    (value.p[0] == '\\' && store_use_known(pf_str_from(value, 1))))
		return PF_OK;
	return pf_error_set(err, PF_INVALID,
			    "There is no such special use here",
			    "specialuse: unknown");
}

/* Under the root's lock. */
static pf_status set_use(struct store *store, struct pf_str mailbox,
			 struct pf_str value, struct pf_error *err)
{
	char role[40];

	if (!pf_str_copy(pf_str_from(value, 1), role, sizeof role))
		role[0] = '\0';
	return store_role_set(store, mailbox, role[0] ? role : NULL, err);
}

/* ---- reading -------------------------------------------------------------
 */

static int compare_entries(const void *a, const void *b)
{
	const struct store_metadata *x = a, *y = b;

	return pf_str_cmp(x->entry, y->entry);
}

pf_status store_metadata_list(struct store *store, struct pf_str mailbox,
			      const char *who, struct pf_arena *arena,
			      struct store_metadatas *list,
			      struct pf_error *err)
{
	struct pf_str reader = pf_str_c(who ? who : "");
	struct lines lines = {0};
	struct place place;
	pf_status status = place_open(store, mailbox, &place, err);

	if (status != PF_OK)
		return status;
	status = read_lines(&place, arena, &lines, err);
	for (size_t i = 0; i < lines.n && status == PF_OK; i++) {
		const struct line *line = &lines.v[i];
		struct store_metadata one = {line->entry, line->value};
		if (!is_private(line->entry) || pf_str_eq(line->who, reader))
			pf_vec_push(list, one);
	}
	if (status == PF_OK && place.box && !who)
		status = add_use(store, mailbox, arena, list, err);
	if (list->n > 1)
		qsort(list->v, list->n, sizeof *list->v, compare_entries);
	pf_vec_release(&lines);
	close(place.dir);
	return status;
}

pf_status store_metadata_get(struct store *store, struct pf_str mailbox,
			     const char *who, struct pf_str entry,
			     struct pf_buf *value, struct pf_error *err)
{
	struct store_metadatas list = {0};
	struct pf_arena arena;
	bool found = false;

	pf_arena_init(&arena, ARENA_MAX);
	pf_status status =
	    store_metadata_list(store, mailbox, who, &arena, &list, err);
	for (size_t i = 0; i < list.n && status == PF_OK && !found; i++) {
		if (!pf_str_ieq(list.v[i].entry, entry))
			continue;
		found = true;
		pf_buf_add_str(value, list.v[i].value);
	}
	if (status == PF_OK && !found)
		status = pf_error_set(err, PF_NOTFOUND, "No such entry",
				      "metadata: no such entry");
	pf_vec_release(&list);
	pf_arena_release(&arena);
	return status == PF_OK ? pf_buf_status(value, err) : status;
}

/* ---- writing -------------------------------------------------------------
 */

static void change_line(struct lines *lines, struct pf_str entry,
			struct pf_str value, struct pf_str who)
{
	struct line one = {entry, value, is_private(entry) ? who : PF_STR("")};
	size_t kept = 0;

	for (size_t i = 0; i < lines->n; i++)
		if (compare_lines(&lines->v[i], &one) != 0)
			lines->v[kept++] = lines->v[i];
	lines->n = kept;
	if (value.p)
		pf_vec_push(lines, one);
}

static pf_status set_locked(struct store *store, struct pf_str mailbox,
			    const char *who, struct pf_arena *arena,
			    const struct store_metadata *changes, size_t count,
			    struct pf_error *err)
{
	const struct store_metadata *use = NULL;
	struct lines lines = {0};
	struct place place;
	pf_status status = place_open(store, mailbox, &place, err);
	bool rewrite = false;

	if (status != PF_OK)
		return status;
	status = read_lines(&place, arena, &lines, err);
	for (size_t i = 0; i < count && status == PF_OK; i++) {
		struct pf_str entry = lower(arena, changes[i].entry);
		if (place.box && !who && pf_str_eq(entry, PF_STR(ENTRY_USE))) {
			use = &changes[i];
			status = check_use(mailbox, use->value, err);
			continue;
		}
		change_line(&lines, entry, changes[i].value,
			    pf_str_c(who ? who : ""));
		rewrite = true;
	}
	if (status == PF_OK && lines.n > STORE_METADATA_ENTRIES_MAX)
		status = pf_error_set(err, PF_LIMIT, "Too many annotations",
				      "metadata: %zu entries", lines.n);
	if (status == PF_OK && rewrite)
		status = write_lines(&place, &lines, err);
	if (status == PF_OK && use)
		status = set_use(store, mailbox, use->value, err);
	pf_vec_release(&lines);
	close(place.dir);
	return status;
}

pf_status store_metadata_set(struct store *store, struct pf_str mailbox,
			     const char *who,
			     const struct store_metadata *changes, size_t count,
			     struct pf_error *err)
{
	struct pf_arena arena;
	pf_status status = store_writable(store, err);

	for (size_t i = 0; i < count && status == PF_OK; i++) {
		if (!store_metadata_name_valid(changes[i].entry))
			status = pf_error_set(err, PF_INVALID,
					      "That is no name of an entry",
					      "metadata: bad entry name");
		else if (changes[i].value.n > STORE_METADATA_VALUE_MAX)
			status = pf_error_set(
			    err, PF_LIMIT, "The value is too long",
			    "metadata: value of %zu bytes", changes[i].value.n);
	}
	if (status == PF_OK)
		status = store_root_lock(store, err);
	if (status != PF_OK)
		return status;
	pf_arena_init(&arena, ARENA_MAX);
	status = set_locked(store, mailbox, who, &arena, changes, count, err);
	pf_arena_release(&arena);
	store_root_unlock(store);
	return status;
}
