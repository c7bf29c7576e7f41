#!/usr/bin/env python3
"""penfold sieve check, test, replay and apply on mail that was delivered."""
import hashlib
import json
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

OLD = '''require ["fileinto", "mailbox"];
if header :contains "subject" "report" { fileinto :create "Reports"; }
'''
NEW = '''require ["fileinto", "mailbox", "envelope", "imap4flags", "copy", "vacation"];
if envelope :is "from" "boss@b.test" {
  fileinto :create :flags "\\\\Flagged" "Boss";
} elsif header :contains "subject" "report" {
  fileinto "Reports";
} elsif header :contains "subject" "both" {
  fileinto :copy "Reports";
} elsif header :contains "subject" "away" {
  redirect "x@y.test";
} elsif header :contains "subject" "answer" {
  redirect :copy "x@y.test";
  vacation "gone";
  fileinto :create "Answered";
}
'''


def sieve(rig, *args):
    return rig.ctl("sieve", *args, "-u", "ann", check=False)


def tree(rig):
    """Every file with its content, to see that nothing was written."""
    found = {}
    for where in ("mail", "state"):
        for path in sorted((rig.dir / where).rglob("*")):
            if path.is_file():
                found[str(path)] = hashlib.sha1(path.read_bytes()).hexdigest()
            else:
                found[str(path)] = "dir"
    return found


def subjects(rig, box):
    imap = rig.imap("ann")
    if imap.select(f'"{box}"', readonly=True)[0] != "OK":
        return []
    _, data = imap.search(None, "ALL")
    found = []
    for n in data[0].split():
        _, got = imap.fetch(n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        found.append(got[0][1].decode().split(":", 1)[1].strip())
    imap.logout()
    return sorted(found)


with Rig(conf="extension_folder = inbox") as rig:
    (rig.home("ann") / ".dovecot.sieve").write_text(OLD)
    new = rig.dir / "new.sieve"
    new.write_text(NEW)
    for subject, sender in [("report 1", "a@b.test"), ("hello", "boss@b.test"),
                            ("report 2", "boss@b.test"), ("both", "a@b.test"),
                            ("away", "a@b.test"), ("lunch", "a@b.test")]:
        rig.deliver("ann", message(subject, sender="someone@else.test"),
                    sender=sender)
    equal(subjects(rig, "INBOX"), ["away", "both", "hello", "lunch"],
          "as the old script has it")

    # check
    broken = rig.dir / "broken.sieve"
    broken.write_text('keep;\nfileinto "X";\nif true {\n  frobnicate;\n}\n')
    done = sieve(rig, "check", broken)
    ok(done.returncode == 1 and "broken.sieve:2:1: error" in done.stdout
       and "broken.sieve:4:3: error" in done.stdout, "check: all errors",
       done.stdout + done.stderr)
    equal(sieve(rig, "check", new).returncode, 0, "check: good")

    # test
    letter = rig.dir / "letter"
    letter.write_bytes(message("report 7", sender="a@b.test"))
    rig.stop()  # which writes itself
    before = tree(rig)
    done = sieve(rig, "test", new, letter, "--from", "c@d.test", "--to",
                 "ann@localhost")
    ok("from <c@d.test> to <ann@localhost>" in done.stdout
       and 'sees "c@d.test"' in done.stdout and 'sees "report 7"'
       in done.stdout and "    5  file into \"Reports\"" in done.stdout
       and "result: Reports" in done.stdout, "test: step by step",
       done.stdout + done.stderr)
    done = sieve(rig, "test", new, letter, "--from", "boss@b.test")
    ok("result: Boss" in done.stdout, "test: another envelope", done.stdout)

    # replay
    done = sieve(rig, "replay", new, "--json")
    rows = {row["subject"]: row for row in json.loads(done.stdout)}
    equal({k: (v["was"], v["would_be"], v["line"], v["journal"])
           for k, v in rows.items()},
          {"hello": (["INBOX"], ["Boss"], 3, True),
           "report 2": (["Reports"], ["Boss"], 3, True),
           "both": (["INBOX"], ["INBOX", "Reports"], 7, True),
           "away": (["INBOX"], ["redirect to x@y.test"], 9, True)},
          "replay: by the original envelope")
    done = sieve(rig, "replay", new)
    ok("4 of 6 messages would be treated differently" in done.stdout
       and "not in the journal" not in done.stdout, "replay: a table",
       done.stdout + done.stderr)
    equal(len(json.loads(sieve(rig, "replay", new, "--json", "--last", "2",
                               "--all").stdout)), 2, "replay --last")
    equal(len(json.loads(sieve(rig, "replay", new, "--json", "--mailbox",
                               "Reports", "--all").stdout)), 2,
          "replay --mailbox")
    equal(json.loads(sieve(rig, "replay", new, "--json", "--since",
                           "2099-01-01").stdout), [], "replay --since")
    equal(json.loads(sieve(rig, "replay", rig.home("ann") / ".dovecot.sieve",
                           "--json").stdout), [],
          "replay of what was in force: nothing changes")
    after = tree(rig)
    ok(after == before, "neither has written anything",
       set(after.items()) ^ set(before.items()))
    rig.start()

    # moved by a client, and by another program: still the same delivery
    imap = rig.imap("ann")
    imap.create("Elsewhere")
    imap.select("INBOX")
    imap.uid("MOVE", "1", "Elsewhere")
    imap.logout()
    (rig.maildir("ann") / "new/7.other").write_bytes(
        message("report foreign", sender="x@y.test"))
    rows = {row["subject"]: row for row in
            json.loads(sieve(rig, "replay", new, "--json").stdout)}
    ok(rows["hello"]["was"] == ["INBOX"] and rows["hello"]["journal"],
       "replay: moved since", rows)
    ok(not rows["report foreign"]["journal"], "replay: not ours", rows)

    # apply
    rig.stop()
    before = tree(rig)
    done = sieve(rig, "apply", new, "--mailbox", "INBOX")
    ok("Nothing was changed" in done.stdout and "2 would be filed"
       in done.stdout, "apply: a dry run first", done.stdout + done.stderr)
    after = tree(rig)
    ok(after == before, "which writes nothing",
       set(after.items()) ^ set(before.items()))
    rig.start()
    done = sieve(rig, "apply", new, "--mailbox", "INBOX", "--yes")
    equal(subjects(rig, "Reports"),
          ["both", "report 1", "report 2", "report foreign"], "apply: filed")
    equal(subjects(rig, "INBOX"), ["away", "both", "lunch"],
          "apply: a redirect is not sent, a copy leaves the original")
    done = sieve(rig, "apply", new, "--mailbox", "INBOX", "--yes")
    equal(subjects(rig, "Reports"),
          ["both", "report 1", "report 2", "report foreign"],
          "apply again: no second copy")
    done = sieve(rig, "apply", new, "--mailbox", "Elsewhere", "--yes")
    imap = rig.imap("ann")
    equal((subjects(rig, "Boss"), list(flags_of(imap, "Boss").values())),
          (["hello"], [{b"\\Flagged"}]),
          "apply: made the mailbox, set the flag (:create, :flags)")
    imap.logout()
    strict = rig.dir / "strict.sieve"
    strict.write_text('require "fileinto"; fileinto "Nowhere";')
    done = sieve(rig, "apply", strict, "--mailbox", "INBOX", "--yes")
    ok(done.returncode == 1 and "3 failed" in done.stdout
       and len(subjects(rig, "INBOX")) == 3, "apply: no such mailbox",
       done.stdout + done.stderr)

    rig.deliver("ann", message("answer me"))
    sieve(rig, "apply", new, "--mailbox", "INBOX", "--yes")
    equal((subjects(rig, "Answered"), subjects(rig, "INBOX")),
          (["answer me"], ["away", "both", "lunch"]),
          "apply: what would be sent beside does not keep it")

    # killed and begun again: every message once
    for i in range(300):
        rig.deliver("ann", message(f"bulk {i}"))
    bulk = rig.dir / "bulk.sieve"
    bulk.write_text('require ["fileinto", "mailbox", "copy"];\n'
                    'if header :contains "subject" "bulk" {\n'
                    '  fileinto :create "Copy"; fileinto :create "Bulk"; }\n')
    def filed():
        return sum(1 for part in ("new", "cur")
                   for _ in (rig.maildir("ann") / ".Bulk" / part).glob("*"))
    for _ in range(5):
        before = filed()
        process = subprocess.Popen(
            [rig.penfold, "sieve", "apply", bulk, "--mailbox", "INBOX",
             "--yes", "-u", "ann", "--dir", rig.dir],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: filed() > before + 5, 20, 0.001)
        process.kill()
        process.wait()
    left = len(subjects(rig, "INBOX")) - 3
    done = sieve(rig, "apply", bulk, "--mailbox", "INBOX", "--yes")
    want = sorted(f"bulk {i}" for i in range(300))
    ok(0 < left < 300, "killed in the middle", left)
    equal(subjects(rig, "Bulk"), want, "killed five times: each is there once")
    equal(subjects(rig, "Copy"), want, "and each copy once")
    equal(len(subjects(rig, "INBOX")), 3, "and nothing is left")
finish()
