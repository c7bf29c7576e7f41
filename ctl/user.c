/*
 * penfold user: the accounts of the user file.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "auth/auth.h"

#define PASSWORD_MAX 1024

static bool read_line(struct pf_buf *to)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1) {
		if (c == '\n')
			return !to->failed;
		pf_buf_add_byte(to, c);
	}
	return to->len > 0 && !to->failed;
}

/* From the terminal without echo. */
static bool prompt(const char *text, struct pf_buf *to)
{
	struct termios before, quiet;

	fprintf(stderr, "%s", text);
	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return false;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	bool good = read_line(to);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return good;
}

static bool ask_password(const struct ctl *ctl, struct pf_buf *password)
{
	struct pf_buf again = PF_BUF_INIT(PASSWORD_MAX);
	bool good = true;

	/* reserved at once, so that growing leaves no copies behind */
	if (!pf_buf_reserve(password, PASSWORD_MAX) ||
	    !pf_buf_reserve(&again, PASSWORD_MAX))
		return false;
	if (!isatty(STDIN_FILENO)) {
		good = read_line(password);
	} else {
		good =
		    prompt("Password: ", password) && prompt("Again: ", &again);
		if (good &&
		    !pf_str_eq(pf_buf_str(password), pf_buf_str(&again))) {
			ctl_usage(ctl, "the two passwords differ");
			good = false;
		}
	}
	if (good && password->len == 0) {
		ctl_usage(ctl, "an empty password is none");
		good = false;
	}
	pf_buf_wipe(&again);
	return good;
}

/* Says what is wrong with it, unless --weak was given. */
static bool strong_enough(const struct ctl *ctl, struct pf_str name,
			  const struct pf_buf *password, bool weak)
{
	const char *complaint =
	    weak ? NULL : auth_password_complaint(name, pf_buf_str(password));

	if (complaint)
		ctl_usage(ctl, "that password is weak: %s (--weak takes it)",
			  complaint);
	return !complaint;
}

static int set_password(struct ctl *ctl, const struct pf_conf *conf,
			struct pf_str name, bool must_exist, bool weak)
{
	struct pf_buf password = PF_BUF_INIT(PASSWORD_MAX);
	struct pf_buf credentials = PF_BUF_INIT(8192);
	struct pf_error err;
	int code = 1;

	if (ask_password(ctl, &password) &&
	    strong_enough(ctl, name, &password, weak)) {
		pf_status status = auth_password_hash_all(
		    conf, pf_buf_str(&password), &credentials, &err);
		if (status == PF_OK)
			status =
			    auth_users_edit(conf->user_file, name,
					    credentials.data, must_exist, &err);
		code = status == PF_OK ? 0 : ctl_fail(ctl, &err);
	}
	pf_buf_wipe(&password);
	pf_buf_wipe(&credentials);
	return code;
}

static int list(struct ctl *ctl, const struct pf_conf *conf)
{
	struct auth_users *users;
	struct pf_error err;

	if (auth_users_load(conf, &users, NULL, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	for (size_t i = 0; i < auth_users_count(users); i++)
		puts(auth_users_at(users, i)->name);
	auth_users_unref(&users);
	return 0;
}

/* With the sessions that are open: his, and as a master those of others. */
static pf_status delete (const struct pf_conf *conf, const char *name,
			 struct pf_error *err)
{
	char via[AUTH_NAME_MAX + 16];
	pf_status status =
	    auth_users_edit(conf->user_file, pf_str_c(name), NULL, true, err);

	snprintf(via, sizeof via, "master:%s", name);
	if (status == PF_OK)
		status = ctl_end_sessions(conf, name, "", err);
	if (status == PF_OK)
		status = ctl_end_sessions(conf, "", via, err);
	return status;
}

int ctl_user(struct ctl *ctl)
{
	bool weak = ctl_switch(ctl, "--weak");
	const char *what = ctl->argc > 1 ? ctl->argv[1] : "";
	const char *name = ctl->argc > 2 ? ctl->argv[2] : NULL;
	bool lists = strcmp(what, "list") == 0;
	struct pf_error err;
	struct pf_conf conf;
	int code;

	if (lists ? ctl->argc != 2 : ctl->argc != 3)
		return ctl_usage(ctl, "add, passwd or delete a NAME, or list");
	if (!ctl_conf(ctl, &conf))
		return 1;
	if (lists)
		code = list(ctl, &conf);
	else if (strcmp(what, "add") == 0)
		code = set_password(ctl, &conf, pf_str_c(name), false, weak);
	else if (strcmp(what, "passwd") == 0)
		code = set_password(ctl, &conf, pf_str_c(name), true, weak);
	else if (strcmp(what, "delete") == 0)
		code = delete (&conf, name, &err) == PF_OK
			   ? 0
			   : ctl_fail(ctl, &err);
	else
		code = ctl_usage(ctl, "what is \"%s\"?", what);
	pf_conf_release(&conf);
	return code;
}
