/* What other servers leave: UIDs, keywords, subscriptions. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fsio.h"
#include "origin/origin.h"
#include "tests/tap.h"

static bool same(struct pf_str s, const char *text)
{
	return pf_str_eq(s, pf_str_c(text));
}

static void reads_dovecots_uidlist(void)
{
	struct origin_uids uids;

	ok(origin_uids_parse(
	    PF_STR("3 V1795262240 N499 G95d553092087016baf79000083ecc375\n"
		   "342 :a.vm,S=5\n"
		   "344 S59 W60 :b.vm:2,S\n"
		   "345 :torn"),
	    &uids));
	is_int(uids.uidvalidity, 1795262240);
	is_int(uids.uidnext, 499);
	is_int(uids.list.n, 2);
	is_int(uids.list.v[1].uid, 344);
	ok(same(uids.list.v[1].base, "b.vm"));
	origin_uids_release(&uids);
	/* a UID that does not ascend: nothing behind it is believed */
	ok(origin_uids_parse(PF_STR("3 V1 N9\n5 :a\n4 :b\n6 :c\n"), &uids));
	is_int(uids.list.n, 1);
	origin_uids_release(&uids);
	ok(!origin_uids_parse(PF_STR("3 V0 N9\n"), &uids));
	ok(!origin_uids_parse(PF_STR("2 V1 N9\n"), &uids));
	ok(!origin_uids_parse(PF_STR(""), &uids));
}

static void reads_couriers_uiddb(void)
{
	struct pf_buf text = PF_BUF_INIT(1000);
	struct origin_uids uids;

	ok(origin_uids_parse(PF_STR("1 795262924 4\n3 x\n1 y\n7 z\n"), &uids));
	is_int(uids.list.n, 3);
	is_int(uids.list.v[0].uid, 1);
	ok(same(uids.list.v[0].base, "y"));
	is_int(uids.uidnext, 8);
	origin_uids_write(&uids, 1, &text);
	is_str(text.data, "1 795262924 8\n1 y\n3 x\n7 z\n");
	pf_buf_clear(&text);
	origin_uids_write(&uids, 3, &text);
	is_str(text.data, "3 V795262924 N8\n1 :y\n3 :x\n7 :z\n");
	origin_uids_release(&uids);
	pf_buf_release(&text);
}

static void reads_mbsyncs_uids(void)
{
	struct origin_uids uids;
	uint32_t uid = 0;

	ok(origin_uids_mbsync_parse(PF_STR("1795262240\n42\n"), &uids));
	is_int(uids.uidvalidity, 1795262240);
	is_int(uids.uidnext, 43);
	ok(!origin_uids_mbsync_parse(PF_STR("x\n42\n"), &uids));
	ok(origin_uids_mbsync_name(PF_STR("1.2.vm,U=17:2,S"), &uid));
	is_int(uid, 17);
	ok(!origin_uids_mbsync_name(PF_STR("1.2.vm:2,U=17"), &uid));
	ok(!origin_uids_mbsync_name(PF_STR("1.2.vm,U=0"), &uid));
}

/* Dovecot's files in one, as the fuzz target has them. */
static bool read_index(const char *path, const uint32_t *uids, uint32_t count,
		       uint32_t uidvalidity, struct pf_buf *data,
		       struct origin_keywords *keywords)
{
	const char *source = getenv("PF_SRCDIR");
	char full[1024];
	struct pf_str rest, index, log2;

	snprintf(full, sizeof full, "%s/%s", source ? source : ".", path);
	if (pf_fs_read(AT_FDCWD, full, data, NULL) != PF_OK || data->len < 8)
		abort();
	const unsigned char *p = (const unsigned char *)data->data;
	size_t n = (size_t)p[0] | (size_t)p[1] << 8;
	size_t n2 = (size_t)p[4] | (size_t)p[5] << 8;
	rest = pf_str_from(pf_buf_str(data), 8);
	index = pf_str_head(rest, n);
	log2 = pf_str_head(pf_str_from(rest, n), n2);
	origin_keywords_init(keywords, uids, count);
	bool read = origin_index_parse(index, log2, pf_str_from(rest, n + n2),
				       uidvalidity, keywords);
	origin_keywords_count(keywords);
	return read;
}

static const char *holders(const struct origin_keywords *keywords,
			   const char *name)
{
	static char text[100];
	size_t n = 0;

	text[0] = '\0';
	for (size_t k = 0; k < keywords->list.n; k++)
		for (uint32_t i = 0; same(keywords->list.v[k].name, name) &&
				     i < keywords->uid_count;
		     i++)
			if (origin_keywords_has(&keywords->list.v[k], i))
				n += (size_t)snprintf(text + n, sizeof text - n,
						      "%u ", keywords->uids[i]);
	return text;
}

static const uint32_t uids_there[] = {1, 2, 4, 5, 6, 8};

/* A mailbox of Dovecot 2.3.19 whose index was written, and a longer log: as
 * Dovecot's own SEARCH KEYWORD said. */
static void reads_an_index_and_its_log(void)
{
	struct pf_buf data = PF_BUF_INIT(1 << 20);
	struct origin_keywords k;

	ok(read_index("tests/data/dovecot-index/2.3-index-and-log", uids_there,
		      6, 0, &data, &k));
	is_int(k.list.n, 26); /* those of expunged messages are gone */
	ok(!k.lost);
	is_str(holders(&k, "Key28"), "5 ");
	is_str(holders(&k, "Key29"), "1 2 4 5 6 ");
	is_str(holders(&k, "Key30"), "1 4 6 ");
	origin_keywords_release(&k);
	pf_buf_release(&data);
}

static void reads_a_log_alone(void)
{
	struct pf_buf data = PF_BUF_INIT(1 << 20);
	struct origin_keywords k;

	ok(read_index("tests/fuzz/corpus/dovecot_index/log-only", uids_there, 6,
		      1795289724, &data, &k));
	is_int(k.list.n, 31);
	is_str(holders(&k, "Key30"), "1 4 5 6 ");
	is_str(holders(&k, "Key00"), "1 ");
	origin_keywords_release(&k);
	pf_buf_clear(&data);
	/* another UIDVALIDITY: another mailbox' index */
	ok(!read_index("tests/fuzz/corpus/dovecot_index/log-only", uids_there,
		       6, 1795289725, &data, &k));
	is_int(k.list.n, 0);
	origin_keywords_release(&k);
	pf_buf_release(&data);
}

static void note(void *arg, struct pf_str base, struct pf_str keyword)
{
	struct pf_buf *to = arg;

	pf_buf_addf(to, "%.*s=%.*s ", (int)base.n, base.p, (int)keyword.n,
		    keyword.p);
}

static void reads_couriers_keywords(void)
{
	struct pf_buf text = PF_BUF_INIT(1000);

	origin_courier_parse(
	    PF_STR("one\ntwo\n\na.vm:0 1\nb:1\nc:2 x\nnothing\n:1\n"), note,
	    &text);
	is_str(text.data, "a.vm=one a.vm=two b=two ");
	pf_buf_release(&text);
}

static void reads_couriers_names(void)
{
	static const struct {
		const char *line, *name;
	} cases[] = {
	    {"INBOX", "INBOX"},
	    {"INBOX.Lists.net", "Lists/net"},
	    {"INBOX.Entw&APw-rfe", "Entwürfe"},
	    {"INBOX.Entwürfe", "Entwürfe"},
	    {"INBOX.&-", "&"},
	    {"INBOX.a&b", "a&b"},
	    {"INBOX.a..b", NULL},
	    {"#shared.x", NULL},
	    {"INBOX.\xff", NULL},
	};
	struct pf_buf name = PF_BUF_INIT(1000);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is =
		    origin_courier_name(pf_str_c(cases[i].line), '/', &name);
		is_int(is, cases[i].name != NULL);
		if (is)
			is_str(name.data, cases[i].name);
	}
	pf_buf_clear(&name);
	ok(origin_courier_line(PF_STR("Entwürfe/x"), '/', false, &name));
	ok(origin_courier_line(PF_STR("Entwürfe/x"), '/', true, &name));
	is_str(name.data, "INBOX.Entw&APw-rfe.x\nINBOX.Entwürfe.x\n");
	pf_buf_release(&name);
}

int main(void)
{
	reads_dovecots_uidlist();
	reads_couriers_uiddb();
	reads_mbsyncs_uids();
	reads_an_index_and_its_log();
	reads_a_log_alone();
	reads_couriers_keywords();
	reads_couriers_names();
	return tap_done();
}
