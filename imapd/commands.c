/*
 * The command table: which command is allowed when, what it does to sequence
 * numbers, and who runs it.
 *
 * RFC 3501 5.5 lets a client send commands ahead as long as no answer could
 * change what a later one means.  penfold runs the commands of a connection
 * strictly one after the other, so the only thing left to guard is EXPUNGE in
 * front of a command with sequence numbers that the client has already sent:
 * CMD_SEQS marks those, and expunges then wait (run.c).
 */
#include "imapd/client.h"

#include <stdlib.h>

/* Sorted by name for bsearch. */
static const struct command commands[] = {
    {"APPEND", CMD_LOGGED_IN | CMD_STREAM | CMD_CHANGES, run_append, NULL},
    {"AUTHENTICATE", CMD_NOTAUTH, NULL, gate_authenticate},
    {"CANCELUPDATE", CMD_SELECTED, run_cancelupdate, NULL},
    {"CAPABILITY", CMD_ANY | CMD_INLINE, run_capability, gate_capability},
    {"CHECK", CMD_SELECTED, run_check, NULL},
    {"CLOSE", CMD_SELECTED | CMD_CHANGES, run_close, NULL},
    {"COMPRESS", CMD_LOGGED_IN | CMD_INLINE | CMD_ALONE, run_compress, NULL},
    {"COPY", CMD_SELECTED | CMD_SEQS | CMD_CHANGES, run_copy, NULL},
    {"CREATE", CMD_LOGGED_IN, run_create, NULL},
    {"DELETE", CMD_LOGGED_IN | CMD_CHANGES, run_delete, NULL},
    {"DELETEACL", CMD_LOGGED_IN | CMD_CHANGES, run_deleteacl, NULL},
    {"ENABLE", CMD_LOGGED_IN, run_enable, NULL},
    {"ESEARCH", CMD_LOGGED_IN | CMD_SEQS | CMD_UIDS, run_esearch, NULL},
    {"EXAMINE", CMD_LOGGED_IN, run_select, NULL},
    {"EXPUNGE", CMD_SELECTED | CMD_WRITES | CMD_CHANGES | CMD_REMOVES,
     run_expunge, NULL},
    {"FETCH", CMD_SELECTED | CMD_SEQS | CMD_KEEPS_SEQS, run_fetch, NULL},
    {"FILTER",
     CMD_SELECTED | CMD_SEQS | CMD_KEEPS_SEQS | CMD_WRITES | CMD_CHANGES,
     run_filter, NULL},
    {"GETACL", CMD_LOGGED_IN, run_getacl, NULL},
    {"GETMETADATA", CMD_LOGGED_IN, run_getmetadata, NULL},
    {"GETQUOTA", CMD_LOGGED_IN, run_getquota, NULL},
    {"GETQUOTAROOT", CMD_LOGGED_IN, run_getquotaroot, NULL},
    {"ID", CMD_ANY | CMD_INLINE, run_id, gate_id},
    {"IDLE", CMD_LOGGED_IN | CMD_LINES, run_idle, NULL},
    {"LANGUAGE", CMD_ANY | CMD_INLINE, run_language, gate_language},
    {"LIST", CMD_LOGGED_IN, run_list, NULL},
    {"LISTRIGHTS", CMD_LOGGED_IN, run_listrights, NULL},
    {"LOGIN", CMD_NOTAUTH, NULL, gate_login},
    {"LOGOUT", CMD_ANY | CMD_INLINE, run_logout, gate_logout},
    {"LSUB", CMD_LOGGED_IN, run_lsub, NULL},
    {"MOVE", CMD_SELECTED | CMD_SEQS | CMD_WRITES | CMD_CHANGES | CMD_REMOVES,
     run_move, NULL},
    {"MYRIGHTS", CMD_LOGGED_IN, run_myrights, NULL},
    {"NAMESPACE", CMD_LOGGED_IN | CMD_INLINE, run_namespace, NULL},
    {"NOOP", CMD_ANY, run_noop, gate_noop},
    {"NOTIFY", CMD_LOGGED_IN, run_notify, NULL},
    {"RENAME", CMD_LOGGED_IN | CMD_CHANGES, run_rename, NULL},
    {"REPLACE",
     CMD_SELECTED | CMD_SEQS | CMD_STREAM | CMD_WRITES | CMD_CHANGES |
	 CMD_REMOVES,
     run_append, NULL},
    {"SEARCH", CMD_SELECTED | CMD_SEQS | CMD_KEEPS_SEQS, run_search, NULL},
    {"SELECT", CMD_LOGGED_IN, run_select, NULL},
    {"SETACL", CMD_LOGGED_IN | CMD_CHANGES, run_setacl, NULL},
    {"SETMETADATA", CMD_LOGGED_IN | CMD_CHANGES, run_setmetadata, NULL},
    {"SETQUOTA", CMD_LOGGED_IN, run_setquota, NULL},
    {"SORT", CMD_SELECTED | CMD_SEQS | CMD_KEEPS_SEQS, run_sort, NULL},
    {"STARTTLS", CMD_NOTAUTH, NULL, gate_starttls},
    {"STATUS", CMD_LOGGED_IN, run_status, NULL},
    {"STORE",
     CMD_SELECTED | CMD_SEQS | CMD_KEEPS_SEQS | CMD_WRITES | CMD_CHANGES,
     run_store, NULL},
    {"SUBSCRIBE", CMD_LOGGED_IN, run_subscribe, NULL},
    {"THREAD", CMD_SELECTED | CMD_SEQS | CMD_KEEPS_SEQS, run_thread, NULL},
    {"UID COPY", CMD_SELECTED | CMD_CHANGES, run_copy, NULL},
    {"UID EXPUNGE", CMD_SELECTED | CMD_WRITES | CMD_CHANGES | CMD_REMOVES,
     run_expunge, NULL},
    {"UID FETCH", CMD_SELECTED, run_fetch, NULL},
    {"UID FILTER", CMD_SELECTED | CMD_SEQS | CMD_WRITES | CMD_CHANGES,
     run_filter, NULL},
    {"UID MOVE", CMD_SELECTED | CMD_WRITES | CMD_CHANGES | CMD_REMOVES,
     run_move, NULL},
    /* its keys may be numbers (RFC 3501 5.5) */
    {"UID REPLACE",
     CMD_SELECTED | CMD_STREAM | CMD_WRITES | CMD_CHANGES | CMD_REMOVES,
     run_append, NULL},
    {"UID SEARCH", CMD_SELECTED | CMD_SEQS, run_search, NULL},
    {"UID SORT", CMD_SELECTED | CMD_SEQS, run_sort, NULL},
    {"UID STORE", CMD_SELECTED | CMD_WRITES | CMD_CHANGES, run_store, NULL},
    {"UID THREAD", CMD_SELECTED | CMD_SEQS, run_thread, NULL},
    {"UNAUTHENTICATE", CMD_LOGGED_IN | CMD_ALONE, run_unauthenticate, NULL},
    {"UNSELECT", CMD_SELECTED, run_unselect, NULL},
    {"UNSUBSCRIBE", CMD_LOGGED_IN, run_unsubscribe, NULL},
};

const struct command command_news = {"NOTIFY", CMD_LOGGED_IN | CMD_OURS,
				     run_news, NULL};

static int compare(const void *name, const void *row)
{
	const struct command *command = row;

	return pf_str_cmp(*(const struct pf_str *)name,
			  pf_str_c(command->name));
}

const struct command *command_find(struct pf_str name)
{
	return bsearch(&name, commands, sizeof commands / sizeof *commands,
		       sizeof *commands, compare);
}
