/*
 * penfold quota: what each user has, of what he may have.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/priv.h"
#include "store/store.h"

struct report {
	const struct pf_conf *conf;
	bool recount, json, any;
	int code;
};

static pf_status open_store(const struct report *r,
			    const struct auth_user *user, struct store **store,
			    struct pf_error *err)
{
	struct pf_buf rules = PF_BUF_INIT(64 * 1024);
	char full[4200];
	struct store_conf conf = {
	    .root = user->mail,
	    .separator = r->conf->hierarchy_separator[0],
	    .special_use = r->conf->special_use,
	    .past_keep = r->conf->expunged_keep,
	    .past_size = (uint64_t)r->conf->expunged_size,
	};

	pf_buf_addf(&rules, "%s %s", r->conf->quota,
		    user->quota ? user->quota : "");
	conf.quota = rules.data;
	if (pf_conf_full_path(r->conf, pf_str_c(user->name), full, sizeof full))
		conf.quota_full = full;
	pf_status status = store_open(&conf, store, err);
	pf_buf_release(&rules);
	return status;
}

static void show_resource(const struct report *r, const char *user,
			  const struct store_quota *quota, const char *name,
			  uint64_t used, uint64_t max)
{
	int percent = max ? (int)((double)used * 100 / (double)max) : 0;

	if (max == 0)
		return;
	if (!r->json) {
		printf("%-24s %-20.*s %-8s %12llu %12llu %4d%%\n", user,
		       (int)quota->root.n, quota->root.p, name,
		       (unsigned long long)used, (unsigned long long)max,
		       percent);
		return;
	}
	printf("%s\n {\"user\": ", r->any ? "," : "[");
	ctl_json_string(pf_str_c(user));
	ctl_json_member("root", quota->root);
	ctl_json_member("resource", pf_str_c(name));
	printf(", \"used\": %llu, \"limit\": %llu}", (unsigned long long)used,
	       (unsigned long long)max);
}

static void show_root(struct report *r, const char *user,
		      const struct store_quota *q)
{
	const struct {
		const char *name;
		uint64_t used, max;
	} rows[] = {
	    {"STORAGE", (q->storage + 1023) / 1024,
	     (q->storage_max + 1023) / 1024},
	    {"MESSAGE", q->messages, q->messages_max},
	    {"MAILBOX", q->mailboxes, q->mailboxes_max},
	};

	if (!r->any && !r->json)
		printf("%-24s %-20s %-8s %12s %12s %5s\n", "User", "Root",
		       "Resource", "Used", "Limit", "");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		show_resource(r, user, q, rows[i].name, rows[i].used,
			      rows[i].max);
		r->any |= rows[i].max > 0;
	}
}

/* The account's root, and those of mailboxes that have one. */
static pf_status show_store(struct report *r, const char *user,
			    struct store *store, struct pf_error *err)
{
	struct store_names names = {0};
	struct store_quotas list = {0};
	struct pf_arena arena;
	bool account = false;

	pf_arena_init(&arena, 64 << 20);
	pf_status status = store_list(store, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++) {
		list.n = 0;
		status = store_quota_list(store, names.v[i].name, &arena, &list,
					  err);
		for (size_t j = 0; status == PF_OK && j < list.n; j++) {
			if (j > 0 || !account)
				show_root(r, user, &list.v[j]);
			account = true;
		}
	}
	pf_vec_release(&names);
	pf_vec_release(&list);
	pf_arena_release(&arena);
	return status;
}

static void show_user(struct ctl *ctl, struct report *r,
		      const struct auth_user *user)
{
	struct store *store = NULL;
	struct pf_error err;
	pf_status status = open_store(r, user, &store, &err);

	if (status == PF_OK && r->recount)
		status = store_quota_recount(store, &err);
	if (status == PF_OK)
		status = show_store(r, user->name, store, &err);
	store_close(&store);
	if (status != PF_OK)
		r->code = ctl_fail(ctl, &err);
}

static int show(struct ctl *ctl, struct report *r, const char *name)
{
	struct auth_users *users;
	struct pf_error err;

	if (auth_users_load(r->conf, &users, NULL, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	/* counts that we write must belong to the mail's owner */
	if (pf_priv_become(r->conf->mail_user, &err) != PF_OK)
		r->code = ctl_fail(ctl, &err);
	for (size_t i = 0; r->code == 0 && !name && i < auth_users_count(users);
	     i++)
		if (!auth_users_at(users, i)->broken &&
		    access(auth_users_at(users, i)->mail, F_OK) == 0)
			show_user(ctl, r, auth_users_at(users, i));
	if (name && r->code == 0) {
		const struct auth_user *user =
		    auth_users_find(users, pf_str_c(name));
		if (user && !user->broken) {
			show_user(ctl, r, user);
		} else {
			fprintf(stderr, "penfold quota: no user %s\n", name);
			r->code = 1;
		}
	}
	auth_users_unref(&users);
	if (r->json)
		puts(r->any ? "\n]" : "[]");
	return r->code;
}

int ctl_quota(struct ctl *ctl)
{
	struct report report = {.recount = ctl_switch(ctl, "--recount"),
				.json = ctl_switch(ctl, "--json")};
	struct pf_conf conf;

	if (ctl->argc > 2)
		return ctl_usage(ctl, "one USER, or none for all");
	if (!ctl_conf(ctl, &conf))
		return 1;
	report.conf = &conf;
	int code = show(ctl, &report, ctl->argc > 1 ? ctl->argv[1] : NULL);
	pf_conf_release(&conf);
	return code;
}
