/* What a script asks about the world around a message (struct sieve_message),
 * answered from the configuration, the store and the user's home. */
#include "filter/filter.h"

#include <fcntl.h>
#include <sys/mman.h>
#include "base/fsio.h"

#define LIST_MAX (1 << 20) /* bytes of a list */

static bool mailbox_exists(void *arg, struct pf_str name)
{
	struct filter_ask *ask = arg;
	struct share_place place;
	bool exists = false;

	/* RFC 5490 3.1: exists, and the user may deliver to it */
	if (ask->share)
		return share_find(ask->share, name, &place, NULL) == PF_OK &&
		       place.exists &&
		       (place.store == ask->store ||
			(place.rights & STORE_POST));
	return store_name_check(ask->store, name, &exists, NULL) == PF_OK &&
	       exists;
}

/* The shared file: its body is that of any other copy. */
static int file(void *arg)
{
	struct filter_ask *ask = arg;

	return ask->fd;
}

/* On the disk of the mail, if its file system can do that */
static int scratch(void *arg)
{
	struct filter_ask *ask = arg;
	int fd = -1;

	if (ask->store)
		fd = open(store_root(ask->store),
			  O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : memfd_create("penfold-sieve", MFD_CLOEXEC);
}

static int program(void *arg, const struct sieve_program *wanted)
{
	struct filter_ask *ask = arg;
	const struct filter_caller caller = {
	    .filter = ask->filter,
	    .id = ask->id,
	    .from = ask->message->from,
	    .to = ask->message->to,
	    .orcpt = ask->message->dsn.orcpt,
	};

	return filter_program_run(&caller, wanted);
}

static bool duplicate(void *arg, struct pf_str handle, struct pf_str id,
		      int64_t seconds)
{
	struct filter_ask *ask = arg;

	return filter_duplicate_seen(ask->id, handle, id, seconds);
}

static bool special_use(void *arg, struct pf_str role, struct pf_str *mailbox)
{
	struct filter_ask *ask = arg;
	struct store_names names = {0};
	bool found = false;

	if (store_list(ask->store, &ask->arena, &names, NULL) != PF_OK)
		return false;
	for (size_t i = 0; i < names.n && !found; i++) {
		const struct store_name *name = &names.v[i];

		found = (name->flags & STORE_NAME_EXISTS) &&
			pf_str_ieq(name->special_use, role);
		if (found)
			*mailbox = name->name;
	}
	pf_vec_release(&names);
	return found;
}

/* RFC 8474 4: F and the mailbox's GUID, as STATUS shows it */
static bool mailbox_of_id(void *arg, struct pf_str id, struct pf_str *mailbox)
{
	struct filter_ask *ask = arg;
	struct store_names names = {0};
	bool found = false;

	if (!pf_str_starts(id, PF_STR("F")) ||
	    store_list(ask->store, &ask->arena, &names, NULL) != PF_OK)
		return false;
	id = pf_str_from(id, 1);
	for (size_t i = 0; i < names.n && !found; i++) {
		struct store_box_info info;
		uint32_t recent;

		found = (names.v[i].flags & STORE_NAME_EXISTS) &&
			store_status(ask->store, names.v[i].name, &info,
				     &recent, NULL) == PF_OK &&
			pf_str_eq(id, pf_str_c(info.guid));
		if (found)
			*mailbox = names.v[i].name;
	}
	pf_vec_release(&names);
	return found;
}

static bool metadata(void *arg, struct pf_str mailbox, struct pf_str name,
		     struct pf_str *value)
{
	struct filter_ask *ask = arg;
	struct pf_buf text = PF_BUF_INIT(STORE_METADATA_VALUE_MAX);
	bool found = store_metadata_name_valid(name) &&
		     store_metadata_get(ask->store, mailbox, NULL, name, &text,
					NULL) == PF_OK;

	if (found)
		*value = pf_arena_str(&ask->arena, pf_buf_str(&text));
	pf_buf_release(&text);
	return found && value->p;
}

/* ---- lists (RFC 6134) ---- */

/* DIRECTORY/lists/NAME; no name leads out of it. */
static bool read_list(struct filter_ask *ask, const char *directory,
		      struct pf_str name, struct pf_str *text)
{
	struct pf_buf path = PF_BUF_INIT(4096), content = PF_BUF_INIT(LIST_MAX);
	bool found = *directory &&
		     pf_conf_expand(&path, directory, pf_str_c(ask->id->user),
				    ask->id->home, NULL) == PF_OK;

	pf_buf_addf(&path, "/lists/%.*s", (int)name.n, name.p);
	found = found && !path.failed &&
		pf_fs_read(AT_FDCWD, path.data, &content, NULL) == PF_OK;
	if (found)
		*text = pf_arena_str(&ask->arena, pf_buf_str(&content));
	pf_buf_release(&path);
	pf_buf_release(&content);
	return found && text->p;
}

/* The user's own, else the site's; ":addrbook:default" is the file
 * addrbook:default. */
static bool list(void *arg, struct pf_str name, struct pf_str *text)
{
	struct filter_ask *ask = arg;
	const struct pf_conf *conf = ask->filter->conf;

	if (pf_str_starts(name, PF_STR(":")))
		name = pf_str_from(name, 1);
	if (name.n == 0 || name.n > 255 || name.p[0] == '.' ||
	    pf_str_chr(name, '/') >= 0 || pf_str_chr(name, '\0') >= 0)
		return false;
	return read_list(ask, conf->sieve_dir, name, text) ||
	       read_list(ask, conf->sieve_global, name, text);
}

/* After an event or by FILTER (RFC 6785 4) */
static bool event_environment(const struct filter_event *event,
			      struct pf_str name, struct pf_str *value)
{
	const struct {
		const char *name;
		struct pf_str value;
	} items[] = {
	    {"location", PF_STR("MS")},
	    {"phase", PF_STR("post")},
	    {"imap.user", event->user},
	    {"imap.email", event->email},
	    {"imap.cause", event->cause},
	    {"imap.mailbox", event->mailbox},
	    {"imap.changedflags", event->changed},
	    {"vnd.dovecot.mailbox-from", event->from},
	    {"vnd.dovecot.mailbox-to",
	     event->to.n ? event->to : event->mailbox},
	};

	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		if (!pf_str_ieq(name, pf_str_c(items[i].name)) ||
		    (i >= 2 && !event->transient))
			continue;
		*value = items[i].value.p ? items[i].value : PF_STR("");
		return true;
	}
	return false;
}

/* RFC 5183 4.1 */
static bool environment(void *arg, struct pf_str name, struct pf_str *value)
{
	struct filter_ask *ask = arg;
	struct pf_str host = pf_str_c(ask->filter->hostname);
	ptrdiff_t dot = pf_str_chr(host, '.');

	if (ask->event && event_environment(ask->event, name, value))
		return true;
	if (pf_str_ieq(name, PF_STR("host")))
		*value = host;
	else if (pf_str_ieq(name, PF_STR("domain")))
		*value = pf_str_from(host, dot < 0 ? host.n : (size_t)dot + 1);
	else if (pf_str_ieq(name, PF_STR("remote-ip")))
		*value = ask->client;
	else if (pf_str_ieq(name, PF_STR("vnd.dovecot.username")))
		*value = pf_str_c(ask->id->user);
	else
		return false;
	return true;
}

/* user_addresses, with the user's name in them */
static struct pf_str own_addresses(struct filter_ask *ask)
{
	struct pf_str rest = pf_str_c(ask->filter->conf->user_addresses), word;
	struct pf_buf own = PF_BUF_INIT(64 * 1024);

	while (pf_conf_word(&rest, &word)) {
		char pattern[300];

		if (!pf_str_copy(word, pattern, sizeof pattern))
			continue;
		(void)!pf_conf_expand(&own, pattern, pf_str_c(ask->id->user),
				      ask->id->home, NULL);
		pf_buf_add_byte(&own, ' ');
	}
	struct pf_str kept = pf_arena_str(&ask->arena, pf_buf_str(&own));
	pf_buf_release(&own);
	return kept;
}

void filter_ask_init(struct filter_ask *ask, struct sieve_message *asks)
{
	pf_arena_init(&ask->arena, 64 << 20);
	asks->arg = ask;
	asks->own = own_addresses(ask);
	asks->spam_header = pf_str_c(ask->filter->conf->sieve_spam_header);
	asks->virus_header = pf_str_c(ask->filter->conf->sieve_virus_header);
	asks->mailbox_exists = mailbox_exists;
	asks->file = file;
	ask->message = asks;
	asks->scratch = scratch;
	asks->program = program;
	asks->duplicate = duplicate;
	asks->special_use = special_use;
	asks->mailbox_of_id = mailbox_of_id;
	asks->metadata = metadata;
	asks->list = list;
	asks->environment = environment;
}

void filter_ask_release(struct filter_ask *ask)
{
	pf_arena_release(&ask->arena);
}
