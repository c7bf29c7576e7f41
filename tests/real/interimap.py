#!/usr/bin/env python3
"""interimap (needs QRESYNC on both sides): two mailboxes kept alike, new
messages, flags and removals both ways."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403


def config(rig, port):
    top = rig.dir / "interimap"
    top.mkdir()
    (top / "config").write_text(f"""
database = {top}/sync.db
list-mailbox = "*"
[local]
type = tunnel
command = exec {IMAPD} --stdio --mail {top}/Maildir
[remote]
type = imaps
host = 127.0.0.1
port = {port}
username = ann
password = {PASSWORD}
SSL_verify = NO
""")
    (top / "config").chmod(0o600)
    return top


def sync(top, name):
    out = run("interimap", f"--config={top}/config", timeout=120, env={
        **os.environ, "XDG_DATA_HOME": str(top), "HOME": str(top)})
    equal(out.returncode, 0, f"{name}: interimap succeeds") or \
        print("#", (out.stdout + out.stderr)[-1500:])
    return out.stdout + out.stderr


def near(top):
    """An IMAP session on the near side."""
    return imaplib.IMAP4_stream(
        f"{IMAPD} --stdio --mail {top}/Maildir 2>/dev/null")


def by_subject(imap, box="INBOX"):
    """{subject: flags}"""
    imap.select(box, readonly=True)
    found = {}
    _, data = imap.uid("FETCH", "1:*",
                       "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    for item in data:
        if isinstance(item, tuple):
            flags = item[0].split(b"FLAGS (")[1].split(b")")[0].split()
            found[item[1].decode().split(":", 1)[1].strip()] = \
                set(flags) - {b"\\Recent"}
    return found


def alike(rig, top, name):
    far, here = by_subject(rig.imap("ann")), by_subject(near(top))
    equal(here, far, f"{name}: both sides are alike")
    return here


def change(imap, subject, *flags):
    imap.select()
    _, data = imap.uid("SEARCH", "SUBJECT", f'"{subject}"')
    imap.uid("STORE", data[0].split()[0], "+FLAGS", f"({' '.join(flags)})")


def main():
    with Rig(("ann",)) as rig, Relay(rig, "interimap") as relay:
        top = config(rig, relay.port)
        with rig.lmtp() as lmtp:
            for n in range(60):
                lmtp.sendmail("a@example.org", ["ann"], message(f"far {n:02}"))
        here = near(top)
        here.create("Notes")
        for n in range(5):
            here.append("INBOX", r"(\Seen)", None, message(f"near {n:02}"))
            here.append("Notes", None, None, message(f"note {n:02}"))
        here.logout()
        sync(top, "first")
        equal(len(alike(rig, top, "first")), 65, "all messages are there")
        equal(len(by_subject(rig.imap("ann"), "Notes")), 5,
              "the new mailbox, too")
        before = flags_of(rig.imap("ann")), flags_of(near(top))
        sync(top, "again")
        equal((flags_of(rig.imap("ann")), flags_of(near(top))), before,
              "nothing to do, nothing done")

        # flags, removals and new messages on both sides at once
        far, here = rig.imap("ann"), near(top)
        change(far, "far 03", r"\Flagged", "$Later")
        change(here, "far 04", r"\Answered")
        change(far, "near 01", r"\Deleted")
        change(far, "far 10", r"\Deleted")
        far.expunge()
        change(here, "far 20", r"\Deleted")
        here.expunge()
        rig.deliver("ann", message("far 99"))
        here.append("INBOX", None, None, message("near 99"))
        far.logout()
        here.logout()
        sync(top, "changes")
        found = alike(rig, top, "changes")
        equal(found.get("far 03"), {b"\\Flagged", b"$Later"},
              "a flag and a keyword came")
        equal(found.get("far 04"), {b"\\Answered"}, "a flag went")
        equal({"near 01", "far 10", "far 20"} & set(found), set(),
              "what was removed on either side is gone on both")
        ok({"far 99", "near 99"} <= set(found), "and what was new is on both")
    finish()


main()
