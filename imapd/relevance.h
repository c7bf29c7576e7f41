/* relevance: scores of what FUZZY found (RFC 6203 4). */
#ifndef IMAPD_RELEVANCE_H
#define IMAPD_RELEVANCE_H

#include "imapd/client.h"
#include "search/search.h"

struct relevance {
	struct imap_key *grades[SEARCH_GRADES];
	bool wanted;
	int grade; /* the next one */
	struct search *search;
	struct pf_vec(uint8_t) scores; /* of what was found, in its order */
};

struct find;
/* Asks the grades of f->result; MORE, DONE, or an error. */
PF_CHECKED pf_status relevance_step(struct cmd *cmd, struct find *f,
				    struct pf_error *err);
/* 1-100 */
unsigned relevance_score(const struct find *f, uint32_t uid);
void relevance_release(struct relevance *relevance);

#endif
