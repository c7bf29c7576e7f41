/*
 * An error is a value with two texts: what the client may be told and what
 * only the log gets.  The place that meets the fault fills it once, callers
 * may put context in front of the log text, and only the top of a program
 * logs it (libraries never log).
 *
 *	return pf_error_set(err, PF_NOTFOUND, "No such mailbox",
 *			    "open %s: no such folder", path);
 *
 * err may be NULL everywhere: then only the status is returned.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/status.h"

struct pf_error {
	pf_status status;
	int sys_errno;	  /* 0 when no system call failed */
	char client[160]; /* one line, no content of other people's mail */
	char log[360];	  /* one line; escaped by the logger */
};

/* Fills *err (if not NULL) and returns `status`.  `client` is plain text, not
 * a format; NULL means the status' own text. */
__attribute__((format(printf, 4, 5))) pf_status
pf_error_set(struct pf_error *err, pf_status status, const char *client,
	     const char *log_format, ...);

/* The same for a failed system call: status and "...: strerror" come from
 * `sys_errno`, and the client hears only the status' text. */
__attribute__((format(printf, 3, 4))) pf_status
pf_error_sys(struct pf_error *err, int sys_errno, const char *log_format, ...);

/* Puts "context: " in front of the log text. */
__attribute__((format(printf, 2, 3))) void
pf_error_context(struct pf_error *err, const char *log_format, ...);

#endif
