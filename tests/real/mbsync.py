#!/usr/bin/env python3
"""mbsync (isync): a full sync of 2,000 messages, a second one that does
nothing, flags and deletions both ways; over TLS and through a tunnel."""
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403

COUNT = 2000


def config(rig, name, far):
    near = rig.dir / f"near-{name}"
    near.mkdir()
    path = rig.dir / f"{name}.rc"
    path.write_text(f"""
IMAPAccount far
{far}

IMAPStore far
Account far

MaildirStore near
Path {near}/
Inbox {near}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")
    return path, near


def sync(path):
    out = run("mbsync", "-V", "-c", path, "all", timeout=300)
    return out.returncode, out.stdout + out.stderr


def near_files(near, box="INBOX"):
    return [p for d in ("cur", "new") for p in (near / box / d).iterdir()]


def check(rig, name, far):
    path, near = config(rig, name, far)
    start = time.monotonic()
    code, text = sync(path)
    equal(code, 0, f"{name}: the first sync succeeds") or print("#", text[-800:])
    measured(f"{name}: {COUNT} messages in {time.monotonic() - start:.1f} s")
    equal(len(near_files(near)), COUNT, f"{name}: all messages came")
    imap = rig.imap("ann")
    before = flags_of(imap)
    start = time.monotonic()
    code, text = sync(path)
    equal(code, 0, f"{name}: the second sync succeeds")
    measured(f"{name}: nothing to do in {time.monotonic() - start:.2f} s")
    equal(flags_of(imap), before, f"{name}: and changes nothing")

    # near: one flagged, one deleted, one new folder with a message
    files = sorted(near_files(near))
    flagged, deleted = files[3], files[7]
    base, _, flags = flagged.name.partition(":2,")
    flagged.rename(near / "INBOX/cur" /
                   f"{base}:2,{''.join(sorted(set(flags + 'FS')))}")
    base, _, flags = deleted.name.partition(":2,")
    deleted.rename(near / "INBOX/cur" /
                   f"{base}:2,{''.join(sorted(set(flags + 'T')))}")
    for sub in ("cur", "new", "tmp"):
        (near / f"{name}-up" / sub).mkdir(parents=True)
    (near / f"{name}-up/new/1.x.host").write_bytes(message("uploaded"))
    # far: one answered, one gone
    uids = sorted(before)
    imap.select()
    imap.uid("STORE", str(uids[20]), "+FLAGS", "(\\Answered)")
    imap.uid("STORE", str(uids[21]), "+FLAGS", "(\\Deleted)")
    imap.expunge()
    code, text = sync(path)
    equal(code, 0, f"{name}: the third sync succeeds") or print("#", text[-800:])
    after = flags_of(imap)
    equal(len(after), COUNT - 2, f"{name}: deletions went both ways")
    equal(sum(b"\\Flagged" in f for f in after.values()),
          sum(b"\\Flagged" in f for f in before.values()) + 1,
          f"{name}: a flag went up")
    ok(any("R" in p.name.partition(":2,")[2] for p in near_files(near)),
       f"{name}: a flag came down")
    equal(len(fetch_bodies(imap, f"{name}-up")), 1,
          f"{name}: a new folder with its message went up")
    ok(set(after) <= set(before), f"{name}: no UID changed")
    imap.logout()
    code, text = sync(path)
    equal(code, 0, f"{name}: the last sync succeeds")


def main():
    rng = random.Random(1)
    with Rig(("ann",)) as rig, Relay(rig, "mbsync") as relay:
        tls = (f"Host 127.0.0.1\nPort {relay.port}\nUser ann\n"
               f"Pass {PASSWORD}\nSSLType IMAPS\n"
               f"CertificateFile {rig.dir}/tls/cert.pem\n")
        tunnel = (f"Tunnel \"{IMAPD} --stdio -c {rig.dir}/penfold.conf "
                  f"--user ann\"\n")
        with rig.lmtp() as lmtp:
            for n in range(COUNT):
                lmtp.sendmail("a@example.org", ["ann"],
                              message(f"mail {n}", "x" * rng.randrange(3000)
                                      + "\n"))
        check(rig, "tls", tls)
        with rig.lmtp() as lmtp:
            for n in range(2):
                lmtp.sendmail("a@example.org", ["ann"], message(f"more {n}"))
        check(rig, "tunnel", tunnel)
        equal(relay.fields_not_kept(), set(),
              "mbsync: its header fields are in the summary")
    finish()


main()
