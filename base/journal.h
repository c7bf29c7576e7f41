/*
 * The delivery journal: one line per delivered copy, without any content, so
 * that "why is this message here" can be answered months later.
 *
 *	1 TAB time_us TAB id TAB queue_id TAB sender TAB recipient TAB user
 *	TAB mailbox TAB file TAB rule TAB size LF
 *
 * Backslash, TAB, LF and other control characters are written as \xNN.  A
 * line is about 200 octets and at most 1280: long names are cut.  One O_APPEND
 *write per line, not synced: the journal explains, it promises nothing.  At 64
 *MiB `journal` becomes `journal.1`, and so on up to `journal.9`.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "base/error.h"
#include "base/str.h"

struct pf_journal_entry {
	int64_t when_us;
	struct pf_str id;	 /* the delivery id */
	struct pf_str queue_id;	 /* the MTA's, or empty */
	struct pf_str sender;	 /* envelope; empty: <> */
	struct pf_str recipient; /* envelope, as it came */
	struct pf_str user;
	struct pf_str mailbox; /* where it went; empty: not stored */
	struct pf_str file;    /* base name of the message file, or empty */
	struct pf_str rule;    /* "sieve line 4", "mlists line 2", ... */
	uint64_t size;
};

/* Open for appending; thread-safe, also beside other processes. */
struct pf_journal;
PF_CHECKED pf_status pf_journal_open(const char *state_dir,
				     struct pf_journal **journal,
				     struct pf_error *err);
PF_CHECKED pf_status pf_journal_append(struct pf_journal *journal,
				       const struct pf_journal_entry *entry,
				       struct pf_error *err);
void pf_journal_close(struct pf_journal **journal);

/* Calls fn for each entry, newest first, until it returns false.  Lines that
 * are broken are skipped. */
PF_CHECKED pf_status
pf_journal_scan(const char *state_dir,
		bool (*fn)(void *arg, const struct pf_journal_entry *entry),
		void *arg, struct pf_error *err);

#endif
