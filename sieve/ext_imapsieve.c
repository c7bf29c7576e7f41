/*
 * imapsieve (RFC 6785 2.1), vnd.dovecot.imapsieve
 *
 * The script runs because of something that a user did in a mailbox; the
 * environment (items imap.*, vnd.dovecot.mailbox-*) says what, and whoever
 * runs it answers.  These are there only for such scripts, where reject,
 * vacation and tests of the envelope are not (RFC 6785 3.11, 4.6).
 */
#include "sieve/run.h"

const struct sieve_extension sieve_ext_imapsieve = {.name = "imapsieve",
						    .offer = SIEVE_OFFER_IMAP};
const struct sieve_extension sieve_ext_dovecot_imapsieve = {
    .name = "vnd.dovecot.imapsieve",
    .offer = SIEVE_OFFER_IMAP,
    .implies = "imapsieve"};
