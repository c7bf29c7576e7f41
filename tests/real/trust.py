#!/usr/bin/env python3
"""TLS as a scanner and as clients see it, certificates swapped under load,
and what the login side can do when others' code runs in its place."""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

HERE = pathlib.Path(__file__).resolve().parent
SEPARATE = "mail_user = mail\nauth_user = daemon\ngate_user = nobody\n"


def make_cert(where, name, host, days=90, kind=("rsa:2048",), serial="7"):
    cert, key = where / f"{name}.pem", where / f"{name}.key"
    made = run("openssl", "req", "-x509", "-nodes", "-newkey", *kind, "-keyout",
               f"{key}.new", "-out", f"{cert}.new", "-days", days, "-subj",
               f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
               "-set_serial", serial)
    if made.returncode:
        raise RuntimeError(made.stderr)
    pathlib.Path(f"{key}.new").rename(key)
    pathlib.Path(f"{cert}.new").rename(cert)
    return cert, key


def seen(rig, host=None, alpn=None, version=None):
    """Subject of the certificate, ALPN and version that a client gets."""
    context = rig.tls_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    if version:
        context.maximum_version = context.minimum_version = version
    with socket.create_connection(("127.0.0.1", rig.imaps_port)) as raw, \
            context.wrap_socket(raw, server_hostname=host) as tls:
        der = ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))
        subject = run("openssl", "x509", "-noout", "-subject", "-serial",
                      input=der).stdout
        return (re.search(r"CN ?= ?(\S+)", subject)[1],
                re.search(r"serial=(\w+)", subject)[1],
                tls.selected_alpn_protocol(), tls.version())


def scan(rig):
    out = run("sslscan", "--no-colour", f"127.0.0.1:{rig.imaps_port}").stdout
    for protocol in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        ok(re.search(protocol + r"\s+disabled", out), f"no {protocol}", out)
    ciphers = re.findall(r"(?:Preferred|Accepted)\s+(\S+)\s+\d+ bits\s+(\S+)",
                         out)
    ok(ciphers and all("GCM" in c or "CHACHA20" in c for _, c in ciphers),
       "only ciphers that authenticate", out)
    ok(all(c.startswith(("ECDHE", "TLS_")) for _, c in ciphers),
       "only forward secrecy", out)
    groups = set(re.findall(r"TLSv1\.\d\s+\d+ bits\s+(\S+)\s*(?:\(|$)", out,
                            re.M))
    ok(groups and groups <= {"x25519", "secp256r1", "secp384r1"},
       "only strong curves", groups)
    ok("not vulnerable" in out and "renegotiation not supported" in out,
       "no renegotiation")


def names(rig, tls):
    equal(seen(rig)[0], "one.example", "who names no host: the first")
    equal(seen(rig, "two.example")[0], "two.example", "SNI chooses")
    equal(seen(rig, "a.wild.example")[0], "*.wild.example", "a wildcard")
    equal(seen(rig, "else.example")[0], "one.example", "an unknown name")
    equal(seen(rig, "two.example", version=ssl.TLSVersion.TLSv1_2)[::3],
          ("two.example", "TLSv1.2"), "TLS 1.2, signed by the other process")
    equal(seen(rig, "one.example", version=ssl.TLSVersion.TLSv1_2)[::3],
          ("one.example", "TLSv1.2"), "... by an RSA key")
    equal(seen(rig, alpn=["imap"])[2], "imap", "ALPN")
    try:
        got = seen(rig, alpn=["http/1.1"])
    except ssl.SSLError as refused:
        got = refused
    ok("no application protocol" in str(got).lower().replace("_", " "), "a web browser is refused", got)
    out = rig.log()
    ok(re.search("certificate-ends number=3 days=[45] ", out),
       "a certificate that ends soon is a warning", out[-2000:])


def resumption(rig):
    """A ticket from before a change of certificates is good after it."""
    address = f"127.0.0.1:{rig.imaps_port}"
    ticket = rig.dir / "ticket"
    first = run("openssl", "s_client", "-connect", address, "-sess_out",
                ticket, "-tls1_2", input="a LOGOUT\n").stdout
    again = run("openssl", "s_client", "-connect", address, "-sess_in",
                ticket, "-tls1_2", input="a LOGOUT\n").stdout
    ok("New, TLS" in first and "Reused, TLS" in again, "a session is resumed",
       again)
    return ticket


def swap_under_load(rig, tls):
    ticket = resumption(rig)
    old = [rig.imap("ann") for _ in range(20)]
    stop, faults, logins = [], [], []

    def load():
        while not stop:
            try:
                imap = rig.imap("bob")
                imap.noop()
                imap.logout()
                logins.append(1)
            except Exception as fault:  # noqa: BLE001
                faults.append(repr(fault))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load) for _ in range(4)]
        make_cert(tls, "one", "one.example", serial="99")
        swapped = wait_for(lambda: seen(rig)[1] == "63", 15)
        (tls / "two.key").write_text("rubbish")
        wait_for(lambda: "certificate-kept" in rig.log(), 15)
        kept = seen(rig, "two.example")[0]
        stop.append(1)
        for one in running:
            one.result()
    ok(swapped, "a new certificate is seen by itself")
    ok(rig.log().count("certificate-kept") == 1,
       "one that does not fit its key is refused, once")
    equal(kept, "two.example", "and what was there stays")
    equal(faults, [], f"no login failed meanwhile, of {len(logins)}")
    equal([i.noop()[0] for i in old], ["OK"] * len(old),
          "no session was dropped")
    again = run("openssl", "s_client", "-connect",
                f"127.0.0.1:{rig.imaps_port}", "-sess_in", ticket, "-tls1_2",
                input="a LOGOUT\n").stdout
    ok("Reused, TLS" in again, "tickets outlive the change", again[-600:])


def taken_over(conf, how):
    """Others' code in the gate's place reads no key, password or mail."""
    with Rig((), conf=conf) as rig:
        library = rig.dir / "probe.so"
        made = run("gcc", "-shared", "-fPIC", "-O1", "-o", library,
                   HERE / "probe_gate.c", "-ldl")
        ok(made.returncode == 0, f"{how}: the probe is made", made.stderr)
        if conf:
            shutil.chown(rig.dir / "users", "daemon")
        rig.add_user("ann")
        rig.deliver("ann", message("secret"))
        mail = next(p for p in rig.maildir("ann").rglob("*")
                    if p.parent.name in ("new", "cur"))
        rig.stop()
        files = [rig.dir / "users", rig.dir / "tls/key.pem", mail,
                 rig.dir / "penfold.conf", "/etc/passwd"]
        rig.env.update(LD_PRELOAD=str(library), PROBE_PID="1",
                       PROBE=":".join(map(str, files)))
        rig.start()
        with socket.create_connection(("127.0.0.1", rig.imaps_port)):
            wait_for(lambda: "probe: end" in rig.log())
        # the key role, the gate's child, is the other process to get at
        lines = re.findall(r"^probe: (.*)", rig.log(), re.M)
        ok(len(lines) > 12, f"{how}: the probe ran", lines)
        equal([x for x in lines if "COULD" in x], [], f"{how}: nothing "
              "of what it must not do works")


def hung_session(rig):
    """A session process that hangs does not hold the gate up."""
    pid = rig.pids()["imapd-session-0"]
    os.kill(pid, signal.SIGSTOP)
    try:
        hanging = []
        for _ in range(300):
            s = rig.tls_context().wrap_socket(
                socket.create_connection(("127.0.0.1", rig.imaps_port)))
            s.sendall(f"a LOGIN ann {PASSWORD}\r\n".encode())
            hanging.append(s)
        began = time.monotonic()
        imap = rig.imap()
        imap.noop()
        took = time.monotonic() - began
        ok(took < 1, f"300 logins to a session that hangs: another connection "
           f"is served after {took * 1000:.0f} ms")
        imap.shutdown()
    finally:
        os.kill(pid, signal.SIGCONT)
    for s in hanging:
        s.close()
    ok(wait_for(lambda: rig.imap("ann").noop()[0] == "OK"),
       "and it goes on afterwards")


def main():
    where = pathlib.Path(tempfile.mkdtemp(prefix="penfold-real-"))
    certs = [make_cert(where, "one", "one.example"),
             make_cert(where, "two", "two.example",
                       kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")),
             make_cert(where, "wild", "*.wild.example", days=5)]
    conf = ("tls_cert = " + " ".join(str(c) for c, _ in certs) + "\n"
            "tls_key = " + " ".join(str(k) for _, k in certs) + "\n")
    with Rig(conf=conf) as rig:
        scan(rig)
        names(rig, where)
        swap_under_load(rig, where)
        hung_session(rig)
    taken_over("", "one uid")
    if os.geteuid() == 0:
        taken_over(SEPARATE, "uids apart")
    shutil.rmtree(where)
    finish()


main()
