#!/usr/bin/env python3
"""penfold explain: every way to name a message, what decided, before and after
a change of the script; a look-up in a journal of months."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

SCRIPT = '''require ["fileinto", "mailbox"];
if header :contains "subject" "report" {
  fileinto :create "Reports";
}
if header :contains "subject" "junk" { discard; }
'''


def explain(rig, *what):
    return rig.ctl("explain", *what, check=False)


def deliver(rig, subject, to="ann", **options):
    data = message(subject)
    rig.deliver(to, data, **options)
    return data.split(b"Message-ID: ")[1].split(b"\n")[0].decode().strip()


def only_file(rig, box):
    files = [p for part in ("new", "cur")
             for p in (rig.maildir("ann") / box / part).glob("*")]
    return files[0] if files else None


with Rig(conf="extension_folder = inbox") as rig:
    script = rig.home("ann") / ".dovecot.sieve"
    script.write_text(SCRIPT)
    (rig.home("ann") / ".mlists").write_text("ml Lists/x list@b.test\n")

    report = deliver(rig, "report 1", sender="boss@b.test")
    plain = deliver(rig, "lunch")
    junk = deliver(rig, "junk")
    listed = deliver(rig, "list", to="ann+ml@localhost")

    said = explain(rig, report).stdout
    ok("folder Reports" in said and "line 3 of the user's Sieve script"
       in said and "fileinto :create \"Reports\";" in said
       and "boss@b.test" in said, "by Message-ID: rule and line", said)
    ok("if header :contains" in said, "and the test around it", said)
    equal(explain(rig, report.strip("<>")).stdout, said, "without <>")
    equal(explain(rig, only_file(rig, ".Reports")).stdout, said, "by file")
    delivery = [line.split()[1] for line in said.splitlines()
                if line.strip().startswith("delivery")][0]
    equal(explain(rig, delivery).stdout, said, "by delivery")
    said = explain(rig, plain).stdout
    ok("folder INBOX" in said and "no rule said otherwise" in said,
       "no rule", said)
    said = explain(rig, junk).stdout
    ok("not stored" in said and "discard" in said, "discarded", said)
    said = explain(rig, "--last").stdout
    ok("list file" in said and "line 1" in said, "by the list file", said)

    got = json.loads(explain(rig, "--json", report).stdout)
    equal((len(got), got[0]["folder"], got[0]["line"], got[0]["if_line"],
           got[0]["script_changed"], got[0]["from"], got[0]["source"]),
          (1, "Reports", 3, 2, False, "boss@b.test",
           'fileinto :create "Reports";'), "JSON")
    equal(explain(rig, "--json", "<nobody@x>").stdout, "[]\n",
          "JSON of nothing")
    equal(explain(rig, "<nobody@x>").returncode, 1, "unknown")
    equal(explain(rig, "--last", "-u", "bob").returncode, 1,
          "of another user")

    # a client has moved it: another file name, the same Message-ID
    imap = rig.imap("ann")
    imap.select("Reports")
    imap.create("Elsewhere")
    imap.uid("COPY", "1", "Elsewhere")
    imap.logout()
    old = only_file(rig, ".Elsewhere")
    moved = old.with_name("1.M1P1.other:2,S")
    old.rename(moved)
    said = explain(rig, moved).stdout
    ok("copied or moved" in said and "Reports" in said,
       "a message that was moved since", said)

    script.write_text(SCRIPT.replace("Reports", "Other"))
    said = explain(rig, report).stdout
    ok("was changed since" in said and "fileinto" not in said,
       "the script was changed", said)

    # content stays out of it
    journal = (rig.dir / "state/journal").read_text()
    ok("report" not in journal and "lunch" not in journal
       and report.strip("<>") not in journal, "no content", journal)
    ok(max(map(len, journal.splitlines())) < 300, "short lines", journal)

    # months: 2 million deliveries in rotated files
    line = journal.splitlines()[0]
    fields = line.split("\t")
    total = 0
    for i in range(1, 6):
        with open(rig.dir / f"state/journal.{i}", "w") as f:
            for k in range(400_000):
                fields[2] = f"{i:02}{k:024}"
                fields[4] = f"{i * 1_000_000 + k:016x}"
                f.write("\t".join(fields) + "\n")
            total += f.tell()
    start = time.monotonic()
    got = json.loads(explain(rig, "--json", f"05{7:024}").stdout)
    took = time.monotonic() - start
    equal(len(got), 1, "found among two million")
    measured(f"{took:.2f} s in {total >> 20} MiB of journal")
    ok(took < 5, "in a moment", took)
finish()
