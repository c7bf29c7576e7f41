/* Any bytes as user file: nobody appears under a name that cannot be a path,
 * everybody has a home and a Maildir or is broken. */
#include <stdlib.h>

#include "auth/scheme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pf_conf conf;

static void check(const struct auth_users *users, const struct auth_user *u)
{
	struct pf_str text;
	struct auth_scram_keys keys;

	if (!auth_name_valid(pf_str_c(u->name)) || !u->password || !u->home ||
	    !u->mail || u->uid == 0 ||
	    auth_users_find(users, pf_str_c(u->name)) != u)
		abort();
	if (!u->broken && (u->home[0] != '/' || u->mail[0] != '/'))
		abort();
	auth_user_allows(u, PF_STR("192.0.2.1"));
	/* 2^-100: nobody has a device with this password */
	if (auth_device_match(u, PF_STR("abcde-fghij-kmnpq-rstuv")))
		abort();
	for (size_t i = 0; i < u->n_devices; i++) {
		struct pf_str name = pf_str_c(u->devices[i].name);
		if (!auth_device_name_valid(name) || !auth_device_find(u, name))
			abort();
		auth_device_allows(&u->devices[i], PF_STR("imap"),
				   PF_STR("2001:db8::1"));
	}
	for (int hash = AUTH_SCRAM_SHA1; hash <= AUTH_SCRAM_SHA256; hash++) {
		if (auth_scheme_scram(u->password, (enum auth_scram_hash)hash,
				      &text))
			auth_scram_keys_parse((enum auth_scram_hash)hash, text,
					      &keys);
		auth_scram_keys_parse((enum auth_scram_hash)hash,
				      pf_str_c(u->password), &keys);
	}
	auth_scheme_plain(u->password, &text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_conf_problems problems = {0};
	struct auth_users *users;

	if (!conf.user_file)
		pf_conf_init(&conf);
	auth_users_parse(&conf, pf_str_mem(data, size), &users, &problems);
	struct auth_recipient r;
	if (auth_recipient(users, &conf, PF_STR("info+x@localhost"), &r,
			   NULL) == PF_OK &&
	    r.user->broken)
		abort();
	for (size_t i = 0; i < auth_users_count(users); i++)
		check(users, auth_users_at(users, i));
	auth_users_unref(&users);
	pf_vec_release(&problems);
	return 0;
}
