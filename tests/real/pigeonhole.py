#!/usr/bin/env python3
"""The same scripts on the same messages by penfold and by Debian's Pigeonhole
(sieve-test): the same actions.  tests/data/sieve/shared.txt has the scripts by
hand; more are made of random tests.  docs/pigeonhole.md names the scripts on
which the two differ, and why; one that is named and does not differ fails,
too."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

EXTENSIONS = ("fileinto envelope encoded-character copy body variables "
              "relational comparator-i;ascii-numeric subaddress imap4flags "
              "date index regex mailbox").split()
RANDOM = 60         # scripts
TESTS = 24          # of each

MESSAGES = {
    "plain": b"""Received: from last hop by host.test; Thu, 29 Feb 2024 10:05:00 +0200
Received: from middle by last; Thu, 29 Feb 2024 10:04:00 +0200
Received: from first by middle; Thu, 29 Feb 2024 10:03:00 +0200
From: Ann Other <ann@example.org>
To: Bob <bob@example.org>, dora@example.net
Cc: Friends: carol@example.org, dave@example.com;
Subject: Hello
Date: Thu, 29 Feb 2024 10:02:03 +0200
Message-ID: <1@example.org>
X-Folded: one
 two
X-Spaces: padded \t
X-Stars: a*b?c
X-Plus: a+b+c@example.org
X-From: "odd one"@example.org
X-Broken: this is broken <
X-Negative: -3

A needle in a letter.
""",
    "list": b"""From: "Announce, List" <list@lists.example.net>
To: list@lists.example.net
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle
Date: Fri, 01 Mar 2024 00:00:00 -0500 (EST)
List-Id: "The list" <weekly-news.lists.example.net>
Precedence: list
Message-ID: <2@lists.example.net>
X-Umlaut: a\xc3\xa4b

text
""",
    "spam": b"""From: spam@example.biz
To: undisclosed-recipients:;
Subject: BUY NOW
Date: Sat, 2 Mar 2024 23:59:59 GMT
X-Spam-Flag: YES
X-Spam-Score: 7.5
Message-ID: <3@example.biz>

""" + b"buy buy buy\n" * 200,
    "mixed": b"""From: ann@example.org
To: bob@example.org
Subject: hello
Date: Sun, 3 Mar 2024 12:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"
Message-ID: <4@example.org>

a prologue
--b1
Content-Type: multipart/alternative; boundary=b2

--b2
Content-Type: text/plain; charset=utf-8

a plain part
--b2
Content-Type: text/html; charset=utf-8

<p>html <b>needle</b></p>
--b2--
--b1
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="data.bin"
Content-Transfer-Encoding: base64

bmVlZGxl
--b1--
an epilogue
""",
    "nested": b"""From: ann@example.org
To: bob@example.org
Subject: Fwd: inner
Date: Mon, 4 Mar 2024 12:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer
Message-ID: <5@example.org>

--outer
Content-Type: message/rfc822

From: x@inner.test
Subject: the inner one
Content-Type: text/plain

an inner needle
--outer
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 needle
--outer--
""",
    "bounce": b"""From: MAILER-DAEMON@mx.test
To: user@host.test
Subject: Undelivered Mail
Auto-Submitted: auto-replied
Message-ID: <6@mx.test>

could not deliver
""",
    "bare": b"""Subject:
From: a@b

""",
}
# (sieve-test cannot be given the null sender)
ENVELOPES = {"bounce": ("MAILER-DAEMON@mx.test", "user@host.test"),
             "bare": ("a@b.test", "other@host.test")}
DEFAULT = ("sender@out.test", "user+tag@host.test")


# ---- scripts -----------------------------------------------------------------

def by_hand():
    text = (TOP / "tests/data/sieve/shared.txt").read_text()
    for part in text.split("\n=== ")[1:]:
        name, _, script = part.partition("\n")
        yield name.strip(), script


def quoted(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


def random_test(rnd):
    headers = ["subject", "from", "to", "cc", "received", "x-spam-score",
               "x-none", "list-id", "x-folded", "date", "content-type",
               "x-stars", "x-negative", "message-id"]
    words = ["hello", "Hello", "e", "", "*", "h*o", "?ello", "*.*", "7", "7.5",
             "ann", "example.org", "ann@example.org", "*@*", "a*b", "one two",
             "multipart/mixed", "YES", "-3", "host", "<*>", "*first*"]
    addresses = ["from", "to", "cc", "x-plus", "x-none", "reply-to"]
    kind = rnd.choice(["header", "header", "address", "envelope", "size",
                       "exists", "body", "count", "value", "string", "date"])
    match = rnd.choice([":is", ":contains", ":matches"])
    comparator = rnd.choice(["", "", ':comparator "i;octet" '])
    key = quoted(rnd.choice(words))
    keys = f"[{key}, {quoted(rnd.choice(words))}]" \
        if rnd.random() < 0.3 else key
    part = rnd.choice([":all", ":localpart", ":domain", ":user", ":detail"])
    index = rnd.choice(["", "", "", ":index 1 ", ":index 2 :last "])
    if kind == "header":
        return f'header {index}{comparator}{match} ' \
               f'{quoted(rnd.choice(headers))} {keys}'
    if kind == "address":
        return f'address {index}{part} {comparator}{match} ' \
               f'{quoted(rnd.choice(addresses))} {keys}'
    if kind == "envelope":
        return f'envelope {part} {comparator}{match} ' \
               f'"{rnd.choice(["from", "to"])}" {keys}'
    if kind == "size":
        return f'size {rnd.choice([":over", ":under"])} ' \
               f'{rnd.choice([0, 100, 400, 700, 2400])}'
    if kind == "exists":
        return f'exists [{", ".join(map(quoted, rnd.sample(headers, 2)))}]'
    if kind == "body":
        return f'body {rnd.choice([":raw", ":text"])} {comparator}' \
               f':contains {quoted(rnd.choice(["needle", "buy", "x", "cafe"]))}'
    relation = rnd.choice(["gt", "ge", "lt", "le", "eq", "ne"])
    number = quoted(rnd.choice(["0", "1", "2", "5", "7", "x", ""]))
    if kind == "count":
        return f'header :count "{relation}" :comparator "i;ascii-numeric" ' \
               f'{quoted(rnd.choice(headers))} {number}'
    if kind == "value":
        return f'header :value "{relation}" :comparator "i;ascii-numeric" ' \
               f'{quoted(rnd.choice(["x-spam-score", "x-negative", "x-none", "subject"]))} {number}'
    if kind == "string":
        return f'string :comparator "i;octet" {match} "${{v}}" {keys}'
    return f'date :zone "+0000" {match} "date" ' \
           f'"{rnd.choice(["year", "month", "day", "hour", "weekday"])}" ' \
           f'{quoted(rnd.choice(["2024", "02", "29", "08", "4", "*"]))}'


def compound(rnd, depth=0):
    roll = rnd.random()
    if depth < 2 and roll < 0.15:
        return "not " + compound(rnd, depth + 1)
    if depth < 2 and roll < 0.3:
        inside = ", ".join(compound(rnd, depth + 1) for _ in range(3))
        return f'{rnd.choice(["anyof", "allof"])} ({inside})'
    return random_test(rnd)


def random_script(rnd):
    """Many tests at once: each that says yes leaves a flag, and its match."""
    lines = ["require [" + ", ".join(map(quoted, EXTENSIONS)) + "];",
             'set "v" "Hello";', 'set "m" "";']
    for i in range(TESTS):
        lines.append(f'if {compound(rnd)} {{ addflag "t{i}"; '
                     'set "v" "${1}"; set "m" "${m}/${1}${2}"; }')
    lines += ['fileinto :copy "m${m}";', 'keep;']
    return "\n".join(lines) + "\n"


# ---- the two ----------------------------------------------------------------

def shape(actions):
    """Comparable; sieve-test prints no more of a name."""
    return tuple(sorted({(kind, where[:100], flags)
                         for kind, where, flags in actions}))


def ours(place, script, message, sender, to):
    """Actions as (kind, where, flags)."""
    done = run(PENFOLD, "sieve", "test", script, message, "--json",
               "--from", sender, "--to", to,
               "-c", place / "penfold.conf",
               env={**os.environ, "HOME": str(place / "p"), "USER": "user"})
    if not done.stdout.strip():
        return ("does not compile",) if done.returncode == 1 \
            else ("crashed", done.stderr)
    got = json.loads(done.stdout)
    if "problem" in got:
        return ("fails",)
    found = []
    for a in got["actions"]:
        flags = tuple(sorted(f.lower() for f in a["flags"]))
        kind = a["action"]
        if kind == "keep":
            found.append(("store", "INBOX", flags))
        elif kind == "fileinto":
            box = a["mailbox"]
            found.append(("store", "INBOX" if box.upper() == "INBOX" else box,
                          flags))
        elif kind == "redirect":
            found.append(("redirect", a["address"], ()))
        elif kind in ("reject", "vacation", "notify"):
            found.append((kind, "", ()))
    return shape(found)


def theirs(place, script, message, sender, to):
    command = ["sieve-test", "-c", place / "dovecot.conf",
               "-f", sender,
               "-r", to, "-a", to, script, message]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup",
                   "--clear-groups"] + command
    done = run(*command, env={"PATH": os.environ["PATH"], "USER": "nobody",
                              "HOME": str(place / "d")}, timeout=60)
    text = done.stdout + done.stderr
    if "failed to compile" in text:
        return ("does not compile",)
    if "final result: failed" in text or "final result: utter" in text:
        return ("fails",)
    found = []
    for line in done.stdout.splitlines():
        line = line.rstrip()
        if m := re.match(r" \* store message in folder: (.*)", line):
            box = m.group(1)
            found.append(["store", "INBOX" if box.upper() == "INBOX" else box,
                          ()])
        elif line == " * keep":
            found.append(["store", "INBOX", ()])
        elif m := re.match(r" \* redirect message to: <?([^>]*)>?", line):
            found.append(["redirect", m.group(1), ()])
        elif line.startswith(" * reject message"):
            found.append(["reject", "", ()])
        elif line.startswith(" * send vacation"):
            found.append(["vacation", "", ()])
        elif re.match(r" \* (send )?notif", line):
            found.append(["notify", "", ()])
        elif m := re.match(r"\s+\+ add IMAP flags: (.*)", line):
            found[-1][2] = tuple(sorted(m.group(1).lower().split()))
    return shape(tuple(f) for f in found)


def prepare(place):
    place.chmod(0o755)
    (place / "dovecot.conf").write_text(f"""
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
mail_location = maildir:{place}/d/Maildir
mail_home = {place}/d
log_path = /dev/stderr
postmaster_address = postmaster@host.test
recipient_delimiter = +
plugin {{
  sieve_extensions = +editheader +vacation-seconds
  sieve_duplicate_default_period = 1h
  sieve_user_email = user@host.test
}}
""")
    (place / "penfold.conf").write_text(
        f"run_dir = {place}\nstate_dir = {place}\nextension_folder = inbox\n"
        "hostname = host.test\n")
    for side in "pd":
        for box in ("", ".Exists"):
            for part in ("cur", "new", "tmp"):
                (place / side / "Maildir" / box / part).mkdir(parents=True)
    for name, content in MESSAGES.items():
        (place / f"{name}.eml").write_bytes(content)
    if os.geteuid() == 0:
        shutil.chown(place, "nobody", "nogroup")
        for path in place.rglob("*"):
            shutil.chown(path, "nobody", "nogroup")


def compare(place, name, script):
    """[(message, ours, theirs)] that differ"""
    for side in "pd":
        (place / side / f"{name}.sieve").write_text(script)
    if os.geteuid() == 0:
        shutil.chown(place / "d" / f"{name}.sieve", "nobody", "nogroup")
    found = []
    for message in MESSAGES:
        sender, to = ENVELOPES.get(message, DEFAULT)
        args = (place / f"{message}.eml", sender, to)
        a = ours(place, place / "p" / f"{name}.sieve", *args)
        b = theirs(place, place / "d" / f"{name}.sieve", *args)
        if a != b:
            found.append((message, a, b))
        if a == b == ("does not compile",):
            break
    return found


with tempfile.TemporaryDirectory(prefix="penfold-pigeonhole-") as where:
    place = pathlib.Path(where)
    prepare(place)
    scripts = list(by_hand())
    seed = int(os.environ.get("PF_SEED", "5804"))
    only = sys.argv[1:]
    rnd = random.Random(seed)
    scripts += [(f"random-{seed}-{i}", random_script(rnd))
                for i in range(RANDOM)]
    if only:
        scripts = [s for s in scripts if s[0] in only]
    known = set(re.findall(r"^\| `([a-z0-9-]+)`",
                           (TOP / "docs/pigeonhole.md").read_text(), re.M))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda s: compare(place, *s), scripts))
    runs = len(scripts) * len(MESSAGES)
    same = sum(not r for r in results)
    for (name, script), found in zip(scripts, results):
        detail = "\n".join(f"{m}: ours   {a}\n{m}: theirs {b}"
                           for m, a, b in found)
        if name in known:
            ok(found, f"{name} differs, as docs/pigeonhole.md says")
        elif found or not name.startswith("random-"):
            ok(not found, name, detail + "\n" + script)
    if not only:
        ok(len(scripts) >= 150, "enough scripts")
        ok(known <= {s[0] for s in scripts}, "only what is tested is named",
           known - {s[0] for s in scripts})
    measured(f"{len(scripts)} scripts on {len(MESSAGES)} messages, "
             f"{runs} runs: the same actions on {same} scripts, "
             f"{len(scripts) - same} known differences or failures")
finish()
