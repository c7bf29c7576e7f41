#!/usr/bin/env python3
"""NOTIFY (RFC 5465) over 62 folders on one connection: what penfold-mda, other
sessions and foreign programs do is told, at once, without polling.

Measured: from the change to the line that tells it, CPU while nothing happens,
memory of a session that watches everything."""
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from rig import (IMAPD, PASSWORD, Rig, equal, finish, measured, message, ok,
                 wait_for)

FOLDERS = [f"Lists.list{n:02}" for n in range(60)]


class Client:
    """Lines of one IMAP connection, with the time they came."""

    def __init__(self, read, write):
        self.fd, self.write, self.rest, self.n = read, write, b"", 0

    @classmethod
    def login(cls, rig, user):
        sock = rig.tls_context().wrap_socket(
            socket.create_connection(("127.0.0.1", rig.imaps_port)))
        sock.settimeout(15)
        self = cls(lambda: sock.recv(65536), sock.sendall)
        self.sock = sock
        self.line()
        self.command(f"LOGIN {user} {PASSWORD}")
        return self

    @classmethod
    def stdio(cls, *command):
        proc = subprocess.Popen(command, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

        def write(data):
            proc.stdin.write(data)
            proc.stdin.flush()
        self = cls(lambda: os.read(proc.stdout.fileno(), 65536), write)
        self.proc = proc
        self.line()
        return self

    def line(self):
        while b"\r\n" not in self.rest:
            data = self.fd()
            if not data:
                raise EOFError(self.rest)
            self.rest += data
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line.decode()

    def until(self, pattern):
        """Lines up to the one that matches; (that one, all)."""
        lines = []
        while True:
            lines.append(self.line())
            found = re.match(pattern, lines[-1])
            if found:
                return found, lines

    def command(self, text):
        self.n += 1
        self.write(f"t{self.n} {text}\r\n".encode())
        found, lines = self.until(rf"t{self.n} (\S+)")
        assert found[1] == "OK", lines[-1]
        return lines[:-1]


def deposit(maildir, folder, n, where="new"):
    """As another delivery program would."""
    path = maildir / (f".{folder}" if folder != "INBOX" else "")
    name = f"{int(time.time())}.P{os.getpid()}Q{n}.foreign"
    (path / "tmp" / name).write_bytes(message(subject=f"number {n}"))
    os.rename(path / "tmp" / name, path / where / name)
    return path / where / name


def session_pids(rig):
    return [pid for name, pid in rig.pids().items() if "session" in name]


def cpu(rig):
    """Seconds that the session processes have used."""
    ticks = 0
    for pid in session_pids(rig):
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
        ticks += sum(map(int, text.rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pss(rig):
    """KiB of memory of the session processes."""
    return sum(int(re.search(
        r"^Pss:\s+(\d+)",
        pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
        for pid in session_pids(rig))


def percentiles(times):
    times = sorted(times)
    return (f"{statistics.median(times) * 1000:.1f} ms, "
            f"p99 {times[int(len(times) * 0.99)] * 1000:.1f} ms")


EVERYTHING = "MessageNew MessageExpunge FlagChange MailboxName " \
    "SubscriptionChange MailboxMetadataChange ServerMetadataChange"


def main_part(rig):
    maildir = rig.maildir("ann")
    other = Client.login(rig, "ann")
    for folder in FOLDERS:
        other.command(f"CREATE {folder}")
    watcher = Client.login(rig, "ann")
    watcher.command("SELECT INBOX")
    begin = time.monotonic()
    lines = watcher.command(
        "NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge "
        f"FlagChange)) (personal ({EVERYTHING}))")
    measured(f"NOTIFY SET STATUS over {len(lines)} mailboxes in "
             f"{(time.monotonic() - begin) * 1000:.1f} ms")
    ok(len(lines) >= len(FOLDERS), "a STATUS for each of them", lines)
    every = [re.match(r"\* STATUS (\S+)", line)[1] for line in lines]

    # foreign deliveries, everywhere, one after the other
    times = []
    for n in range(3 * len(every)):
        folder = every[n % len(every)]
        begin = time.monotonic()
        deposit(maildir, folder, n)
        watcher.until(rf"\* STATUS {re.escape(folder)} "
                      rf"\(MESSAGES {n // len(every) + 1} UIDNEXT ")
        times.append(time.monotonic() - begin)
    measured(f"delivery by another program -> STATUS: {percentiles(times)}")
    ok(statistics.median(times) < 0.5, "each is told at once")

    # all at once: each mailbox ends at its right number
    for n in range(1000, 1000 + 5 * len(every)):
        deposit(maildir, every[n % len(every)], n)
    left = set(every)
    while left:
        found, _ = watcher.until(r"\* STATUS (\S+) \(MESSAGES (\d+)")
        if found[2] == "8":
            left.discard(found[1])
    ok(True, "310 at once: every mailbox ends at its right number")

    # penfold-mda
    times = []
    for n in range(20):
        begin = time.monotonic()
        rig.deliver("ann", message(subject=f"by LMTP {n}"))
        watcher.until(r"\* \d+ FETCH \(UID \d+\)")
        times.append(time.monotonic() - begin)
    measured(f"LMTP -> FETCH in the selected mailbox: {percentiles(times)}")

    # another session: append, flag, expunge, names
    box = FOLDERS[7]
    other.command(f"SELECT {box}")
    other.command("STORE 1 +FLAGS (\\Seen)")
    watcher.until(rf"\* STATUS {box} \(UNSEEN 7 ")
    ok(True, "a flag that another session sets")
    other.command("STORE 1 +FLAGS (\\Deleted)")
    other.command("EXPUNGE")
    watcher.until(rf"\* STATUS {box} \(MESSAGES 7 ")
    ok(True, "a message that another session expunges")
    other.command("COPY 1:3 INBOX")
    _, lines = watcher.until(r"\* \d+ FETCH \(UID \d+\)")
    ok(True, "messages that another session copies into the selected one")
    other.command("CREATE Fresh")
    watcher.until(r'\* LIST \(\\HasNoChildren\) "." Fresh')
    other.command("SUBSCRIBE Fresh")
    watcher.until(r'\* LIST \(\\Subscribed \\HasNoChildren\) "." Fresh')
    other.command("RENAME Fresh Stale")
    watcher.until(r'\* LIST \(.*\) "." Stale \("OLDNAME" \(Fresh\)\)')
    other.command("DELETE Stale")
    watcher.until(r'\* LIST \(\\NonExistent\) "." Stale')
    ok(True, "made, subscribed, renamed, deleted by another session")

    # metadata (RFC 5464)
    other.command('SETMETADATA INBOX (/shared/comment "of all")')
    watcher.until(r'\* METADATA INBOX /shared/comment$')
    other.command('SETMETADATA "" (/private/comment "my own")')
    watcher.until(r'\* METADATA "" /private/comment$')
    ok(True, "metadata that another session sets")

    # a folder that another program makes step by step, and fills
    made = maildir / ".Foreign"
    made.mkdir()
    for part in ("new", "tmp", "cur"):
        time.sleep(0.05)
        (made / part).mkdir()
    watcher.until(r'\* LIST .* Foreign')
    deposit(maildir, "Foreign", 1)
    watcher.until(r"\* STATUS Foreign \(MESSAGES 1 ")
    made.rename(maildir / "gone")
    shutil.rmtree(maildir / "gone")
    watcher.until(r'\* LIST \(\\NonExistent\) "." Foreign')
    ok(True, "a folder that another program makes, fills and removes")

    # IDLE tells the same
    watcher.write(b"x IDLE\r\n")
    watcher.until(r"\+ ")
    deposit(maildir, "Archive" if "Archive" in every else FOLDERS[1], 2)
    watcher.until(r"\* STATUS ")
    deposit(maildir, "INBOX", 3)
    watcher.until(r"\* \d+ EXISTS")
    watcher.write(b"DONE\r\n")
    watcher.until("x OK")
    ok(True, "IDLE tells of the selected mailbox and of the others")
    return watcher


def idle_part(rig):
    time.sleep(2)
    before = cpu(rig)
    time.sleep(5)
    used = cpu(rig) - before
    measured(f"CPU in 5 s without an event: {used * 1000:.0f} ms")
    ok(used <= 0.02, "no polling", used)


def memory_part(rig):
    clients = [Client.login(rig, "ann") for _ in range(8)]
    for client in clients:
        client.command("SELECT INBOX")
    time.sleep(0.5)
    before = pss(rig)
    for client in clients:
        client.command(f"NOTIFY SET (personal ({EVERYTHING}))")
    time.sleep(0.5)
    each = (pss(rig) - before) / len(clients)
    measured(f"a session that watches 62 mailboxes: {each:.1f} KiB")
    ok(each < 64, "little memory", each)
    begin = time.monotonic()
    deposit(rig.maildir("ann"), FOLDERS[3], 5000)
    for client in clients:
        client.until(rf"\* STATUS {FOLDERS[3]} ")
    measured("one delivery -> told to 8 sessions in "
             f"{(time.monotonic() - begin) * 1000:.1f} ms")
    ok(True, "every session hears of it")


def limits_part():
    """The kernel's watches run out; more mailboxes than may be watched."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="penfold-real-"))
    maildir = top / "Maildir"
    for name in [""] + [f".f{n}" for n in range(20)]:
        for part in ("cur", "new", "tmp"):
            (maildir / name / part).mkdir(parents=True)
    client = Client.stdio(
        "unshare", "-Ur", "sh", "-c",
        "echo 20 >/proc/sys/user/max_inotify_watches && "
        f"exec {IMAPD} --stdio --mail {maildir}")
    client.command("NOTIFY SET (personal (MessageNew MessageExpunge))")
    deposit(maildir, "f1", 1)
    client.until(r"\* STATUS f1 ")
    begin = time.monotonic()
    deposit(maildir, "f19", 1)
    client.until(r"\* STATUS f19 ")
    took = time.monotonic() - begin
    measured(f"without watches left, by polling: {took:.1f} s")
    ok(took < 14, "what cannot be watched is polled")
    client.command("LOGOUT")
    log = client.proc.stderr.read().decode()
    equal(log.count("watch-failed"), 1, "the log says so once")

    for n in range(20, 4100):
        for part in ("cur", "new"):
            (maildir / f".f{n}" / part).mkdir(parents=True)
    client = Client.stdio(IMAPD, "--stdio", "--mail", maildir)
    client.write(b"a NOTIFY SET (personal (MessageNew MessageExpunge))\r\n")
    found, _ = client.until("a (.*)")
    ok(found[1].startswith("NO [NOTIFICATIONOVERFLOW]"),
       "more mailboxes than may be watched", found[1])
    client.command("NOTIFY SET (subtree f1 (MessageNew MessageExpunge)) "
                   "(personal (MailboxName))")
    deposit(maildir, "f1", 2)
    client.until(r"\* STATUS f1 ")
    client.command("LOGOUT")
    shutil.rmtree(top)


with Rig(users=("ann",)) as rig:
    watcher = main_part(rig)
    idle_part(rig)
    memory_part(rig)
    watcher.command("NOTIFY NONE")
    ok("program-died" not in rig.log(), "nobody died", rig.log()[-2000:])
limits_part()
finish()
