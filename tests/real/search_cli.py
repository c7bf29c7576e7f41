#!/usr/bin/env python3
"""`penfold search` in a shell, with no penfold running: what it finds, how it
shows it, and the Maildir of links that a real mutt opens."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from mutt_terminal import drive  # noqa: E402
from rig import BUILD, equal, finish, measured, ok  # noqa: E402

home = pathlib.Path(tempfile.mkdtemp(prefix="penfold-search-cli-"))
mail = home / "Maildir"
PDF = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b

see there
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="plan.pdf"

no real one
--b--
"""


def put(folder, name, headers, body="Hello.\n", day="2024-03-05"):
    for sub in ("cur", "new", "tmp"):
        os.makedirs(mail / folder / sub, exist_ok=True)
    path = mail / folder / ("cur" if ":" in name else "new") / name
    separator = "" if body.startswith("MIME") else "\n"
    path.write_text(headers + separator + body)
    when = time.mktime(time.strptime(day + " 12:00", "%Y-%m-%d %H:%M"))
    os.utime(path, (when, when))


put("", "1.a.h:2,S", "From: Ann <ann@example.org>\nSubject: the Q3 plan\n",
    PDF, "2023-11-01")
put("", "2.b.h:2,FS", "From: bob@example.org\nSubject: lunch\n")
put("", "3.c.h", "From: ann@example.org\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\n",
    "Stra\u00dfe\n")
put(".Sent", "4.d.h:2,S", "From: me@example.org\nTo: ann@example.org\n"
    "Subject: Re: the Q3 plan\n", "agreed (mostly)\n", "2024-02-29")
put(".Sent", "2.b.h:2,S", "From: me@example.org\nSubject: lunch again\n")


def snapshot():
    return sorted((str(p.relative_to(mail)), p.stat().st_mtime_ns)
                  for p in mail.rglob("*"))


def search(*args, code=0):
    done = subprocess.run([BUILD / "ctl/penfold", "search", *args],
                          env={"HOME": str(home), "PATH": os.environ["PATH"]},
                          capture_output=True, text=True)
    if done.returncode != code:
        print("#", args, done.returncode, done.stderr)
    equal(done.returncode, code, f"{args} exits with {code}")
    return done.stdout if code == 0 else done.stderr


def names(*args):
    return sorted(line.rsplit("/", 1)[1].split(":")[0]
                  for line in search(*args).splitlines())


before = snapshot()
equal(names('from:ann subject:"q3 plan" has:pdf before:2024'), ["1.a.h"],
      "the issue's query")
for query, want in [
        ("plan", ["1.a.h", "4.d.h"]),
        ("ann -in:Sent", ["1.a.h", "3.c.h"]),
        ("from:bob OR to:ann", ["2.b.h", "4.d.h"]),
        ("lunch (from:bob OR is:unread)", ["2.b.h"]),
        ("GRÜSSE OR strasse", []),
        ("grüße straße", ["3.c.h"]),
        ("is:unread", ["3.c.h"]),
        ("is:flagged -plan", ["2.b.h"]),
        ("date:2024-02 in:sent", ["4.d.h"]),
        ("after:2024-03-01 in:INBOX", ["2.b.h", "3.c.h"]),
        ("has:attachment", ["1.a.h"]),
        ("-has:attachment plan", ["4.d.h"]),
        ("has:docx", []),
        ("larger:10k", []),
        ("header:to:ann", ["4.d.h"]),
        ('"(mostly)"', ["4.d.h"]),
        ("smaller:1M subject:lunch", ["2.b.h", "2.b.h"])]:
    equal(names(query), want, query)
error = search("from:ann nosuch:x", code=2)
ok("\n         ^\n" in error and "column 10" in error, "points at the mistake",
   error)
search("in:Nowhere x", code=1)
search(code=2)
search("plan", "--maildir", str(mail), code=1)
equal(snapshot(), before, "nothing was written, and no mail replaced")

found = json.loads(search("--format", "json", "subject:lunch in:INBOX"))
equal([(f["mailbox"], f["file"]) for f in found],
      [("INBOX", str(mail / "cur/2.b.h:2,FS"))], "JSON")

links = home / "found"
equal(search("--maildir", str(links), "lunch"), "2 messages\n", "links")
equal(sorted(p.name for p in (links / "cur").iterdir()),
      ["2.b.h:2,FS", "2.b.h:2,S"], "with their flags")
equal(search("--maildir", str(links), "ann"), "3 messages\n", "again")
ok(all(p.resolve().is_file() for p in links.glob("*/*")), "links lead somewhere")
equal([p.name for p in home.iterdir() if "tmp" in p.name], [], "nothing is left")

rc = home / "muttrc"
rc.write_text(f"""
set mbox_type=Maildir folder="{home}" spoolfile="{links}" sort=date
set wait_key=no header_cache="" record="" move=no quit=yes mark_old=no
macro index S "<enter-command>unset wait_key<enter>\\
<shell-escape>HOME={home} {BUILD}/ctl/penfold search --maildir {links} bob<enter>\\
<change-folder-readonly>{links}<enter>"
""")
out = home / "read-in-mutt"
status, shown = drive("mutt", rc, str(links),
                      f"<pipe-message>cat >{out}-1<enter>S"
                      f"<pipe-message>cat >{out}-2<enter><exit>")
ok(status == 0, "mutt ends", (status, shown[-300:]))
ok("Subject:" in pathlib.Path(f"{out}-1").read_text(), "mutt opens the links")
ok("lunch" in pathlib.Path(f"{out}-2").read_text(), "and what its macro finds")

for i in range(20000):
    path = mail / "cur" / f"9{i:06}.x.h:2,S"
    path.write_text(f"From: u{i % 97}@example.org\nSubject: number {i}\n\n"
                    + f"word{i} some more text of a mail\n" * 20)
equal(names("subject:\"number 777\"")[:1], ["9000777.x.h"], "among 20,000")
began = time.monotonic()
names("from:u55 subject:19")
measured(f"{time.monotonic() - began:.2f} s for 20,000 mails without an index "
         "and without UIDs")
if os.environ.get("PF_KEEP"):
    print("#", home)
else:
    shutil.rmtree(home)
finish()
