#!/usr/bin/env python3
"""Many sessions on one user's mailboxes, and a model that believes nothing.

usage: model.py      PF_TOP, PF_BUILD: the tree and its build
                     PF_STEPS (default: as many as fit into 60 s), PF_SEED

Sessions over TLS (one process serves them all) and over --stdio (a process
each) run random commands, alone and at the same moment, while a foreign
program delivers, renames and removes files.  For each session a model keeps
what it was told, and checks every line:

  * EXPUNGE only where RFC 3501 7.4.1 lets it, EXISTS never shrinks;
  * a UID names one message for ever, UIDs ascend with the numbers;
  * modseqs never fall, and rise with every change of flags that is told;
  * UIDVALIDITY stays; APPENDUID and COPYUID name the right messages;
  * \\Recent is given to one session only.

At every quiet point each session must know, from what it was told alone, the
messages and flags that are there; a fresh session, SEARCH, STATUS and the file
names must agree; nothing vanished that nobody removed.
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
STEPS = int(os.environ.get("PF_STEPS", "0"))
SECONDS = 60
VERBOSE = bool(os.environ.get("PF_VERBOSE"))
BOXES = ["INBOX", "Work"]
KEYWORDS = ["$Label1", "work", "NonJunk", "$Forwarded"]
SYSTEM = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]
LETTERS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded",
           "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
KEEPS_NUMBERS = {"FETCH", "STORE", "SEARCH"}

rng = random.Random(SEED)


def numbers(text):
    """[3, 4, 5, 9] of "3:5,9"."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


class World:
    """What is true whoever looks: UIDs and what may be gone."""

    def __init__(self):
        self.token = {}       # (box, validity, uid) -> message
        self.validity = {}
        self.may_go = {}      # box -> UIDs that somebody may have removed
        self.tokens_gone = set()
        self.modseq = {}      # box -> highest that anybody was told
        self.recent = {}      # (box, uid) -> session that was told \Recent
        self.expected = {}    # (box, uid) -> token promised by APPENDUID...
        self.next_token = 0

    def new_token(self):
        self.next_token += 1
        return f"t{self.next_token}"

    def learn(self, box, uid, token):
        key = (box, uid)
        if self.token.setdefault(key, token) != token:
            raise Wrong(f"UID {uid} of {box} was {self.token[key]}, "
                        f"is {token}")
        if self.expected.get(key, token) != token:
            raise Wrong(f"UID {uid} of {box} was promised to be "
                        f"{self.expected[key]}, is {token}")

    def validity_is(self, box, value):
        if self.validity.setdefault(box, value) != value:
            raise Wrong(f"UIDVALIDITY of {box} {self.validity[box]} "
                        f"became {value}")

    def allow(self, box, uids):
        self.may_go.setdefault(box, set()).update(uids)

    def may_be_gone(self, box, uid):
        return uid in self.may_go.get(box, ()) or \
            (box, self.token.get((box, uid))) in self.tokens_gone

    def allow_token(self, box, path):
        """This file may go, whatever UID it has."""
        try:
            token = re.search(rb"X-Token: (\S+)", path.read_bytes())
            self.tokens_gone.add((box, token.group(1).decode()))
        except FileNotFoundError:
            pass


world = World()


class Known:
    """A message as one session was told of it."""

    def __init__(self):
        self.uid = self.flags = self.modseq = None


class Command:
    def __init__(self, name, text, uid=False, **more):
        self.name, self.text, self.uid = name, text, uid
        self.numbers = name == "SEARCH" or not uid and \
            name in ("FETCH", "STORE", "COPY", "MOVE")
        self.more = more
        self.lines = []
        self.tagged = None
        self.expunged = False
        self.copyuid = None

    def __repr__(self):
        return self.text[:80]


class Session:
    def __init__(self, rig, name, stdio):
        self.rig, self.name, self.stdio = rig, name, stdio
        self.log = []
        self.tag = 0
        self.queue = []
        self.box = None
        self.messages = []
        self.read_only = self.condstore = self.idling = False
        self.wire = Wire(rig, stdio)
        greeting = self.wire.line()
        if not stdio:
            self.do(Command("LOGIN", f"LOGIN ann {PASSWORD}"))
        elif not greeting.startswith(b"* PREAUTH"):
            raise Wrong(f"greeting {greeting}")

    def __repr__(self):
        return self.name

    def wrong(self, text):
        raise Wrong(f"{self.name} ({self.box}): {text}")

    # ---- sending and receiving

    def send(self, *commands):
        data = b""
        for command in commands:
            self.tag += 1
            command.tag = f"a{self.tag}"
            self.queue.append(command)
            self.log.append(f"C: {command.tag} {command.text[:300]}")
            data += f"{command.tag} {command.text}\r\n".encode()
        self.wire.send(data)

    def finish(self):
        """Reads until everything sent is answered."""
        while self.queue:
            line = self.wire.line()
            if line is None:
                self.wrong(f"no answer to {self.queue[0]}")
            self.heard(line)

    def do(self, *commands):
        self.send(*commands)
        self.finish()
        return commands[0]

    def heard(self, line):
        self.log.append(f"S: {line[:300]!r}")
        command = self.queue[0] if self.queue else None
        if line.startswith(b"* "):
            if command:
                command.lines.append(line)
            self.untagged(line[2:], command)
        elif line.startswith(b"+ "):
            if not command or command.name != "IDLE":
                self.wrong(f"strange continuation {line}")
        else:
            tag, _, rest = line.partition(b" ")
            if not command or tag.decode() != command.tag:
                self.wrong(f"strange answer {line}")
            self.queue.pop(0)
            command.tagged = rest.decode()
            self.answered(command)

    # ---- untagged

    def untagged(self, line, command):
        counted = re.match(rb"(\d+) (EXISTS|RECENT|EXPUNGE|FETCH)\b", line)
        if counted:
            n, what = int(counted.group(1)), counted.group(2).decode()
            getattr(self, "on_" + what.lower())(n, line, command)
        elif line.startswith(b"BYE"):
            self.wrong(f"BYE {line}")
        elif line.startswith(b"OK [UIDVALIDITY "):
            world.validity_is(self.box, int(line.split()[2].rstrip(b"]")))
        elif line.startswith(b"OK [HIGHESTMODSEQ "):
            self.highest = int(line.split()[2].rstrip(b"]"))
        elif line.startswith(b"OK [COPYUID "):
            if command.expunged:
                self.wrong("EXPUNGE came before COPYUID")
            command.copyuid = line.decode()

    def on_exists(self, n, line, command):
        if n < len(self.messages):
            self.wrong(f"EXISTS shrinks from {len(self.messages)} to {n}")
        self.messages += [Known() for _ in range(n - len(self.messages))]

    def on_recent(self, n, line, command):
        if n > len(self.messages):
            self.wrong(f"{n} RECENT of {len(self.messages)}")

    def on_expunge(self, n, line, command):
        if not command or not self.box:
            self.wrong("EXPUNGE while no command runs")
        if command.name in KEEPS_NUMBERS and not command.uid:
            self.wrong(f"EXPUNGE during {command}")
        if any(c.numbers for c in self.queue[1:]):
            self.wrong(f"EXPUNGE before pipelined {self.queue[1:]}")
        if not 1 <= n <= len(self.messages):
            self.wrong(f"EXPUNGE {n} of {len(self.messages)}")
        gone = self.messages.pop(n - 1)
        if gone.uid and not world.may_be_gone(self.box, gone.uid):
            self.wrong(f"UID {gone.uid} was expunged by nobody")
        command.expunged = True

    def on_fetch(self, n, line, command):
        if not 1 <= n <= len(self.messages):
            self.wrong(f"FETCH {n} of {len(self.messages)}")
        known = self.messages[n - 1]
        text = line.decode(errors="replace")
        uid = re.search(r"\bUID (\d+)", text)
        flags = re.search(r"\bFLAGS \(([^)]*)\)", text)
        modseq = re.search(r"\bMODSEQ \((\d+)\)", text)
        token = re.search(r"X-Token: (\S+)", text)
        if uid:
            self.uid_is(n, known, int(uid.group(1)))
        if token:
            if not known.uid:
                self.wrong("a token without a UID")
            world.learn(self.box, known.uid, token.group(1))
        if flags:
            if "told" in command.more:
                command.more["told"].add(known)
            self.flags_are(known, set(flags.group(1).split()),
                           int(modseq.group(1)) if modseq else None, command)
        elif modseq:
            self.modseq_is(known, int(modseq.group(1)))

    def uid_is(self, n, known, uid):
        if known.uid and known.uid != uid:
            self.wrong(f"message {n} had UID {known.uid}, now {uid}")
        for other in reversed(self.messages[:n - 1]):
            if other.uid:
                if other.uid >= uid:
                    self.wrong(f"UID {uid} at {n} behind {other.uid}")
                break
        for other in self.messages[n:]:
            if other.uid:
                if other.uid <= uid:
                    self.wrong(f"UID {uid} at {n} before {other.uid}")
                break
        known.uid = uid

    def modseq_is(self, known, modseq):
        if known.modseq and modseq < known.modseq:
            self.wrong(f"MODSEQ of UID {known.uid} falls from "
                       f"{known.modseq} to {modseq}")
        known.modseq = modseq

    def flags_are(self, known, flags, modseq, command):
        if "\\Recent" in flags:
            flags.discard("\\Recent")
            if known.uid and not self.read_only:
                owner = world.recent.setdefault((self.box, known.uid), self)
                if owner is not self:
                    self.wrong(f"UID {known.uid} is \\Recent here and "
                               f"in {owner}")
        if "\\Deleted" in flags and known.uid:
            world.allow(self.box, [known.uid])
        if self.condstore and modseq is None and \
                "MODSEQ" not in command.text and \
                (command.name != "FETCH" or (
                    known.flags is not None and flags != known.flags and
                    not re.search("FLAGS|FAST|ALL|FULL", command.text))):
            self.wrong("flags without MODSEQ although CONDSTORE is on")
        if modseq is not None:
            if known.flags is not None and known.modseq == modseq and \
                    known.flags != flags and not known.maybe:
                self.wrong(f"flags of UID {known.uid} changed from "
                           f"{known.flags} to {flags} at MODSEQ {modseq}")
            self.modseq_is(known, modseq)
        elif known.flags is not None and known.flags != flags:
            known.maybe = True
        known.flags = flags
        if modseq is not None:
            known.maybe = False

    # ---- tagged

    def answered(self, command):
        if command.tagged.startswith("BAD"):
            self.wrong(f"{command}: {command.tagged}")
        if re.search("MODSEQ|UNCHANGEDSINCE|CONDSTORE", command.text):
            self.condstore = True
        good = command.tagged.startswith("OK")
        hook = getattr(self, "after_" + command.name.lower(), None)
        if hook:
            hook(command, good)

    def after_login(self, command, good):
        if not good:
            self.wrong(command.tagged)

    def after_select(self, command, good):
        if not good:
            self.wrong(command.tagged)

    def after_close(self, command, good):
        self.box = None
        self.messages = []

    after_unselect = after_close

    def after_append(self, command, good):
        if "token" not in command.more:
            return
        if not good:
            self.wrong(f"{command.text[:40]}: {command.tagged}")
        found = re.match(r"OK \[APPENDUID (\d+) (\d+)\]", command.tagged)
        if not found:
            self.wrong(f"no APPENDUID in {command.tagged}")
        box, token = command.more["box"], command.more["token"]
        world.validity_is(box, int(found.group(1)))
        world.learn(box, int(found.group(2)), token)

    def after_copy(self, command, good):
        if not good and "[EXPUNGEISSUED]" not in command.tagged:
            self.wrong(f"{command}: {command.tagged}")
        found = re.search(r"\[COPYUID (\d+) (\S+) (\S+)\]",
                          command.copyuid or command.tagged)
        if not found:
            return
        to = command.more["to"]
        world.validity_is(to, int(found.group(1)))
        source, target = numbers(found.group(2)), numbers(found.group(3))
        if len(source) != len(target):
            self.wrong(f"COPYUID {found.group(0)}")
        if not set(source) <= set(command.more["uids"]):
            self.wrong(f"COPYUID names others: {found.group(0)}")
        for old, new in zip(source, target):
            token = world.token.get((self.box, old))
            if token:
                world.learn(to, new, token)
            if world.may_be_gone(self.box, old):
                world.allow(to, [new])  # \\Deleted goes along

    after_move = after_copy

    def after_store(self, command, good):
        """.SILENT: the session knows what it did."""
        modified = re.search(r"\[MODIFIED (\S+?)\]", command.tagged)
        spared = set(numbers(modified.group(1))) if modified else set()
        if not good:
            if "[EXPUNGEISSUED]" not in command.tagged:
                self.wrong(f"{command}: {command.tagged}")
            return
        if not command.more["silent"]:
            return
        for seq, known in enumerate(self.messages, 1):
            if known.uid not in command.more["uids"] or \
                    known.flags is None or \
                    (known.uid if command.uid else seq) in spared:
                continue
            mode, flags = command.more["mode"], command.more["flags"]
            before = known.flags
            if known in command.more["told"]:
                continue
            if mode == "+":
                known.flags = known.flags | flags
            elif mode == "-":
                known.flags = known.flags - flags
            else:
                known.flags = set(flags)
            known.maybe = known.maybe or before != known.flags

    # ---- helpers of commands

    def uids(self):
        return [m.uid for m in self.messages]

    def catch_up(self):
        """Learns what is new."""
        new = [i for i, m in enumerate(self.messages, 1)
               if m.uid is None or m.flags is None or
               (self.box, m.uid) not in world.token]
        if new:
            self.do(Command("FETCH", f"FETCH {new[0]}:{new[-1]} (UID FLAGS"
                            f"{' MODSEQ' if self.condstore else ''} "
                            "BODY.PEEK[HEADER.FIELDS (X-Token)])"))
            for i in new:
                m = self.messages[i - 1]
                if "\\Deleted" in (m.flags or ()):
                    world.allow(self.box, [m.uid])

    def end_idle(self):
        if self.idling:
            self.idling = False
            self.wire.send(b"DONE\r\n")
            self.log.append("C: DONE")
            self.finish()

    def select(self, box, examine=False, condstore=False):
        self.messages = []
        self.box = box
        self.read_only = examine
        self.condstore = self.condstore or condstore
        self.highest = None
        name = "EXAMINE" if examine else "SELECT"
        command = Command("SELECT", f"{name} {box}"
                          f"{' (CONDSTORE)' if condstore else ''}")
        self.do(command)
        if not self.highest:
            self.wrong("no HIGHESTMODSEQ")
        if self.highest < world.modseq.get(box, 0):
            self.wrong(f"HIGHESTMODSEQ fell to {self.highest}")
        self.catch_up()


Known.maybe = False


def message(token, size=0):
    return (f"From: {token}@example.org\r\nX-Token: {token}\r\n"
            f"Subject: message {token}\r\n\r\nHello {token}.\r\n"
            + "0123456789abcdef\r\n" * size)


# ---- random commands ------------------------------------------------------


def pick_set(session, most=6):
    """(set by number or UID, uid?, UIDs in it)"""
    uid = rng.random() < 0.6
    count = len(session.messages)
    first = rng.randint(1, count)
    last = min(count, first + rng.randint(0, most))
    chosen = session.messages[first - 1:last]
    if uid:
        text = f"{chosen[0].uid}:{chosen[-1].uid}"
        if rng.random() < 0.2 and last == count:
            text = f"{chosen[0].uid}:*"
    else:
        text = f"{first}:{last}" if rng.random() < 0.7 else \
            ",".join(map(str, range(first, last + 1)))
    return text, uid, [m.uid for m in chosen]


def prefix(uid):
    return "UID " if uid else ""


def make_store(session):
    text, uid, uids = pick_set(session)
    mode = rng.choice(["+", "+", "-", ""])
    silent = rng.random() < 0.5
    flags = set(rng.sample(SYSTEM + KEYWORDS, rng.randint(0, 3)))
    condition = ""
    if rng.random() < 0.3:
        known = [m.modseq for m in session.messages if m.modseq]
        condition = f" (UNCHANGEDSINCE {rng.choice(known or [1])})"
    if "\\Deleted" in flags and mode != "-":
        world.allow(session.box, uids)
        if text.endswith("*"):
            text = f"{uids[0]}:{uids[-1]}"
    return Command(
        "STORE", f"{prefix(uid)}STORE {text}{condition} {mode}FLAGS"
        f"{'.SILENT' if silent else ''} ({' '.join(sorted(flags))})", uid,
        silent=silent, mode=mode, flags=flags, uids=set(uids), told=set())


def make_fetch(session):
    text, uid, _ = pick_set(session, 20)
    items = rng.choice(["FLAGS", "(UID FLAGS)", "(UID FLAGS MODSEQ)",
                        "(FLAGS INTERNALDATE RFC822.SIZE)", "BODY[]",
                        "(BODY.PEEK[TEXT] UID)", "ENVELOPE", "FAST",
                        "(BODY[HEADER] FLAGS)"])
    since = ""
    if "MODSEQ" in items and rng.random() < 0.5:
        known = [m.modseq for m in session.messages if m.modseq]
        since = f" (CHANGEDSINCE {rng.choice(known or [1])})"
    return Command("FETCH", f"{prefix(uid)}FETCH {text} {items}{since}", uid)


def make_copy(session):
    text, uid, uids = pick_set(session, 3)
    move = rng.random() < 0.5 and not session.read_only
    to = rng.choice(BOXES)
    if text.endswith("*"):
        text = f"{uids[0]}:{uids[-1]}"
    if move:
        world.allow(session.box, uids)
    name = "MOVE" if move else "COPY"
    return Command(name, f"{prefix(uid)}{name} {text} {to}", uid, to=to,
                   uids=uids)


def make_expunge(session):
    if rng.random() < 0.5:
        return Command("EXPUNGE", "EXPUNGE")
    text, _, uids = pick_set(session)
    return Command("EXPUNGE", f"UID EXPUNGE {uids[0]}:{uids[-1]}", True)


def make_search(session):
    uid = rng.random() < 0.5
    text = rng.choice(["UNSEEN", "ALL", "DELETED", "KEYWORD work",
                       "OR SEEN FLAGGED", "NOT ANSWERED", "1:* UNDRAFT",
                       "RETURN () SEEN", "RETURN (MIN MAX COUNT) FLAGGED",
                       "RETURN (ALL) UNKEYWORD $Forwarded",
                       "MODSEQ 1 SEEN", "TEXT hello"])
    return Command("SEARCH", f"{prefix(uid)}SEARCH {text}", uid)


def make_append(session):
    box, token = rng.choice(BOXES), world.new_token()
    flags = rng.choice(["", "(\\Seen) ", "(\\Flagged work) ", "() "])
    text = message(token, rng.choice([0, 0, 0, 50]))
    return Command("APPEND", f"APPEND {box} {flags}{{{len(text)}+}}\r\n{text}",
                   box=box, token=token)


def make_command(session):
    simple = [lambda s: Command("NOOP", "NOOP"),
              lambda s: Command("STATUS", f"STATUS {rng.choice(BOXES)} "
                                "(MESSAGES UNSEEN UIDNEXT RECENT)"),
              make_append, make_append]
    if session.box:
        simple += [lambda s: Command("CHECK", "CHECK")]
    if session.box and session.messages and None not in session.uids():
        simple += [make_fetch] * 6 + [make_search] * 2
        if rng.random() < 0.3:
            simple += [make_copy] * 3
        if not session.read_only:
            simple += [make_store] * 9 + [make_expunge] * 3
    return rng.choice(simple)(session)


def foreign(rig):
    """Another program in the Maildir."""
    box = rng.choice(BOXES)
    top = rig.maildir("ann")
    path = top if box == "INBOX" else top / ("." + box)
    what = rng.random()
    files = [p for sub in ("cur", "new") for p in (path / sub).iterdir()]
    if what < 0.4 or len(files) < 10:
        token = world.new_token()
        name = f"{time.time():.6f}.{token}.foreign"
        (path / "tmp" / name).write_text(message(token).replace("\r", ""))
        if rng.random() < 0.7:
            os.rename(path / "tmp" / name, path / "new" / name)
        else:
            os.rename(path / "tmp" / name, path / "cur" / (name + ":2,F"))
        return f"deliver {token} to {box}"
    victim = rng.choice(files)
    if what < 0.9:
        base = victim.name.split(":")[0]
        keep = "".join(c for c in victim.name.partition(":2,")[2]
                       if c.islower())
        letters = "".join(sorted(rng.sample("FRSTDP", rng.randint(0, 4))))
        target = path / "cur" / f"{base}:2,{letters}{keep}"
        if "T" in letters:
            world.allow_token(box, victim)
        try:
            os.rename(victim, target)
        except FileNotFoundError:
            return "rename came too late"
        return f"rename in {box} {victim.name} to {letters}"
    world.allow_token(box, victim)
    victim.unlink(missing_ok=True)
    return f"remove in {box} {victim.name}"


class Folders:
    """The names, as RFC 3501 6.3.3-6.3.9 has them."""

    def __init__(self, session):
        line = session.do(Command("NAMESPACE", "NAMESPACE")).lines[0]
        self.sep = re.search(rb'"" "(.)"', line).group(1).decode()
        self.exists, self.subscribed = set(), set()
        self.validity, self.used = {}, set()

    def name(self):
        return self.sep.join(
            [rng.choice(["Z1", "Z2", "Z&AOQ-"])] +
            rng.sample(["a", "b"], rng.choice([0, 0, 1, 1, 2])))

    def below(self, name):
        return {n for n in self.exists if n.startswith(name + self.sep)}

    def parents(self, names):
        found = set()
        for name in names:
            parts = name.split(self.sep)
            found |= {self.sep.join(parts[:i]) for i in range(1, len(parts))}
        return found

    def say(self, session, text, good=None, code=""):
        command = session.do(Command(text.split()[0], text))
        if good is not None and (command.tagged[:2] == "OK") != good or \
                code not in command.tagged:
            session.wrong(f"{text}: {command.tagged}")
        return command

    def change(self, session):
        name, what = self.name(), rng.random()
        if what < 0.35:
            extra = self.sep if rng.random() < 0.2 else ""
            self.say(session, f"CREATE {name}{extra}",
                     name not in self.exists)
            self.exists.add(name)
        elif what < 0.5:
            # no \\Noselect name with children (RFC 3501 6.3.4)
            self.say(session, f"DELETE {name}", name in self.exists)
            self.exists.discard(name)
            self.used.add((name, self.validity.pop(name, 0)))
        elif what < 0.65:
            self.rename(session, name, self.name())
        elif what < 0.8:
            self.say(session, f"SUBSCRIBE {name}", True)
            self.subscribed.add(name)
        elif what < 0.9:
            self.say(session, f"UNSUBSCRIBE {name}")
            self.subscribed.discard(name)
        else:
            self.put(session, name)

    def rename(self, session, old, new):
        if new in self.parents([old]) | self.parents(self.subscribed) or \
                self.below(new):
            return  # servers differ
        family = self.below(old) | (self.exists & {old})
        good = bool(family) and new not in self.exists and new != old and \
            not new.startswith(old + self.sep)
        self.say(session, f"RENAME {old} {new}", good)
        if good:
            moved = {n: new + n[len(old):] for n in family}
            self.exists = self.exists - family | set(moved.values())
            known = {n: self.validity.pop(n) for n in family
                     if n in self.validity}
            self.used |= set(known.items())
            self.validity.update({moved[n]: v for n, v in known.items()})

    def put(self, session, name):
        text = message("folders")
        there = name in self.exists
        command = self.say(session, f"APPEND {name} {{{len(text)}+}}\r\n"
                           f"{text}", there, "" if there else "[TRYCREATE]")
        if there:
            got = int(command.tagged.split()[2])
            if self.validity.setdefault(name, got) != got or \
                    (name, got) in self.used:
                session.wrong(f"UIDVALIDITY of {name}")

    def listed(self, session, text):
        """{name: attributes}, the ones that are told"""
        found = {}
        for line in self.say(session, text, True).lines:
            m = re.match(rb'\* (?:LIST|LSUB) \(([^)]*)\) "." "?([^" ]*)"?',
                         line)
            if m:
                found[m.group(2).decode()] = set(m.group(1).decode().split())
        return found

    def check(self, session):
        both = self.exists | self.parents(self.exists)
        expect(session, "LIST", self.listed(session, 'LIST "" Z*'),
               {n: ({"\\Noselect"} if n not in self.exists else set()) |
                {"\\HasChildren" if self.below(n) else "\\HasNoChildren"}
                for n in both})
        expect(session, "LSUB *", set(self.listed(session, 'LSUB "" Z*')),
               self.subscribed)
        tops = {n: {"\\Noselect"} for n in self.parents(self.subscribed)
                if self.sep not in n}
        tops.update({n: set() for n in self.subscribed if self.sep not in n})
        expect(session, "LSUB %", self.listed(session, 'LSUB "" Z%'), tops)
        expect(session, "LIST SUBSCRIBED",
               self.listed(session, 'LIST (SUBSCRIBED) "" Z*'),
               {n: {"\\Subscribed"} |
                (set() if n in self.exists else {"\\NonExistent"})
                for n in self.subscribed})


# ---- quiet points ---------------------------------------------------------


def expect(session, what, got, want):
    if got != want:
        diff = f"got {got}\nwant {want}"
        if isinstance(got, dict) and isinstance(want, dict):
            keys = [k for k in sorted(set(got) | set(want))
                    if got.get(k) != want.get(k)]
            diff = "\n".join(f"UID {k}: has {got.get(k)}, should be "
                             f"{want.get(k)}" for k in keys)
        session.wrong(f"{what}:\n{diff}")


def on_disk(rig, box):
    """{token: [flags of its files]}"""
    top = rig.maildir("ann")
    path = top if box == "INBOX" else top / ("." + box)
    found = {}
    for sub in ("cur", "new"):
        for p in (path / sub).iterdir():
            token = re.search(rb"X-Token: (\S+)", p.read_bytes()).group(1)
            letters = p.name.partition(":2,")[2]
            found.setdefault(token.decode(), []).append(
                frozenset(LETTERS[c] for c in letters if c in LETTERS))
    return {t: sorted(map(sorted, f)) for t, f in found.items()}


def truth_of(rig, box):
    """{uid: (token, flags)}, {uid: modseq} as a fresh session sees it."""
    probe = Session(rig, "probe", True)
    probe.select(box, examine=True, condstore=True)
    probe.do(Command("FETCH", "UID FETCH 1:* (FLAGS MODSEQ RFC822.SIZE "
                     "BODY.PEEK[HEADER.FIELDS (X-Token)])", True))
    truth = {m.uid: (world.token[box, m.uid], m.flags)
             for m in probe.messages}
    modseqs = {m.uid: m.modseq for m in probe.messages}
    for uid, modseq in modseqs.items():
        if modseq > probe.highest:
            probe.wrong(f"UID {uid} has MODSEQ {modseq} over "
                        f"{probe.highest}")
    status = probe.do(Command("STATUS", f"STATUS {box} (MESSAGES UNSEEN "
                              "UIDNEXT UIDVALIDITY HIGHESTMODSEQ DELETED)"))
    text = next(line for line in status.lines if b"STATUS" in line).decode()
    got = dict(re.findall(r"([A-Z]+) (\d+)", text.split("(")[1]))
    want = {"MESSAGES": len(truth),
            "UNSEEN": sum("\\Seen" not in f for _, f in truth.values()),
            "DELETED": sum("\\Deleted" in f for _, f in truth.values()),
            "UIDVALIDITY": world.validity[box]}
    for name, value in want.items():
        expect(probe, f"STATUS {name}", int(got[name]), value)
    known = [u for b, u in world.token if b == box]
    if int(got["UIDNEXT"]) <= max(known, default=0):
        probe.wrong(f"UIDNEXT {got['UIDNEXT']} but UID {max(known)} is used")
    if int(got["HIGHESTMODSEQ"]) != probe.highest:
        probe.wrong(f"STATUS HIGHESTMODSEQ {got['HIGHESTMODSEQ']}, "
                    f"SELECT {probe.highest}")
    world.modseq[box] = probe.highest
    files = {}
    for token, flags in truth.values():
        files.setdefault(token, []).append(
            frozenset(f for f in flags if f in LETTERS.values()))
    expect(probe, f"file names in {box}", on_disk(rig, box),
           {t: sorted(map(sorted, f)) for t, f in files.items()})
    search_of(probe, truth)
    probe.wire.close()
    for (b, uid), token in world.token.items():
        if b == box and uid not in truth and \
                not world.may_be_gone(box, uid):
            raise Wrong(f"UID {uid} ({token}) of {box} vanished")
    return truth, modseqs


def search_of(session, truth):
    for key, test in (("UNSEEN", lambda f: "\\Seen" not in f),
                      ("FLAGGED", lambda f: "\\Flagged" in f),
                      ("KEYWORD work", lambda f: "work" in f),
                      ("KEYWORD $Forwarded", lambda f: "$Forwarded" in f),
                      ("NOT DELETED", lambda f: "\\Deleted" not in f)):
        want = sorted(u for u, (_, f) in truth.items() if test(f))
        c = session.do(Command("SEARCH", f"UID SEARCH {key}", True))
        line = next(x for x in c.lines if x.startswith(b"* SEARCH"))
        expect(session, f"SEARCH {key}", [int(n) for n in line.split()[2:]],
               want)
        c = session.do(Command(
            "SEARCH", f"UID SEARCH RETURN (MIN MAX COUNT ALL) {key}", True))
        line = next(x for x in c.lines if x.startswith(b"* ESEARCH")).decode()
        got = dict(re.findall(r"(MIN|MAX|COUNT|ALL) (\S+)", line))
        expect(session, f"ESEARCH {key}",
               (int(got["COUNT"]), numbers(got["ALL"]) if want else [],
                int(got.get("MIN", 0)), int(got.get("MAX", 0))),
               (len(want), want, want[0] if want else 0,
                want[-1] if want else 0))


def quiet_point(rig, sessions):
    for s in sessions:
        s.end_idle()
    for _ in range(2):
        for s in sessions:
            s.do(Command("NOOP", "NOOP"))
    truths = {}
    for s in sessions:
        if s.box:
            s.catch_up()
    for box in BOXES:
        truths[box] = truth_of(rig, box)
    for s in sessions:
        if s.box:
            truth, modseqs = truths[s.box]
            expect(s, "flags it was told",
                   {m.uid: m.flags for m in s.messages},
                   {u: f for u, (_, f) in truth.items()})
            if s.condstore:
                for m in s.messages:
                    if m.modseq and m.modseq != modseqs[m.uid]:
                        s.wrong(f"UID {m.uid}: told MODSEQ {m.modseq}, is "
                                f"{modseqs[m.uid]}")


# ---- the run --------------------------------------------------------------


def alone(rig, sessions):
    """One session does something that has to be done alone."""
    s = rng.choice(sessions)
    s.end_idle()
    what = rng.random()
    if s.box and what < 0.15:
        s.do(Command("UNSELECT", "UNSELECT"))
    elif s.box and what < 0.3:
        for m in s.messages:
            if "\\Deleted" in (m.flags or ()):
                world.allow(s.box, [m.uid])
        s.do(Command("CLOSE", "CLOSE"))
    elif what < 0.7 or not s.box:
        s.select(rng.choice(BOXES), rng.random() < 0.2, rng.random() < 0.3)
    else:
        s.idling = True
        s.send(Command("IDLE", "IDLE"))


def together(sessions):
    """Several sessions at the same moment, some with several commands."""
    chosen = rng.sample(sessions, rng.randint(1, len(sessions)))
    for s in chosen:
        s.end_idle()
        s.catch_up() if s.box else None
    for s in chosen:
        commands = [make_command(s)]
        # what renumbers may not have numbers behind it (RFC 3501 5.5)
        while rng.random() < 0.3 and len(commands) < 4:
            more = make_command(s)
            if more.numbers and not all(
                    c.numbers or c.name in ("NOOP", "CHECK", "STATUS",
                                            "APPEND") for c in commands):
                break
            if any(c.name in ("STORE",) for c in commands + [more]):
                break
            commands.append(more)
        s.send(*commands)
    for s in chosen:
        s.finish()
        if s.box:
            s.catch_up()


def main():
    begun = time.monotonic()
    steps = 0
    history = []
    with Rig(users=("ann",)) as rig:
        first = Session(rig, "first", False)
        first.do(Command("CREATE", "CREATE Work"))
        for _ in range(12):
            first.do(make_append(first))
        sessions = [first, Session(rig, "tls-2", False),
                    Session(rig, "tls-3", False),
                    Session(rig, "pipe-1", True), Session(rig, "pipe-2", True)]
        folders = Folders(first)
        for s in sessions[:4]:
            s.select(rng.choice(BOXES))
        try:
            while steps < STEPS if STEPS else \
                    time.monotonic() - begun < SECONDS:
                steps += 1
                what = rng.random()
                if what < 0.15:
                    done = foreign(rig)
                elif what < 0.30:
                    done = alone(rig, sessions)
                elif what < 0.40:
                    done = None
                    s = rng.choice(sessions)
                    s.end_idle()
                    folders.change(s)
                    folders.check(rng.choice(
                        [t for t in sessions if not t.idling]))
                else:
                    done = together(sessions)
                if done:
                    history.append(f"{steps}: {done}")
                if steps % 15 == 0:
                    quiet_point(rig, sessions)
            quiet_point(rig, sessions)
            ok(True, "every session was told the truth")
        except Wrong as e:
            ok(False, "every session was told the truth", f"step {steps}, "
               f"seed {SEED}: {e}")
            for line in history[-10:]:
                print("# foreign:", line)
            for s in sessions if VERBOSE else []:
                for line in s.log[-80:]:
                    print(f"# {s.name}: {line}")
        log = rig.log() + (rig.dir / "stdio.log").read_text(errors="replace")
        bad = [line for line in log.splitlines()
               if re.search(r"level=(error|crit)|\berror\b", line)]
        ok(not bad, "nothing was logged as an error", "\n".join(bad))
        measured(f"{steps} steps, {sum(s.tag for s in sessions)} commands, "
                 f"{len(world.token)} messages, seed {SEED}")
    finish()


main()
