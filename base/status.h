/*
 * What can go wrong, as one closed list.  A function that can fail returns
 * pf_status; the details travel in a struct pf_error (base/error.h).
 * One table maps these to IMAP response codes (imapd/reply.c), one to LMTP
 * codes (mda/reply.c).
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

/* clang-format off */
#define PF_STATUS_MAP(X)                                                  \
	X(OK,          "ok")                                              \
	X(NOTFOUND,    "not found")                                       \
	X(EXISTS,      "already exists")                                  \
	X(INVALID,     "invalid")           /* malformed input */         \
	X(LIMIT,       "limit exceeded")    /* too long, too deep, ... */ \
	X(NOPERM,      "permission denied")                               \
	X(NOSPACE,     "no space left")                                   \
	X(OVERQUOTA,   "over quota")                                      \
	X(BUSY,        "busy")              /* locked by another */       \
	X(UNAVAILABLE, "temporarily unavailable") /* a backend is down */ \
	X(AUTHFAILED,  "authentication failed")                           \
	X(DISABLED,    "account disabled")                                \
	X(EXPUNGED,    "message expunged")                                \
	X(CORRUPT,     "corrupt")           /* a file of ours */          \
	X(UNSUPPORTED, "not supported")                                   \
	X(TIMEOUT,     "timed out")                                       \
	X(CLOSED,      "closed")            /* the peer went away */      \
	X(CANCELLED,   "cancelled")                                       \
	X(MORE,        "more input needed")                               \
	X(IO,          "input/output error")                              \
	X(NOMEM,       "out of memory")                                   \
	X(INTERNAL,    "internal error")
/* clang-format on */

#define PF_STATUS_ENUM(name, text) PF_##name,
enum pf_status_code {
	PF_STATUS_MAP(PF_STATUS_ENUM) PF_STATUS_COUNT
};
#undef PF_STATUS_ENUM

typedef enum pf_status_code pf_status;

#define PF_CHECKED __attribute__((warn_unused_result))

/* "ok", "not found", ... never NULL */
const char *pf_status_text(pf_status status);

/* "OK", "NOTFOUND", ...: the name a log or JSON shows */
const char *pf_status_name(pf_status status);

/* The status an errno means.  0 gives PF_OK. */
pf_status pf_status_from_errno(int sys_errno);

#endif
