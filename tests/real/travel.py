#!/usr/bin/env python3
"""Time travel: what imaplib expunged comes back with flags, keywords and
date; flags that another program lost do, too; a file from a backup gets its
UID; and no other program sees what is kept (notmuch, mbsync, Dovecot's way of
looking).  EXPUNGE costs what it did (PF_TRAVEL_BIG=1: 10,000 of 300,000)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import (Rig, equal, finish, measured, message, ok, run, wait_for)


def facts(imap, box, subject):
    """What a client sees of a message."""
    imap.select(box)
    _, data = imap.uid("SEARCH", "SUBJECT", subject)
    uids = data[0].split()
    if not uids:
        return None
    _, data = imap.uid("FETCH", uids[0],
                       "(FLAGS INTERNALDATE BODY.PEEK[] EMAILID)")
    head = data[0][0].decode() + data[-1].decode()
    flags = re.search(r"FLAGS \(([^)]*)\)", head)[1].split()
    return {"uid": int(uids[0]),
            "flags": sorted(f for f in flags if f != "\\Recent"),
            "date": re.search(r'INTERNALDATE "([^"]*)"', head)[1],
            "id": re.search(r"EMAILID \(([^)]*)\)", head)[1],
            "body": data[0][1]}


def without(fact, *names):
    return {k: v for k, v in fact.items() if k not in names}


def expunge(imap, uid):
    imap.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
    return imap.expunge()


def append(imap, box, subject, flags="", body="Hello.\n"):
    date = imap_date(1700000000)
    return imap.append(box, flags, date, message(subject, body))


def imap_date(seconds):
    return time.strftime('"%d-%b-%Y %H:%M:%S +0000"', time.gmtime(seconds))


def only_file(rig, subject):
    for part in ("cur", "new"):
        for path in (rig.maildir("ann") / part).iterdir():
            if f"Subject: {subject}\n" in path.read_text():
                return path
    return None


def test_undelete(rig, imap):
    append(imap, "INBOX", "first", "(\\Flagged \\Answered todo $Junk)")
    append(imap, "INBOX", "second", "(\\Seen)")
    before = facts(imap, "INBOX", "first")
    expunge(imap, before["uid"])
    expunge(imap, facts(imap, "INBOX", "second")["uid"])
    equal(facts(imap, "INBOX", "first"), None, "it is expunged")
    got = rig.ctl("undelete", "--user", "ann", "--mailbox", "INBOX",
                  "subject:first")
    ok("1 messages" in got.stdout and "--yes" in got.stdout
       and f"UID {before['uid']}," in got.stdout,
       "undelete tells what it would do", got.stdout)
    equal(facts(imap, "INBOX", "first"), None, "and does nothing")
    got = rig.ctl("undelete", "--user", "ann", "--mailbox", "INBOX",
                  "subject:first", "--yes")
    ok(len(got.stderr.splitlines()) == 1 and "messages=1" in got.stderr,
       "with --yes it does it, and logs one line", got.stderr)
    imap.noop()
    after = facts(imap, "INBOX", "first")
    equal(without(after, "uid"), without(before, "uid"),
          "flags, keywords, INTERNALDATE, EMAILID and bytes are as before")
    ok(after["uid"] > before["uid"], "under a new UID")
    got = rig.ctl("undelete", "--user", "ann", "--mailbox", "INBOX",
                  "subject:first", "--yes")
    ok("messages=0" in got.stderr, "a second time finds nothing", got.stderr)
    equal(len(imap.uid("SEARCH", "ALL")[1][0].split()), 1,
          "and the other one stays away")


def test_uids(rig, imap):
    imap.create("Uids")
    for i in range(5):
        append(imap, "Uids", f"uid{i + 1}")
    imap.select("Uids")
    imap.uid("STORE", "1:5", "+FLAGS.SILENT", "(\\Deleted)")
    imap.close()
    got = rig.ctl("undelete", "-u", "ann", "--mailbox", "Uids", "2:3", "--yes")
    ok("messages=2" in got.stderr, "two by their old UIDs", got.stderr)
    ok(facts(imap, "Uids", "uid2") and facts(imap, "Uids", "uid3")
       and not facts(imap, "Uids", "uid4"), "those two")


def test_deleted_mailbox(rig, imap):
    imap.create("Work.old")
    append(imap, "Work.old", "report", "(\\Flagged)")
    before = facts(imap, "Work.old", "report")
    imap.select("INBOX")
    imap.delete("Work.old")
    rig.ctl("undelete", "--user", "ann", "--mailbox", "Work.old", "--yes")
    after = facts(imap, "Work.old", "report")
    equal(after and without(after, "uid"), without(before, "uid"),
          "a deleted mailbox comes back")


def test_lost_flags(rig, imap):
    append(imap, "INBOX", "marked", "(\\Flagged important)")
    fact = facts(imap, "INBOX", "marked")
    time.sleep(1.1)
    then = time.time()
    time.sleep(0.1)
    path = only_file(rig, "marked")
    path.rename(path.parent / (path.name.split(":")[0] + ":2,"))
    wait_for(lambda: imap.noop() and
             facts(imap, "INBOX", "marked")["flags"] == [])
    equal(facts(imap, "INBOX", "marked")["flags"], [],
          "another program lost the flags")
    append(imap, "INBOX", "later", "(\\Draft)")
    expunge(imap, facts(imap, "INBOX", "first")["uid"])
    at = f"@{then:.6f}"
    got = rig.ctl("restore", "--at", at, "--user", "ann", "--mailbox",
                  "INBOX", "--dry-run")
    ok("1 messages and the flags of 1 others" in got.stdout,
       "restore tells what it would do", got.stdout)
    equal(facts(imap, "INBOX", "marked")["flags"], [], "and does nothing")
    got = rig.ctl("restore", "--at", at, "--user", "ann", "--mailbox",
                  "INBOX", "--yes")
    ok("messages=1" in got.stderr and "flags=1" in got.stderr,
       "restore --at does it", got.stderr)
    imap.noop()
    equal(facts(imap, "INBOX", "marked"), fact, "flags and keyword are back")
    ok(facts(imap, "INBOX", "first"), "so is what was expunged since")
    equal(facts(imap, "INBOX", "later")["flags"], ["\\Draft"],
          "what came later stays as it is")
    got = rig.ctl("restore", "--at", at, "--user", "ann", "--mailbox",
                  "INBOX", "--yes")
    ok("messages=0" in got.stderr and "flags=0" in got.stderr,
       "a second time there is nothing to do", got.stderr)


def test_backup(rig, imap):
    append(imap, "INBOX", "precious", "(\\Seen todo)")
    before = facts(imap, "INBOX", "precious")
    backup = rig.dir / "backup"
    run("rsync", "-a", f"{rig.maildir('ann')}/", backup)
    expunge(imap, before["uid"])
    append(imap, "INBOX", "after it")
    imap.select("INBOX")
    name = next(p.name for p in (backup / "cur").iterdir()
                if "Subject: precious\n" in p.read_text())
    run("rsync", "-a", backup / "cur" / name, rig.maildir("ann") / "cur/")
    imap2 = rig.imap("ann")
    equal(facts(imap2, "INBOX", "precious"), before,
          "a file from a backup has its UID and all else")
    # who had it selected is asked to select again
    try:
        kind, data = imap.noop()
        kind, data = imap.noop()
        gone = False
    except imap.abort:
        gone = True
    ok(gone, "a session that had later messages in view gets BYE")
    imap2.logout()


def test_view(rig):
    imap = rig.imap("ann")
    _, data = imap.list()
    ok(not any(b"Expunged" in line for line in data), "in no list", data)
    _, data = imap.list('""', "Expunged.*")
    ok(any(b"Expunged.INBOX" in line for line in data), "for who asks", data)
    try:
        imap.select("Expunged.Uids")
        ok(False, "only to look at")
    except imap.readonly:
        ok(True, "only to look at")
    equal(imap.select("Expunged.Uids", readonly=True)[0], "OK", "EXAMINE")
    _, data = imap.uid("SEARCH", "SUBJECT", "uid4")
    kind, _ = imap.uid("COPY", data[0].split()[0], "Uids")
    equal(kind, "OK", "COPY out of it")
    ok(facts(imap, "Uids", "uid4"), "the copy is there")
    imap.logout()


def test_others_see_nothing(rig):
    maildir = rig.maildir("ann")
    kept = list((maildir / "penfold-past/tmp/mail").rglob("cur/*"))
    ok(kept, "there is something to be seen")
    # Dovecot and mbsync take what begins with a dot for a folder
    ok(not [p for p in maildir.iterdir()
            if p.name.startswith(".") and "past" in p.name],
       "no folder of Maildir++")
    config = rig.dir / "notmuch-config"
    config.write_text(f"[database]\npath={maildir}\n[new]\ntags=new\n"
                      "[maildir]\nsynchronize_flags=false\n")
    shutil.rmtree(maildir / ".notmuch", ignore_errors=True)
    env = {**os.environ, "NOTMUCH_CONFIG": str(config)}
    subprocess.run(["notmuch", "new"], env=env, capture_output=True,
                   check=True)
    files = subprocess.run(["notmuch", "search", "--output=files", "*"],
                           env=env, capture_output=True, text=True,
                           check=True).stdout
    ok("/cur/" in files and "penfold-past" not in files,
       "notmuch finds the mail, and not what was expunged", files)
    shutil.rmtree(maildir / ".notmuch", ignore_errors=True)
    copy = rig.dir / "copy"
    copy.mkdir()
    rc = rig.dir / "mbsyncrc"
    rc.write_text(f"""MaildirStore a
Inbox {maildir}
SubFolders Maildir++

MaildirStore b
Inbox {copy}/INBOX
SubFolders Maildir++

Channel c
Far :a:
Near :b:
Patterns *
Create Near
SyncState {rig.dir}/state-
Sync Pull
""")
    got = subprocess.run(["mbsync", "-l", "-c", str(rc), "c"],
                         capture_output=True, text=True)
    ok("INBOX" in got.stdout and "past" not in got.stdout,
       "mbsync lists the mailboxes, and not the past",
       got.stdout + got.stderr)


def make_mail(folder, count, number):
    """As another program names and dates them."""
    (folder / "cur").mkdir(parents=True, exist_ok=True)
    text = message("bulk").replace(b"\r", b"")
    for i in range(count):
        name = f"{1600000000 + i}.M{number}P1.bulk,S={len(text)}:2,S"
        (folder / "cur" / name).write_bytes(text)


def timed_expunge(imap, box, count):
    imap.select(box)
    imap.uid("STORE", f"1:{count}", "+FLAGS.SILENT", "(\\Deleted)")
    start = time.monotonic()
    imap.expunge()
    took = time.monotonic() - start
    imap.unselect() if hasattr(imap, "unselect") else imap.select("INBOX")
    return took


def test_cost(keeping, forgetting):
    """The same expunges with and without a past, in turn."""
    big = os.environ.get("PF_TRAVEL_BIG")
    total, count, rounds = (300000, 10000, 5) if big else (6000, 1500, 3)
    took = {}
    sessions = []
    for rig in (keeping, forgetting):
        make_mail(rig.maildir("bob") / ".Bulk", total, 1)
        imap = rig.imap("bob")
        imap.select("Bulk")
        took[rig] = []
        sessions.append((rig, imap))
    for i in range(rounds):
        for rig, imap in sessions if i % 2 else reversed(sessions):
            imap.select("Bulk")
            _, data = imap.uid("SEARCH", f"1:{count}")
            first = data[0].split()
            uids = f"{first[0].decode()}:{first[-1].decode()}"
            imap.uid("STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")
            time.sleep(0.2)
            start = time.monotonic()
            imap.expunge()
            took[rig].append(time.monotonic() - start)
    with_past = sorted(took[keeping])[rounds // 2]
    without_past = sorted(took[forgetting])[rounds // 2]
    measured(f"EXPUNGE of {count} of {total}: {with_past * 1000:.0f} ms kept, "
             f"{without_past * 1000:.0f} ms for good, "
             f"{with_past / without_past:.2f}x")
    # a busy machine is no judge of small numbers
    limit = 1.3 if big else 2.5
    ok(with_past < without_past * limit, f"less than {limit} times as much",
       took)


def main():
    with Rig() as rig:
        imap = rig.imap("ann")
        test_undelete(rig, imap)
        test_uids(rig, imap)
        test_deleted_mailbox(rig, imap)
        test_lost_flags(rig, imap)
        test_backup(rig, imap)
        test_view(rig)
        test_others_see_nothing(rig)
        with Rig(conf="expunged_keep = 0") as forgetting:
            test_cost(rig, forgetting)
            ok(not (forgetting.maildir("bob") / "penfold-past").exists(),
               "expunged_keep = 0: nothing is kept")
    finish()


main()
