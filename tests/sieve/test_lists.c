/* ~/.mlists: what is read, what is reported, what script it equals. */
#include "sieve/sieve.h"
#include "tests/tap.h"

static struct sieve_lists lists;
static struct sieve_problems problems;

static void parse(const char *text)
{
	problems.n = 0;
	sieve_lists_parse(pf_str_c(text), &lists, &problems);
}

static void reads_a_plain_line(void)
{
	parse("ml-nanog nanog nanog@nanog.org nanog@merit.edu\n");
	is_int(problems.n, 0);
	is_int(lists.n, 1);
	is_str(lists.v[0].tag.p, "ml-nanog");
	is_str(lists.v[0].folder.p, "nanog");
	is_int(lists.v[0].address_count, 2);
	is_str(lists.v[0].addresses[0].p, "nanog@nanog.org");
	is_str(lists.v[0].addresses[1].p, "nanog@merit.edu");
	is_int(lists.v[0].line, 1);
	sieve_lists_release(&lists);
}

static void reads_comments_blanks_and_crlf(void)
{
	parse(
	    "# my lists\r\n\r\n  \t\n\ta\tLists/A  a@x.org # first\r\nb B b@x");
	is_int(problems.n, 0);
	is_int(lists.n, 2);
	is_str(lists.v[0].folder.p, "Lists/A");
	is_int(lists.v[0].address_count, 1);
	is_int(lists.v[1].line, 5);
	sieve_lists_release(&lists);
}

static void reads_quoted_words(void)
{
	parse("a \"My \\\"big\\\" list\" a@x.org\nb \"#1\" b@x.org\n");
	is_int(problems.n, 0);
	is_mem(lists.v[0].folder.p, lists.v[0].folder.n, "My \"big\" list");
	is_mem(lists.v[1].folder.p, lists.v[1].folder.n, "#1");
	sieve_lists_release(&lists);
}

static void keeps_options(void)
{
	parse("a A a@x.org b=c@x.org color=red \"key=d@x.org\"\n");
	is_int(problems.n, 0);
	is_int(lists.v[0].address_count, 2);
	is_int(lists.v[0].option_count, 2);
	is_str(lists.v[0].options[1].p, "color=red");
	sieve_lists_release(&lists);
}

static void skips_broken_lines_and_says_why(void)
{
	parse("a A a@x.org\n"
	      "lonely\n"
	      "b \"B b@x.org\n"
	      "c C not-an-address\n"
	      "d@x D d@x.org\n"
	      "A B a@x.org\n"
	      "e e@x.org\n"
	      "f F f@x.org\n"
	      "g \xff g@x.org\n");
	is_int(lists.n, 2);
	is_int(problems.n, 7);
	is_int(problems.v[0].line, 2);
	is_str(problems.v[0].text, "the folder is missing");
	is_int(problems.v[1].line, 3);
	is_int(problems.v[1].column, 3);
	is_int(problems.v[2].column, 5);
	is_str(problems.v[4].text,
	       "there was a rule for this extension in line 1");
	is_str(problems.v[5].text, "this is no name of a folder");
	is_int(problems.v[6].line, 9);
	sieve_lists_release(&lists);
}

static void takes_a_rule_without_address_with_a_warning(void)
{
	parse("a A\n");
	is_int(lists.n, 1);
	is_int(problems.n, 1);
	ok(problems.v[0].warning);
	sieve_lists_release(&lists);
}

static void finds_a_tag_in_any_case(void)
{
	parse("ml-a A a@x.org\nml-b B b@x.org\n");
	const struct sieve_list *list =
	    sieve_lists_find(&lists, PF_STR("ML-B"));
	ok(list && list->line == 2);
	ok(!sieve_lists_find(&lists, PF_STR("ml")));
	ok(!sieve_lists_find(&lists, PF_STR("")));
	sieve_lists_release(&lists);
}

static void reads_sixty_two_lines(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 16);

	for (int i = 0; i < 62; i++)
		pf_buf_addf(&text, "ml-%d list%d l%d@x.org l%d@y.org\n", i, i,
			    i, i);
	parse(text.data);
	is_int(lists.n, 62);
	is_str(lists.v[61].folder.p, "list61");
	sieve_lists_release(&lists);
	pf_buf_release(&text);
}

/* The script that is shown files as the rules do. */
static void equals_its_script(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 16);
	struct sieve_script *script = NULL;
	struct sieve_result result;
	struct pf_error err;

	parse("ml-a A a@x.org\nml-b \"B \\\"\\\\ b\" b@x.org\n");
	sieve_lists_to_script(&lists, &text);
	problems.n = 0;
	ok(sieve_compile(pf_buf_str(&text), NULL, &script, &problems, &err) ==
	   PF_OK);
	is_int(problems.n, 0);
	struct sieve_message message = {.header = PF_STR("\n"),
					.to = PF_STR("u+ml-b@x.org"),
					.user = PF_STR("u"),
					.detail = PF_STR("ml-b"),
					.has_detail = true};
	ok(sieve_run(script, &message, NULL, NULL, NULL, &result, &err) ==
	   PF_OK);
	is_int(result.count, 1);
	is_int(result.actions[0].kind, SIEVE_FILEINTO);
	ok(result.actions[0].create);
	ok(pf_str_eq(result.actions[0].mailbox, lists.v[1].folder));
	sieve_result_release(&result);
	sieve_script_free(&script);
	sieve_lists_release(&lists);
	pf_buf_release(&text);
}

int main(void)
{
	reads_a_plain_line();
	reads_comments_blanks_and_crlf();
	reads_quoted_words();
	keeps_options();
	skips_broken_lines_and_says_why();
	takes_a_rule_without_address_with_a_warning();
	finds_a_tag_in_any_case();
	reads_sixty_two_lines();
	equals_its_script();
	pf_vec_release(&problems);
	return tap_done();
}
