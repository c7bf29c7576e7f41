#include "base/fsio.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/tap.h"

static int dir = -1;

static void replaces_a_file_whole(void)
{
	struct pf_buf got = PF_BUF_INIT(100);
	struct pf_error err;

	is_int(pf_fs_replace(dir, "f", PF_STR("one"), 0600, true, &err), PF_OK);
	is_int(pf_fs_replace(dir, "f", PF_STR("two"), 0600, true, &err), PF_OK);
	is_int(pf_fs_read(dir, "f", &got, &err), PF_OK);
	is_str(got.data, "two");
	pf_buf_release(&got);
	is_int(pf_fs_read(dir, "none", &got, &err), PF_NOTFOUND);
	got = PF_BUF_INIT(2);
	is_int(pf_fs_read(dir, "f", &got, &err), PF_LIMIT);
	pf_buf_release(&got);
	got = PF_BUF_INIT(3);
	is_int(pf_fs_read(dir, "f", &got, &err), PF_OK);
	pf_buf_release(&got);
}

static void stays_beneath(void)
{
	struct pf_error err;
	int fd = -1;

	ok(mkdirat(dir, "in", 0700) == 0);
	ok(symlinkat("/etc", dir, "in/link") == 0);
	is_int(pf_fs_open_beneath(dir, "../x", O_RDONLY, 0, &fd, &err),
	       PF_NOPERM);
	is_int(pf_fs_open_beneath(dir, "/etc/passwd", O_RDONLY, 0, &fd, &err),
	       PF_NOPERM);
	is_int(
	    pf_fs_open_beneath(dir, "in/link/passwd", O_RDONLY, 0, &fd, &err),
	    PF_NOPERM);
	is_int(pf_fs_open_beneath(dir, "in/new", O_CREAT | O_WRONLY, 0600, &fd,
				  &err),
	       PF_OK);
	close(fd);
}

static void renames_without_replacing(void)
{
	struct pf_error err;

	is_int(pf_fs_replace(dir, "a", PF_STR("a"), 0600, false, &err), PF_OK);
	is_int(pf_fs_replace(dir, "b", PF_STR("b"), 0600, false, &err), PF_OK);
	is_int(pf_fs_rename_new(dir, "a", dir, "b", &err), PF_EXISTS);
	is_int(pf_fs_rename_new(dir, "a", dir, "c", &err), PF_OK);
	is_int(pf_fs_link(dir, "b", dir, "c", &err), PF_EXISTS);
	is_int(pf_fs_unlink(dir, "a", &err), PF_NOTFOUND);
}

/* An OFD lock is seen by another process and dies with its holder. */
static void a_lock_dies_with_its_holder(void)
{
	struct pf_error err;
	int ready[2], fd = -1, mine = -1;
	char byte = 0;

	ok(pipe(ready) == 0);
	pid_t child = fork();
	if (child == 0) {
		bool good = pf_fs_open(dir, "lock", O_RDWR | O_CREAT, 0600, &fd,
				       NULL) == PF_OK &&
			    pf_fs_lock(fd, true, 0, NULL) == PF_OK;
		byte = good ? 'y' : 'n';
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ok(read(ready[0], &byte, 1) == 1 && byte == 'y');
	is_int(pf_fs_open(dir, "lock", O_RDWR, 0, &mine, &err), PF_OK);
	is_int(pf_fs_lock(mine, true, 0, &err), PF_BUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	is_int(pf_fs_lock(mine, true, 0, &err), PF_OK);
	close(mine);
	close(ready[0]);
	close(ready[1]);
}

static void removes_a_tree_but_not_behind_links(void)
{
	struct pf_error err;
	struct stat st;

	is_int(pf_fs_remove_tree(dir, "in", &err), PF_OK);
	ok(fstatat(dir, "in", &st, 0) != 0);
	ok(stat("/etc/passwd", &st) == 0);
}

/* A peer's text can forge neither a line nor a field. */
static void log_lines_cannot_be_forged(void)
{
	struct pf_buf line = PF_BUF_INIT(4096);
	struct pf_log_field fields[] = {
	    PF_LOGS("user", PF_STR("ann\n2026 info login user=root")),
	    PF_LOGS("box", PF_STR("a\"b\\c\x1b[2J\xff")),
	    PF_LOGU("n", 7),
	    PF_LOGC("ip", "192.0.2.7"),
	    {.key = NULL},
	};

	pf_log_format(&line, "login", fields);
	is_str(line.data, "login user=\"ann\\x0a2026 info login user=root\" "
			  "box=\"a\\\"b\\\\c\\x1b[2J\\xff\" n=7 ip=192.0.2.7");
	pf_buf_release(&line);
}

int main(void)
{
	char path[] = "/tmp/penfold-test-XXXXXX";

	if (!mkdtemp(path))
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY);
	replaces_a_file_whole();
	stays_beneath();
	renames_without_replacing();
	a_lock_dies_with_its_holder();
	removes_a_tree_but_not_behind_links();
	log_lines_cannot_be_forged();
	ok(pf_fs_remove_tree(AT_FDCWD, path, NULL) == PF_OK);
	close(dir);
	return tap_done();
}
