#!/usr/bin/env python3
"""SCRAM bound to TLS, as gsasl (tls-exporter) and a client of our own
(tls-server-end-point) do it over IMAP and ManageSieve; and whoever sits in
between with another certificate, or takes -PLUS out of our list."""
import base64
import hashlib
import hmac
import imaplib
import os
import pathlib
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import PASSWORD, Rig, equal, finish, ok


def scram(gs2, binding, user, password, exchange):
    """One SCRAM-SHA-256; exchange(bytes) -> the server's next message, or
    None.  True when the server proved itself, too."""
    def mac(key, text):
        return hmac.digest(key, text, "sha256")

    nonce = base64.b64encode(os.urandom(12)).decode()
    bare = f"n={user},r={nonce}"
    first = exchange((gs2 + bare).encode())
    if first is None:
        return False
    words = dict(word.split("=", 1) for word in first.decode().split(","))
    channel = base64.b64encode(gs2.encode() + binding).decode()
    final = f"c={channel},r={words['r']}"
    text = f"{bare},{first.decode()},{final}".encode()
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(),
                                 base64.b64decode(words["s"]), int(words["i"]))
    key = mac(salted, b"Client Key")
    signature = mac(hashlib.sha256(key).digest(), text)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature)))
    last = exchange(f"{final},p={proof.decode()}".encode())
    want = base64.b64encode(mac(mac(salted, b"Server Key"), text))
    return last == b"v=" + want


class Lines:
    def __init__(self, sock):
        self.sock, self.file = sock, sock.makefile("rwb")

    def send(self, text):
        self.file.write(text + b"\r\n")
        self.file.flush()

    def until(self, *starts):
        while True:
            line = self.file.readline()
            if not line or line.startswith(starts):
                return line.rstrip(b"\r\n")


def imap_scram(rig, mechanism, gs2, binding=None):
    """The tagged answer's first word."""
    with socket.create_connection(("127.0.0.1", rig.imaps_port), 20) as raw, \
            rig.tls_context().wrap_socket(raw) as tls:
        lines = Lines(tls)
        lines.until(b"* OK")
        if binding is None:  # RFC 5929 4.1: our certificates are of SHA-256
            binding = hashlib.sha256(tls.getpeercert(True)).digest()
        lines.send(b"a AUTHENTICATE " + mechanism.encode())
        answer = lines.until(b"+", b"a ")

        def exchange(data):
            nonlocal answer
            if not answer.startswith(b"+"):
                return None
            lines.send(base64.b64encode(data))
            answer = lines.until(b"+", b"a ")
            return base64.b64decode(answer[2:]) if answer[:1] == b"+" else None

        good = scram(gs2, binding, "ann", PASSWORD, exchange)
        if good:
            lines.send(b"")
            answer = lines.until(b"a ")
        return answer.split(b" ")[1].decode()


def sieve_scram(rig, gs2):
    with socket.create_connection(("127.0.0.1", rig.port + 3), 20) as raw:
        lines = Lines(raw)
        lines.until(b"OK")
        lines.send(b"STARTTLS")
        lines.until(b"OK")
        tls = rig.tls_context().wrap_socket(raw)
        lines = Lines(tls)
        offered = lines.until(b'"SASL"')
        lines.until(b"OK")
        ok(b'SCRAM-SHA-256-PLUS SCRAM-SHA-256 ' in offered,
           f"ManageSieve offers -PLUS over TLS: {offered}")
        binding = hashlib.sha256(tls.getpeercert(True)).digest()
        begun = False

        def exchange(data):
            nonlocal begun
            text = base64.b64encode(data)
            lines.send((b"" if begun else
                        b'AUTHENTICATE "SCRAM-SHA-256-PLUS" ')
                       + b'"' + text + b'"')
            begun = True
            line = lines.until(b'"', b"{", b"OK", b"NO")
            if line.startswith(b"{"):
                line = b'"' + lines.until(b"") + b'"'
            return base64.b64decode(line.strip(b'"')) \
                if line.startswith(b'"') else None

        if not scram(gs2, binding, "ann", PASSWORD, exchange):
            return "NO"
        lines.send(b'""')
        return lines.until(b"OK", b"NO")[:2].decode()


def gsasl(rig, mechanism, password=PASSWORD):
    done = subprocess.run(
        ["gsasl", "--imap", "--starttls", "--verbose",
         "--connect", f"localhost:{rig.port}", "--mechanism", mechanism,
         "--authentication-id", "ann", "--password", password,
         "--x509-ca-file", rig.dir / "tls/cert.pem"],
        input="", capture_output=True, text=True, timeout=60)
    return done.returncode == 0, done.stdout + done.stderr


SCRIPT = """#!/bin/sh
read -r password || true
case $PAM_USER:$password in
ann:from-pam-1 | bob:from-pam-2) exit 0 ;;
esac
exit 1
"""


def pam(rig):
    """A stack of our own: pam_exec, and one whose module is not there."""
    script = rig.dir / "ask"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    services = [pathlib.Path(f"/etc/pam.d/penfold-{os.getpid()}-{name}")
                for name in ("good", "bad")]
    try:
        services[0].write_text(
            # as Debian's common-auth; pam_exec itself only knows errors
            "auth [success=1 default=ignore] pam_exec.so quiet "
            f"expose_authtok {script}\n"
            "auth requisite pam_deny.so\nauth required pam_permit.so\n"
            "account required pam_permit.so\n")
        services[1].write_text("auth required pam_nothing_there.so\n"
                               "account required pam_permit.so\n")
        with open(rig.dir / "users.new", "w") as users:
            for name, service in ("ann", 0), ("bob", 0), ("eve", 1):
                users.write(f"{name}:{{PAM}}{services[service].name}\n")
        os.rename(rig.dir / "users.new", rig.dir / "users")

        def login(user, password):
            with rig.imap() as imap:
                try:
                    return imap.login(user, password)[0]
                except imaplib.IMAP4.error as err:
                    return "LATER" if "UNAVAILABLE" in str(err) else "NO"
        equal([login("ann", "from-pam-1"), login("bob", "from-pam-2")],
              ["OK", "OK"], "PAM says yes")
        equal([login("bob", "from-pam-1"), login("ann", "x")], ["NO", "NO"],
              "and no, also to what another user's is")
        script.write_text(SCRIPT.replace("pam-1", "pam-3"))
        equal([login("ann", "from-pam-1"), login("ann", "from-pam-3")],
              ["NO", "OK"], "what changed there counts at once")
        equal(login("eve", "x"), "LATER",
              "a PAM that does not work is no wrong password")
    finally:
        for service in services:
            service.unlink(missing_ok=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Rig(users=("ann",)) as rig:
        with rig.imap() as imap:
            for name in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
                ok(f"AUTH={name}-PLUS" in imap.capabilities,
                   f"{name}-PLUS is offered over TLS")
        for name in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"):
            good, said = gsasl(rig, name)
            ok(good, f"gsasl: {name}")
            ok(base64.b64encode(b"p=tls-exporter,,")[:18].decode() in said,
               "with tls-exporter")
        ok(not gsasl(rig, "SCRAM-SHA-256-PLUS", "wrong")[0],
           "and not with another password")

        end_point = "p=tls-server-end-point,,"
        plus, bare = "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"
        equal(imap_scram(rig, plus, end_point), "OK", "tls-server-end-point")
        equal(imap_scram(rig, plus, end_point, b"x" * 32), "NO",
              "the certificate was somebody else's")
        equal(imap_scram(rig, bare, "n,,", b""), "OK", "SCRAM without binding")
        equal(imap_scram(rig, bare, "y,,", b""), "NO",
              "-PLUS was taken out of our list")
        ok(not gsasl(rig, bare)[0],
           "gsasl says so, too, when it is told to use the one without")
        equal(imap_scram(rig, plus, "n,,", b""), "NO",
              "-PLUS without binding")
        equal(sieve_scram(rig, end_point), "OK", "over ManageSieve")
        pam(rig)
    finish()


if __name__ == "__main__":
    main()
