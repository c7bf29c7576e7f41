/* The master protocol (master.h). */
#include "auth/master.h"

#include <unistd.h>

static enum auth_master_kind parse(struct pf_str line, struct pf_arena *arena,
				   struct auth_master_request *r)
{
	struct pf_str command, word;

	if (!auth_wire_word(&line, &command))
		return AUTH_MASTER_UNKNOWN;
	if (pf_str_eq(command, PF_STR("VERSION")))
		return auth_wire_id(&line, &r->id) ? AUTH_MASTER_VERSION
						   : AUTH_MASTER_BAD;
	if (pf_str_eq(command, PF_STR("LIST")))
		return auth_wire_id(&line, &r->id) ? AUTH_MASTER_LIST
						   : AUTH_MASTER_BAD;
	if (pf_str_eq(command, PF_STR("REQUEST"))) {
		if (!auth_wire_id(&line, &r->id))
			return AUTH_MASTER_BAD;
		r->cookie = line;
		return AUTH_MASTER_REQUEST;
	}
	if (!pf_str_eq(command, PF_STR("USER")))
		return AUTH_MASTER_UNKNOWN;
	if (!auth_wire_id(&line, &r->id) || !auth_wire_word(&line, &word))
		return AUTH_MASTER_BAD;
	r->name = auth_wire_unescape(word, arena);
	while (auth_wire_word(&line, &word))
		r->address |= pf_str_eq(word, PF_STR("address"));
	return AUTH_MASTER_USER;
}

void auth_master_request_parse(struct pf_str line, struct pf_arena *arena,
			       struct auth_master_request *request)
{
	*request = (struct auth_master_request){0};
	request->kind = parse(line, arena, request);
}

void auth_master_hello(struct pf_buf *to)
{
	pf_buf_addf(to, "VERSION\t1\t1\nSPID\t%ld\n", (long)getpid());
}

static void add_id(struct pf_buf *to, const char *name, uint32_t id)
{
	if (id == (uint32_t)-1)
		return;
	pf_buf_add_byte(to, '\t');
	pf_buf_add_c(to, name);
	pf_buf_add_byte(to, '=');
	pf_buf_add_u64(to, id);
}

void auth_master_user(struct pf_buf *to, const char *command, uint32_t id,
		      const struct auth_user *user, struct pf_str detail,
		      const char *via)
{
	auth_wire_begin(to, command, id);
	auth_wire_add(to, pf_str_c(user->name));
	add_id(to, "uid", user->uid);
	add_id(to, "gid", user->gid);
	auth_wire_param(to, "home", pf_str_c(user->home));
	auth_wire_param(to, "mail", pf_str_c(user->mail));
	if (user->quota)
		auth_wire_param(to, "quota_rule", pf_str_c(user->quota));
	if (detail.p)
		auth_wire_param(to, "detail", detail);
	if (via[0])
		auth_wire_param(to, AUTH_WIRE_VIA, pf_str_c(via));
	auth_wire_end(to);
}

void auth_master_fault(struct pf_buf *to, uint32_t id, pf_status status)
{
	auth_wire_begin(to, status == PF_NOTFOUND ? "NOTFOUND" : "FAIL", id);
	auth_wire_end(to);
}

void auth_master_cookie(struct pf_buf *to, uint32_t client_pid, uint32_t id,
			const char *cookie)
{
	pf_buf_addf(to, "%u\t%u\t%s", client_pid, id, cookie);
}
