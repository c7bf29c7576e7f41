/*
 * penfold index: how far the full-text index is, is it right, make it (anew).
 * Building is penfold-indexd's, which is started here in the foreground; it
 * shares the index with one that is running.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/priv.h"
#include "ctl/index.h"
#include "search/search.h"

/* ---- building ---------------------------------------------------------- */

static bool become_owner(const struct pf_conf *conf,
			 const struct auth_identity *id)
{
	if (geteuid() != 0)
		return true;
	if (id->uid == (uid_t)-1 || id->gid == (gid_t)-1)
		return pf_priv_become(conf->mail_user, NULL) == PF_OK;
	return setgroups(0, NULL) == 0 &&
	       setresgid(id->gid, id->gid, id->gid) == 0 &&
	       setresuid(id->uid, id->uid, id->uid) == 0;
}

static int build(struct ctl *ctl, const char *conf_path,
		 const struct pf_conf *conf, const struct auth_identity *id,
		 bool rebuild)
{
	char program[4096];
	int result = 0;
	pid_t pid;

	ctl_program("penfold-indexd", program, sizeof program);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (become_owner(conf, id))
			execl(program, "penfold-indexd", "-c", conf_path,
			      rebuild ? "--rebuild" : "--once", id->mail,
			      (char *)NULL);
		fprintf(stderr, "penfold %s: %s: %s\n", ctl->argv[0], program,
			strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &result, 0) < 0)
		return 1;
	return WIFEXITED(result) ? WEXITSTATUS(result) : 1;
}

/* ---- status ------------------------------------------------------------ */

static pf_status look(const char *path, struct ctl_index_count *count,
		      const struct store_conf *conf, struct pf_error *err)
{
	struct index *index = NULL;
	pf_status status = index_open(path, search_text_version(), &index, err);

	if (status == PF_NOTFOUND)
		return PF_OK; /* none of it is indexed */
	if (!status) {
		status = ctl_index_count(conf, index, count, err);
		index_close(&index);
	}
	return status;
}

static int show_status(struct ctl *ctl, const struct store_conf *conf)
{
	struct pf_buf path = PF_BUF_INIT(8192), texts = PF_BUF_INIT(8192);
	struct ctl_index_count count = {0};
	struct pf_error err = {0};
	struct ctl_index_size index, attached;
	pf_status status;

	search_index_path(&path, conf->root);
	search_attached_path(&texts, conf->root, "text");
	status = ctl_index_count(conf, NULL, &count, &err);
	if (!status)
		status = look(path.data, &count, conf, &err);
	if (status == PF_CORRUPT)
		printf("the index is damaged: it will be built again\n");
	index = ctl_index_size(path.data);
	attached = ctl_index_size(texts.data);
	printf("messages     %u\n"
	       "indexed      %u (%u %%)\n"
	       "index        %llu KiB (mail: %llu KiB)\n"
	       "attachments  %u messages, %llu KiB of text\n",
	       count.messages, count.indexed,
	       count.messages
		   ? (unsigned)(count.indexed * (uint64_t)100 / count.messages)
		   : 100,
	       (unsigned long long)index.bytes / 1024,
	       (unsigned long long)count.size / 1024, attached.files,
	       (unsigned long long)attached.bytes / 1024);
	pf_buf_release(&path);
	pf_buf_release(&texts);
	return status ? ctl_fail(ctl, &err) : 0;
}

/* ---- verify ------------------------------------------------------------ */

static int verify(struct ctl *ctl, const struct store_conf *conf)
{
	struct pf_buf path = PF_BUF_INIT(8192);
	struct ctl_index_check check = {0};
	struct index *index = NULL;
	struct pf_error err = {0};
	int64_t began = pf_clock_mono_ms();
	pf_status status;

	search_index_path(&path, conf->root);
	status = index_open(path.data, search_text_version(), &index, &err);
	if (!status) {
		status = ctl_index_verify(conf, index, &check, &err);
		index_close(&index);
	}
	pf_buf_release(&path);
	if (status)
		return ctl_fail(ctl, &err);
	int64_t ms = pf_clock_mono_ms() - began;
	printf("%u messages asked for %u of their words in %.1f s (%u/s)\n"
	       "%u not indexed yet, %u words missing\n",
	       check.messages, check.words, (double)ms / 1000,
	       (unsigned)(check.messages * (int64_t)1000 / (ms + 1)),
	       check.unindexed, check.missing);
	if (!check.missing)
		return 0;
	fprintf(stderr,
		"penfold %s: the index is wrong: penfold index rebuild\n",
		ctl->argv[0]);
	return 1;
}

/* ---- the verb ---------------------------------------------------------- */

static int run(struct ctl *ctl, const char *conf_path,
	       const struct pf_conf *conf, const struct auth_identity *id)
{
	const char *what = ctl->argv[1];
	struct store_conf store = {
	    .root = id->mail,
	    .separator = conf->hierarchy_separator[0],
	    .special_use = conf->special_use,
	    .read_only = true,
	};

	if (strcmp(what, "status") == 0)
		return show_status(ctl, &store);
	if (strcmp(what, "verify") == 0)
		return verify(ctl, &store);
	return build(ctl, conf_path, conf, id, strcmp(what, "rebuild") == 0);
}

int ctl_index(struct ctl *ctl)
{
	static const char *const verbs[] = {"status", "update", "rebuild",
					    "verify"};
	const char *user = ctl_option(ctl, "-u");
	const char *conf_path = ctl->conf_path;
	struct auth_identity id = {0};
	struct pf_error err;
	struct pf_conf conf;
	bool known = false;
	int code;

	for (size_t i = 0; ctl->argc == 2 && i < 4; i++)
		known = known || strcmp(ctl->argv[1], verbs[i]) == 0;
	if (!known)
		return ctl_usage(ctl, "status, update, rebuild or verify?");
	if (!user && !ctl->conf_given && access(conf_path, R_OK) < 0) {
		pf_conf_init(&conf);
		conf_path = "/dev/null";
	} else if (!ctl_conf(ctl, &conf)) {
		return 1;
	}
	if (ctl_account(&conf, user, &id, &err) != PF_OK)
		code = ctl_fail(ctl, &err);
	else
		code = run(ctl, conf_path, &conf, &id);
	auth_identity_release(&id);
	pf_conf_release(&conf);
	return code;
}
