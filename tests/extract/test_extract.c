/* The programs themselves are asked in tests/real/attachments.py. */
#include "extract/extract.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extract/jail.h"
#include "extract/xml.h"
#include "tests/tap.h"

static struct pf_error err;
static struct pf_buf text;

static void xml_is(const char *document, const char *want)
{
	for (size_t step = 1; step < 40; step += 13) {
		struct extract_xml xml = {0};
		struct pf_str rest = pf_str_c(document);

		pf_buf_clear(&text);
		for (; rest.n; rest = pf_str_from(rest, step))
			extract_xml_add(&xml, pf_str_head(rest, step), &text);
		is_mem(text.data, text.len, want);
	}
}

static void words_are_put_together(void)
{
	xml_is("<w:p><w:r><w:t>Qua</w:t></w:r><w:r><w:t>rter</w:t></w:r></w:p>"
	       "<w:p><w:t xml:space=\"preserve\">two</w:t></w:p>",
	       "Quarter\ntwo");
	xml_is("<w:t>R&amp;D &#xdf;&#228; &lt;x&gt;</w:t><w:delText>gone",
	       "R&D \xc3\x9f\xc3\xa4 <x>");
	xml_is("<w:t>a & b &nonsense; c</w:t>", "a  c");
}

static void sheets_show_values(void)
{
	xml_is("<si><t>name</t></si><?xml version=\"1.0\"?>"
	       "<row><c r=\"A1\" t=\"s\"><v>7</v></c>"
	       "<c r=\"B1\"><v>4711</v></c><c r=\"C1\" t=\"inlineStr\"><is>"
	       "<t>here</t></is></c></row>",
	       "name\n4711\nhere");
}

static void open_document_shows_all(void)
{
	xml_is("<?xml version=\"1.0\"?><office:document-content><text:p>one"
	       "<text:span> t</text:span>wo</text:p><text:p>three</text:p>",
	       "one two\nthree");
}

static bool collect(void *arg, struct pf_str output)
{
	pf_buf_add_str(arg, output);
	return text.len < 100000;
}

static void jail(const char *program, const char *first, const char *second,
		 int wait_ms)
{
	const char *const argv[] = {program, first, second, NULL};
	int file = memfd_create("test", MFD_CLOEXEC);

	pf_buf_clear(&text);
	ok(write(file, "some bytes\n", 11) == 11);
	lseek(file, 0, SEEK_SET);
	is_int(extract_jail_run(argv, file, wait_ms, collect, &text, &err),
	       PF_OK);
	close(file);
}

static void a_program_reads_its_file(void)
{
	jail("cat", "-", NULL, 10000);
	is_mem(text.data, text.len, "some bytes\n");
	jail("cat", "/proc/self/fd/0", NULL, 10000);
	is_mem(text.data, text.len, "some bytes\n");
}

static void a_program_does_nothing_else(void)
{
	char path[] = "/tmp/penfold-jail-XXXXXX", script[200];
	int fd = mkstemp(path);

	close(fd);
	/* a shell that may not fork: only what is built in */
	jail("dash", "-c", "echo yes; cat /dev/null; echo no", 10000);
	is_mem(text.data, text.len, "yes\n");
	snprintf(script, sizeof script, "echo yes; echo x > %s; echo no", path);
	jail("dash", "-c", script, 10000);
	ok(text.len <= 7);
	ok(access(path, F_OK) == 0);
	fd = open(path, O_RDONLY);
	is_int(lseek(fd, 0, SEEK_END), 0);
	close(fd);
	unlink(path);
	jail("dash", "-c", "kill -9 $PPID; echo $HOME$USER-", 10000);
	is_mem(text.data, text.len, "-\n");
}

static void a_program_ends(void)
{
	jail("yes", NULL, NULL, 10000);
	ok(text.len >= 100000 && text.len < 300000);
	jail("sleep", "100", NULL, 50);
	is_int(text.len, 0);
	const char *const none[] = {"no-such-program", NULL};
	is_int(extract_jail_run(none, 0, 1000, collect, &text, &err),
	       PF_UNAVAILABLE);
}

static void texts_of_no_type(void)
{
	static const char message[] =
	    "Content-Type: multipart/mixed; boundary=x\n\n"
	    "--x\n\nown text\n"
	    "--x\nContent-Type: application/octet-stream; name=a.html\n\n"
	    "<p>shown</p><!-- not -->\n"
	    "--x\nContent-Type: application/octet-stream; name=b.eml\n"
	    "Content-Transfer-Encoding: base64\n\n"
	    "U3ViamVjdDogbmVzdGVkCgppbm5lciB3b3Jkcwo=\n"
	    "--x\nContent-Type: application/octet-stream; name=c.bin\n\n"
	    "binary\n--x--\n";
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct pf_arena arena;
	struct mime_part *root;
	unsigned parts = 0;

	pf_arena_init(&arena, 1 << 20);
	ok(write(fd, message, sizeof message - 1) > 0);
	is_int(mime_parse_fd(&arena, fd, &root, &err), PF_OK);
	ok(extract_wanted(root));
	ok(!extract_wanted(NULL));
	pf_buf_clear(&text);
	is_int(extract_message(fd, root, &text, &parts, &err), PF_OK);
	is_mem(text.data, text.len, "shown\fnested\ninner words");
	is_int(parts, 2);
	close(fd);
	pf_arena_release(&arena);
}

int main(void)
{
	pf_buf_init(&text, 1 << 20);
	words_are_put_together();
	sheets_show_values();
	open_document_shows_all();
	a_program_reads_its_file();
	a_program_does_nothing_else();
	a_program_ends();
	texts_of_no_type();
	pf_buf_release(&text);
	return tap_done();
}
