#!/usr/bin/env python3
"""What a Sieve script sends, through real Postfix and back: redirect, vacation,
reject, ereject, notify.  Needs root, because Postfix does."""
import os
import pwd
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postfix import MAIL_USER, Postfix, find, messages
from rig import Rig, equal, finish, ok, wait_for


def script(rig, user, text):
    home = rig.dir / "mail" / user
    home.mkdir(parents=True, exist_ok=True)
    path = home / ".dovecot.sieve"
    path.write_text(text)
    for place in (home, path):
        os.chown(place, pwd.getpwnam(MAIL_USER).pw_uid, -1)


def send(pf, subject, to="ann@ex.test", sender="bob@ex.test", more=""):
    with pf.client() as smtp:
        smtp.sendmail(sender, [to], f"From: {sender}\r\nTo: {to}\r\n"
                      f"Subject: {subject}\r\n{more}\r\nhello\r\n")


def text_of(rig, user, text, folder=None):
    data = find(rig, user, text, folder) or b""
    return data.decode(errors="replace").replace("\r", "")


def count(rig, user, text):
    return sum(text.encode() in p.read_bytes() for p in messages(rig, user))


def redirects(rig, pf):
    script(rig, "ann", 'redirect "bob@ex.test";\n')
    send(pf, "away-1", sender="far@far.test")
    got = text_of(rig, "bob", "Subject: away-1")
    ok("X-Sieve-Redirected-From: ann@ex.test" in got
       and "Return-Path: <far@far.test>" in got, "redirected to bob", got)
    equal(count(rig, "ann", "away-1"), 0, "and not kept")
    # two that send to each other: one of them keeps it
    script(rig, "bob", 'redirect "ann@ex.test";\n')
    send(pf, "away-2", sender="far@far.test")
    ok(wait_for(pf.queue_is_empty, 20) and
       wait_for(lambda: count(rig, "ann", "away-2") +
                count(rig, "bob", "away-2") == 1, 20),
       "a loop of two ends in one copy")
    script(rig, "bob", "keep;\n")


def answers(rig, pf):
    script(rig, "ann", 'require "vacation";\n'
           'vacation :from "Änn <ann@ex.test>" "I am at the beach.";\n')
    send(pf, "are you there?")
    got = text_of(rig, "bob", "I am at the beach.")
    ok("Subject: Auto: are you there?" in got
       and "Auto-Submitted: auto-replied" in got
       and "Return-Path: <>" in got, "vacation answers bob", got)
    send(pf, "and now?")
    ok(text_of(rig, "ann", "Subject: and now?"), "the second mail arrives")
    wait_for(pf.queue_is_empty, 20)
    equal(count(rig, "bob", "I am at the beach."), 1, "one answer for two")


def refusals(rig, pf):
    script(rig, "ann", 'require "reject";\nreject "Nicht für mich.";\n')
    send(pf, "no-1")
    got = text_of(rig, "bob", "Your message was refused")
    ok("automatic-action/MDN-sent-automatically; deleted" in got
       and "Nicht f=C3=BCr mich." in got, "reject: bob hears it from us", got)
    script(rig, "ann", 'require "ereject";\nereject text:\n'
           "I am not taking mail from you,\n"
           "and I don't want your birdseed, either!\n.\n;\n")
    send(pf, "no-2")
    bounced = wait_for(lambda: re.search(
        r"to=<ann@ex\.test>.*dsn=5\.7\.1, status=bounced", pf.log()), 20)
    ok(bounced, "ereject: Postfix bounces, 5.7.1")
    got = text_of(rig, "bob", "birdseed, either!")
    ok("I am not taking mail from you" in got
       and "Action: failed" in got, "with all lines of the reason", got)
    equal(count(rig, "ann", "Subject: no-"), 0, "ann has neither")
    # of two recipients one refuses: the other has it
    with pf.client() as smtp:
        smtp.sendmail("bob@ex.test", ["ann@ex.test", "cid@ex.test"],
                      "Subject: no-3\r\n\r\nto both\r\n")
    ok(find(rig, "cid", "Subject: no-3"), "the other recipient has it")
    send(pf, "no-4", to="ann@pipe.test")
    bounced = wait_for(lambda: re.search(
        r"to=<ann@pipe\.test>.*status=bounced.*birdseed", pf.log()), 20)
    ok(bounced, "penfold-deliver refuses, too, and says why")


def notices(rig, pf):
    script(rig, "ann", 'require ["enotify", "fileinto", "mailbox"];\n'
           'notify :importance "1" :message "ann has mail" '
           '"mailto:bob@ex.test?cc=cid@ex.test";\n'
           'fileinto :create "New";\n')
    send(pf, "news-1", sender="far@far.test")
    for user in ("bob", "cid"):
        got = text_of(rig, user, "Subject: ann has mail")
        ok('Auto-Submitted: auto-notified; owner-email="ann@ex.test"' in got
           and "Return-Path: <ann@ex.test>" in got, f"{user} is told", got)
    ok(find(rig, "ann", "Subject: news-1", "New"), "and ann has it")
    # told of a letter about a letter, nobody is told
    script(rig, "bob", 'require "enotify";\nnotify "mailto:ann@ex.test";\n')
    send(pf, "news-2", sender="far@far.test")
    ok(wait_for(lambda: count(rig, "bob", "Subject: ann has mail") == 2, 20),
       "bob is told again")
    wait_for(pf.queue_is_empty, 20)
    equal(count(rig, "ann", "There is new mail."), 0, "no letter about that")


def main():
    if os.geteuid() != 0:
        ok(False, "this test needs root: Postfix does")
        finish()
    if subprocess.run(["dpkg", "-s", "postfix"],
                      capture_output=True).returncode:
        subprocess.run(["apt-get", "install", "-y", "-q", "postfix"],
                       check=True, stdout=sys.stderr,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    with Rig(users=("ann", "bob", "cid"),
             conf=f"mail_user = {MAIL_USER}") as rig, Postfix(rig) as pf:
        rig.stop()
        with open(rig.dir / "penfold.conf", "a") as conf:
            conf.write(f"\nsubmission_host = 127.0.0.1:{pf.smtp}\n")
        for path in (rig.dir / "state", rig.dir / "mail"):
            path.mkdir(exist_ok=True)
            os.chown(path, pwd.getpwnam(MAIL_USER).pw_uid, -1)
        rig.start()
        redirects(rig, pf)
        answers(rig, pf)
        refusals(rig, pf)
        notices(rig, pf)
    finish()


if __name__ == "__main__":
    main()
