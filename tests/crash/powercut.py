#!/usr/bin/env python3
"""The power is cut at each write, on paper, and what would be left is opened.

tests/crash/record.c, preloaded, writes down every change that a program makes
to a mail store: deliveries, APPEND, STORE, COPY, MOVE, EXPUNGE, CREATE,
RENAME, DELETE, SUBSCRIBE, SETMETADATA, SETACL (store_crash "child").  Then for
each cut between two of them the directory is built as a disk may hold it:

  all         everything arrived
  journal     names as of the last fsync, data only where it was synced
  zeros       names all there, files with their new length full of zeros
  empty       names all there, data that was not synced is not
  strict      a name is there only if its own directory was synced behind it
  strict+     the same, but all data
  mixed       each directory and file at some point of its own, from its last
              sync on (three such, by a seed)

and store_crash "after" opens it under another boot id and checks: what was
acknowledged is there, nothing is there twice or half, no UID comes again.

PF_CUTS=N looks at N of the cuts only; PF_SEED.  A case by hand:
PF_CASE=event:model:seed leaves the directory.

Not part of ./runtests for now (it is not executable): at some cuts around a
checkpoint the watch-dog says "dovecot-uidlist: N is behind".  Issue: Store.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import *  # noqa: E402,F403

MODELS = ["all", "journal", "zeros", "empty", "strict", "strict+",
          "mixed", "mixed", "mixed"]
SEED = int(os.environ.get("PF_SEED", "1"))


def crash_program():
    for build in (BUILD, TOP / "build-check", TOP / "build"):
        program = build / "tests/crash/store_crash"
        if program.exists():
            return program
    raise SystemExit("make tests/crash/store_crash first")


def recorder(where):
    library = where / "record.so"
    subprocess.run([os.environ.get("CC", "cc").split()[0], "-shared", "-fPIC",
                    "-O1", "-o", library, TOP / "tests/crash/record.c",
                    "-ldl"], check=True)
    return library


def sanitizer_first(program):
    """ASan wants to be the first library."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True)
    return [w for line in out.stdout.splitlines() if "libasan" in line
            for w in line.split() if w.startswith("/")]


def record(program, library, root, trace, boot, *args):
    """Runs the program; its changes are in `trace`."""
    preload = sanitizer_first(program) + [str(library)]
    env = {**os.environ, "LD_PRELOAD": " ".join(preload),
           "PF_RECORD": str(trace), "PF_RECORD_ROOT": str(root),
           "PF_RECORD_BOOT": str(boot), "PENFOLD_VERIFY": "memory",
           "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
    return subprocess.run([program, *args], env=env, stdout=subprocess.PIPE,
                          check=True)


class Trace:
    """What happened, with a number of its own for each file there ever was
    (inodes are used again)."""

    def __init__(self, root):
        self.number, self.ids = 0, {}
        self.root_ino = os.stat(root).st_ino
        self.root = self.new(self.root_ino)
        self.names = {}      # at first: dir -> {name: id}
        self.data = {}       # at first: id -> bytes
        self.dirs = set()
        self.events = []     # (kind, ...)
        self.load(root, self.root)

    def new(self, ino):
        self.number += 1
        self.ids[ino] = self.number
        return self.number

    def load(self, path, ident):
        self.dirs.add(ident)
        entries = self.names[ident] = {}
        for entry in os.scandir(path):
            ino = entry.inode()
            known = ino in self.ids
            entries[entry.name] = self.ids[ino] if known else self.new(ino)
            if entry.is_dir(follow_symlinks=False):
                self.load(entry.path, entries[entry.name])
            elif not known:
                self.data[entries[entry.name]] = pathlib.Path(
                    entry.path).read_bytes()

    def read(self, path):
        for line in path.read_text().splitlines():
            kind, *w = line.split(" ")
            if kind in ("create", "mkdir"):
                ident = self.new(int(w[0]))
                if kind == "mkdir":
                    self.dirs.add(ident)
                self.events.append(("names", [(self.ids[int(w[1])], w[2],
                                               ident)]))
                if kind == "create":
                    self.data.setdefault(ident, b"")
            elif kind == "link":
                self.events.append(("names", [(self.ids[int(w[1])], w[2],
                                               self.ids[int(w[0])])]))
            elif kind == "rename":
                a, b = self.ids[int(w[0])], self.ids[int(w[2])]
                self.events.append(("rename", a, w[1], b, w[3]))
            elif kind == "unlink":
                self.events.append(("names", [(self.ids[int(w[0])], w[1],
                                               None)]))
            elif kind == "write":
                self.events.append(("write", self.ids[int(w[0])], int(w[1]),
                                    bytes.fromhex(w[2])))
            elif kind == "size":
                self.events.append(("size", self.ids[int(w[0])], int(w[1])))
            elif kind == "sync":
                self.events.append(("sync", self.ids[int(w[0])]))
            elif kind == "say":
                self.events.append(("say", bytes.fromhex(w[0])))
            else:
                raise RuntimeError(line)
        self.resolve_renames()

    def resolve_renames(self):
        """Which file each rename is about."""
        names = {d: dict(e) for d, e in self.names.items()}
        for i, event in enumerate(self.events):
            if event[0] == "rename":
                _, a, old, b, new = event
                ident = names[a][old]
                event = self.events[i] = ("names", [(a, old, None),
                                                    (b, new, ident)])
            if event[0] == "names":
                for d, name, ident in event[1]:
                    names.setdefault(d, {})
                    if ident is None:
                        names[d].pop(name, None)
                    else:
                        names[d][name] = ident
        self.last_names = names

    def syncs(self, cut):
        """id -> the last sync of it before the cut."""
        return {e[1]: i for i, e in enumerate(self.events[:cut])
                if e[0] == "sync"}


def left(trace, cut, model, rng):
    """What a disk may hold: names, data."""
    synced = trace.syncs(cut)
    last = max(synced.values(), default=-1)
    names = {d: dict(e) for d, e in trace.names.items()}
    data = {i: bytearray(b) for i, b in trace.data.items()}
    points = {}

    def until(ident):
        """How far a directory or file got."""
        low = synced.get(ident, -1)
        if model == "mixed":
            return points.setdefault(ident, rng.choice(
                [low, cut, rng.randint(low, cut) if low < cut else cut]))
        return low

    for i, event in enumerate(trace.events[:cut]):
        if event[0] == "names":
            if model == "journal":
                there = i < last
            elif model in ("strict", "strict+", "mixed"):
                # a rename is one step, durable with either directory
                there = any(i < until(d) for d, _, _ in event[1])
            else:
                there = True
            if there:
                for d, name, ident in event[1]:
                    entries = names.setdefault(d, {})
                    if ident is None:
                        entries.pop(name, None)
                    else:
                        entries[name] = ident
        elif event[0] in ("write", "size"):
            ident = event[1]
            content = data[ident]
            sure = i < until(ident) or model in ("all", "strict+")
            if not sure and model != "zeros":
                continue
            if event[0] == "size":
                size = event[2]
                del content[size:]
                content.extend(bytes(size - len(content)))
            else:
                at, what = event[2], event[3]
                if len(content) < at + len(what):
                    content.extend(bytes(at + len(what) - len(content)))
                if sure:
                    content[at:at + len(what)] = what
    return names, data


def build(trace, names, data, root):
    """Writes it out; returns a digest of it."""
    digest = hashlib.sha1()
    made = {}

    def walk(ident, path):
        for name, child in sorted(names.get(ident, {}).items()):
            here = path / name
            digest.update(f"{here.relative_to(root)}\0".encode())
            if child in trace.dirs:
                here.mkdir()
                walk(child, here)
            elif child in made:
                os.link(made[child], here)
            else:
                made[child] = here
                here.write_bytes(data[child])
                digest.update(bytes(data[child]))
            digest.update(str(child).encode())
    walk(trace.root, root)
    return digest.hexdigest()


def look(program, trace, case, where):
    """One cut: a problem as text, or None."""
    cut, model, seed = case
    rng = random.Random(f"{cut} {model} {seed}")
    root = pathlib.Path(tempfile.mkdtemp(prefix="cut-", dir=where))
    names, data = left(trace, cut, model, rng)
    build(trace, names, data, root)
    said = b"".join(e[1] for e in trace.events[:cut] if e[0] == "say")
    try:
        out = subprocess.run([program, "after", root], input=said,
                             capture_output=True, timeout=60)
        bad = None
        if out.returncode != 0:
            bad = (f"event {cut}, {model}, seed {seed} "
                   f"({trace.events[cut - 1][:2] if cut else ''}):\n"
                   + out.stdout.decode(errors="replace")
                   + out.stderr.decode(errors="replace")[-1500:])
    except subprocess.TimeoutExpired:
        bad = f"event {cut}, {model}: hangs"
    if not os.environ.get("PF_CASE"):
        shutil.rmtree(root)
    return bad


def cases_of(trace):
    cases = [(cut, model, SEED + i) for cut in range(len(trace.events) + 1)
             for i, model in enumerate(MODELS)]
    only = int(os.environ.get("PF_CUTS", "0"))
    if only and only < len(cases):
        cases = random.Random(SEED).sample(cases, only)
    if os.environ.get("PF_CASE"):
        cut, model, seed = os.environ["PF_CASE"].split(":")
        cases = [(int(cut), model, int(seed))]
    return cases


def distinct(trace, cases):
    """Without those that leave the same as another, and had said the same."""
    seen, kept = set(), []
    for case in cases:
        cut, model, seed = case
        names, data = left(trace, cut, model,
                           random.Random(f"{cut} {model} {seed}"))
        digest = hashlib.sha1(repr((
            sorted((d, sorted(e.items())) for d, e in names.items()),
            sum(e[0] == "say" for e in trace.events[:cut]))).encode())
        for ident in sorted({i for e in names.values() for i in e.values()}):
            digest.update(bytes(data.get(ident, b"")) + b"|")
        if digest.digest() not in seen:
            seen.add(digest.digest())
            kept.append(case)
    return kept


def sync_counts(program, library, where):
    """Sync calls of one delivery: what lies between two words of the child."""
    root, trace_file = where / "counted", where / "counted.trace"
    root.mkdir()
    record(program, library, root, trace_file, where / "boot", "deliveries",
           str(root))
    trace_lines = trace_file.read_text().splitlines()
    counts, now = [], 0
    for line in trace_lines:
        if line.startswith("sync"):
            now += 1
        elif line.startswith("say"):
            counts.append(now)
            now = 0
    return counts


def cut_everywhere(program, library, where, child):
    """All cuts of one program; the bad ones."""
    where = where / child
    root, copy = where / "mail", where / "copy"
    root.mkdir(parents=True)
    copy.mkdir()
    subprocess.run([program, "prepare", root], check=True)
    trace = Trace(root)
    record(program, library, root, where / "trace", where.parent / "boot",
           child, str(root))
    trace.read(where / "trace")
    kinds = [e[0] for e in trace.events]
    ok("say" in kinds and kinds.count("sync") > 10,
       f"{child}: the recorder sees it all", kinds)
    if child == "checkpoint":
        ok(sum(e[0] == "names" and e[1][-1][1] == "penfold.snapshot"
               for e in trace.events) > 1, "there is a checkpoint")
    # the model's own check: with all of it, it is the directory as it is
    names, data = left(trace, len(trace.events), "all", None)
    build(trace, names, data, copy)
    equal(run("diff", "-r", copy, root).stdout, "",
          f"{child}: replayed in full it gives the same directory")
    cases = cases_of(trace)
    kept = distinct(trace, cases)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        bad = [b for b in pool.map(
            lambda c: look(program, trace, c, where), kept) if b]
    measured(f"{child}: {len(trace.events)} events, {kinds.count('sync')} "
             f"syncs, {len(cases)} cuts, {len(kept)} different ones looked at")
    ok(not bad, f"{child}: after no cut anything is lost, twice or half",
       f"{len(bad)} are bad:\n" + "\n".join(bad[:12]))
    return bad


def main():
    shm = pathlib.Path("/dev/shm")
    where = pathlib.Path(tempfile.mkdtemp(
        prefix="penfold-cut-", dir=shm if os.access(shm, os.W_OK) else None))
    program, library = crash_program(), recorder(where)
    (where / "boot").write_text("00000000-dead-beef-0000-000000000000\n")
    bad = [case for child in ("child", "checkpoint")
           for case in cut_everywhere(program, library, where, child)]
    counts = sync_counts(program, library, where)
    measured(f"sync calls of single deliveries: {counts}")
    ok(counts and max(counts[1:]) <= 3, "at most three sync calls a delivery",
       counts)
    if not bad and not os.environ.get("PF_CASE"):
        shutil.rmtree(where)
    else:
        print(f"# left: {where}")
    finish()


main()
