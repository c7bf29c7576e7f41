/* Any bytes to a connection of the auth-client protocol, in pieces of the
 * size that the first byte says; the same lines to the master protocol. */
#include <stdlib.h>

#include "auth/master.h"
#include "auth/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pf_conf conf;
static struct auth_users *users;

static void set_up(void)
{
	pf_conf_init(&conf);
	auth_users_parse(
	    &conf,
	    PF_STR("ann:{PLAIN}secret\n"
		   "bob:{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
		   "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		   "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n"),
	    &users, NULL);
}

static pf_status find_user(void *arg, struct pf_str name,
			   const struct auth_user **user, struct pf_error *err)
{
	(void)arg;
	(void)err;
	*user = auth_users_find(users, name);
	return *user ? PF_OK : PF_NOTFOUND;
}

static void work(void *arg, struct auth_attempt *a)
{
	pf_status status = PF_AUTHFAILED;

	(void)arg;
	if (!a->x.slow) /* hashes would be all that the fuzzer does */
		status = auth_exchange_work(&a->x, NULL);
	else if (a->x.secret.len % 2)
		status = PF_OK;
	auth_attempt_worked(a, status);
}

static void decided(void *arg, struct auth_attempt *a)
{
	(void)arg;
	auth_attempt_answer(a);
}

static const struct auth_session_ops ops = {find_user, work, decided};

static void one_master_line(struct pf_str line)
{
	struct auth_master_request r;
	struct pf_arena arena;

	pf_arena_init(&arena, 2 * AUTH_WIRE_LINE_MAX);
	auth_master_request_parse(line, &arena, &r);
	pf_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_session s;
	struct pf_str line, lines;
	size_t at = 0, step, kept = 0;

	if (!users)
		set_up();
	if (size == 0)
		return 0;
	step = (size_t)data[0] + 1;
	data++;
	size--;
	lines = pf_str_mem(data, size);
	while (pf_str_split(&lines, '\n', &line))
		one_master_line(line);
	auth_session_init(&s, &conf, &ops, NULL, "PLAIN", 1);
	while (at < size && !s.close) {
		char *piece;
		size_t n = size - at < step ? size - at : step;
		/* what was not used is shown again, with what follows */
		piece = malloc(kept + n);
		if (!piece)
			abort();
		memcpy(piece, data + at - kept, kept + n);
		size_t used = auth_session_input(&s, piece, kept + n);
		if (used > kept + n)
			abort();
		free(piece);
		kept = kept + n - used;
		at += n;
		pf_buf_clear(&s.out);
	}
	auth_session_release(&s);
	return 0;
}
