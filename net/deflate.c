/*
 * Compression as a layer over a connection (RFC 4978): raw DEFLATE both ways,
 * above TLS where there is TLS.
 *
 * zlib's state is large (150 KiB to compress, 40 KiB to expand), and most
 * connections sleep most of the time, so a layer that had nothing to do for a
 * while rests.  What is sent always ends with a full block on a byte boundary,
 * and a compressor that starts anew may follow there: so that side is simply
 * thrown away.  The peer, though, may refer to the last 32 KiB that it sent:
 * they are kept, themselves compressed, and given back to a new expander when
 * the next byte comes.  That works where the peer's input ended between two
 * blocks, as a flush leaves it; elsewhere the expander stays.
 *
 * A few bytes of input may expand to a gigabyte.  One turn of the loop makes
 * at most NET_SCRATCH of them, and only what the owner takes; the rest waits
 * compressed, in `wire`, and nothing is read meanwhile.
 */
#include "net/private.h"

#include <stdlib.h>
#include <zlib.h>

#define RAW_WINDOW  (-15) /* 32 KiB, without zlib's header */
#define WINDOW_SIZE 32768
#define MEMORY	    5 /* 144 KiB in all */
#define LEVEL	    3 /* docs/decisions/076 */
#define PIECE	    16384

struct net_deflate {
	struct net_conn *conn;
	z_stream *in, *out; /* NULL: resting, or not used yet */
	struct pf_buf wire; /* compressed input kept for later */
	char *window;	    /* of a resting `in`, compressed */
	size_t window_packed, window_size;
	bool more;    /* `in` could give more without new input */
	bool running; /* guards against reentry */
	bool ended;   /* the peer said that its stream is over */
};

struct net_deflate *net_deflate_new(struct net_conn *conn)
{
	struct net_deflate *layer = calloc(1, sizeof *layer);

	if (!layer)
		abort();
	layer->conn = conn;
	pf_buf_init(&layer->wire, 2 * NET_SCRATCH);
	return layer;
}

static void end_in(struct net_deflate *layer)
{
	if (layer->in)
		(void)inflateEnd(layer->in);
	free(layer->in);
	layer->in = NULL;
}

static void end_out(struct net_deflate *layer)
{
	if (layer->out)
		(void)deflateEnd(layer->out);
	free(layer->out);
	layer->out = NULL;
}

static void drop_window(struct net_deflate *layer)
{
	free(layer->window);
	layer->window = NULL;
	layer->window_packed = layer->window_size = 0;
}

void net_deflate_free(struct net_deflate **layerp)
{
	struct net_deflate *layer = *layerp;

	if (!layer)
		return;
	*layerp = NULL;
	end_in(layer);
	end_out(layer);
	drop_window(layer);
	pf_buf_release(&layer->wire);
	free(layer);
}

static void fail(struct net_deflate *layer, pf_status status, const char *what)
{
	struct pf_error err = {0};

	(void)pf_error_set(&err, status, NULL, "deflate: %s", what);
	net_conn_fail(layer->conn, &err);
}

/* ---- output ---- */

void net_deflate_output(struct net_deflate *layer, const void *p, size_t n)
{
	unsigned char piece[PIECE];
	z_stream *z = layer->out;

	if (n == 0)
		return;
	if (!z) {
		z = calloc(1, sizeof *z);
		if (!z || deflateInit2(z, LEVEL, Z_DEFLATED, RAW_WINDOW, MEMORY,
				       Z_DEFAULT_STRATEGY) != Z_OK)
			abort();
		layer->out = z;
	}
	const unsigned char *next = p;
	while (n > 0) {
		unsigned step = n < NET_SCRATCH ? (unsigned)n : NET_SCRATCH;

		z->next_in = (Bytef *)(uintptr_t)next;
		z->avail_in = step;
		next += step;
		n -= step;
		do {
			z->next_out = piece;
			z->avail_out = sizeof piece;
			(void)deflate(z, n > 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH);
			net_conn_below(layer->conn, piece,
				       sizeof piece - z->avail_out);
		} while (z->avail_out == 0);
	}
}

/* ---- input ---- */

/* A new expander, or one that goes on where the resting one stopped. */
static bool wake_in(struct net_deflate *layer)
{
	unsigned char *window = NULL;
	uLongf size = layer->window_size;
	bool good;

	layer->in = calloc(1, sizeof *layer->in);
	if (!layer->in || inflateInit2(layer->in, RAW_WINDOW) != Z_OK)
		abort();
	if (!layer->window)
		return true;
	window = malloc(size);
	good = window &&
	       uncompress(window, &size, (Bytef *)layer->window,
			  layer->window_packed) == Z_OK &&
	       inflateSetDictionary(layer->in, window, (uInt)size) == Z_OK;
	free(window);
	drop_window(layer);
	return good;
}

/* Expands once, as far as `room` goes, and delivers.  Returns how much of the
 * input was used. */
static size_t expand(struct net_deflate *layer, struct pf_str from, size_t room)
{
	struct net_loop *loop = layer->conn->loop;
	z_stream *z;

	if (room > NET_SCRATCH)
		room = NET_SCRATCH;
	if (!layer->in && !wake_in(layer)) {
		fail(layer, PF_NOMEM, "no window");
		return from.n;
	}
	z = layer->in;
	z->next_in = (Bytef *)(uintptr_t)from.p;
	z->avail_in = (uInt)from.n;
	z->next_out = (Bytef *)loop->expanded;
	z->avail_out = (uInt)room;
	int r = inflate(z, Z_SYNC_FLUSH);
	size_t used = from.n - z->avail_in, made = room - z->avail_out;

	layer->more = z->avail_out == 0;
	layer->ended = r == Z_STREAM_END;
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR) {
		fail(layer, PF_INVALID, "that is no compressed data");
		return used;
	}
	if (made > 0)
		net_conn_deliver(layer->conn, loop->expanded, made);
	return used;
}

bool net_deflate_pending(const struct net_deflate *layer)
{
	return !layer->ended && (layer->wire.len > 0 || layer->more);
}

bool net_deflate_is_over(const struct net_conn *conn, struct pf_buf *rest)
{
	const struct net_deflate *layer = conn->deflate;

	if (!layer)
		return true;
	if (conn->kept.len > 0 || net_deflate_pending(layer))
		return false;
	pf_buf_add_str(rest, pf_buf_str(&layer->wire));
	return true;
}

void net_deflate_input(struct net_deflate *layer, const char *p, size_t n)
{
	struct net_conn *conn = layer->conn;
	bool kept = layer->wire.len > 0;
	struct pf_str from;
	size_t used = 0;

	if (layer->running)
		return; /* from inside a delivery: conn_turn() comes again */
	if (layer->ended) { /* plain: for whoever detaches the connection */
		pf_buf_add(&layer->wire, p, n);
		if (layer->wire.failed)
			fail(layer, PF_LIMIT, "input behind the end");
		return;
	}
	if (kept)
		pf_buf_add(&layer->wire, p, n);
	from = kept ? pf_buf_str(&layer->wire) : pf_str_mem(p, n);
	size_t room = net_conn_room(conn);
	if (room > 0 && (from.n > 0 || layer->more)) {
		layer->running = true;
		used = expand(layer, from, room);
		layer->running = false;
	}
	if (conn->state != NET_CONN_OPEN)
		return;
	if (kept)
		pf_buf_take(&layer->wire, used);
	else
		pf_buf_add_str(&layer->wire, pf_str_from(from, used));
	if (layer->wire.failed)
		fail(layer, PF_LIMIT, "input");
	else if (layer->ended)
		net_conn_deliver_eof(conn);
	if (layer->wire.len == 0)
		pf_buf_release(&layer->wire);
	if (layer->ended)
		layer->more = false;
}

/* ---- resting ---- */

/* The window, packed; false: the expander has to stay. */
static bool keep_window(struct net_deflate *layer)
{
	unsigned char *window = malloc(WINDOW_SIZE);
	uLongf packed = compressBound(WINDOW_SIZE);
	unsigned char *to = malloc(packed);
	uInt size = 0;
	bool good = window && to &&
		    inflateGetDictionary(layer->in, window, &size) == Z_OK;

	if (good && size > 0)
		good = compress2(to, &packed, window, size, 6) == Z_OK;
	if (good && size > 0) {
		layer->window = malloc(packed);
		if (!layer->window)
			abort();
		memcpy(layer->window, to, packed);
		layer->window_packed = packed;
		layer->window_size = size;
	}
	free(window);
	free(to);
	return good;
}

/* zlib.h, inflate(): 128 says between two blocks, and the low bits count what
 * is left of a byte. */
static bool between_blocks(const z_stream *in)
{
	return in->data_type == 128;
}

void net_deflate_rest(struct net_deflate *layer)
{
	end_out(layer);
	if (layer->in && !net_deflate_pending(layer) &&
	    between_blocks(layer->in) && keep_window(layer))
		end_in(layer);
}

bool net_deflate_resting(const struct net_deflate *layer)
{
	return !layer->in && !layer->out;
}
