#!/usr/bin/env python3
"""Anything on any socket: a protocol error or a closed connection, bounded
memory, never a crash, never a hang, nothing left behind.

Against a penfold with sanitizers where there is one ($PF_TOP/build-check, as
`./runtests check` makes it).  Everything random comes from $PF_SEED.
"""
import array
import base64
import pathlib
import random
import re
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

SEED = int(os.environ.get("PF_SEED", "1"))
MUTANTS = int(os.environ.get("PF_MUTANTS", "40"))
WITH_SANITIZERS = TOP / "build-check"
LOGIN = b"l LOGIN ann " + PASSWORD.encode() + b"\r\n"
MAIL = (b"LHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<ann>\r\nDATA\r\n")
SASL = base64.b64encode(b"\0ann\0" + PASSWORD.encode())
HELLO = b"VERSION\t1\t2\nCPID\t77\n"
# what a process may grow by: with sanitizers memory is kept for a while
GROWTH_MIB = 24


def netstring(s):
    return b"%d:%s," % (len(s), s)


# ---- sockets ---------------------------------------------------------------

class Target:
    """One socket: how to reach it, and what a good client says there."""

    def __init__(self, name, connect, transcripts, hello=b""):
        self.name, self.connect = name, connect
        self.transcripts, self.hello = transcripts, hello

    def open(self):
        s = self.connect()
        s.settimeout(10)
        if self.hello:
            s.sendall(self.hello)
            time.sleep(0.05)
        return s


def tcp(port):
    return lambda: socket.create_connection(("127.0.0.1", port), 10)


def tls(port):
    def connect():
        raw = socket.create_connection(("127.0.0.1", port), 10)
        return Rig.tls_context().wrap_socket(raw)
    return connect


def unix(path, kind=socket.SOCK_STREAM):
    def connect():
        s = socket.socket(socket.AF_UNIX, kind)
        s.connect(str(path))  # waits where the backlog is full
        s.settimeout(10)
        return s
    return connect


BEFORE_LOGIN = [
    b"a CAPABILITY\r\nb NOOP\r\nc ID (\"name\" \"x\")\r\nd LOGOUT\r\n",
    b"a LOGIN {3+}\r\nann {4+}\r\nnope\r\nb LOGIN \"ann\" \"\\\"\"\r\n",
    b"a AUTHENTICATE PLAIN\r\n" + SASL + b"\r\nb SELECT INBOX\r\n",
    b"a AUTHENTICATE SCRAM-SHA-256 biwsbj1hbm4scj1mb29iYXI=\r\n*\r\n",
    b"a AUTHENTICATE LOGIN\r\nYW5u\r\nbm9wZQ==\r\n",
]
AFTER_LOGIN = [
    b"a SELECT INBOX\r\nb FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE "
    b"BODY.PEEK[HEADER.FIELDS (Subject {4+}\r\nFrom)]<0.100> BODY[1.MIME])\r\n"
    b"c UID SEARCH RETURN (MIN MAX) OR (NOT SEEN) (TEXT \"hello\" 1:5)\r\n"
    b"d STORE 1:* +FLAGS.SILENT (\\Seen $Label1)\r\ne EXPUNGE\r\nf CLOSE\r\n",
    b"a APPEND INBOX (\\Seen) \"01-Jan-2026 00:00:00 +0000\" {20+}\r\n"
    b"Subject: x\r\n\r\nbody\r\n\r\nb STATUS INBOX (MESSAGES UIDNEXT)\r\n",
    b"a LIST (SUBSCRIBED) \"\" (\"*\" \"%\") RETURN (CHILDREN STATUS "
    b"(MESSAGES))\r\nb LSUB \"\" \"*\"\r\nc CREATE a.b\r\nd RENAME a.b a.c\r\n"
    b"e DELETE a.c\r\nf SUBSCRIBE \"&AOQ-\"\r\ng NAMESPACE\r\n",
    b"a SELECT INBOX (CONDSTORE)\r\nb UID COPY 1:* Trash\r\n"
    b"c UID MOVE 1 Trash\r\nd FETCH 1:* (MODSEQ) (CHANGEDSINCE 5)\r\n"
    b"e IDLE\r\nDONE\r\nf UID STORE 1 (UNCHANGEDSINCE 1) FLAGS ()\r\n",
]
LMTP = [
    MAIL + b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
    b"LHLO x\r\nXFORWARD ADDR=192.0.2.1 IDENT=4b+2Bx\r\n"
    b"MAIL FROM:<> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+3Dy\r\n"
    b"RCPT TO:<\"ann\"+x@localhost> NOTIFY=NEVER ORCPT=rfc822;a@b\r\n"
    b"RCPT TO:<@a,@b:ann@[127.0.0.1]>\r\nRSET\r\nNOOP\r\nVRFY x\r\n",
    MAIL + b"From: a@x (c (d\\\r\n e\"\r\nContent-Type: multipart/mixed;"
    b" boundary*0=\"a\"; boundary*1=b\r\n\r\n--ab\r\n\r\nx\r\n--ab--\r\n.\r\n",
]
AUTH = [
    HELLO + b"AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=" + SASL + b"\n",
    HELLO + b"AUTH\t1\tLOGIN\tservice=smtp\tsecured\nCONT\t1\tYW5u\n"
    b"CANCEL\t1\nAUTH\t2\tSCRAM-SHA-1\trip=192.0.2.1\tresp=biwsbj1hLHI9Yg==\n",
]
MASTER = [
    b"VERSION\t1\t1\nUSER\t1\tann\tservice=x\nUSER\t2\tann+x@y\taddress\n"
    b"LIST\t3\tservice=x\nREQUEST\t4\t77\t1\tcookie\n",
]
MAPS = [netstring(b"mailbox ann") + netstring(b"mailbox ann+x@localhost")
        + netstring(b"other x")]
PACKETS = [b"3\0imap\0cookie\x00127.0.0.1\0TLSv1.3\0a\x0077\0b NOOP\r\n"]
SIEVE = [
    b"CAPABILITY\r\nNOOP \"tag\"\r\nLISTSCRIPTS\r\nAUTHENTICATE \"PLAIN\" {4+}"
    b"\r\nAAAA\r\nAUTHENTICATE \"LOGIN\"\r\n\"YW5u\"\r\n\"*\"\r\nLOGOUT\r\n",
    b"AUTHENTICATE \"SCRAM-SHA-1\" \"biwsbj1hbm4scj1mb29iYXI=\"\r\n\"x\"\r\n",
]
SCRIPTS = [
    b"PUTSCRIPT \"a\" {37+}\r\nrequire \"fileinto\"; fileinto \"a\\\"b\";\r\n"
    b"SETACTIVE \"a\"\r\nCHECKSCRIPT \"if\"\r\nHAVESPACE \"a\" 4294967295\r\n"
    b"GETSCRIPT \"a\"\r\nRENAMESCRIPT \"a\" \"\xc3\xa4\"\r\nLISTSCRIPTS\r\n"
    b"SETACTIVE \"\"\r\nDELETESCRIPT \"\xc3\xa4\"\r\nNOOP {2+}\r\nx\n\r\n",
    b"CAPABILITY\r\nUNAUTHENTICATE\r\nNOOP\r\nLOGOUT\r\n",
]
SIEVE_LOGIN = b"AUTHENTICATE \"PLAIN\" \"" + SASL + b"\"\r\n"


def all_targets(rig):
    run_dir = rig.dir / "run"
    return [
        Target("IMAP", tcp(rig.port), BEFORE_LOGIN),
        Target("IMAP, logged in", tcp(rig.port), AFTER_LOGIN, LOGIN),
        Target("IMAPS", tls(rig.imaps_port), BEFORE_LOGIN),
        Target("IMAPS, no TLS", tcp(rig.imaps_port), BEFORE_LOGIN),
        Target("IMAPS, logged in", tls(rig.imaps_port), AFTER_LOGIN, LOGIN),
        Target("ManageSieve", tcp(rig.port + 3), SIEVE),
        Target("ManageSieve, logged in", tcp(rig.port + 3), SCRIPTS,
               SIEVE_LOGIN),
        Target("LMTP", tcp(rig.lmtp_port), LMTP),
        Target("lmtp.sock", unix(run_dir / "lmtp.sock"), LMTP),
        Target("auth.sock", unix(run_dir / "auth.sock"), AUTH),
        Target("auth-gate.sock", unix(run_dir / "auth-gate.sock"), AUTH),
        Target("auth-master.sock", unix(run_dir / "auth-master.sock"), MASTER),
        Target("socketmap.sock", unix(run_dir / "socketmap.sock"), MAPS),
        Target("session-0.ctl.sock", unix(run_dir / "session-0.ctl.sock"),
               [b"who\n"]),
    ]


# ---- what must hold after each round ----------------------------------------

def pss_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) / 1024


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def zombies(pids):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state == "Z" and int(parent) in pids:
                found.append(stat.parent.name)
    return found


class Watch:
    """The processes as they were at first."""

    BAD = re.compile(r"program-died|program-killed|Sanitizer|runtime error"
                     r"|Assertion| crash |output-limit", re.M)

    def __init__(self, rig):
        self.rig = rig
        self.pids = rig.pids()
        self.good_client()  # warms up what is kept
        self.memory = {n: pss_mib(p) for n, p in self.pids.items()}
        self.fds = {n: fds(p) for n, p in self.pids.items()}
        self.log_at = 0
        self.worst = 0

    def good_client(self):
        rig = self.rig
        start = time.monotonic()
        imap = rig.imap("ann")
        imap.select()
        imap.noop()
        imap.logout()
        with rig.lmtp() as lmtp:
            assert lmtp.noop()[0] == 250
        s = unix(rig.dir / "run/socketmap.sock")()
        s.sendall(netstring(b"mailbox ann"))
        assert s.recv(100).startswith(b"6:OK ann"), "socketmap"
        s.close()
        return time.monotonic() - start

    def check(self, name):
        faults = []
        try:
            took = self.good_client()
            self.worst = max(took, self.worst)
            if took > 2:
                took = self.good_client()  # a busy machine, once
            if took > 2:
                faults.append(f"a good client waited {took:.1f} s")
        except Exception as e:
            faults.append(f"a good client: {e!r}")
        if self.rig.pids() != self.pids:
            faults.append(f"processes {self.rig.pids()}, were {self.pids}")
            self.pids = self.rig.pids()
        log = self.rig.log()
        faults += [log[max(0, m.start() - 200):m.end() + 200]
                   for m in self.BAD.finditer(log, self.log_at)]
        self.log_at = len(log)
        grown = {}
        for program, pid in self.pids.items():
            with contextlib.suppress(OSError):
                more = pss_mib(pid) - self.memory[program]
                if more > GROWTH_MIB:
                    grown[program] = f"+{more:.0f} MiB"
        if grown:
            faults.append(f"memory: {grown}")
        return ok(not faults, name, "\n".join(faults))

    def nothing_left(self):
        def more():
            return {n: fds(p) - self.fds[n] for n, p in self.pids.items()
                    if fds(p) > self.fds[n]}
        # a user's store is kept for ten seconds, a mailbox for twenty
        wait_for(lambda: not more(), 40, 0.2)
        equal(more(), {}, "no descriptor is left open")
        pids = set(self.pids.values()) | {self.rig.process.pid}
        wait_for(lambda: not zombies(pids), 5)
        equal(zombies(pids), [], "no dead child is left")
        measured("slowest good client " + f"{self.worst * 1e3:.0f} ms; " +
                 ", ".join(f"{n} {self.memory[n]:.0f}->{pss_mib(p):.0f} MiB"
                           for n, p in sorted(self.pids.items())))


# ---- sending ----------------------------------------------------------------

def send(s, data):
    """Everything, or until the peer has enough; what it answered."""
    answer = b""
    s.settimeout(0.5)
    at = 0
    until = time.monotonic() + 10
    while at < len(data) and time.monotonic() < until:
        try:
            at += s.send(data[at:at + 65536])
            while select.select([s], [], [], 0)[0]:
                got = s.recv(65536)
                if not got:
                    return answer
                answer += got
        except TimeoutError:
            continue
        except (OSError, ValueError):
            return answer
    return answer


def ends(s, seconds=10):
    """Reads to the end; False when it does not come."""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            s.settimeout(max(0.01, until - time.monotonic()))
            if not s.recv(65536):
                return True
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def reset(s):
    """Closes with a RST."""
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
    s.close()


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(8)
        if how == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 1:
            data[at:at] = rng.choice((
                b"\0", b"\r", b"\n", b"\r\n", b"\t", b"\x01", b'"', b"\\",
                b"(" * 100, b")", b"{0}\r\n", b"{4294967296+}\r\n",
                b"{-1}\r\n", b"{18446744073709551615}\r\n", b"[", b"]", b"*",
                b"\xff\xfe", b"<", b"4294967295", b"99999999999999999999",
                b"." * 1000, b"%*" * 500, b"\r\n.\r\n", b"../" * 20))
        elif how == 2:
            del data[at:at + rng.randrange(1, 20)]
        elif how == 3:
            data = data[:at]
        elif how == 4:
            end = min(len(data), at + rng.randrange(1, 60))
            data[at:at] = data[at:end] * rng.randrange(1, 8)
        elif how == 5 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 6:
            data[at:at] = bytes(rng.randrange(256)
                                for _ in range(rng.randrange(1, 30)))
        else:
            other = rng.randrange(len(data) + 1)
            data[at:at] = data[other:other + rng.randrange(1, 40)]
    return bytes(data)


# ---- rounds ------------------------------------------------------------------

def random_bytes(rng, target):
    for size in (1, 7, 100, 5000, 200000):
        s = target.open()
        send(s, rng.randbytes(size))
        s.close()
        s = target.open()
        send(s, bytes(rng.choice(b" \r\n(){}\"\\*%<>.:,\t\0aA1\xc3\xa9")
                      for _ in range(size // 10 + 1)))
        reset(s)


def mutants(rng, target):
    for i in range(MUTANTS):
        s = target.open()
        send(s, mutate(rng, rng.choice(target.transcripts)))
        if i % 3 == 0:
            reset(s)
        elif i % 3 == 1:
            s.close()
        else:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
            s.settimeout(0.2)
            with contextlib.suppress(OSError):
                s.recv(65536)
            s.close()


def half_closed(rng, target):
    """Our end of input must lead to the end of the connection, wherever the
    command was cut."""
    open_ends = []
    for transcript in target.transcripts:
        for cut in sorted(rng.sample(range(len(transcript)), 3)):
            s = target.open()
            send(s, transcript[:cut])
            with contextlib.suppress(OSError):
                if isinstance(s, ssl.SSLSocket):
                    s = s.unwrap()
                s.shutdown(socket.SHUT_WR)
            if not ends(s):
                open_ends.append(transcript[:cut][-60:])
            s.close()
    ok(not open_ends, f"{target.name}: input that ends early ends the "
       "connection", open_ends)


def long_line(target):
    """16 MiB without a line end: nobody reads on."""
    s = target.open()
    before = time.monotonic()
    send(s, b"a " + b"x" * (16 << 20))
    good = ends(s, 5)
    ok(good, f"{target.name}: an endless line is cut off "
       f"({time.monotonic() - before:.1f} s)")
    s.close()


def flood(target):
    """Much to do, and nobody reads the answers."""
    s = target.open()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.setblocking(False)
    data = target.transcripts[0] * 2000
    at, until = 0, time.monotonic() + 1.5
    while at < len(data) and time.monotonic() < until:
        try:
            at += s.send(data[at:at + 65536])
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            select.select([], [s], [], 0.1)
        except OSError:
            break
    return s


def every_socket(rig, watch):
    for target in all_targets(rig):
        rng = random.Random(f"{SEED} {target.name}")
        try:
            random_bytes(rng, target)
            mutants(rng, target)
            half_closed(rng, target)
            long_line(target)
            s = flood(target)
            watch.check(f"{target.name}: random bytes, {MUTANTS} mutants, "
                        "a flood")
            reset(s)
        except OSError as e:
            ok(False, target.name, repr(e))


def lines(s, seconds=10, got=b""):
    """Reads lines until nothing comes, or the end."""
    s.settimeout(seconds)
    with contextlib.suppress(OSError):
        while not got.endswith(b"\r\n") or select.select([s], [], [], 0.12)[0]:
            more = s.recv(65536)
            if not more:
                return got + b"<end>"
            got += more
    return got


def asked(target, data, seconds=10):
    """What comes as answer to data, greeting and login taken away."""
    s = target.open()
    lines(s)
    got = lines(s, seconds, send(s, data))
    s.close()
    return got


def literals(targets):
    before, after = targets["IMAP"], targets["IMAP, logged in"]
    for size in (b"4097", b"70000", b"4294967296", b"9223372036854775807",
                 b"18446744073709551616", b"1" * 400, b"0000000004097"):
        got = asked(before, b"a LOGIN {" + size + b"}\r\n")
        ok(b"+ " not in got and got, "before login: literal of "
           f"{size[:24].decode()} is refused before it is sent", got)
    for size in (b"-1", b"", b"+", b"0x10", b"1 ", b"1++"):
        got = asked(before, b"a LOGIN {" + size + b"}\r\n")
        ok(b"a BAD" in got or b"* B" in got, f"literal size {size} is refused",
           got)
    # a literal that comes unasked is skipped, not run
    got = asked(before, b"a LOGIN {5000+}\r\n" + (b"x NOOP\r\n" * 625)
                + b"\r\nb NOOP\r\n")
    ok(b"x OK" not in got and (b"b OK" in got or b"<end>" in got),
       "an unasked literal that is refused is not read as commands", got)
    got = asked(before, b"a LOGIN " + b"(" * 3000 + b"\r\n")
    ok(b"BAD" in got, "before login: nesting is refused", got)
    got = asked(after, b"a SEARCH " + b"(" * 30000 + b"ALL" + b")" * 30000
                + b"\r\n")
    ok(b"BAD" in got, "after login: 30,000 levels are refused", got)
    got = asked(after, b"a SELECT INBOX\r\nb SEARCH "
                + b"NOT " * 9000 + b"ALL\r\nc SEARCH " + b"OR " * 5000
                + b"1 " * 5001 + b"\r\n")
    ok(b"b OK" in got and b"\nc " in got, "long chains of NOT and OR", got)
    got = asked(after, b"a APPEND INBOX {99999999999}\r\n")
    ok(b"a NO [TOOBIG]" in got or b"a NO [LIMIT]" in got,
       "APPEND: too big is said before it is sent", got)
    got = asked(after, b"a SELECT INBOX\r\nb FETCH 1 BODY[]<0.18446744073709"
                b"551615>\r\nc FETCH 1 BODY.PEEK[]<9223372036854775807."
                b"9223372036854775807>\r\nd FETCH 0 FLAGS\r\n"
                b"e FETCH 4294967296 FLAGS\r\nf FETCH 1:4294967295 UID\r\n")
    ok(all(x in got for x in (b"b BAD", b"c OK", b"d BAD", b"e BAD"))
       and b"\nf " in got, "numbers at the edge", got)
    for name in (b"..", b".", b"a..b", b"../../etc", b"a/b", b"cur/x",
                 b"/etc/passwd", b"&AC8-&AC4-", b"a\\\\b", b"&AAA-", b"~root",
                 b"x" * 300, b"&ANg", b"INBOX/../x", b"&AC4-"):
        got = asked(after, b'a CREATE "' + name + b'"\r\n')
        if b"a OK" in got:
            asked(after, b'a DELETE "' + name + b'"\r\n')
        else:
            ok(b"a NO" in got or b"a BAD" in got,
               f"CREATE {name[:30]} is refused", got)
    got = asked(before, b"a NOOP\0\r\nb NOOP\r\n")
    ok(b"b OK" not in got and b"<end>" in got, "NUL ends the connection", got)


def edges(targets):
    """As much, as deep, as big and as odd as IMAP can say it."""
    after = targets["IMAP, logged in"]
    select = b"a SELECT INBOX\r\n"

    def quick(name, data, *wanted):
        start = time.monotonic()
        got = asked(after, select + data, 20)
        took = time.monotonic() - start
        ok(took < 5 and any(w in got for w in wanted), name,
           f"{took:.1f} s, {got[-300:]}")

    ranges = b",".join(b"%d:%d" % (3 * n, 3 * n + 1) for n in
                       range(1, 100001))
    for command in (b"FETCH %s UID", b"UID STORE %s +FLAGS (\\Seen)",
                    b"UID SEARCH %s", b"UID SEARCH UID %s"):
        quick(f"100,000 ranges: {command.split(b' %s')[0].decode()}",
              b"b " + command % ranges + b"\r\nc NOOP\r\n",
              b"* BYE", b"b BAD", b"b OK")
    some = b",".join(b"%d:%d" % (3 * n, 3 * n + 1) for n in range(1, 4001))
    quick("4,000 ranges are served", b"b UID FETCH " + some
          + b" FLAGS\r\nc NOOP\r\n", b"b OK")
    quick("a search for a text of 1 MB", b"b SEARCH TEXT {1048576+}\r\n"
          + b"x" * 1048576 + b"\r\nc NOOP\r\n", b"b OK", b"b NO", b"b BAD")
    quick("1 MB of search keys", b"b SEARCH " + b"NOT SEEN " * 116509
          + b"ALL\r\nc NOOP\r\n", b"* BYE", b"b BAD", b"b OK")
    quick("a search with 16,000 literals", b"b SEARCH" + b" TEXT {1+}\r\nx"
          * 16000 + b"\r\nc NOOP\r\n", b"b NO", b"b BAD", b"* BYE")
    for kind in (b"SEARCH %sALL%s", b"FETCH 1 %sUID%s", b"LIST %s%s \"\" %%",
                 b"SORT %sDATE%s UTF-8 ALL", b"STATUS INBOX %s%s"):
        quick(f"10,000 levels: {kind.split(b' ')[0].decode()}", b"b "
              + kind % (b"(" * 10000, b")" * 10000) + b"\r\nc NOOP\r\n",
              b"b BAD", b"b NO")
    for size in (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1,
                 2**63, 2**64 - 1, 2**64, 10**30):
        quick(f"APPEND of {size} octets", b"b APPEND INBOX {%d}\r\n" % size,
              b"b NO", b"b BAD", b"* BYE")
        # not asked for: it is thrown away as it comes, or the end
        quick(f"APPEND of {size} octets at once",
              b"b APPEND INBOX {%d+}\r\nx" % size, b"a OK")
    numbers = [b"0", b"4294967295", b"4294967296", b"9223372036854775807",
               b"9223372036854775808", b"18446744073709551615"]
    fetches = b"".join(b"b FETCH 1 BODY.PEEK[]<%s.%s>\r\n" % (x, y)
                       for x in numbers for y in numbers)
    got = asked(after, select + fetches + b"c NOOP\r\n", 20)
    ok(b"\nc OK" in got and
       got.count(b"\nb ") == len(numbers) ** 2, "partial FETCH at the limits",
       got[-300:])
    made = b""
    for byte in range(1, 256):
        if byte in b"\r\n":
            made += b"b CREATE {3+}\r\nx%cy\r\n" % byte
            continue
        quoted = b"\\" * (byte in b'"\\') + bytes([byte])
        made += b'b CREATE "x%sy"\r\nb CREATE {3+}\r\nx%cy\r\n' % (
            quoted, byte)
    got = asked(after, made + b"c NOOP\r\n", 30)
    ok(b"\nc OK" in got and
       (b"\n" + got).count(b"\nb ") == 2 * 255 - 2, "a mailbox name with every byte",
       got[-300:])


def starttls(rig):
    """What stands in clear behind STARTTLS is never run."""
    for apart in (False, True):
        s = tcp(rig.port)()
        s.settimeout(5)
        s.recv(4096)
        if apart:
            s.sendall(b"a STARTTLS\r\n")
            time.sleep(0.3)
            s.sendall(b"b NOOP\r\n")
        else:
            s.sendall(b"a STARTTLS\r\nb NOOP\r\n")
        got = lines(s)
        ok(b"b OK" not in got and b"<end>" in got,
           "STARTTLS: injected command, " + ("later" if apart else "at once"),
           got)
        s.close()
    s = tcp(rig.port)()
    s.settimeout(5)
    s.recv(4096)
    s.sendall(b"a STARTTLS\r\n")
    assert s.recv(4096).startswith(b"a OK")
    s = rig.tls_context().wrap_socket(s)
    s.sendall(b"b CAPABILITY\r\nc STARTTLS\r\n" + LOGIN)
    got = lines(s)
    ok(b"STARTTLS" not in got.split(b"b OK")[0] and b"c BAD" in got
       and b"l OK" in got, "after TLS there is no STARTTLS", got)
    s.close()


def deliver_raw(rig, body, rcpts=(b"ann",)):
    s = tcp(rig.lmtp_port)()
    s.settimeout(60)
    s.sendall(b"LHLO x\r\nMAIL FROM:<a@x>\r\n"
              + b"".join(b"RCPT TO:<" + r + b">\r\n" for r in rcpts)
              + b"DATA\r\n")
    got = b""
    while b"354" not in got:
        got += s.recv(65536)
    s.sendall(body + b"\r\n.\r\nQUIT\r\n")
    while b"221" not in got:
        more = s.recv(65536)
        if not more:
            break
        got += more
    s.close()
    return got.split(b"354", 1)[1]


def bombs():
    """Name, message: what costs parsers time."""
    mib = 1 << 20
    addresses = b"To: " + b"a@b,\r\n " * (mib // 7) + b"c@d\r\n\r\nx"
    yield "1 MiB of addresses", addresses
    yield "1 MiB of group syntax", b"To: " + b"a:" * (mib // 2) + b"\r\n\r\nx"
    yield "1 MiB of comments", b"To: " + b"(" * mib + b"\r\n\r\nx"
    yield "1 MiB of route", b"To: <" + b"@a," * (mib // 3) + b":b@c>\r\n\r\nx"
    yield "1 MiB of quotes", b"From: " + b'"\\' * (mib // 2) + b"\r\n\r\nx"
    yield "never-ending header", b"X-A: b\r\n" * (2 * mib // 8)
    yield ("1 MiB of encoded words",
           b"Subject: " + b"=?utf-8?q?=C3=A9?= " * (mib // 19) + b"\r\n\r\nx")
    yield "half encoded words", b"Subject: " + b"=?" * (mib // 2) + b"\r\n\r\nx"
    yield ("100,000 references", b"References: " + b"<a@b> " * 100000
           + b"\r\n\r\nx")
    yield ("1 MiB of parameters", b"Content-Type: text/plain"
           + b"; a=b" * (mib // 5) + b"\r\n\r\nx")
    yield ("RFC 2231 parts", b"Content-Type: text/plain"
           + b"".join(b"; a*%d*=%%41" % n for n in range(60000))
           + b"\r\n\r\nx")
    yield ("10,000 parts", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
           + b"--b\r\nContent-Type: image/png; name=x\r\n\r\nx\r\n" * 10000
           + b"--b--")
    yield ("100,000 boundary lines",
           b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
           + b"--b\r\n" * 100000)
    yield "100 levels", b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
        % (n, n) for n in range(100)) + b"\r\nx"
    yield "300 messages in messages", (
        b"Content-Type: message/rfc822\r\n\r\n" * 300 + b"Subject: x\r\n\r\nx")
    yield "similar boundaries", b"".join(
        b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n"
        % (b"b" * n, b"b" * n) for n in range(1, 70)) + b"--bbbb\r\n" * 50000
    yield "HTML", (b"Content-Type: text/html\r\n\r\n"
                   + b"<a b='" * 100000 + b"<!--" * 100000)
    yield "base64", (b"Content-Type: text/plain\r\nContent-Transfer-Encoding:"
                     b" base64\r\n\r\n" + b"=A==\r\n" * 200000)
    yield "a line of 8 MiB", b"Subject: x\r\n\r\n" + b"x" * (8 * mib)


SCRIPT = """require ["fileinto", "regex", "envelope", "variables"];
if header :matches "Subject" "*a*b*c*d*e*f*g*h*i*j*" { discard; }
if header :contains ["To", "From", "X-A"] "nobody" { discard; }
if address :all :matches ["To", "From"] "*x*y*z*" { discard; }
if header :regex "Subject" "(a|aa)+$" { discard; }
set "x" "${1}";
"""


def bomb_round(rig, limit):
    (rig.home("bob") / ".dovecot.sieve").write_text(SCRIPT)
    rig.deliver("bob", message())
    imap = rig.imap("bob")
    imap.select()
    slow = []
    for name, body in bombs():
        took = {}

        def timed(what, call):
            start = time.monotonic()
            result = call()
            took[what] = time.monotonic() - start
            return result
        got = timed("LMTP", lambda: deliver_raw(rig, body, (b"bob",)))
        if not got.strip().startswith(b"Go") or b"\r\n250 " not in got:
            slow.append(f"{name}: LMTP {got[:200]}")
            continue
        imap.noop()
        n = imap.untagged_responses["EXISTS"][-1].decode()
        for item in ("ENVELOPE", "BODYSTRUCTURE", "(BODY.PEEK[HEADER.FIELDS "
                     "(To)] BODY.PEEK[1.1.1.1.MIME] BODY.PEEK[TEXT]<0.9>)"):
            typ, data = timed(item[:20], lambda: imap.fetch(n, item))
            if typ != "OK":
                slow.append(f"{name}: {item} {data}")
        for keys in ('TEXT "nothing here"', 'FROM "nobody"',
                     'HEADER Content-Type "zz"', 'SENTBEFORE 1-Jan-2001'):
            typ, data = timed("SEARCH " + keys[:8],
                              lambda: imap.search(None, n, keys))
            if typ != "OK":
                slow.append(f"{name}: SEARCH {keys} {data}")
        worst = max(took, key=took.get)
        if took[worst] > limit:
            slow.append(f"{name}: {worst} took {took[worst]:.1f} s")
        measured(f"{name}: worst {took[worst]:.2f} s ({worst})")
    ok(not slow, f"costly messages cost at most {limit} s", "\n".join(slow))
    imap.logout()


def much_asked(rig):
    """Commands of one line that ask for very much."""
    mib = 1 << 20
    rig.deliver("bob", b"Subject: x\r\n\r\n" + b"abcdefg\r\n" * (mib // 9))
    rig.deliver("bob", (b"X-B: " + b"z" * 70 + b"\r\n") * (mib // 80)
                + b"\r\nx")
    imap = rig.imap("bob")
    imap.select()
    count = int(imap.untagged_responses["EXISTS"][-1])
    items = " ".join(f"BODY.PEEK[HEADER.FIELDS.NOT (X{n})]"
                     for n in range(100))
    typ, data = imap.fetch(str(count), f"({items})")
    size = sum(len(x[1]) for x in data if isinstance(x, tuple))
    ok(typ == "OK" and size > 90 * mib,
       "a header of 1 MiB a hundred times", (typ, size))
    del data
    parts = " ".join(f"BODY.PEEK[]<{n * 100}.1>" for n in range(2000))
    equal(imap.fetch(str(count), f"({parts})")[0], "OK", "2,000 pieces")
    keys = " ".join(f"NOT TEXT q{n}" for n in range(4000))
    typ, data = imap.search(None, keys)
    ok(typ == "NO" and b"LIMIT" in data[0], "a search for 4,000 texts",
       (typ, data))
    patterns = " ".join('"' + "%a*" * 120 + '"' for n in range(64))
    equal(imap.list('""', f"({patterns})")[0], "OK", "64 patterns")
    imap.create("a" * 60)
    equal(imap.list('""', "%a" * 3000)[0], "OK", "a pattern of many %")
    equal(imap.status("INBOX", "(" + "MESSAGES " * 6000 + "UIDNEXT)")[0],
          "OK", "STATUS with 6,000 items")
    sets = ",".join(f"{n}" for n in range(9000, 1, -1))
    ok(imap.search(None, sets)[0] in ("OK", "NO"), "a set of 9,000 numbers")
    imap.logout()


def pipelined(targets):
    """A client that sends far more than fits into all buffers and reads
    only then: it gets its answers."""
    for name in ("IMAP, logged in", "IMAPS, logged in"):
        s = targets[name].open()
        lines(s)
        s.settimeout(20)
        total = 30000
        data = b"s SELECT INBOX\r\n" + b"x FETCH 1 (FLAGS UID)\r\n" * total
        at = done = 0
        tail = b""
        s.setblocking(False)
        quiet = time.monotonic()
        while done < total and time.monotonic() < quiet + 10:
            moved = False
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError,
                                     ssl.SSLWantWriteError):
                if at < len(data):
                    at += s.send(data[at:at + 65536])
                    moved = True
            # only when nothing more goes in
            if not moved:
                with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError,
                                         ssl.SSLWantWriteError):
                    got = s.recv(65536)
                    if not got:
                        break
                    tail = tail[-8:] + got
                    done += tail.count(b"\nx OK") - tail[:8].count(b"\nx OK")
                    moved = True
            if moved:
                quiet = time.monotonic()
            else:
                select.select([s], [], [], 0.05)
        equal(done, total, f"{name}: {total} commands at once")
        s.close()


def many_recipients(rig):
    s = tcp(rig.lmtp_port)()
    s.settimeout(30)
    s.sendall(b"LHLO x\r\nMAIL FROM:<a@x>\r\n")
    rest = b"".join(b"RCPT TO:<ann+%d@localhost>\r\n" % n
                    for n in range(10000))
    got = b""

    def write():
        with contextlib.suppress(OSError):
            s.sendall(rest + b"RSET\r\nQUIT\r\n")
    writer = threading.Thread(target=write)
    writer.start()
    with contextlib.suppress(OSError):
        while True:
            more = s.recv(65536)
            if not more:
                break
            got += more
    writer.join()
    s.close()
    ok(got.count(b"\r\n452 ") == 9000 and b"\r\n221 " in got,
       "10,000 recipients: 1,000 are taken, the others come again",
       got[-300:])


def odd_recipients(rig):
    """Each gets one answer, none makes a file outside the Maildir."""
    s = tcp(rig.lmtp_port)()
    s.settimeout(10)
    lines(s)
    s.sendall(b"LHLO x\r\n")
    lines(s)
    bad = []
    for rcpt in (b"", b'""', b'""@localhost', b'"', b"ann@", b"@localhost",
                 b"ann+../../x", b"ann+/etc/passwd", b'"ann\r"', b"a\0b",
                 b"ann\xff", b'"ann+\\"\\\\"', b"ann+" + b"x" * 2000,
                 b"ann+.", b"ann+..", b"ann+a..b", b"ann+cur", b"ann+&AC8-",
                 b"ann+" + b"+" * 200, b"<<ann>>", b"ann> X=<", b"(c)ann",
                 b"ann+%u%h", b"ann+new", b"ann+-", b"ann+INBOX"):
        s.sendall(b"RSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<" + rcpt + b">\r\n")
        got = lines(s)
        if len(got.splitlines()) != 3 or b"<end>" in got:
            bad.append((rcpt, got))
            break
        if got.splitlines()[2].startswith(b"250"):
            s.sendall(b"DATA\r\n")
            lines(s)
            s.sendall(b"Subject: x\r\n\r\nx\r\n.\r\n")
            got = lines(s)
            if not got.startswith(b"250"):
                bad.append((rcpt, got))
    s.close()
    ok(not bad, "odd recipients", bad)
    home = rig.home("ann")
    equal(sorted(p.name for p in home.iterdir() if not p.name.startswith(
        (".", "Maildir", "penfold", "sieve"))), [], "nothing new in the home")
    outside = [p for p in rig.dir.rglob("*") if p.name in ("passwd", "x")]
    equal(outside, [], "nothing new elsewhere")


def cut_deliveries(rig):
    """A connection that is cut inside DATA leaves nothing."""
    for cut in (1, 10, 100000, 3000000):
        for close in (reset, socket.socket.close):
            s = tcp(rig.lmtp_port)()
            s.sendall(MAIL)
            s.sendall((b"Subject: cut\r\n\r\n" + b"x" * 78 + b"\r\n")[:cut]
                      + b"y" * 76 * (cut // 76))
            time.sleep(0.05)
            close(s)
    tmp = rig.maildir("ann") / "tmp"
    equal(wait_for(lambda: not list(tmp.iterdir()), 5), True,
          "deliveries that were cut leave no files")


def smuggling(rig):
    """Only CRLF.CRLF ends a message."""
    for end in (b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r"):
        got = deliver_raw(rig, b"Subject: s\r\n\r\nx" + end
                          + b"MAIL FROM:<evil@x>\r\nRCPT TO:<bob>\r\nDATA\r\n"
                            b"evil\r\n")
        ok(got.count(b"\r\n250 ") == 1, f"{end} ends no message", got)


def hand_over(rig):
    """The session's own socket: garbage, empty packets with descriptors,
    several descriptors, floods; and with a cookie that is good, a descriptor
    that is no socket."""
    path = rig.dir / "run/session-0.sock"
    connect = unix(path, socket.SOCK_SEQPACKET)
    rng = random.Random(SEED)

    def give(s, data, *files):
        try:
            s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                array.array("i", files))] if files else [])
            return True
        except OSError:
            return False
    null = os.open("/dev/null", os.O_RDWR)
    for _ in range(200):
        s = connect()
        give(s, mutate(rng, PACKETS[0]), *[null] * rng.choice((0, 1, 1, 3)))
        give(s, b"", null)
        s.close()
    s = connect()
    s.settimeout(1)
    for _ in range(3000):
        pair = socket.socketpair()
        sent = give(s, PACKETS[0] + b"x" * 60000, pair[0].fileno())
        pair[0].close()
        pair[1].close()
        if not sent:
            break
    s.close()
    pipe = os.pipe()
    plain = os.open(rig.dir / "penfold.conf", os.O_RDONLY)
    epoll = select.epoll()
    for fd in (null, plain, pipe[0], pipe[1], epoll.fileno()):
        gate = unix(rig.dir / "run/auth-gate.sock")()
        gate.settimeout(10)
        hello = b""
        while not hello.endswith(b"DONE\n"):
            hello += gate.recv(4096)
        cookie = re.search(rb"COOKIE\t(\w+)", hello).group(1)
        gate.sendall(HELLO + b"AUTH\t1\tPLAIN\tservice=imap\tsecured\tresp="
                     + SASL + b"\n")
        answer = gate.recv(4096)
        assert answer.startswith(b"OK\t1"), answer
        s = connect()
        give(s, b"3\0imap\x0077.1." + cookie + b"\x00127.0.0.1\0\0a\x0077\0",
             fd)
        time.sleep(0.2)
        s.close()
        gate.close()
    for fd in (null, plain, *pipe):
        os.close(fd)
    epoll.close()


def index_news(rig):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(str(rig.dir / "run/index.sock"))
    s.settimeout(0.05)
    rng = random.Random(SEED)
    sent = 0
    until = time.monotonic() + 6
    while sent < 40000 and time.monotonic() < until:
        data = b"nobody%d\t" % (sent // 4) + b"x" * 3500 + b"%d" % sent
        if sent % 100 == 0:
            data = rng.randbytes(rng.randrange(8000))
        try:
            s.send(data)
            sent += 1
        except OSError:
            time.sleep(0.01)
    s.close()
    measured(f"index.sock: {sent} datagrams")


def slow_clients(targets):
    """Hundreds that send a byte now and then: nobody else waits."""
    held = []
    for name in ("IMAP", "IMAPS, no TLS", "LMTP", "auth.sock",
                 "socketmap.sock", "auth-master.sock"):
        for _ in range(50):
            held.append(targets[name].open())
    for _ in range(5):
        for s in held:
            with contextlib.suppress(OSError):
                s.send(b"1")
        time.sleep(0.1)
    return held


def limits():
    """Times and numbers that the configuration sets."""
    with Rig(users=("ann", "bob"), build=BUILD, conf="login_timeout = 3s\n"
             "connections_max = 20\nconnections_per_user = 3") as rig:
        bob = rig.imap("bob")  # authd has his password by heart
        start = time.monotonic()
        strangers = [tcp(rig.port)() for _ in range(60)]
        imap = rig.imap("ann")
        took = time.monotonic() - start
        ok(took < 2, f"strangers up to the limit lock nobody out "
           f"({took:.1f} s)")
        equal(bob.noop()[0], "OK", "those who are logged in stay")
        more = [tcp(rig.port)() for _ in range(3)]
        ok(all(ends(s, 8) for s in strangers + more),
           "who does not log in is sent away in time")
        mine = [imap, rig.imap("ann"), rig.imap("ann")]
        try:
            rig.imap("ann")
            ok(False, "a fourth session is refused")
        except imaplib.IMAP4.error as e:
            ok("LIMIT" in str(e), "a fourth session is refused", e)
        for s in mine:
            s.logout()

        def fails(user):
            start = time.monotonic()
            s = rig.imap()
            with contextlib.suppress(imaplib.IMAP4.error):
                s.login(user, "wrong")
            s.shutdown()
            return time.monotonic() - start
        took = [fails(user) for user in ("ann", "nobody") * 3]
        ok(0.4 < min(took) and took[0] < took[-1],
           "failed logins wait, and more each time", took)
        measured("failed logins: " + " ".join(f"{t:.2f}" for t in took))


def main():
    build = WITH_SANITIZERS
    if not (build / "ctl/penfold").exists():
        build = BUILD
    global GROWTH_MIB
    limit = 2
    if build is WITH_SANITIZERS:
        GROWTH_MIB, limit = 96, 5
    env = {"ASAN_OPTIONS": "quarantine_size_mb=4:detect_leaks=0:"
                           "allocator_release_to_os_interval_ms=500",
           "UBSAN_OPTIONS": "print_stacktrace=1"}
    with Rig(build=build, env=env, conf="connections_per_user = 500") as rig:
        rig.deliver("ann", [message(f"hello {n}") for n in range(1)][0])
        held = rig.imap("ann")  # her store stays open
        watch = Watch(rig)
        targets = {t.name: t for t in all_targets(rig)}
        rounds = {
            "sockets": lambda: every_socket(rig, watch),
            "literals": lambda: literals(targets),
            "edges": lambda: edges(targets),
            "starttls": lambda: starttls(rig),
            "pipelined": lambda: pipelined(targets),
            "recipients": lambda: many_recipients(rig),
            "odd": lambda: odd_recipients(rig),
            "smuggling": lambda: smuggling(rig),
            "cut": lambda: cut_deliveries(rig),
            "handover": lambda: hand_over(rig),
            "index": lambda: index_news(rig),
            "slow": lambda: slow_clients(targets),
            "much": lambda: much_asked(rig),
            "bombs": lambda: bomb_round(rig, limit),
        }
        for name, call in rounds.items():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            left = None
            try:
                start = time.monotonic()
                left = call()
                measured(f"{name}: {time.monotonic() - start:.1f} s")
            except (OSError, AssertionError, imaplib.IMAP4.error) as e:
                ok(False, name, repr(e))
            watch.check(f"after {name}")
            for s in left or ():
                s.close()
        with contextlib.suppress(imaplib.IMAP4.error):
            held.noop()
        watch.nothing_left()
    if not sys.argv[1:] or "limits" in sys.argv[1:]:
        limits()
    finish()


main()
