/*
 * penfold takeover: another server's mail becomes ours in place, or its own
 * again.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "origin/origin.h"

static void say(void *arg, int level, const char *line)
{
	(void)arg;
	printf("%s%s\n", level ? "    " : "", line);
}

/* As root: whose mail it is.  Files that we make must be his. */
static pf_status become_owner(const char *path, struct pf_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return pf_error_sys(err, errno, "%s", path);
	if (geteuid() != 0 || st.st_uid == 0)
		return PF_OK;
	if (setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0 ||
	    setuid(st.st_uid) != 0)
		return pf_error_sys(err, errno, "becoming the owner of %s",
				    path);
	return PF_OK;
}

int ctl_takeover(struct ctl *ctl)
{
	struct origin_conf take = {
	    .control = ctl_option(ctl, "--control"),
	    .index = ctl_option(ctl, "--index"),
	    .directory = ctl_option(ctl, "--dirname"),
	    .act = ctl_switch(ctl, "--do"),
	    .say = say,
	};
	const char *dots = ctl_option(ctl, "--dots");
	const char *separator = ctl_option(ctl, "--separator");
	bool back = ctl_switch(ctl, "--back"), kept = false;
	struct pf_error err;

	if (ctl->argc != 2)
		return ctl_usage(ctl, "one PATH of a Maildir");
	if ((dots && (strlen(dots) != 1 || strchr("./", dots[0]))) ||
	    (separator && strcmp(separator, ".") != 0 &&
	     strcmp(separator, "/") != 0))
		return ctl_usage(ctl, "--dots takes one character but . and /, "
				      "--separator . or /");
	take.root = ctl->argv[1];
	take.dots = dots ? dots[0] : '\0';
	take.separator = separator ? separator[0] : '/';
	if (become_owner(take.root, &err) != PF_OK ||
	    (back ? origin_give_back : origin_take_over)(&take, &kept, &err) !=
		PF_OK)
		return ctl_fail(ctl, &err);
	if (!kept)
		fprintf(stderr, "penfold takeover: not all of it can be kept "
				"(see above)\n");
	else if (!take.act)
		printf("Nothing was changed; --do does it.  Stop the other "
		       "server first.\n");
	return kept ? 0 : 1;
}
