/*
 * Scripts and messages that mean harm: each is bounded in work and memory,
 * whatever the limits are, and ends in a usable result.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sieve/sieve.h"
#include "tests/tap.h"

#define MANY (1 << 20)

/* What a script may ask is there, and large. */

static struct pf_buf list_text;
static int body_fd = -1;

static bool mailbox_exists(void *arg, struct pf_str name)
{
	(void)arg;
	return name.n % 2;
}

static int file(void *arg)
{
	(void)arg;
	return body_fd;
}

static bool duplicate(void *arg, struct pf_str handle, struct pf_str id,
		      int64_t seconds)
{
	(void)arg;
	(void)handle;
	return id.n > 0 && seconds > 0;
}

static bool named(void *arg, struct pf_str name, struct pf_str *mailbox)
{
	(void)arg;
	*mailbox = PF_STR("Elsewhere");
	return name.n > 0;
}

static bool metadata(void *arg, struct pf_str mailbox, struct pf_str name,
		     struct pf_str *value)
{
	(void)arg;
	(void)mailbox;
	(void)name;
	*value = pf_buf_str(&list_text);
	return true;
}

static bool list(void *arg, struct pf_str name, struct pf_str *text)
{
	(void)arg;
	(void)name;
	*text = pf_buf_str(&list_text);
	return true;
}

static struct sieve_message make_message(struct pf_str header)
{
	return (struct sieve_message){
	    .header = header,
	    .size = 1000,
	    .from = PF_STR("a@example.org"),
	    .to = PF_STR("u+d@example.com"),
	    .user = PF_STR("u"),
	    .detail = PF_STR("d"),
	    .has_detail = true,
	    .delimiters = "+-",
	    .now = 1795276800,
	    .own = PF_STR("u@example.net"),
	    .spam_header = PF_STR("Subject 15"),
	    .virus_header = PF_STR("Subject aaa"),
	    .mailbox_exists = mailbox_exists,
	    .file = file,
	    .duplicate = duplicate,
	    .special_use = named,
	    .mailbox_of_id = named,
	    .metadata = metadata,
	    .list = list,
	};
}

/* Is the result usable, and within its bounds? */
static bool run(const struct sieve_script *script, struct pf_str header,
		const struct sieve_limits *limits, bool *failed)
{
	struct sieve_message message = make_message(header);
	struct sieve_result result;
	struct pf_error err = {0};
	bool good = true;
	pf_status status =
	    sieve_run(script, &message, limits, NULL, NULL, &result, &err);

	if (status != PF_OK && limits->memory_max > 100000)
		good = false; /* there was enough to begin */
	if (status == PF_OK && result.arena.used > limits->memory_max)
		good = false;
	if (result.failed && (result.count != 1 || !result.actions[0].implicit))
		good = false;
	if (result.failed && !result.problem[0])
		good = false;
	*failed = status != PF_OK || result.failed;
	if (status == PF_OK)
		sieve_result_release(&result);
	return good;
}

static struct sieve_script *compile(const char *text)
{
	struct sieve_script *script = NULL;
	struct sieve_problems problems = {0};
	struct pf_error err;

	if (sieve_compile(pf_str_c(text), NULL, &script, &problems, &err) !=
	    PF_OK)
		tap_check(false, "%s", problems.n ? problems.v[0].text : "");
	pf_vec_release(&problems);
	return script;
}

/* ---- the cases ---- */

/* `times` copies of `line` behind `require` */
struct hostile {
	const char *name, *require, *line;
	int times;
};

static const struct hostile cases[] = {
    {"a variable that doubles", "\"variables\", \"fileinto\"",
     "set \"a\" \"x${a}${a}${a}\"; set :quotewildcard \"b\" \"${a}*\";\n"
     "set :upper :length \"c\" \"${b}${a}\";\n",
     500},
    {"captures of a whole field", "\"variables\"",
     "if header :matches \"subject\" \"*a*\" { set \"a\" \"${1}${2}${0}\"; }\n",
     500},
    {"stars", "\"variables\"",
     "if header :matches \"subject\" \"*a*a*a*a*a*a*a*a*a*a*a*a*b\" { stop; }\n"
     "if header :matches \"subject\" \"*a?a*a??a*?*a*c\" { stop; }\n",
     50},
    {"needles that nearly fit", "\"variables\"",
     "if header :contains [\"subject\", \"to\"] "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaab\" { stop; }\n",
     200},
    {"regular expressions", "\"regex\", \"variables\"",
     "if header :regex \"subject\" \"(a*)*(a|aa)+(a?){20}b$\" { stop; }\n"
     "if header :regex \"subject\" \"(.*)(.*)(.*)(.*)c\" { stop; }\n",
     20},
    {"addresses", "\"envelope\", \"relational\", \"subaddress\"",
     "if address :detail :value \"gt\" [\"to\", \"cc\"] \"zzz\" { stop; }\n"
     "if address :all :contains \"to\" \"aaab\" { stop; }\n",
     100},
    {"own addresses", "\"vacation\"",
     "if header :contains \"subject\" \"zzz\" { vacation :addresses "
     "[\"a1@x.org\", \"a2@x.org\", \"a3@x.org\", \"a4@x.org\"] \"away\"; }\n",
     100},
    {"an answer", "\"vacation\", \"variables\"",
     "if header :matches \"subject\" \"*\" { set \"s\" \"${1}\"; }\n"
     "vacation :subject \"${s}${s}${s}\" \"${s}${s}${s}${s}\";\n",
     1},
    {"lists", "\"extlists\", \"copy\"",
     "if address :list [\"to\", \"cc\"] [\"tag:x,2026:a\", \"tag:x,2026:b\"] "
     "{ redirect :copy :list \"tag:x,2026:c\"; }\n",
     30},
    {"more lists than a run may have", "\"extlists\", \"variables\"",
     "set \"n\" \"${n}a\"; if header :list \"subject\" \"tag:x,2026:${n}\" "
     "{ stop; }\n",
     30},
    {"annotations", "\"mboxmetadata\", \"servermetadata\", \"mailboxid\"",
     "if metadata :matches \"INBOX\" \"/private/x\" \"*a*b*c*d\" { stop; }\n"
     "if servermetadata :contains \"/private/x\" \"aaaab\" { stop; }\n"
     "if not mailboxidexists \"Fx\" { stop; }\n",
     50},
    {"scores", "\"spamtestplus\", \"virustest\"",
     "if spamtest :percent \"5\" { stop; }\nif virustest \"1\" { stop; }\n",
     300},
    {"letters about it", "\"enotify\", \"variables\"",
     "if header :matches \"subject\" \"*\" { set :encodeurl \"s\" \"${1}\"; }\n"
     "notify :message \"${s}\" \"mailto:a${s}@x.org?body=${s}${s}\";\n",
     1},
    {"letters taken back", "\"notify\"",
     "notify :id \"x\" :options \"a@x.org\" :message "
     "\"$subject$ $from$ $subject$\"; denotify :matches \"*\";\n",
     200},
    {"bodies", "\"body\"",
     "if body :raw :contains \"aaaaaaaaaaaaaaab\" { stop; }\n"
     "if body :text :matches \"*a*a*b\" { stop; }\n"
     "if body :content \"text\" :contains [\"aaaaab\", \"aaab\"] { stop; }\n",
     20},
    {"edits", "\"editheader\", \"variables\"",
     "if header :matches \"subject\" \"*\" { addheader \"X-A\" \"${1}\"; }\n"
     "deleteheader :index 1 :contains \"X-A\" \"a\";\n",
     80},
    {"flags", "\"imap4flags\", \"variables\"",
     "addflag \"f\" \"a${f}b c${f}d\"; if hasflag :contains \"f\" \"zz\" "
     "{ stop; }\n",
     200},
    {"dates", "\"date\", \"index\", \"relational\"",
     "if date :index 500 :last :value \"gt\" \"received\" \"iso8601\" \"9\" "
     "{ stop; }\n",
     100},
    {"duplicates", "\"duplicate\", \"variables\"",
     "set \"n\" \"${n}a\"; if not duplicate :handle \"${n}\" :uniqueid "
     "\"${n}\" { stop; }\n",
     300},
    {"folders", "\"fileinto\", \"variables\", \"mailbox\", \"special-use\"",
     "set \"n\" \"${n}a\"; if mailboxexists [\"${n}\", \"b\"] { keep; }\n"
     "fileinto :create :specialuse \"\\\\Junk\" \"${n}\";\n",
     300},
    {"redirects", "\"variables\", \"redirect-dsn\", \"redirect-deliverby\"",
     "set \"n\" \"${n}a\"; redirect :notify \"NEVER\" :bytimerelative 1 "
     "\"${n}@example.org\";\n",
     50},
};

static struct pf_buf make_script(const struct hostile *h)
{
	struct pf_buf text = PF_BUF_INIT(MANY);

	pf_buf_addf(&text, "require [%s];\n", h->require);
	for (int i = 0; i < h->times; i++)
		pf_buf_add_c(&text, h->line);
	return text;
}

/* A header of about 100 KiB that suits none of them */
static struct pf_buf make_header(void)
{
	struct pf_buf header = PF_BUF_INIT(MANY);

	pf_buf_add_c(&header, "Subject: ");
	for (int i = 0; i < 20000; i++)
		pf_buf_add_byte(&header, 'a');
	pf_buf_add_c(&header, "\nFrom: a@example.org\nTo: u@example.com");
	for (int i = 0; i < 1000; i++)
		pf_buf_addf(&header, ",\n a%d+aaaaaaa@example.org", i);
	pf_buf_add_c(&header, "\n");
	for (int i = 0; i < 1000; i++)
		pf_buf_addf(&header, "Received: from a by b; Sat, 21 Nov 2026 "
				     "14:40:00 +0000\n");
	return header;
}

static void each_is_bounded(void)
{
	struct pf_buf header = make_header();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_buf text = make_script(&cases[i]);
		struct sieve_script *script = compile(text.data);
		clock_t start = clock();
		bool failed;

		tap_check(script && run(script, pf_buf_str(&header),
					&sieve_default_limits, &failed),
			  "%s", cases[i].name);
		/* the steps are to be paid: generous, for slow machines */
		tap_check((clock() - start) / CLOCKS_PER_SEC < 20, "%s: %ld s",
			  cases[i].name,
			  (long)((clock() - start) / CLOCKS_PER_SEC));
		sieve_script_free(&script);
		pf_buf_release(&text);
	}
	pf_buf_release(&header);
}

/* However little it is given, it stops there and not elsewhere. */
static void any_limit_is_kept(void)
{
	static const char small[] = "Subject: aaaaaaaaaaaaaaaaaaaaaaab\n"
				    "To: u@example.com, Ann <a+b@example.org>\n"
				    "Received: x; Sat, 21 Nov 2026 14:40:00 "
				    "+0000\n";
	int stopped = 0, passed = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hostile few = cases[i];

		few.times = few.times < 3 ? few.times : 3;
		struct pf_buf text = make_script(&few);
		struct sieve_script *script = compile(text.data);
		bool good = script != NULL, failed;

		for (uint64_t n = 1; good && n < 1u << 24; n += n / 2 + 1) {
			struct sieve_limits limits = sieve_default_limits;

			limits.steps_max = n;
			good = run(script, pf_str_c(small), &limits, &failed);
			stopped += failed;
			passed += !failed;
			limits.steps_max = sieve_default_limits.steps_max;
			limits.memory_max = (size_t)n;
			good = good &&
			       run(script, pf_str_c(small), &limits, &failed);
		}
		tap_check(good, "%s", cases[i].name);
		sieve_script_free(&script);
		pf_buf_release(&text);
	}
	ok(stopped > 100);
	ok(passed > 20);
}

/* The whole of a run is paid from one budget, whatever the tests are. */
static void many_rules_on_a_large_message(void)
{
	struct pf_buf header = make_header(), text = PF_BUF_INIT(MANY);
	bool failed = false;

	pf_buf_add_c(&text, "require [\"fileinto\"];\n");
	for (int i = 0; i < 6000; i++)
		pf_buf_addf(&text,
			    "if header :contains \"x%d\" \"y\" { fileinto "
			    "\"%d\"; stop; }\n",
			    i, i);
	struct sieve_script *script = compile(text.data);
	ok(script &&
	   run(script, pf_buf_str(&header), &sieve_default_limits, &failed));
	sieve_script_free(&script);
	pf_buf_release(&header);
	pf_buf_release(&text);
}

static void counts_actions_and_redirects(void)
{
	struct sieve_limits limits = sieve_default_limits;
	struct sieve_message message = make_message(PF_STR("Subject: x\n"));
	struct sieve_result result;
	struct pf_error err;
	struct sieve_script *script = compile(
	    "require [\"fileinto\", \"copy\"]; fileinto \"1\"; fileinto \"2\";"
	    "redirect :copy \"a@x.org\"; redirect :copy \"b@x.org\";");

	limits.actions_max = 4;
	limits.redirects_max = 2;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_OK);
	ok(!result.failed);
	is_int(result.count, 4);
	sieve_result_release(&result);
	limits.actions_max = 3;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_OK);
	is_str(result.problem, "more than 3 actions");
	sieve_result_release(&result);
	limits.actions_max = 4;
	limits.redirects_max = 1;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_OK);
	is_str(result.problem, "more than 1 redirects");
	is_int(result.count, 1);
	sieve_result_release(&result);
	limits.redirects_max = 0;
	ok(sieve_run(script, &message, &limits, NULL, NULL, &result, &err) ==
	   PF_OK);
	ok(result.failed);
	sieve_result_release(&result);
	sieve_script_free(&script);
}

int main(void)
{
	pf_buf_init(&list_text, 4 << 20);
	for (int i = 0; i < 10000; i++)
		pf_buf_addf(&list_text, "Name %d <a%d@example.org>\n", i, i);
	body_fd = memfd_create("body", 0);
	for (int i = 0; i < 10; i++) {
		static char block[65536];

		memset(block, 'a', sizeof block);
		if (i == 0)
			memcpy(block, "Subject: x\n\n", 12);
		if (write(body_fd, block, sizeof block) < 0)
			return 1;
	}
	each_is_bounded();
	any_limit_is_kept();
	many_rules_on_a_large_message();
	counts_actions_and_redirects();
	pf_buf_release(&list_text);
	return tap_done();
}
