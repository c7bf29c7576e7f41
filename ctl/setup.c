/*
 * A whole penfold below one directory: what `penfold run --dir DIR` makes
 * when it is not there yet.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "net/net.h"

static void write_conf(struct pf_buf *to, const char *dir, unsigned port)
{
	pf_buf_addf(to,
		    "# penfold below %s, for trying out and for tests.\n"
		    "# penfold.conf(5) explains every setting; `penfold check "
		    "--dir %s`\n"
		    "# finds mistakes.\n\n"
		    "hostname = localhost\n"
		    "domains = *\n\n"
		    "run_dir = %s/run\n"
		    "state_dir = %s/state\n"
		    "user_file = %s/users\n"
		    "home_path = %s/mail/%%u\n"
		    "mail_path = %s/mail/%%u/Maildir\n\n"
		    "listen_imap = 127.0.0.1:%u\n"
		    "listen_imaps = 127.0.0.1:%u\n"
		    "listen_lmtp = 127.0.0.1:%u\n"
		    "listen_sieve = 127.0.0.1:%u\n"
		    "tls_cert = %s/tls/cert.pem\n"
		    "tls_key = %s/tls/key.pem\n\n"
		    "# Nothing here leaves this machine.\n"
		    "auth_plain_loopback = yes\n"
		    "socket_mode = 0666\n\n"
		    "create_folders = Drafts Sent Junk Trash\n\n"
		    "# Started by root: the system user that the mail shall "
		    "belong to.\n"
		    "#mail_user = vmail\n",
		    dir, dir, dir, dir, dir, dir, dir, port, port + 1, port + 2,
		    port + 3, dir, dir);
}

static bool exists(int at, const char *name)
{
	return faccessat(at, name, F_OK, 0) == 0;
}

static pf_status fill(int at, const char *dir, unsigned base_port,
		      struct pf_error *err)
{
	static const char *const folders[] = {"run", "state", "mail", "tls"};
	char cert[PATH_MAX + 20], key[PATH_MAX + 20];
	struct pf_buf conf = PF_BUF_INIT(16384);
	pf_status status = PF_OK;

	for (size_t i = 0; i < 4 && status == PF_OK; i++)
		if (!exists(at, folders[i]))
			status = pf_fs_mkdir(at, folders[i], 0755, err);
	if (status == PF_OK && !exists(at, "penfold.conf")) {
		write_conf(&conf, dir, base_port);
		status = pf_fs_replace(at, "penfold.conf", pf_buf_str(&conf),
				       0644, true, err);
	}
	if (status == PF_OK && !exists(at, "users"))
		status =
		    pf_fs_replace(at, "users", PF_STR(""), 0600, true, err);
	snprintf(cert, sizeof cert, "%s/tls/cert.pem", dir);
	snprintf(key, sizeof key, "%s/tls/key.pem", dir);
	if (status == PF_OK &&
	    (!exists(at, "tls/cert.pem") || !exists(at, "tls/key.pem")))
		status = net_tls_self_signed("localhost", cert, key, err);
	pf_buf_release(&conf);
	return status;
}

pf_status ctl_setup_dir(const char *dir, unsigned base_port,
			struct pf_error *err)
{
	char whole[PATH_MAX];
	int at = -1;
	pf_status status = pf_fs_mkdirs(dir, 0755, err);

	if (status != PF_OK)
		return status;
	if (!realpath(dir, whole))
		return pf_error_sys(err, errno, "%s", dir);
	status =
	    pf_fs_open(AT_FDCWD, whole, O_RDONLY | O_DIRECTORY, 0, &at, err);
	if (status != PF_OK)
		return status;
	status = fill(at, whole, base_port, err);
	close(at);
	return status;
}
