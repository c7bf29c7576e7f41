/* Confinement, tried in children: what each list lets through. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/priv.h"
#include "tests/tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINED false
#else
#define CONFINED true
#endif

/* True in a child of its own after `enter`. */
static bool can(bool (*enter)(void), bool (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pf_priv_harden();
		_exit(!enter() ? 2 : what() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool no_files(void)
{
	return pf_confine_files(NULL, NULL) == PF_OK;
}

static bool only_etc(void)
{
	static const char *const list[] = {"/etc", NULL};

	return pf_confine_files(list, NULL) == PF_OK;
}

static bool talk(void)
{
	return pf_confine_calls(PF_CALLS_TALK, NULL) == PF_OK;
}

static bool read_only(void)
{
	return pf_confine_calls(PF_CALLS_READ, NULL) == PF_OK;
}

static bool serve(void)
{
	return pf_confine_calls(PF_CALLS_SERVE, NULL) == PF_OK;
}

static bool nothing(void)
{
	return true;
}

static bool open_passwd(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool open_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY) >= 0;
}

static bool write_tmp(void)
{
	return open("/tmp", O_TMPFILE | O_RDWR, 0600) >= 0;
}

static bool unix_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
	       write(pair[0], "x", 1) == 1;
}

static bool network(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool trace_parent(void)
{
	errno = 0;
	(void)ptrace(PTRACE_SEIZE, getppid(), 0, 0);
	return errno != EPERM;
}

static bool run_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return false;
}

static void files_are_out_of_reach(void)
{
	ok(can(nothing, open_passwd) && can(nothing, write_tmp));
	is_int(can(no_files, open_passwd), !CONFINED);
	is_int(can(no_files, write_tmp), !CONFINED);
	ok(can(only_etc, open_passwd));
	is_int(can(only_etc, open_root), !CONFINED);
	is_int(can(only_etc, write_tmp), !CONFINED);
	ok(can(no_files, unix_pair));
}

static void calls_are_refused(void)
{
	ok(can(talk, unix_pair));
	is_int(can(talk, open_passwd), !CONFINED);
	is_int(can(talk, network), !CONFINED);
	is_int(can(talk, make_process), !CONFINED);
	is_int(can(talk, run_program), !CONFINED);
	ok(can(read_only, open_passwd));
	is_int(can(read_only, unix_pair), !CONFINED);
	is_int(can(read_only, make_process), !CONFINED);
	ok(can(serve, open_passwd) && can(serve, network) &&
	   can(serve, make_process) && can(serve, run_program));
	is_int(can(serve, trace_parent), !CONFINED);
}

int main(void)
{
	files_are_out_of_reach();
	calls_are_refused();
	return tap_done();
}
