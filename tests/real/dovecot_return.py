#!/usr/bin/env python3
"""There and back: a Maildir that penfold wrote is Dovecot's the next moment,
with the same UIDs, UIDVALIDITY, flags, keywords and subscriptions, and the
other way round.  Dovecot runs as its own imap program on a pipe (PREAUTH),
with a private configuration; no daemon, no port."""
import imaplib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import equal, finish, for_anyone, ok  # noqa: E402

DOVECOT = "/usr/lib/dovecot/imap"
NOBODY = 65534
FLAGS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged",
         "T": "\\Deleted", "D": "\\Draft"}


def as_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


class Penfold:
    def __init__(self, tool, maildir):
        self.tool, self.maildir = tool, maildir

    def run(self, *commands):
        out = subprocess.run([self.tool, self.maildir], text=True,
                             input="".join(c + "\n" for c in commands),
                             capture_output=True, preexec_fn=as_nobody)
        if out.returncode:
            ok(False, "store_tool", out.stdout + out.stderr)
        return out.stdout

    def box(self, name):
        """(uidvalidity, uidnext, {uid: (flags, keywords, size, date)})"""
        lines = self.run(f"dump {name}").splitlines()
        _, _, validity, uidnext, _ = lines[0].split()
        messages = {}
        for line in lines[1:]:
            _, uid, flags, size, date, _ = line.split()
            letters, *keywords = flags.split(",")
            known = {FLAGS[c] for c in letters if c in FLAGS}
            messages[int(uid)] = (known | set(keywords), int(size), int(date))
        return int(validity), int(uidnext), messages


class Dovecot:
    def __init__(self, top):
        self.conf = top / "dovecot.conf"
        (top / "run").mkdir()
        self.conf.write_text(f"""
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/dovecot.log
ssl = no
protocols =
mail_location = maildir:{top}/Maildir
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 0
first_valid_gid = 0
mail_home = {top}/home
namespace inbox {{
  inbox = yes
  separator = .
}}
stats_writer_socket_path =
""")

    def __enter__(self):
        os.environ["USER"] = "nobody" if os.getuid() == 0 else \
            os.environ.get("USER", "user")
        # imaplib runs the command in a shell; as root through setpriv
        drop = (f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "
                if os.getuid() == 0 else "")
        self.imap = imaplib.IMAP4_stream(
            f"{drop}{DOVECOT} -c {self.conf} 2>/dev/null")
        return self

    def __exit__(self, *_):
        self.imap.logout()

    def box(self, name):
        imap = self.imap
        typ, data = imap.select(name)
        assert typ == "OK", data
        validity = int(imap.response("UIDVALIDITY")[1][0])
        uidnext = int(imap.response("UIDNEXT")[1][0])
        messages = {}
        if data[0] != b"0":
            _, lines = imap.fetch("1:*", "(UID FLAGS RFC822.SIZE "
                                         "INTERNALDATE)")
            for line in lines:
                if not isinstance(line, bytes):
                    continue
                uid = int(re.search(rb"UID (\d+)", line)[1])
                flags = set(re.search(rb"FLAGS \(([^)]*)\)",
                                      line)[1].decode().split())
                size = int(re.search(rb"SIZE (\d+)", line)[1])
                date = imaplib.Internaldate2tuple(line)
                import time
                messages[uid] = (flags - {"\\Recent"}, size,
                                 int(time.mktime(date)))
        return validity, uidnext, messages

    def subscribed(self):
        _, lines = self.imap.lsub()
        return sorted(line.decode().split()[-1].strip('"') for line in lines
                      if line)


def compare(penfold, dovecot, name, what):
    ours, theirs = penfold.box(name), dovecot.box(name)
    equal(theirs[0], ours[0], f"{what}: {name}: UIDVALIDITY")
    equal(theirs[2], ours[2], f"{what}: {name}: UIDs, flags, sizes, dates")
    ok(theirs[1] >= ours[1], f"{what}: {name}: UIDNEXT", (theirs[1], ours[1]))


def main():
    top = pathlib.Path(tempfile.mkdtemp(prefix="pfdovecot."))
    maildir = top / "Maildir"
    (top / "home").mkdir()
    maildir.mkdir()
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", top], check=True)
        os.chmod(top, 0o755)
    try:
        tool = for_anyone("tests/store/store_tool", top)
        there_and_back(top, Penfold(tool, maildir))
    finally:
        shutil.rmtree(top)


def there_and_back(top, penfold):
    penfold.run("append INBOX S $Junk one", "append INBOX - - two",
                "append INBOX FR Work three", "append INBOX - - four",
                "expunge INBOX 2", "set INBOX 4 D -",
                "create Lists.nänog", "subscribe Lists.nänog",
                "subscribe INBOX", "copy INBOX 3 Lists.nänog",
                "append Lists.nänog S - five")
    dovecot = Dovecot(top)
    with dovecot as d:
        compare(penfold, d, "INBOX", "penfold wrote")
        penfold_name = "Lists.nänog"
        ours, theirs = penfold.box(penfold_name), d.box("Lists.n&AOQ-nog")
        equal(theirs[0], ours[0], "penfold wrote: folder: UIDVALIDITY")
        equal(theirs[2], ours[2], "penfold wrote: folder: messages")
        equal(d.subscribed(), ["INBOX", "Lists.n&AOQ-nog"],
              "penfold wrote: subscriptions")
    with dovecot as d:
        d.imap.select("INBOX")
        d.imap.append("INBOX", "(\\Seen New)", None, b"six\r\n")
        d.imap.append("INBOX", "()", None, b"seven\r\n")
        d.imap.uid("STORE", "1", "+FLAGS", "(\\Flagged Other)")
        d.imap.uid("STORE", "3", "FLAGS", "(\\Deleted)")
        d.imap.expunge()
        d.imap.create("Made")
        d.imap.subscribe("Made")
        d.imap.append("Made", "()", None, b"eight\r\n")
    with dovecot as d:
        compare(penfold, d, "INBOX", "Dovecot changed")
        compare(penfold, d, "Made", "Dovecot changed")
    ok("name 3 Made" in penfold.run("list"), "Dovecot changed: subscription",
       penfold.run("list"))
    penfold.run("append INBOX - - nine", "move INBOX 1 Made",
                "set INBOX 4 S Other")
    with dovecot as d:
        compare(penfold, d, "INBOX", "and back")
        compare(penfold, d, "Made", "and back")
    for name in ["penfold.log", "penfold.snapshot"]:
        (penfold.maildir / name).unlink()
    with dovecot as d:
        compare(penfold, d, "INBOX", "our own files lost")
    log = top / "dovecot.log"
    text = log.read_text() if log.exists() else ""
    wrong = [line for line in text.splitlines()
             if "Error" in line or "Warning" in line or "Panic" in line]
    equal(wrong, [], "Dovecot complained of nothing")


main()
finish()
