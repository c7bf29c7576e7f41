/*
 * Recipients that were found a moment ago.  Mail comes in bursts (a list, a
 * retry, fifty messages to one user), and a second later nobody's answer has
 * changed: so a burst asks authd once, and RCPT is answered at once instead
 * of after two changes of threads and a question to another process.  Only
 * what was found is kept: "no such user" and "ask later" are never old.
 *
 * Used on the loop's thread only.
 */
#include "mda/mda.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

#define KEEP_MS	    1000
#define ENTRIES_MAX 2000

struct entry {
	struct auth_identity id;
	int64_t until; /* pf_clock_mono_ms() */
};

struct mda_recent {
	struct pf_map entries; /* address -> struct entry */
};

struct mda_recent *mda_recent_new(void)
{
	struct mda_recent *recent = calloc(1, sizeof *recent);

	if (!recent)
		abort();
	return recent;
}

static void free_entry(struct entry *entry)
{
	if (!entry)
		return;
	auth_identity_release(&entry->id);
	free(entry);
}

static void forget_all(struct mda_recent *recent)
{
	const struct pf_map_entry *at;
	size_t pos = 0;

	while ((at = pf_map_next(&recent->entries, &pos)))
		free_entry(at->value);
	pf_map_release(&recent->entries);
}

void mda_recent_free(struct mda_recent **recent)
{
	if (!*recent)
		return;
	forget_all(*recent);
	free(*recent);
	*recent = NULL;
}

static char *copy(const char *s)
{
	return s ? pf_str_dup(pf_str_c(s)) : NULL;
}

static struct auth_identity copy_identity(const struct auth_identity *id)
{
	return (struct auth_identity){
	    .user = copy(id->user),
	    .home = copy(id->home),
	    .mail = copy(id->mail),
	    .uid = id->uid,
	    .gid = id->gid,
	    .quota = copy(id->quota),
	    .detail = copy(id->detail),
	};
}

bool mda_recent_get(struct mda_recent *recent, struct pf_str mailbox,
		    struct auth_identity *id)
{
	struct entry *entry = pf_map_get(&recent->entries, mailbox);

	if (!entry || entry->until < pf_clock_mono_ms())
		return false;
	*id = copy_identity(&entry->id);
	return true;
}

void mda_recent_put(struct mda_recent *recent, struct pf_str mailbox,
		    const struct auth_identity *id)
{
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		abort();
	if (recent->entries.count >= ENTRIES_MAX)
		forget_all(recent);
	entry->id = copy_identity(id);
	entry->until = pf_clock_mono_ms() + KEEP_MS;
	free_entry(pf_map_set(&recent->entries, mailbox, entry));
}
