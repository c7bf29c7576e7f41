#!/usr/bin/env python3
"""imapflow, the IMAP library of Node (npm): imapflow/walk.js does what the
programs that are built on it do.  Its version is pinned, with the sums of all
it needs, in imapflow/package-lock.json."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403

HERE = TOP / "tests/real/imapflow"


def installed():
    """A folder with the library and walk.js."""
    where = CACHE / "imapflow"
    where.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "walk.js"):
        shutil.copy(HERE / name, where)
    done = where / "installed"
    lock = (where / "package-lock.json").read_text()
    if not done.exists() or done.read_text() != lock:
        out = run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
                  cwd=where, timeout=300)
        if out.returncode:
            raise RuntimeError(out.stdout + out.stderr)
        done.write_text(lock)
    return where


def main():
    where = installed()
    with Rig(("ann",)) as rig, Relay(rig, "imapflow") as relay:
        out = run("node", where / "walk.js", relay.port, PASSWORD,
                  rig.dir / "tls/cert.pem", rig.lmtp_port)
        pass_on(out)
        equal([what for what in relay.refused
               if "AUTHENTICATIONFAILED" not in what[1]], [],
              "imapflow: nothing was refused")
        equal(relay.fields_not_kept(), set(),
              "imapflow: its header fields are in the summary")
    finish()


main()
