#!/usr/bin/env python3
"""sieve-connect over STARTTLS against ManageSieve: upload, check, activate,
list, download, delete; the next delivery is filed by the new script."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

FILER = '''require ["fileinto", "mailbox"];
if header :contains "subject" "report" {
  fileinto :create "Reports";
}
'''
SECOND = '''require ["fileinto", "mailbox"];
# ein zweites Skript: äöü
if header :contains "subject" "report" {
  fileinto :create "Second";
}
'''
BROKEN = '''keep;
fileinto "Reports";
if true {
  frobnicate;
}
'''


def client(rig, *args, password=PASSWORD, mechanism="PLAIN"):
    return run("sieve-connect", "--server", "127.0.0.1", "--port",
               rig.port + 3, "--user", "ann", "--authmech", mechanism,
               "--tlscafile", rig.dir / "tls/cert.pem", "--notlsverify",
               "--passwordfd", "0", *args, input=password + "\n", timeout=30)


def subjects(rig, box):
    imap = rig.imap("ann")
    typ, _ = imap.select(box, readonly=True)
    if typ != "OK":
        return []
    _, data = imap.search(None, "ALL")
    found = []
    for n in data[0].split():
        _, got = imap.fetch(n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        found.append(got[0][1].decode().split(":", 1)[1].strip())
    imap.logout()
    return found


def deliver(rig, subject):
    rig.deliver("ann", message(subject))


with Rig() as rig:
    script = rig.dir / "filer.sieve"
    script.write_text(FILER)
    broken = rig.dir / "broken.sieve"
    broken.write_text(BROKEN)
    second = rig.dir / "second.sieve"
    second.write_text(SECOND)

    deliver(rig, "report 0")
    equal(subjects(rig, "INBOX"), ["report 0"], "no script: INBOX")

    done = client(rig, "--list")
    ok(done.returncode == 0 and not done.stdout.strip(), "nothing to list",
       done.stdout + done.stderr)
    done = client(rig, "--upload", "--localsieve", script, "--remotesieve",
                  "filer")
    equal(done.returncode, 0, "upload")
    stored = rig.home("ann") / "sieve/filer.sieve"
    ok(stored.read_text() == FILER, "is Dovecot's file", stored)
    deliver(rig, "report 1")
    equal(subjects(rig, "INBOX"), ["report 0", "report 1"],
          "uploaded is not active")

    done = client(rig, "--checkscript", "--localsieve", broken)
    said = done.stdout + done.stderr
    ok("line 2, column" in said and "line 4, column" in said,
       "check: all errors with their places", said)
    done = client(rig, "--upload", "--localsieve", broken, "--remotesieve",
                  "broken")
    said = done.stdout + done.stderr
    ok(done.returncode != 0 and "line 4, column" in said,
       "a broken script is refused", said)

    done = client(rig, "--activate", "--remotesieve", "filer")
    equal(done.returncode, 0, "activate")
    equal(os.readlink(rig.home("ann") / ".dovecot.sieve"),
          "sieve/filer.sieve", "is Dovecot's link")
    done = client(rig, "--list")
    ok('"filer" ACTIVE' in done.stdout, "list", done.stdout)
    deliver(rig, "report 2")
    equal(subjects(rig, "Reports"), ["report 2"], "filed by the new script")

    back = rig.dir / "back.sieve"
    done = client(rig, "--download", "--remotesieve", "filer", "--localsieve",
                  back)
    ok(done.returncode == 0 and back.read_text() == FILER, "download",
       done.stdout + done.stderr)

    client(rig, "--upload", "--localsieve", second, "--remotesieve", "filer")
    deliver(rig, "report 3")
    equal(subjects(rig, "Second"), ["report 3"],
          "a changed active script is in force at once")
    client(rig, "--upload", "--localsieve", script, "--remotesieve", "other")
    client(rig, "--activate", "--remotesieve", "other")
    deliver(rig, "report 4")
    equal(subjects(rig, "Reports"), ["report 2", "report 4"],
          "and another active script")

    done = client(rig, "--delete", "--remotesieve", "other")
    ok(done.returncode != 0 and
       (rig.home("ann") / "sieve/other.sieve").exists(),
       "the active script is not deleted", done.stdout + done.stderr)
    done = client(rig, "--delete", "--remotesieve", "filer")
    equal(done.returncode, 0, "delete")
    done = client(rig, "--deactivate")
    equal(done.returncode, 0, "deactivate")
    deliver(rig, "report 5")
    ok("report 5" in subjects(rig, "INBOX"), "no script: INBOX again")
    done = client(rig, "--list")
    equal(done.stdout.strip(), '"other"', "list")

    done = client(rig, "--list", password="wrong")
    ok(done.returncode != 0, "wrong password")
    who = rig.ctl("who").stdout
    ok("ManageSieve" not in who, "no session is left", who)
finish()
