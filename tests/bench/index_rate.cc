/*
 * The rate of the index beside bare Xapian over the same decoded text: what
 * searching costs above a library that only counts words.
 *
 *	index_rate ours|words|positions MAILDIR/cur DATABASE [COUNT]
 *
 * ours: search_index_message; words, positions: Xapian's own TermGenerator
 * fed by search_text, without and with positions.  Prints JSON.
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <xapian.h>

extern "C" {
/* a function named as its struct is C */
#pragma GCC diagnostic ignored "-Wshadow"
#include "index/index.h"
#include "search/search.h"
#include "search/text.h"
}

static const int commit_every = 10000;
static size_t text_bytes;

static std::vector<std::string> list(const char *path, size_t max)
{
	std::vector<std::string> names;
	DIR *dir = opendir(path);

	if (!dir)
		exit(2);
	while (struct dirent *entry = readdir(dir))
		if (entry->d_name[0] != '.')
			names.push_back(entry->d_name);
	closedir(dir);
	std::sort(names.begin(), names.end());
	if (names.size() > max)
		names.resize(max);
	return names;
}

static void must(pf_status status)
{
	if (status != PF_OK)
		exit(3);
}

static int open_message(const char *dir, const std::string &name)
{
	int fd = open((std::string(dir) + "/" + name).c_str(), O_RDONLY);

	if (fd < 0)
		exit(4);
	return fd;
}

static void run_ours(const char *dir, const char *path,
		     const std::vector<std::string> &names)
{
	struct index_writer *writer = nullptr;
	bool rebuilt;

	must(index_writer_open(path, search_text_version(), &writer, &rebuilt,
			       nullptr));
	for (size_t n = 0; n < names.size(); n++) {
		int fd = open_message(dir, names[n]);
		struct pf_str guid =
		    pf_str_mem(names[n].data(), names[n].find(':'));

		must(search_index_message(writer, guid, fd, nullptr));
		close(fd);
		if (n % commit_every == commit_every - 1)
			must(index_writer_commit(writer, nullptr));
	}
	index_writer_close(&writer);
}

struct bare {
	Xapian::TermGenerator *terms;
	bool positions;
};

static bool add_piece(void *arg, const struct search_piece *piece)
{
	auto *bare = static_cast<struct bare *>(arg);
	Xapian::Utf8Iterator text(piece->text.p, piece->text.n);

	text_bytes += piece->text.n;
	if (bare->positions)
		bare->terms->index_text(text);
	else
		bare->terms->index_text_without_positions(text);
	return true;
}

static void run_bare(const char *dir, const char *path, bool positions,
		     const std::vector<std::string> &names)
{
	Xapian::WritableDatabase db(path, Xapian::DB_CREATE_OR_OVERWRITE);
	Xapian::TermGenerator terms;
	struct bare bare = {&terms, positions};

	for (size_t n = 0; n < names.size(); n++) {
		int fd = open_message(dir, names[n]);
		Xapian::Document doc;

		terms.set_document(doc);
		must(search_text(fd, false, add_piece, &bare, nullptr));
		close(fd);
		doc.add_boolean_term("Q" + names[n]);
		db.add_document(doc);
		if (n % commit_every == commit_every - 1)
			db.commit();
	}
	db.commit();
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 1;
	auto names = list(argv[2], argc > 4 ? strtoul(argv[4], NULL, 10)
					    : SIZE_MAX);
	auto start = std::chrono::steady_clock::now();

	if (!strcmp(argv[1], "ours"))
		run_ours(argv[2], argv[3], names);
	else
		run_bare(argv[2], argv[3], !strcmp(argv[1], "positions"),
			 names);
	std::chrono::duration<double> took =
	    std::chrono::steady_clock::now() - start;
	printf("{\"messages\": %zu, \"seconds\": %.3f, \"rate\": %.1f}\n",
	       names.size(), took.count(), (double)names.size() / took.count());
	return 0;
}
