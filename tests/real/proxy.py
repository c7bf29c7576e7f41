#!/usr/bin/env python3
"""Behind a proxy: the PROXY protocol, versions 1 and 2, from trusted peers
only, in clear and before TLS."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command, family, addresses):
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family,
                                   len(addresses)) + addresses


def tcp4(source, target="203.0.113.1"):
    return (socket.inet_aton(source) + socket.inet_aton(target)
            + struct.pack("!HH", 4711, 993))


def tcp6(source, target="2001:db8::1"):
    return (socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, target)
            + struct.pack("!HH", 4711, 993))


HEADERS = (
    ("version 1, IPv4", b"PROXY TCP4 198.51.100.7 203.0.113.1 4711 993\r\n",
     "198.51.100.7"),
    ("version 1, IPv6", b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 993\r\n",
     "2001:db8::7"),
    ("version 1, unknown", b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ("version 2, IPv4", v2(1, 0x11, tcp4("198.51.100.8")), "198.51.100.8"),
    ("version 2, IPv6 and more behind",
     v2(1, 0x21, tcp6("2001:db8::8") + b"\x04\x00\x01x"), "2001:db8::8"),
    ("version 2, a mapped address", v2(1, 0x21, tcp6("::ffff:198.51.100.9")),
     "198.51.100.9"),
    ("version 2, local", v2(0, 0, b""), "127.0.0.1"),
)
BAD = (b"a LOGIN ann x\r\n", b"PROXY TCP4 198.51.100.7\r\n",
       b"PROXY TCP4 2001:db8::7 203.0.113.1 1 2\r\n",
       b"PROXY TCP4 1.2.3.4 203.0.113.1 1 99999\r\n",
       b"PROXY " + b"x" * 200 + b"\r\n", v2(1, 0x11, b"short"),
       v2(3, 0x11, tcp4("1.2.3.4")), SIGNATURE + b"\x21\x11\xff\xff")


def session(rig, port, header, tls, split=False):
    """Logs in behind the header; the address that the log has."""
    s = socket.create_connection(("127.0.0.1", port), 10)
    if split:
        for byte in header:
            s.sendall(bytes([byte]))
            time.sleep(0.002)
    elif not tls:
        s.sendall(header)
    if tls:
        # in one segment with the first bytes of TLS: nothing must be lost
        ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
        obj = rig.tls_context().wrap_bio(ours, theirs)
        with contextlib.suppress(ssl.SSLWantReadError):
            obj.do_handshake()
        s.sendall(header + theirs.read())
        while True:
            ours.write(s.recv(65536))
            try:
                obj.do_handshake()
                break
            except ssl.SSLWantReadError:
                s.sendall(theirs.read())
        obj.write(f"a LOGIN ann {PASSWORD}\r\n".encode())
        s.sendall(theirs.read())
    else:
        s.sendall(f"a LOGIN ann {PASSWORD}\r\n".encode())
    before = rig.log().count("imapd[")

    def seen():
        found = [x for x in rig.log().splitlines()
                 if " imapd[" in x and " login user=ann" in x]
        return found and found[-1]
    wait_for(lambda: rig.log().count("imapd[") > before, 5)
    line = seen() or ""
    s.close()
    return line.partition("ip=")[2].split()[0] if line else None


def refused(port, header):
    s = socket.create_connection(("127.0.0.1", port), 10)
    try:
        s.sendall(header)
        s.settimeout(8)
        return s.recv(100) == b""
    except ConnectionError:
        return True
    finally:
        s.close()


def main():
    base = free_port_block(start=25000)
    lines = (f"listen_imap = proxy:127.0.0.1:{base}\n"
             f"listen_imaps = proxy:127.0.0.1:{base + 1}\n"
             "auth_plain_loopback = yes\n")
    with Rig(("ann",), conf=lines) as rig:
        for name, header, ip in HEADERS:
            equal(session(rig, base + 1, header, True), ip, f"TLS: {name}")
        equal(session(rig, base, HEADERS[2][1], False), "127.0.0.1", "in clear")
        ok("result=ok" in rig.log(), "logins went well")
        equal(session(rig, base, b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n",
                      False, split=True), "127.0.0.9", "byte by byte")
        for header in BAD:
            ok(refused(base, header), f"refused: {header[:50]!r}")
        began = time.monotonic()
        ok(refused(base, b"PROXY TCP4 1"), "half a header is not waited for")
        ok(2 < time.monotonic() - began < 6, "after 3 seconds")
        rig.stop()
        with open(rig.dir / "penfold.conf", "a") as conf:
            conf.write("trusted_networks = 192.0.2.0/24\n")
        rig.start()
        ok(refused(base, HEADERS[0][1]), "a peer that is not trusted")
        ok("not in trusted_networks" in rig.log(), "and the log says so")
    finish()


main()
