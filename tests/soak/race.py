#!/usr/bin/env python3
"""Six sessions at the same messages at once: MOVE, MOVE, COPY, STORE
UNCHANGEDSINCE, EXPUNGE and APPEND, round after round (PF_ROUNDS, default 20).
One winner each, no extra copy, modseqs in order.

Three sessions are of one server and share the mailbox in one process; three
are `penfold-imapd --stdio`, processes of their own.
"""
import re
import sys
import threading

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/real")
from rig import *  # noqa: E402,F403

ROUNDS = int(os.environ.get("PF_ROUNDS", "20"))
MESSAGES = 30
failures = []
TOKEN = re.compile(rb"X-Token: (\S+)")


class Stdio(imaplib.IMAP4_stream):
    """A PREAUTH session in a process of its own."""

    def __init__(self, rig, user):
        super().__init__(f"{IMAPD} --stdio --mail {rig.maildir(user)} "
                         f"2>>{rig.dir}/log")
        self.state = "AUTH"


def tokens(imap, box):
    imap.select(box, readonly=True)
    _, data = imap.uid("FETCH", "1:*",
                       "(UID MODSEQ BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")
    found = []
    for item in data:
        if isinstance(item, tuple):
            found.append((int(re.search(rb"UID (\d+)", item[0])[1]),
                          TOKEN.search(item[1])[1].decode(),
                          int(re.search(rb"MODSEQ \((\d+)\)", item[0])[1])))
    return found


def moved_by(imap, uids, to):
    """UIDs that this session was told it moved."""
    imap.untagged_responses.pop("COPYUID", None)
    typ, data = imap.uid("MOVE", uids, to)
    told = imap.response("COPYUID")[1]
    told = told if told and told[0] else []
    out = []
    for code in told:
        source = code.split()[1].decode()
        for part in source.split(","):
            lo, _, hi = part.partition(":")
            out += range(int(lo), int(hi or lo) + 1)
    return out if typ == "OK" else []


def stored_by(imap, uids, modseq, keyword):
    """UIDs whose flag change was not refused."""
    typ, data = imap.uid("STORE", uids, f"(UNCHANGEDSINCE {modseq})",
                         "+FLAGS", f"({keyword})")
    refused = re.search(rb"MODIFIED ([\d,:]+)", data[-1] or b"")
    won = set()
    for line in data:
        if line and keyword.encode() in line:
            won.add(int(re.search(rb"UID (\d+)", line)[1]))
    return won, refused


def one_round(number, rig, sessions, trouble):
    prefix = f"r{number}-"
    imap = sessions[0]
    # where the keywords race, nothing moves: one winner each
    imap.select("INBOX")
    for i in range(MESSAGES):
        imap.append("INBOX", None, None, message(
            "x", extra=f"X-Token: {prefix}{i}\n"))
    there = tokens(imap, "INBOX")
    uids = f"{there[0][0]}:{there[-1][0]}"
    modseq = max(m for _, _, m in there)
    for s in sessions:
        s.select("INBOX")
    gate = threading.Barrier(len(sessions))
    won, lock = [], threading.Lock()

    def store(at):
        gate.wait()
        got, _ = stored_by(sessions[at], uids, modseq, f"k{at}")
        with lock:
            won.append(got)
    together(store, len(sessions))
    twice = sum(len(w) for w in won) - len(set().union(*won))
    if twice or set().union(*won) != {u for u, _, _ in there}:
        trouble.append(f"round {number}: UNCHANGEDSINCE: {twice} won twice, "
                       f"{len(set().union(*won))} of {len(there)} won")

    # and now everything at once
    moved, copies, appended = {}, [], []

    def work(at):
        imap = sessions[at]
        gate.wait()
        if at < 3:
            moved[at] = moved_by(imap, uids, "Moved" if at < 2 else "Other")
        elif at == 3:
            typ, _ = imap.uid("COPY", uids, "Copied")
            copies.append(typ)
        elif at == 4:
            imap.uid("STORE", uids, f"(UNCHANGEDSINCE {modseq})", "+FLAGS",
                     "(\\Flagged)")
            few = f"{there[0][0]}:{there[4][0]}"
            imap.uid("STORE", few, "+FLAGS.SILENT", "(\\Deleted)")
            imap.uid("EXPUNGE", few)
        else:
            for i in range(5):
                typ, _ = imap.append("INBOX", None, None, message(
                    "y", extra=f"X-Token: {prefix}new{i}\n"))
                appended.append(typ)
    together(work, len(sessions))
    told = [u for m in moved.values() for u in m]
    if len(told) != len(set(told)):
        trouble.append(f"round {number}: moved twice: {sorted(told)}")
    audit(number, rig, sessions[number % len(sessions)], prefix, moved, there,
          trouble)
    if appended != ["OK"] * 5:
        trouble.append(f"round {number}: APPEND {appended}")


def audit(number, rig, imap, prefix, moved, there, trouble):
    where = {}
    for box in ("INBOX", "Moved", "Other"):
        last = 0
        for uid, token, modseq in tokens(imap, box):
            where.setdefault(token, []).append(box)
            if uid <= last or modseq == 0:
                trouble.append(f"round {number}: {box} uid {uid}")
            last = uid
    double = {t: w for t, w in where.items() if len(w) > 1}
    if double:
        trouble.append(f"round {number}: in two places: {double}")
    copied = [t for _, t, _ in tokens(imap, "Copied")]
    if len(copied) != len(set(copied)):
        trouble.append(f"round {number}: copied twice")
    # a mover's word holds: what it moved is where it moved it
    by_uid = {u: t for u, t, _ in there}
    for at, uids in moved.items():
        box = "Moved" if at < 2 else "Other"
        wrong = [u for u in uids if where.get(by_uid[u]) != [box]]
        if wrong:
            trouble.append(f"round {number}: session {at} moved {wrong}")
    few = {t for _, t, _ in there[:5]}
    lost = [f"{prefix}{i}" for i in range(MESSAGES)
            if f"{prefix}{i}" not in where and f"{prefix}{i}" not in few]
    lost += [f"{prefix}new{i}" for i in range(5)
             if f"{prefix}new{i}" not in where]
    if lost:
        trouble.append(f"round {number}: lost {lost}")
    # clean for the next round
    for box in ("INBOX", "Moved", "Other", "Copied"):
        imap.select(box)
        imap.uid("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)")
        imap.expunge()


def together(what, count):
    def one(at):
        try:
            what(at)
        except Exception as e:
            failures.append(f"session {at}: {e!r}")
    threads = [threading.Thread(target=one, args=(i,), daemon=True)
               for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)


def modseqs_in_order(rig, stop, seen, trouble):
    """HIGHESTMODSEQ never falls, UIDNEXT neither."""
    imap = rig.imap("ann")
    while not stop.is_set():
        for box in ("INBOX", "Moved"):
            _, data = imap.status(box, "(HIGHESTMODSEQ UIDNEXT)")
            now = [int(n) for n in re.findall(rb"(?:MODSEQ|NEXT) (\d+)",
                                              data[0])]
            if any(a > b for a, b in zip(seen.get(box, [0, 0]), now)):
                trouble.append(f"{box}: {seen[box]} then {now}")
            seen[box] = now


def main():
    trouble, stop, seen = [], threading.Event(), {}
    with Rig() as rig:
        sessions = [rig.imap("ann") for _ in range(3)]
        for box in ("Moved", "Other", "Copied"):
            sessions[0].create(box)
        sessions += [Stdio(rig, "ann") for _ in range(3)]
        # processes and sessions of one server take turns at the roles
        sessions = [s for pair in zip(sessions[:3], sessions[3:])
                    for s in pair]
        watcher = threading.Thread(target=modseqs_in_order, daemon=True,
                                   args=(rig, stop, seen, trouble))
        watcher.start()
        for number in range(ROUNDS):
            one_round(number, rig, sessions, trouble)
        stop.set()
        watcher.join(20)
        equal(trouble + failures, [], f"{ROUNDS} rounds: one winner each, no extra copy")
        ok(seen, "modseqs were looked at all the time")
        code = rig.ctl("check", "--store", check=False)
        equal(code.returncode, 0, "the store is in order") or print(
            "#", code.stdout)
    finish()


main()
