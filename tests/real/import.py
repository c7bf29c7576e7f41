#!/usr/bin/env python3
"""`penfold import` and `penfold export`, beside Python's mailbox module and
real Dovecot: mbox and Maildir come in and go out with bodies, flags, keywords
and dates; a second import adds nothing; a killed one goes on."""
import imaplib
import mailbox
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import BUILD, equal, finish, ok, run  # noqa: E402

PENFOLD, IMAPD = BUILD / "ctl/penfold", BUILD / "imapd/penfold-imapd"
COUNT = 450


def text(number):
    body = f"Message {number}.\n" + "x" * (number % 70) + "\n"
    if number % 3 == 0:
        body += "\nFrom here on it is quoted.\n>From there too.\n"
    if number % 5 == 0:
        body += "\nFrom a@b Thu Feb  4 10:20:01 2021\n\n\n"
    return (f"From: ann@example.org\nSubject: message {number}\n"
            f"Message-ID: <{number}@example.org>\n\n{body}").encode()


class Home:
    """A user's home, found by $HOME."""

    def __init__(self, top):
        self.top, self.maildir = top, top / "Maildir"
        top.mkdir(parents=True, exist_ok=True)

    def penfold(self, *args):
        return run(PENFOLD, *args, "-c", self.top / "none",
                   env={**os.environ, "HOME": str(self.top)})

    def look(self, name):
        """{subject: (flags, date, body)}, and how many there are"""
        with imaplib.IMAP4_stream(f"{IMAPD} --stdio --mail {self.maildir} "
                                  "2>/dev/null") as imap:
            typ, data = imap.select(name, readonly=True)
            if typ != "OK":
                return {}, 0
            found, count = {}, int(data[0])
            _, data = imap.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
            for head, body in (i for i in data if isinstance(i, tuple)):
                tail = data[data.index((head, body)) + 1]
                line = head + (tail if isinstance(tail, bytes) else b"")
                flags = re.search(rb"FLAGS \(([^)]*)\)", line)[1].split()
                subject = re.search(rb"Subject: ([^\r]*)", body)[1].decode()
                found[subject] = (
                    sorted(f.decode() for f in flags if f != b"\\Recent"),
                    int(time.mktime(imaplib.Internaldate2tuple(line))),
                    body.replace(b"\r\n", b"\n"))
            return found, count


def make_mbox(path):
    """By another program's hand, as mboxrd."""
    wanted = {}
    with open(path, "wb") as out:
        for number in range(1, COUNT + 1):
            when = 1600000000 + number * 60
            flags, own = [], b""
            if number % 2:
                own += b"Status: RO\n"
                flags.append("\\Seen")
            if number % 7 == 0:
                own += b"X-Status: AF\n"
                flags += ["\\Answered", "\\Flagged"]
            if number % 11 == 0:
                own += b"X-Keywords: Work $Junk\n"
                flags += ["Work", "$Junk"]
            message = text(number)
            head, body = message.split(b"\n\n", 1)
            quoted = re.sub(rb"(?m)^(>*From )", rb">\1", body)
            out.write(b"From ann@example.org " + time.asctime(
                time.gmtime(when)).encode() + b"\n" + head + b"\n" + own +
                b"\n" + quoted + b"\n")
            wanted[f"message {number}"] = (sorted(flags), when, message)
    return wanted


def mbox(top):
    home = Home(top / "mbox")
    wanted = make_mbox(top / "in.mbox")
    dry = home.penfold("import", f"mbox:{top}/in.mbox", "--to", "Old",
                       "--dry-run")
    ok(dry.stdout.startswith(f"{COUNT} messages would"), "mbox: dry run",
       dry.stdout + dry.stderr)
    done = home.penfold("import", f"mbox:{top}/in.mbox", "--to", "Old")
    equal((done.returncode, done.stderr), (0, ""), "mbox: imported")
    found, count = home.look("Old")
    equal(count, COUNT, "mbox: each message once")
    wrong = [s for s in wanted if found.get(s) != wanted[s]]
    equal(wrong, [], "mbox: bodies, flags, keywords and dates") or print(
        "#", wanted[wrong[0]], found.get(wrong[0]))
    home.penfold("import", f"mbox:{top}/in.mbox", "--to", "Old")
    equal(home.look("Old")[1], COUNT, "mbox: a second time adds nothing")
    out = home.penfold("export", f"mbox:{top}/out.mbox", "--in", "Old")
    equal(out.returncode, 0, "mbox: exported")
    theirs = mailbox.mbox(top / "out.mbox")
    equal(len(theirs), COUNT, "mbox: Python counts the same")
    equal(sum("R" in m.get_flags() for m in theirs), (COUNT + 1) // 2,
          "mbox: Python sees the same flags")
    again = Home(top / "again")
    again.penfold("import", f"mbox:{top}/out.mbox", "--to", "Old")
    equal(again.look("Old"), (found, count), "mbox: out and in is the same")
    bad = home.penfold("import", f"mbox:{__file__}", "--state",
                       top / "bad-state")
    ok(bad.returncode == 1 and "no mbox" in bad.stderr,
       "mbox: another file is refused", bad.stderr)


def killed(top):
    """Killed again and again, at any moment: each message once."""
    wanted = make_mbox(top / "killed.mbox")
    home = Home(top / "killed")
    args = [PENFOLD, "import", f"mbox:{top}/killed.mbox", "-c",
            home.top / "none"]
    kills = 0
    for attempt in range(40):
        process = subprocess.Popen(
            args, env={**os.environ, "HOME": str(home.top)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(0.01 + attempt * 0.01)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    run(*args, env={**os.environ, "HOME": str(home.top)})
    found, count = home.look("INBOX")
    equal(count, COUNT, f"killed {kills} times: each message once")
    equal([s for s in wanted if s not in found], [], "killed: all are there")


def maildir(top):
    source = top / "source"
    theirs = mailbox.Maildir(source)
    sub = theirs.add_folder("Lists.nanog")
    for box, numbers in ((theirs, range(1, 60)), (sub, range(60, 90))):
        for number in numbers:
            message = mailbox.MaildirMessage(text(number))
            message.set_subdir("cur")
            message.set_flags("S" if number % 2 else "FR")
            message.set_date(1600000000 + number)
            box.add(message)
    before = sorted((p.relative_to(source), p.stat().st_mtime_ns)
                    for p in source.rglob("*"))
    home = Home(top / "maildir")
    done = home.penfold("import", f"maildir:{source}", "--to", "From")
    equal((done.returncode, done.stderr), (0, ""), "Maildir: imported")
    equal(sorted((p.relative_to(source), p.stat().st_mtime_ns)
                 for p in source.rglob("*")), before,
          "Maildir: the source is as it was")
    found, count = home.look("From")
    equal(count, 59, "Maildir: each message")
    equal(found["message 4"], (["\\Answered", "\\Flagged"], 1600000004,
                               text(4)), "Maildir: flags, date and body")
    equal(home.look("From.Lists.nanog")[1], 30, "Maildir: a mailbox below")
    home.penfold("import", f"maildir:{source}", "--to", "From")
    equal(home.look("From")[1], 59, "Maildir: a second time adds nothing")
    out = home.penfold("export", f"maildir:{top}/out")
    equal((out.returncode, out.stderr), (0, ""), "Maildir: exported")
    back = mailbox.Maildir(top / "out", create=False)
    equal(len(back.get_folder("From")), 59, "Maildir: Python counts the same")
    equal(sorted(m.get_flags() for m in back.get_folder("From.Lists.nanog")),
          sorted("S" if n % 2 else "FR" for n in range(60, 90)),
          "Maildir: Python sees the same flags")
    home.penfold("export", f"maildir:{top}/out")
    equal(len(back.get_folder("From")), 59, "Maildir: exported once")


top = pathlib.Path(tempfile.mkdtemp(prefix="pfimport."))
for part in (mbox, killed, maildir):
    part(top)
shutil.rmtree(top)
finish()
