/*
 * The address rule: the folder that an implicit keep means for mail to
 * user+extension.  The user's list file first, then the site's rule; INBOX is
 * the answer to every doubt.
 */
#include "filter/filter.h"

#include <dirent.h>

#include "base/utf8.h"

#define DETAIL_MAX  100	 /* bytes of an extension that names a folder */
#define FOLDERS_MAX 1000 /* no more are made for extensions */

/* May an extension, which anybody can make up, become a folder? */
static bool names_folder(const struct pf_conf *conf, struct pf_str detail)
{
	char separator = conf->hierarchy_separator[0];

	if (detail.n == 0 || detail.n > DETAIL_MAX || !pf_utf8_valid(detail) ||
	    detail.p[0] == separator || detail.p[detail.n - 1] == separator)
		return false;
	for (size_t i = 0; i < detail.n; i++)
		if ((unsigned char)detail.p[i] < 0x20 || detail.p[i] == 0x7f)
			return false;
	return true;
}

/* Strangers can choose extensions, so they cannot have us make folders
 * without end. */
static bool room_for_folder(struct store *store)
{
	DIR *dir = opendir(store_root(store));
	int n = 0;

	if (!dir)
		return false;
	while (n < FOLDERS_MAX && readdir(dir))
		n++;
	closedir(dir);
	return n < FOLDERS_MAX;
}

bool filter_keep_folder(const struct filter *filter,
			const struct auth_identity *id, struct store *store,
			struct pf_str detail, struct pf_buf *folder,
			struct pf_buf *rule)
{
	const struct pf_conf *conf = filter->conf;
	const char *site = conf->extension_folder;
	bool create = strcmp(site, "create") == 0;
	bool exists = false;

	if (detail.n &&
	    filter_rules_list(filter->rules, id, detail, folder, rule))
		return true;
	if (detail.n && strcmp(site, "inbox") != 0 &&
	    names_folder(conf, detail) &&
	    (store_name_check(store, detail, &exists, NULL) == PF_OK ||
	     create) &&
	    (exists || (create && room_for_folder(store)))) {
		pf_buf_add_str(folder, detail);
		pf_buf_addf(rule, "site rule (extension_folder = %s)", site);
		return create;
	}
	pf_buf_add_c(rule, "default");
	pf_buf_add_c(folder, "INBOX");
	return false;
}
