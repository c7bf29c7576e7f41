/*
 * What must be there before the programs start: a whole penfold below one
 * directory (`penfold run --dir DIR`), and folders that mail_user may write.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/priv.h"
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

/* Makes the folder for the owner if it is missing.  One that is there is left
 * alone (it may be /home), unless it lies below our own --dir. */
static pf_status give_folder(const char *path, const char *dir, uid_t uid,
			     gid_t gid, struct pf_error *err)
{
	char whole[PATH_MAX];
	struct stat st;
	bool made = stat(path, &st) != 0;
	pf_status status = made ? pf_fs_mkdirs(path, 0755, err) : PF_OK;

	if (status != PF_OK)
		return status;
	bool ours = made || (dir && realpath(dir, whole) && st.st_uid == 0 &&
			     pf_str_starts(pf_str_c(path), pf_str_c(whole)));
	if (ours && lchown(path, uid, gid) != 0)
		return pf_error_sys(err, errno, "give %s to mail_user", path);
	return PF_OK;
}

/* "/var/vmail/%d/%n/Maildir" -> "/var/vmail" */
static void fixed_part(const char *path, char *to, size_t size)
{
	const char *percent = strchr(path, '%');
	struct pf_str fixed = {path, percent ? (size_t)(percent - path)
					     : strlen(path)};
	ptrdiff_t slash = pf_str_rchr(fixed, '/');

	if (!percent || slash <= 0 ||
	    !pf_str_copy(pf_str_head(fixed, (size_t)slash), to, size))
		to[0] = '\0';
}

pf_status ctl_prepare_site(const struct ctl *ctl, const struct pf_conf *conf,
			   struct pf_error *err)
{
	char journal[PATH_MAX], mail[PATH_MAX], home[PATH_MAX];
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0 || !conf->mail_user[0])
		return PF_OK;
	pf_status status = pf_priv_lookup(conf->mail_user, &uid, &gid, err);
	if (status == PF_OK)
		status = give_folder(conf->state_dir, ctl->dir, uid, gid, err);
	snprintf(journal, sizeof journal, "%s/journal", conf->state_dir);
	if (status == PF_OK && access(journal, F_OK) == 0)
		status = give_folder(journal, ctl->dir, uid, gid, err);
	fixed_part(conf->mail_path, mail, sizeof mail);
	fixed_part(conf->home_path, home, sizeof home);
	if (status == PF_OK && mail[0])
		status = give_folder(mail, ctl->dir, uid, gid, err);
	if (status == PF_OK && home[0])
		status = give_folder(home, ctl->dir, uid, gid, err);
	return status;
}
