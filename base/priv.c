#include "base/priv.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_LEAST 256

static pf_status find_user(const char *name, struct passwd *pw, char *buffer,
			   size_t size, struct pf_error *err)
{
	struct passwd *found;
	int code = getpwnam_r(name, pw, buffer, size, &found);

	if (code != 0)
		return pf_error_sys(err, code, "look up system user %s", name);
	if (!found)
		return pf_error_set(err, PF_NOTFOUND, NULL,
				    "there is no system user \"%s\"", name);
	return PF_OK;
}

pf_status pf_priv_lookup(const char *name, uid_t *uid, gid_t *gid,
			 struct pf_error *err)
{
	char buffer[4096];
	struct passwd pw;

	if (!name[0]) {
		*uid = geteuid();
		*gid = getegid();
		return PF_OK;
	}
	pf_status status = find_user(name, &pw, buffer, sizeof buffer, err);
	if (status == PF_OK) {
		*uid = pw.pw_uid;
		*gid = pw.pw_gid;
	}
	return status;
}

pf_status pf_priv_become(const char *name, struct pf_error *err)
{
	char buffer[4096];
	struct passwd pw;

	if (!name[0] || geteuid() != 0)
		return PF_OK;
	pf_status status = find_user(name, &pw, buffer, sizeof buffer, err);
	if (status != PF_OK || pw.pw_uid == 0)
		return status;
	if (initgroups(pw.pw_name, pw.pw_gid) != 0 || setgid(pw.pw_gid) != 0 ||
	    setuid(pw.pw_uid) != 0)
		return pf_error_sys(err, errno, "become %s", name);
	if (setuid(0) == 0)
		return pf_error_set(err, PF_INTERNAL, NULL,
				    "still root after becoming %s", name);
	return PF_OK;
}

size_t pf_priv_all_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return FILES_LEAST;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < FILES_LEAST) /* then nothing works anyway */
		return FILES_LEAST;
	return files.rlim_cur < INT32_MAX ? (size_t)files.rlim_cur : INT32_MAX;
}

void pf_priv_harden(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void pf_priv_only_read(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	if (geteuid() != 0)
		return;
	data[0].effective = data[0].permitted = 1u << CAP_DAC_READ_SEARCH;
	(void)syscall(SYS_capset, &head, data);
}
