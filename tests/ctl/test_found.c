#include "ctl/found.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "tests/tap.h"

static char top[] = "/tmp/penfold-found-XXXXXX";
static struct pf_error err;

static const char *in_top(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", top, name);
	return path;
}

static bool links_to(const char *name, const char *target)
{
	char text[200];
	ssize_t n = readlink(in_top(name), text, sizeof text);

	return n > 0 &&
	       pf_str_eq(pf_str_mem(text, (size_t)n), pf_str_c(target));
}

static void build(const char *first, const char *second)
{
	struct ctl_found *found = NULL;

	is_int(ctl_found_new(in_top("found/"), &found, &err), PF_OK);
	is_int(ctl_found_add(found, pf_str_c(first), &err), PF_OK);
	is_int(ctl_found_add(found, pf_str_c(second), &err), PF_OK);
	is_int(ctl_found_show(found, &err), PF_OK);
	ctl_found_free(&found);
}

static void links_are_made_and_replaced(void)
{
	build("/m/cur/a:2,S", "/m/new/b");
	ok(links_to("found/cur/a:2,S", "/m/cur/a:2,S"));
	ok(links_to("found/new/b", "/m/new/b"));
	ok(access(in_top("found/tmp"), F_OK) == 0);
	build("/m/cur/c:2,", "/m/.Sent/cur/c:2,");
	ok(links_to("found/cur/c:2,", "/m/cur/c:2,"));
	ok(links_to("found/cur/2.c:2,", "/m/.Sent/cur/c:2,"));
	ok(!links_to("found/new/b", "/m/new/b"));
}

static void what_is_not_shown_leaves_no_trace(void)
{
	struct ctl_found *found = NULL;

	is_int(ctl_found_new(in_top("found"), &found, &err), PF_OK);
	is_int(ctl_found_add(found, PF_STR("/m/cur/z"), &err), PF_OK);
	ctl_found_free(&found);
	ok(links_to("found/cur/c:2,", "/m/cur/c:2,"));
	ok(!links_to("found/cur/z", "/m/cur/z"));
}

static void nothing_of_others_is_replaced(void)
{
	struct ctl_found *found = NULL;
	int fd;

	is_int(mkdir(in_top("mail"), 0700), 0);
	is_int(mkdir(in_top("mail/cur"), 0700), 0);
	is_int(ctl_found_new(in_top("mail"), &found, &err), PF_EXISTS);
	ok(access(in_top("mail/cur"), F_OK) == 0);
	fd = open(in_top("file"), O_CREAT | O_WRONLY, 0600);
	close(fd);
	is_int(ctl_found_new(in_top("file"), &found, &err), PF_EXISTS);
	ok(access(in_top("file"), F_OK) == 0);
	is_int(symlink("mail", in_top("link")), 0);
	is_int(ctl_found_new(in_top("link"), &found, &err), PF_EXISTS);
	/* came there while we searched */
	is_int(ctl_found_new(in_top("late"), &found, &err), PF_OK);
	is_int(mkdir(in_top("late"), 0700), 0);
	ok(ctl_found_show(found, &err) != PF_OK);
	ctl_found_free(&found);
	ok(access(in_top("late"), F_OK) == 0);
	/* an empty directory is nobody's */
	is_int(ctl_found_new(in_top("late"), &found, &err), PF_OK);
	is_int(ctl_found_show(found, &err), PF_OK);
	ctl_found_free(&found);
}

int main(void)
{
	ok(mkdtemp(top) != NULL);
	links_are_made_and_replaced();
	what_is_not_shown_leaves_no_trace();
	nothing_of_others_is_replaced();
	is_int(pf_fs_remove_tree(AT_FDCWD, top, &err), PF_OK);
	return tap_done();
}
