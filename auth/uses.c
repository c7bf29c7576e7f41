/* Last uses of device passwords (uses.h). */
#include "auth/uses.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"
#include "base/priv.h"

#define AGAIN_MS (60 * 1000)
#define LATELY	 4096

void auth_uses_init(struct auth_uses *uses, const struct pf_conf *conf)
{
	struct pf_buf path = PF_BUF_INIT(4096);
	struct pf_error err;
	uid_t uid;
	gid_t gid;

	uses->conf = conf;
	auth_ttl_init(&uses->lately, AGAIN_MS, LATELY);
	pf_buf_addf(&path, "%s/devices", conf->state_dir);
	pf_status status = pf_conf_make_state_dir(conf, &err);
	if (status == PF_OK)
		status = pf_fs_mkdirs(path.data, 0700, &err);
	if (status == PF_OK && geteuid() == 0)
		status = pf_priv_lookup(conf->auth_user, &uid, &gid, &err);
	if (status == PF_OK && geteuid() == 0 &&
	    chown(path.data, uid, gid) != 0)
		status =
		    pf_error_set(&err, PF_NOPERM, NULL, "chown %s", path.data);
	if (status != PF_OK)
		pf_log_error(PF_LOG_WARN, "devices", &err);
	pf_buf_release(&path);
}

void auth_uses_release(struct auth_uses *uses)
{
	auth_ttl_release(&uses->lately);
}

void auth_uses_note(struct auth_uses *uses, const char *user,
		    const char *device, const char *service, const char *ip)
{
	struct pf_buf path = PF_BUF_INIT(4096), line = PF_BUF_INIT(512);
	time_t now = pf_clock_now();
	int64_t now_ms = pf_clock_mono_ms();
	struct pf_error err;
	char text[32];
	struct tm tm;

	pf_buf_addf(&path, "%s/devices/%s:%s", uses->conf->state_dir, user,
		    device);
	pf_buf_addf(&line, "%s %s %s %s", user, device, service, ip);
	if (!auth_ttl_get(&uses->lately, pf_buf_str(&line), now_ms)) {
		auth_ttl_put(&uses->lately, pf_buf_str(&line), now_ms);
		gmtime_r(&now, &tm);
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
		pf_buf_clear(&line);
		pf_buf_addf(&line, "%s %s %s\n", text, service, ip);
		if (pf_fs_replace(AT_FDCWD, path.data, pf_buf_str(&line), 0600,
				  false, &err) != PF_OK)
			pf_log_error(PF_LOG_WARN, "devices", &err);
	}
	pf_buf_release(&path);
	pf_buf_release(&line);
}
