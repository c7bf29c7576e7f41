#!/usr/bin/env python3
"""The first list of new mail opens no message: penfold-indexd has made the
ENVELOPE, BODYSTRUCTURE and listed header fields of what came, and they are
what penfold-imapd makes of the message itself."""
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import IMAPD, TOP, Rig, corpus, equal, finish, measured, ok  # noqa
from rig import wait_for  # noqa: E402

ITEMS = "(ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (From To Cc Date " \
    "Subject Message-ID References In-Reply-To Received List-Post)])"


def fetched(maildir):
    """The answer of a session of its own, line ends and all."""
    out = subprocess.run(
        [IMAPD, "--stdio", "--mail", maildir], capture_output=True,
        input=b"a EXAMINE INBOX\r\nb UID FETCH 1:* " + ITEMS.encode()
        + b"\r\nc LOGOUT\r\n", timeout=120).stdout
    return out[out.index(b"a OK"):out.index(b"b OK")].split(b"\r\n", 1)[1]


messages = corpus()[::12] + sorted((TOP / "tests/imapd/mail").glob("*.eml"))
with Rig(users=("ann",)) as rig:
    maildir = rig.maildir("ann")
    for path in messages:
        data = path.read_bytes().replace(b"\r\n", b"\n")
        rig.deliver("ann", data, "list@example.org")
    log = rig.dir / "log"
    made = maildir / "penfold.summary"

    def complete():
        before = made.stat().st_size if made.exists() else 0
        count = sum(int(line.split("messages=")[1].split()[0])
                    for line in rig.log().splitlines() if " indexed " in line)
        return before and count >= len(messages)

    ok(wait_for(complete, 60), f"{len(messages)} messages have a summary")
    rig.stop()
    with_it, without = rig.dir / "with", rig.dir / "without"
    shutil.copytree(maildir, with_it)
    shutil.copytree(maildir, without)
    (without / "penfold.summary").unlink()
    want = fetched(without)
    ok(want.count(b"ENVELOPE") == len(messages), "all are there")
    equal(fetched(with_it) == want, True, "the summary says the same")
    for path in [*with_it.glob("cur/*"), *with_it.glob("new/*")]:
        path.write_bytes(b"")
    equal(fetched(with_it) == want, True, "and no message was opened for it")
    measured(f"{made.stat().st_size // len(messages)} bytes a message")
finish()
