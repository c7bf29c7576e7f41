/*
 * penfold search: IMAP's search engine on the command line.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/priv.h"
#include "ctl/query.h"
#include "search/search.h"
#include "store/store.h"

enum format {
	FORMAT_FILES,
	FORMAT_UIDS,
	FORMAT_JSON
};

struct hunt {
	struct store *store;
	struct imap_key root;
	char *index_path; /* NULL: none */
	enum format format;
	uint64_t found;
	bool progress; /* on a terminal */
};

static pf_status show(struct hunt *hunt, struct store_box *box, uint32_t uid,
		      struct pf_error *err)
{
	struct pf_buf path = PF_BUF_INIT(4096);
	struct pf_str name = store_box_name(box);

	if (hunt->format == FORMAT_UIDS) {
		printf("%.*s:%u\n", (int)name.n, name.p, uid);
		return PF_OK;
	}
	pf_status status = store_msg_path(box, uid, &path, err);
	if (status == PF_OK && hunt->format == FORMAT_FILES) {
		printf("%s/%s\n", store_root(hunt->store), path.data);
	} else if (status == PF_OK) {
		const struct store_msg *msg = store_box_find(box, uid);
		printf("%s\n {\"mailbox\": ", hunt->found ? "," : "[");
		ctl_json_string(name);
		printf(", \"uid\": %u, \"size\": %llu, \"date\": %lld, "
		       "\"file\": ",
		       uid, msg ? (unsigned long long)msg->size : 0,
		       msg ? (long long)msg->date : 0);
		ctl_json_string(pf_buf_str(&path));
		putchar('}');
	}
	pf_buf_release(&path);
	/* it went away while we looked: not a failure */
	return status == PF_EXPUNGED ? PF_OK : status;
}

static pf_status search_view(struct hunt *hunt, struct store_view *view,
			     struct pf_error *err)
{
	struct store_box *box = store_view_box(view);
	struct search *search;
	uint32_t done, total;
	pf_status status =
	    search_new(view, &hunt->root, NULL, hunt->index_path, &search, err);

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
	for (size_t i = 0; status == PF_OK && i < uids->n; i++) {
		status = show(hunt, box, uids->v[i], err);
		hunt->found++;
	}
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
	return status;
}

static int hunt_mail(struct ctl *ctl, const struct pf_conf *conf,
		     const char *mail, const char *box, struct hunt *hunt)
{
	struct pf_buf index_path = PF_BUF_INIT(4096);
	struct pf_error err;
	struct store_conf store_conf = {
	    .root = mail,
	    .separator = conf->hierarchy_separator[0],
	    .special_use = conf->special_use,
	};

	/* what we write (UIDs of new mail) must belong to the mail's owner */
	if (pf_priv_become(conf->mail_user, &err) != PF_OK ||
	    store_open(&store_conf, &hunt->store, &err) != PF_OK)
		return ctl_fail(ctl, &err);
	if (conf->index_enabled) {
		search_index_path(&index_path, mail);
		hunt->index_path = index_path.data;
	}
	pf_status status = box ? search_box(hunt, pf_str_c(box), &err)
			       : search_all(hunt, &err);
	store_close(&hunt->store);
	pf_buf_release(&index_path);
	if (hunt->format == FORMAT_JSON)
		puts(hunt->found ? "\n]" : "[]");
	return status == PF_OK ? 0 : ctl_fail(ctl, &err);
}

static bool parse_query(struct ctl *ctl, struct pf_arena *arena,
			struct imap_key *root)
{
	struct imap_key **last = &root->child;
	struct pf_error err;

	root->kind = IMAP_KEY_AND;
	for (int i = 1; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--") == 0)
			continue;
		if (ctl_query_key(arena, pf_str_c(ctl->argv[i]), last, &err) !=
		    PF_OK) {
			ctl_usage(ctl, "%s", err.log);
			return false;
		}
		last = &(*last)->next;
	}
	if (!root->child)
		ctl_usage(ctl, "what shall I look for?");
	return root->child != NULL;
}

int ctl_search(struct ctl *ctl)
{
	const char *user = ctl_option(ctl, "-u");
	const char *box = ctl_option(ctl, "--in");
	const char *format = ctl_option(ctl, "--format");
	struct hunt hunt = {.progress = isatty(STDERR_FILENO)};
	struct auth_identity id = {0};
	struct pf_arena arena;
	struct pf_error err;
	struct pf_conf conf;
	int code;

	if (format && strcmp(format, "uids") == 0)
		hunt.format = FORMAT_UIDS;
	else if (format && strcmp(format, "json") == 0)
		hunt.format = FORMAT_JSON;
	else if (format && strcmp(format, "files") != 0)
		return ctl_usage(ctl, "--format is files, uids or json");
	pf_arena_init(&arena, 1 << 20);
	if (!parse_query(ctl, &arena, &hunt.root)) {
		pf_arena_release(&arena);
		return 2;
	}
	if (!ctl_conf(ctl, &conf)) {
		pf_arena_release(&arena);
		return 1;
	}
	if (ctl_account(&conf, user, &id, &err) != PF_OK)
		code = ctl_fail(ctl, &err);
	else
		code = hunt_mail(ctl, &conf, id.mail, box, &hunt);
	auth_identity_release(&id);
	pf_arena_release(&arena);
	pf_conf_release(&conf);
	return code;
}
