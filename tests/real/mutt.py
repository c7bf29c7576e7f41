#!/usr/bin/env python3
"""mutt and neomutt over IMAPS, and mutt on the Maildir itself at the same
time: what one does, the others see, and no UID changes."""
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from mutt_terminal import drive  # noqa: E402
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403


def write_rc(rig, name, port, extra=""):
    path = rig.dir / f"{name}.rc"
    path.write_text(f"""
set imap_user="ann"
set imap_pass="{PASSWORD}"
set certificate_file="{rig.dir}/tls/cert.pem"
set ssl_verify_host=no
set ssl_verify_dates=no
set header_cache="{rig.dir}/{name}.cache"
set folder="imaps://127.0.0.1:{port}/"
set spoolfile="+INBOX"
set record=""
set postponed=""
set confirmappend=no
set confirmcreate=no
set delete=yes
set move=no
set quit=yes
set mark_old=no
set wait_key=no
set sleep_time=0
set realname="Ann"
set from="ann@localhost"
set editor="true"
set beep=no
set sort=mailbox-order
{extra}
""")
    return path


def over_imap(rig, relay, flagged, deleted, copied):
    """Flags, deletes, copies and reads by message number."""
    program = relay.name
    rc = write_rc(rig, program, relay.port)
    imap = rig.imap("ann")
    before = flags_of(imap)
    uids = sorted(before)
    folder = f"copies-{program}"
    keys = (f"<jump>{flagged}<enter><flag-message>"
            f"<jump>{copied}<enter><copy-message>=" + folder + "<enter>"
            f"<jump>{deleted}<enter><delete-message>"
            f"<jump>1<enter><display-message><exit>"
            f"<sync-mailbox><quit>")
    status, shown = drive(program, rc,
                          f"imaps://127.0.0.1:{relay.port}/INBOX", keys)
    equal(status, 0, f"{program}: ends well") or print("#", shown[-600:])
    after = flags_of(imap)
    equal(sorted(set(before) - set(after)), [uids[deleted - 1]],
          f"{program}: the message that was deleted is gone, no other")
    ok(b"\\Flagged" in after.get(uids[flagged - 1], ()),
       f"{program}: the flag is there", after)
    ok(b"\\Seen" in after.get(uids[0], ()), f"{program}: what was read is seen")
    bodies = fetch_bodies(imap, folder)
    equal(len(bodies), 1, f"{program}: the copy is in a new folder")
    imap.logout()


def with_qresync(rig, relay):
    """mutt comes back with QRESYNC after others changed the mailbox."""
    rc = write_rc(rig, "qresync", relay.port, "set imap_qresync=yes")
    url = f"imaps://127.0.0.1:{relay.port}/INBOX"
    status, shown = drive("mutt", rc, url, "<quit>")
    equal(status, 0, "mutt with QRESYNC: ends well")
    imap = rig.imap("ann")
    uids = sorted(flags_of(imap))
    imap.select()
    imap.uid("STORE", b"%d,%d" % (uids[1], uids[5]), "+FLAGS", r"(\Deleted)")
    imap.expunge()
    rig.deliver("ann", message("the newest"))
    keys = (f"<jump>5<enter><flag-message><last-entry><flag-message>"
            "<sync-mailbox><quit>")
    status, shown = drive("mutt", rc, url, keys)
    equal(status, 0, "mutt with QRESYNC: ends well again") or \
        print("#", shown[-600:])
    after = flags_of(imap)
    left = sorted(after)
    equal(left[:-1], [u for u in uids if u not in (uids[1], uids[5])],
          "mutt with QRESYNC: the messages are those")
    ok(b"\\Flagged" in after[uids[6]] and b"\\Flagged" in after[left[-1]],
       "mutt with QRESYNC: its numbers were right", after)
    imap.logout()


def from_cache(rig, relay):
    """The second look fetches no header again."""
    program = relay.name
    headers = lambda: relay.count(r"^FETCH .*FIELDS")
    before = headers()
    with rig.imap("ann") as imap:
        old = len(flags_of(imap)) - 1  # the other's last
    rig.deliver("ann", message(f"for {program}'s cache"))
    status, shown = drive(
        program, rig.dir / f"{program}.rc",
        f"imaps://127.0.0.1:{relay.port}/INBOX",
        "<last-entry><flag-message><sync-mailbox><quit>")
    equal(status, 0, f"{program}: ends well, again")
    asked = [line for line in relay.log if "FIELDS" in line]
    ok(headers() == before + 1
       and int(re.search(r"FETCH (\d+)", asked[-1])[1]) > old,
       f"{program}: from its header cache, but for the new message", asked)
    with rig.imap("ann") as imap:
        flags = flags_of(imap)
    ok(b"\\Flagged" in flags[max(flags)], f"{program}: and it is the right one")


def on_maildir(rig):
    """mutt on the files while an IMAP session watches."""
    rc = write_rc(rig, "files", rig.imaps_port)
    watcher = rig.imap("ann")
    rig.deliver("ann", message("flag me"))
    rig.deliver("ann", message("delete me"))
    before = flags_of(watcher)
    watcher.select()
    watcher.send(b"i IDLE\r\n")
    watcher.readline()
    # one unread message gets flagged, one goes for good
    keys = ("<search>flag me<enter><flag-message>"
            "<search>delete me<enter><delete-message><sync-mailbox><quit>")
    status, shown = drive("mutt", rc, str(rig.maildir("ann")), keys)
    equal(status, 0, "mutt on the Maildir: ends well") or \
        print("#", shown[-600:])
    heard, until = b"", time.monotonic() + 10
    watcher.sock.settimeout(3)
    try:
        while time.monotonic() < until and not (
                b"EXPUNGE" in heard and b"Flagged" in heard):
            heard += watcher.readline()
    except OSError:
        pass
    ok(b"EXPUNGE" in heard, "an IDLE session hears the deletion", heard)
    ok(b"\\Flagged" in heard, "and the flag", heard)
    imap = rig.imap("ann")
    after = flags_of(imap)
    equal(len(set(before) - set(after)), 1, "one message is gone")
    ok(set(after) <= set(before), "no UID changed")
    imap.logout()


def main():
    with Rig(("ann",)) as rig:
        with rig.lmtp() as lmtp:
            for n in range(30):
                lmtp.sendmail("a@example.org", ["ann"], message(f"mail {n}"))
        with Relay(rig, "mutt") as mutt, Relay(rig, "neomutt") as neomutt:
            over_imap(rig, mutt, 3, 5, 7)
            over_imap(rig, neomutt, 4, 6, 8)
            from_cache(rig, mutt)
            from_cache(rig, neomutt)
            with_qresync(rig, mutt)
            for relay in (mutt, neomutt):
                equal(relay.fields_not_kept(), set(),
                      f"{relay.name}: its header fields are in the summary")
        on_maildir(rig)
    finish()


main()
