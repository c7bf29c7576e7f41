#!/usr/bin/env python3
"""`penfold takeover`, beside the real servers: Dovecot (Maildir++, LAYOUT=fs
with CONTROL= and INDEX= elsewhere, more than 26 keywords) and Courier fill a
store by imaplib and mbsync; everything that a client can see is noted; the
store is taken over, compared, worked on, given back, compared again.  All
servers run on pipes (PREAUTH).  Courier's package conflicts with Dovecot's, so
it is unpacked beside it."""
import imaplib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import (BUILD, CACHE, equal, finish, for_anyone,  # noqa: E402
                 message, ok, run)

NOBODY = 65534
ROOT = os.getuid() == 0
DROP = (f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "
        if ROOT else "")
KEYWORDS = [f"Key{n:02}" for n in range(31)]


def owned(path):
    if ROOT:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", path], check=True)


# ---- servers ---------------------------------------------------------------

class Server:
    """A command that is an IMAP server on a pipe, and how it names things."""

    def __init__(self, name, command, separator, prefix=""):
        self.name, self.command = name, command
        self.separator, self.prefix = separator, prefix

    def connect(self):
        return imaplib.IMAP4_stream(f"{DROP}{self.pipe()}")


    def pipe(self):
        return f"{self.command} 2>/dev/null"

    def theirs(self, name):
        if name == "INBOX":
            return name
        return self.prefix + name.replace("/", self.separator)

    def ours(self, name):
        if name != "INBOX" and name.startswith(self.prefix):
            name = name[len(self.prefix):]
        return name.replace(self.separator, "/")

    def names(self, imap, command):
        _, lines = getattr(imap, command)('""', '"*"')
        found = set()
        for line in lines:
            parsed = re.match(rb'\(([^)]*)\) "?(.)"? "?([^"]*)"?$', line or b"")
            if parsed and b"\\noselect" not in parsed[1].lower():
                found.add(self.ours(parsed[3].decode()))
        return found

    def look(self):
        """Every fact that a client can see."""
        with self.connect() as imap:
            names = self.names(imap, "list")
            facts = {"names": sorted(names),
                     "subscribed": sorted(self.names(imap, "lsub"))}
            for name in names:
                facts[name] = self.look_into(imap, name)
        return facts

    def look_into(self, imap, name):
        typ, data = imap.select(f'"{self.theirs(name)}"', readonly=True)
        assert typ == "OK", (self.name, name, data)
        validity = int(imap.response("UIDVALIDITY")[1][0])
        _, data = imap.status(f'"{self.theirs(name)}"', "(UIDNEXT MESSAGES)")
        uidnext = int(re.search(rb"UIDNEXT (\d+)", data[0])[1])
        messages = {}
        if not re.search(rb"MESSAGES 0\b", data[0]):
            _, data = imap.fetch("1:*", "(UID FLAGS RFC822.SIZE INTERNALDATE "
                                        "BODY.PEEK[])")
            for head, body in (item for item in data
                               if isinstance(item, tuple)):
                tail = data[data.index((head, body)) + 1]
                line = head + (tail if isinstance(tail, bytes) else b"")
                flags = re.search(rb"FLAGS \(([^)]*)\)", line)[1]
                flags = {f for f in flags.decode().split()
                         if f not in ("\\Recent", "$HasNoAttachment",
                                      "$HasAttachment")}
                messages[int(re.search(rb"UID (\d+)", line)[1])] = (
                    sorted(flags),
                    int(re.search(rb"SIZE (\d+)", line)[1]),
                    imaplib.Internaldate2tuple(line), body)
        return validity, uidnext, messages


def compare(before, after, what):
    equal(after["names"], before["names"], f"{what}: names")
    equal(after["subscribed"], before["subscribed"], f"{what}: subscriptions")
    for name in before["names"]:
        if name not in after:
            ok(False, f"{what}: {name} is there")
            continue
        equal(after[name][0], before[name][0], f"{what}: {name}: UIDVALIDITY")
        equal(after[name][1], before[name][1], f"{what}: {name}: UIDNEXT")
        equal(after[name][2], before[name][2],
              f"{what}: {name}: UIDs, flags, keywords, sizes, dates, bodies")


class Dovecot(Server):
    def __init__(self, top, maildir, options="", layout_separator="/"):
        conf = top / "dovecot.conf"
        (top / "run").mkdir(exist_ok=True)
        conf.write_text(f"""
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/dovecot.log
ssl = no
protocols =
mail_location = maildir:{maildir}{options}
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 0
first_valid_gid = 0
mail_home = {top}/home
namespace inbox {{
  inbox = yes
  separator = {layout_separator}
}}
stats_writer_socket_path =
""")
        os.environ["USER"] = "nobody"
        super().__init__("Dovecot", f"/usr/lib/dovecot/imap -c {conf}",
                         layout_separator)


def unpack_courier():
    where = CACHE / "courier"
    if not (where / "root/usr/bin/imapd").exists():
        where.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-q", "download", "courier-imap",
                        "courier-base", "courier-authlib",
                        "libcourier-unicode4", "libgamin0"], cwd=where,
                       check=True, stdout=subprocess.DEVNULL)
        for package in where.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, where / "root"],
                           check=True)
    return where / "root"


class Courier(Server):
    def __init__(self, top, maildir):
        root = top / "courier"
        shutil.copytree(unpack_courier(), root, symlinks=True)
        libraries = f"{root}/usr/lib:{root}/usr/lib/x86_64-linux-gnu"
        super().__init__(
            "Courier", f"env LD_LIBRARY_PATH={libraries} AUTHENTICATED=me "
            f"AUTHADDR=me HOME={top} IMAP_KEYWORDS=1 "
            "IMAP_CAPABILITY='IMAP4rev1 UIDPLUS' TCPREMOTEIP=127.0.0.1 "
            f"{root}/usr/bin/imapd {maildir}", ".", "INBOX.")

    def pipe(self):
        # without a famd it begins with an alert; imaplib wants PREAUTH
        return (super().pipe() +
                " | grep --line-buffered -v Filesystem.notification")

    def look_into(self, imap, name):
        # EXAMINE gives no UIDs to what is new
        imap.select(f'"{self.theirs(name)}"')
        return super().look_into(imap, name)


class Penfold(Server):
    def __init__(self, top, maildir, separator="/"):
        self.maildir, self.tool = maildir, for_anyone("ctl/penfold", top)
        program = for_anyone("imapd/penfold-imapd", top)
        conf = top / "penfold.conf"
        conf.write_text(f"hierarchy_separator = {separator}\n")
        super().__init__("penfold", f"{program} --stdio -c {conf} --mail "
                         f"{maildir}", separator)

    def takeover(self, *options):
        return run(*DROP.split(), self.tool, "takeover", self.maildir,
                   *options)


# ---- what the clients do ---------------------------------------------------

def append(imap, name, flags, number, day=1):
    body = message(f"message {number}", "Gr\u00fc\u00dfe.\n" * number) \
        .replace(b"\n", b"\r\n")
    typ, data = imap.append(
        f'"{name}"', flags, f'"{day:02}-Feb-2021 10:20:{number % 60:02} '
        '+0100"', body)
    assert typ == "OK", data


def fill(server, keywords):
    with server.connect() as imap:
        names = ["Sent", "Lists", "Lists/net", "Lists/net/nanog",
                 "Entw&APw-rfe", "Only above/below"]
        for name in names:
            typ, data = imap.create(f'"{server.theirs(name)}"')
            assert typ == "OK", data
        for name in ["Sent", "Lists/net/nanog", "Entw&APw-rfe", "INBOX"]:
            imap.subscribe(f'"{server.theirs(name)}"')
        for number in range(1, 9):
            append(imap, "INBOX", r"(\Seen)" if number % 2 else "()", number)
            append(imap, server.theirs("Lists/net/nanog"),
                   r"(\Answered \Flagged)", number, 2)
        append(imap, server.theirs("Entw&APw-rfe"), r"(\Draft)", 20)
        imap.select("INBOX")
        for number, keyword in enumerate(keywords):
            imap.uid("STORE", f"{number % 6 + 1}", "+FLAGS", f"({keyword})")
        if len(keywords) > 26:
            imap.uid("STORE", "1:6", "+FLAGS", f"({keywords[-1]})")
            imap.uid("STORE", "2", "-FLAGS", f"({keywords[-1]})")
        imap.uid("STORE", "3,7", "+FLAGS", r"(\Deleted)")
        imap.expunge()


def work(server):
    """What is done with penfold before the way back."""
    with server.connect() as imap:
        append(imap, "INBOX", r"(\Seen)", 30)
        imap.select("INBOX")
        imap.uid("STORE", "2", "FLAGS", r"(\Flagged Key00 Key01)")
        imap.uid("STORE", "4", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.uid("COPY", "1", f'"{server.theirs("Lists/net")}"')
        imap.create(f'"{server.theirs("Made/here")}"')
        imap.subscribe(f'"{server.theirs("Made/here")}"')
        append(imap, server.theirs("Made/here"), "()", 31)


def mbsync(top, server, tag):
    """A client with a memory of its own."""
    local = top / "local"
    local.mkdir(exist_ok=True)
    owned(local)
    rc = top / f"mbsyncrc-{tag}"
    path = f'PathDelimiter "{server.separator}"'
    rc.write_text(f"""
IMAPAccount there
Tunnel "{server.pipe()}"

IMAPStore far
Account there
{path}
{f'Path "{server.prefix}"' if server.prefix else ''}

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX Sent Lists/net/nanog
Create Near
SyncState {local}/state-
""")
    (local / "state-").parent.mkdir(exist_ok=True)
    return run(*DROP.split(), "mbsync", "-V", "-c", rc, "all")


def settled(out):
    """mbsync had nothing to do on either side."""
    text = out.stdout + out.stderr
    return out.returncode == 0 and not re.search(
        r"F: \+[1-9]|N: \+[1-9]|[*#][1-9]|rror|UIDVALIDITY", text)


def there_and_back(top, old, new, keywords, options, lost_back=()):
    fill(old, keywords)
    first = mbsync(top, old, "old")
    ok(first.returncode == 0, f"{old.name}: mbsync copies it all",
       first.stdout + first.stderr)
    before = old.look()
    tree = sorted(p.relative_to(new.maildir)
                  for p in new.maildir.rglob("*"))
    dry = new.takeover(*options)
    equal((dry.returncode, dry.stderr), (0, ""), f"{old.name}: dry run")
    equal(sorted(p.relative_to(new.maildir)
                 for p in new.maildir.rglob("*")), tree,
          f"{old.name}: a dry run changes nothing")
    done = new.takeover("--do", *options)
    equal((done.returncode, done.stderr), (0, ""), f"{old.name}: taken over") \
        or print("#", done.stdout.replace("\n", "\n# "))
    compare(before, new.look(), f"from {old.name}")
    again = new.takeover("--do", *options)
    equal((again.returncode, again.stderr), (0, ""), f"{old.name}: again")
    compare(before, new.look(), f"from {old.name}, twice")
    second = mbsync(top, new, "new")
    ok(settled(second), f"{old.name}: mbsync finds nothing new",
       second.stdout + second.stderr)
    work(new)
    ours = new.look()
    back = new.takeover("--back", "--do", *options)
    equal((back.returncode, back.stderr), (0, ""), f"{old.name}: given back")
    theirs = old.look()
    for facts in (ours, theirs):
        for name in facts["names"]:
            for uid, fact in facts[name][2].items():
                facts[name][2][uid] = (
                    [f for f in fact[0] if f not in lost_back], *fact[1:])
    compare(ours, theirs, f"back to {old.name}")
    with old.connect() as imap:
        append(imap, "INBOX", "()", 40)
    once_more = old.look()
    new.takeover("--do", *options)
    compare(once_more, new.look(), f"from {old.name}, once more")


def place(name):
    top = pathlib.Path(tempfile.mkdtemp(prefix=f"pftake-{name}."))
    top.chmod(0o755)
    maildir = top / "Maildir"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    (top / "home").mkdir()
    return top, maildir


def dovecot_plain():
    top, maildir = place("dovecot")
    old, new = Dovecot(top, maildir), Penfold(top, maildir)
    owned(top)
    # keywords beyond 26 are Dovecot's alone: what we change stays with us
    there_and_back(top, old, new, KEYWORDS, [], lost_back=KEYWORDS[26:])
    complaints(top)
    shutil.rmtree(top)


def dovecot_fs():
    top, maildir = place("fs")
    old = Dovecot(top, maildir, f":LAYOUT=fs:CONTROL={top}/control"
                                f":INDEX={top}/index")
    new = Penfold(top, maildir)
    for name in ("control", "index"):
        (top / name).mkdir()
    owned(top)
    there_and_back(top, old, new, KEYWORDS,
                   ["--control", top / "control", "--index", top / "index"],
                   lost_back=KEYWORDS[26:])
    complaints(top)
    shutil.rmtree(top)


def complaints(top):
    log = top / "dovecot.log"
    text = log.read_text() if log.exists() else ""
    equal([line for line in text.splitlines()
           if "Error" in line or "Panic" in line], [],
          "Dovecot complained of nothing")


def courier():
    top, maildir = place("courier")
    old, new = Courier(top, maildir), Penfold(top, maildir, ".")
    owned(top)
    there_and_back(top, old, new, KEYWORDS, [])
    shutil.rmtree(top)


for part in (dovecot_plain, dovecot_fs, courier):
    if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
        part()
finish()
