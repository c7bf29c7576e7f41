/*
 * Rights (RFC 4314), in Dovecot's file `dovecot-acl` of each mailbox:
 *
 *	user=bob lrws
 *	-group=guests w :admin custom
 *	"user=with blank" lr
 *
 * an identifier, letters, and behind a colon rights by name, of which Dovecot
 * knows those that have letters and plugins of its any others.
 *
 * Who matches several lines gets what Dovecot gives him: of the kinds of
 * identifiers the strongest that matches replaces what the weaker ones gave,
 * several groups add up, and what negative lines (from the strongest kind
 * that has one) take away is taken away last.  The owner begins with all
 * rights, and only lines for the owner, for users or above change that.
 * Unlike there he keeps "l" and "a", or nobody could ever repair it.
 *
 * Names of users are the same in any case, as everywhere here.
 *
 * A file that is not understood gives nobody but the owner anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/names.h"

#define FILE_NAME "dovecot-acl"
#define FILE_MAX  ((size_t)256 * 1024)

static const struct {
	char letter;
	const char *name;
} right_names[] = {
    /* in the order of the bits */
    {'l', "lookup"},	 {'r', "read"},		 {'w', "write"},
    {'s', "write-seen"}, {'t', "write-deleted"}, {'i', "insert"},
    {'p', "post"},	 {'e', "expunge"},	 {'k', "create"},
    {'x', "delete"},	 {'a', "admin"},
};
#define RIGHT_COUNT (sizeof right_names / sizeof *right_names)

unsigned store_right_of(char letter)
{
	for (size_t i = 0; i < RIGHT_COUNT; i++)
		if (right_names[i].letter == letter)
			return 1u << i;
	return 0;
}

void store_rights_write(struct pf_buf *to, unsigned rights)
{
	for (size_t i = 0; i < RIGHT_COUNT; i++)
		if (rights & 1u << i)
			pf_buf_add_byte(to, right_names[i].letter);
}

/* ---- identifiers -------------------------------------------------------- */

static const struct {
	const char *text;
	enum store_acl_kind kind;
	bool named;
} kinds[] = {
    {"anyone", STORE_ACL_ANYONE, false},
    {"anonymous", STORE_ACL_ANYONE, false},
    {"authenticated", STORE_ACL_AUTHENTICATED, false},
    {"group=", STORE_ACL_GROUP, true},
    {"owner", STORE_ACL_OWNER, false},
    {"user=", STORE_ACL_USER, true},
    {"group-override=", STORE_ACL_GROUP_OVERRIDE, true},
};

bool store_acl_id_parse(struct pf_str text, struct store_acl_entry *entry)
{
	bool negative = pf_str_starts(text, PF_STR("-"));

	if (negative)
		text = pf_str_from(text, 1);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pf_str word = pf_str_c(kinds[i].text);
		if (!(kinds[i].named
			  ? pf_str_starts(text, word) && text.n > word.n
			  : pf_str_eq(text, word)))
			continue;
		*entry = (struct store_acl_entry){
		    .kind = kinds[i].kind,
		    .negative = negative,
		    .name = pf_str_from(text, word.n),
		};
		return true;
	}
	return false;
}

void store_acl_id_write(struct pf_buf *to, const struct store_acl_entry *entry)
{
	if (entry->negative)
		pf_buf_add_byte(to, '-');
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].kind == entry->kind) {
			pf_buf_add_c(to, kinds[i].text);
			break;
		}
	pf_buf_add_str(to, entry->name);
}

static bool same_id(const struct store_acl_entry *a,
		    const struct store_acl_entry *b)
{
	return a->kind == b->kind && a->negative == b->negative &&
	       (a->kind == STORE_ACL_USER ? pf_str_ieq(a->name, b->name)
					  : pf_str_eq(a->name, b->name));
}

/* ---- the file as text --------------------------------------------------- */

/* "quoted \"id\"" -> id, in the arena */
static bool take_quoted(struct pf_str *line, struct pf_arena *arena,
			struct pf_str *id)
{
	char *to = pf_arena_alloc(arena, line->n + 1);
	size_t n = 0, i = 1;

	if (!to)
		return false;
	for (; i < line->n && line->p[i] != '"'; i++) {
		if (line->p[i] == '\\' && ++i == line->n)
			return false;
		to[n++] = line->p[i];
	}
	if (i >= line->n || (i + 1 < line->n && line->p[i + 1] != ' '))
		return false;
	*id = pf_str_mem(to, n);
	*line = pf_str_from(*line, i + 1);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool take_letters(struct pf_str *rest, unsigned *rights)
{
	size_t i = 0;

	while (i < rest->n && is_blank(rest->p[i]))
		i++;
	for (; i < rest->n && !is_blank(rest->p[i]) && rest->p[i] != ':'; i++) {
		unsigned bit = store_right_of(rest->p[i]);
		if (!bit)
			return false;
		*rights |= bit;
	}
	while (i < rest->n && is_blank(rest->p[i]))
		i++;
	*rest = pf_str_from(*rest, i);
	return true;
}

/* ":read custom": known names are letters, the others are kept. */
static bool take_names(struct pf_str rest, struct pf_arena *arena,
		       struct store_acl_entry *entry)
{
	char *to;
	size_t n = 0;

	if (rest.n == 0)
		return true;
	if (rest.p[0] != ':' || !(to = pf_arena_alloc(arena, rest.n + 1)))
		return false;
	for (size_t i = 1; i < rest.n;) {
		size_t start = i;
		bool known = false;

		while (i < rest.n && !is_blank(rest.p[i]) && rest.p[i] != ',')
			i++;
		struct pf_str word = pf_str_mem(rest.p + start, i - start);
		for (size_t k = 0; k < RIGHT_COUNT; k++)
			if (pf_str_eq(word, pf_str_c(right_names[k].name))) {
				entry->rights |= 1u << k;
				known = true;
			}
		if (!known && word.n) {
			if (n)
				to[n++] = ' ';
			memcpy(to + n, word.p, word.n);
			n += word.n;
		}
		i++;
	}
	entry->others = pf_str_mem(to, n);
	return true;
}

static bool parse_line(struct pf_str line, struct pf_arena *arena,
		       struct store_acl_entry *entry)
{
	struct pf_str id, rest = line;
	unsigned rights = 0;

	if (line.p[0] == '"') {
		if (!take_quoted(&rest, arena, &id))
			return false;
	} else {
		ptrdiff_t blank = pf_str_chr(line, ' ');
		size_t n = blank < 0 ? line.n : (size_t)blank;
		id = pf_arena_str(arena, pf_str_head(line, n));
		rest = pf_str_from(line, n);
	}
	if (!id.p || pf_str_chr(line, '\0') >= 0 ||
	    !store_acl_id_parse(id, entry) || !take_letters(&rest, &rights))
		return false;
	entry->rights = rights;
	return take_names(rest, arena, entry);
}

/* One entry for each identifier, as the file may have several. */
static void merge(struct store_acl *acl, const struct store_acl_entry *entry)
{
	for (size_t i = 0; i < acl->n; i++)
		if (same_id(&acl->v[i], entry)) {
			acl->v[i].rights |= entry->rights;
			if (acl->v[i].others.n == 0)
				acl->v[i].others = entry->others;
			return;
		}
	pf_vec_push(acl, *entry);
}

pf_status store_acl_parse(struct pf_str text, struct pf_arena *arena,
			  struct store_acl *acl, struct pf_error *err)
{
	struct store_acl_entry entry;
	struct pf_str line;

	acl->n = 0;
	for (int number = 1; pf_str_split(&text, '\n', &line); number++) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (acl->n == STORE_ACL_MAX ||
		    !parse_line(line, arena, &entry)) {
			acl->n = 0;
			return pf_error_set(
			    err, PF_INVALID,
			    "The mailbox' list of rights is not understood",
			    FILE_NAME " line %d is not understood", number);
		}
		merge(acl, &entry);
	}
	return PF_OK;
}

/* What would not come back as one word is quoted. */
static void write_id(struct pf_buf *to, const struct store_acl_entry *entry)
{
	struct pf_buf id = PF_BUF_INIT(FILE_MAX);
	bool quote = false;

	store_acl_id_write(&id, entry);
	for (size_t i = 0; i < id.len; i++)
		quote |= strchr(" \"\\\t#'", id.data[i]) != NULL;
	if (!quote) {
		pf_buf_add_str(to, pf_buf_str(&id));
	} else {
		pf_buf_add_byte(to, '"');
		for (size_t i = 0; i < id.len; i++) {
			if (strchr("\"\\'", id.data[i]))
				pf_buf_add_byte(to, '\\');
			pf_buf_add_byte(to, id.data[i]);
		}
		pf_buf_add_byte(to, '"');
	}
	pf_buf_release(&id);
}

void store_acl_write(struct pf_buf *to, const struct store_acl *acl)
{
	for (size_t i = 0; i < acl->n; i++) {
		const struct store_acl_entry *entry = &acl->v[i];

		write_id(to, entry);
		pf_buf_add_byte(to, ' ');
		store_rights_write(to, entry->rights);
		if (entry->others.n) {
			pf_buf_add_c(to, " :");
			pf_buf_add_str(to, entry->others);
		}
		pf_buf_add_byte(to, '\n');
	}
}

/* ---- what they come to -------------------------------------------------- */

static bool is_owner(const struct store_who *who)
{
	return who->owner && who->user &&
	       pf_str_ieq(pf_str_c(who->owner), pf_str_c(who->user));
}

static bool in_group(const struct store_who *who, struct pf_str name)
{
	for (size_t i = 0; i < who->group_count; i++)
		if (pf_str_eq(who->groups[i], name))
			return true;
	return false;
}

static bool applies(const struct store_acl_entry *entry,
		    const struct store_who *who)
{
	switch (entry->kind) {
	case STORE_ACL_ANYONE:
		return true;
	case STORE_ACL_AUTHENTICATED:
		return who->user != NULL;
	case STORE_ACL_GROUP:
	case STORE_ACL_GROUP_OVERRIDE:
		return in_group(who, entry->name);
	case STORE_ACL_OWNER:
		return is_owner(who);
	case STORE_ACL_USER:
		return who->user &&
		       pf_str_ieq(pf_str_c(who->user), entry->name);
	}
	return false;
}

unsigned store_acl_rights(const struct store_acl *acl,
			  const struct store_who *who)
{
	bool owner = is_owner(who);
	unsigned given = owner ? STORE_RIGHTS_ALL : 0, taken = 0;

	for (int kind = owner ? STORE_ACL_OWNER : STORE_ACL_ANYONE;
	     kind <= STORE_ACL_GROUP_OVERRIDE; kind++) {
		unsigned plus = 0, minus = 0;
		bool any_plus = false, any_minus = false;

		for (size_t i = 0; i < acl->n; i++) {
			const struct store_acl_entry *entry = &acl->v[i];
			if ((int)entry->kind != kind || !applies(entry, who))
				continue;
			if (entry->negative) {
				any_minus = true;
				minus |= entry->rights;
			} else {
				any_plus = true;
				plus |= entry->rights;
			}
		}
		if (any_plus)
			given = plus;
		if (any_minus)
			taken = minus;
	}
	return (given & ~taken) | (owner ? STORE_OWNER_KEEPS : 0u);
}

/* ---- the file ----------------------------------------------------------- */

static pf_status read_file(struct store *store, const char *folder,
			   struct pf_buf *text, struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(600);

	pf_buf_addf(&path, "%s/" FILE_NAME, folder);
	pf_status status = pf_fs_read(store->dir, path.data, text, err);
	pf_buf_release(&path);
	return status == PF_NOTFOUND ? PF_OK : status;
}

pf_status store_acl_read(struct store *store, struct pf_str name,
			 struct pf_arena *arena, struct store_acl *acl,
			 struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300), text = PF_BUF_INIT(FILE_MAX);
	pf_status status = store_folder_of(store, name, &folder, err);

	if (status == PF_OK && !store_folder_exists(store, folder.data))
		status = pf_error_set(err, PF_NOTFOUND, "No such mailbox",
				      "acl of %s: no such folder", folder.data);
	if (status == PF_OK)
		status = read_file(store, folder.data, &text, err);
	if (status == PF_OK)
		status = store_acl_parse(pf_buf_str(&text), arena, acl, err);
	pf_buf_release(&folder);
	pf_buf_release(&text);
	return status;
}

pf_status store_rights(struct store *store, struct pf_str name,
		       const struct store_who *who, bool *exists,
		       unsigned *rights, struct pf_error *err)
{
	struct store_acl acl = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, 4 * FILE_MAX);
	pf_status status = store_acl_read(store, name, &arena, &acl, err);
	*exists = status != PF_NOTFOUND;
	*rights = 0;
	/* a file that is not understood does not lock out the owner */
	if (status == PF_OK || (status == PF_INVALID && is_owner(who)))
		*rights = store_acl_rights(&acl, who);
	if (status == PF_NOTFOUND || status == PF_INVALID)
		status = PF_OK;
	pf_vec_release(&acl);
	pf_arena_release(&arena);
	return status;
}

static void change_entry(struct store_acl *acl, enum store_acl_change change,
			 const struct store_acl_entry *entry)
{
	size_t i = 0;

	while (i < acl->n && !same_id(&acl->v[i], entry))
		i++;
	if (change == STORE_ACL_DELETE) {
		if (i == acl->n)
			return;
		acl->n--;
		memmove(&acl->v[i], &acl->v[i + 1],
			(acl->n - i) * sizeof *acl->v);
		return;
	}
	if (i == acl->n) {
		struct store_acl_entry fresh = *entry;
		fresh.rights = 0;
		if (change == STORE_ACL_REMOVE)
			return; /* from nothing */
		pf_vec_push(acl, fresh);
	}
	switch (change) {
	case STORE_ACL_SET:
		acl->v[i].rights = entry->rights;
		break;
	case STORE_ACL_ADD:
		acl->v[i].rights |= entry->rights;
		break;
	case STORE_ACL_REMOVE:
		acl->v[i].rights &= ~entry->rights;
		break;
	case STORE_ACL_DELETE:
		break;
	}
}

static pf_status change_locked(struct store *store, const char *folder,
			       enum store_acl_change change,
			       const struct store_acl_entry *entry,
			       struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	struct store_acl acl = {0};
	struct pf_arena arena;
	int dir = -1;

	pf_arena_init(&arena, 4 * FILE_MAX);
	pf_status status = read_file(store, folder, &text, err);
	if (status == PF_OK)
		status = store_acl_parse(pf_buf_str(&text), &arena, &acl, err);
	if (status == PF_OK) {
		change_entry(&acl, change, entry);
		pf_buf_clear(&text);
		store_acl_write(&text, &acl);
		status = acl.n > STORE_ACL_MAX
			     ? pf_error_set(err, PF_LIMIT,
					    "The list of rights is full",
					    "%s: too many entries", folder)
			     : pf_buf_status(&text, err);
	}
	if (status == PF_OK)
		status = pf_fs_open(store->dir, folder, O_RDONLY | O_DIRECTORY,
				    0, &dir, err);
	/* an empty file says the same as none, and is one step less to lose */
	if (status == PF_OK)
		status = pf_fs_replace(dir, FILE_NAME, pf_buf_str(&text),
				       STORE_FILE_MODE, true, err);
	if (dir >= 0)
		close(dir);
	pf_vec_release(&acl);
	pf_arena_release(&arena);
	pf_buf_release(&text);
	return status;
}

pf_status store_acl_change(struct store *store, struct pf_str name,
			   enum store_acl_change change,
			   const struct store_acl_entry *entry,
			   struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	pf_status status = store_folder_of(store, name, &folder, err);

	if (status == PF_OK)
		status = store_root_lock(store, err);
	if (status == PF_OK) {
		if (!store_folder_exists(store, folder.data))
			status =
			    pf_error_set(err, PF_NOTFOUND, "No such mailbox",
					 "acl of %s: no folder", folder.data);
		else
			status = change_locked(store, folder.data, change,
					       entry, err);
		store_root_unlock(store);
	}
	pf_buf_release(&folder);
	return status;
}

unsigned store_box_acl_version(struct store_box *box)
{
	struct store_stamp now = store_stamp_of(box->dir, FILE_NAME);

	if (box->acl_version == 0 || !store_stamp_eq(&now, &box->acl)) {
		box->acl = now;
		box->acl_version++;
	}
	return box->acl_version;
}

/* RFC 4314 4: CREATE inherits from the nearest parent there is. */
pf_status store_acl_inherit(struct store *store, const char *folder, int dir,
			    struct pf_error *err)
{
	struct pf_buf parent = PF_BUF_INIT(300), text = PF_BUF_INIT(FILE_MAX);
	pf_status status = PF_OK;
	ptrdiff_t dot;

	pf_buf_add_c(&parent, folder);
	while ((dot = pf_str_rchr(pf_buf_str(&parent), '.')) > 0) {
		pf_buf_cut(&parent, (size_t)dot);
		bool inbox = pf_str_eq(pf_buf_str(&parent), PF_STR(".INBOX"));
		if (!inbox && !store_folder_exists(store, parent.data))
			continue;
		status =
		    read_file(store, inbox ? "." : parent.data, &text, err);
		break;
	}
	if (dot <= 0 && store->inherit_root)
		status = read_file(store, ".", &text, err);
	if (status == PF_OK && text.len)
		status = pf_fs_replace(dir, FILE_NAME, pf_buf_str(&text),
				       STORE_FILE_MODE, true, err);
	pf_buf_release(&parent);
	pf_buf_release(&text);
	return status;
}
