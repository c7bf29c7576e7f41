/* Names and the stores behind them: see share.h. */
#include "share/share.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"

#define NAME_MAX_BYTES 4096
/* An other user's store is closed when nobody asked for it for so long. */
#define REST_MS 10000
/* What may be done with expunged mail: it is looked at, and copied. */
#define PAST_RIGHTS (STORE_LOOKUP | STORE_READ)

struct share_other {
	struct pf_link link;
	char *user;   /* NULL: public */
	bool past;    /* what he expunged himself */
	char *prefix; /* "shared.ann." */
	struct store *store;
	int64_t used; /* monotonic ms */
	atomic_int held;
};

struct public
{
	char *prefix; /* "Lists." */
	char *path;
};

struct share {
	const struct pf_conf *conf;
	char *user;
	struct store *own;
	share_user_fn *find;
	void *arg;
	char separator;
	char *prefix; /* "shared."; empty: none */
	char *past;   /* "Expunged."; empty: none */
	struct pf_vec(struct public) publics;
	struct pf_link others;
};

/* ---- the whole ---------------------------------------------------------- */

static char *with_separator(const struct share *share, struct pf_str word)
{
	struct pf_buf text = PF_BUF_INIT(NAME_MAX_BYTES);

	pf_buf_add_str(&text, word);
	if (text.len && text.data[text.len - 1] != share->separator)
		pf_buf_add_byte(&text, share->separator);
	char *made = pf_str_dup(pf_buf_str(&text));
	pf_buf_release(&text);
	return made;
}

/* "shared:" or "Lists:/var/mail/public" */
static void add_namespace(struct share *share, struct pf_str word)
{
	ptrdiff_t colon = pf_str_chr(word, ':');

	if (colon <= 0)
		return; /* `penfold check` says so */
	char *prefix = with_separator(share, pf_str_head(word, (size_t)colon));
	struct pf_str path = pf_str_from(word, (size_t)colon + 1);
	if (path.n) {
		struct public one = {prefix, pf_str_dup(path)};
		pf_vec_push(&share->publics, one);
	} else {
		free(share->prefix);
		share->prefix = prefix;
	}
}

struct share *share_new(const struct share_conf *conf)
{
	struct share *share = calloc(1, sizeof *share);
	struct pf_str rest = pf_str_c(conf->conf->namespaces), word;

	if (!share)
		abort();
	share->conf = conf->conf;
	share->user = pf_str_dup(pf_str_c(conf->user));
	share->own = conf->own;
	share->find = conf->find;
	share->arg = conf->arg;
	share->separator =
	    conf->conf->hierarchy_separator[0] == '/' ? '/' : '.';
	share->prefix = pf_str_dup(PF_STR(""));
	share->past =
	    with_separator(share, pf_str_c(conf->conf->expunged_namespace));
	pf_list_init(&share->others);
	while (pf_conf_word(&rest, &word)) {
		add_namespace(share, word);
	}
	return share;
}

static struct share_other *other_of(struct pf_link *link)
{
	return pf_container_of(link, struct share_other, link);
}

static void close_other(struct share_other *other)
{
	pf_list_remove(&other->link);
	store_close(&other->store);
	free(other->user);
	free(other->prefix);
	free(other);
}

void share_free(struct share **sharep)
{
	struct share *share = *sharep;

	*sharep = NULL;
	if (!share)
		return;
	while (!pf_list_empty(&share->others))
		close_other(other_of(share->others.next));
	for (size_t i = 0; i < share->publics.n; i++) {
		free(share->publics.v[i].prefix);
		free(share->publics.v[i].path);
	}
	pf_vec_release(&share->publics);
	free(share->prefix);
	free(share->past);
	free(share->user);
	free(share);
}

static bool rests(struct share_other *other)
{
	return atomic_load(&other->held) == 0 && !store_busy(other->store);
}

void share_flush(struct share *share, int older_ms)
{
	int64_t now = pf_clock_mono_ms();

	for (struct pf_link *link = share->others.next, *next;
	     link != &share->others; link = next) {
		struct share_other *other = other_of(link);

		next = link->next;
		store_flush(other->store, older_ms);
		if (now - other->used > REST_MS && rests(other))
			close_other(other);
	}
}

/* ---- stores ------------------------------------------------------------- */

/* Opens what is there, and makes nothing.  A store that cannot be reached is
 * as good as none (penfold.conf(5): Unix users). */
static pf_status open_store(struct share *share, const char *path,
			    const char *user, struct store **store,
			    struct pf_error *err)
{
	struct store_conf conf = {
	    .root = path,
	    .separator = share->separator,
	    .special_use = "",
	    .size_max = (uint64_t)share->conf->message_size_max,
	    .inherit_root = user == NULL,
	    /* the owner's own rules are authd's to know */
	    .quota = user ? share->conf->quota : NULL,
	    .quota_guess = true,
	    /* what nobody owns nobody can bring back */
	    .past_keep = user ? share->conf->expunged_keep : 0,
	    .past_size = (uint64_t)share->conf->expunged_size,
	};
	struct stat st;
	char full[4200];

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return PF_NOTFOUND;
	if (user &&
	    pf_conf_full_path(share->conf, pf_str_c(user), full, sizeof full))
		conf.quota_full = full;
	pf_status status = store_open(&conf, store, err);
	return status == PF_NOPERM ? PF_NOTFOUND : status;
}

static struct share_other *add_other(struct share *share, const char *user,
				     struct pf_str prefix, struct store *store)
{
	struct share_other *other = calloc(1, sizeof *other);

	if (!other)
		abort();
	other->user = user ? pf_str_dup(pf_str_c(user)) : NULL;
	other->prefix = pf_str_dup(prefix);
	other->store = store;
	pf_list_append(&share->others, &other->link);
	return other;
}

static struct share_other *find_open(struct share *share, struct pf_str prefix)
{
	for (struct pf_link *link = share->others.next; link != &share->others;
	     link = link->next)
		if (pf_str_eq(pf_str_c(other_of(link)->prefix), prefix))
			return other_of(link);
	return NULL;
}

/* "ann@example^org" -> "ann@example.org": a user's name is one level. */
static void translate(struct pf_buf *to, struct pf_str from, char a, char b)
{
	for (size_t i = 0; i < from.n; i++)
		pf_buf_add_byte(to, from.p[i] == a ? b : from.p[i]);
}

/* The store behind "shared.ann."; *other NULL: there is none, or (`own`) it
 * is the asking user's own. */
static pf_status other_user(struct share *share, struct pf_str level,
			    struct share_other **other, bool *own,
			    struct pf_error *err)
{
	struct pf_buf name = PF_BUF_INIT(NAME_MAX_BYTES),
		      user = PF_BUF_INIT(NAME_MAX_BYTES),
		      mail = PF_BUF_INIT(NAME_MAX_BYTES),
		      prefix = PF_BUF_INIT(NAME_MAX_BYTES);
	struct store *store;
	pf_status status = PF_NOTFOUND;

	*other = NULL;
	*own = false;
	if (share->separator == '.')
		translate(&name, level, '^', '.');
	else
		pf_buf_add_str(&name, level);
	if (share->find && !name.failed && name.len)
		status = share->find(share->arg, pf_buf_str(&name), &user,
				     &mail, err);
	if (status == PF_OK) {
		pf_buf_add_c(&prefix, share->prefix);
		if (share->separator == '.')
			translate(&prefix, pf_buf_str(&user), '.', '^');
		else
			pf_buf_add_str(&prefix, pf_buf_str(&user));
		pf_buf_add_byte(&prefix, share->separator);
		*own = pf_str_eq(pf_buf_str(&user), pf_str_c(share->user));
		*other = *own ? NULL : find_open(share, pf_buf_str(&prefix));
	}
	if (status == PF_OK && !*own && !*other) {
		status = open_store(share, mail.data, user.data, &store, err);
		if (status == PF_OK)
			*other = add_other(share, user.data,
					   pf_buf_str(&prefix), store);
	}
	pf_buf_release(&name);
	pf_buf_release(&user);
	pf_buf_release(&mail);
	pf_buf_release(&prefix);
	return status == PF_NOTFOUND || status == PF_INVALID ? PF_OK : status;
}

static pf_status open_public(struct share *share, const struct public *public,
			     struct share_other **other, struct pf_error *err)
{
	struct store *store;
	struct pf_str prefix = pf_str_c(public->prefix);
	pf_status status;

	*other = find_open(share, prefix);
	if (*other)
		return PF_OK;
	status = open_store(share, public->path, NULL, &store, err);
	if (status == PF_OK)
		*other = add_other(share, NULL, prefix, store);
	return status == PF_NOTFOUND ? PF_OK : status;
}

/* What he expunged; *other NULL: nothing yet. */
static pf_status open_past(struct share *share, struct share_other **other,
			   struct pf_error *err)
{
	struct pf_str prefix = pf_str_c(share->past);
	struct store *store;

	*other = find_open(share, prefix);
	if (*other)
		return PF_OK;
	pf_status status = store_past_open(share->own, &store, err);
	if (status == PF_OK) {
		*other = add_other(share, share->user, prefix, store);
		(*other)->past = true;
	}
	return status == PF_NOTFOUND ? PF_OK : status;
}

/* A folder of the user's own that is called so goes before it. */
static bool past_is_shown(struct share *share)
{
	struct pf_str prefix = pf_str_c(share->past);
	bool exists = false;

	return prefix.n && share->conf->expunged_keep &&
	       store_name_check(share->own, pf_str_head(prefix, prefix.n - 1),
				&exists, NULL) == PF_OK &&
	       !exists;
}

/* ---- rights -------------------------------------------------------------- */

static struct store_who who(const struct share *share, const char *owner)
{
	return (struct store_who){.user = share->user, .owner = owner};
}

/* A name as such: what is wrong with it is wrong for everybody. */
static pf_status check_name(struct share *share, struct pf_str name,
			    struct pf_error *err)
{
	bool exists;

	return store_name_check(share->own, name, &exists, err);
}

static pf_status parent_rights(struct share *share, const char *owner,
			       struct share_place *place, struct pf_error *err)
{
	struct store_who me = who(share, owner);
	struct pf_str name = place->name;
	bool exists = false;
	ptrdiff_t at;
	pf_status status = PF_OK;

	while (status == PF_OK && !exists &&
	       (at = pf_str_rchr(name, share->separator)) > 0) {
		name = pf_str_head(name, (size_t)at);
		status = store_rights(place->store, name, &me, &exists,
				      &place->parent_rights, err);
	}
	if (status != PF_OK || exists)
		return status;
	if (place->kind == SHARE_OWN)
		place->parent_rights = STORE_RIGHTS_ALL;
	else if (place->kind == SHARE_PUBLIC)
		status = store_rights(place->store, PF_STR("INBOX"), &me,
				      &exists, &place->parent_rights, err);
	return status;
}

/* The root of a public store is not a mailbox. */
static bool is_hidden(const struct share_place *place)
{
	return place->kind == SHARE_PUBLIC &&
	       pf_str_ieq(place->name, PF_STR("INBOX"));
}

static pf_status fill_rights(struct share *share, const char *owner,
			     struct share_place *place, struct pf_error *err)
{
	struct store_who me = who(share, owner);

	if (!place->store || place->name.n == 0 || is_hidden(place))
		return PF_OK;
	if (place->other && place->other->past) {
		pf_status status = store_name_check(place->store, place->name,
						    &place->exists, err);
		place->rights = place->exists ? PAST_RIGHTS : 0;
		return status;
	}
	pf_status status = store_rights(place->store, place->name, &me,
					&place->exists, &place->rights, err);
	if (status == PF_OK)
		status = parent_rights(share, owner, place, err);
	return status;
}

/* ---- finding ------------------------------------------------------------- */

/* Is `name` the prefix' level ("shared") or below it?  *rest: behind it. */
static bool below(struct pf_str name, const char *prefix, struct pf_str *rest)
{
	struct pf_str whole = pf_str_c(prefix);

	if (whole.n == 0)
		return false;
	*rest = pf_str_from(name, whole.n);
	return pf_str_starts(name, whole) ||
	       pf_str_eq(name, pf_str_head(whole, whole.n - 1));
}

static pf_status find_other(struct share *share, struct pf_str rest,
			    struct share_place *place, const char **owner,
			    struct pf_error *err)
{
	struct share_other *other;
	struct pf_str user = rest;
	ptrdiff_t at = pf_str_chr(rest, share->separator);
	bool own;

	place->kind = SHARE_OTHER;
	if (at <= 0 || (size_t)at + 1 == rest.n)
		return PF_OK; /* only a level */
	user = pf_str_head(rest, (size_t)at);
	pf_status status = other_user(share, user, &other, &own, err);
	if (status != PF_OK || (!other && !own))
		return status;
	place->name = pf_str_from(rest, (size_t)at + 1);
	place->kind = own ? SHARE_OWN : SHARE_OTHER;
	place->store = own ? share->own : other->store;
	*owner = own ? share->user : other->user;
	place->other = other;
	if (other)
		other->used = pf_clock_mono_ms();
	return PF_OK;
}

pf_status share_find(struct share *share, struct pf_str name,
		     struct share_place *place, struct pf_error *err)
{
	struct share_place found = {.kind = SHARE_OWN, .store = share->own};
	const char *owner = share->user;
	struct pf_str rest;
	struct share_other *other = NULL;
	pf_status status = check_name(share, name, err);
	bool own = true;

	found.name = name;
	if (status == PF_OK && below(name, share->prefix, &rest)) {
		own = false;
		found = (struct share_place){0};
		status = find_other(share, rest, &found, &owner, err);
	}
	if (status == PF_OK && own && below(name, share->past, &rest) &&
	    past_is_shown(share)) {
		own = false;
		found = (struct share_place){.kind = SHARE_OTHER, .name = rest};
		status = open_past(share, &other, err);
		if (status == PF_OK && other) {
			found.store = other->store;
			found.other = other;
			other->used = pf_clock_mono_ms();
		}
	}
	for (size_t i = 0; i < share->publics.n && status == PF_OK && own;
	     i++) {
		if (!below(name, share->publics.v[i].prefix, &rest))
			continue;
		own = false;
		found =
		    (struct share_place){.kind = SHARE_PUBLIC, .name = rest};
		status = open_public(share, &share->publics.v[i], &other, err);
		if (status == PF_OK && other) {
			found.store = other->store;
			found.other = other;
			other->used = pf_clock_mono_ms();
		}
		owner = NULL;
	}
	if (status == PF_OK)
		status = fill_rights(share, owner, &found, err);
	found.full = name;
	if (status == PF_OK)
		*place = found;
	return status;
}

static struct share_other *other_with(const struct share *share,
				      const struct store *store)
{
	for (struct pf_link *link = share->others.next; link != &share->others;
	     link = link->next)
		if (other_of(link)->store == store)
			return other_of(link);
	return NULL;
}

void share_hold(const struct share_place *place, bool on)
{
	if (place->other)
		atomic_fetch_add(&place->other->held, on ? 1 : -1);
}

const char *share_owner(const struct share *share, const struct store *store)
{
	const struct share_other *other = other_with(share, store);

	return other ? other->user : share->user;
}

void share_box_name(const struct share *share, struct store_box *box,
		    struct pf_buf *name)
{
	const struct share_other *other =
	    other_with(share, store_box_store(box));

	if (other)
		pf_buf_add_c(name, other->prefix);
	pf_buf_add_str(name, store_box_name(box));
}

pf_status share_box_rights(struct share *share, struct store_box *box,
			   unsigned *rights, struct pf_error *err)
{
	struct store *store = store_box_store(box);
	struct store_who me = who(share, share_owner(share, store));
	const struct share_other *other = other_with(share, store);
	bool exists;

	if (other && other->past) {
		*rights = PAST_RIGHTS;
		return PF_OK;
	}
	return store_rights(store, store_box_name(box), &me, &exists, rights,
			    err);
}

/* ---- listing ------------------------------------------------------------- */

struct lister {
	struct share *share;
	struct pf_arena *arena;
	struct pf_vec(struct pf_str) more;
	pf_status status;
	struct pf_error *err;
};

/* The names of a store that may be looked up, with their prefix. */
static pf_status list_store(struct lister *l, struct share_other *other)
{
	struct store_who me = who(l->share, other->user);
	struct store_names names = {0};
	struct pf_buf whole = PF_BUF_INIT(2 * NAME_MAX_BYTES);
	pf_status status = store_list(other->store, l->arena, &names, l->err);

	for (size_t i = 0; i < names.n && status == PF_OK; i++) {
		unsigned rights = 0;
		bool exists = false;

		if (!(names.v[i].flags & STORE_NAME_EXISTS) ||
		    (!other->user &&
		     pf_str_eq(names.v[i].name, PF_STR("INBOX"))))
			continue;
		if (other->past)
			rights = PAST_RIGHTS;
		else
			status = store_rights(other->store, names.v[i].name,
					      &me, &exists, &rights, l->err);
		if (status != PF_OK || !(rights & STORE_LOOKUP))
			continue;
		pf_buf_clear(&whole);
		pf_buf_add_c(&whole, other->prefix);
		pf_buf_add_str(&whole, names.v[i].name);
		/* what cannot be asked for by this name is not shown */
		if (check_name(l->share, pf_buf_str(&whole), NULL) == PF_OK)
			pf_vec_push(&l->more,
				    pf_arena_str(l->arena, pf_buf_str(&whole)));
	}
	pf_buf_release(&whole);
	pf_vec_release(&names);
	return status;
}

static void list_owner(void *arg, struct pf_str owner)
{
	struct lister *l = arg;
	struct pf_buf level = PF_BUF_INIT(NAME_MAX_BYTES);
	struct share_other *other = NULL;
	bool own;

	if (l->share->separator == '.')
		translate(&level, owner, '.', '^');
	else
		pf_buf_add_str(&level, owner);
	/* one user's broken store does not hide the others' */
	if (l->status == PF_OK &&
	    other_user(l->share, pf_buf_str(&level), &other, &own, NULL) ==
		PF_OK &&
	    other) {
		(void)!list_store(l, other);
		if (other->used == 0 && rests(other))
			close_other(other);
	}
	pf_buf_release(&level);
}

pf_status share_list(struct share *share, share_wanted_fn *wanted, void *arg,
		     struct pf_arena *arena, struct store_names *names,
		     struct pf_error *err)
{
	struct lister l = {.share = share, .arena = arena, .err = err};
	struct store_who me = who(share, NULL);
	struct pf_str prefix = pf_str_c(share->prefix);
	struct share_other *other;

	if (prefix.n && (!wanted || wanted(arg, prefix, false)))
		l.status =
		    share_index_read(share->conf, &me, list_owner, &l, err);
	for (size_t i = 0; i < share->publics.n && l.status == PF_OK; i++) {
		prefix = pf_str_c(share->publics.v[i].prefix);
		if (wanted && !wanted(arg, prefix, false))
			continue;
		l.status =
		    open_public(share, &share->publics.v[i], &other, err);
		if (l.status == PF_OK && other) {
			other->used = pf_clock_mono_ms();
			l.status = list_store(&l, other);
		}
	}
	if (l.status == PF_OK && wanted &&
	    wanted(arg, pf_str_c(share->past), true) && past_is_shown(share)) {
		l.status = open_past(share, &other, err);
		if (l.status == PF_OK && other) {
			other->used = pf_clock_mono_ms();
			l.status = list_store(&l, other);
		}
	}
	if (l.status == PF_OK)
		l.status = store_list_with(share->own, l.more.v, l.more.n,
					   arena, names, err);
	pf_vec_release(&l.more);
	return l.status;
}

void share_namespaces(const struct share *share,
		      void (*each)(void *arg, enum share_kind kind,
				   struct pf_str prefix),
		      void *arg)
{
	each(arg, SHARE_OWN, PF_STR(""));
	if (share->prefix[0])
		each(arg, SHARE_OTHER, pf_str_c(share->prefix));
	for (size_t i = 0; i < share->publics.n; i++)
		each(arg, SHARE_PUBLIC, pf_str_c(share->publics.v[i].prefix));
}

/* ---- changing rights ----------------------------------------------------- */

pf_status share_acl_change(struct share *share, const struct share_place *place,
			   enum store_acl_change change,
			   const struct store_acl_entry *entry,
			   struct pf_error *err)
{
	const char *owner = share_owner(share, place->store);
	pf_status status = PF_OK;

	/* first where to look, then what is there: a line too many in the
	 * index does no harm, one too few would hide the mailbox */
	if (share->prefix[0] && owner &&
	    (change == STORE_ACL_SET || change == STORE_ACL_ADD))
		status = share_index_add(share->conf, entry, owner, err);
	if (status == PF_OK)
		status = store_acl_change(place->store, place->name, change,
					  entry, err);
	return status;
}

/* ---- flags ----------------------------------------------------------------
 */

uint32_t share_flags(unsigned rights)
{
	uint32_t flags = 0;

	if (rights & STORE_WRITE)
		flags |= STORE_FLAGS_ALL & ~(STORE_SEEN | STORE_DELETED);
	if (rights & STORE_KEEP_SEEN)
		flags |= STORE_SEEN;
	if (rights & STORE_SET_DELETED)
		flags |= STORE_DELETED;
	return flags;
}
