/*
 * NOTIFY's event groups (RFC 5465 8), and the choice of mailboxes that they
 * share with ESEARCH (RFC 7377 2.2).
 */
#include "imap/imap.h"

#include "imap/private.h"

#define GROUPS_MAX 20
#define NAMES_MAX  1000 /* of one group */

static const struct {
	const char *name;
	unsigned event;
} event_names[] = {
    {"MessageNew", IMAP_EVENT_NEW},
    {"MessageExpunge", IMAP_EVENT_EXPUNGE},
    {"FlagChange", IMAP_EVENT_FLAGS},
    {"AnnotationChange", IMAP_EVENT_ANNOTATION},
    {"MailboxName", IMAP_EVENT_NAME},
    {"SubscriptionChange", IMAP_EVENT_SUBSCRIPTION},
    {"MailboxMetadataChange", IMAP_EVENT_METADATA},
    {"ServerMetadataChange", IMAP_EVENT_SERVER_METADATA},
};

static pf_status bad(struct pf_error *err, const char *text)
{
	return pf_error_set(err, PF_INVALID, text, "imap notify: %s", text);
}

static pf_status too_long(struct pf_error *err)
{
	return pf_error_set(err, PF_LIMIT, "Too many mailboxes or events",
			    "imap notify: over a limit");
}

/* ---- mailboxes ------------------------------------------------------------
 */

static bool find_kind(const struct imap_arg *arg, enum imap_filter_kind *kind)
{
	static const char *const names[] = {
	    [IMAP_FILTER_SELECTED] = "SELECTED",
	    [IMAP_FILTER_DELAYED] = "SELECTED-DELAYED",
	    [IMAP_FILTER_INBOXES] = "INBOXES",
	    [IMAP_FILTER_PERSONAL] = "PERSONAL",
	    [IMAP_FILTER_SUBSCRIBED] = "SUBSCRIBED",
	    [IMAP_FILTER_SUBTREE] = "SUBTREE",
	    [IMAP_FILTER_SUBTREE_ONE] = "SUBTREE-ONE",
	    [IMAP_FILTER_MAILBOXES] = "MAILBOXES",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (imap_arg_is_atom(arg, names[i])) {
			*kind = (enum imap_filter_kind)i;
			return true;
		}
	return false;
}

/* mailbox / "(" mailbox *(SP mailbox) ")" */
static pf_status read_names(const struct imap_arg *arg, bool utf8,
			    struct pf_arena *arena, struct imap_filter *filter,
			    struct pf_error *err)
{
	struct imap_arg one[2] = {*arg, {.kind = IMAP_END}};
	const struct imap_arg *list;
	size_t count = 0;
	pf_status status = PF_OK;

	if (!imap_arg_list(arg, &list))
		list = one;
	while (list[count].kind != IMAP_END)
		count++;
	if (count == 0)
		return bad(err, "Mailbox name expected");
	if (count > NAMES_MAX)
		return too_long(err);
	filter->names = pf_arena_array(arena, count, sizeof *filter->names);
	if (!filter->names)
		return too_long(err);
	for (size_t i = 0; status == PF_OK && i < count; i++)
		status = imap_arg_mailbox(&list[i], utf8, arena,
					  &filter->names[i], err);
	filter->count = count;
	return status;
}

pf_status imap_filter_parse(const struct imap_arg **args, bool utf8,
			    struct pf_arena *arena, struct imap_filter *filter,
			    struct pf_error *err)
{
	struct imap_filter out = {0};
	const struct imap_arg *arg = *args;

	if (!find_kind(arg, &out.kind))
		return bad(err, "Choice of mailboxes expected");
	arg++;
	if (out.kind >= IMAP_FILTER_SUBTREE) {
		if (arg->kind == IMAP_END)
			return bad(err, "Mailbox name expected");
		pf_status status = read_names(arg, utf8, arena, &out, err);
		if (status != PF_OK)
			return status;
		arg++;
	}
	*args = arg;
	*filter = out;
	return PF_OK;
}

pf_status imap_source_parse(const struct imap_arg **args, bool utf8,
			    struct pf_arena *arena, struct imap_source *source,
			    struct pf_error *err)
{
	struct imap_source out = {0};
	const struct imap_arg *list;
	pf_status status = PF_OK;

	if (!imap_arg_is_atom(*args, "IN") ||
	    !imap_arg_list(*args + 1, &list)) {
		*source = out;
		return PF_OK;
	}
	out.filters =
	    pf_arena_array(arena, args[0][1].count + 1, sizeof *out.filters);
	if (!out.filters)
		return too_long(err);
	/* scope options may end it, but there are none (RFC 7377 4) */
	while (status == PF_OK && list->kind != IMAP_END) {
		struct imap_filter *filter = &out.filters[out.count++];

		if (out.count > GROUPS_MAX)
			return too_long(err);
		status = imap_filter_parse(&list, utf8, arena, filter, err);
		if (status == PF_OK && filter->kind == IMAP_FILTER_DELAYED)
			return bad(err, "Choice of mailboxes expected");
	}
	if (status == PF_OK && out.count == 0)
		return bad(err, "Choice of mailboxes expected");
	if (status != PF_OK)
		return status;
	*args += 2;
	*source = out;
	return PF_OK;
}

static bool names_match(const struct imap_filter *filter, struct pf_str name,
			char separator)
{
	for (size_t i = 0; i < filter->count; i++) {
		struct pf_str top = filter->names[i];

		if (pf_str_eq(name, top))
			return true;
		if (filter->kind == IMAP_FILTER_MAILBOXES ||
		    !pf_str_starts(name, top) || name.p[top.n] != separator)
			continue;
		if (filter->kind == IMAP_FILTER_SUBTREE ||
		    pf_str_chr(pf_str_from(name, top.n + 1), separator) < 0)
			return true;
	}
	return false;
}

bool imap_filter_match(const struct imap_filter *filter, struct pf_str name,
		       char separator, bool subscribed)
{
	switch (filter->kind) {
	case IMAP_FILTER_INBOXES: /* Sieve files anywhere (RFC 5465 6.3) */
	case IMAP_FILTER_PERSONAL:
		return true;
	case IMAP_FILTER_SUBSCRIBED:
		return subscribed;
	case IMAP_FILTER_SUBTREE:
	case IMAP_FILTER_SUBTREE_ONE:
	case IMAP_FILTER_MAILBOXES:
		return names_match(filter, name, separator);
	case IMAP_FILTER_SELECTED:
	case IMAP_FILTER_DELAYED:
		break;
	}
	return false;
}

/* ---- events ---------------------------------------------------------------
 */

void imap_events_write(struct pf_buf *to, unsigned events)
{
	const char *blank = "";

	for (size_t i = 0; i < sizeof event_names / sizeof *event_names; i++)
		if (events & event_names[i].event) {
			pf_buf_addf(to, "%s%s", blank, event_names[i].name);
			blank = " ";
		}
}

static unsigned find_event(const struct imap_arg *arg)
{
	for (size_t i = 0; i < sizeof event_names / sizeof *event_names; i++)
		if (pf_str_ieq(arg->text, pf_str_c(event_names[i].name)))
			return event_names[i].event;
	return IMAP_EVENT_UNKNOWN;
}

/* RFC 5465 5: what may not stand alone */
static pf_status check_events(const struct imap_notify_group *group,
			      struct pf_error *err)
{
	const unsigned both = IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE;
	const unsigned needy = IMAP_EVENT_FLAGS | IMAP_EVENT_ANNOTATION;
	const unsigned others = IMAP_EVENT_NAME | IMAP_EVENT_SUBSCRIPTION |
				IMAP_EVENT_METADATA |
				IMAP_EVENT_SERVER_METADATA;
	unsigned events = group->events;
	bool selected = group->filter.kind <= IMAP_FILTER_DELAYED;

	if ((events & both) && (events & both) != both)
		return bad(err, "MessageNew and MessageExpunge go together");
	if ((events & needy) && (events & both) != both)
		return bad(err, "FlagChange and AnnotationChange need "
				"MessageNew and MessageExpunge");
	if (selected && (events & others))
		return bad(err, "Only message events of the selected mailbox");
	if (!selected && group->fetch.count)
		return bad(err, "FETCH items are for the selected mailbox");
	return PF_OK;
}

static pf_status read_events(const struct imap_arg *arg, struct pf_arena *arena,
			     struct imap_notify_group *group,
			     struct pf_error *err)
{
	static const struct imap_arg no_modifiers = {.kind = IMAP_END};
	const struct imap_arg *list;

	if (arg->kind == IMAP_END)
		return bad(err, "Event expected");
	for (; arg->kind != IMAP_END; arg++) {
		unsigned event;

		if (arg->kind != IMAP_ATOM)
			return bad(err, "Event expected");
		event = find_event(arg);
		group->events |= event;
		if (!imap_arg_list(&arg[1], &list))
			continue;
		arg++;
		if (event != IMAP_EVENT_NEW || group->fetch.count)
			return bad(err, "Only MessageNew takes FETCH items");
		pf_status status = imap_fetch_parse(arg, &no_modifiers, arena,
						    &group->fetch, err);
		if (status != PF_OK)
			return status;
	}
	return PF_OK;
}

/* "(" filter-mailboxes SP events ")".  The parentheses around the events are
 * left out in the examples of RFC 5465 3.1, so they may be. */
static pf_status read_group(const struct imap_arg *arg, bool utf8,
			    struct pf_arena *arena,
			    struct imap_notify_group *group,
			    struct pf_error *err)
{
	const struct imap_arg *list;
	pf_status status;

	if (!imap_arg_list(arg, &list))
		return bad(err, "Event group expected");
	status = imap_filter_parse(&list, utf8, arena, &group->filter, err);
	if (status != PF_OK)
		return status;
	if (group->filter.kind == IMAP_FILTER_SUBTREE_ONE)
		return bad(err, "Choice of mailboxes expected");
	if (imap_arg_is_atom(list, "NONE") && list[1].kind == IMAP_END)
		return PF_OK;
	if (list[0].kind == IMAP_LIST) {
		if (list[1].kind != IMAP_END)
			return bad(err, "Invalid event group");
		list = list[0].list;
	}
	status = read_events(list, arena, group, err);
	return status == PF_OK ? check_events(group, err) : status;
}

static pf_status read_groups(const struct imap_arg *args, bool utf8,
			     struct pf_arena *arena, struct imap_notify *notify,
			     struct pf_error *err)
{
	bool selected = false;
	size_t count = 0;

	while (args[count].kind != IMAP_END)
		count++;
	if (count == 0)
		return bad(err, "Event group expected");
	if (count > GROUPS_MAX)
		return too_long(err);
	notify->groups = pf_arena_array(arena, count, sizeof *notify->groups);
	if (!notify->groups)
		return too_long(err);
	notify->count = count;
	for (size_t i = 0; i < count; i++) {
		struct imap_notify_group *group = &notify->groups[i];
		pf_status status =
		    read_group(&args[i], utf8, arena, group, err);

		if (status != PF_OK)
			return status;
		notify->events |= group->events;
		if (group->filter.kind > IMAP_FILTER_DELAYED)
			continue;
		if (selected)
			return bad(err, "The selected mailbox was named twice");
		selected = true;
	}
	return PF_OK;
}

pf_status imap_notify_parse(const struct imap_arg *args, bool utf8,
			    struct pf_arena *arena, struct imap_notify *notify,
			    struct pf_error *err)
{
	struct imap_notify out = {0};

	if (imap_arg_is_atom(args, "NONE") && args[1].kind == IMAP_END) {
		*notify = out;
		return PF_OK;
	}
	if (!imap_arg_is_atom(args, "SET"))
		return bad(err, "NOTIFY needs SET or NONE");
	args++;
	out.status = imap_arg_is_atom(args, "STATUS");
	pf_status status =
	    read_groups(out.status ? args + 1 : args, utf8, arena, &out, err);
	if (status == PF_OK)
		*notify = out;
	return status;
}
