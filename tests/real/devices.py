#!/usr/bin/env python3
"""Device passwords and masters with real sessions: logged in by one, limited,
withdrawn with the sessions that are open, and seen in the log."""
import imaplib
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import PASSWORD, Rig, equal, finish, ok, wait_for


def login(rig, user, password, authzid=""):
    """A connection, or None."""
    imap = rig.imap()
    try:
        imap.authenticate("PLAIN", lambda _: (
            f"{authzid}\0{user}\0{password}".encode()))
        return imap
    except imaplib.IMAP4.error:
        imap.shutdown()
        return None


def is_open(imap):
    try:
        return imap.noop()[0] == "OK"
    except (imaplib.IMAP4.error, OSError):
        return False


def devices(rig):
    make = lambda name, *more: rig.ctl(
        "device", "ann", "add", name, *more).stdout.strip()
    phone, tablet = make("phone"), make("tablet", "--protocols", "imap")
    away = make("away", "--nets", "192.0.2.0/24,2001:db8::/32")
    mailer = make("mailer", "--protocols", "smtp+sieve")
    ok(re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", phone),
       f"a password was made: {phone[:5]}...")
    ok(rig.ctl("device", "ann", "add", "phone", check=False).returncode == 1,
       "a name is given once")
    ok(phone not in (rig.dir / "users").read_text(), "it is hashed")

    sessions = {name: login(rig, "ann", password) for name, password in
                [("phone", phone), ("bare", phone.replace("-", "").upper()),
                 ("tablet", tablet), ("own", PASSWORD)]}
    for name, imap in sessions.items():
        ok(imap and is_open(imap), f"logged in: {name}")
    ok(not login(rig, "ann", away), "not from another network")
    ok(not login(rig, "ann", mailer), "not with another protocol")
    ok(not login(rig, "bob", phone), "not as another user")
    listed = rig.ctl("device", "ann").stdout
    ok(re.search(r"phone .*last used: 20\S+Z imap 127\.0\.0\.1", listed),
       "its last use is shown")
    ok(re.search(r"away .*last used: never", listed), "and that there is none")
    ok("via=device:phone" in rig.log(), "the log names the device")

    rig.ctl("device", "ann", "remove", "phone")
    ok(wait_for(lambda: not is_open(sessions["phone"]), 5),
       "withdrawn with its open session")
    ok(wait_for(lambda: not is_open(sessions["bare"]), 5), "and the other")
    ok(is_open(sessions["tablet"]) and is_open(sessions["own"]),
       "the others go on")
    ok(not login(rig, "ann", phone), "nobody logs in with it")

    rig.ctl("device", "ann", "only", "yes")
    ok(not login(rig, "ann", PASSWORD), "only devices")
    ok(wait_for(lambda: not is_open(sessions["own"]), 5),
       "also those that were in")
    ok(is_open(sessions["tablet"]), "a device stays")
    ok(login(rig, "ann", tablet), "and comes back")
    ok(rig.ctl("user", "passwd", "ann", input="another-77\n"), "new password")
    ok(login(rig, "ann", tablet), "a device outlives the user's password")
    rig.ctl("device", "ann", "only", "no")
    ok(login(rig, "ann", "another-77"), "and both")


def masters(rig):
    users = rig.dir / "users"
    new = users.with_name("users.new")
    new.write_text(re.sub(r"(?m)^(help:.*)$", r"\1 userdb_penfold_master",
                          users.read_text()))
    os.rename(new, users)
    rig.deliver("bob", b"Subject: for bob\r\n\r\nx\r\n")
    imap = login(rig, "help", PASSWORD, authzid="bob")
    ok(imap, "a master acts for a user")
    equal(imap.select("INBOX")[1], [b"1"], "and sees his mail")
    ok("user=bob via=master:help" in rig.log(), "which the log says")
    ok(not login(rig, "bob", PASSWORD, authzid="help"), "but no user does")
    ok(not login(rig, "help", PASSWORD, authzid="nobody"), "nor for nobody")
    bob = login(rig, "bob", PASSWORD)
    rig.ctl("user", "delete", "help")
    ok(wait_for(lambda: not is_open(imap), 5), "his sessions end with him")
    ok(is_open(bob), "and no others")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Rig(users=("ann", "bob", "help")) as rig:
        devices(rig)
        masters(rig)
        weak = rig.ctl("user", "add", "eve", input="eve12345\n", check=False)
        ok(weak.returncode != 0 and "weak" in weak.stderr,
           "a weak password is refused")
        rig.ctl("user", "add", "eve", "--weak", input="eve12345\n")
    finish()


if __name__ == "__main__":
    main()
