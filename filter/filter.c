/* What all runs of a process share. */
#include "filter/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fsio.h"

void filter_index_notify(struct filter *filter, const char *user,
			 struct pf_str folder)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct pf_buf text = PF_BUF_INIT(4096);

	/* named each time: indexd may start after us, or again */
	if (filter->index_socket >= 0 &&
	    pf_conf_run_path(filter->conf, "index.sock", un.sun_path,
			     sizeof un.sun_path)) {
		pf_buf_addf(&text, "%s\t%.*s", user, (int)folder.n, folder.p);
		(void)sendto(filter->index_socket, text.data, text.len,
			     MSG_DONTWAIT | MSG_NOSIGNAL,
			     (struct sockaddr *)&un, sizeof un);
	}
	pf_buf_release(&text);
}

pf_status filter_new(const struct pf_conf *conf, struct filter **out,
		     struct pf_error *problem)
{
	struct filter *filter = calloc(1, sizeof *filter);
	pf_status status;

	if (!filter)
		abort();
	filter->conf = conf;
	if (*conf->hostname)
		snprintf(filter->hostname, sizeof filter->hostname, "%s",
			 conf->hostname);
	else if (gethostname(filter->hostname, sizeof filter->hostname - 1) < 0)
		snprintf(filter->hostname, sizeof filter->hostname,
			 "localhost");
	filter->rules = filter_rules_new(conf);
	filter->index_socket = -1;
	if (conf->index_enabled)
		filter->index_socket =
		    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	status = pf_fs_mkdirs(conf->state_dir, 0750, problem);
	if (status == PF_OK)
		status = pf_journal_open(conf->state_dir, conf->journal_size,
					 &filter->journal, problem);
	*out = filter;
	return status;
}

void filter_free(struct filter **filterp)
{
	struct filter *filter = *filterp;

	if (!filter)
		return;
	*filterp = NULL;
	pf_journal_close(&filter->journal);
	filter_rules_free(&filter->rules);
	if (filter->index_socket >= 0)
		close(filter->index_socket);
	free(filter);
}
