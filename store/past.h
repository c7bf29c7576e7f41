/* Inside store/: what was expunged, and flags as they were (past.c). */
#ifndef STORE_PAST_H
#define STORE_PAST_H

#include "store/box.h"

/* Below the root.  Not at its top: programs that look for mail in any folder
 * (notmuch) pass over the tmp/ of a Maildir. */
#define PAST_DIR     "penfold-past"
#define PAST_ROOT    PAST_DIR "/tmp/mail"
#define PAST_JOURNAL "penfold.past"

/* ---- past.c ------------------------------------------------------------ */

/* Removes a file ("cur/name") of a message that is expunged.  keep: into the
 * past, if there is one; otherwise for good. */
PF_CHECKED pf_status store_past_take(struct store_box *box, const char *path,
				     bool keep, struct pf_error *err);
/* All files of a mailbox that is being removed, whose directory is `name`
 * below the root. */
void store_past_take_tree(struct store *store, const char *folder,
			  const char *name);
/* Writes down what such a mailbox was called, before it loses its name; and
 * removes that. */
void store_past_name(struct store_box *box);
void store_past_unname(struct store_box *box);
/* The folder is called `to` now. */
void store_past_renamed(struct store *store, const char *from, const char *to);
/* The folder's directory in the past, or -1. */
int store_past_dir(struct store *store, const char *folder, bool make,
		   struct pf_error *err);

/* ---- past_journal.c ---------------------------------------------------- */

struct store_past_line {
	char kind;  /* 'E': expunged; 'F': flags changed */
	int64_t us; /* when */
	uint32_t uidvalidity;
	uint32_t lo, hi; /* E: the UID twice */
	uint32_t flags;	 /* as they were before */
	int64_t save_date;
	struct pf_str base, guid; /* E only; guid may be empty */
	struct pf_str keywords;	  /* names, blanks between */
};
struct store_past_lines pf_vec(struct store_past_line);

/* What is about to be committed: into box->past_text, and written. */
void store_past_note(struct store_box *box);
/* One message that is gone, or all of them. */
void store_past_note_gone(struct store_box *box, const struct store_rec *rec);
void store_past_write(struct store_box *box, bool durable);
/* Whose UIDs may come back: each becomes a claim (scan.c). */
void store_past_claims(struct store_box *box);
/* Is a file that nobody knows perhaps one that was here before? */
bool store_past_may_return(const struct store_box *box, struct pf_str base,
			   bool in_new);
/* The lines of a journal; texts are `text`'s.  What is no line is skipped
 * (also fuzzed). */
void store_past_parse(struct pf_str text, struct store_past_lines *lines);
/* Reads the one in a folder of the past. */
PF_CHECKED pf_status store_past_read(int dir, struct pf_buf *text,
				     struct store_past_lines *lines,
				     struct pf_error *err);
/* Forgets lines from before `us`. */
void store_past_shorten(int dir, int64_t us);

#endif
