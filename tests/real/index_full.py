#!/usr/bin/env python3
"""A file system without room for the index: mail is delivered and searched all
the same, and the index catches up once there is room.  Needs root (mount)."""
import subprocess

from rig import Rig, equal, finish, message, ok, wait_for

with Rig(users=("ann",)) as rig:
    home = rig.home("ann")
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "penfold-test",
                    home], check=True)
    try:
        maildir = rig.maildir("ann")
        rig.deliver("ann", message("first", "applesauce\n"))
        words = maildir / "penfold-index/words"
        ok(wait_for(lambda: words.exists() and b"APPLESAUCE" in words.read_bytes()),
           "indexed while there is room")
        filler = home / "filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        with open(filler, "r+b") as f:
            f.truncate(filler.stat().st_size - 160 * 1024)
        for i in range(12):
            body = " ".join(f"w{i}x{j}" for j in range(400))
            rig.deliver("ann", message(f"full {i}", f"bananas{i}q\n{body}\n"))
        ok(wait_for(lambda: "NOSPACE" in rig.log() or "No space" in rig.log(), 30),
           "the index does not fit", rig.log()[-500:])
        with rig.imap("ann") as imap:
            imap.select("INBOX", readonly=True)
            for i in range(12):
                equal(imap.uid("SEARCH", "TEXT", f"NANAS{i}q")[1],
                      [str(i + 2).encode()], "exact all the same")
        ok("crash" not in rig.log(), "nothing crashed")
        filler.unlink()
        ok(wait_for(lambda: b"BANANAS11Q" in words.read_bytes()
                    if words.exists() else False, 60),
           "it catches up once there is room")
        verify = rig.ctl("index", "verify", "-u", "ann").stdout
        ok("0 not indexed yet, 0 words missing" in verify, "and is right", verify)
    finally:
        rig.stop()
        subprocess.run(["umount", home], check=True)
finish()
