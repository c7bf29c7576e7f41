#!/usr/bin/env python3
"""Every untagged line, against a model that knows exactly what must come.

usage: strict.py     PF_TOP, PF_BUILD: the tree and its build
                     PF_STEPS (default 200,000), PF_SEED

Where model.py lets sessions race and checks what may never happen, here one
command runs at a time, so the model knows the answer.  Sessions in one
process (TLS, one deflated) and in processes of their own (--stdio), as plain
RFC 3501 has it, with CONDSTORE, QRESYNC and UIDONLY, work on two mailboxes,
and a foreign program delivers, renames and removes files.  After each command
the model demands:

  * every EXPUNGE or VANISHED that is due, none that RFC 3501 7.4.1 forbids
    now, with the right number, and none else;
  * EXISTS exactly when the mailbox grew, with the right count;
  * FETCH of flags for every message that changed since this session was told
    (with CONDSTORE: whose MODSEQ did), with the flags that are true now, and
    for no other than those and the ones asked for;
  * one MODSEQ for one state, the same in every session, above all that was
    told before it came about;
  * APPENDUID, COPYUID, MODIFIED, SEARCH, ESEARCH, STATUS to the number;
  * after SELECT (QRESYNC ...): what is left after VANISHED (EARLIER) and the
    FETCHes is the truth.
"""
import os
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import PASSWORD, Rig, finish, measured, ok  # noqa: E402
from wire import Wire, Wrong  # noqa: E402

SEED = int(os.environ.get("PF_SEED", "1"))
STEPS = int(os.environ.get("PF_STEPS", "200000"))
SYSTEM = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]
KEYWORDS = ["$Label1", "work", "$Forwarded"]
LETTERS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded",
           "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
MOST = 60  # messages in a mailbox

rng = random.Random(SEED)


# ---- the truth ------------------------------------------------------------


class Message:
    def __init__(self, uid, token, flags):
        self.uid, self.token, self.flags = uid, token, frozenset(flags)
        self.version = 0
        self.modseq = None  # until somebody is told


class Box:
    def __init__(self, name):
        self.name = name
        self.uidnext, self.validity = 1, None
        self.messages = {}  # by UID, ascending
        self.gone = set()
        self.told = 0       # highest MODSEQ that anybody was told

    def add(self, token, flags=()):
        m = self.messages[self.uidnext] = Message(self.uidnext, token, flags)
        m.floor = self.told
        self.uidnext += 1
        return m

    def set_flags(self, m, flags):
        flags = frozenset(flags)
        if flags != m.flags:
            m.flags = flags
            m.version += 1
            m.modseq, m.floor = None, self.told

    def remove(self, uid):
        del self.messages[uid]
        self.gone.add(uid)

    def modseq_is(self, m, modseq):
        """False: not what it must be."""
        if m.modseq is not None:
            return m.modseq == modseq
        if modseq <= m.floor:
            return False
        m.modseq = modseq
        self.told = max(self.told, modseq)
        return True


boxes = {name: Box(name) for name in ("INBOX", "Work")}
tokens = 0


def new_token():
    global tokens
    tokens += 1
    return f"t{tokens}"


def message(token):
    return f"X-Token: {token}\r\n\r\nHello {token}.\r\n"


def numbers(text):
    """[3, 4, 5, 9] of "3:5,9"."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


def spell(uids):
    """A set, sometimes as ranges."""
    if len(uids) > 1 and uids[-1] - uids[0] == len(uids) - 1 and \
            rng.random() < 0.5:
        return f"{uids[0]}:{uids[-1]}"
    return ",".join(map(str, uids))


# ---- a session ------------------------------------------------------------


class Log(list):
    """One session's lines, which go into everybody's as well."""
    everybody = []

    def __init__(self, name):
        self.name = name

    def append(self, line):
        super().append(line)
        self.everybody.append(f"{self.name}: {line}")
        del self[:-60], self.everybody[:-60]


class Session:
    def __init__(self, rig, name, stdio, kind):
        self.rig, self.name, self.kind = rig, name, kind
        self.tag = 0
        self.log = Log(name)
        self.box, self.read_only = None, False
        self.unsure = set()  # told flags without a MODSEQ
        self.left = {}  # box name -> (modseq, {uid: flags}) when it left
        self.wire = Wire(rig, stdio)
        self.wire.line()
        if not stdio:
            self.ask(f"LOGIN ann {PASSWORD}")
        enable = {"condstore": "CONDSTORE", "qresync": "QRESYNC",
                  "uidonly": "UIDONLY"}.get(kind)
        if enable:
            self.ask(f"ENABLE {enable}")
        self.modseqs = kind in ("condstore", "qresync")

    def wrong(self, text):
        where = self.box.name if self.box else "-"
        raise Wrong(f"{self.name} ({self.kind}, {where}): {text}")

    # ---- what it knows

    def enter(self, box, read_only):
        self.box, self.read_only = box, read_only
        self.view = list(box.messages)
        self.version = {u: m.version for u, m in box.messages.items()}
        self.flags = {u: m.flags for u, m in box.messages.items()}

    def alive(self):
        return [u for u in self.view if u in self.box.messages]

    # ---- the exchange

    def ask(self, text):
        """Sends a command; its untagged lines and the tagged rest."""
        self.tag += 1
        tag = f"a{self.tag}"
        self.log.append(f"C: {tag} {text[:200]}")
        self.wire.send(f"{tag} {text}\r\n".encode())
        return self.hear(tag)

    def hear(self, tag):
        lines = []
        while True:
            line = self.wire.line()
            if line is None:
                self.wrong(f"no answer: {self.log[-1]}")
            self.log.append(f"S: {line[:200]!r}")
            line = line.decode(errors="replace")
            if line.startswith(tag + " "):
                rest = line[len(tag) + 1:]
                if rest.startswith("BAD"):
                    self.wrong(f"{self.log[-2]}: {rest}")
                return lines, rest
            if not line.startswith(("* ", "+ ")):
                self.wrong(f"strange {line}")
            lines.append(line)

    def check(self, lines, expunges=True, asked=(), flags_asked=False):
        """The untagged lines of one command against the truth.

        expunges: EXPUNGE may be told (and then all must be)
        asked: UIDs that FETCH lines may be about in any case
        flags_asked: and must be, with flags, if they are alive
        """
        truth = self.box.messages
        told_flags = {}
        told = set()
        for line in lines:
            part = re.match(
                r"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH|UIDFETCH)(.*)", line,
                re.S)
            if line.startswith("* VANISHED "):
                self.vanished(numbers(line.split()[2]), expunges)
            elif not part:
                continue
            elif part.group(2) == "EXPUNGE":
                self.expunged(int(part.group(1)), expunges)
            elif part.group(2) == "EXISTS":
                last = self.view[-1] if self.view else 0
                new = [u for u in truth if u > last]
                more = int(part.group(1)) - len(self.view)
                if not 0 < more <= len(new):
                    self.wrong(f"{part.group(1)} EXISTS with "
                               f"{len(self.view)} known and {len(new)} new")
                for uid in new[:more]:  # more lines may follow
                    self.view.append(uid)
                    self.version[uid] = truth[uid].version
                    self.flags[uid] = truth[uid].flags
            elif part.group(2) != "RECENT":
                self.fetched(part, told, told_flags)
        self.settle(told, told_flags, expunges, set(asked), flags_asked)

    def expunged(self, seq, expunges):
        if self.kind in ("qresync", "uidonly"):
            self.wrong("EXPUNGE instead of VANISHED")
        if not 1 <= seq <= len(self.view):
            self.wrong(f"EXPUNGE {seq} of {len(self.view)}")
        self.go(self.view[seq - 1], expunges)

    def vanished(self, uids, expunges):
        if self.kind not in ("qresync", "uidonly"):
            self.wrong("VANISHED without QRESYNC")
        for uid in uids:
            self.go(uid, expunges)

    def go(self, uid, expunges):
        if not expunges:
            self.wrong(f"UID {uid} expunged during a command with numbers")
        if uid in self.box.messages:
            self.wrong(f"UID {uid} was expunged by nobody")
        if uid not in self.view:
            self.wrong(f"UID {uid} expunged, but it was not there")
        self.view.remove(uid)
        del self.version[uid], self.flags[uid]

    def fetched(self, part, told, told_flags):
        number, text = int(part.group(1)), part.group(3)
        uid = re.search(r"\bUID (\d+)", text)
        flags = re.search(r"\bFLAGS \(([^)]*)\)", text)
        modseq = re.search(r"\bMODSEQ \((\d+)\)", text)
        token = re.search(r"X-Token: (\S+)", text)
        if part.group(2) == "UIDFETCH":
            of = number
        elif not 1 <= number <= len(self.view):
            self.wrong(f"FETCH {number} of {len(self.view)}")
        else:
            of = self.view[number - 1]
        if uid and int(uid.group(1)) != of:
            self.wrong(f"message {number} is UID {of}, not {uid.group(1)}")
        m = self.box.messages.get(of)
        if not m:
            return  # gone, but not told yet
        if token and token.group(1) != m.token:
            self.wrong(f"UID {of} is {m.token}, not {token.group(1)}")
        now = flags and frozenset(flags.group(1).split()) - {"\\Recent"}
        if modseq and not self.box.modseq_is(m, int(modseq.group(1))):
            self.wrong(f"UID {of} has MODSEQ {modseq.group(1)}, known is "
                       f"{m.modseq}, not below {m.floor}")
        if flags:
            told_flags[of] = now
            (self.unsure.discard if modseq else self.unsure.add)(of)
        if flags or modseq:
            told.add(of)

    def settle(self, told, told_flags, expunges, asked, flags_asked):
        box = self.box
        if expunges:
            late = [u for u in self.view if u not in box.messages]
            if late:
                self.wrong(f"UIDs {late} are gone, and that was not told")
        if self.view and list(box.messages) and \
                list(box.messages)[-1] > self.view[-1] or \
                not self.view and box.messages:
            self.wrong("new messages were not told")
        for uid, flags in told_flags.items():
            if flags != box.messages[uid].flags:
                self.wrong(f"told UID {uid} has {sorted(flags)}, it has "
                           f"{sorted(box.messages[uid].flags)}")
        for uid in self.alive():
            m = box.messages[uid]
            if m.flags != self.flags[uid] and uid not in told_flags:
                if not (uid in told and uid in asked):
                    self.wrong(f"not told that UID {uid} has "
                               f"{sorted(m.flags)}")
            if self.modseqs and m.version != self.version[uid] and \
                    uid not in told:
                self.wrong(f"not told of a new MODSEQ of UID {uid}")
            if uid in told and uid not in asked and \
                    m.version == self.version[uid]:
                self.wrong(f"told of UID {uid}, which did not change")
            if flags_asked and uid in asked and uid not in told_flags:
                self.wrong(f"asked for flags of UID {uid}, got none")
            if uid in told or m.flags == self.flags[uid]:
                self.version[uid], self.flags[uid] = m.version, m.flags
        if self.modseqs and self.unsure - asked:
            self.wrong(f"FETCH of flags of {self.unsure} without MODSEQ")
        self.unsure = set()


# ---- commands -------------------------------------------------------------


def pick(s, most=5):
    """(prefix, set, chosen UIDs, with numbers?)"""
    uid = s.kind == "uidonly" or rng.random() < 0.6
    first = rng.randrange(len(s.view))
    chosen = s.view[first:first + rng.randint(1, most)]
    if uid:
        return "UID ", spell(chosen), chosen, False
    return "", spell(list(range(first + 1, first + 1 + len(chosen)))), \
        chosen, True


def do_noop(s):
    lines, _ = s.ask(rng.choice(["NOOP", "CHECK"]))
    s.check(lines)


def learn_modseqs(oracle, box):
    """Makes every MODSEQ of a mailbox known, and the highest."""
    lines, _ = oracle.ask(f"EXAMINE {box.name} (CONDSTORE)")
    highest = int(re.search(r"HIGHESTMODSEQ (\d+)", "".join(lines)).group(1))
    oracle.enter(box, True)
    lines, _ = oracle.ask("UID FETCH 1:* (FLAGS MODSEQ)")
    oracle.check(lines, True, list(box.messages), bool(box.messages))
    for m in box.messages.values():
        if m.modseq is None or m.modseq > highest:
            oracle.wrong(f"UID {m.uid} has MODSEQ {m.modseq}, the highest "
                         f"is {highest}")
    if highest < box.told:
        oracle.wrong(f"HIGHESTMODSEQ fell from {box.told} to {highest}")
    box.told = highest
    return highest


def do_store(s, oracle):
    prefix, text, chosen, by_number = pick(s)
    mode = rng.choice(["+", "+", "-", ""])
    flags = set(rng.sample(SYSTEM + KEYWORDS, rng.randint(0, 2)))
    silent = rng.random() < 0.4
    condition, limit = "", None
    if s.modseqs and rng.random() < 0.2:
        learn_modseqs(oracle, s.box)
        limit = rng.choice([m.modseq for m in s.box.messages.values()]
                           or [1])
        condition = f" (UNCHANGEDSINCE {limit})"
    lines, tagged = s.ask(f"{prefix}STORE {text}{condition} {mode}FLAGS"
                          f"{'.SILENT' if silent else ''} "
                          f"({' '.join(sorted(flags))})")
    alive = [u for u in chosen if u in s.box.messages]
    spared = [u for u in alive if limit is not None and
              s.box.messages[u].modseq > limit]
    modified = re.search(r"\[MODIFIED (\S+)\]", tagged)
    got = numbers(modified.group(1)) if modified else []
    if by_number:
        got = [s.view[n - 1] for n in got]
    if [u for u in got if u in s.box.messages] != spared:
        s.wrong(f"MODIFIED {got}, should be {spared}")
    if len(alive) == len(chosen) and not tagged.startswith("OK"):
        s.wrong(tagged)
    changed = [u for u in alive if u not in spared]
    for uid in changed:
        m = s.box.messages[uid]
        before, known = m.flags, s.flags[uid] == m.flags
        s.box.set_flags(m, m.flags | flags if mode == "+" else
                        m.flags - flags if mode == "-" else flags)
        if silent and known:
            # nobody else had a hand in it: the session knows
            s.flags[uid] = m.flags
            if not s.modseqs and before != m.flags:
                s.version[uid] = m.version
    s.check(lines, not by_number, changed, not silent)


def do_fetch(s, oracle):
    prefix, text, chosen, by_number = pick(s, 15)
    items = rng.choice(["FLAGS", "(UID FLAGS)", "(FLAGS RFC822.SIZE)",
                        "FAST", "(BODY.PEEK[HEADER.FIELDS (X-Token)])",
                        "BODY[]", "(UID FLAGS MODSEQ)"])
    if "MODSEQ" in items and not s.modseqs:
        items = "FLAGS"  # would turn CONDSTORE on
    since, limit = "", None
    if "MODSEQ" in items and rng.random() < 0.4:
        learn_modseqs(oracle, s.box)
        limit = rng.choice([m.modseq for m in s.box.messages.values()]
                           or [1])
        since = f" (CHANGEDSINCE {limit})"
    lines, tagged = s.ask(f"{prefix}FETCH {text} {items}{since}")
    asked = chosen
    if limit is not None:
        asked = [u for u in chosen if u in s.box.messages and
                 s.box.messages[u].modseq > limit]
    alive = [u for u in asked if u in s.box.messages]
    if items == "BODY[]" and not s.read_only:
        for uid in alive:
            m = s.box.messages[uid]
            s.box.set_flags(m, m.flags | {"\\Seen"})
    s.check(lines, not by_number, asked,
            "FLAGS" in items or items == "FAST")
    if tagged.startswith("OK") or len(alive) < len(chosen):
        return
    s.wrong(tagged)


KEYS = {
    "ALL": lambda f: True,
    "UNSEEN": lambda f: "\\Seen" not in f,
    "DELETED": lambda f: "\\Deleted" in f,
    "KEYWORD work": lambda f: "work" in f,
    "OR SEEN FLAGGED": lambda f: f & {"\\Seen", "\\Flagged"},
    "NOT ANSWERED UNDRAFT": lambda f: not f & {"\\Answered", "\\Draft"},
    "UNKEYWORD $Forwarded": lambda f: "$Forwarded" not in f,
}


def do_search(s):
    uid = s.kind == "uidonly" or rng.random() < 0.5
    key = rng.choice(list(KEYS))
    returns = rng.choice(["", "RETURN (ALL) ", "RETURN (MIN MAX COUNT) "])
    lines, _ = s.ask(f"{'UID ' if uid else ''}SEARCH {returns}{key}")
    name = "* ESEARCH" if returns else "* SEARCH"
    line = next((x for x in lines if x.startswith(name)), None)
    if line is None:
        s.wrong(f"no {name}")
    want = [u for u in s.alive() if KEYS[key](s.box.messages[u].flags)]

    def found(text):
        uids = [n if uid else s.view[n - 1] for n in numbers(text)]
        return [u for u in uids if u in s.box.messages]

    fields = dict(re.findall(r"\b(MIN|MAX|COUNT|ALL) (\S+)", line))
    if returns and "ALL" not in returns:
        if len(s.alive()) == len(s.view):
            got = (int(fields["COUNT"]),
                   found(fields["MIN"]) if "MIN" in fields else [],
                   found(fields["MAX"]) if "MAX" in fields else [])
            if got != (len(want), want[:1], want[-1:]):
                s.wrong(f"SEARCH {key}: {line}, should be {want}")
    else:
        text = fields.get("ALL") if returns else \
            ",".join(w for w in line.split()[2:] if w.isdigit())
        got = found(text) if text else []
        if got != want:
            s.wrong(f"SEARCH {key}: {got}, should be {want}")
    s.check(lines, uid)


def do_append(s):
    box = rng.choice(list(boxes.values()))
    many = 1 if rng.random() < 0.8 else rng.randint(2, 3)
    text, added = f"APPEND {box.name}", []
    for _ in range(many):
        token = new_token()
        flags = rng.sample(SYSTEM[:3] + KEYWORDS, rng.randint(0, 2))
        body = message(token)
        text += f" ({' '.join(flags)}) {{{len(body)}+}}\r\n{body}"
        added.append((token, flags))
    lines, tagged = s.ask(text)
    uids = [box.add(token, flags).uid for token, flags in added]
    got = re.match(r"OK \[APPENDUID (\d+) (\S+)\]", tagged)
    if not got or numbers(got.group(2)) != uids:
        s.wrong(f"APPEND: {tagged}, should be {uids}")
    validity_is(s, box, int(got.group(1)))
    if s.box:
        s.check(lines)


def validity_is(s, box, value):
    if box.validity not in (None, value):
        s.wrong(f"UIDVALIDITY {box.validity} became {value}")
    box.validity = value


def do_copy(s):
    move = not s.read_only and rng.random() < 0.5
    to = rng.choice(list(boxes.values()))
    prefix, text, chosen, by_number = pick(s, 3)
    verb = "MOVE" if move else "COPY"
    lines, tagged = s.ask(f"{prefix}{verb} {text} {to.name}")
    alive = [u for u in chosen if u in s.box.messages]
    code = re.search(r"\[COPYUID (\d+) (\S+) (\S+)\]",
                     " ".join(lines) + " " + tagged)
    if not tagged.startswith("OK"):
        if len(alive) == len(chosen):
            s.wrong(tagged)
        alive = []
    old = [(s.box.messages[u].token, s.box.messages[u].flags) for u in alive]
    if move:
        for uid in alive:
            s.box.remove(uid)
    new = [to.add(token, flags).uid for token, flags in old]
    got = (numbers(code.group(2)), numbers(code.group(3))) if code else \
        ([], [])
    if got != (alive, new):
        s.wrong(f"{verb}: COPYUID {got}, should be {alive} {new}")
    if code:
        validity_is(s, to, int(code.group(1)))
    # RFC 6851 3.3: MOVE tells of its own; COPY by number holds no EXPUNGE up
    s.check(lines)


def do_expunge(s):
    if rng.random() < 0.6 or not s.view:
        uids, text = list(s.box.messages), "EXPUNGE"
    else:
        _, _, uids, _ = pick(s)
        text = f"UID EXPUNGE {spell(uids)}"
    lines, tagged = s.ask(text)
    for uid in uids:
        m = s.box.messages.get(uid)
        if m and "\\Deleted" in m.flags:
            s.box.remove(uid)  # even if this session was not told of it
    if not tagged.startswith("OK"):
        s.wrong(tagged)
    s.check(lines)


def do_status(s):
    box = rng.choice(list(boxes.values()))
    lines, _ = s.ask(f"STATUS {box.name} (MESSAGES UNSEEN UIDNEXT DELETED)")
    line = next(x for x in lines if x.startswith("* STATUS"))
    got = dict(re.findall(r"([A-Z]+) (\d+)", line.split("(")[1]))
    flags = [m.flags for m in box.messages.values()]
    want = {"MESSAGES": len(flags), "UIDNEXT": box.uidnext,
            "UNSEEN": sum("\\Seen" not in f for f in flags),
            "DELETED": sum("\\Deleted" in f for f in flags)}
    if {k: int(v) for k, v in got.items()} != want:
        s.wrong(f"STATUS {got}, should be {want}")
    if s.box:
        s.check(lines)


def leave(s):
    """Out of the mailbox; a QRESYNC client keeps what it knows."""
    if not s.box:
        return
    if s.kind == "qresync":
        lines, _ = s.ask("NOOP")
        s.check(lines)
        lines, _ = s.ask(f"STATUS {s.box.name} (HIGHESTMODSEQ)")
        highest = int(re.search(r"HIGHESTMODSEQ (\d+)",
                                "".join(lines)).group(1))
        s.left[s.box.name] = (highest, dict(s.flags))
    if rng.random() < 0.3 and not s.read_only:
        s.ask("CLOSE")
        for uid, m in list(s.box.messages.items()):
            if "\\Deleted" in m.flags:
                s.box.remove(uid)
    else:
        s.ask("UNSELECT")
    s.box = None


def do_select(s):
    leave(s)
    box = rng.choice(list(boxes.values()))
    examine = rng.random() < 0.15
    text = f"{'EXAMINE' if examine else 'SELECT'} {box.name}"
    known = s.left.get(box.name)
    if known:
        only = f" {spell(sorted(known[1]))}" if known[1] and \
            rng.random() < 0.5 else ""
        text += f" (QRESYNC ({box.validity} {known[0]}{only}))"
    lines, tagged = s.ask(text)
    if not tagged.startswith("OK"):
        s.wrong(tagged)
    every = "\n".join(lines)
    for want in (f"* {len(box.messages)} EXISTS",
                 f"[UIDNEXT {box.uidnext}]"):
        if want not in every:
            s.wrong(f"SELECT without {want}:\n{every}")
    validity_is(s, box, int(re.search(r"UIDVALIDITY (\d+)",
                                      every).group(1)))
    s.enter(box, examine)
    if known:
        caught_up(s, known[1], lines)


def caught_up(s, flags, lines):
    """What a QRESYNC client knows now is the truth."""
    flags = dict(flags)
    for line in lines:
        if line.startswith("* VANISHED (EARLIER) "):
            for uid in numbers(line.split()[3]):
                if uid in s.box.messages:
                    s.wrong(f"VANISHED (EARLIER) has UID {uid}, which lives")
                flags.pop(uid, None)
        part = re.match(r"\* (\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\) "
                        r"MODSEQ \((\d+)\)\)", line)
        if part:
            uid = int(part.group(2))
            if s.view[int(part.group(1)) - 1] != uid:
                s.wrong(f"{line} is not that message")
            if not s.box.modseq_is(s.box.messages[uid], int(part.group(4))):
                s.wrong(f"{line}: another MODSEQ")
            flags[uid] = frozenset(part.group(3).split()) - {"\\Recent"}
    for uid, known in flags.items():
        m = s.box.messages.get(uid)
        if not m:
            s.wrong(f"not told that UID {uid} vanished earlier")
        if m.flags != known:
            s.wrong(f"not told earlier that UID {uid} has {sorted(m.flags)}")


def do_idle(s, others):
    """Another session acts while this one idles: it is told at once."""
    s.tag += 1
    tag = f"a{s.tag}"
    s.log.append(f"C: {tag} IDLE")
    s.wire.send(f"{tag} IDLE\r\n".encode())
    heard = []
    while not heard or not heard[-1].startswith("+"):
        heard.append((s.wire.line() or b"+ never").decode())
    t = rng.choice([t for t in others if t is not s])
    before = {u: m.version for u, m in s.box.messages.items()}
    act(t, None)
    if before != {u: m.version for u, m in s.box.messages.items()} and \
            len(heard) == 1:
        line = s.wire.line(10)
        if line is None:
            s.wrong("IDLE was not told what another session did")
        heard.append(line.decode())
    s.wire.send(b"DONE\r\n")
    lines, _ = s.hear(tag)
    s.check([x for x in heard + lines if x.startswith("* ")])


def foreign(rig, oracle):
    """Another program in the Maildir; seen by the next command."""
    box = rng.choice(list(boxes.values()))
    top = rig.maildir("ann")
    path = top if box.name == "INBOX" else top / ("." + box.name)
    files = [p for sub in ("cur", "new") for p in (path / sub).iterdir()]
    if rng.random() < 0.5 or not files:
        token = new_token()
        name = f"{time.time():.6f}.{token}.foreign"
        (path / "tmp" / name).write_text(message(token).replace("\r", ""))
        os.rename(path / "tmp" / name, path / "new" / name)
        box.add(token)
    else:
        victim = rng.choice(files)
        token = re.search(r"X-Token: (\S+)", victim.read_text()).group(1)
        same = [m for m in box.messages.values() if m.token == token]
        if len(same) > 1:
            return  # which of the copies it is, only the server knows
        m = same[0]
        base, _, info = victim.name.partition(":2,")
        keep = "".join(c for c in info if c.islower())
        letters = "".join(sorted(rng.sample("FRSDP", rng.randint(0, 3))))
        os.rename(victim, path / "cur" / f"{base}:2,{letters}{keep}")
        lower = m.flags - set(LETTERS.values())
        box.set_flags(m, lower | {LETTERS[c] for c in letters})
    # looked at once, so that UIDs come in the order of arrival
    learn_modseqs(oracle, box)


def act(s, oracle):
    """One random command that needs no other session's help."""
    if not s.box:
        return do_select(s)
    choice = [do_noop, do_append, do_status]
    if len(s.box.messages) > MOST and not s.read_only:
        choice += [do_expunge] * 9
    if s.view:
        choice += [do_search] * 2
        if len(s.box.messages) < MOST:
            choice += [do_copy]
        if oracle:
            choice += [lambda s: do_fetch(s, oracle)] * 4
        if not s.read_only:
            choice += [do_expunge]
            if oracle:
                choice += [lambda s: do_store(s, oracle)] * 6
    rng.choice(choice)(s)


def main():
    steps = 0
    begun = time.monotonic()
    with Rig(users=("ann",)) as rig:
        oracle = Session(rig, "oracle", True, "condstore")
        oracle.ask("CREATE Work")
        sessions = [Session(rig, "tls-1", False, "plain"),
                    Session(rig, "tls-2", False, "qresync"),
                    Session(rig, "tls-3", False, "uidonly"),
                    Session(rig, "pipe-1", True, "plain"),
                    Session(rig, "pipe-2", True, "qresync"),
                    Session(rig, "pipe-3", True, "condstore")]
        sessions[1].ask("COMPRESS DEFLATE")
        sessions[1].wire.deflate()
        try:
            while steps < STEPS:
                steps += 1
                what, s = rng.random(), rng.choice(sessions)
                if what < 0.01:
                    foreign(rig, oracle)
                elif what < 0.03:
                    do_select(s)
                elif what < 0.04 and s.box:
                    do_idle(s, sessions)
                else:
                    act(s, oracle)
            ok(True, "every line was the one that had to come")
        except Wrong as e:
            ok(False, "every line was the one that had to come",
               f"step {steps}, seed {SEED}: {e}")
            for line in Log.everybody:
                print("#", line)
        measured(f"{steps} steps in {time.monotonic() - begun:.0f} s, "
                 f"{tokens} messages, seed {SEED}")
    finish()


main()
