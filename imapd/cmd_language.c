/*
 * LANGUAGE (RFC 5255 3): the texts of this server are English, which is what
 * "i-default" has to be understood by as well; so there is nothing to switch,
 * only to say.
 */
#include "imapd/client.h"
#include "imapd/gate.h"

/* RFC 4647 3.4, lookup: "en-CA" falls back to "en". */
static bool is_english(struct pf_str range)
{
	return pf_str_ieq(range, PF_STR("en")) ||
	       pf_str_istarts(range, PF_STR("en-"));
}

/* The first of the ranges that is spoken here; NULL: none. */
static const char *choose(const struct imap_arg *args)
{
	struct pf_str range;

	for (; args->kind != IMAP_END; args++) {
		if (!imap_arg_astring(args, &range))
			continue;
		if (is_english(range))
			return "EN";
		if (pf_str_ieq(range, PF_STR("i-default")) ||
		    pf_str_ieq(range, PF_STR("default")) ||
		    pf_str_eq(range, PF_STR("*")))
			return "i-default";
	}
	return NULL;
}

static bool all_strings(const struct imap_arg *args)
{
	struct pf_str text;

	for (; args->kind != IMAP_END; args++)
		if (!imap_arg_astring(args, &text))
			return false;
	return true;
}

/* The untagged line in `to`, or nothing; what to say behind the tag. */
static const char *answer(const struct imap_arg *args, struct pf_buf *to)
{
	const char *language = choose(args);

	if (!all_strings(args))
		return "BAD LANGUAGE takes language ranges";
	if (args[0].kind == IMAP_END) {
		pf_buf_add_c(to, "* LANGUAGE (EN i-default)\r\n");
		return "OK These are all";
	}
	if (!language)
		return "NO Only English is spoken here";
	pf_buf_addf(to, "* LANGUAGE (%s)\r\n", language);
	return "OK Now speaking English";
}

enum run run_language(struct cmd *cmd)
{
	pf_buf_add_c(&cmd->reply, answer(cmd->args, &cmd->client->out));
	return RUN_DONE;
}

void gate_language(struct gate_conn *gate, const struct imap_arg *args)
{
	struct pf_buf line = PF_BUF_INIT(200);
	const char *text = answer(args, &line);

	gate_send(gate, pf_buf_str(&line));
	gate_reply(gate, text);
	pf_buf_release(&line);
}
