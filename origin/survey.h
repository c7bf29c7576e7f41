/* Inside origin/: the mailboxes of a tree, and what was noted about it. */
#ifndef ORIGIN_SURVEY_H
#define ORIGIN_SURVEY_H

#include "origin/origin.h"

#define ORIGIN_TEXT_MAX ((size_t)256 << 20)
#define ORIGIN_PATH_MAX 4096
#define ORIGIN_MODE	0600

struct origin_box {
	char *path;	/* below the root now: ".", ".A.B", "A/B" */
	char *folder;	/* where our store wants it: ".", ".A.B" */
	char *name;	/* UTF-8 with the store's separator */
	const char *no; /* why it cannot be kept; NULL: it can */
	enum origin_kind kind;
	uint32_t messages;
};

/* Lines of the root's penfold-takeover: what was done, so that it is done once
 * and can be undone. */
struct origin_note {
	char *what, *from, *to; /* "" where there is none */
};

struct origin_survey {
	const struct origin_conf *conf;
	int root;
	struct pf_vec(struct origin_box) boxes; /* sorted by folder */
	struct pf_vec(struct origin_note) notes;
	bool fs, courier; /* LAYOUT=fs; Courier's files are there */
};

/* NOTFOUND, INVALID (no Maildir). */
PF_CHECKED pf_status origin_survey_new(const struct origin_conf *conf,
				       struct origin_survey *survey,
				       struct pf_error *err);
void origin_survey_release(struct origin_survey *survey);

__attribute__((format(printf, 3, 4))) void
origin_say(const struct origin_conf *conf, int level, const char *format, ...);

/* "a/b" without doubled or lone "." parts */
void origin_path(struct pf_buf *path, const char *folder, const char *name);

/* In LAYOUT=fs, Dovecot takes penfold-past for a mailbox, unless it lies
 * in tmp, which Dovecot never looks into for mailboxes (takeover.c). */
PF_CHECKED pf_status origin_past_hide(struct origin_survey *s, bool hide,
				      struct pf_error *err);
bool origin_noted(const struct origin_survey *survey, const char *what,
		  const char *from);
PF_CHECKED pf_status origin_note(struct origin_survey *survey, const char *what,
				 const char *from, const char *to,
				 struct pf_error *err);
PF_CHECKED pf_status origin_notes_read(struct origin_survey *survey,
				       struct pf_error *err);

/* A file below the root, or below CONTROL= or INDEX= for that mailbox: there,
 * "." is ".INBOX" or the directory itself.  NOTFOUND. */
PF_CHECKED pf_status origin_read(const struct origin_survey *survey,
				 const struct origin_box *box, const char *name,
				 struct pf_buf *text, struct pf_error *err);
/* Its path before it was moved; INBOX is ".INBOX". */
const char *origin_old_path(const struct origin_survey *survey,
			    const struct origin_box *box);
PF_CHECKED pf_status origin_read_beside(const struct origin_survey *survey,
					const char *beside,
					const struct origin_box *box,
					const char *name, struct pf_buf *text,
					struct pf_error *err);
bool origin_has(const struct origin_survey *survey,
		const struct origin_box *box, const char *name);

/* What is known about UIDs, from the best source; `text` holds the names.
 * False: nothing. */
bool origin_box_uids(const struct origin_survey *survey,
		     const struct origin_box *box, struct pf_buf *text,
		     struct origin_uids *uids, const char **source);
/* Keywords that no letter of a file name stands for.  The caller releases
 * `keywords` and the UIDs (free) it stands on. */
void origin_box_keywords(const struct origin_survey *survey,
			 const struct origin_box *box,
			 const struct origin_uids *uids, uint32_t **numbers,
			 struct origin_keywords *keywords);

/* An open store on it. */
PF_CHECKED pf_status origin_store(const struct origin_conf *conf,
				  struct store **store, struct pf_error *err);

#endif
