#!/usr/bin/env python3
"""Marked strings in subjects, bodies, addresses' names, attachment names and
passwords, carried through every door, also broken and at the chattiest log
level: none is ever in a log, the journal or whatever else penfold writes beside
mail.  And nothing that a peer sends forges a line."""
import base64
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

SUBJECT, BODY, NAME = "CanarySubject7", "CanaryBody7", "CanaryName7"
FILE, WRONG, PASS = "CanaryFile7", "CanaryWrong7", "CanaryRight7"
SEARCHED = "CanarySearched7"
CANARIES = (SUBJECT, BODY, NAME, FILE, WRONG, PASS, SEARCHED)
FORGED = "2026-01-01T00:00:00.000Z info authd[1] login result=ok user=root"

MAIL = f"""From: "{NAME}" <ann@example.org>
To: bob@example.org
Subject: {SUBJECT}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=x-{BODY}

{BODY}
--b
Content-Type: application/pdf; name={FILE}.pdf
Content-Disposition: attachment; filename={FILE}.pdf
Content-Transfer-Encoding: base64

!!! not base64 !!!
--b--
"""
BROKEN_SCRIPT = f'if header :contains "subject" "{SUBJECT}" {{ fileinto "x'
SCRIPT = (f'require ["fileinto", "vacation"];\n'
          f'if header :contains "subject" "{SUBJECT}" {{ vacation '
          f':subject "{SUBJECT}" "{BODY}"; fileinto "INBOX"; }}\n')


def line_of(sock, *lines):
    """Sends each, reads what comes."""
    for line in lines:
        sock.sendall(line + b"\r\n")
        time.sleep(0.05)
        with contextlib.suppress(OSError):
            sock.recv(65536)


def connect(rig):
    s = rig.tls_context().wrap_socket(
        socket.create_connection(("127.0.0.1", rig.imaps_port), 10))
    s.recv(4096)
    return s


def logins(rig):
    """Wrong and right passwords in each form, and what is no command."""
    plain = base64.b64encode(f"\0ann\0{WRONG}".encode())
    forged = FORGED.encode()
    s = connect(rig)
    line_of(s, f"a LOGIN ann {WRONG}".encode(),
            b"b AUTHENTICATE PLAIN " + plain,
            b"c AUTHENTICATE LOGIN", base64.b64encode(b"ann"),
            base64.b64encode(WRONG.encode()),
            f"d LOGIN {WRONG} ann {WRONG}".encode())
    s.close()
    s = connect(rig)
    line_of(s, f"{WRONG} {WRONG} {BODY}".encode(),
            f"a LOGIN ann {{{len(WRONG)}}}".encode(), WRONG.encode(),
            b'b LOGIN "x\\" result=ok user=\\"root" y',
            b"c LOGIN {%d}" % (len(forged) + 2), b"\r\n" + forged + b" y",
            b'd ID ("name" "' + forged + b'")')
    s.close()
    s = connect(rig)
    line_of(s, f"a LOGIN ann {PASS}".encode(), b"b SELECT INBOX",
            f'c SEARCH TEXT "{SEARCHED}"'.encode(),
            f'd SEARCH HEADER Subject "{SUBJECT}"'.encode(),
            b"e FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[TEXT])",
            f"f FETCH 1 BODY[HEADER.FIELDS ({BODY}".encode(),
            f"g APPEND INBOX {{{len(MAIL)}}}".encode(), MAIL.encode(),
            f"h {BODY} {BODY}".encode(), b"i LOGOUT")
    s.close()


def deliveries(rig):
    rig.deliver("ann", MAIL.encode())
    for script in (SCRIPT, BROKEN_SCRIPT):
        (rig.home("bob") / ".dovecot.sieve").write_text(script)
        rig.deliver("bob", MAIL.encode())
    with rig.lmtp() as lmtp:
        lmtp.ehlo()
        lmtp.docmd("MAIL", f"FROM:<{NAME}@x.test> {BODY}")
        lmtp.docmd(BODY, SUBJECT)
    # half a message, and a crash while it comes
    s = socket.create_connection(("127.0.0.1", rig.lmtp_port), 10)
    line_of(s, b"LHLO x", b"MAIL FROM:<a@x.test>", b"RCPT TO:<ann>", b"DATA",
            MAIL.encode())
    os.kill(rig.pids()["mda"], signal.SIGKILL)
    s.close()


def crash(rig):
    """A program that dies with mail in memory leaves no core."""
    imap = rig.imap("ann", PASS)
    fetch_bodies(imap)
    os.kill(rig.pids()["imapd-session-0"], signal.SIGSEGV)
    wait_for(lambda: "signal=11" in rig.log())


def written(rig):
    """All that was written and is not mail, an index or a password file."""
    for path in rig.dir.rglob("*"):
        inside = path.relative_to(rig.dir).parts
        if path.is_file() and inside[0] not in ("mail", "users"):
            yield path


def main():
    with Rig(conf="log_level = debug") as rig:
        rig.add_user("ann2")
        rig.ctl("user", "passwd", "ann", input=PASS + "\n", check=False)
        logins(rig)
        deliveries(rig)
        crash(rig)
        out = rig.ctl("explain", "--last", check=False)
        log = rig.log()
        ok(log.count("result=fail") >= 3 and "delivered" in log,
           "all that was tried left its lines", log[-3000:])
        ok("result=ok" in log, "and somebody got in")
        paths = list(written(rig))
        for canary in CANARIES:
            encoded = [canary.encode(), base64.b64encode(canary.encode())[:-4]]
            where = [p for p in paths
                     for data in [p.read_bytes()]
                     if any(form in data for form in encoded)]
            equal(where, [], f"{canary} is in none of {len(paths)} files")
            ok(canary not in out.stdout, f"{canary}: nor told by explain")
        grammar = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
                             r"(error|warn|info|debug) [a-z-]+\[\d+\] [a-z-]+"
                             r"( [a-z_0-9]+=(\"([^\"\\]|\\.)*\"|[^\s\"=]+))*$")
        odd = [line for line in log.splitlines() if not grammar.match(line)]
        equal(odd, [], "each line is of the one grammar")
        equal([x for x in log.splitlines() if x.startswith(FORGED[:30])], [],
              "and none is forged")
        equal(list(rig.dir.rglob("core*")), [], "no core")
    finish()


main()
