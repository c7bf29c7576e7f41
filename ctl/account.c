/* Whose mail a verb works on. */
#include "ctl/ctl.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

static char *in_home(const char *name)
{
	const char *home = getenv("HOME");
	struct pf_buf path = PF_BUF_INIT(4096);
	char *copy;

	pf_buf_addf(&path, "%s%s", home ? home : "", name);
	copy = pf_str_dup(pf_buf_str(&path));
	pf_buf_release(&path);
	return copy;
}

pf_status ctl_account(const struct pf_conf *conf, const char *user,
		      struct auth_identity *id, struct pf_error *err)
{
	struct auth_users *users;

	*id = (struct auth_identity){.uid = (uid_t)-1, .gid = (gid_t)-1};
	if (!user) {
		const char *name = getenv("USER");

		id->user = pf_str_dup(pf_str_c(name && *name ? name : "me"));
		id->home = in_home("");
		id->mail = in_home("/Maildir");
		return PF_OK;
	}
	pf_status status = auth_users_load(conf, &users, NULL, err);
	if (status != PF_OK)
		return status;
	const struct auth_user *found = auth_users_find(users, pf_str_c(user));
	if (found) {
		id->user = pf_str_dup(pf_str_c(found->name));
		id->home = pf_str_dup(pf_str_c(found->home));
		id->mail = pf_str_dup(pf_str_c(found->mail));
		id->uid = found->uid;
		id->gid = found->gid;
	} else {
		status = pf_error_set(err, PF_NOTFOUND, NULL,
				      "there is no user \"%s\"", user);
	}
	auth_users_unref(&users);
	return status;
}
