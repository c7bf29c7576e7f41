#include "imap/imap.h"

#include "tests/imap/command.h"
#include "tests/tap.h"

static char shown[2000];

static void show_group(struct pf_buf *to, const struct imap_notify_group *group)
{
	pf_buf_addf(to, " [%d", (int)group->filter.kind);
	for (size_t i = 0; i < group->filter.count; i++)
		pf_buf_addf(to, " %s", group->filter.names[i].p);
	pf_buf_add_c(to, ": ");
	imap_events_write(to, group->events);
	if (group->events & IMAP_EVENT_UNKNOWN)
		pf_buf_add_c(to, " unknown");
	for (size_t i = 0; i < group->fetch.count; i++)
		pf_buf_addf(to, " <%s>", group->fetch.items[i].label.p);
	pf_buf_add_byte(to, ']');
}

static const char *notify(const char *text)
{
	struct pf_arena arena;
	struct pf_error err;
	struct imap_notify notify;
	struct pf_buf to = PF_BUF_INIT(sizeof shown - 1);

	pf_buf_addf(&to, "NOTIFY %s", text);
	const struct imap_arg *args = command_args(to.data, &arena);
	pf_buf_clear(&to);
	if (!args) {
		pf_buf_add_c(&to, "unreadable");
	} else if (imap_notify_parse(args, false, &arena, &notify, &err) !=
		   PF_OK) {
		pf_buf_addf(&to, "bad: %s", err.client);
	} else {
		pf_buf_add_c(&to, notify.status ? "status" : "set");
		for (size_t i = 0; i < notify.count; i++)
			show_group(&to, &notify.groups[i]);
	}
	snprintf(shown, sizeof shown, "%s", to.data);
	pf_buf_release(&to);
	pf_arena_release(&arena);
	return shown;
}

static void groups(void)
{
	is_str(notify("NONE"), "set");
	is_str(notify("SET (personal NONE)"), "set [3: ]");
	is_str(notify("set status (Selected (MessageNew (UID "
		      "BODY.PEEK[HEADER.FIELDS (From Subject)]) "
		      "MessageExpunge)) (subtree Lists (messagenew "
		      "messageexpunge flagchange))"),
	       "status [0: MessageNew MessageExpunge <UID> "
	       "<BODY[HEADER.FIELDS (FROM SUBJECT)]>] "
	       "[5 Lists: MessageNew MessageExpunge FlagChange]");
	is_str(notify("SET (mailboxes (inbox \"&AOk-\" {3}\r\na b) "
		      "(MailboxName SubscriptionChange))"),
	       "set [7 INBOX \303\251 a b: MailboxName SubscriptionChange]");
	is_str(notify("SET (subscribed (AnnotationChange MessageNew "
		      "MessageExpunge MailboxMetadataChange)) "
		      "(inboxes (ServerMetadataChange))"),
	       "set [4: MessageNew MessageExpunge AnnotationChange "
	       "MailboxMetadataChange] [2: ServerMetadataChange]");
}

/* As in the examples of RFC 5465 3.1 */
static void without_parentheses(void)
{
	is_str(notify("SET (selected MessageNew (uid) MessageExpunge) "
		      "(mailboxes misc MailboxName)"),
	       "set [0: MessageNew MessageExpunge <UID>] "
	       "[7 misc: MailboxName]");
}

static void unknown_events_are_no_syntax_error(void)
{
	is_str(notify("SET (personal (Fireworks))"), "set [3:  unknown]");
}

static void errors(void)
{
	is_str(notify("LATER"), "bad: NOTIFY needs SET or NONE");
	is_str(notify("NONE NONE"), "bad: NOTIFY needs SET or NONE");
	is_str(notify("SET"), "bad: Event group expected");
	is_str(notify("SET STATUS"), "bad: Event group expected");
	is_str(notify("SET personal"), "bad: Event group expected");
	is_str(notify("SET ()"), "bad: Choice of mailboxes expected");
	is_str(notify("SET (subtree-one a (MailboxName))"),
	       "bad: Choice of mailboxes expected");
	is_str(notify("SET (personal)"), "bad: Event expected");
	is_str(notify("SET (personal ())"), "bad: Event expected");
	is_str(notify("SET (mailboxes)"), "bad: Mailbox name expected");
	is_str(notify("SET (mailboxes () (MailboxName))"),
	       "bad: Mailbox name expected");
	is_str(notify("SET (personal (MailboxName) NONE)"),
	       "bad: Invalid event group");
	is_str(notify("SET (personal (MessageNew))"),
	       "bad: MessageNew and MessageExpunge go together");
	is_str(notify("SET (personal (FlagChange))"),
	       "bad: FlagChange and AnnotationChange need MessageNew and "
	       "MessageExpunge");
	is_str(notify("SET (selected (MailboxName))"),
	       "bad: Only message events of the selected mailbox");
	is_str(notify("SET (personal (MessageNew (UID) MessageExpunge))"),
	       "bad: FETCH items are for the selected mailbox");
	is_str(notify("SET (selected (MessageExpunge (UID) MessageNew))"),
	       "bad: Only MessageNew takes FETCH items");
	is_str(notify("SET (selected NONE) (selected-delayed NONE)"),
	       "bad: The selected mailbox was named twice");
}

static bool match(const char *filter, const char *name)
{
	struct pf_arena arena;
	struct pf_error err;
	struct imap_filter out;
	char text[200];

	snprintf(text, sizeof text, "X %s", filter);
	const struct imap_arg *args = command_args(text, &arena);
	bool good =
	    imap_filter_parse(&args, false, &arena, &out, &err) == PF_OK &&
	    imap_filter_match(&out, pf_str_c(name), '/', false);
	pf_arena_release(&arena);
	return good;
}

static void matching(void)
{
	ok(match("personal", "a"));
	ok(match("inboxes", "a"));
	ok(!match("subscribed", "a"));
	ok(!match("selected", "a"));
	ok(match("subtree a", "a"));
	ok(match("subtree a", "a/b/c"));
	ok(!match("subtree a", "ab"));
	ok(match("subtree-one a", "a/b"));
	ok(!match("subtree-one a", "a/b/c"));
	ok(match("mailboxes (x a/b)", "a/b"));
	ok(!match("mailboxes (x a)", "a/b"));
	ok(!match("mailboxes (% *)", "a"));
}

static const char *source(const char *text)
{
	struct pf_arena arena;
	struct pf_error err;
	struct imap_source out;
	char line[500];

	snprintf(line, sizeof line, "ESEARCH %s ALL", text);
	const struct imap_arg *args = command_args(line, &arena);
	if (imap_source_parse(&args, false, &arena, &out, &err) != PF_OK) {
		snprintf(shown, sizeof shown, "bad: %s", err.client);
	} else {
		int n = snprintf(shown, sizeof shown, "%s:", args->text.p);
		for (size_t i = 0; i < out.count; i++)
			n += snprintf(shown + n, sizeof shown - (size_t)n,
				      " %d/%zu", (int)out.filters[i].kind,
				      out.filters[i].count);
	}
	pf_arena_release(&arena);
	return shown;
}

static void sources(void)
{
	is_str(source(""), "ALL:");
	is_str(source("IN (mailboxes \"folder1\" subtree \"folder2\")"),
	       "ALL: 7/1 5/1");
	is_str(source("IN (selected personal subtree-one (a b))"),
	       "ALL: 0/0 3/0 6/2");
	is_str(source("IN ()"), "bad: Choice of mailboxes expected");
	is_str(source("IN (selected-delayed)"),
	       "bad: Choice of mailboxes expected");
	is_str(source("IN (personal (x y))"),
	       "bad: Choice of mailboxes expected");
	is_str(source("IN (mailboxes)"), "bad: Mailbox name expected");
	is_str(source("IN (personal personal personal personal personal "
		      "personal personal personal personal personal personal "
		      "personal personal personal personal personal personal "
		      "personal personal personal personal)"),
	       "bad: Too many mailboxes or events");
}

int main(void)
{
	groups();
	without_parentheses();
	unknown_events_are_no_syntax_error();
	errors();
	matching();
	sources();
	return tap_done();
}
