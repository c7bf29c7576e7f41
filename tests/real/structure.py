#!/usr/bin/env python3
"""ENVELOPE, BODY and BODYSTRUCTURE of 6,046 real messages, ours against those
of Dovecot, value by value.  A takeover from Dovecot then changes nothing that
clients have in their caches."""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

DOVECOT = "/usr/lib/dovecot/imap"
STRUCTURE = BUILD / "tests/imap/structure"

CONF = """
base_dir = {0}/run
state_dir = {0}/state
mail_location = maildir:{0}/mail
mail_uid = {1}
mail_gid = {2}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
log_path = {0}/log
stats_writer_socket_path =
"""

TOKEN = re.compile(rb'[ \r\n]*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n'
                   rb"|([^ ()\"{\r\n]+))", re.S)


def parse(data, at):
    """The parenthesized list that begins at data[at]; NIL is None."""
    stack, top = [], []
    while True:
        found = TOKEN.match(data, at)
        assert found, data[at:at + 80]
        at = found.end()
        if found[1]:
            stack.append(top)
            top = []
            continue
        if found[2]:
            done, top = top, stack.pop()
            if not stack:
                return done, at
            value = done
        elif found[3] is not None:
            value = re.sub(rb"\\(.)", rb"\1", found[3], flags=re.S)
        elif found[4]:
            value = data[at:at + int(found[4])]
            at += int(found[4])
        else:
            value = None if found[5] == b"NIL" else int(found[5]) \
                if found[5].isdigit() else found[5]
        top.append(value)


def answers(data):
    """{message number: {item: value}} of all FETCH answers."""
    found, at = {}, 0
    for line in iter(lambda: re.compile(rb"^\* (\d+) FETCH ", re.M)
                     .search(data, at), None):
        items, at = parse(data, line.end())
        found[int(line[1])] = dict(zip(items[::2], items[1::2]))
    return found


def dovecot(top, files):
    """Dovecot's answers, by file name, from a Maildir of links to them."""
    owner = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())
    for name in ("run", "state", "mail/cur", "mail/new", "mail/tmp"):
        (top / name).mkdir(parents=True)
    for number, path in enumerate(files, 1):
        shutil.copyfile(path, top / f"mail/cur/{number:06}.x.y:2,")
    (top / "conf").write_text(CONF.format(top, *owner))
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{owner[0]}:{owner[1]}", top],
                       check=True)
    # it gives up as soon as its input ends: hold that until all is said
    with subprocess.Popen(
            [DOVECOT, "-c", top / "conf"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "USER": "nobody", "HOME": str(top),
                 "TZ": "UTC"}) as imap:
        imap.stdin.write(b"a SELECT INBOX\r\n"
                         b"b FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE)\r\n"
                         b"c LOGOUT\r\n")
        imap.stdin.flush()
        return answers(imap.stdout.read())


def ours(files):
    done = subprocess.run([STRUCTURE], check=True, capture_output=True,
                          input="".join(f"{p}\n" for p in files).encode())
    return answers(done.stdout)


def differences(a, b):
    """Pairs of values that differ; lists of addresses as a whole."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b) \
            and not is_addresses(a) and not is_addresses(b):
        for x, y in zip(a, b):
            yield from differences(x, y)
    elif a != b:
        yield a, b


def is_addresses(value):
    return isinstance(value, list) and all(
        isinstance(v, list) and len(v) == 4 and
        all(x is None or isinstance(x, bytes) for x in v) for v in value)


def broken(addresses):
    """Dovecot's own marks for what it could not read."""
    return any(a[3] in (b"SYNTAX_ERROR", b"MISSING_DOMAIN") or
               a[2] == b"MISSING_MAILBOX" for a in addresses)


def pairs(a, b):
    """The addresses of both that differ, if as many are there."""
    return [(x, y) for x, y in zip(a, b) if x != y] \
        if is_addresses(a) and is_addresses(b) and len(a) == len(b) else []


# Why ours differs, and which pairs of values (ours, Dovecot's) that covers.
EXPLAINED = {
    "types, dispositions, encodings are lower case here, as written there":
        lambda a, b: isinstance(a, bytes) and isinstance(b, bytes) and a == b.lower(),
    "plain ASCII is as written here, in Dovecot's own words there":
        lambda a, b: b in (b"charset", b"us-ascii", b"7bit") and
        isinstance(a, bytes) and a.lower() == b,
    "blanks around a value stay there": lambda a, b:
        isinstance(a, bytes) and isinstance(b, bytes) and a == b.strip(),
    "an address that is broken ends Dovecot's list, ours goes on":
        lambda a, b: is_addresses(a) and is_addresses(b) and
        (broken(b) or a[:len(b)] == b),
    "an address in place of a name is a name here": lambda a, b:
        pairs(a, b) and all(x[1:] == y[1:] and y[0] is None and b"@" in x[0]
                            for x, y in pairs(a, b)),
    "blanks in a local part stay here": lambda a, b:
        pairs(a, b) and all(x[2] and b" " in x[2] and
                            x[2].replace(b" ", b"") == y[2]
                            for x, y in pairs(a, b)),
    "Content-Type without a value is text/plain here, \"\" there": lambda a, b:
        isinstance(b, list) and b[:2] == [b"", b""] and
        a[:2] == [b"text", b"plain"],
}


def main():
    if not os.access(DOVECOT, os.X_OK):
        ok(True, "# SKIP no Dovecot here")
        return finish()
    files = [pathlib.Path(a) for a in sys.argv[1:]] or corpus()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        theirs = dovecot(pathlib.Path(name), files)
    mine = ours(files)
    equal((len(mine), len(theirs)), (len(files), len(files)),
          "every message is answered by both")
    reasons = collections.Counter()
    for item in (b"ENVELOPE", b"BODY", b"BODYSTRUCTURE"):
        lines = []
        for number, path in enumerate(files, 1):
            for a, b in differences(mine[number][item], theirs[number][item]):
                why = [r for r, covers in EXPLAINED.items() if covers(a, b)]
                reasons[why[0] if why else None] += 1
                if not why:
                    lines.append(f"{path}\n  ours {a!r}\n  them {b!r}")
        ok(not lines, f"{item.decode()}: the same, or known why not",
           "\n".join(lines))
    for why, count in reasons.most_common():
        measured(f"{count} times: {why}")
    finish()


if __name__ == "__main__":
    main()
