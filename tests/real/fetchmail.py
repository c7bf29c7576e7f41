#!/usr/bin/env python3
"""fetchmail carries ann's mail to bob, from IMAP to LMTP: all of it once and
byte for byte, then only what is new, then with IDLE as it arrives."""
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403


class Fetchmail:
    def __init__(self, rig, port):
        self.dir = rig.dir / "fetchmail"
        self.dir.mkdir()
        self.rc = self.dir / "rc"
        self.base = f"""poll localhost protocol IMAP port {port}
  username "ann" password "{PASSWORD}" ssl sslproto "TLS1.2+"
  sslcertck sslcertfile "{rig.dir}/tls/cert.pem"
  lmtp smtphost "localhost/{rig.lmtp_port}" smtpname "bob"
  no rewrite no mimedecode
"""

    def command(self, options):
        self.rc.write_text(self.base + "  " + options + "\n")
        self.rc.chmod(0o600)
        return ["fetchmail", "-f", self.rc, "--nodetach", "--nosyslog",
                "--invisible", "--pidfile", self.dir / "pid",
                "-i", self.dir / "ids"]

    def run(self, options):
        env = {**os.environ, "HOME": str(self.dir),
               "FETCHMAILHOME": str(self.dir)}
        return run(*self.command(options), env=env)


def arrived(rig):
    """What bob has, without the trace in front."""
    with rig.imap("bob") as imap:
        return sorted(body.replace(b"\r\n", b"\n").split(b"X-Mark: ", 1)[-1]
                      for body in fetch_bodies(imap).values())


def main():
    with Rig() as rig, Relay(rig, "fetchmail") as relay:
        sent = []
        with rig.lmtp() as lmtp:
            for n in range(50):
                mail = message(f"number {n}", f"body {n}\n.\n..two\n" * n +
                               "From the start\n", extra=f"X-Mark: {n:03}\n")
                sent.append(mail.split(b"X-Mark: ", 1)[1])
                lmtp.sendmail("a@far.test", ["ann"],
                              mail.replace(b"\n", b"\r\n"))
        program = Fetchmail(rig, relay.port)
        with rig.imap("ann") as imap:
            out = program.run("keep")
            equal(out.returncode, 0, "fetchmail: ends well") or \
                print("#", out.stdout, out.stderr)
            equal(arrived(rig), sorted(sent),
                  "fetchmail: brought 50 messages as they were")
            flags = flags_of(imap)
            ok(len(flags) == 50 and all(b"\\Seen" in f
                                        for f in flags.values()),
               "fetchmail: keeps them on the server, as seen", flags)
            equal(program.run("keep").returncode, 1,
                  "fetchmail: nothing new, says so")
            rig.deliver("ann", message("new", extra="X-Mark: new\n"))
            equal(program.run("keep").returncode, 0,
                  "fetchmail: something new")
            equal(len(arrived(rig)), 51, "fetchmail: brought only that")
            # all again, and away from the server
            out = program.run("fetchall")
            equal(len(arrived(rig)), 102, "fetchmail: all of it again")
            equal(flags_of(imap), {}, "fetchmail: nothing is left behind")
            waiting = subprocess.Popen(
                list(map(str, program.command("idle keep"))),
                env={**os.environ, "HOME": str(program.dir),
                     "FETCHMAILHOME": str(program.dir)},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            logins = relay.connections
            wait_for(lambda: relay.connections > logins)
            time.sleep(0.5)
            for n in range(3):
                rig.deliver("ann", message(f"pushed {n}",
                                           extra=f"X-Mark: p{n}\n"))
                ok(wait_for(lambda: len(arrived(rig)) == 103 + n),
                   f"fetchmail: IDLE brings new mail, {n + 1}",
                   len(arrived(rig)))
            waiting.send_signal(signal.SIGTERM)
            waiting.wait(20)
        equal(relay.refused, [], "fetchmail: nothing was refused")
    finish()


main()
