/*
 * Mail from one Maildir to another: both are stores, and messages have names,
 * so that what is there already is known and a run that was killed is just
 * called again.  The source is never written to.
 */
#include <stdlib.h>

#include "base/map.h"
#include "origin/survey.h"

#define AT_ONCE 1000

/* Names of the messages of a mailbox. */
static void collect(struct store_box *box, struct pf_map *names)
{
	struct store_box_info info;

	store_box_info(box, &info);
	for (uint32_t i = 0; i < info.messages; i++)
		(void)pf_map_set(names,
				 store_msg_guid(box, store_box_at(box, i)->uid),
				 names);
}

static pf_status make(struct store *store, struct pf_str name,
		      struct pf_error *err)
{
	bool exists = false;
	pf_status status = store_name_check(store, name, &exists, err);

	if (status == PF_OK && !exists) {
		status = store_create(store, name, NULL, err);
		if (status == PF_OK)
			status = store_subscribe(store, name, true, err);
	}
	return status;
}

static pf_status known_there(struct store *to, struct pf_str name,
			     struct pf_map *known, struct pf_error *err)
{
	struct store_box *box = NULL;
	bool exists = false;
	pf_status status = store_name_check(to, name, &exists, err);

	if (status == PF_OK && exists)
		status = store_box_open(to, name, &box, err);
	if (box) {
		collect(box, known);
		store_box_close(&box);
	}
	return status;
}

static pf_status copy_uids(struct origin_transfer *t, struct store_box *from,
			   struct store *store, struct pf_str name,
			   struct store_uids *uids, struct pf_error *err)
{
	struct store_copy to = {.store = store, .name = name};
	struct store_uid_pairs pairs = {0};
	uint32_t uidvalidity;
	pf_status status = PF_OK;

	for (size_t at = 0; status == PF_OK && at < uids->n; at += AT_ONCE) {
		size_t n = uids->n - at < AT_ONCE ? uids->n - at : AT_ONCE;
		pairs.n = 0;
		if (!t->dry)
			status = store_box_copy_to(from, uids->v + at, n, &to,
						   &uidvalidity, &pairs, err);
		if (status == PF_OK)
			t->messages += n;
		if (status == PF_OK && t->progress)
			t->progress(t->arg, t->messages, at + n, uids->n);
	}
	pf_vec_release(&pairs);
	return status;
}

static pf_status copy_box(struct origin_transfer *t, struct store *from_store,
			  struct pf_str from_name, struct store *to,
			  struct pf_str to_name, struct pf_error *err)
{
	struct store_uids uids = {0};
	struct store_box_info info;
	struct store_box *from = NULL;
	struct pf_map known = {0};
	pf_status status = store_box_open(from_store, from_name, &from, err);

	if (status == PF_OK && !t->dry)
		status = make(to, to_name, err);
	if (status == PF_OK)
		status = known_there(to, to_name, &known, err);
	if (status == PF_OK) {
		store_box_info(from, &info);
		for (uint32_t i = 0; i < info.messages; i++) {
			uint32_t uid = store_box_at(from, i)->uid;
			if (pf_map_get(&known, store_msg_guid(from, uid)))
				t->skipped++;
			else
				pf_vec_push(&uids, uid);
		}
		status = copy_uids(t, from, to, to_name, &uids, err);
	}
	if (from)
		store_box_close(&from);
	pf_map_release(&known);
	pf_vec_release(&uids);
	return status;
}

/* "Lists/x" below `below` */
static void name_below(struct pf_str below, char separator, struct pf_str name,
		       struct pf_buf *to)
{
	pf_buf_clear(to);
	pf_buf_add_str(to, below);
	if (below.n && pf_str_ieq(name, PF_STR("INBOX")))
		return;
	if (below.n)
		pf_buf_add_byte(to, separator);
	pf_buf_add_str(to, name);
}

static pf_status copy_all(struct origin_transfer *t, struct store *from,
			  struct store *to, struct pf_str only,
			  struct pf_str below, struct pf_error *err)
{
	struct pf_buf name = PF_BUF_INIT(ORIGIN_PATH_MAX);
	struct store_names names = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, 64 << 20);
	pf_status status = store_list(from, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++) {
		if (!(names.v[i].flags & STORE_NAME_EXISTS) ||
		    (only.n && !pf_str_eq(only, names.v[i].name)))
			continue;
		name_below(below, t->separator, names.v[i].name, &name);
		status = copy_box(t, from, names.v[i].name, to,
				  pf_buf_str(&name), err);
	}
	pf_vec_release(&names);
	pf_arena_release(&arena);
	pf_buf_release(&name);
	return status;
}

static pf_status open_other(const struct origin_transfer *t, const char *root,
			    bool read_only, struct store **store,
			    struct pf_error *err)
{
	struct store_conf conf = {.root = root,
				  .separator = t->separator,
				  .special_use = "",
				  .read_only = read_only};

	return store_open(&conf, store, err);
}

pf_status origin_import_maildir(struct origin_transfer *t, const char *root,
				struct pf_error *err)
{
	struct store *from = NULL;
	pf_status status = open_other(t, root, true, &from, err);

	if (status == PF_OK)
		status =
		    copy_all(t, from, t->store, PF_STR(""), t->mailbox, err);
	store_close(&from);
	return status;
}

pf_status origin_export_maildir(struct origin_transfer *t, const char *root,
				struct pf_error *err)
{
	struct store *to = NULL;
	pf_status status = open_other(t, root, t->dry, &to, err);

	if (status == PF_OK)
		status = copy_all(t, t->store, to, t->mailbox, PF_STR(""), err);
	store_close(&to);
	return status;
}
