/*
 * penfold search: IMAP's search engine on the command line.  Needs nothing
 * that runs and writes nothing into the mail.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/priv.h"
#include "ctl/found.h"
#include "ctl/query.h"
#include "search/search.h"
#include "store/store.h"

#define QUERY_MAX 65536

enum format {
	FORMAT_FILES,
	FORMAT_UIDS,
	FORMAT_JSON
};

struct hunt {
	struct store *store;
	struct ctl_query query;
	char *index_path; /* NULL: none */
	char separator;
	enum format format;
	struct ctl_found *maildir; /* instead of a list */
	uint64_t found;
	bool progress; /* on a terminal */
};

static void show(struct hunt *hunt, struct store_box *box,
		 const struct store_msg *msg, struct pf_str path)
{
	struct pf_str name = store_box_name(box);

	if (hunt->format == FORMAT_UIDS) {
		printf("%.*s:%u\n", (int)name.n, name.p, msg->uid);
	} else if (hunt->format == FORMAT_FILES) {
		printf("%.*s\n", (int)path.n, path.p);
	} else {
		printf("%s\n {\"mailbox\": ", hunt->found ? "," : "[");
		ctl_json_string(name);
		printf(", \"uid\": %u, \"size\": %llu, \"date\": %lld, "
		       "\"file\": ",
		       msg->uid, (unsigned long long)msg->size,
		       (long long)msg->date);
		ctl_json_string(path);
		putchar('}');
	}
}

static pf_status take(struct hunt *hunt, struct store_box *box, uint32_t uid,
		      struct pf_error *err)
{
	struct pf_buf below = PF_BUF_INIT(4096), path = PF_BUF_INIT(8192);
	pf_status status = store_msg_path(box, uid, &below, err);
	const struct store_msg *msg = store_box_find(box, uid);

	if (!status && msg) {
		pf_buf_addf(&path, "%s/%s", store_root(hunt->store),
			    below.data);
		if (hunt->maildir)
			status = ctl_found_add(hunt->maildir, pf_buf_str(&path),
					       err);
		else
			show(hunt, box, msg, pf_buf_str(&path));
		hunt->found++;
	}
	pf_buf_release(&path);
	pf_buf_release(&below);
	/* it went away while we looked: not a failure */
	return status == PF_EXPUNGED ? PF_OK : status;
}

static pf_status search_view(struct hunt *hunt, struct store_view *view,
			     struct pf_error *err)
{
	struct store_box *box = store_view_box(view);
	struct search *search;
	uint32_t done, total;
	pf_status status = search_new(view, &hunt->query.root, NULL,
				      hunt->index_path, &search, err);

	if (status != PF_OK)
		return status;
	while ((status = search_step(search, 200, err)) == PF_MORE) {
		if (!hunt->progress)
			continue;
		search_progress(search, &done, &total);
		struct pf_str name = store_box_name(box);
		fprintf(stderr, "\r%.*s: %u of %u\033[K", (int)name.n, name.p,
			done, total);
	}
	if (hunt->progress)
		fprintf(stderr, "\r\033[K");
	const struct store_uids *uids = search_result(search);
	for (size_t i = 0; status == PF_OK && i < uids->n; i++)
		status = take(hunt, box, uids->v[i], err);
	search_free(&search);
	return status;
}

static pf_status search_box(struct hunt *hunt, struct pf_str name,
			    struct pf_error *err)
{
	struct store_box *box;
	struct store_view *view;
	pf_status status = store_box_open(hunt->store, name, &box, err);

	if (status != PF_OK)
		return status;
	ctl_query_place(&hunt->query, name, hunt->separator);
	status = store_view_new(box, false, &view, err);
	if (status == PF_OK) {
		status = search_view(hunt, view, err);
		store_view_free(&view);
	}
	store_box_close(&box);
	return status;
}

static pf_status search_all(struct hunt *hunt, struct pf_error *err)
{
	struct store_names names = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, 64 << 20);
	pf_status status = store_list(hunt->store, &arena, &names, err);
	for (size_t i = 0; status == PF_OK && i < names.n; i++)
		if (names.v[i].flags & STORE_NAME_EXISTS)
			status = search_box(hunt, names.v[i].name, err);
	pf_vec_release(&names);
	pf_arena_release(&arena);
	for (size_t i = 0; status == PF_OK && i < hunt->query.ins.n; i++)
		if (!hunt->query.ins.v[i].found)
			status = pf_error_set(err, PF_NOTFOUND, NULL,
					      "there is no mailbox \"%.*s\"",
					      (int)hunt->query.ins.v[i].name.n,
					      hunt->query.ins.v[i].name.p);
	return status;
}

static int hunt_mail(struct ctl *ctl, const struct pf_conf *conf,
		     const char *mail, struct hunt *hunt)
{
	struct pf_buf index_path = PF_BUF_INIT(4096);
	struct pf_error err;
	struct store_conf store_conf = {
	    .root = mail,
	    .separator = conf->hierarchy_separator[0],
	    .special_use = conf->special_use,
	    .read_only = true,
	};

	if (store_open(&store_conf, &hunt->store, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	if (conf->index_enabled) {
		search_index_path(&index_path, mail);
		hunt->index_path = index_path.data;
	}
	hunt->separator = store_conf.separator;
	pf_status status = search_all(hunt, &err);
	store_close(&hunt->store);
	pf_buf_release(&index_path);
	if (hunt->format == FORMAT_JSON)
		puts(hunt->found ? "\n]" : "[]");
	return status == PF_OK ? 0 : ctl_fail(ctl, &err);
}

/* Into a Maildir of links: the whole of it, or what was there stays. */
static int hunt_links(struct ctl *ctl, const struct pf_conf *conf,
		      const char *mail, const char *to, struct hunt *hunt)
{
	struct pf_error err;
	int code;

	if (ctl_found_new(to, &hunt->maildir, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	code = hunt_mail(ctl, conf, mail, hunt);
	if (code == 0 && ctl_found_show(hunt->maildir, &err) != PF_OK)
		code = ctl_fail(ctl, &err);
	if (code == 0)
		printf("%llu messages\n", (unsigned long long)hunt->found);
	ctl_found_free(&hunt->maildir);
	return code;
}

/* The arguments with blanks between them. */
static bool parse_query(struct ctl *ctl, struct pf_arena *arena,
			struct pf_buf *text, struct ctl_query *query)
{
	struct pf_error err;
	pf_status status;

	for (int i = 1; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--") == 0)
			continue;
		if (text->len)
			pf_buf_add_byte(text, ' ');
		pf_buf_add_c(text, ctl->argv[i]);
	}
	status = pf_buf_status(text, &err);
	if (!status)
		status = ctl_query_parse(query, arena, pf_buf_str(text),
					 pf_clock_now(), &err);
	if (status == PF_INVALID && text->len)
		fprintf(stderr, "%.*s\n%*s\n", (int)text->len, text->data,
			(int)query->column, "^");
	if (status)
		ctl_usage(ctl, "%s", err.log);
	return !status;
}

static int search(struct ctl *ctl, const char *user, const char *maildir,
		  struct hunt *hunt)
{
	struct auth_identity id = {0};
	struct pf_error err;
	struct pf_conf conf;
	int code;

	/* one's own mail needs no site */
	if (!user && !ctl->conf_given && access(ctl->conf_path, R_OK) < 0)
		pf_conf_init(&conf);
	else if (!ctl_conf(ctl, &conf))
		return 1;
	if (ctl_account(&conf, user, &id, &err) != PF_OK ||
	    (user && pf_priv_become(conf.mail_user, &err) != PF_OK))
		code = ctl_fail(ctl, &err);
	else if (maildir)
		code = hunt_links(ctl, &conf, id.mail, maildir, hunt);
	else
		code = hunt_mail(ctl, &conf, id.mail, hunt);
	auth_identity_release(&id);
	pf_conf_release(&conf);
	return code;
}

int ctl_search(struct ctl *ctl)
{
	const char *user = ctl_option(ctl, "-u");
	const char *format = ctl_option(ctl, "--format");
	const char *maildir = ctl_option(ctl, "--maildir");
	struct hunt hunt = {.progress = isatty(STDERR_FILENO)};
	struct pf_buf text = PF_BUF_INIT(QUERY_MAX);
	struct pf_arena arena;
	int code = 2;

	if (format && strcmp(format, "uids") == 0)
		hunt.format = FORMAT_UIDS;
	else if (format && strcmp(format, "json") == 0)
		hunt.format = FORMAT_JSON;
	else if (format && strcmp(format, "files") != 0)
		return ctl_usage(ctl, "--format is files, uids or json");
	if (format && maildir)
		return ctl_usage(ctl, "either --format or --maildir");
	pf_arena_init(&arena, (size_t)4 << 20);
	if (parse_query(ctl, &arena, &text, &hunt.query))
		code = search(ctl, user, maildir, &hunt);
	ctl_query_release(&hunt.query);
	pf_arena_release(&arena);
	pf_buf_release(&text);
	return code;
}
