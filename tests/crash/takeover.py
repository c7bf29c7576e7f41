#!/usr/bin/env python3
"""`penfold takeover --do` killed before each of its file operations in turn,
then run again: the outcome is that of a run that nobody killed, and so is that
of --back.  Needs --enable-fault-injection."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import BUILD, TOP, equal, finish, ok  # noqa: E402

PENFOLD = next((build / "ctl/penfold" for build in (BUILD, TOP / "build-check")
                if (build / "ctl/penfold").exists() and b"PENFOLD_FAULT"
                in (build / "ctl/penfold").read_bytes()), None)


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def message(folder, name, text):
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write(folder / "cur" / name, f"Subject: {text}\n\n{text}\n")


def layout_fs(top):
    root, control = top / "mail", top / "control"
    message(root, "1.a:2,S", "in the inbox")
    message(root / "A", "2.b:2,", "above")
    message(root / "A/B", "3.c:2,F", "below")
    message(root / "X/Y", "4.d:2,", "alone")
    write(control / ".INBOX/dovecot-uidlist", "3 V1000 N9\n7 :1.a\n")
    write(control / "A/B/dovecot-uidlist", "3 V1001 N5\n4 :3.c\n")
    write(root / "A/dovecot-uidlist", "3 V1002 N3\n2 :2.b\n")
    write(root / "X/Y/dovecot-uidlist", "3 V1003 N2\n1 :4.d\n")
    write(control / "subscriptions", "A/B\nX/Y\n")
    return root, ["--control", str(control)]


def courier(top):
    root = top / "mail"
    message(root, "1.a:2,S", "in the inbox")
    message(root / ".A", "2.b:2,", "above")
    write(root / "courierimapuiddb", "1 795262924 8\n7 1.a\n")
    write(root / "courierimapkeywords/:list", "one\ntwo\n\n1.a:0 1\n")
    write(root / ".A/courierimapuiddb", "1 795262925 3\n2 2.b\n")
    write(root / "courierimapsubscribed", "INBOX.A\n")
    return root, ["--separator", "."]


def run(root, options, fault=""):
    environment = dict(os.environ)
    if fault:
        environment["PENFOLD_FAULT"] = fault
    return subprocess.run([PENFOLD, "takeover", root, *options],
                          env=environment, capture_output=True, text=True)


def outcome(root):
    """Messages by place, and what the documented files say."""
    found = {str(p.relative_to(root)): p.read_text()
             for p in root.glob("**/cur/*")}
    for name in ("dovecot-uidlist", "dovecot-keywords", "subscriptions",
                 "courierimapuiddb", "courierimapsubscribed"):
        for p in root.glob(f"**/{name}"):
            text = p.read_text()
            if name == "dovecot-uidlist":  # the mailbox' id is chance
                head, rest = text.split("\n", 1)
                text = " ".join(word.replace("N0000000", "N")
                                for word in head.split()
                                if word[0] != "G") + "\n" + rest
            found[str(p.relative_to(root))] = text
    return found


def kill_everywhere(make, options_more):
    top = pathlib.Path(tempfile.mkdtemp(prefix="pftake-kill."))
    root, options = make(top / "whole")
    options_more = [o for o in options_more]
    done = run(root, options + ["--do"])
    equal(done.returncode, 0, f"{make.__name__}: taken over") or print(
        done.stdout, done.stderr)
    if options_more:
        equal(run(root, options + options_more).returncode, 0,
              f"{make.__name__}: given back")
    wanted = outcome(root)
    kills, wrong = 0, []
    while kills < 3000:
        here = top / f"killed-{kills}"
        root, options = make(here)
        if options_more:
            run(root, options + ["--do"])
        killed = run(root, options + (options_more or ["--do"]),
                     f"kill@{kills + 1}")
        if killed.returncode == 0:
            break
        again = run(root, options + (options_more or ["--do"]))
        if again.returncode or outcome(root) != wanted:
            wrong.append((kills + 1, again.stderr))
        shutil.rmtree(here)
        kills += 1
    ok(kills > 5, f"{make.__name__}: killed at {kills} places")
    equal(wrong, [], f"{make.__name__} {options_more}: nothing was lost")
    shutil.rmtree(top)


if not PENFOLD:
    sys.exit("Bail out! no build with --enable-fault-injection")
for origin in (layout_fs, courier):
    kill_everywhere(origin, [])
    kill_everywhere(origin, ["--back", "--do"])
finish()
