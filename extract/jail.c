/*
 * The jail.  Who reads a crafted PDF must be expected to run the writer's code
 * in the end; what can that code do?  In this order:
 *
 *  - no descriptors but the file, a pipe to us and /dev/null; no environment;
 *  - limits: processor seconds, memory, file size 0, no core;
 *  - no new privileges, and not even its old ones where the kernel gives out
 *    user and network name spaces (a bonus: many sites forbid them);
 *  - Landlock, where the kernel has it: read and run what is below /usr and
 *    the like, and nothing else (not the mail, not /etc but fonts);
 *  - seccomp, without which nothing is run: no sockets, no processes, no
 *    signals, no writing to any file, none of the kernel's odd corners.
 *
 * What is left is to compute, to write wrong text into its mail's index, and
 * to be killed when its time is up.
 */
#include "extract/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define NOT_LOCKED_IN 125 /* exit codes of ours */
#define NOT_THERE     127

#define MEMORY	     ((rlim_t)512 << 20)
#define PROCESSOR_S  15
#define FILES	     64
#define OUTPUT_BLOCK 65536

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __i386__
#define ARCH AUDIT_ARCH_I386
#elif defined __arm__
#define ARCH AUDIT_ARCH_ARM
#elif defined __riscv
#define ARCH AUDIT_ARCH_RISCV64
#endif

/* ---- system calls ------------------------------------------------------ */

/* Answered with EPERM.  Older architectures have more names for the same. */
static const int forbidden[] = {
    SYS_socket,
    SYS_socketpair,
    SYS_clone,
    SYS_unshare,
    SYS_setns,
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_pidfd_open,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_unlinkat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_renameat2,
    SYS_truncate,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_utimensat,
    SYS_mount,
    SYS_umount2,
    SYS_chroot,
    SYS_pivot_root,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_open_by_handle_at,
    SYS_io_uring_setup,
    SYS_memfd_create,
    SYS_prlimit64,
    SYS_setpriority,
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
    SYS_creat,
    SYS_unlink,
    SYS_rename,
    SYS_link,
    SYS_symlink,
    SYS_mkdir,
    SYS_rmdir,
    SYS_mknod,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
};
/* Not there, as far as the program can see: libc has other ways. */
static const int missing[] = {SYS_clone3, SYS_openat2};

#define FORBIDDEN (sizeof forbidden / sizeof *forbidden)
#define MISSING	  (sizeof missing / sizeof *missing)
#define WRITES	  (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define REFUSE	  (SECCOMP_RET_ERRNO | EPERM)

#define AT(member) ((unsigned)offsetof(struct seccomp_data, member))
#define FILTER(op, value, yes, no)                                             \
	((struct sock_filter){(unsigned short)(op), (yes), (no),               \
			      (unsigned)(value)})
#define LOAD(member)	      FILTER(BPF_LD | BPF_W | BPF_ABS, AT(member), 0, 0)
#define ANSWER(what)	      FILTER(BPF_RET | BPF_K, what, 0, 0)
#define EQUAL(value, yes, no) FILTER(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)

static size_t refuse(struct sock_filter *to, size_t n, int call,
		     unsigned answer)
{
	to[n++] = EQUAL(call, 0, 1);
	to[n++] = ANSWER(answer);
	return n;
}

/* Opening to write: the flags are argument `at`.  (Low half: little endian is
 * what all these architectures are.) */
static size_t refuse_writing(struct sock_filter *to, size_t n, int call,
			     unsigned at)
{
	unsigned flags = AT(args) + at * 8;

	to[n++] = EQUAL(call, 0, 4);
	to[n++] = FILTER(BPF_LD | BPF_W | BPF_ABS, flags, 0, 0);
	to[n++] = FILTER(BPF_JMP | BPF_JSET | BPF_K, WRITES, 0, 1);
	to[n++] = ANSWER(REFUSE);
	to[n++] = LOAD(nr);
	return n;
}

static bool forbid_calls(void)
{
#ifndef ARCH
	return false;
#else
	struct sock_filter to[2 * (FORBIDDEN + MISSING) + 32];
	struct sock_fprog program = {.filter = to};
	size_t n = 0;

	to[n++] = LOAD(arch);
	to[n++] = EQUAL(ARCH, 1, 0);
	to[n++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
	to[n++] = LOAD(nr);
#ifdef __x86_64__ /* x32 has other numbers */
	to[n++] = FILTER(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
	to[n++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
#endif
	for (size_t i = 0; i < FORBIDDEN; i++)
		n = refuse(to, n, forbidden[i], REFUSE);
	for (size_t i = 0; i < MISSING; i++)
		n = refuse(to, n, missing[i], SECCOMP_RET_ERRNO | ENOSYS);
	n = refuse_writing(to, n, SYS_openat, 2);
#ifdef SYS_open
	n = refuse_writing(to, n, SYS_open, 1);
#endif
	to[n++] = ANSWER(SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#endif
}

/* ---- files -------------------------------------------------------------- */

#define READ_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static void allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = access,
	    .parent_fd = open(path, O_PATH | O_CLOEXEC),
	};

	if (rule.parent_fd < 0)
		return; /* not on this system */
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule,
		0);
	close(rule.parent_fd);
}

/* Kernels without it (before 5.13) have the other walls. */
static void hide_files(void)
{
	static const char *const trees[] = {"/usr", "/lib",	  "/lib64",
					    "/bin", "/etc/fonts", NULL};
	/* all that the first version knows */
	struct landlock_ruleset_attr attr = {
	    .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	int rules =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

	if (rules < 0)
		return;
	for (size_t i = 0; trees[i]; i++)
		allow(rules, trees[i], READ_FILES | LANDLOCK_ACCESS_FS_EXECUTE);
	allow(rules, "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE);
	syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
}

/* ---- the program --------------------------------------------------------- */

static void limit(int what, rlim_t to)
{
	struct rlimit limit = {to, to};

	if (setrlimit((__rlimit_resource_t)what, &limit) < 0)
		_exit(NOT_LOCKED_IN);
}

static _Noreturn void run_program(const char *const argv[], int file, int out)
{
	char path[64], locale[] = "LC_ALL=C.UTF-8";
	char *const environment[] = {locale, NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(file, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2) < 0 ||
	    syscall(SYS_close_range, 3, ~0u, 0) < 0 || chdir("/") < 0)
		_exit(NOT_LOCKED_IN);
	limit(RLIMIT_CPU, PROCESSOR_S);
	limit(RLIMIT_AS, MEMORY);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES);
	/* where that is allowed */
	(void)!unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(NOT_LOCKED_IN);
	hide_files();
	if (!forbid_calls())
		_exit(NOT_LOCKED_IN);
	snprintf(path, sizeof path, "/usr/bin/%s", argv[0]);
	execve(path, (char *const *)(uintptr_t)argv, environment);
	_exit(NOT_THERE);
}

/* Until its end, our end of interest, or the end of its time. */
static void read_output(int fd, int wait_ms, jail_output_fn output, void *arg)
{
	char *block = malloc(OUTPUT_BLOCK);
	int64_t until = pf_clock_mono_ms() + wait_ms;

	while (block) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = until - pf_clock_mono_ms();
		ssize_t n;

		if (left <= 0)
			break;
		n = poll(&wait, 1, (int)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		n = read(fd, block, OUTPUT_BLOCK);
		if (n <= 0 || !output(arg, pf_str_mem(block, (size_t)n)))
			break;
	}
	free(block);
}

pf_status extract_jail_run(const char *const argv[], int file, int wait_ms,
			   jail_output_fn output, void *arg,
			   struct pf_error *err)
{
	int ends[2], result = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return pf_error_sys(err, errno, "a pipe");
	pid = fork();
	if (pid == 0)
		run_program(argv, file, ends[1]);
	close(ends[1]);
	if (pid > 0)
		read_output(ends[0], wait_ms, output, arg);
	close(ends[0]);
	if (pid < 0)
		return pf_error_sys(err, errno, "start %s", argv[0]);
	kill(pid, SIGKILL);
	while (waitpid(pid, &result, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(result) && (WEXITSTATUS(result) == NOT_THERE ||
				  WEXITSTATUS(result) == NOT_LOCKED_IN))
		return pf_error_set(err, PF_UNAVAILABLE, NULL, "%s %s", argv[0],
				    WEXITSTATUS(result) == NOT_THERE
					? "is not installed"
					: "cannot be locked in");
	return PF_OK;
}
