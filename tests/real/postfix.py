#!/usr/bin/env python3
"""Real Postfix in front of penfold: socketmap, SASL, LMTP, and penfold down.

A Postfix of its own below the test's directory: private configuration and
queue, high loopback ports, nothing chrooted, nothing leaves the machine.
Needs root, because Postfix does.
"""
import base64
import hashlib
import hmac
import os
import pwd
import re
import signal
import smtplib
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import (PASSWORD, Rig, equal, finish, for_anyone, free_port_block,
                 measured, ok, run, wait_for)

MAIL_USER = "nobody"  # who owns the mail, and runs penfold-deliver

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = mx.ex.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
recipient_delimiter = +
smtputf8_enable = yes
message_size_limit = 60000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_recipient_limit = 1000
default_destination_recipient_limit = 1000
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 2000
minimal_backoff_time = 1s
queue_run_delay = 1s
address_verify_poll_delay = 1s
address_verify_poll_count = 5
unverified_recipient_reject_code = 550

virtual_mailbox_domains = ex.test
virtual_mailbox_maps = socketmap:unix:{run}/socketmap.sock:mailbox
virtual_transport = lmtp:unix:{run}/lmtp.sock
lmtp_send_xforward_command = yes
transport_maps = inline:{{ {{ pipe.test = deliver: }} }}
  socketmap:unix:{run}/socketmap.sock:transport
relay_domains = pipe.test

smtpd_sasl_type = dovecot
smtpd_sasl_path = {run}/auth.sock
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = {tls}/cert.pem
smtpd_tls_key_file = {tls}/key.pem
smtpd_relay_restrictions = permit_mynetworks, reject
"""

MASTER_CF = """\
127.0.0.1:{smtp}   inet n - n - - smtpd
127.0.0.1:{submit} inet n - n - - smtpd
  -o smtpd_tls_security_level=may
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{verify} inet n - n - - smtpd
  -o virtual_mailbox_maps=
  -o smtpd_recipient_restrictions=reject_unverified_recipient
127.0.0.1:{owned} inet n - n - - smtpd
  -o smtpd_tls_security_level=may
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sender_login_maps=socketmap:unix:{run}/socketmap.sock:senders
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
deliver   unix - n n - - pipe
  flags=DRhu user={mail_user} argv={deliver} -c {conf} -f ${{sender}}
  -d ${{user}} -a ${{extension}} -r ${{original_recipient}}
"""


class Postfix:
    def __init__(self, rig):
        self.dir = rig.dir / "postfix"
        self.conf = self.dir / "etc"
        for name in ("etc", "spool", "data"):
            (self.dir / name).mkdir(parents=True)
        os.chown(self.dir / "data", pwd.getpwnam("postfix").pw_uid, -1)
        base = free_port_block(start=30000)
        self.smtp, self.submit, self.verify, self.owned = (
            base + i for i in range(4))
        places = dict(dir=self.dir, run=rig.dir / "run", tls=rig.dir / "tls",
                      smtp=self.smtp, submit=self.submit, verify=self.verify,
                      owned=self.owned,
                      mail_user=MAIL_USER, conf=rig.dir / "penfold.conf",
                      deliver=for_anyone("mda/penfold-deliver", rig.dir))
        (self.conf / "main.cf").write_text(MAIN_CF.format(**places))
        (self.conf / "master.cf").write_text(MASTER_CF.format(**places))

    def __enter__(self):
        got = run("postfix", "-c", self.conf, "start")
        if got.returncode:
            raise RuntimeError(got.stdout + got.stderr + self.log())
        return self

    def __exit__(self, *what):
        run("postfix", "-c", self.conf, "stop")
        if what[0]:
            print("# maillog:", *self.log().splitlines()[-20:], sep="\n#   ")

    def log(self):
        path = self.dir / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def flush(self):
        run("postqueue", "-c", self.conf, "-f")

    def queue_is_empty(self):
        return "Mail queue is empty" in run("postqueue", "-c", self.conf,
                                            "-p").stdout

    def swaks(self, port, *args):
        """Output of swaks; its last SMTP answers are what is looked at."""
        return run("swaks", "--server", "127.0.0.1", "--port", port,
                   "--helo", "client.test", "--from", "sender@far.test",
                   *args).stdout

    def client(self, port=None, tls=False):
        smtp = smtplib.SMTP("127.0.0.1", port or self.smtp, "client.test",
                            timeout=60)
        smtp.ehlo()
        if tls:
            smtp.starttls(context=Rig.tls_context())
            smtp.ehlo()
        return smtp


def messages(rig, user, folder=None):
    """The files of a mailbox."""
    box = rig.dir / "mail" / user / "Maildir"
    if folder:
        box = box / f".{folder}"
    return [p for sub in ("new", "cur") for p in sorted((box / sub).glob("*"))]


def find(rig, user, text, folder=None):
    """The one message there that has the text; waits for it."""
    def look():
        for path in messages(rig, user, folder):
            data = path.read_bytes()
            if text.encode() in data:
                return data
        return None
    return wait_for(look, 30)


def plain_mail(rig, pf):
    out = pf.swaks(pf.smtp, "--to", "ann@ex.test", "--header",
                   "Subject: plain-1", "--body", "hello ann")
    queued = re.search(r"250 2\.0\.0 Ok: queued as (\w+)", out)
    ok(queued, "swaks: 250, queued", out)
    data = find(rig, "ann", "Subject: plain-1") or b""
    ok(b"hello ann" in data, "a plain mail arrives")
    header = data.split(b"\n\n")[0].replace(b"\r", b"").decode()
    ok("Return-Path: <sender@far.test>" in header
       and "Delivered-To: ann@ex.test" in header,
       "with Return-Path and Delivered-To", header)
    queue_id = queued[1] if queued else "?"
    ok(queue_id in header.split("Received:")[1],
       "Postfix' queue id is in our Received", header)
    line = [l for l in rig.log().splitlines() if queue_id in l]
    ok(line, "and in our log")
    status = wait_for(lambda: re.search(
        queue_id + r": to=<ann@ex\.test>.*status=sent \((.*)\)", pf.log()), 10)
    ok(status and "250 2" in status[1], "Postfix logs our reply",
       status and status[1])
    ours = re.search(r"with \S+ id (\S+)", header)
    ok(ours and status and ours[1].rstrip(";") in status[1],
       "which carries our id too", status and status[1])


def extension(rig, pf):
    pf.swaks(pf.smtp, "--to", "ann+ml-nanog@ex.test", "--header",
             "Subject: ext-1", "--header", "To: somebody-else@list.test")
    ok(find(rig, "ann", "Subject: ext-1", "nanog"),
       "+ml-nanog is filed in nanog, by the envelope and ~/.mlists")
    with rig.imap("ann") as imap:
        subscribed = b" ".join(imap.lsub()[1])
        ok(b"nanog" in subscribed, "the new folder is subscribed", subscribed)
    pf.swaks(pf.smtp, "--to", "ann+unheard@ex.test", "--header",
             "Subject: ext-2")
    ok(find(rig, "ann", "Subject: ext-2", "unheard"),
       "+unheard makes its folder")


def unknown_users(pf):
    out = pf.swaks(pf.smtp, "--to", "zoe@ex.test")
    ok("550 5.1.1" in out, "an unknown user is 550 in SMTP", out)
    out = pf.swaks(pf.smtp, "--to", "zoe+x@ex.test")
    ok("550 5.1.1" in out, "with an extension too", out)
    with pf.client() as smtp:
        smtp.mail("sender@far.test")
        codes = [smtp.rcpt(f"{name}@ex.test")[0] for name in
                 ("ann", "zoe", "bob+", "BOB", '"ann"', "nobody")]
    equal(codes, [250, 550, 250, 250, 250, 550],
          "each recipient gets an answer of his own")


def scram(smtp, user, password, mechanism="SCRAM-SHA-256"):
    """SASL SCRAM over SMTP (RFC 5802, by hand); the last reply's code."""
    name = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}[mechanism]
    encode = lambda text: base64.b64encode(text).decode()
    bare = f"n={user},r=clientnonce".encode()
    code, challenge = smtp.docmd("AUTH", f"{mechanism} "
                                 f"{encode(b'n,,' + bare)}")
    if code != 334:
        return code
    first = base64.b64decode(challenge)
    part = dict(word.split(b"=", 1) for word in first.split(b","))
    salted = hashlib.pbkdf2_hmac(name, password.encode(),
                                 base64.b64decode(part[b"s"]), int(part[b"i"]))
    digest = lambda key, text: hmac.new(key, text, name).digest()
    client_key = digest(salted, b"Client Key")
    final = b"c=biws,r=" + part[b"r"]
    message = bare + b"," + first + b"," + final
    signature = digest(hashlib.new(name, client_key).digest(), message)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    code, answer = smtp.docmd(encode(final + b",p=" + encode(proof).encode()))
    if code != 334:
        return code
    verifier = digest(digest(salted, b"Server Key"), message)
    if base64.b64decode(answer) != b"v=" + encode(verifier).encode():
        return "the server's signature is wrong"
    return smtp.docmd("")[0]


def submission(rig, pf):
    for mechanism in ("PLAIN", "LOGIN"):
        out = pf.swaks(pf.submit, "--tls", "--auth", mechanism,
                       "--auth-user", "ann", "--auth-password", PASSWORD,
                       "--to", "bob@ex.test", "--header",
                       f"Subject: by-{mechanism}")
        ok("235 2.7.0" in out and "queued as" in out, f"{mechanism}: 235", out)
        ok(find(rig, "bob", f"Subject: by-{mechanism}"), "and it arrives")
        out = pf.swaks(pf.submit, "--tls", "--auth", mechanism,
                       "--auth-user", "ann", "--auth-password", "wrong",
                       "--to", "bob@ex.test")
        ok("535 5.7.8" in out, f"{mechanism}, wrong password: 535", out)
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
        with pf.client(pf.submit, tls=True) as smtp:
            equal(scram(smtp, "ann", PASSWORD, mechanism), 235,
                  f"{mechanism}: 235, and the server proves itself")
        with pf.client(pf.submit, tls=True) as smtp:
            equal(scram(smtp, "ann", "wrong", mechanism), 535,
                  f"{mechanism}, wrong password: 535")
    with pf.client(pf.submit, tls=True) as smtp:
        equal(scram(smtp, "zoe", "wrong"), 535, "an unknown user: 535")
        mechanisms = set(smtp.esmtp_features["auth"].split())
        ok({"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1"} <= mechanisms,
           "Postfix offers what authd offers", mechanisms)
    with pf.client(pf.submit) as smtp:
        code, text = smtp.docmd("AUTH", "PLAIN " + base64.b64encode(
            f"\0ann\0{PASSWORD}".encode()).decode())
        ok(code == 535 and b"TLS" in text,
           "a password in clear without TLS is refused, and says why", text)
        equal(scram(smtp, "ann", PASSWORD), 235, "SCRAM needs no TLS")
    with pf.client(pf.submit, tls=True) as smtp:
        smtp.mail("ann@ex.test")
        equal(smtp.rcpt("bob@ex.test")[0], 554, "no login, no submission")


def senders(pf):
    """Who may send as whom: his addresses and tags, nobody else's."""
    def mail_from(smtp, sender):
        smtp.rset()
        smtp.mail(sender)
        return smtp.rcpt("bob@ex.test")[0]

    with pf.client(pf.owned, tls=True) as smtp:
        smtp.login("ann", PASSWORD)
        codes = {who: mail_from(smtp, who) for who in (
            "ann@ex.test", "ann+ml-nanog@ex.test", "bob@ex.test",
            "bob+tag@ex.test", "zoe@ex.test", "ann@far.test")}
    equal(codes, {"ann@ex.test": 250, "ann+ml-nanog@ex.test": 250,
                  "bob@ex.test": 553, "bob+tag@ex.test": 553,
                  "zoe@ex.test": 553, "ann@far.test": 553},
          "ann sends as herself and with tags, as nobody else")


def thousand_recipients(rig, pf):
    """Good and unknown ones mixed: what is wrong is said at once, what was
    taken is delivered, and there is never a bounce."""
    before = pf.log().count("status=bounced")
    with pf.client() as smtp:
        smtp.mail("sender@far.test")
        answers = [smtp.rcpt((f"u{n % 50:02}+t{n}" if n % 2 else f"no{n}")
                             + "@ex.test")[0] for n in range(1000)]
        code, _ = smtp.data(b"Subject: thousand\r\n\r\nx\r\n")
    equal([answers.count(250), answers.count(550), code], [500, 500, 250],
          "1,000 recipients, mixed: each is answered at RCPT")

    def count():
        root = rig.dir / "mail"
        return sum(b"Subject: thousand" in p.read_bytes()
                   for p in root.glob("u*/Maildir/.t*/new/*"))
    equal(wait_for(lambda: count() >= 500 and count(), 60), 500,
          "all 500 get it")
    equal(pf.log().count("status=bounced") - before, 0, "nothing bounces")


def big_message(rig, pf):
    """20 MB, with every byte that SMTP lets through, and leading dots."""
    line = bytes(b for b in range(1, 256) if b not in (10, 13)) * 3
    block = b".\r\n..\r\n.dot\r\n" + line[:998] + b"\r\n" + b"\t x \r\n"
    body = block * (20 * 1000 * 1000 // len(block) + 1)
    mail = (b"From: sender@far.test\r\nTo: ann@ex.test\r\nSubject: big-1\r\n"
            b"Content-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\n" + body)
    begin = time.monotonic()
    with pf.client() as smtp:
        smtp.sendmail("sender@far.test", ["bob@ex.test"], mail,
                      ["BODY=8BITMIME"])
    data = find(rig, "bob", "Subject: big-1") or b""
    measured(f"20 MB through Postfix: {time.monotonic() - begin:.1f} s")
    stored = data.partition(b"Subject: big-1")[2]
    stored = re.split(rb"\r?\n\r?\n", stored, maxsplit=1)[-1]
    if b"\r\n" not in stored[:1000]:
        body = body.replace(b"\r\n", b"\n")
    ok(stored == body, "a 20 MB message arrives byte for byte",
       f"{len(stored)} of {len(body)} bytes")


def utf8_addresses(rig, pf):
    with pf.client() as smtp:
        smtp.sendmail("søren@far.test", ["jürgen+größe@ex.test"],
                      "From: søren@far.test\r\nTo: jürgen@ex.test\r\n"
                      "Subject: grüße-1\r\n\r\nhæ\r\n".encode(),
                      ["SMTPUTF8", "BODY=8BITMIME"])
    def look():
        for path in (rig.dir / "mail/jürgen").rglob("[nc]*/*"):
            if "Subject: grüße-1".encode() in path.read_bytes():
                return path
    found = wait_for(look, 20)
    ok(found and ".gr" in str(found), "SMTPUTF8: sender, user and extension",
       found)
    data = found.read_bytes() if found else b""
    ok("Return-Path: <søren@far.test>".encode() in data
       and b"UTF8" in data.split(b"id ")[0],
       "and the trace says so", data[:400])


def fifty_recipients(rig, pf):
    users = [f"u{n:02}" for n in range(50)]
    with pf.client() as smtp:
        refused = smtp.sendmail("sender@far.test",
                                [f"{user}@ex.test" for user in users],
                                "Subject: fifty-1\r\n\r\nto all\r\n")
    equal(refused, {}, "50 recipients are taken at once")
    def count():
        return sum(any(b"Subject: fifty-1" in p.read_bytes()
                       for p in messages(rig, user)) for user in users)
    wait_for(lambda: count() == 50, 20)
    equal(count(), 50, "each of them has it")
    files = {p.stat().st_ino for user in users for p in messages(rig, user)}
    equal(len(files), 1, "as one file")


def verify_probe(pf):
    with pf.client(pf.verify) as smtp:
        smtp.mail("sender@far.test")
        equal(smtp.rcpt("ann@ex.test")[0], 250, "a verify probe finds ann")
    with pf.client(pf.verify) as smtp:
        smtp.mail("sender@far.test")
        code, text = smtp.rcpt("zoe@ex.test")
        ok(code == 550, "and no zoe", (code, text))


def pipe_delivery(rig, pf):
    """penfold-deliver, as pipe(8) runs it."""
    pf.swaks(pf.smtp, "--to", "ann+ml-nanog@pipe.test", "--header",
             "Subject: pipe-1")
    ok(find(rig, "ann", "Subject: pipe-1", "nanog"),
       "penfold-deliver under pipe(8) files by the extension")
    pf.swaks(pf.smtp, "--to", "zoe@pipe.test", "--header", "Subject: pipe-2")
    bounced = wait_for(lambda: re.search(
        r"to=<zoe@pipe\.test>.*dsn=5\.1\.1, status=bounced", pf.log()), 10)
    ok(bounced, "and says EX_NOUSER for an unknown user")


def penfold_down(rig, pf):
    """Nothing is lost, and nobody hears that ann does not exist."""
    with pf.client(pf.submit, tls=True) as before:
        rig.stop()
        out = pf.swaks(pf.smtp, "--to", "ann@ex.test")
        ok(re.search(r"\n<\*\* 4\d\d ", out) and not
           re.search(r"\n<\*\* 5\d\d ", out),
           "penfold stopped: 4xx at RCPT", out)
        code, text = before.docmd("AUTH", "PLAIN " + base64.b64encode(
            f"\0ann\0{PASSWORD}".encode()).decode())
        equal(code, 454, "and 454 to a login, not 535")
    # taken before it stopped, as far as Postfix knows
    subprocess.run(["sendmail", "-C", pf.conf, "-f", "sender@far.test",
                    "ann@ex.test"], check=True,
                   input=b"Subject: later-1\n\nwait for it\n")
    run("sendmail", "-C", pf.conf, "-f", "sender@far.test", "ann@pipe.test",
        input="Subject: later-2\n\nwait for it\n")
    def deferred():
        return (re.search(r"to=<ann@ex\.test>.*status=deferred", pf.log())
                and re.search(r"to=<ann@pipe\.test>.*status=deferred",
                              pf.log()))
    ok(wait_for(deferred, 15), "queued mail is deferred, by LMTP and by pipe")
    rig.start()
    out = pf.swaks(pf.smtp, "--to", "ann@ex.test", "--header",
                   "Subject: after-1")
    ok("queued as" in out, "started again: 250 at once", out)
    pf.flush()
    for subject in ("later-1", "later-2", "after-1"):
        ok(find(rig, "ann", f"Subject: {subject}"),
           f"{subject} has arrived")
    ok(wait_for(pf.queue_is_empty, 20), "the queue is empty")
    ok("status=bounced" not in "".join(
        line for line in pf.log().splitlines() if "<ann@" in line),
       "nothing for ann was bounced")
    ok(re.search(r"235 2\.7\.0", pf.swaks(
        pf.submit, "--tls", "--auth", "PLAIN", "--auth-user", "ann",
        "--auth-password", PASSWORD, "--quit-after", "AUTH")),
       "and ann can log in again")


def broken_user_file(rig, pf):
    """A backend in trouble is never a wrong password or an unknown user."""
    users = rig.dir / "users"
    kept = users.read_text()
    users.unlink()
    out = pf.swaks(pf.smtp, "--to", "new@ex.test", "--quit-after", "RCPT")
    ok("451 4.3.0" in out, "user file gone: 451 for a name we never saw", out)
    out = pf.swaks(pf.smtp, "--to", "ann@ex.test", "--quit-after", "RCPT")
    ok("250 2.1.5" in out, "whom we know stays known", out)
    out = pf.swaks(pf.submit, "--tls", "--auth", "PLAIN", "--auth-user", "new",
                   "--auth-password", "x", "--quit-after", "AUTH")
    ok("454 4.7.0" in out and "535" not in out,
       "454 for a login that cannot be decided", out)
    users.write_text(kept)
    users.chmod(0o600)


def main():
    if os.geteuid() != 0:
        ok(False, "this test needs root: Postfix does")
        finish()
    packages = ["postfix", "swaks", "libnet-ssleay-perl"]
    if subprocess.run(["dpkg", "-s", *packages],
                      capture_output=True).returncode:
        subprocess.run(["apt-get", "install", "-y", "-q", *packages],
                       check=True, stdout=sys.stderr,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    # a test that is stopped stops what it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin = time.monotonic()
    with Rig(conf=f"mail_user = {MAIL_USER}\ndomains = ex.test") as rig, Postfix(rig) as pf:
        rig.add_user("jürgen")
        with open(rig.dir / "users", "a") as users:
            for n in range(50):
                users.write(f"u{n:02}:*\n")
        home = rig.dir / "mail/ann"
        home.mkdir(parents=True, exist_ok=True)
        (home / ".mlists").write_text(
            "ml-nanog nanog nanog@nanog.test nanog@list.test\n")
        for path in (rig.dir / "state", rig.dir / "mail", home,
                     home / ".mlists"):
            os.chown(path, pwd.getpwnam(MAIL_USER).pw_uid, -1)
        plain_mail(rig, pf)
        extension(rig, pf)
        unknown_users(pf)
        submission(rig, pf)
        senders(pf)
        utf8_addresses(rig, pf)
        fifty_recipients(rig, pf)
        thousand_recipients(rig, pf)
        verify_probe(pf)
        pipe_delivery(rig, pf)
        big_message(rig, pf)
        broken_user_file(rig, pf)
        penfold_down(rig, pf)
        measured(f"all of it: {time.monotonic() - begin:.0f} s")
    finish()


if __name__ == "__main__":
    main()
