"""A relay between a mail program and penfold that writes down what the
program asks for: every command with the time and bytes of its answer, without
literals and passwords.  It speaks TLS on both sides with penfold's own
certificate, and reads along through COMPRESS=DEFLATE.

    with Relay(rig, "roundcube") as relay:
        ... a program talks to localhost:relay.port ...
    relay.shapes        # {folded command: [answer in seconds, ...]}

What was seen is kept below the build directory: artifacts/NAME.log in full,
artifacts/NAME.commands folded and counted (docs/clients.md is made of these).
"""
import asyncio
import collections
import re
import ssl
import statistics
import threading
import time
import zlib

from rig import BUILD, TOP, free_port_block

ARTIFACTS = BUILD / "artifacts"
NEEDS_NAME = ("SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST "
              "LSUB STATUS APPEND GETQUOTAROOT COPY MOVE").split()


class Lines:
    """Cuts a stream into lines; the bytes of literals are left out."""

    def __init__(self, take):
        self.take, self.buffer, self.skip, self.line = take, b"", 0, b""

    def feed(self, data):
        self.buffer += data
        while self.buffer:
            if self.skip:
                gone = min(self.skip, len(self.buffer))
                self.buffer, self.skip = self.buffer[gone:], self.skip - gone
                continue
            end = self.buffer.find(b"\n")
            if end < 0:
                return b""
            part = self.buffer[:end].rstrip(b"\r")
            self.buffer = self.buffer[end + 1:]
            literal = re.search(rb"\{(\d+)\+?\}$", part)
            if literal:
                self.skip = int(literal[1])
                self.line += part[:literal.start()] + b"{lit}"
                continue
            line, self.line = self.line + part, b""
            if self.take(line.decode("utf-8", "replace")):
                rest, self.buffer = self.buffer, b""
                return rest  # the rest of the stream is coded otherwise
        return b""


class Session:
    """One connection, read along."""

    def __init__(self, relay, number):
        self.relay, self.number = relay, number
        self.from_client = Lines(self.command)
        self.from_server = Lines(self.answer)
        self.waiting = {}   # tag: [text, when it came, bytes before it]
        self.inflate = {}   # by direction, once compressed
        self.bytes = 0
        self.secret = None  # tag of an AUTHENTICATE that goes on
        self.compress = None

    def sent(self, data):
        if self.inflate:
            data = self.inflate["client"].decompress(data)
        self.from_client.feed(data)

    def received(self, data):
        if self.inflate:
            data = self.inflate["server"].decompress(data)
        self.bytes += len(data)
        rest = self.from_server.feed(data)
        if rest:
            self.received(rest)

    def command(self, line):
        if self.secret:
            return
        if line.upper() == "DONE":
            self.relay.seen(self.number, "DONE", 0, 0)
            return
        tag, _, text = line.partition(" ")
        upper = text.upper()
        if upper.startswith("LOGIN "):
            text = "LOGIN ..."
        elif upper.startswith("AUTHENTICATE "):
            self.secret = tag
            words = text.split()
            text = " ".join(words[:2] + ["..."] * (len(words) > 2))
        elif upper.startswith("COMPRESS "):
            self.compress = tag
        self.waiting[tag] = [text, time.monotonic(), self.bytes]

    def answer(self, line):
        tag, _, text = line.partition(" ")
        if tag not in self.waiting:
            return False
        command, since, before = self.waiting.pop(tag)
        if tag == self.secret:
            self.secret = None
        self.relay.seen(self.number, command, time.monotonic() - since,
                        self.bytes - before, text.partition(" ")[0], text)
        if tag == self.compress and text.upper().startswith("OK"):
            self.inflate = {"client": zlib.decompressobj(-15),
                            "server": zlib.decompressobj(-15)}
            return True
        return False


def fold(text):
    """The shape of a command: numbers, names and texts left out."""
    words = text.split(" ")
    verb = words[1] if words[0].upper() == "UID" and len(words) > 1 \
        else words[0]
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '"x"', text)
    text = re.sub(r"(?<=FIELDS \()[^)]*", "...", text, flags=re.I)
    text = re.sub(r"(?<=FIELDS\.NOT \()[^)]*", "...", text, flags=re.I)
    text = re.sub(r"(?<= )[\d*]+(:[\d*]+)?(,[\d*]+(:[\d*]+)?)+(?= |$|\))|"
                  r"(?<= )[\d*]+:[\d*]+(?= |$|\))", "SET", text)
    text = re.sub(r"(?<![\w\"-])\d+(?![\w\"])", "N", text)
    if verb.upper() in ("COPY", "MOVE"):
        text = re.sub(r" [^ ]+$", ' "x"', text)
    elif verb.upper() in NEEDS_NAME:
        text = re.sub(r"^(\w+ )(?!INBOX\b|\"|\()[^ ]+", r'\1"x"', text)
    return text


class Relay:
    def __init__(self, rig, name, tls=True):
        self.rig, self.name, self.tls = rig, name, tls
        self.port = free_port_block(start=24000)
        self.target = rig.imaps_port if tls else rig.port
        self.log = []
        self.shapes = collections.OrderedDict()
        self.refused = []  # (command, answer) that was NO or BAD
        self.connections = 0
        self.loop = asyncio.new_event_loop()

    def __enter__(self):
        self.server = self._wait(self._listen)
        return self

    def _wait(self, what):
        if not self.loop.is_running():
            threading.Thread(target=self.loop.run_forever,
                             daemon=True).start()
        return asyncio.run_coroutine_threadsafe(what(), self.loop).result(30)

    async def _listen(self):
        context = None
        if self.tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.rig.dir / "tls/cert.pem",
                                    self.rig.dir / "tls/key.pem")
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port,
                                          ssl=context, limit=1 << 20)

    async def _serve(self, reader, writer):
        self.connections += 1
        session = Session(self, self.connections)
        try:
            back, forth = await asyncio.open_connection(
                "127.0.0.1", self.target,
                ssl=self.rig.tls_context() if self.tls else None)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(self._pump(reader, forth, session.sent),
                                 self._pump(back, writer, session.received))
        except asyncio.CancelledError:  # the test is over
            pass

    @staticmethod
    async def _pump(reader, writer, note):
        try:
            while data := await reader.read(1 << 16):
                note(data)
                writer.write(data)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        writer.close()

    def seen(self, number, command, seconds, size, status="", text=""):
        self.log.append(f"{number:3} {seconds * 1e3:8.1f} ms {size:8} bytes  "
                        f"{command}  {status}")
        if status in ("NO", "BAD"):
            self.refused.append((command, text))
        self.shapes.setdefault(fold(command), []).append(seconds)

    def count(self, pattern):
        """How many commands have a shape that matches."""
        return sum(len(times) for shape, times in self.shapes.items()
                   if re.search(pattern, shape, re.I))

    def rests(self, seconds=2):
        """Waits until nothing was asked for so long."""
        last = None
        while len(self.log) != last:
            last = len(self.log)
            time.sleep(seconds)

    def fields_not_kept(self):
        """Header fields it asked for (of many messages at once, or always)
        that imap/summary.c does not keep: these open message files."""
        kept = set(re.findall(r'^    "([a-z0-9-]+)",$',
                              (TOP / "imap/summary.c").read_text(), re.M))
        asked = set()
        for line in self.log:
            for fields in re.findall(r"FIELDS \(([^)]*)\)", line, re.I):
                asked |= set(fields.lower().replace('"', "").split())
        return asked - kept

    def __exit__(self, *what):
        async def close():
            self.server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._wait(close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        (ARTIFACTS / f"{self.name}.log").write_text("\n".join(self.log) + "\n")
        with open(ARTIFACTS / f"{self.name}.commands", "w") as out:
            out.write(f"# {self.name}: {self.connections} connections; "
                      "how often, median ms, worst ms, command\n")
            for shape, times in self.shapes.items():
                out.write(f"{len(times):6} {statistics.median(times) * 1e3:9.1f}"
                          f" {max(times) * 1e3:9.1f}  {shape}\n")
