#include "imap/imap.h"

#include "tests/imap/command.h"
#include "tests/tap.h"

static char shown[500];

/* "STORE 1 " + text */
static const char *store(const char *text)
{
	struct pf_arena arena;
	struct pf_error err;
	struct imap_store store;
	struct pf_buf to = PF_BUF_INIT(sizeof shown - 1);

	pf_buf_addf(&to, "STORE 1 %s", text);
	const struct imap_arg *args = command_args(to.data, &arena);
	pf_buf_clear(&to);
	if (!args) {
		pf_buf_add_c(&to, "unreadable");
	} else if (imap_store_parse(args + 1, &arena, &store, &err) != PF_OK) {
		pf_buf_addf(&to, "bad: %s", err.client);
	} else {
		pf_buf_addf(&to, "%d%s", store.mode,
			    store.silent ? " silent" : "");
		for (size_t i = 0; i < store.flag_count; i++)
			pf_buf_addf(&to, " %.*s", (int)store.flags[i].n,
				    store.flags[i].p);
		if (store.unchanged_since_given)
			pf_buf_addf(&to, " unchanged %llu",
				    (unsigned long long)store.unchanged_since);
	}
	snprintf(shown, sizeof shown, "%s", to.data);
	pf_buf_release(&to);
	pf_arena_release(&arena);
	return shown;
}

static void forms(void)
{
	is_str(store("+Flags (\\SEEN \\deleted)"), "1 \\Seen \\Deleted");
	is_str(store("-flags.silent ($label1 NonJunk)"),
	       "-1 silent $label1 NonJunk");
	is_str(store("FLAGS ()"), "0");
	is_str(store("FLAGS \\Seen x"), "0 \\Seen x");
	is_str(store("FLAGS NIL"), "0 NIL");
	is_str(store("(UNCHANGEDSINCE 12) +FLAGS (\\Answered \\Draft "
		     "\\flagged)"),
	       "1 \\Answered \\Draft \\Flagged unchanged 12");
}

static void refused(void)
{
	is_str(store("+FLAG (\\Seen)"),
	       "bad: FLAGS, +FLAGS or -FLAGS expected");
	is_str(store("*FLAGS (\\Seen)"),
	       "bad: FLAGS, +FLAGS or -FLAGS expected");
	is_str(store("FLAGS"), "bad: Missing flags");
	is_str(store("FLAGS (\\Recent)"), "bad: Invalid flag \\Recent");
	is_str(store("FLAGS (\\*)"), "bad: Invalid flag \\*");
	is_str(store("FLAGS (a]b)"), "bad: Invalid flag a]b");
	is_str(store("FLAGS ((x))"), "bad: Flag expected");
	is_str(store("FLAGS (\"x\")"), "bad: Flag expected");
	is_str(store("FLAGS (x) y"), "bad: Too many arguments behind flags");
	is_str(store("(FOO 1) FLAGS (x)"), "bad: Unknown STORE modifier");
	is_str(store("(UNCHANGEDSINCE x) FLAGS (x)"),
	       "bad: Invalid UNCHANGEDSINCE value");
	is_str(store("(UNCHANGEDSINCE) FLAGS (x)"),
	       "bad: Invalid UNCHANGEDSINCE value");
}

int main(void)
{
	forms();
	refused();
	return tap_done();
}
