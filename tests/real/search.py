#!/usr/bin/env python3
"""SEARCH over IMAP answers the same with the index, while it is being built,
and after somebody deleted or damaged it."""
import random
import shutil
import time

from rig import TOP, Rig, equal, finish, measured, ok, wait_for

NEEDLES = ["lunch", "UNCH", "lunch on", "Straße", "GRÜßE", "手机", "会議",
           "четверг", "คร", "f\u00fcr", "fine", "quarterly report", "...",
           "example.com/place?id=4711", "Übersicht", "größe", "e", "🎉",
           "click here", "hello-nothing-like-it", "foo-bar foo.bar"]


def ask(imap, key, needle):
    imap.literal = needle.encode()
    kind, data = imap.uid("SEARCH", "CHARSET", "UTF-8", *key)
    assert kind == "OK", data
    return sorted(int(n) for n in (data[0] or b"").split())


def answers(imap):
    imap.select("INBOX", readonly=True)
    return {(needle, key): ask(imap, key.split(), needle)
            for needle in NEEDLES
            for key in ("TEXT", "BODY", "SUBJECT", "NOT FROM",
                        "HEADER List-Id")}


with Rig(users=("ann",)) as rig:
    index = rig.maildir("ann") / "penfold-index"
    mails = [path.read_bytes()
             for path in sorted((TOP / "tests/data/search").iterdir())]
    random.Random(1).shuffle(mails)
    with rig.imap("ann") as imap:
        for mail in mails:
            if mail:
                imap.append("INBOX", None, None, mail)
        shutil.rmtree(index, ignore_errors=True)
        began = time.time()
        truth = answers(imap)
        measured(f"{(time.time() - began) / len(truth) * 1000:.1f} ms a query "
                 "while there is no index")
        hits = {needle: len(truth[needle, "TEXT"]) for needle in NEEDLES}
        ok(all(n > 0 for needle, n in hits.items() if "nothing" not in needle),
           "every needle is found somewhere", hits)
        equal(hits["hello-nothing-like-it"], 0, "but not what is not there")

        rig.deliver("ann", b"Subject: pomelo\n\npomelo\n")
        words = index / "words"
        ok(wait_for(lambda: words.exists() and b"POMELO" in
                    words.read_bytes()), "a delivery is indexed")
        ok(wait_for(lambda: ask(imap, ["TEXT"], "pomelo") != []
                    or imap.noop() is None), "and found")
        began = time.time()
        late = answers(imap)
        grown = {k for k in truth if late[k] != truth[k]}
        ok(all(k[1] == "NOT FROM" or k[0] == "e" for k in grown),
           "the index changes no answer", grown)
        measured(f"{(time.time() - began) / len(truth) * 1000:.1f} ms a query "
                 "with the index")
        with open(index / "postlist.glass", "r+b") as f:
            f.truncate(4096)
        equal(answers(imap), late, "nor does a damaged one")
        rig.deliver("ann", b"Subject: more\n\n")
        ok(wait_for(lambda: "rebuild" in rig.log()),
           "which is built again with the next mail")
        shutil.rmtree(index)
        after = answers(imap)
        ok(all(after[k] == late[k] or k[1] == "NOT FROM" or k[0] == "e"
               for k in late), "nor does a deleted one")
finish()
