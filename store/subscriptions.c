/*
 * The subscriptions file, as Dovecot writes it.
 *
 *	v2:	V TAB 2 LF LF, then a name per line: its parts as on disk,
 *		parted by TAB, each tab-escaped (0x01 and a letter)
 *	v1:	a name per line with "." between the parts
 *
 * Both are read; v2 is written.  A subscription need not have a folder.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "store/names.h"

#define FILE_NAME      "subscriptions"
#define FILE_MAX       ((size_t)8 << 20)
#define VERSION2       "V\t2\n\n"
#define DOVECOT_ESCAPE '\001'

static void add_unescaped(struct pf_buf *to, struct pf_str part)
{
	static const char codes[] = "01tnr", bytes[] = "\0\001\t\n\r";

	for (size_t i = 0; i < part.n; i++) {
		const char *code;
		if (part.p[i] != DOVECOT_ESCAPE || i + 1 == part.n ||
		    !part.p[i + 1] || !(code = strchr(codes, part.p[i + 1]))) {
			pf_buf_add_byte(to, part.p[i]);
			continue;
		}
		pf_buf_add_byte(to, bytes[code - codes]);
		i++;
	}
}

/* One line -> UTF-8 name with the store's separator; false: not for us. */
static bool parse_line(const struct store *store, struct pf_str line, bool v2,
		       struct pf_buf *name)
{
	struct pf_buf folder = PF_BUF_INIT(1024);
	struct pf_str part;

	pf_buf_clear(name);
	if (line.n == 0)
		return false;
	if (pf_str_ieq(line, PF_STR("INBOX"))) {
		pf_buf_add_c(name, "INBOX");
		return true;
	}
	while (pf_str_split(&line, v2 ? '\t' : '.', &part)) {
		pf_buf_add_byte(&folder, '.');
		add_unescaped(&folder, part);
	}
	bool good = !folder.failed && !memchr(folder.data, '\0', folder.len) &&
		    store_folder_name(store, folder.data, name);
	pf_buf_release(&folder);
	return good && name->len;
}

void store_subscriptions_parse(const struct store *store, struct pf_str text,
			       store_subscription_fn *fn, void *arg)
{
	struct pf_buf name = PF_BUF_INIT(1024);
	struct pf_str line;
	bool v2 = pf_str_starts(text, PF_STR("V\t2\n"));

	if (v2)
		text = pf_str_from(text, 4);
	while (pf_str_split(&text, '\n', &line))
		if (parse_line(store, line, v2, &name))
			fn(arg, pf_buf_str(&name), line);
	pf_buf_release(&name);
}

pf_status store_subscriptions_read(struct store *store,
				   store_subscription_fn *fn, void *arg,
				   struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(FILE_MAX);
	pf_status status = pf_fs_read(store->dir, FILE_NAME, &text, err);

	if (status == PF_OK)
		store_subscriptions_parse(store, pf_buf_str(&text), fn, arg);
	pf_buf_release(&text);
	return status == PF_NOTFOUND ? PF_OK : status;
}

/* ---- changing
 * ------------------------------------------------------------------ */

struct edit {
	const struct store *store;
	struct pf_str name;
	struct pf_buf out;
	bool found;
};

/* The name's parts as on disk, parted by TAB. */
static void add_line(struct pf_buf *to, const struct store *store,
		     struct pf_str name)
{
	struct pf_str part;

	while (pf_str_split(&name, store->separator, &part)) {
		/* names have no control characters: nothing to escape */
		(void)pf_utf7_encode(to, part);
		if (name.n)
			pf_buf_add_byte(to, '\t');
	}
	pf_buf_add_byte(to, '\n');
}

static void keep_others(void *arg, struct pf_str name, struct pf_str line)
{
	struct edit *edit = arg;

	(void)line;
	if (pf_str_eq(name, edit->name)) {
		edit->found = true;
		return;
	}
	add_line(&edit->out, edit->store, name);
}

pf_status store_subscribe(struct store *store, struct pf_str name, bool on,
			  struct pf_error *err)
{
	struct pf_buf folder = PF_BUF_INIT(300);
	struct edit edit = {.store = store, .name = name};
	pf_status status = store_folder_of(store, name, &folder, err);

	pf_buf_release(&folder);
	if (status == PF_OK)
		status = store_root_lock(store, err);
	if (status != PF_OK)
		return status;
	if (store_is_inbox(name))
		edit.name = PF_STR("INBOX");
	pf_buf_init(&edit.out, FILE_MAX);
	pf_buf_add_c(&edit.out, VERSION2);
	status = store_subscriptions_read(store, keep_others, &edit, err);
	if (status == PF_OK && edit.found != on) {
		if (on)
			add_line(&edit.out, store, edit.name);
		status = pf_buf_status(&edit.out, err);
		if (status == PF_OK)
			status = pf_fs_replace(store->dir, FILE_NAME,
					       pf_buf_str(&edit.out),
					       STORE_FILE_MODE, true, err);
	}
	store_root_unlock(store);
	pf_buf_release(&edit.out);
	return status;
}
