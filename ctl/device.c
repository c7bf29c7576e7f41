/*
 * penfold device: passwords of a user's single programs.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/fsio.h"

struct device {
	struct ctl *ctl;
	struct pf_conf conf;
	struct auth_users *users;
	const struct auth_user *user;
};

/* "TIME service ip", or "never". */
static void last_use(const struct device *d, const char *name,
		     struct pf_buf *text)
{
	struct pf_buf path = PF_BUF_INIT(4096);

	pf_buf_addf(&path, "%s/devices/%s:%s", d->conf.state_dir, d->user->name,
		    name);
	if (pf_fs_read(AT_FDCWD, path.data, text, NULL) != PF_OK ||
	    text->len == 0)
		pf_buf_add_c(text, "never");
	while (text->len && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	pf_buf_release(&path);
}

static int list(const struct device *d)
{
	for (size_t i = 0; i < d->user->n_devices; i++) {
		const struct auth_device *one = &d->user->devices[i];
		struct pf_buf used = PF_BUF_INIT(512);
		last_use(d, one->name, &used);
		printf("%-20s %-16s %-10s last used: %s\n", one->name,
		       one->protocols[0] ? one->protocols : "all",
		       one->n_nets ? "some nets" : "any net", used.data);
		pf_buf_release(&used);
	}
	if (d->user->devices_only)
		puts("only these: the user's own password lets nobody in");
	return 0;
}

static int add(struct device *d, const char *name, const char *protocols,
	       const char *nets)
{
	struct pf_buf secret = PF_BUF_INIT(100), field = PF_BUF_INIT(4096);
	struct pf_error err;
	pf_status status = PF_OK;

	if (auth_device_find(d->user, pf_str_c(name)))
		status = pf_error_set(&err, PF_EXISTS, NULL,
				      "there is a device %s already", name);
	if (status == PF_OK)
		status = auth_device_new(
		    pf_str_c(name), pf_str_c(protocols ? protocols : ""),
		    pf_str_c(nets ? nets : ""), &secret, &field, &err);
	if (status == PF_OK) /* a prefix that no field has: nothing goes */
		status = auth_users_set_field(d->conf.user_file,
					      pf_str_c(d->user->name), " ",
					      field.data, &err);
	if (status == PF_OK)
		puts(secret.data);
	pf_buf_wipe(&secret);
	pf_buf_release(&field);
	return status == PF_OK ? 0 : ctl_fail(d->ctl, &err);
}

static int drop(struct device *d, const char *name)
{
	const struct auth_device *one =
	    auth_device_find(d->user, pf_str_c(name));
	struct pf_buf text = PF_BUF_INIT(4096);
	struct pf_error err;

	if (!one)
		return ctl_usage(d->ctl, "there is no device \"%s\"", name);
	pf_buf_addf(&text, AUTH_FIELD_DEVICE "=%s;", one->name);
	pf_status status = auth_users_set_field(
	    d->conf.user_file, pf_str_c(d->user->name), text.data, NULL, &err);
	pf_buf_clear(&text);
	pf_buf_addf(&text, "device:%s", one->name);
	if (status == PF_OK)
		status =
		    ctl_end_sessions(&d->conf, d->user->name, text.data, &err);
	pf_buf_clear(&text);
	pf_buf_addf(&text, "%s/devices/%s:%s", d->conf.state_dir, d->user->name,
		    one->name);
	if (status == PF_OK)
		unlink(text.data); /* may never have been there */
	pf_buf_release(&text);
	return status == PF_OK ? 0 : ctl_fail(d->ctl, &err);
}

static int only(struct device *d, bool yes)
{
	struct pf_error err;

	if (yes && d->user->n_devices == 0)
		return ctl_usage(d->ctl, "%s has no device yet", d->user->name);
	pf_status status = auth_users_set_field(
	    d->conf.user_file, pf_str_c(d->user->name), AUTH_FIELD_DEVICES_ONLY,
	    yes ? AUTH_FIELD_DEVICES_ONLY : NULL, &err);
	if (status == PF_OK && yes)
		status =
		    ctl_end_sessions(&d->conf, d->user->name, "password", &err);
	return status == PF_OK ? 0 : ctl_fail(d->ctl, &err);
}

static int act(struct device *d, const char *protocols, const char *nets)
{
	struct ctl *ctl = d->ctl;
	const char *what = ctl->argc > 2 ? ctl->argv[2] : "";
	const char *name = ctl->argc > 3 ? ctl->argv[3] : "";

	if (ctl->argc == 2)
		return list(d);
	if (ctl->argc == 4 && strcmp(what, "add") == 0)
		return add(d, name, protocols, nets);
	if (ctl->argc == 4 && strcmp(what, "remove") == 0)
		return drop(d, name);
	if (ctl->argc == 4 && strcmp(what, "only") == 0 &&
	    (strcmp(name, "yes") == 0 || strcmp(name, "no") == 0))
		return only(d, name[0] == 'y');
	return ctl_usage(ctl, "add NAME, remove NAME, or only yes|no");
}

int ctl_device(struct ctl *ctl)
{
	struct device d = {.ctl = ctl};
	const char *protocols = ctl_option(ctl, "--protocols");
	const char *nets = ctl_option(ctl, "--nets");
	struct pf_error err;
	int code = 1;

	if (ctl->argc < 2)
		return ctl_usage(ctl, "whose devices?");
	if (!ctl_conf(ctl, &d.conf))
		return 1;
	if (auth_users_load(&d.conf, &d.users, NULL, &err) != PF_OK) {
		code = ctl_fail(ctl, &err);
	} else {
		d.user = auth_users_find(d.users, pf_str_c(ctl->argv[1]));
		code = d.user ? act(&d, protocols, nets)
			      : ctl_usage(ctl, "there is no user \"%s\"",
					  ctl->argv[1]);
		auth_users_unref(&d.users);
	}
	pf_conf_release(&d.conf);
	return code;
}
