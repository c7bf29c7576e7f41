#!/usr/bin/env python3
"""As root: each program under its own system user, as a site runs it.  Mail
belongs to mail_user, the login side can read neither mail nor passwords."""
import os
import pathlib
import pwd
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

CONF = """
mail_user = mail
auth_user = daemon
gate_user = nobody
socket_owner = postfix
socket_mode = 0660
"""



def real_owner(pid):
    """/proc/PID belongs to root when the process is not dumpable."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return pwd.getpwuid(int(status.split("Uid:")[1].split()[1])).pw_name


def can_read(user, path):
    """Could a process of this user open the file?"""
    pid = os.fork()
    if pid == 0:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        try:
            open(path).close()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def main():
    if os.geteuid() != 0:
        ok(False, "this test needs root")
        finish()
    with Rig((), conf=CONF) as rig:
        shutil.chown(rig.dir / "users", "daemon")
        rig.add_user("ann")
        rig.stop()
        rig.start()
        pids = rig.pids()
        for name, user in (("authd", "daemon"), ("imapd-gate", "nobody"),
                           ("imapd-session-0", "mail"), ("mda", "mail"),
                           ("indexd", "mail")):
            equal(real_owner(pids[name]), user, f"{name} runs as {user}")
        rig.deliver("ann", message("one"))
        rig.deliver("ann+tag", message("two"))
        imap = rig.imap("ann")
        equal(len(fetch_bodies(imap)), 1, "mail is delivered and read")
        equal(len(fetch_bodies(imap, "tag")), 1, "an extension too")
        ok(imap.append("INBOX", None, None, message("three"))[0] == "OK",
           "APPEND works")
        files = [p for p in rig.maildir("ann").rglob("*") if p.is_file()]
        equal({p.owner() for p in files}, {"mail"}, "all files are mail's")
        mails = [p for p in files if p.parent.name in ("cur", "new")]
        for user in ("nobody", "daemon"):
            ok(not any(can_read(user, p) for p in mails),
               f"{user} cannot read mail")
        ok(not can_read("nobody", rig.dir / "users"),
           "the login side cannot read the user file")
        ok(not can_read("mail", rig.dir / "users"),
           "mail's owner cannot read the user file")
        ok(not can_read("nobody", rig.dir / "tls/key.pem"),
           "the private key is root's alone")
        for name, user in (("auth.sock", "postfix"), ("lmtp.sock", "postfix"),
                           ("socketmap.sock", "postfix")):
            path = rig.dir / "run" / name
            equal((path.owner(), oct(path.stat().st_mode & 0o777)),
                  (user, "0o660"), f"{name} is {user}'s")
        out = rig.ctl("search", "-u", "ann", "subject:two")
        ok("tag/" in out.stdout or ".tag" in out.stdout,
           "penfold search, started by root", out.stdout + out.stderr)
        files = [p for p in rig.maildir("ann").rglob("*") if p.is_file()]
        equal({p.owner() for p in files}, {"mail"}, "and leaves no root files")
        ok(rig.ctl("explain", "--last").returncode == 0, "penfold explain")
        ok("ann" in rig.ctl("who").stdout, "penfold who",
           rig.ctl("who").stdout)
        imap.logout()
    finish()


main()
