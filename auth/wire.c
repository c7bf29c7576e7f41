/* Lines of Dovecot's auth protocols (wire.h). */
#include "auth/wire.h"

static const char escaped[] = {'\0', '\001', '\t', '\r', '\n'};
static const char letters[] = {'0', '1', 't', 'r', 'n'};

static int escape_index(const char *set, char c)
{
	for (int i = 0; i < (int)sizeof escaped; i++)
		if (set[i] == c)
			return i;
	return -1;
}

static void add_escaped(struct pf_buf *to, struct pf_str value)
{
	for (size_t i = 0; i < value.n; i++) {
		int special = escape_index(escaped, value.p[i]);
		if (special >= 0) {
			pf_buf_add_byte(to, '\001');
			pf_buf_add_byte(to, letters[special]);
		} else {
			pf_buf_add_byte(to, value.p[i]);
		}
	}
}

void auth_wire_add(struct pf_buf *to, struct pf_str value)
{
	pf_buf_add_byte(to, '\t');
	add_escaped(to, value);
}

void auth_wire_param(struct pf_buf *to, const char *name, struct pf_str value)
{
	pf_buf_add_byte(to, '\t');
	pf_buf_add_c(to, name);
	pf_buf_add_byte(to, '=');
	add_escaped(to, value);
}

void auth_wire_begin(struct pf_buf *to, const char *command, uint32_t id)
{
	pf_buf_add_c(to, command);
	pf_buf_add_byte(to, '\t');
	pf_buf_add_u64(to, id);
}

bool auth_wire_line(struct pf_str input, struct pf_str *line)
{
	ptrdiff_t end = pf_str_chr(input, '\n');

	if (end < 0)
		return false;
	*line = pf_str_head(input, (size_t)end);
	return true;
}

bool auth_wire_id(struct pf_str *line, uint32_t *id)
{
	struct pf_str word;
	uint64_t number;

	if (!auth_wire_word(line, &word) ||
	    !pf_str_u64(word, AUTH_WIRE_ID_MAX, &number) || number == 0)
		return false;
	*id = (uint32_t)number;
	return true;
}

struct pf_str auth_wire_unescape(struct pf_str word, struct pf_arena *arena)
{
	if (pf_str_chr(word, '\001') < 0)
		return word;
	char *to = pf_arena_alloc(arena, word.n);
	size_t n = 0;

	if (!to)
		return (struct pf_str){NULL, 0};
	for (size_t i = 0; i < word.n; i++) {
		int special = -1;
		if (word.p[i] == '\001' && i + 1 < word.n)
			special = escape_index(letters, word.p[++i]);
		to[n++] = special >= 0 ? escaped[special] : word.p[i];
	}
	return pf_str_mem(to, n);
}

bool auth_wire_value(struct pf_str word, const char *name,
		     struct pf_arena *arena, struct pf_str *value)
{
	size_t n = strlen(name);

	if (word.n <= n || word.p[n] != '=' || memcmp(word.p, name, n) != 0)
		return false;
	*value = auth_wire_unescape(pf_str_from(word, n + 1), arena);
	return true;
}

bool auth_wire_clean(struct pf_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (escape_index(escaped, text.p[i]) >= 0)
			return false;
	return true;
}

static void auth_params(struct pf_str line, struct pf_arena *arena,
			struct auth_wire_request *r)
{
	static const struct pf_str resp = {"resp=", 5};
	struct pf_str word;

	while (line.n) {
		/* resp= is the last: whatever follows is its value, so that
		 * nothing in it can pass for another parameter */
		if (pf_str_starts(line, resp)) {
			r->has_resp = true;
			r->resp = pf_str_from(line, resp.n);
			return;
		}
		if (!auth_wire_word(&line, &word))
			return;
		if (auth_wire_value(word, "service", arena, &r->service) ||
		    auth_wire_value(word, "lip", arena, &r->local_ip) ||
		    auth_wire_value(word, "rip", arena, &r->remote_ip) ||
		    auth_wire_value(word, AUTH_WIRE_EXPORTER, arena,
				    &r->exporter) ||
		    auth_wire_value(word, AUTH_WIRE_END_POINT, arena,
				    &r->end_point))
			continue;
		r->secured |= pf_str_eq(word, PF_STR("secured")) ||
			      pf_str_starts(word, PF_STR("secured="));
		r->nologin |= pf_str_eq(word, PF_STR("nologin"));
		r->temp_fail |= pf_str_eq(word, PF_STR("temp-fail"));
	}
}

static enum auth_wire_kind parse(struct pf_str line, struct pf_arena *arena,
				 struct auth_wire_request *r)
{
	struct pf_str command, word;
	uint64_t minor;

	if (!auth_wire_word(&line, &command))
		return AUTH_WIRE_UNKNOWN;
	if (pf_str_eq(command, PF_STR("VERSION"))) {
		if (!auth_wire_id(&line, &r->id) ||
		    !auth_wire_word(&line, &word) ||
		    !pf_str_u64(word, UINT32_MAX, &minor))
			return AUTH_WIRE_BAD;
		r->minor = (uint32_t)minor;
		return AUTH_WIRE_VERSION;
	}
	if (pf_str_eq(command, PF_STR("CPID")))
		return auth_wire_id(&line, &r->id) ? AUTH_WIRE_CPID
						   : AUTH_WIRE_BAD;
	if (pf_str_eq(command, PF_STR("CANCEL")))
		return auth_wire_id(&line, &r->id) ? AUTH_WIRE_CANCEL
						   : AUTH_WIRE_BAD;
	if (pf_str_eq(command, PF_STR("CONT"))) {
		if (!auth_wire_id(&line, &r->id))
			return AUTH_WIRE_BAD;
		r->has_resp = true;
		r->resp = line;
		return AUTH_WIRE_CONT;
	}
	if (!pf_str_eq(command, PF_STR("AUTH")))
		return AUTH_WIRE_UNKNOWN;
	if (!auth_wire_id(&line, &r->id) || !auth_wire_word(&line, &r->mech) ||
	    r->mech.n == 0)
		return AUTH_WIRE_BAD;
	auth_params(line, arena, r);
	return AUTH_WIRE_AUTH;
}

void auth_wire_request_parse(struct pf_str line, struct pf_arena *arena,
			     struct auth_wire_request *request)
{
	*request = (struct auth_wire_request){0};
	request->kind = parse(line, arena, request);
}
