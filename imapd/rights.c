/*
 * Which rights a command needs (RFC 4314 4), in the mailbox that is selected
 * and in the one it names.  To have selected it took "r".  A command that is
 * not in this table needs all rights there are: whoever adds one thinks about
 * it, or only owners can use it.
 *
 * What is more than a right for a command is with the command: STORE and
 * APPEND keep the flags that the user may set, FETCH does not set \Seen
 * without "s", CLOSE does not expunge without "e", CREATE and RENAME need "k"
 * in the mailbox above, MYRIGHTS any right at all.
 */
#include "imapd/place.h"

#include <stdlib.h>

/* Sorted by name, UID commands under the name behind "UID ". */
static const struct command_rights table[] = {
    {"APPEND", 0, STORE_INSERT},
    {"CANCELUPDATE", 0, 0},
    {"CAPABILITY", 0, 0},
    {"CHECK", 0, 0},
    {"CLOSE", 0, 0},
    {"COMPRESS", 0, 0},
    {"COPY", 0, STORE_INSERT},
    {"CREATE", 0, 0},
    {"DELETE", 0, STORE_REMOVE},
    {"DELETEACL", 0, STORE_ADMIN},
    {"ENABLE", 0, 0},
    {"ESEARCH", 0, 0},
    {"EXAMINE", 0, STORE_READ},
    {"EXPUNGE", STORE_EXPUNGE, 0},
    {"FETCH", 0, 0},
    {"FILTER", 0, 0}, /* his own mail only */
    {"GETACL", 0, STORE_ADMIN},
    {"GETMETADATA", 0, 0},
    {"GETQUOTA", 0, 0},
    {"GETQUOTAROOT", 0, 0},
    {"ID", 0, 0},
    {"IDLE", 0, 0},
    {"LANGUAGE", 0, 0},
    {"LIST", 0, 0},
    {"LISTRIGHTS", 0, STORE_ADMIN},
    {"LOGOUT", 0, 0},
    {"LSUB", 0, 0},
    /* RFC 6851 4.1: what COPY, STORE +FLAGS \Deleted and EXPUNGE need */
    {"MOVE", STORE_SET_DELETED | STORE_EXPUNGE, STORE_INSERT},
    {"MYRIGHTS", 0, 0},
    {"NAMESPACE", 0, 0},
    {"NOOP", 0, 0},
    {"NOTIFY", 0, 0},
    {"RENAME", 0, STORE_REMOVE},
    /* RFC 8508 3: as MOVE */
    {"REPLACE", STORE_SET_DELETED | STORE_EXPUNGE, STORE_INSERT},
    {"SEARCH", 0, 0},
    {"SELECT", 0, STORE_READ},
    {"SETACL", 0, STORE_ADMIN},
    {"SETMETADATA", 0, 0},
    {"SETQUOTA", 0, 0},
    {"SORT", 0, 0},
    {"STATUS", 0, STORE_READ},
    {"STORE", 0, 0},
    {"SUBSCRIBE", 0, 0},
    {"THREAD", 0, 0},
    {"UNAUTHENTICATE", 0, 0},
    {"UNSELECT", 0, 0},
    {"UNSUBSCRIBE", 0, 0},
};

static int compare(const void *name, const void *row)
{
	return strcmp(name, ((const struct command_rights *)row)->name);
}

const struct command_rights *command_rights(const struct command *def)
{
	static const struct command_rights all = {"", STORE_RIGHTS_ALL,
						  STORE_RIGHTS_ALL};
	const char *name = def->name;

	if (strncmp(name, "UID ", 4) == 0)
		name += 4;
	const struct command_rights *row = bsearch(
	    name, table, sizeof table / sizeof *table, sizeof *table, compare);
	return row ? row : &all;
}
