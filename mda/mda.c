/* What all deliveries of a process share. */
#include "mda/mda.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fsio.h"

void mda_index_notify(struct mda *mda, const char *user, struct pf_str folder)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct pf_buf text = PF_BUF_INIT(4096);

	/* named each time: indexd may start after us, or again */
	if (mda->index_socket >= 0 &&
	    pf_conf_run_path(mda->conf, "index.sock", un.sun_path,
			     sizeof un.sun_path)) {
		pf_buf_addf(&text, "%s\t%.*s", user, (int)folder.n, folder.p);
		(void)sendto(mda->index_socket, text.data, text.len,
			     MSG_DONTWAIT | MSG_NOSIGNAL,
			     (struct sockaddr *)&un, sizeof un);
	}
	pf_buf_release(&text);
}

pf_status mda_new(const struct pf_conf *conf, struct mda **out,
		  struct pf_error *problem)
{
	struct mda *mda = calloc(1, sizeof *mda);
	pf_status status;

	if (!mda)
		abort();
	mda->conf = conf;
	if (*conf->hostname)
		snprintf(mda->hostname, sizeof mda->hostname, "%s",
			 conf->hostname);
	else if (gethostname(mda->hostname, sizeof mda->hostname - 1) < 0)
		snprintf(mda->hostname, sizeof mda->hostname, "localhost");
	mda->rules = mda_rules_new(conf);
	mda->index_socket = -1;
	if (conf->index_enabled)
		mda->index_socket =
		    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	status = pf_fs_mkdirs(conf->state_dir, 0750, problem);
	if (status == PF_OK)
		status =
		    pf_journal_open(conf->state_dir, &mda->journal, problem);
	*out = mda;
	return status;
}

void mda_free(struct mda **mdap)
{
	struct mda *mda = *mdap;

	if (!mda)
		return;
	*mdap = NULL;
	pf_journal_close(&mda->journal);
	mda_rules_free(&mda->rules);
	if (mda->index_socket >= 0)
		close(mda->index_socket);
	free(mda);
}
