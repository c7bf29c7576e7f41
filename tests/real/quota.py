#!/usr/bin/env python3
"""Quota with real programs: Postfix refuses mail for a full mailbox at RCPT,
imaplib hears OVERQUOTA, `penfold quota` and maildirsize say the same numbers,
Dovecot counts what we count, and maildrop's kind of delivery is noticed.
Needs root, because Postfix does."""
import json
import os
import shutil
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postfix import Postfix
from rig import (PENFOLD, Rig, equal, finish, message, ok, run, wait_for)

LIMIT = 200 * 1024


def used(rig, user):
    got = run(PENFOLD, "quota", user, "--json", "--dir", rig.dir)
    rows = json.loads(got.stdout or "[]")
    return {r["resource"]: r["used"] for r in rows}


def maildirsize(rig, user):
    lines = (rig.maildir(user) / "maildirsize").read_text().splitlines()
    pairs = [tuple(map(int, line.split())) for line in lines[1:]]
    return lines[0], sum(p[0] for p in pairs), sum(p[1] for p in pairs)


def on_disk(rig, user):
    """What Dovecot's maildir quota would add up."""
    files = [f for d in ("cur", "new")
             for f in rig.maildir(user).rglob(d + "/*")]
    return sum(f.stat().st_size for f in files), len(files)


def rcpt(postfix, user):
    """The reply to RCPT."""
    with smtplib.SMTP("127.0.0.1", postfix.smtp) as smtp:
        smtp.helo("client.test")
        smtp.mail("x@out.test")
        code, text = smtp.rcpt(f"{user}@ex.test")
    return code, text.decode()


def send(postfix, user, size):
    with smtplib.SMTP("127.0.0.1", postfix.smtp) as smtp:
        return smtp.sendmail("x@out.test", [f"{user}@ex.test"],
                             message(body=("x" * 69 + "\n") * (size // 70)))


def test_refused(rig, postfix):
    send(postfix, "ann", 150 * 1024)
    wait_for(lambda: on_disk(rig, "ann")[1] >= 1)
    size, count = on_disk(rig, "ann")
    equal(used(rig, "ann")["STORAGE"], (size + 1023) // 1024,
          "penfold quota counts the delivery")
    equal(rcpt(postfix, "ann")[0], 250, "there is room yet: RCPT is 250")
    imap = rig.imap("ann")
    kind, data = imap.getquotaroot("INBOX")
    equal(kind, "OK", "GETQUOTAROOT")
    ok(b"STORAGE" in data[1][0], "imaplib reads the answer", data)
    kind, data = imap.append("INBOX", None, None, b"x" * 100000)
    ok(kind == "NO" and b"OVERQUOTA" in data[0], "APPEND: OVERQUOTA", data)
    # filled to the brim
    size, count = on_disk(rig, "ann")
    kind, data = imap.append("INBOX", None, None, b"x" * (LIMIT - size))
    equal(kind, "OK", "what fits exactly is taken")
    equal(on_disk(rig, "ann")[0], LIMIT, "now it is full")
    code, text = rcpt(postfix, "ann")
    ok(code in (552, 554) and "5.2.2" in text and "full" in text,
       "Postfix refuses at RCPT", (code, text))
    equal(rcpt(postfix, "bob")[0], 250, "others get their mail")
    # with something expunged there is room at once
    imap.select("INBOX")
    imap.store("1", "+FLAGS", "\\Deleted")
    imap.expunge()
    equal(rcpt(postfix, "ann")[0], 250, "after EXPUNGE RCPT is 250")
    imap.logout()


def fill_and_remove(rig, postfix):
    imap = rig.imap("eve")
    equal(imap.append("INBOX", None, None, b"x" * LIMIT)[0], "OK", "all of it")
    imap.logout()
    ok(rcpt(postfix, "eve")[0] != 250, "full")
    for path in rig.maildir("eve").glob("cur/*"):
        path.unlink()


def test_second_look(postfix):
    """What rm made room for is seen within a minute."""
    ok(wait_for(lambda: rcpt(postfix, "eve")[0] == 250, 80, 2),
       "room that another program made is found")


def test_lmtp(rig):
    """What RCPT could not know waits."""
    with smtplib.LMTP("127.0.0.1", rig.lmtp_port) as lmtp:
        lmtp.ehlo()
        lmtp.mail("x@out.test")
        lmtp.rcpt("ann@ex.test")
        lmtp.rcpt("bob@ex.test")
        lmtp.putcmd("data")
        lmtp.getreply()
        lmtp.send(b"Subject: big\r\n\r\n" + (b"x" * 98 + b"\r\n") * 2500 +
                  b".\r\n")
        replies = [lmtp.getreply() for _ in range(2)]
    ok(replies[0][0] == 452 and b"4.2.2" in replies[0][1],
       "LMTP: 452 4.2.2 for the full one", replies)
    equal(replies[1][0], 250, "and 250 for the other")


def test_numbers(rig):
    run(PENFOLD, "quota", "--recount", "--dir", rig.dir)
    size, count = on_disk(rig, "ann")
    equal(maildirsize(rig, "ann"), (f"{LIMIT}S,1000C", size, count),
          "maildirsize is what is on the disk")
    rows = used(rig, "ann")
    equal((rows["STORAGE"], rows["MESSAGE"]), ((size + 1023) // 1024, count),
          "and what penfold quota says")
    # maildrop delivers: a file, and a line in maildirsize
    name = f"{int(time.time())}.M1P1.maildrop,S=5000"
    (rig.maildir("ann") / "new" / name).write_text("Subject: m\n\n" +
                                                   "x" * 4988)
    shutil.chown(rig.maildir("ann") / "new" / name,
                 rig.maildir("ann").owner())
    with open(rig.maildir("ann") / "maildirsize", "a") as f:
        f.write("5000 1\n")
    run(PENFOLD, "quota", "--recount", "--dir", rig.dir)
    equal(used(rig, "ann")["MESSAGE"], count + 1, "maildrop's mail counts")
    # rm: nobody tells us
    (rig.maildir("ann") / "new" / name).unlink()
    imap = rig.imap("ann")

    def seen():
        imap.status("INBOX", "(MESSAGES)")
        return used(rig, "ann")["MESSAGE"] == count

    ok(wait_for(seen, 20), "what rm removed does not")
    imap.logout()


def test_dovecot(rig):
    """The same Maildir, Dovecot's maildir quota: the same numbers."""
    if not shutil.which("doveadm"):
        ok(False, "Dovecot is installed")
        return
    conf = rig.dir / "dovecot.conf"
    conf.write_text(f"""
mail_location = maildir:{rig.maildir('ann')}
base_dir = {rig.dir}/dovecot-run
log_path = {rig.dir}/dovecot.log
ssl = no
first_valid_uid = 1
first_valid_gid = 0
default_internal_user = nobody
default_login_user = nobody
mail_plugins = quota
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage={LIMIT // 1024}K:messages=1000
}}
""")

    def doveadm(*args):
        return run("setpriv", "--reuid", "nobody", "--regid", "nogroup",
                   "--clear-groups", "doveadm", "-c", conf, "-f", "tab",
                   "quota", *args,
                   env={**os.environ, "USER": "ann",
                        "HOME": str(rig.home("ann"))})

    def numbers(got):
        rows = [line.split("\t") for line in got.stdout.splitlines()[1:]]
        return {r[1]: int(r[2]) for r in rows}

    size, count = on_disk(rig, "ann")
    want = {"STORAGE": (size + 1023) // 1024, "MESSAGE": count}
    got = doveadm("get")
    try:
        equal(numbers(got), want, "Dovecot reads our maildirsize")
        doveadm("recalc")
        equal(numbers(doveadm("get")), want, "and counts the same")
    except (IndexError, ValueError, KeyError):
        ok(False, "doveadm quota get", got.stdout + got.stderr)
    equal(used(rig, "ann")["MESSAGE"], count, "Dovecot's file suits us")


def test_warning(rig):
    imap = rig.imap("cyd")
    kind, _ = imap.append("INBOX", None, None, b"x" * (LIMIT * 85 // 100))
    equal(kind, "OK", "85 % by APPEND")
    for _ in range(3):
        rig.deliver("cyd", message())
    imap.select("INBOX")
    kind, data = imap.search(None, "SUBJECT", '"nearly full"')
    equal(len(data[0].split()), 1, "one letter for 80 %")
    imap.append("INBOX", None, None, b"x" * (LIMIT * 11 // 100))
    for _ in range(2):
        rig.deliver("cyd", message())
    imap.noop()
    kind, data = imap.search(None, "SUBJECT", '"nearly full"')
    equal(len(data[0].split()), 2, "another for 95 %")
    imap.logout()


def test_race(rig):
    """Sessions and deliveries at once do not overrun the limit."""
    done = []

    def append():
        imap = rig.imap("dot")
        for _ in range(12):
            done.append(imap.append("INBOX", None, None, b"x" * 4096)[0])
        imap.logout()

    def deliver():
        for _ in range(12):
            try:
                rig.deliver("dot", message(body="x" * 3000 + "\n"))
                done.append("OK")
            except smtplib.SMTPException:
                done.append("NO")

    threads = [threading.Thread(target=t) for t in [append, deliver] * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    size, count = on_disk(rig, "dot")
    # but for what is in flight
    ok(size <= LIMIT + 7 * 5000 and "NO" in done,
       "the limit holds in a race",
       (size, LIMIT, done))
    ok(size > LIMIT - 5000, "and is used up", (size, LIMIT))
    got = used(rig, "dot")
    equal((got["STORAGE"], got["MESSAGE"]), ((size + 1023) // 1024, count),
          "the count is exact behind it")


def main():
    conf = "domains = ex.test localhost\nmail_user = nobody"
    with Rig(users=("ann", "bob", "cyd", "dot", "eve"), conf=conf) as rig:
        for path in (rig.dir / "state", rig.dir / "mail",
                     *(rig.home(u) for u in ("ann", "bob", "cyd", "dot", "eve"))):
            shutil.chown(path, "nobody")
        users = rig.dir / "users"
        text = users.read_text().splitlines()
        out = []
        for line in text:
            if not line.startswith("bob:") and line.count(":") >= 1 and \
                    not line.startswith("#"):
                head = line.split(":")
                head += [""] * (8 - len(head))
                head[7] = (head[7] + f" userdb_quota_rule=*:storage="
                           f"{LIMIT // 1024}k:messages=1000").strip()
                line = ":".join(head[:7]) + ":" + head[7]
            out.append(line)
        users.write_text("\n".join(out) + "\n")
        os.utime(users)
        time.sleep(1.2)
        postfix = Postfix(rig)
        main_cf = postfix.conf / "main.cf"
        main_cf.write_text(main_cf.read_text() + f"""
smtpd_recipient_restrictions = check_recipient_access
  socketmap:unix:{rig.dir}/run/socketmap.sock:access
""")
        with postfix:
            test_refused(rig, postfix)
            fill_and_remove(rig, postfix)
            test_lmtp(rig)
            test_numbers(rig)
            test_dovecot(rig)
            test_warning(rig)
            test_race(rig)
            test_second_look(postfix)
    finish()


if __name__ == "__main__":
    main()
