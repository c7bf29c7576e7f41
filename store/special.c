/*
 * SPECIAL-USE (RFC 6154): which mailbox is for what.
 *
 * The configuration names a folder per role ("Sent:Sent"); a client may give
 * a role with CREATE, which is kept in the root's penfold-special-use, a line
 * "role SP name" each, and goes before the configuration.
 */
#include <stdlib.h>

#include "base/conf.h"
#include "store/names.h"

#define FILE_NAME "penfold-special-use"
#define FILE_MAX  65536

/* Uses that a mailbox of its own can have: All and Flagged are views. */
bool store_use_known(struct pf_str role)
{
	static const char *const roles[] = {"Archive", "Drafts", "Junk", "Sent",
					    "Trash"};

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (pf_str_ieq(role, pf_str_c(roles[i])))
			return true;
	return false;
}

void store_special_parse(struct store *store, const char *list)
{
	struct pf_str rest = pf_str_c(list), word;

	while (pf_conf_word(&rest, &word)) {
		ptrdiff_t colon = pf_str_chr(word, ':');
		if (colon <= 0)
			continue;
		struct store_special special = {
		    .role = pf_str_dup(pf_str_head(word, (size_t)colon)),
		    .name = pf_str_dup(pf_str_from(word, (size_t)colon + 1)),
		};
		pf_vec_push(&store->specials, special);
	}
}

static void roles_add(struct store_roles *roles, struct pf_str role,
		      struct pf_str name)
{
	struct store_special one = {pf_str_dup(role), pf_str_dup(name)};

	pf_vec_push(roles, one);
}

static bool has_role(const struct store_roles *roles, struct pf_str role)
{
	for (size_t i = 0; i < roles->n; i++)
		if (pf_str_ieq(pf_str_c(roles->v[i].role), role))
			return true;
	return false;
}

static pf_status read_file(struct store *store, struct store_roles *roles,
			   struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	pf_status status = pf_fs_read(store->dir, FILE_NAME, &text, err);
	struct pf_str rest = pf_buf_str(&text), line, role;

	while (status == PF_OK && pf_str_split(&rest, '\n', &line))
		if (pf_str_split(&line, ' ', &role) && role.n && line.n)
			roles_add(roles, role, line);
	pf_buf_release(&text);
	return status == PF_NOTFOUND ? PF_OK : status;
}

pf_status store_roles_read(struct store *store, struct store_roles *roles,
			   struct pf_error *err)
{
	pf_status status = read_file(store, roles, err);

	for (size_t i = 0; i < store->specials.n && status == PF_OK; i++) {
		const struct store_special *s = &store->specials.v[i];
		if (!has_role(roles, pf_str_c(s->role)))
			roles_add(roles, pf_str_c(s->role), pf_str_c(s->name));
	}
	return status;
}

void store_roles_release(struct store_roles *roles)
{
	for (size_t i = 0; i < roles->n; i++) {
		free(roles->v[i].role);
		free(roles->v[i].name);
	}
	pf_vec_release(roles);
}

struct pf_str store_role_of(const struct store_roles *roles, struct pf_str name)
{
	for (size_t i = 0; i < roles->n; i++)
		if (pf_str_eq(pf_str_c(roles->v[i].name), name))
			return pf_str_c(roles->v[i].role);
	return (struct pf_str){NULL, 0};
}

pf_status store_role_set(struct store *store, struct pf_str name,
			 const char *role, struct pf_error *err)
{
	struct store_roles roles = {0};
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	pf_status status = read_file(store, &roles, err);
	bool changed = role != NULL;

	for (size_t i = 0; i < roles.n; i++) {
		const struct store_special *s = &roles.v[i];
		if (pf_str_eq(pf_str_c(s->name), name) ||
		    (role && pf_str_ieq(pf_str_c(s->role), pf_str_c(role))))
			changed = true;
		else
			pf_buf_addf(&text, "%s %s\n", s->role, s->name);
	}
	if (role)
		pf_buf_addf(&text, "%s %.*s\n", role, (int)name.n, name.p);
	if (status == PF_OK)
		status = pf_buf_status(&text, err);
	if (status == PF_OK && changed)
		status = pf_fs_replace(store->dir, FILE_NAME, pf_buf_str(&text),
				       STORE_FILE_MODE, true, err);
	store_roles_release(&roles);
	pf_buf_release(&text);
	return status;
}

pf_status store_role_move(struct store *store, struct pf_str from,
			  struct pf_str to, struct pf_error *err)
{
	struct store_roles roles = {0};
	pf_status status = read_file(store, &roles, err);
	struct pf_str role = store_role_of(&roles, from);

	if (status == PF_OK && role.n) {
		status = store_role_set(store, from, NULL, err);
		if (status == PF_OK)
			status = store_role_set(store, to, role.p, err);
	}
	store_roles_release(&roles);
	return status;
}
