#!/usr/bin/env python3
"""kill -9 at random moments under mixed load, then the books are audited.

Writers deliver by LMTP and work over IMAP (APPEND, STORE, COPY, MOVE,
EXPUNGE), each message with a token of its own, and write down what was
acknowledged.  Every now and then one process is killed.  At the end:

  * every acknowledged message is there, once, byte for byte;
  * no UID ever named two messages, UIDVALIDITY never changed;
  * acknowledged flags are there, acknowledged expunges stay gone;
  * a moved message is in exactly one folder.

PF_KILLS (default 200) and PF_SEED can be set.
"""
import imaplib
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import *  # noqa: E402,F403

KILLS = int(os.environ.get("PF_KILLS", "200"))
SEED = int(os.environ.get("PF_SEED", str(int(time.time()))))
USERS = ["u1", "u2", "u3"]
TOKEN = re.compile(rb"X-Token: (\S+)")


class Books:
    """What was promised.  One lock for all of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.delivered = {}   # token -> user: acknowledged by LMTP or APPEND
        self.maybe = {}       # token -> user: no answer came
        self.uids = {}        # (user, box, uidvalidity, uid) -> token
        self.flags = {}       # (user, token) -> set of acknowledged flags
        self.expunged = set() # (user, token) acknowledged
        self.fuzzy = set()    # (user, token): an expunge was tried
        self.trouble = []
        self.counts = {}

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def saw(self, user, box, validity, uid, token):
        key = (user, box, validity, uid)
        with self.lock:
            old = self.uids.setdefault(key, token)
            if old != token:
                self.trouble.append(f"UID {key} was {old}, is {token}")


def tokens_of(imap, user, box, books):
    """{uid: token} of the selected mailbox, noted in the books."""
    validity = imap.untagged_responses.get("UIDVALIDITY", [b"0"])[-1]
    typ, data = imap.uid("FETCH", "1:*",
                         "(UID BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")
    if typ != "OK":
        raise imaplib.IMAP4.error("fetch")
    found = {}
    for item in data:
        if isinstance(item, tuple):
            uid = int(re.search(rb"UID (\d+)", item[0])[1])
            token = TOKEN.search(item[1])
            if token:
                found[uid] = token[1].decode()
                books.saw(user, box, validity, uid, found[uid])
    return found


def deliverer(rig, books, rng, number, stop):
    serial = 0
    while not stop.is_set():
        try:
            with rig.lmtp() as lmtp:
                while not stop.is_set():
                    serial += 1
                    user = rng.choice(USERS)
                    token = f"l{number}-{serial}"
                    data = message(token, "x" * rng.randrange(1, 9000) + "\n",
                                   extra=f"X-Token: {token}\n")
                    to = user + rng.choice(["", "", "+lists"])
                    with books.lock:
                        books.maybe[token] = user
                    lmtp.sendmail("a@example.org", [to], data)
                    with books.lock:
                        del books.maybe[token]
                        books.delivered[token] = user
                    books.count("delivered")
                    time.sleep(rng.random() * 0.01)
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)


def worker(rig, books, rng, number, stop):
    user = USERS[number % len(USERS)]
    serial = 0
    while not stop.is_set():
        try:
            imap = rig.imap(user)
            imap.sock.settimeout(30)
            while not stop.is_set():
                serial += 1
                box = rng.choice(["INBOX", "INBOX", "lists", "moved"])
                one_step(imap, user, box, books, rng, f"i{number}-{serial}")
        except (OSError, imaplib.IMAP4.error, ConnectionError):
            time.sleep(0.05)


def must(result):
    if result[0] != "OK":
        raise imaplib.IMAP4.error(str(result))
    return result[1]


def one_step(imap, user, box, books, rng, token):
    if imap.select(box)[0] != "OK":
        must(imap.create(box))
        return
    # one session a user moves and expunges, so that what was acknowledged
    # can be told; the other one shares the mailbox with it
    kinds = ["append", "flag", "flag"]
    if token.startswith(("i0-", "i1-", "i2-")):
        kinds += ["move", "expunge"]
    what = rng.choice(kinds)
    there = tokens_of(imap, user, box, books)
    if what == "append":
        with books.lock:
            books.maybe[token] = user
        must(imap.append(box, "(\\Seen)", None,
                         message(token, "y\n", extra=f"X-Token: {token}\n")))
        with books.lock:
            del books.maybe[token]
            books.delivered[token] = user
            books.flags[user, token] = {b"\\Seen"}
    elif there:
        uid = rng.choice(list(there))
        token = there[uid]
        if what == "flag":
            told = must(imap.uid("STORE", str(uid), "+FLAGS",
                                 "(\\Flagged todo)"))
            if told[0]:  # else it was moved away meanwhile
                with books.lock:
                    books.flags.setdefault((user, token), set()).update(
                        {b"\\Flagged", b"todo"})
        elif what == "move":
            must(imap.uid("MOVE", str(uid),
                          "moved" if box != "moved" else "INBOX"))
        elif rng.random() < 0.3:
            with books.lock:
                books.fuzzy.add((user, token))
            must(imap.uid("STORE", str(uid), "+FLAGS", "(\\Deleted)"))
            must(imap.uid("EXPUNGE", str(uid)))
            with books.lock:
                books.expunged.add((user, token))
    books.count(what)


def audit(rig, books):
    where, uids_wrong = {}, []
    flags = {}
    for user in USERS:
        imap = rig.imap(user)
        for box in ("INBOX", "lists", "moved"):
            if imap.select(box, readonly=True)[0] != "OK":
                continue
            there = tokens_of(imap, user, box, books)
            for uid, token in there.items():
                where.setdefault((user, token), []).append((box, uid))
            for uid, found in flags_of(imap, box).items():
                if uid in there:
                    flags[user, there[uid]] = found
        imap.logout()
    lost = [k for k in ((u, t) for t, u in books.delivered.items())
            if k not in where and k not in books.expunged
            and k not in books.fuzzy]
    # an expunge without an answer may have happened or not; a MOVE never loses
    twice = {k: v for k, v in where.items() if len(v) > 1}
    risen = [k for k in books.expunged if k in where]
    unflagged = [(k, sorted(f), sorted(flags[k])) for k, f in
                 books.flags.items() if k in flags and not f <= flags[k]]
    equal(lost, [], "every acknowledged message is there")
    equal(twice, {}, "none is there twice")
    equal(risen, [], "what was expunged stays expunged")
    equal(unflagged, [], "every acknowledged flag is there")
    equal(books.trouble, [], "no UID ever named two messages")
    return where


def main():
    rng = random.Random(SEED)
    books, stop = Books(), threading.Event()
    print(f"# seed {SEED}, {KILLS} kills")
    with Rig(USERS) as rig:
        threads = [threading.Thread(target=deliverer, daemon=True,
                   args=(rig, books, random.Random(rng.random()), i, stop))
                   for i in range(3)]
        threads += [threading.Thread(target=worker, daemon=True,
                    args=(rig, books, random.Random(rng.random()), i, stop))
                    for i in range(6)]
        for t in threads:
            t.start()
        killed, until = {}, time.monotonic() + KILLS * 2
        while sum(killed.values()) < KILLS and time.monotonic() < until:
            time.sleep(rng.random() * 0.8)
            alive = {n: p for n, p in rig.pids().items() if n != "penfold"}
            name = rng.choice(sorted(alive) + ["mda", "imapd-session-0"])
            try:  # it may be dead from the last time
                os.kill(alive[name], signal.SIGKILL)
                killed[name] = killed.get(name, 0) + 1
            except (ProcessLookupError, KeyError):
                pass
        stop.set()
        for t in threads:
            t.join(60)
        rig.stop()
        rig.start()
        measured(f"killed {killed}; {books.counts}")
        equal(sum(killed.values()), KILLS, "all kills hit")
        ok(books.counts.get("delivered", 0) > KILLS, "mail flowed meanwhile")
        where = audit(rig, books)
        # once more after everything that can be rebuilt was deleted
        rig.stop()
        for path in rig.dir.glob("mail/*/Maildir/**/penfold*"):
            if path.name in ("penfold.snapshot", "penfold.summary"):
                path.unlink()
        rig.start()
        equal(audit(rig, books), where,
              "the same mail and UIDs without the caches")
    finish()


main()
