/*
 * index.cc: the only C++ of penfold, and the only place that sees Xapian.
 *
 * Every extern "C" function has its whole body inside guard(), so nothing is
 * thrown into C; nothing C calls back out of here except keep(), which must
 * not throw or jump.  translate() is the one table from exceptions to
 * statuses.
 *
 * Documents have boolean terms only, without positions:
 *	Q<guid>		the key
 *	X		not all words are in (too many)
 *	<field><word>	a word of a field; <field> is one byte \001..\007,
 *			which no word contains
 *
 * Document numbers are never used twice in one database, so a set made of an
 * older revision stays true for the documents it knew; what came later has a
 * higher number, and the set says MAYBE.  A database begun anew has another
 * UUID, and reopening tells.
 */
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <xapian.h>

extern "C" {
#include "index/index.h"
#include "base/fsio.h"
#include "index/guids.h"
#include "index/set.h"
#include "index/spell.h"
#include "index/vocab.h"
#include "index/words.h"
}

/* Change it with anything that changes what is in a document. */
#define INDEX_FORMAT "1"

static const size_t guid_max = 200;	      /* Xapian takes 245 bytes */
static const uint32_t words_max = 200000;     /* distinct ones of a message */
static const uint32_t walk_worth = 8;	      /* documents */
static const uint32_t near_enough = 24;	      /* documents */
static const uint32_t postings_max = 1000000; /* until a commit */

struct index {
	Xapian::Database db;
	std::string path, version, uuid;
	struct pf_buf vocab = PF_BUF_INIT(0);
	enum {
		UNKNOWN,
		LOADED,
		MISSING
	} vocab_state = UNKNOWN;
	struct index_guids guids;
	uint32_t near = 0; /* the document that was found last */

	index()
	{
		guids.fd = -1;
		guids.count = 0;
	}
	index(const index &) = delete;
	~index()
	{
		pf_buf_release(&vocab);
		index_guids_close(&guids);
	}
};

struct index_writer {
	Xapian::WritableDatabase db;
	struct index_vocab *vocab = nullptr;
	struct index_guids_writer guids = {};
	Xapian::Document doc;
	std::string key; /* of the document that was begun */
	struct index_words words = {};
	uint32_t postings = 0; /* since the last commit */

	index_writer()
	{
		guids.fd = -1;
	}
	index_writer(const index_writer &) = delete;
	~index_writer()
	{
		index_vocab_close(&vocab);
		index_guids_end(&guids);
	}
};

/* ---- the border ------------------------------------------------------ */

/* A status on its way through C++; err is filled already. */
struct failure {
	pf_status status;
};

static void check(pf_status status)
{
	if (status != PF_OK)
		throw failure{status};
}

/* Call it from a catch block. */
static pf_status translate(struct pf_error *err, const char *what) noexcept
{
	auto say = [&](pf_status status, const Xapian::Error &e) {
		const char *sys = e.get_error_string();

		return pf_error_set(err, status, NULL, "index %s: %s: %s%s%s",
				    what, e.get_type(), e.get_msg().c_str(),
				    sys ? ": " : "", sys ? sys : "");
	};
	try {
		throw;
	} catch (const failure &f) {
		return f.status;
	} catch (const Xapian::DatabaseLockError &e) {
		return say(PF_BUSY, e);
	} catch (const Xapian::DatabaseOpeningError &e) {
		return say(PF_NOTFOUND, e);
	} catch (const Xapian::DatabaseCorruptError &e) {
		return say(PF_CORRUPT, e);
	} catch (const Xapian::DatabaseError &e) {
		/* such as "EOF reading block" */
		return say(e.get_error_string() ? PF_IO : PF_CORRUPT, e);
	} catch (const Xapian::Error &e) {
		return say(PF_CORRUPT, e); /* DocNotFound, Range, ...: what
					      it says of itself is wrong */
	} catch (const std::bad_alloc &) {
		return pf_error_set(err, PF_NOMEM, NULL, "index %s: no memory",
				    what);
	} catch (...) {
		return pf_error_set(err, PF_INTERNAL, NULL,
				    "index %s: unknown exception", what);
	}
}

template <typename Body>
static pf_status guard(struct pf_error *err, const char *what,
		       Body body) noexcept
{
	try {
		body();
		return PF_OK;
	} catch (...) {
		return translate(err, what);
	}
}

static std::string bytes(struct pf_str s)
{
	return std::string(s.n ? s.p : "", s.n);
}

static struct pf_str slice(const std::string &s)
{
	return pf_str_mem(s.data(), s.size());
}

static std::string field_prefix(unsigned field)
{
	return std::string(1, static_cast<char>(1 + field));
}

/* ---- reading --------------------------------------------------------- */

static void forget_vocab(struct index *index)
{
	pf_buf_release(&index->vocab);
	index->vocab_state = index::UNKNOWN;
}

static void reopen(struct index *index)
{
	index->db.reopen();
	forget_vocab(index);
	if (index->db.get_uuid() != index->uuid)
		throw Xapian::DatabaseOpeningError("begun anew");
	index_guids_close(&index->guids);
	index_guids_open(&index->guids, index->path.c_str(),
			 index->uuid.c_str());
}

/* The writer committed twice while we read: once more, on the new state. */
template <typename Body>
static pf_status read_guard(struct index *index, struct pf_error *err,
			    const char *what, Body body) noexcept
{
	return guard(err, what, [&] {
		try {
			body();
		} catch (const Xapian::DatabaseModifiedError &) {
			reopen(index);
			body();
		}
	});
}

pf_status index_open(const char *path, const char *version, struct index **out,
		     struct pf_error *err)
{
	return guard(err, "open", [&] {
		auto index = std::make_unique<struct index>();

		index->db = Xapian::Database(path);
		index->path = path;
		index->uuid = index->db.get_uuid();
		if (index->db.get_metadata("version") !=
		    std::string(INDEX_FORMAT " ") + version)
			throw Xapian::DatabaseOpeningError("other version");
		index_guids_open(&index->guids, path, index->uuid.c_str());
		*out = index.release();
	});
}

void index_close(struct index **index)
{
	delete *index;
	*index = NULL;
}

pf_status index_reopen(struct index *index, struct pf_error *err)
{
	return guard(err, "reopen", [&] { reopen(index); });
}

pf_status index_count(struct index *index, uint32_t *documents,
		      struct pf_error *err)
{
	return read_guard(index, err, "count",
			  [&] { *documents = index->db.get_doccount(); });
}

static uint32_t find_guid(const Xapian::Database &db, struct pf_str guid)
{
	std::string key = "Q" + bytes(guid);

	if (guid.n > guid_max)
		return 0;
	auto it = db.postlist_begin(key);
	return it == db.postlist_end(key) ? 0 : *it;
}

/* Neighbours in a mailbox are mostly neighbours here. */
static bool find_near(struct index *index, struct pf_str guid, uint32_t *docid)
{
	uint32_t near = index->near;

	if (index_guids_is(&index->guids, near + 1, guid)) {
		*docid = near + 1;
		return true;
	}
	for (uint32_t back = 0; back <= near_enough && back < near; back++)
		if (index_guids_is(&index->guids, near - back, guid)) {
			*docid = near - back;
			return true;
		}
	return false;
}

pf_status index_docid(struct index *index, struct pf_str guid, uint32_t *docid,
		      struct pf_error *err)
{
	pf_status status = PF_OK;

	if (!find_near(index, guid, docid))
		status = read_guard(index, err, "docid", [&] {
			*docid = find_guid(index->db, guid);
		});
	if (!status && *docid)
		index->near = *docid;
	return status;
}

struct bits : index_bits {
	explicit bits(uint32_t highest)
	{
		if (!index_bits_init(this, highest))
			throw std::bad_alloc();
	}
	bits(const bits &) = delete;
	~bits()
	{
		index_bits_release(this);
	}
};

static void add_postings(const Xapian::Database &db, const std::string &term,
			 struct index_bits *found)
{
	auto end = db.postlist_end(term);

	for (auto it = db.postlist_begin(term); it != end; ++it)
		index_bits_add(found, *it);
}

/* How long the flat file of all words must at least be. */
static uint64_t words_size(const Xapian::Database &db)
{
	return strtoull(db.get_metadata("words").c_str(), NULL, 10);
}

/* Is the flat file of all words there, and in memory? */
static bool has_vocab(struct index *index)
{
	if (index->vocab_state == index::UNKNOWN)
		index->vocab_state =
		    index_vocab_load(&index->vocab, index->path.c_str(),
				     index->uuid.c_str(), words_size(index->db),
				     NULL)
			? index::MISSING
			: index::LOADED;
	return index->vocab_state == index::LOADED;
}

/* The words of a field with the fragment inside or at their end. */
static void add_inside(struct index *index, const std::string &prefix,
		       const struct index_fragment &fragment,
		       struct index_bits *found)
{
	uint32_t documents = index->db.get_doccount();

	if (has_vocab(index)) {
		struct pf_str term;
		size_t pos = 0;

		while (found->count < documents &&
		       index_vocab_next(pf_buf_str(&index->vocab), prefix[0],
					&fragment, &pos, &term))
			add_postings(index->db, bytes(term), found);
		return;
	}
	auto end = index->db.allterms_end(prefix);
	for (auto it = index->db.allterms_begin(prefix);
	     it != end && found->count < documents; ++it) {
		std::string term = *it;

		if (index_fragment_in(&fragment, pf_str_from(slice(term), 1)))
			add_postings(index->db, term, found);
	}
}

static void add_matching(struct index *index, unsigned field,
			 const struct index_fragment &fragment,
			 struct index_bits *found)
{
	std::string prefix = field_prefix(field);
	std::string term = prefix + bytes(fragment.text);

	if (fragment.open_left) {
		add_inside(index, prefix, fragment, found);
	} else if (fragment.open_right) {
		auto end = index->db.allterms_end(term);
		for (auto it = index->db.allterms_begin(term); it != end; ++it)
			add_postings(index->db, *it, found);
	} else {
		add_postings(index->db, term, found);
	}
}

/* Leaves in `may` the documents that have the fragment too. */
static void narrow(struct index *index, const struct index_fragment &fragment,
		   unsigned fields, bool first, struct index_bits *may)
{
	bits found(may->last);

	for (unsigned field = 0; field < INDEX_FIELDS; field++)
		if (fields >> field & 1)
			add_matching(index, field, fragment, &found);
	if (first)
		index_bits_or(may, &found);
	else
		index_bits_and(may, &found);
}

/* Fragments that are looked up come before those that need a walk over all
 * words, and the walk is saved where few documents are left. */
static void find_candidates(struct index *index, struct pf_str folded,
			    unsigned fields, struct index_set *set)
{
	uint32_t last = index->db.get_lastdocid();
	struct index_needle needle;
	bits may(last), partial(last);
	bool first = true;

	index_needle_parse(folded, &needle);
	set->all = needle.n == 0;
	set->exact = needle.exact;
	for (int walk = 0; walk <= 1; walk++)
		for (size_t i = 0; i < needle.n; i++)
			if (needle.v[i].open_left == walk &&
			    (first || may.count > (walk ? walk_worth : 0))) {
				narrow(index, needle.v[i], fields, first, &may);
				first = false;
			}
	add_postings(index->db, "X", &partial);
	index_bits_or(&may, &partial);
	std::swap<index_bits>(set->may, may);
	std::swap<index_bits>(set->partial, partial);
}

pf_status index_candidates(struct index *index, struct pf_str needle,
			   unsigned fields, struct index_set **out,
			   struct pf_error *err)
{
	return read_guard(index, err, "search", [&] {
		auto *set = static_cast<struct index_set *>(
		    calloc(1, sizeof(struct index_set)));

		if (!set)
			throw std::bad_alloc();
		try {
			find_candidates(index, needle, fields, set);
		} catch (...) {
			index_set_free(&set);
			throw;
		}
		*out = set;
	});
}

/* ---- writing --------------------------------------------------------- */

/* All terms of a database whose flat file is missing or of another. */
static void fill_vocab(struct index_writer *writer)
{
	for (unsigned field = 0; field < INDEX_FIELDS; field++) {
		std::string prefix = field_prefix(field);
		auto end = writer->db.allterms_end(prefix);

		for (auto it = writer->db.allterms_begin(prefix); it != end;
		     ++it)
			check(index_vocab_add(writer->vocab, slice(*it), NULL));
	}
}

/* The same for the file of documents' names. */
static void fill_guids(struct index_writer *writer)
{
	auto end = writer->db.allterms_end("Q");

	for (auto it = writer->db.allterms_begin("Q"); it != end; ++it)
		check(index_guids_put(&writer->guids,
				      *writer->db.postlist_begin(*it),
				      pf_str_from(slice(*it), 1), NULL));
}

static void commit(struct index_writer *writer, struct pf_error *err)
{
	uint64_t size;

	check(index_vocab_sync(writer->vocab, &size, err));
	check(index_guids_sync(&writer->guids, err));
	writer->db.set_metadata("words", std::to_string(size));
	writer->db.commit();
	writer->postings = 0;
}

static std::unique_ptr<index_writer> open_writer(const char *path,
						 const std::string &version,
						 int how, struct pf_error *err)
{
	auto writer = std::make_unique<index_writer>();
	bool complete, guids_complete;

	writer->db = Xapian::WritableDatabase(path, how);
	if (how == Xapian::DB_CREATE) {
		writer->db.set_metadata("version", version);
		writer->db.commit();
	}
	if (writer->db.get_metadata("version") != version)
		throw Xapian::DatabaseCorruptError("other version");
	check(index_vocab_open(&writer->vocab, path,
			       writer->db.get_uuid().c_str(),
			       words_size(writer->db), &complete, err));
	check(index_guids_begin(&writer->guids, path,
				writer->db.get_uuid().c_str(), &guids_complete,
				err));
	if (!complete)
		fill_vocab(writer.get());
	if (!guids_complete)
		fill_guids(writer.get());
	if (!complete || !guids_complete)
		commit(writer.get(), err);
	return writer;
}

/* Nothing usable there: no index, a torn one, or one of another version. */
static bool opens(const char *path, const std::string &version,
		  std::unique_ptr<index_writer> *writer, struct pf_error *err)
{
	try {
		*writer = open_writer(path, version, Xapian::DB_OPEN, err);
		return true;
	} catch (const Xapian::DatabaseLockError &) {
		throw;
	} catch (const Xapian::DatabaseError &e) {
		const char *sys = e.get_error_string();

		/* no descriptors, no rights: nothing wrong with the index */
		if (sys && strcmp(sys, strerror(ENOENT)) != 0)
			throw;
	}
	return false;
}

pf_status index_writer_open(const char *path, const char *version,
			    struct index_writer **out, bool *rebuilt,
			    struct pf_error *err)
{
	return guard(err, "open to write", [&] {
		std::string format = std::string(INDEX_FORMAT " ") + version;
		std::unique_ptr<index_writer> writer;
		struct stat st;
		bool is_new = stat(path, &st) < 0;

		if (is_new || !opens(path, format, &writer, err)) {
			if (!is_new)
				check(pf_fs_remove_tree(AT_FDCWD, path, err));
			check(pf_fs_mkdirs(path, 0700, err));
			writer =
			    open_writer(path, format, Xapian::DB_CREATE, err);
			*rebuilt = !is_new;
		} else {
			*rebuilt = false;
		}
		*out = writer.release();
	});
}

pf_status index_writer_begin(struct index_writer *writer, struct pf_str guid,
			     struct pf_error *err)
{
	if (guid.n == 0 || guid.n > guid_max)
		return pf_error_set(err, PF_LIMIT, NULL,
				    "index: a guid of %zu bytes", guid.n);
	return guard(err, "begin", [&] {
		index_writer_abandon(writer);
		writer->key = "Q" + bytes(guid);
		writer->doc.add_boolean_term(writer->key);
	});
}

void index_writer_abandon(struct index_writer *writer)
{
	writer->doc.clear_terms();
	writer->key.clear();
	writer->words = index_words{};
}

static void add_word(struct index_writer *writer, const std::string &prefix,
		     struct pf_str word, struct pf_error *err)
{
	std::string term = prefix + bytes(word);

	if (!index_vocab_knows(writer->vocab, slice(term)) &&
	    !writer->db.term_exists(term))
		check(index_vocab_add(writer->vocab, slice(term), err));
	writer->doc.add_boolean_term(term);
}

pf_status index_writer_text(struct index_writer *writer, enum index_field field,
			    struct pf_str folded, bool more,
			    struct pf_error *err)
{
	return guard(err, "add", [&] {
		struct index_words *words = &writer->words;
		std::string prefix = field_prefix(field);
		struct pf_str word;

		if (writer->doc.termlist_count() >= words_max) {
			writer->doc.add_boolean_term("X");
			return;
		}
		while (index_words_next(words, &folded, &word))
			add_word(writer, prefix, word, err);
		if (!more && index_words_end(words, &word))
			add_word(writer, prefix, word, err);
	});
}

pf_status index_writer_end(struct index_writer *writer, struct pf_error *err)
{
	pf_status status = guard(err, "end", [&] {
		writer->postings += writer->doc.termlist_count();
		uint32_t docid =
		    writer->db.replace_document(writer->key, writer->doc);
		check(index_guids_put(&writer->guids, docid,
				      pf_str_from(slice(writer->key), 1), err));
		index_writer_abandon(writer);
	});

	if (!status && writer->postings > postings_max)
		status = index_writer_commit(writer, err);
	return status;
}

pf_status index_writer_has(struct index_writer *writer, struct pf_str guid,
			   bool *has, struct pf_error *err)
{
	return guard(err, "has",
		     [&] { *has = find_guid(writer->db, guid) != 0; });
}

pf_status index_writer_sweep(struct index_writer *writer, index_keep_fn keep,
			     void *arg, uint32_t *removed, struct pf_error *err)
{
	return guard(err, "sweep", [&] {
		std::vector<std::string> gone;

		for (auto it = writer->db.allterms_begin("Q");
		     it != writer->db.allterms_end("Q"); ++it) {
			std::string key = *it;

			if (!keep(arg, pf_str_from(slice(key), 1)))
				gone.push_back(std::move(key));
		}
		for (const std::string &key : gone) {
			check(index_guids_put(&writer->guids,
					      *writer->db.postlist_begin(key),
					      PF_STR(""), err));
			writer->db.delete_document(key);
		}
		*removed = static_cast<uint32_t>(gone.size());
	});
}

pf_status index_writer_note(struct index_writer *writer, const char *key,
			    struct pf_str value, struct pf_error *err)
{
	return guard(err, "note", [&] {
		writer->db.set_metadata(std::string("note ") + key,
					bytes(value));
	});
}

pf_status index_writer_note_get(struct index_writer *writer, const char *key,
				struct pf_buf *to, struct pf_error *err)
{
	return guard(err, "note", [&] {
		pf_buf_add_str(to, slice(writer->db.get_metadata(
				       std::string("note ") + key)));
	});
}

pf_status index_writer_commit(struct index_writer *writer, struct pf_error *err)
{
	return guard(err, "commit", [&] { commit(writer, err); });
}

void index_writer_close(struct index_writer **writer)
{
	if (!*writer)
		return;
	if (index_writer_commit(*writer, NULL) != PF_OK) {
		/* the next writer starts from the last commit */
	}
	delete *writer;
	*writer = NULL;
}

/* ---- words that were meant ------------------------------------------- */

/* Common words were met, and written to the file, first. */
static const size_t spell_bytes = (size_t)16 << 20;

static std::string most_like(struct index *index,
			     const struct index_spelling *spelling)
{
	static const struct index_fragment any = {PF_STR(""), true, true};
	struct pf_str words =
			  pf_str_head(pf_buf_str(&index->vocab), spell_bytes),
		      term;
	unsigned nearest = spelling->wrong;
	Xapian::doccount most = 0;
	std::string best;
	size_t pos = 0;

	while (index_vocab_next(words, field_prefix(INDEX_BODY)[0], &any, &pos,
				&term)) {
		unsigned distance =
		    index_spelling_distance(spelling, pf_str_from(term, 1));

		if (distance > nearest)
			continue;
		Xapian::doccount n = index->db.get_termfreq(bytes(term));
		if (n > 0 && (distance < nearest || n > most)) {
			best = bytes(pf_str_from(term, 1));
			nearest = distance;
			most = n;
		}
	}
	return best;
}

pf_status index_spell(struct index *index, struct pf_str word,
		      struct pf_buf *meant, struct pf_error *err)
{
	struct index_spelling spelling;
	std::string best;
	pf_status status = PF_OK;

	if (index_spelling_init(&spelling, word))
		status = read_guard(index, err, "spell", [&] {
			if (has_vocab(index))
				best = most_like(index, &spelling);
		});
	if (!status && best.empty())
		status = pf_error_set(err, PF_NOTFOUND, NULL,
				      "index: no word like it");
	if (!status)
		pf_buf_add(meant, best.data(), best.size());
	return status;
}

/* ---- stems ------------------------------------------------------------ */

pf_status index_stem(struct pf_str word, struct pf_buf *stem,
		     struct pf_error *err)
{
	return guard(err, "stem", [&] {
		std::string out = Xapian::Stem("english")(bytes(word));

		pf_buf_add(stem, out.data(), out.size());
	});
}
