/*
 * Landlock and seccomp, spoken to without a library.
 *
 * The two strict lists name what is allowed; the wide one, for programs that
 * run others' code (scripts' programs, sendmail), names what is not.  What is
 * refused fails with EPERM: code that copes with errors goes on.
 */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LEFT_ALONE true
#else
#define LEFT_ALONE false
#endif

/* ---- files ----------------------------------------------------------------
 */

/* Newer than some headers: ABI 3, 5, 6. */
#define FS_TRUNCATE   (UINT64_C(1) << 14)
#define FS_IOCTL_DEV  (UINT64_C(1) << 15)
#define SCOPE_SIGNALS (UINT64_C(1) << 1)
#define SCOPE_SOCKETS (UINT64_C(1) << 0) /* abstract ones */

#define FS_READ                                                                \
	((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))

struct ruleset {
	uint64_t files, net, scoped;
};

static long landlock_abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		       LANDLOCK_CREATE_RULESET_VERSION);
}

static pf_status allow_reading(int set, const char *path, struct pf_error *err)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.allowed_access = FS_READ,
						  .parent_fd = fd};
	pf_status status = PF_OK;

	if (fd < 0)
		return pf_error_sys(err, errno, "%s", path);
	if (syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0) < 0)
		status = pf_error_sys(err, errno, "landlock %s", path);
	close(fd);
	return status;
}

pf_status pf_confine_files(const char *const *readable, struct pf_error *err)
{
	long abi = landlock_abi();
	struct ruleset rules = {.files =
				    (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	size_t size = sizeof rules.files;
	pf_status status = PF_OK;

	if (abi < 1 || LEFT_ALONE)
		return PF_OK;
	if (abi >= 2)
		rules.files |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rules.files |= FS_TRUNCATE;
	if (abi >= 5)
		rules.files |= FS_IOCTL_DEV;
	if (abi >= 6) {
		rules.scoped = SCOPE_SIGNALS | SCOPE_SOCKETS;
		size = sizeof rules;
	}
	int set = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (set < 0)
		return pf_error_sys(err, errno, "landlock");
	while (readable && *readable && status == PF_OK)
		status = allow_reading(set, *readable++, err);
	if (status == PF_OK && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		status = pf_error_sys(err, errno, "landlock");
	close(set);
	return status;
}

/* ---- system calls ---------------------------------------------------------
 */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

static const int talk_calls[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_close,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_accept4,
    SYS_connect,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_eventfd2,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrandom,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_sched_yield,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
    SYS_prlimit64,
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
#ifdef SYS_time
    SYS_time,
#endif
};

/* Besides: fstat and stat are one call for libc. */
static const int read_calls[] = {
    SYS_openat,	    SYS_fstat, SYS_newfstatat,
    SYS_statx,	    SYS_lseek, SYS_pread64,
#ifdef SYS_open
    SYS_open,
#endif
#ifdef SYS_stat
    SYS_stat,
#endif
#ifdef SYS_readlink
    SYS_readlink,
#endif
    SYS_readlinkat,
};

static const int never_calls[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_kcmp,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_open_by_handle_at,
    SYS_personality,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_move_mount,
    SYS_fsopen,
    SYS_open_tree,
    SYS_fspick,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define RULES_MAX   256

struct filter {
	struct sock_filter rules[RULES_MAX];
	unsigned short n;
};

static void add(struct filter *f, struct sock_filter rule)
{
	if (f->n < RULES_MAX)
		f->rules[f->n++] = rule;
}

#define LOAD(what)                                                             \
	((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                \
				      offsetof(struct seccomp_data, what)))
#define ANSWER(what)                                                           \
	((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (uint32_t)(what)))
#define UNLESS(value, skip)                                                    \
	((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,               \
				      (uint32_t)(value), 0, (skip)))
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)

static void add_each(struct filter *f, const int *calls, size_t n,
		     uint32_t answer)
{
	for (size_t i = 0; i < n; i++) {
		add(f, UNLESS(calls[i], 1));
		add(f, ANSWER(answer));
	}
}

/* One call with one value of one argument. */
static void add_with(struct filter *f, int call, struct sock_filter load,
		     uint32_t value)
{
	add(f, UNLESS(call, 4));
	add(f, load);
	add(f, UNLESS(value, 1));
	add(f, ANSWER(SECCOMP_RET_ALLOW));
	add(f, ANSWER(REFUSED));
}

static void begin(struct filter *f)
{
#ifdef ARCH
	add(f, LOAD(arch));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1,
					    0));
	add(f, ANSWER(REFUSED));
#endif
	add(f, LOAD(nr));
#ifdef __x86_64__
	/* x32: the same calls under other numbers */
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
					    0x40000000, 0, 1));
	add(f, ANSWER(REFUSED));
#endif
}

pf_status pf_confine_calls(enum pf_confine_calls which, struct pf_error *err)
{
	struct filter f = {.n = 0};
	struct sock_fprog program = {.filter = f.rules};

	if (LEFT_ALONE)
		return PF_OK;
	begin(&f);
	if (which == PF_CALLS_SERVE) {
		add_each(&f, never_calls, COUNT(never_calls), REFUSED);
		add(&f, ANSWER(SECCOMP_RET_ALLOW));
	} else {
		add_each(&f, talk_calls, COUNT(talk_calls), SECCOMP_RET_ALLOW);
		if (which == PF_CALLS_READ) {
			add_each(&f, read_calls, COUNT(read_calls),
				 SECCOMP_RET_ALLOW);
		} else {
			add_with(&f, SYS_socket, LOAD(args[0]), AF_UNIX);
			add_with(&f, SYS_socketpair, LOAD(args[0]), AF_UNIX);
			/* libuv's way to say O_NONBLOCK */
			add_with(&f, SYS_ioctl, LOAD(args[1]), FIONBIO);
		}
		add(&f, ANSWER(REFUSED));
	}
	program.len = f.n;
	if (f.n == RULES_MAX)
		return pf_error_set(err, PF_INTERNAL, NULL,
				    "seccomp: too many rules");
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) /* none in this kernel */
		return PF_OK;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return pf_error_sys(err, errno, "seccomp");
	return PF_OK;
}
