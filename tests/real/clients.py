#!/usr/bin/env python3
"""Python's imaplib, curl, offlineimap and notmuch on one account."""
import hashlib
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403


def with_imaplib(rig):
    imap = rig.imap("ann")
    offered = imap.capability()[1][0].split()
    ok({b"IDLE", b"UIDPLUS", b"MOVE", b"CONDSTORE"} <= set(offered),
       "imaplib: capabilities after login", offered)
    equal(imap.create("Pl&AOQ-ne")[0], "OK",
          "imaplib: a folder with an umlaut")
    typ, data = imap.append("Pl&AOQ-ne", "(\\Seen)",
                            imaplib.Time2Internaldate(1000000000),
                            message("appended"))
    ok(typ == "OK" and b"APPENDUID" in data[0], "imaplib: APPENDUID", data)
    imap.select("Pl&AOQ-ne")
    typ, data = imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE "
                                "BODYSTRUCTURE)")
    ok(b'"09-Sep-2001 01:46:40 +0000"' in data[0],
       "imaplib: INTERNALDATE is kept", data)
    typ, data = imap.uid("COPY", "1", "Nowhere")
    ok(typ == "NO" and b"TRYCREATE" in data[0], "imaplib: TRYCREATE", data)
    imap.uid("COPY", "1", "INBOX")
    equal(imap.status("INBOX", "(MESSAGES)")[1][0], b"INBOX (MESSAGES 1)",
          "imaplib: STATUS after COPY")
    wrong = rig.imap()
    try:
        wrong.login("ann", "wrong")
        ok(False, "imaplib: a wrong password is refused")
    except imaplib.IMAP4.error as e:
        ok("AUTHENTICATIONFAILED" in str(e),
           "imaplib: a wrong password is refused", e)
    imap.logout()


def idle_hears(rig):
    """A delivery reaches an IDLE client at once, without polling."""
    imap = rig.imap("bob")
    imap.select()
    imap.send(b"i IDLE\r\n")
    assert imap.readline().startswith(b"+")
    took = []
    for n in range(20):
        start = time.monotonic()
        rig.deliver("bob", message(f"idle {n}"))
        imap.sock.settimeout(10)
        while not re.match(rb"\* \d+ EXISTS", imap.readline()):
            pass
        took.append(time.monotonic() - start)
    took.sort()
    measured(f"delivery to EXISTS: median {took[10] * 1e3:.1f} ms, "
             f"worst {took[-1] * 1e3:.1f} ms")
    # without inotify we would look every 10 seconds
    ok(took[-1] < 8, "new mail reaches an IDLE client, pushed", took)
    imap.send(b"DONE\r\n")
    imap.sock.close()


def with_curl(rig):
    base = f"imaps://127.0.0.1:{rig.imaps_port}/"
    auth = ["curl", "-sSk", "--user", f"ann:{PASSWORD}"]
    out = run(*auth, base)
    ok('"INBOX"' in out.stdout or " INBOX" in out.stdout, "curl: LIST",
       out.stdout + out.stderr)
    out = run(*auth, base + "INBOX;MAILINDEX=1")
    ok("Subject: appended" in out.stdout, "curl: FETCH", out.stderr)
    out = run(*auth, base + "INBOX?SUBJECT%20APPENDED")
    ok(re.search(r"\* SEARCH \d", out.stdout), "curl: SEARCH", out.stdout)
    upload = rig.dir / "upload"
    upload.write_bytes(message("by curl").replace(b"\n", b"\r\n"))
    out = run(*auth, "-T", upload, base + "INBOX")
    equal(out.returncode, 0, "curl: APPEND")
    out = run(*auth, "--login-options", "AUTH=SCRAM-SHA-256", base)
    starttls = run("curl", "-sSk", "--ssl-reqd", "--user", f"ann:{PASSWORD}",
                   f"imap://127.0.0.1:{rig.port}/INBOX;MAILINDEX=1")
    ok("Subject: appended" in starttls.stdout, "curl: STARTTLS",
       starttls.stderr)


def with_offlineimap(rig, port):
    near = rig.dir / "offline"
    rc = rig.dir / "offlineimaprc"
    # our certificate is for localhost, and signed by nobody
    pem = (rig.dir / "tls/cert.pem").read_text()
    print_ = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    rc.write_text(f"""
[general]
accounts = a
metadata = {rig.dir}/offlineimap
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {near}
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {port}
remoteuser = bob
remotepass = {PASSWORD}
ssl = yes
cert_fingerprint = {print_}
""")
    def sync(what):
        out = run("offlineimap", "-c", rc, "-o", "-1", "-u", "basic",
                  timeout=200)
        ok(out.returncode == 0 and "ERROR" not in out.stderr + out.stdout,
           f"offlineimap: {what}", (out.stdout + out.stderr)[-1500:])
    sync("the first sync")
    files = [p for d in ("cur", "new") for p in (near / "INBOX" / d).iterdir()]
    equal(len(files), 20, "offlineimap: all messages came")
    (near / "INBOX/new/1234.local.host").write_bytes(message("from here"))
    base, _, flags = files[0].name.partition(":2,")
    files[0].rename(near / "INBOX/cur" / f"{base}:2,FS")
    sync("the second sync")
    imap = rig.imap("bob")
    found = flags_of(imap)
    equal(len(found), 21, "offlineimap: an upload arrived")
    equal(sum(b"\\Flagged" in f for f in found.values()), 1,
          "offlineimap: a flag arrived")
    imap.logout()


def with_notmuch(rig):
    """Reads the Maildir itself and may rename files in it."""
    rc = rig.dir / "notmuchrc"
    maildir = rig.maildir("bob")
    rc.write_text(f"""
[database]
path={maildir}
mail_root={maildir}
[user]
name=bob
primary_email=bob@example.org
[new]
tags=unread;inbox
ignore=/penfold.*/;/dovecot.*/;subscriptions
[maildir]
synchronize_flags=true
""")
    env = {**os.environ, "NOTMUCH_CONFIG": str(rc)}
    before = flags_of(rig.imap("bob"))
    run("notmuch", "new", env=env, check=True)
    out = run("notmuch", "count", "subject:idle", env=env)
    equal(out.stdout.strip(), "20", "notmuch: indexes the same Maildir")
    run("notmuch", "tag", "-unread", "--", "subject:idle", env=env)
    after = flags_of(rig.imap("bob"))
    equal(set(after), set(before), "notmuch: its renames change no UID")
    ok(sum(b"\\Seen" in f for f in after.values()) >= 20,
       "notmuch: its flags are seen", after)
    run("rm", "-rf", maildir / ".notmuch")


def main():
    with Rig() as rig:
        with_imaplib(rig)
        idle_hears(rig)
        with_curl(rig)
        with Relay(rig, "offlineimap") as relay:
            with_offlineimap(rig, relay.port)
        with_notmuch(rig)
    finish()


main()
