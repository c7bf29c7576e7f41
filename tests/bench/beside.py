"""Two IMAP servers asked the same things in turn, and what that took them."""
import pathlib
import socket
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import PASSWORD, Rig  # noqa: E402
from peer import cpu_seconds  # noqa: E402


class Client:
    """As little of a client as can be: what is timed is the server."""

    def __init__(self, server, tls=False, user="ann"):
        port = server.imaps_port if tls else server.port
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = Rig.tls_context().wrap_socket(self.socket)
        self.left = self.socket.recv(65536)
        self.tag = 0
        self.ask(f"LOGIN {user} {PASSWORD}")

    def ask(self, command):
        """How many bytes and what lines (the last 64 KiB of) the answer has;
        it must be OK."""
        self.tag += 1
        tag = b"\nq%d " % self.tag
        self.socket.sendall(tag[1:] + command.encode() + b"\r\n")
        size, tail, count = 0, b"\n", 0
        while True:
            data = self.socket.recv(1 << 20)
            if not data:
                raise RuntimeError(f"closed at {command[:60]}")
            size += len(data)
            count += data.count(b"\n* ")
            tail = (tail + data)[-65536:]
            at = tail.find(tag)
            if at >= 0 and tail.endswith(b"\r\n"):
                if not tail[at + len(tag):].startswith(b"OK"):
                    raise RuntimeError(f"{command[:60]}: {tail[-300:]}")
                return size, count

    def close(self):
        self.socket.close()


class Server:
    def __init__(self, name, rig, pid):
        self.name, self.rig, self.pid = name, rig, pid
        self.port, self.imaps_port = rig.port, rig.imaps_port


class Bench:
    def __init__(self, servers, rounds, only):
        self.servers, self.rounds, self.only = servers, rounds, only
        self.table, self.slower = [], []

    def row(self, name, work, times=1, rounds=None):
        """work(server, client-or-None) for each in turn."""
        if self.only and not any(o in name for o in self.only):
            return
        wall = {s: [] for s in self.servers}
        cpu = {s: 0.0 for s in self.servers}
        rounds = rounds or self.rounds
        answers = {}
        for n in range(rounds):
            for s in self.servers[::1 if n % 2 else -1]:
                before, start = cpu_seconds(s.pid), time.perf_counter()
                for _ in range(times):
                    answers[s] = work(s)
                wall[s].append(time.perf_counter() - start)
                cpu[s] += cpu_seconds(s.pid) - before
        ours, theirs = self.servers
        w = {s: statistics.median(wall[s]) / times * 1e3
             for s in self.servers}
        c = {s: cpu[s] / rounds / times * 1e3 for s in self.servers}
        ratio = w[theirs] / w[ours]
        cpu_ratio = c[theirs] / max(c[ours], 10 / rounds / times)
        if ratio < 1:
            self.slower.append(name)
        self.table.append((name, w[ours], w[theirs], ratio, c[ours],
                           c[theirs], cpu_ratio))
        print(f"# bench: {name}: {w[ours]:.2f} ms beside {w[theirs]:.2f} "
              f"({ratio:.1f}x), CPU {c[ours]:.2f} beside {c[theirs]:.2f} ms "
              f"({cpu_ratio:.1f}x)", flush=True)
        return answers
