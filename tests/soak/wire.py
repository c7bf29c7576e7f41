"""One IMAP connection as the soak tests need it: raw, by lines and literals,
over TLS (one process serves all of a user's) or --stdio (a process each),
deflated (RFC 4978) if asked."""
import os
import re
import select
import socket
import subprocess
import sys
import pathlib
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import IMAPD  # noqa: E402


class Wrong(Exception):
    """The server said what it must not say."""


class Wire:
    """Bytes to and from one server."""

    def __init__(self, rig, stdio):
        self.buffer = b""
        self.proc = None
        self.packer = self.unpacker = None
        if stdio:
            self.proc = subprocess.Popen(
                [IMAPD, "--stdio", "-c", rig.dir / "penfold.conf",
                 "--user", "ann", "--mail", rig.maildir("ann")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=open(rig.dir / "stdio.log", "ab"))
            self.fd = self.proc.stdout.fileno()
        else:
            plain = socket.create_connection(("127.0.0.1", rig.imaps_port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.tls = rig.tls_context().wrap_socket(plain)

    def deflate(self):
        """From here on (the OK to COMPRESS was read)."""
        self.packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        self.unpacker = zlib.decompressobj(-15)
        self.buffer = self.unpacker.decompress(self.buffer)

    def send(self, data):
        if self.packer:
            data = self.packer.compress(data) + \
                self.packer.flush(zlib.Z_SYNC_FLUSH)
        if self.proc:
            self.proc.stdin.write(data)
            self.proc.stdin.flush()
        else:
            self.tls.sendall(data)

    def _fill(self, seconds):
        if self.proc:
            if not select.select([self.fd], [], [], seconds)[0]:
                return False
            data = os.read(self.fd, 65536)
        else:
            if not self.tls.pending() and \
                    not select.select([self.tls], [], [], seconds)[0]:
                return False
            data = self.tls.recv(65536)
        if not data:
            raise Wrong("the server closed")
        if self.unpacker:
            data = self.unpacker.decompress(data)
        self.buffer += data
        return True

    def line(self, seconds=20.0):
        """A response without its CRLF, or None."""
        at = 0
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end >= 0:
                literal = re.search(rb"\{(\d+)\}$", self.buffer[at:end])
                if not literal:
                    line = self.buffer[:end]
                    self.buffer = self.buffer[end + 2:]
                    return line
                size = int(literal.group(1))
                if len(self.buffer) >= end + 2 + size:
                    at = end + 2 + size
                    continue
            if not self._fill(seconds):
                return None

    def close(self):
        if self.proc:
            self.proc.stdin.close()
            self.proc.wait(20)
            self.proc.stdout.close()
        else:
            self.tls.close()
