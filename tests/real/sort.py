#!/usr/bin/env python3
"""SORT and THREAD of SpamAssassin's public corpus beside Dovecot's: the same
answers, or known why not."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403
from structure import CONF, DOVECOT  # noqa: E402

CRITERIA = ("ARRIVAL", "SIZE", "DATE", "REVERSE DATE", "SUBJECT", "FROM", "TO",
            "CC", "DISPLAYFROM", "DISPLAYTO", "SUBJECT REVERSE DATE")
THREADS = ("REFERENCES", "REFS", "ORDEREDSUBJECT")


def commands():
    for what in CRITERIA:
        yield f"SORT ({what})", f"UID SORT ({what}) UTF-8 ALL"
    for what in THREADS:
        yield f"THREAD={what}", f"UID THREAD {what} UTF-8 ALL"


def talk(argv, env):
    """{name: (answer, seconds)}; asked twice, the second time counts."""
    found = {}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env=env) as imap:
        def ask(tag, line):
            start = time.monotonic()
            imap.stdin.write(f"{tag} {line}\r\n".encode())
            imap.stdin.flush()
            untagged = b""
            while True:
                answer = imap.stdout.readline()
                if answer.startswith(tag.encode() + b" "):
                    assert b" OK " in answer, answer
                    return untagged, time.monotonic() - start
                assert answer, "closed"
                untagged += answer
        ask("a", "SELECT INBOX")
        for name, line in commands():
            ask("b", line)
            found[name] = ask("c", line)
        ask("d", "LOGOUT")
    return found


def make_mail(top, files):
    for sub in ("cur", "new", "tmp"):
        (top / sub).mkdir(parents=True)
    for number, path in enumerate(files, 1):
        to = top / f"cur/{number:06}.x.y:2,"
        shutil.copyfile(path, to)
        os.utime(to, (1000000000 + number * 7919 % 100000,) * 2)


def order(answer):
    return [int(n) for n in re.findall(rb"\d+", answer.split(b"*", 1)[1])]


def threads(answer):
    """Top-level threads, each as written."""
    out, depth, start = [], 0, 0
    text = answer[answer.index(b"("):]
    for at, byte in enumerate(text):
        if byte == ord("("):
            if depth == 0:
                start = at
            depth += 1
        elif byte == ord(")"):
            depth -= 1
            if depth == 0:
                out.append(text[start:at + 1].decode())
    return out


def odd(path):
    """Does its header have what the two read differently?  8-bit text
    (Dovecot: U+FFFD), addresses without a mailbox (Dovecot: MISSING_MAILBOX),
    names that begin with a blank (Dovecot keeps it), zones that there are not (RFC 5256 2.2: UTC; Dovecot: as written)."""
    header = path.read_bytes().split(b"\n\n", 1)[0]
    date = re.search(rb"^date:(.*)", header, re.I | re.M)
    good = date and re.fullmatch(
        rb"\s*(\w{3}, *)?\d+ \w{3} \d{4} \d\d:\d\d(:\d\d)? "
        rb"([-+](0\d|1[0-4])\d\d|GMT)( +\(.*\))?\s*", date[1])
    fields = b"\n".join(re.findall(
        rb"^(?:subject|from|to|cc):.*(?:\n[ \t].*)*", header, re.I | re.M))
    return not good or \
        re.search(rb"[\x80-\xff]|=\?|<>|\"\"|\" |undisclosed", fields, re.I) or \
        not re.search(rb"^from:.*\w@\w", header, re.I | re.M) or \
        not re.search(rb"^to:.*\w@\w", header, re.I | re.M)


def main():
    files = corpus()
    strange = {n for n, path in enumerate(files, 1) if odd(path)}
    # others' References give it another parent than its own: its own count
    # (RFC 5256 3, REFERENCES 1.B); Dovecot takes none
    conflicting = {n for n, path in enumerate(files, 1) if
                   b"\nMessage-Id: <1029945287.4797.TMDA@" in path.read_bytes()}
    measured(f"{len(strange)} of {len(files)} are read differently")
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        make_mail(top / "ours", files)
        make_mail(top / "theirs/mail", files)
        for sub in ("run", "state"):
            (top / "theirs" / sub).mkdir()
        owner = (65534, 65534) if os.getuid() == 0 else \
            (os.getuid(), os.getgid())
        (top / "theirs/conf").write_text(CONF.format(top / "theirs", *owner))
        if os.getuid() == 0:
            top.chmod(0o755)
            subprocess.run(["chown", "-R", "%d:%d" % owner, top / "theirs"],
                           check=True)
        mine = talk([IMAPD, "--stdio", "--mail", top / "ours"], os.environ)
        theirs = talk([DOVECOT, "-c", top / "theirs/conf"],
                      {**os.environ, "USER": "nobody",
                       "HOME": str(top / "theirs"), "TZ": "UTC"})
    for what in theirs:
        a, b = mine[what][0], theirs[what][0]
        measured(f"{what}: {mine[what][1] * 1000:.0f} ms, Dovecot "
                 f"{theirs[what][1] * 1000:.0f} ms")
        if what.startswith("THREAD"):
            x, y = threads(a), threads(b)
            skip = {str(n) for n in strange | conflicting}
            x, y = ([t for t in got if not skip & set(re.findall(r"\d+", t))]
                    for got in (x, y))
            only = sorted(set(x) ^ set(y))
            measured(f"{what}: {len(x)} threads, {len(only)} differ")
            equal(x == y, True, f"{what}: as Dovecot") or print(
                "#", [p for p in zip(x, y) if p[0] != p[1]][:4],
                "\n#", [t for t in x if t not in set(y)][:8], "\n#",
                [t for t in y if t not in set(x)][:8])
        else:
            x, y = order(a), order(b)
            equal(sorted(x) == sorted(y), True, f"{what}: the same messages")
            x = [n for n in x if n not in strange]
            y = [n for n in y if n not in strange]
            wrong = [i for i in range(len(x)) if x[i] != y[i]]
            equal(len(wrong), 0, f"{what}: as Dovecot") or print(
                "#", [(x[i], y[i]) for i in wrong[:10]])
    finish()


main()
