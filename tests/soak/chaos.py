#!/usr/bin/env python3
"""Eight foreign programs at one mailbox while three IMAP sessions and LMTP
work: mutt, mbsync, rm, mv, a delivery as procmail does it, a restore by rsync,
a second Dovecot (which takes turns with us, decision 032) and chmod.

Kept in the books: which UID is which message, what was removed by whom, which
flags were acknowledged or made by a rename.  In the end: no UID changed, no
expunge was told of a message that nobody removed, nothing and no flag is lost.

PF_CHAOS_SECONDS (default 60) and PF_CHAOS_MESSAGES (default 3000; the long
run is 600 and 50000), PF_SEED.

Not part of ./runtests for now (it is not executable): on 3,000 messages it finds, in
some runs, a message with another UID and flags that are lost.  Issue: Store.
"""
import contextlib
import imaplib
import os
import pathlib
import pty
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
import rig as rig_module  # noqa: E402
from rig import BUILD, Rig, equal, finish, measured, message, ok  # noqa: E402

SECONDS = int(os.environ.get("PF_CHAOS_SECONDS", "60"))
MESSAGES = int(os.environ.get("PF_CHAOS_MESSAGES", "3000"))
SEED = int(os.environ.get("PF_SEED", "1"))
NOBODY = 65534
TOKEN = re.compile(rb"X-Token: (\S+)", re.I)
LETTERS = {"S": b"\\Seen", "F": b"\\Flagged", "R": b"\\Answered",
           "D": b"\\Draft"}


class Books:
    def __init__(self):
        self.lock = threading.Lock()
        self.uid = {}        # uid -> token, as first seen
        self.home = {}       # token -> the UID it had
        self.there = set()   # tokens that have to be there in the end
        self.going = set()   # somebody removes or removed it
        self.away = set()    # ... and puts it back: it may get a new UID
        self.flags = {}      # token -> flags that were made
        self.trouble = []
        self.counts = {}

    def bad(self, text):
        with self.lock:
            self.trouble.append(text)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def saw(self, uid, token):
        with self.lock:
            first = self.uid.setdefault(uid, token)
            if first != token:
                self.trouble.append(f"uid {uid} was {first}, is {token}")
            old = self.home.get(token)
            if old is not None and old != uid and token not in self.away:
                self.trouble.append(f"{token} had uid {old}, has {uid}")
            self.home[token] = uid

    def add(self, token, *flags):
        with self.lock:
            self.there.add(token)
            self.flags.setdefault(token, set()).update(flags)

    def flag(self, token, flag):
        with self.lock:
            self.flags.setdefault(token, set()).add(flag)

    def take(self, token):
        """May I remove it?  Once."""
        with self.lock:
            if token in self.going or token in self.away:
                return False
            self.going.add(token)
            self.there.discard(token)
            return True

    def borrow(self, token):
        with self.lock:
            if token in self.going or token in self.away:
                return False
            self.away.add(token)
            return True

    def vanished(self, uid):
        with self.lock:
            token = self.uid.get(uid)
            if token and token not in self.going and token not in self.away:
                self.trouble.append(f"uid {uid}, {token}, was told to be "
                                    "gone, and nobody removed it")


class Turns:
    """Many of us, or Dovecot alone."""

    def __init__(self):
        self.condition, self.inside, self.waiting = \
            threading.Condition(), 0, False

    @contextlib.contextmanager
    def ours(self):
        with self.condition:
            while self.waiting:
                self.condition.wait()
            self.inside += 1
        try:
            yield
        finally:
            with self.condition:
                self.inside -= 1
                self.condition.notify_all()

    @contextlib.contextmanager
    def theirs(self):
        with self.condition:
            self.waiting = True
            while self.inside:
                self.condition.wait()
        try:
            yield
        finally:
            with self.condition:
                self.waiting = False
                self.condition.notify_all()


class Chaos:
    def __init__(self, rig, top):
        self.rig, self.top, self.books = rig, top, Books()
        self.turns, self.stop = Turns(), threading.Event()
        self.maildir = rig.maildir("ann")
        self.cur, self.new = self.maildir / "cur", self.maildir / "new"

    # ---- files

    @staticmethod
    def token_of(path):
        with open(path, "rb") as f:
            found = TOKEN.search(f.read(600))
        return found[1].decode() if found else None

    def some(self, rng, count=1):
        """Files in cur/, picked at random, with their tokens."""
        names = os.listdir(self.cur)
        out = []
        for name in rng.sample(names, min(count, len(names))):
            with contextlib.suppress(OSError):
                token = self.token_of(self.cur / name)
                if token:
                    out.append((self.cur / name, token))
        return out

    def fill(self):
        for sub in ("cur", "new", "tmp"):
            (self.maildir / sub).mkdir(parents=True, exist_ok=True)
        start = 1700000000
        for i in range(MESSAGES):
            token = f"f{i}"
            data = message(token, extra=f"X-Token: {token}\n")
            letters = "S" if i % 3 else ""
            (self.cur / f"{start + i}.M{i}P1.fill:2,{letters}").write_bytes(
                data)
            self.books.add(token, *([b"\\Seen"] if letters else []))

    # ---- foreign writers; each does one thing and returns

    def mv(self, rng):
        for path, token in self.some(rng):
            letter = rng.choice("SFRD")
            base, _, letters = path.name.partition(":2,")
            to = self.cur / (base + ":2," +
                             "".join(sorted(set(letters) | {letter})))
            with contextlib.suppress(OSError):
                if not to.exists():
                    os.rename(path, to)
                    self.books.flag(token, LETTERS[letter])
        time.sleep(0.01)

    def rm(self, rng):
        for path, token in self.some(rng):
            if not self.books.take(token):
                continue
            while True:  # its name may change under our hands
                with contextlib.suppress(OSError):
                    path.unlink()
                    break
                found = list(self.cur.glob(path.name.split(":")[0] + "*"))
                if not found:
                    break
                path = found[0]
        time.sleep(0.3)

    def procmail(self, rng):
        token = f"p{rng.getrandbits(40):x}"
        name = f"{int(time.time())}.{rng.getrandbits(32)}_1.chaos"
        with self.turns.ours():
            (self.maildir / "tmp" / name).write_bytes(
                message(token, extra=f"X-Token: {token}\n"))
            self.books.add(token)
            os.link(self.maildir / "tmp" / name, self.new / name)
            (self.maildir / "tmp" / name).unlink()
        time.sleep(0.1)

    def restore(self, rng):
        """Files vanish, and come back from a backup by rsync."""
        backup = self.top / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        (backup / "cur").mkdir(parents=True)
        with self.turns.ours():
            for path, token in self.some(rng, 5):
                if not self.books.borrow(token):
                    continue
                try:  # one step, so that no name is missed
                    os.rename(path, backup / "cur" / path.name)
                except OSError:
                    with self.books.lock:
                        self.books.away.discard(token)
            time.sleep(rng.random() * 3)
            subprocess.run(["rsync", "-a", f"{backup}/cur/", f"{self.cur}/"],
                           check=True)
        time.sleep(1)

    def chmod(self, rng):
        for path, _ in self.some(rng, 3):
            with contextlib.suppress(OSError):
                path.chmod(rng.choice([0o600, 0o400, 0o640]))
        time.sleep(0.05)

    def mbsync(self, rng):
        rc = self.top / "mbsyncrc"
        if not rc.exists():
            rc.write_text(f"""
MaildirStore near
Inbox {self.maildir}
AltMap yes
MaildirStore far
Inbox {self.top}/far
Path {self.top}/farbox/
Channel both
Far :far:
Near :near:
Patterns INBOX
Sync Push Flags New
Create Far
SyncState {self.top}/sync/
""")
            (self.top / "sync").mkdir()
            (self.top / "farbox").mkdir()
        subprocess.run(["mbsync", "-q", "-c", rc, "both"], timeout=300,
                       capture_output=True)
        time.sleep(2)

    def mutt(self, rng):
        rc = self.top / "muttrc"
        rc.write_text("set move=no\nset quit=yes\nset confirmappend=no\n"
                      "set mark_old=yes\nset sort=mailbox-order\n"
                      "set mail_check=1\nset check_new=yes\n")
        number = rng.randrange(1, MESSAGES)
        pid, fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("mutt", ["mutt", "-n", "-F", str(rc), "-f",
                               str(self.maildir), "-e",
                               f"push '{number}<enter><set-flag>r"
                               "<sync-mailbox><quit>'"])
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if select.select([fd], [], [], 1)[0]:
                try:
                    if not os.read(fd, 65536):
                        break
                except OSError:
                    break
        with contextlib.suppress(OSError):
            os.kill(pid, 1)
        os.close(fd)
        with contextlib.suppress(OSError):
            os.waitpid(pid, 0)
        time.sleep(1)

    def dovecot(self, rng):
        conf = self.top / "dovecot.conf"
        if not conf.exists():
            (self.top / "run").mkdir(exist_ok=True)
            conf.write_text(f"""
base_dir = {self.top}/run
state_dir = {self.top}/run
log_path = {self.top}/dovecot.log
ssl = no
protocols =
mail_location = maildir:{self.maildir}
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 0
first_valid_gid = 0
mail_home = {self.top}/home
stats_writer_socket_path =
namespace inbox {{
  inbox = yes
  separator = .
}}
""")
        with self.turns.theirs():
            # what we know of is in the list that it reads
            time.sleep(2.5)
            imap = imaplib.IMAP4_stream(
                f"/usr/lib/dovecot/imap -c {conf} 2>>{self.top}/dovecot.err")
            try:
                imap.select("INBOX")
                top = int(imap.response("UIDNEXT")[1][0])
                for uid, token in self.look(imap, rng.randrange(1, top)):
                    typ, data = imap.uid("STORE", str(uid), "+FLAGS",
                                         "(\\Flagged)")
                    if typ == "OK" and data[0]:
                        self.books.flag(token, b"\\Flagged")
                        break
            finally:
                with contextlib.suppress(Exception):
                    imap.logout()
            time.sleep(0.5)
        time.sleep(max(4, SECONDS / 20))

    # ---- our own sessions

    def look(self, imap, first, count=30):
        typ, data = imap.uid(
            "FETCH", f"{first}:{first + count}",
            "(UID BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")
        found = []
        for item in data if typ == "OK" else []:
            token = TOKEN.search(item[1]) if isinstance(item, tuple) else None
            if token:
                uid = int(re.search(rb"UID (\d+)", item[0])[1])
                self.books.saw(uid, token[1].decode())
                found.append((uid, token[1].decode()))
        return found

    def told(self, imap):
        for line in imap.untagged_responses.pop("VANISHED", []):
            for part in line.decode().split()[-1].split(","):
                lo, _, hi = part.partition(":")
                for uid in range(int(lo), int(hi or lo) + 1):
                    self.books.vanished(uid)

    def connect(self):
        imap = self.rig.imap("ann")
        imap.sock.settimeout(120)
        imap.enable("QRESYNC")
        imap.select("INBOX")
        return imap

    def session(self, rng):
        """A message that comes back under its old UID, below one that this
        session knows, ends it (docs/decisions/156): it begins anew."""
        with self.turns.ours():
            imap = self.connect()
        try:
            while not self.stop.is_set():
                with self.turns.ours():
                    self.step(imap, rng)
                time.sleep(rng.random() * 0.1)
            imap.logout()
        except imaplib.IMAP4.abort as e:
            if "select it again" not in str(e):
                raise

    def expunge(self, imap, uid):
        try:
            imap.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
            imap.uid("EXPUNGE", str(uid))
        except imaplib.IMAP4.abort:
            again = self.connect()
            again.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
            again.uid("EXPUNGE", str(uid))
            again.logout()
            raise

    def step(self, imap, rng):
        imap.noop()
        self.told(imap)
        _, data = imap.status("INBOX", "(UIDNEXT)")
        top = int(re.search(rb"UIDNEXT (\d+)", data[0])[1])
        there = self.look(imap, rng.randrange(1, top))
        what = rng.random()
        if what < 0.15:
            token = f"a{rng.getrandbits(40):x}"
            if imap.append("INBOX", "(\\Seen)", None, message(
                    token, extra=f"X-Token: {token}\n"))[0] == "OK":
                self.books.add(token, b"\\Seen")
                self.books.count("APPEND")
        elif what < 0.7 and there:
            uid, token = rng.choice(there)
            flag = rng.choice([b"\\Seen", b"\\Flagged", b"\\Answered",
                               b"todo"])
            typ, data = imap.uid("STORE", str(uid), "+FLAGS",
                                 f"({flag.decode()})")
            if typ == "OK" and any(l and flag in l for l in data):
                self.books.flag(token, flag)
                self.books.count("STORE")
        elif what < 0.8 and there:
            uid, token = rng.choice(there)
            if self.books.take(token):
                self.expunge(imap, uid)
                self.books.count("EXPUNGE")
        self.told(imap)

    def lmtp(self, rng):
        token = f"l{rng.getrandbits(40):x}"
        with self.turns.ours():
            with self.rig.lmtp() as lmtp:
                lmtp.sendmail("a@example.org", ["ann"], message(
                    token, extra=f"X-Token: {token}\n"))
            self.books.add(token)
        time.sleep(0.05)

    # ---- all

    def loop(self, what, seed):
        rng = random.Random(seed)
        while not self.stop.is_set():
            try:
                what(rng)
                self.books.count(what.__name__)
            except Exception as e:  # noqa: BLE001: whatever it is, it is told
                self.books.bad(f"{what.__name__}: {e!r}")
                time.sleep(0.5)

    def run(self):
        work = [self.mv, self.rm, self.procmail, self.restore, self.chmod,
                self.mbsync, self.mutt, self.dovecot, self.lmtp,
                self.session, self.session, self.session]
        threads = [threading.Thread(target=self.loop, args=(w, SEED * 100 + i),
                                    daemon=True) for i, w in enumerate(work)]
        for t in threads:
            t.start()
        time.sleep(SECONDS)
        self.stop.set()
        for t in threads:
            t.join(120)
        return all(not t.is_alive() for t in threads)

    def audit(self):
        books = self.books
        time.sleep(3)
        imap = self.rig.imap("ann")
        imap.select("INBOX")
        time.sleep(3)
        imap.noop()
        _, data = imap.uid("FETCH", "1:*",
                           "(UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")
        found, flags = {}, {}
        for i, item in enumerate(data):
            if not isinstance(item, tuple):
                continue
            token = TOKEN.search(item[1])[1].decode()
            uid = int(re.search(rb"UID (\d+)", item[0])[1])
            books.saw(uid, token)
            found.setdefault(token, []).append(uid)
            behind = data[i + 1] if isinstance(data[i + 1], bytes) else b""
            flags[token] = set(re.search(rb"FLAGS \(([^)]*)\)",
                                         item[0] + behind)[1].split())
        imap.logout()
        lost = sorted(books.there - set(found))
        twice = {t: u for t, u in found.items() if len(u) > 1}
        risen = sorted(books.going & set(found))
        unflagged = [(t, sorted(books.flags[t] - flags[t])) for t in found
                     if t in books.there and
                     not books.flags.get(t, set()) <= flags[t]]
        measured(f"{SECONDS} s, {MESSAGES} messages at first, {len(found)} at "
                 f"last, {len(books.uid)} UIDs seen; {books.counts}")
        equal(books.trouble[:20], [],
              "no UID changed, no expunge that nobody made")
        equal(lost[:20], [], "no message is lost")
        equal(twice, {}, "none is there twice")
        equal(risen[:20], [], "what was removed stays away")
        equal(unflagged[:20], [], "no flag is lost")
        for what in ("mv", "rm", "procmail", "restore", "chmod", "mbsync",
                     "mutt", "dovecot", "lmtp", "STORE", "APPEND", "EXPUNGE"):
            ok(books.counts.get(what, 0) > 0, f"{what} had its part")


def as_nobody(top):
    """Dovecot does not serve root; so nobody runs all of it, from copies that
    he can reach."""
    for program in ("ctl/penfold", "auth/penfold-authd", "mda/penfold-mda",
                    "imapd/penfold-imapd", "indexd/penfold-indexd"):
        (top / "build" / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(BUILD / program, top / "build" / program)
    "x".encode("idna")  # Python's own files may be out of reach later
    if os.getuid() == 0:
        for folder, _, files in os.walk(top):
            for name in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(name, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    os.environ.update(HOME=str(top), USER="nobody")
    os.chdir(top)


def main():
    top = pathlib.Path(tempfile.mkdtemp(prefix="penfold-chaos-"))
    top.chmod(0o755)
    as_nobody(top)
    rig_module.BUILD = top / "build"
    print(f"# seed {SEED}")
    with Rig(["ann"], build=top / "build") as rig:
        chaos = Chaos(rig, top)
        chaos.fill()
        ok(chaos.run(), "all of them came to an end")
        chaos.audit()
        out = rig.ctl("check", "--store", check=False)
        equal(out.returncode, 0, "the store is in order") or print(
            "#", out.stdout[-1500:])
    if not rig_module._failed:
        shutil.rmtree(top, ignore_errors=True)
    finish()


main()
