#!/usr/bin/env python3
"""Two users of one site share mailboxes, through the gate, session processes
and penfold-authd: SETACL, LIST, SELECT, a flag that the other sees while he
IDLEs, MOVE between them, IDLE on a shared folder, delivery by Sieve, public
mailboxes, penfold acl, and 3,000 users of whom 3 share something."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import (Rig, equal, finish, measured, message, ok)  # noqa: E402

USERS = ("ann", "bob", "carl.x")


def names(imap, pattern="*"):
    _, lines = imap.list('""', f'"{pattern}"')
    return sorted(line.decode().split('"." ')[1].strip('"')
                  for line in lines if line)


def shared(imap):
    return [name for name in names(imap) if name.startswith("shared")]


def idle_line(imap, want, seconds=10):
    """The first line after IDLE that has `want` in it."""
    imap.sock.settimeout(seconds)
    try:
        for _ in range(50):
            line = imap.readline()
            if want in line:
                return line
    except OSError:
        pass
    return None


def idle(imap):
    imap.send(b"i IDLE\r\n")
    while not imap.readline().startswith(b"+"):
        pass


def done(imap):
    imap.send(b"DONE\r\n")
    while not imap.readline().startswith(b"i OK"):
        pass


def sharing(rig):
    ann, bob = rig.imap("ann"), rig.imap("bob")
    ann.create("Team")
    rig.deliver("ann+Team", message("one"))
    rig.deliver("ann+Team", message("two"))
    equal(shared(bob), [], "bob sees only his own")
    typ, data = bob.select("shared.ann.Team")
    ok(typ == "NO" and b"NONEXISTENT" in data[0], "and cannot select it", data)
    typ, data = ann.setacl("Team", "bob", "lrswite")
    ok(typ == "OK", "ann gives bob rights", data)
    equal(shared(bob), ["shared", "shared.ann", "shared.ann.Team"],
          "bob sees it at once")
    typ, data = bob.select("shared.ann.Team")
    equal((typ, data), ("OK", [b"2"]), "and selects it")
    ann.select("Team")
    idle(ann)
    bob.store("1", "+FLAGS", "(\\Flagged)")
    ok(idle_line(ann, b"\\Flagged"), "ann, idle, sees the flag that bob set")
    done(ann)
    typ, data = bob._simple_command("MOVE", "1", "INBOX")
    ok(typ == "OK", "bob moves one to his INBOX", data)
    equal(bob.select("INBOX")[1], [b"1"], "it is there")
    ann.noop()
    equal(ann.select("Team")[1], [b"1"], "and gone from ann's")
    bob.select("shared.ann.Team")
    idle(bob)
    rig.deliver("ann+Team", message("three"))
    ok(idle_line(bob, b"EXISTS"), "bob, idle, sees mail come to ann's folder")
    done(bob)
    ann.deleteacl("Team", "bob")
    try:
        typ, data = bob.noop()
        ok(False, "bob hears BYE when his rights go", data)
    except bob.abort:
        ok(True, "bob hears BYE when his rights go")
    bob = rig.imap("bob")
    equal(shared(bob), [], "and sees it no more")
    ann.logout()
    bob.logout()


def odd_names(rig):
    carl, bob = rig.imap("carl.x"), rig.imap("bob")
    typ, data = carl.setacl("INBOX", "bob", "lr")
    ok(typ == "OK", "a user with a dot in his name shares", data)
    equal(names(bob, "shared.%.*"), ["shared.carl^x.INBOX"], "his level")
    equal(bob.select("shared.carl^x.INBOX", readonly=True)[0], "OK",
          "and his INBOX")
    for name in ("shared.carl.x.INBOX", "shared.ann+Team.INBOX",
                 "shared.ann@localhost.INBOX", "shared.postmaster.INBOX"):
        ok(bob.select(name)[0] == "NO", f"no other way in: {name}")
    equal(bob.myrights("shared.bob.INBOX")[1][0].split()[1],
          b"lrwstipekxacd", "his own by that way is his own")
    carl.logout()
    bob.logout()


def by_sieve(rig):
    rig.ctl("acl", "ann", "Team", "set", "bob", "lp")
    (rig.home("bob") / ".dovecot.sieve").write_text(
        'require "fileinto";\nif header :contains "subject" "team" '
        '{ fileinto "shared.ann.Team"; }\n')
    before = len(list((rig.maildir("ann") / ".Team").glob("*/*:2,*"))) + \
        len(list((rig.maildir("ann") / ".Team/new").iterdir()))
    rig.deliver("bob", message("for the team"))
    after = len(list((rig.maildir("ann") / ".Team").glob("*/*:2,*"))) + \
        len(list((rig.maildir("ann") / ".Team/new").iterdir()))
    equal(after, before + 1, "bob's script files into ann's folder, with p")


def public(rig):
    rig.ctl("acl", "ann", "Lists", "set", "ann", "lrwstipekxa")
    rig.ctl("acl", "ann", "Lists", "set", "authenticated", "lrs")
    ann, bob = rig.imap("ann"), rig.imap("bob")
    equal(ann.create("Lists.news")[0], "OK", "ann makes a public mailbox")
    ok(bob.create("Lists.mine")[0] == "NO", "bob must not")
    equal(ann.append("Lists.news", None, None, message("news"))[0], "OK",
          "ann writes to it")
    equal(bob.select("Lists.news")[1], [b"1"], "bob reads it")
    ok(bob.append("Lists.news", None, None, message("x"))[0] == "NO",
       "and does not write")
    typ, data = bob.search(None, "SUBJECT", "news")
    equal(data, [b"1"], "and searches it")
    ann.logout()
    bob.logout()


def many_users(rig):
    users = rig.dir / "users"
    line = next(text for text in users.read_text().splitlines()
                if text.startswith("bob:"))
    with open(users, "a") as f:
        for i in range(3000):
            f.write(line.replace("bob:", f"u{i}:", 1) + "\n")
    state = rig.dir / "state/shared-mailboxes"
    old = state.read_text()
    state.write_text(old + "".join(
        f"user=v{i}\tu{i}\n" for i in range(3000)))
    time.sleep(1.5)
    bob = rig.imap("bob")
    bob.list('""', '"*"')
    begun = time.monotonic()
    for _ in range(50):
        bob.list('""', '"*"')
    measured("LIST of all namespaces, 3,000 users share something, 2 of "
             "them with the user: %.1f ms"
             % ((time.monotonic() - begun) * 1000 / 50))
    begun = time.monotonic()
    for _ in range(50):
        bob.list('""', '"INBOX"')
    measured("LIST of INBOX alone: %.1f ms"
             % ((time.monotonic() - begun) * 1000 / 50))
    bob.logout()
    rig.ctl("acl", "--rebuild")
    equal(sorted(state.read_text().splitlines()),
          ["user=bob\tann", "user=bob\tcarl.x"], "rebuilt from the Maildirs")


if __name__ == "__main__":
    with Rig(users=USERS) as rig:
        lists = rig.dir / "lists"
        lists.mkdir()
        rig.stop()
        with open(rig.dir / "penfold.conf", "a") as conf:
            conf.write(f"\nnamespaces = shared: Lists:{lists}\n")
        rig.start()
        sharing(rig)
        odd_names(rig)
        by_sieve(rig)
        public(rig)
        many_users(rig)
    finish()
