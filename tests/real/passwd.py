#!/usr/bin/env python3
"""The user file that `penfold user` writes, read by a real Dovecot; and the
one that Dovecot's `doveadm pw` writes, read by penfold."""
import imaplib
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import (PASSWORD, Rig, equal, finish, free_port_block, ok, run,
                 wait_for)

DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/log
ssl = no
protocols = imap
listen = 127.0.0.1
first_valid_uid = 1
mail_location = maildir:~/Maildir
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
  default_fields = uid=nobody gid=nogroup home={dir}/home
}}
"""
SCHEMES = ("PLAIN SHA SSHA SHA256 SSHA256 SHA512 SSHA512 PBKDF2 BLF-CRYPT "
           "SHA256-CRYPT SHA512-CRYPT MD5-CRYPT SCRAM-SHA-1 SCRAM-SHA-256 "
           "SSHA256.HEX SHA512.HEX ARGON2I ARGON2ID").split()


def dovecot_reads_ours(rig):
    place, port = rig.dir / "dovecot", free_port_block(start=31000)
    (place / "home").mkdir(parents=True)
    subprocess.run(["chown", "nobody", place / "home"], check=True)
    (place / "users").write_text((rig.dir / "users").read_text())
    (place / "conf").write_text(DOVECOT.format(dir=place, port=port))
    dovecot = subprocess.Popen(["dovecot", "-F", "-c", place / "conf"])
    try:
        def login(password):
            try:
                with imaplib.IMAP4("127.0.0.1", port) as imap:
                    return imap.login("ann", password)[0]
            except imaplib.IMAP4.error:
                return "NO"
            except OSError:
                return None
        equal(wait_for(lambda: login(PASSWORD), 20), "OK",
              "Dovecot takes a password that penfold wrote")
        equal(login("wrong"), "NO", "and no other")
    finally:
        dovecot.send_signal(signal.SIGTERM)
        dovecot.wait(20)


def we_read_dovecots(rig):
    users = rig.dir / "users"
    lines = users.read_text()
    for scheme in SCHEMES:
        field = run("doveadm", "pw", "-s", scheme, "-p", "pässword").stdout
        lines += f"{scheme.lower()}:{field.strip()}\n"
    new = users.with_name("users.new")
    new.write_text(lines)
    os.rename(new, users)
    for scheme in SCHEMES:
        with rig.imap() as imap:
            def plain(password):
                try:
                    return imap.authenticate("PLAIN", lambda _: (
                        f"\0{scheme.lower()}\0{password}".encode()))[0]
                except imaplib.IMAP4.error:
                    return "NO"
            equal((plain("passwort"), plain("pässword")), ("NO", "OK"),
                  f"{scheme} of doveadm pw")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Rig(users=("ann",)) as rig:
        dovecot_reads_ours(rig)
        we_read_dovecots(rig)
    finish()


if __name__ == "__main__":
    main()
