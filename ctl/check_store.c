/*
 * penfold check --store: what is wrong with the mail of one user or of all.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/priv.h"
#include "store/store.h"

struct sums {
	unsigned problems, notes, repaired;
	bool failed;
};

static void check_user(const struct pf_conf *site, const struct auth_user *user,
		       bool repair, struct sums *sums)
{
	struct pf_buf rules = PF_BUF_INIT(64 * 1024);
	struct store_findings list = {0};
	struct pf_error err;
	struct store_conf conf = {
	    .root = user->mail,
	    .separator = site->hierarchy_separator[0],
	    .special_use = site->special_use,
	};

	pf_buf_addf(&rules, "%s %s", site->quota,
		    user->quota ? user->quota : "");
	conf.quota = rules.data;
	if (store_check(&conf, repair, &list, &err) != PF_OK) {
		printf("%s: %s\n", user->name, err.log);
		sums->failed = true;
	}
	for (size_t i = 0; i < list.n; i++) {
		const struct store_finding *f = &list.v[i];
		printf("%s%s %s: %s\n\t%s\n",
		       f->repaired  ? "repaired: "
		       : f->problem ? ""
				    : "note: ",
		       user->name, f->mailbox, f->text,
		       f->repaired ? "it is in order now" : f->cure);
		sums->repaired += f->repaired;
		sums->problems += !f->repaired && f->problem;
		sums->notes += !f->repaired && !f->problem;
	}
	store_findings_release(&list);
	pf_buf_release(&rules);
}

static bool wanted(const struct auth_user *user, const char *name)
{
	if (user->broken || (!name && access(user->mail, F_OK) != 0))
		return false;
	return !name || pf_str_eq(pf_str_c(user->name), pf_str_c(name));
}

int ctl_check_store(struct ctl *ctl, const char *name, bool repair)
{
	struct auth_users *users = NULL;
	struct sums sums = {0};
	struct pf_error err;
	struct pf_conf conf;
	unsigned seen = 0;

	if (!ctl_conf(ctl, &conf))
		return 2;
	/* what we write must belong to the mail's owner */
	if (auth_users_load(&conf, &users, NULL, &err) != PF_OK ||
	    pf_priv_become(conf.mail_user, &err) != PF_OK) {
		ctl_fail(ctl, &err);
		sums.failed = true;
	}
	for (size_t i = 0; !sums.failed && i < auth_users_count(users); i++) {
		const struct auth_user *user = auth_users_at(users, i);
		if (!wanted(user, name))
			continue;
		check_user(&conf, user, repair, &sums);
		seen++;
	}
	if (!sums.failed && name && seen == 0) {
		fprintf(stderr, "penfold check: no user %s\n", name);
		sums.failed = true;
	}
	if (!sums.failed)
		printf("%u store%s: %u problem%s, %u note%s, %u repaired\n",
		       seen, seen == 1 ? "" : "s", sums.problems,
		       sums.problems == 1 ? "" : "s", sums.notes,
		       sums.notes == 1 ? "" : "s", sums.repaired);
	if (users)
		auth_users_unref(&users);
	pf_conf_release(&conf);
	return sums.failed ? 2 : sums.problems ? 1 : 0;
}
