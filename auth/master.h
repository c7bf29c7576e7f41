/*
 * The master protocol, without I/O: what mda, sessions and indexd ask.
 *
 *	C: VERSION 1 0
 *	S: VERSION 1 1 / SPID pid
 *	C: USER id name [service=s] [address]	  "address": cut extensions
 *	C: REQUEST id client-pid auth-id cookie	  who logged in there? (once)
 *	S: USER id name [uid= gid=] home= mail= [detail=] [penfold_via=]
 *	   / NOTFOUND id / FAIL id
 *	C: LIST id
 *	S: *( LIST id name [uid= gid=] home= mail= ) DONE id / FAIL id
 */
#ifndef AUTH_MASTER_H
#define AUTH_MASTER_H

#include "auth/auth.h"
#include "auth/wire.h"

enum auth_master_kind {
	AUTH_MASTER_VERSION, /* id: the major version */
	AUTH_MASTER_USER,
	AUTH_MASTER_REQUEST,
	AUTH_MASTER_LIST,
	AUTH_MASTER_UNKNOWN, /* to be ignored */
	AUTH_MASTER_BAD	     /* to be closed */
};

struct auth_master_request {
	enum auth_master_kind kind;
	uint32_t id;
	struct pf_str name; /* USER */
	bool address;
	struct pf_str cookie; /* REQUEST: pid TAB id TAB cookie, raw */
};

void auth_master_request_parse(struct pf_str line, struct pf_arena *arena,
			       struct auth_master_request *request);

void auth_master_hello(struct pf_buf *to);
/* command: "USER" or "LIST"; detail.p NULL: none; via "": none. */
void auth_master_user(struct pf_buf *to, const char *command, uint32_t id,
		      const struct auth_user *user, struct pf_str detail,
		      const char *via);
/* "NOTFOUND", or "FAIL" for all other faults. */
void auth_master_fault(struct pf_buf *to, uint32_t id, pf_status status);

/* The key of a login in the table of cookies: the same three words. */
void auth_master_cookie(struct pf_buf *to, uint32_t client_pid, uint32_t id,
			const char *cookie);

#endif
