#!/usr/bin/env python3
"""Rights: the same dovecot-acl gives the same MYRIGHTS in Dovecot (its acl
plugin) and here, for the owner and for others, and what one's SETACL writes
is what the other's GETACL shows.  Both as their own imap programs on a pipe
(PREAUTH), with private configurations; no daemon, no port."""
import imaplib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import equal, finish, for_anyone, ok  # noqa: E402

DOVECOT = "/usr/lib/dovecot/imap"
NOBODY = 65534

# dovecot-acl of ann's mailbox.  The owner's l and a, which he cannot lose
# here, are left out of the comparison.
FILES = [
    "",
    "anyone lr\n",
    "user=bob lrs\n",
    "user=bob lrs\nanyone l\n",
    "anyone lrwstipekxa\nuser=bob \n",
    "authenticated lrw\n",
    "anyone lr\nauthenticated lrwi\n",
    "owner lr\nuser=bob lrw\n",
    "user=ann lrwst\n",
    "owner lrws\nuser=ann lrt\n",
    "anyone lrs\n-anyone s\n",
    "anyone lrs\n-user=bob s\n",
    "-anyone s\nuser=bob lrs\n",
    "-anyone s\n-user=bob r\nuser=bob lrsw\n",
    "-owner wt\nuser=bob lr\n",
    "-user=ann x\nuser=bob lr\n",
    "-authenticated lr\nanyone lrwi\n",
    "group=team lrwstipekxa\nuser=bob l\n",
    "group-override=team lr\nanyone l\n",
    "user=bob lr :admin own-right\n",
    "user=bob :lookup read,write-seen\n",
    "\"user=bob\" lrk\n",
    "user=bob l\nuser=bob r\n",
    "user=bobby lrwstipekxa\n",
    "# comment\n\nuser=bob lrp\n",
    "user=bob lrwstipekxa\n",
    "user=bob lrt\n",
    "user=bob lre\n",
    "user=bob lrx\n",
    "user=bob lrk\n",
]


def drop():
    return (f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "
            if os.getuid() == 0 else "")


class Site:
    def __init__(self, top):
        self.top = top
        (top / "run").mkdir()
        (top / "state").mkdir()
        for name in ("ann", "bob"):
            for sub in ("cur", "new", "tmp"):
                (top / "home" / name / "Maildir" / sub).mkdir(parents=True)
        for number in range(len(FILES)):
            box = self.box(number)
            for sub in ("cur", "new", "tmp"):
                (box / sub).mkdir(parents=True)
            (box / "maildirfolder").touch()
            if FILES[number]:
                (box / "dovecot-acl").write_text(FILES[number])
        self.conf = top / "penfold.conf"
        self.conf.write_text(f"""
mail_path = {top}/home/%u/Maildir
home_path = {top}/home/%u
state_dir = {top}/state
namespaces = shared:
""")
        self.dovecot_conf = top / "dovecot.conf"
        self.dovecot_conf.write_text(f"""
base_dir = {top}/run
state_dir = {top}/run
log_path = {top}/dovecot.log
ssl = no
protocols = imap
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 0
first_valid_gid = 0
mail_home = {top}/home/%u
mail_location = maildir:{top}/home/%u/Maildir
mail_plugins = acl
protocol imap {{
  mail_plugins = acl imap_acl
}}
plugin {{
  acl = vfile
  acl_anyone = allow
}}
namespace inbox {{
  inbox = yes
  separator = .
}}
namespace {{
  type = shared
  separator = .
  prefix = shared.%%u.
  location = maildir:{top}/home/%%u/Maildir
  subscriptions = no
  list = children
}}
stats_writer_socket_path =
""")

    def box(self, number):
        return self.top / "home/ann/Maildir" / f".Box{number}"

    def dovecot(self, user):
        return imaplib.IMAP4_stream(
            f"USER={user} {drop()}{DOVECOT} -c {self.dovecot_conf} "
            "2>/dev/null")

    def penfold(self, program, user):
        return imaplib.IMAP4_stream(
            f"{drop()}{program} --stdio --conf {self.conf} --user {user} "
            "2>/dev/null")


def rights(imap, name):
    """MYRIGHTS as a set of letters; None: NO."""
    typ, data = imap.myrights(name)
    if typ != "OK":
        return None
    text = data[0].decode().split()[1]
    return set(text.strip('"')) - set("cd")


def same_answers(site, program):
    for user, prefix in (("ann", ""), ("bob", "shared.ann.")):
        ours, theirs = site.penfold(program, user), site.dovecot(user)
        seen = set()
        for number, text in enumerate(FILES):
            name = f"{prefix}Box{number}"
            got, want = rights(ours, name), rights(theirs, name)
            if user == "ann" and got is not None:
                got, want = got - set("la"), (want or set()) - set("la")
            equal(got, want, f"{user}: {text!r}")
            seen.add("".join(sorted(got or "-")))
        ok(len(seen) >= 5, f"{user}: many different answers", seen)
        ours.logout()
        theirs.logout()


def acl_of(imap, name):
    typ, data = imap.getacl(name)
    assert typ == "OK", data
    words = data[0].decode().split()[1:]
    return {words[i].strip('"'): set(words[i + 1].strip('"')) - set("cd")
            for i in range(0, len(words), 2)}


def there_and_back(site, program):
    changes = [("bob", "lrs"), ("anyone", "l"), ("-bob", "s"),
               ("bob", "+cd"), ("bob", "-k"), ("authenticated", "lr")]
    for writer, reader, number in (("penfold", "dovecot", 0),
                                   ("dovecot", "penfold", 23)):
        name = f"Box{number}"
        for who, letters in changes:
            said = {}
            for server in (writer, reader):
                imap = site.penfold(program, "ann") \
                    if server == "penfold" else site.dovecot("ann")
                if server == writer:
                    typ, data = imap.setacl(name, who, letters)
                    ok(typ == "OK", f"{writer}: SETACL {who} {letters}", data)
                said[server] = acl_of(imap, name)
                imap.logout()
            equal(said[reader], said[writer],
                  f"{writer} wrote, {reader} read: {who} {letters}")


def main():
    top = pathlib.Path(tempfile.mkdtemp(prefix="pfacl."))
    try:
        program = for_anyone("imapd/penfold-imapd", top)
        site = Site(top)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", top],
                           check=True)
            os.chmod(top, 0o755)
        same_answers(site, program)
        there_and_back(site, program)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
    finish()
