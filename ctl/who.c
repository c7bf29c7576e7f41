/*
 * penfold who: asks each session process for its sessions, or to end some.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/fsio.h"
#include "net/net.h"

static pf_status ask_worker(const struct pf_conf *conf, int worker,
			    struct pf_str question, struct pf_buf *answer,
			    struct pf_error *err)
{
	char name[40], path[200], address[220];
	int fd = -1;

	snprintf(name, sizeof name, "session-%d.ctl.sock", worker);
	if (!pf_conf_run_path(conf, name, path, sizeof path))
		return pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	snprintf(address, sizeof address, "unix:%s", path);
	pf_status status = net_connect(address, 5000, &fd, err);
	if (status != PF_OK)
		return status;
	status = pf_fs_write(fd, question.p, question.n, err);
	if (status == PF_OK)
		status = pf_fs_read_fd(fd, answer, err);
	close(fd);
	return status;
}

int ctl_who(struct ctl *ctl)
{
	struct pf_buf answer = PF_BUF_INIT(64 << 20);
	struct pf_error err;
	struct pf_conf conf;
	int code = 0;

	if (ctl->argc > 1)
		return ctl_usage(ctl, "what is \"%s\"?", ctl->argv[1]);
	if (!ctl_conf(ctl, &conf))
		return 1;
	for (int i = 0; i < conf.session_workers; i++)
		if (ask_worker(&conf, i, PF_STR("who\n"), &answer, &err) !=
		    PF_OK)
			code = ctl_fail(ctl, &err);
	fwrite(answer.data, 1, answer.len, stdout);
	pf_buf_release(&answer);
	pf_conf_release(&conf);
	return code;
}

pf_status ctl_end_sessions(const struct pf_conf *conf, const char *user,
			   const char *via, struct pf_error *err)
{
	struct pf_buf question = PF_BUF_INIT(1024), answer = PF_BUF_INIT(1024);
	pf_status status = PF_OK;
	char path[200], name[40];

	pf_buf_addf(&question, "end\t%s\t%s\n", user, via);
	for (int i = 0; i < conf->session_workers && status == PF_OK; i++) {
		snprintf(name, sizeof name, "session-%d.ctl.sock", i);
		if (pf_conf_run_path(conf, name, path, sizeof path) &&
		    access(path, F_OK) != 0)
			continue;
		status =
		    ask_worker(conf, i, pf_buf_str(&question), &answer, err);
	}
	pf_buf_release(&question);
	pf_buf_release(&answer);
	return status;
}
