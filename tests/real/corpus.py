#!/usr/bin/env python3
"""Real mail: all 6,046 messages of SpamAssassin's public corpus go in by LMTP
and come back byte for byte (below the added trace fields); 500 random
substrings are searched with the index, without it, and checked by hand where
a message is plain enough to decide it here."""
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

QUERIES = int(os.environ.get("PF_QUERIES", "500"))
SEED = int(os.environ.get("PF_SEED", "20261121"))


def wire(data):
    """As it travels: CRLF line ends and one at the end."""
    data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def deliver_all(rig, messages):
    def some(part):
        with rig.lmtp() as lmtp:
            for name, data in part:
                lmtp.sendmail("corpus@example.org", ["ann"], data)
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(some, messages[i::4]) for i in range(4)]:
            done.result()
    return time.monotonic() - start


def below_trace(data):
    """Without the fields that delivery put in front."""
    while True:
        field = re.match(rb"(Return-Path|Delivered-To|Received):[^\r\n]*\r\n"
                         rb"([ \t][^\r\n]*\r\n)*", data)
        if not field:
            return data
        data = data[field.end():]
        if field[1] == b"Received":
            return data


def search(imap, text):
    imap.literal = text.encode()  # the last argument
    typ, data = imap.uid("SEARCH", "CHARSET", "UTF-8", "TEXT")
    assert typ == "OK", data
    return {int(n) for n in data[0].split()}


def plain_text(data):
    """The searchable text of a message that needs no decoding, or None."""
    header, _, body = data.partition(b"\r\n\r\n")
    if (re.search(rb"(?im)^content-transfer-encoding:\s*(?!7bit|8bit)", header)
            or re.search(rb"(?im)^content-type:\s*(?!text/plain)", header)
            or b"=?" in header or not data.isascii()):
        return None
    # the corpus comes from mbox files; their "From " line is no field
    header = re.sub(rb"(?m)^From .*\r\n", b"", header)
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", header)
    # a field is searched as "Name: value", without blanks around the value
    unfolded = re.sub(rb"(?m)^([^:\r\n]*):[ \t]*(.*?)[ \t]*\r?$", rb"\1: \2",
                      unfolded)
    return unfolded.decode().lower(), body.decode().lower()


def needles(rng, texts):
    """Substrings of 1 to 40 characters that a command can carry."""
    while True:
        header, body = rng.choice(texts)
        text = body if rng.random() < 0.7 else header
        n = rng.choice([1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40])
        at = rng.randrange(max(1, len(text) - n))
        piece = text[at:at + n]
        if piece.strip() == piece and piece and \
                not re.search(r"[\r\n\x00-\x1f\x7f]", piece):
            yield piece


def main():
    files = corpus()
    equal(len(files), 6046, "the corpus is complete")
    messages = [(p.name, wire(p.read_bytes())) for p in files]
    rng = random.Random(SEED)
    with Rig(("ann",)) as rig:
        took = deliver_all(rig, messages)
        measured(f"{len(files)} messages by LMTP in {took:.1f} s "
                 f"({len(files) / took:.0f}/s, from Python)")
        imap = rig.imap("ann")
        start = time.monotonic()
        got = fetch_bodies(imap)
        measured(f"fetched back in {time.monotonic() - start:.1f} s")
        equal(len(got), len(files), "as many came back")
        want = {}
        for name, data in messages:
            want.setdefault(data, []).append(name)
        wrong = 0
        for data in map(below_trace, got.values()):
            if want.get(data):
                want[data].pop()
            else:
                wrong += 1
        left = [n for names in want.values() for n in names]
        ok(not wrong and not left, "byte for byte below the trace fields",
           f"{wrong} differ, for example {left[:5]}")

        start = time.monotonic()
        indexed = wait_for(lambda: rig_indexed(rig, len(files)), 240, 1)
        measured(f"indexed after {time.monotonic() - start:.1f} s more")
        ok(indexed, "the index has them all")
        plain = {uid: t for uid, t in
                 ((u, plain_text(d)) for u, d in got.items()) if t}
        source = needles(rng, list(plain.values()))
        queries = [next(source) for _ in range(QUERIES)]
        start = time.monotonic()
        with_index = [search(imap, q) for q in queries]
        t_index = time.monotonic() - start
        bad = []
        for q, hits in zip(queries, with_index):
            by_hand = {u for u, (h, b) in plain.items() if q in h or q in b}
            if by_hand != hits & plain.keys():
                bad.append((q, sorted(by_hand ^ (hits & plain.keys()))[:5]))
        equal(bad[:5], [], f"{QUERIES} substrings: what a scan by hand finds")
        imap.logout()
        rig.stop()
        shutil.rmtree(rig.maildir("ann") / "penfold-index")
        with open(rig.dir / "penfold.conf", "a") as f:
            f.write("\nindex_enabled = no\n")
        rig.start()
        imap = rig.imap("ann")
        imap.select(readonly=True)
        start = time.monotonic()
        some = list(zip(queries, with_index))[:40]
        bad = [q for q, hits in some if search(imap, q) != hits]
        measured(f"a search: {t_index / QUERIES * 1e3:.1f} ms with the index, "
                 f"{(time.monotonic() - start) / len(some) * 1e3:.0f} ms "
                 f"without")
        equal(bad, [], "the same answers with the index deleted")
    finish()


def rig_indexed(rig, count):
    """indexd says in its log how far it is; the search must not care, so
    this only waits until the rate is worth measuring."""
    out = rig.ctl("search", "-u", "ann", "--format", "uids",
                  "subject:zzqqxx", check=False)
    index = rig.maildir("ann") / "penfold-index"
    return out.returncode == 0 and index.exists() and index_quiet(index)


_last = {}


def index_quiet(path):
    newest = max((p.stat().st_mtime for p in path.iterdir()), default=0)
    _last.setdefault("since", time.time())
    return time.time() - newest > 4 and time.time() - _last["since"] > 5


main()
