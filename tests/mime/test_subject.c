#include "tests/mime/util.h"

static void strips_replies_forwards_and_lists(void)
{
	static const struct {
		const char *subject, *base;
	} list[] = {
	    {"Hello", "Hello"},
	    {"Re: Hello", "Hello"},
	    {"RE: re:Re : Hello", "Hello"},
	    {"Re[2]: Hello", "Hello"},
	    {"Fwd: Hello", "Hello"},
	    {"Fw: [list] Hello (fwd)", "Hello"},
	    {"[list] Re: Hello", "Hello"},
	    {"[a] [b] Re [3] : Hello (fwd) (FWD) ", "Hello"},
	    {"[fwd: Hello]", "Hello"},
	    {"[Fwd: [fwd: Re: Hello (fwd)]]", "Hello"},
	    {"Re: \t Hello   there", "Hello there"},
	    {"[only a blob]", "[only a blob]"},
	    {"Re: [x]", "[x]"},
	    {"Re:", ""},
	    {"Regards: x", "Regards: x"},
	    {"Reply", "Reply"},
	    {"[unclosed Re: x", "[unclosed Re: x"},
	    {"", ""},
	};
	struct pf_buf b;

	pf_buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		pf_buf_clear(&b);
		mime_base_subject(&b, pf_str_c(list[i].subject));
		is_str(b.data, list[i].base);
	}
	pf_buf_release(&b);
}

static void knows_replies(void)
{
	static const struct {
		const char *subject;
		bool reply;
	} list[] = {
	    {"Hello", false},	     {"[list] Hello", false},
	    {"Re: Hello", true},     {"Hello (fwd)", true},
	    {"[fwd: Hello]", true},  {"Reply", false},
	    {"[list] re: Hi", true}, {"", false},
	};
	struct pf_buf b;

	pf_buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		is_int(mime_base_subject(&b, pf_str_c(list[i].subject)),
		       list[i].reply);
	pf_buf_release(&b);
}

static void is_linear(void)
{
	static const char *const bad[] = {
	    "[a]", "[", "[fwd:", "re:", "(fwd)", "re[a]", " ", "[] re"};
	struct pf_buf b, to;

	pf_buf_init(&b, 4 << 20);
	pf_buf_init(&to, 4 << 20);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		pf_buf_clear(&b);
		repeat(&b, bad[i], 300000);
		pf_buf_clear(&to);
		mime_base_subject(&to, pf_buf_str(&b));
		ok(to.len <= b.len);
	}
	pf_buf_release(&b);
	pf_buf_release(&to);
}

int main(void)
{
	strips_replies_forwards_and_lists();
	knows_replies();
	is_linear();
	return tap_done();
}
