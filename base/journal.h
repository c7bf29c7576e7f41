/*
 * The delivery journal: one line per delivered copy, without any content, so
 * that "why is this message here" can be answered months later.
 *
 *	2 TAB time_us TAB id TAB queue_id TAB message TAB sender TAB recipient
 *	TAB user TAB mailbox TAB file TAB rule TAB size LF
 *
 * A line has at most 300 octets.  Backslash, TAB, LF and other control
 * characters are written as \xNN; what is too long is cut, the longest first,
 * and ends in "\~".  `message` is a hash of the Message-ID.  A user that is
 * the recipient is written as "=".  Lines that begin with 1 are older: they
 * lack `message`.
 *
 * One O_APPEND write per line, not synced: the journal explains, it promises
 * nothing.  At a tenth of journal_size `journal` becomes `journal.1`, and so
 * on up to `journal.9`.  Nothing else is an index: a look-up runs through the
 * mapped files for its key (docs/decisions/146-journal.md).
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "base/error.h"
#include "base/str.h"

struct pf_journal_entry {
	int64_t when_us;
	struct pf_str id;	 /* the delivery id */
	struct pf_str queue_id;	 /* the MTA's, or empty */
	struct pf_str message;	 /* of pf_journal_message(), or empty */
	struct pf_str sender;	 /* envelope; empty: <> */
	struct pf_str recipient; /* envelope, as it came */
	struct pf_str user;
	struct pf_str mailbox; /* where it went; empty: not stored */
	struct pf_str file;    /* unique part of the file's name, or empty */
	struct pf_str rule;    /* "sieve line 4", "mlists line 2", ... */
	uint64_t size;
	bool cut; /* reading: the envelope is not whole */
};

#define PF_JOURNAL_LINE_MAX	300
#define PF_JOURNAL_MESSAGE_SIZE 17 /* 16 hexadecimal digits and NUL */

/* What stands for a Message-ID (with or without <>); "" for an empty one. */
void pf_journal_message(struct pf_str message_id,
			char to[PF_JOURNAL_MESSAGE_SIZE]);
/* "dir/1795.M1P2.host,S=1:2,S" -> "1795.M1P2.host": the file name's part that
 * stays when flags change */
struct pf_str pf_journal_file(struct pf_str path);

/* Open for appending; thread-safe, also beside other processes. */
struct pf_journal;
PF_CHECKED pf_status pf_journal_open(const char *state_dir, int64_t size_max,
				     struct pf_journal **journal,
				     struct pf_error *err);
PF_CHECKED pf_status pf_journal_append(struct pf_journal *journal,
				       const struct pf_journal_entry *entry,
				       struct pf_error *err);
void pf_journal_close(struct pf_journal **journal);

/* Calls fn for each entry in which a whole field is `key` (empty: all),
 * newest first, until it returns false.  Lines that are broken are skipped. */
PF_CHECKED pf_status
pf_journal_scan(const char *state_dir, struct pf_str key,
		bool (*fn)(void *arg, const struct pf_journal_entry *entry),
		void *arg, struct pf_error *err);

#endif
