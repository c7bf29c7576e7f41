#!/usr/bin/env python3
"""penfold-indexd as a program: news by datagram, catching up, kill -9, a
damaged index, an end in good order.  Needs authd, and nobody else."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from rig import BUILD, equal, finish, measured, ok, wait_for

dir = pathlib.Path(tempfile.mkdtemp(prefix="penfold-indexd-"))
users = ["ann", "bob"]
(dir / "run").mkdir()
(dir / "users").write_text("".join(f"{u}:{{PLAIN}}x::::{dir}/{u}::\n"
                                   for u in users))
(dir / "conf").write_text(f"""run_dir = {dir}/run
user_file = {dir}/users
home_path = {dir}/%u
mail_path = {dir}/%u/Maildir
state_dir = {dir}
""")
log = open(dir / "log", "w+")


def start(program):
    return subprocess.Popen([BUILD / program, "-c", dir / "conf"],
                            stderr=log, stdout=log)


def logged():
    log.flush()
    return (dir / "log").read_text()


def add_mail(user, name, word):
    new = dir / user / "Maildir/new"
    for sub in ("new", "cur", "tmp"):
        os.makedirs(new.parent / sub, exist_ok=True)
    tmp = new.parent / "tmp" / name
    tmp.write_text(f"From: a@example.org\nSubject: {word}\n\nBody of {word}\n")
    os.rename(tmp, new / name)


def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), str(dir / "run/index.sock"))


def kill9(process):
    """With the child that may be at work: it would still commit."""
    path = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = path.read_text().split()
    process.kill()
    process.wait()
    ok(wait_for(lambda: not any(os.path.exists(f"/proc/{child}")
                                for child in children)),
       "the child ends with its parent")


def has(user, word):
    """The word file holds it, and is synced with each commit."""
    words = dir / user / "Maildir/penfold-index/words"
    return words.exists() and word.upper().encode() in words.read_bytes()


authd = start("auth/penfold-authd")
ok(wait_for(lambda: (dir / "run/auth-master.sock").exists()), "authd is there")
for i in range(300):
    add_mail("ann", f"17000000{i:03}.M1P1.host", f"early{i}x")
indexd = start("indexd/penfold-indexd")
ok(wait_for(lambda: (dir / "run/indexd.pid").exists()), "pid file")
equal((dir / "run/indexd.pid").read_text().strip(), str(indexd.pid), "is ours")
ok(wait_for(lambda: has("ann", "early299x")), "catches up at start")

add_mail("bob", "1700001000.M1P1.host", "grapefruit")
began = time.time()
tell("bob\tINBOX")
ok(wait_for(lambda: has("bob", "grapefruit")), "hears of new mail")
took = time.time() - began
measured(f"{took:.2f} s from the datagram to the index")
# the round over all users comes every 15 minutes only
ok(took < 60, "because of the datagram, not of the next round")

for junk in ("", "\t", "bob", "nobody\tINBOX", "bob\t../../x", "x" * 5000,
             "bob\t\0", "\tINBOX"):
    tell(junk)
add_mail("bob", "1700001001.M1P1.host", "kumquat")
tell("bob\tINBOX")
ok(wait_for(lambda: has("bob", "kumquat")), "goes on after odd datagrams")

kill9(indexd)
add_mail("ann", "1700002000.M1P1.host", "lychee")
with open(dir / "bob/Maildir/penfold-index/iamglass", "r+b") as f:
    f.truncate(20)
indexd = start("indexd/penfold-indexd")
ok(wait_for(lambda: has("ann", "lychee")), "catches up after kill -9")
add_mail("bob", "1700002001.M1P1.host", "mango")
tell("bob\tINBOX")
ok(wait_for(lambda: has("bob", "mango") and has("bob", "grapefruit")),
   "a damaged index is built again")
ok("rebuild" in logged(), "and the log says so")
ok("Body of" not in logged() and "lychee" not in logged(),
   "no message content in the log")

indexd.send_signal(signal.SIGTERM)
equal(indexd.wait(10), 0, "SIGTERM ends it in good order")
ok(not (dir / "run/indexd.pid").exists(), "and its pid file is gone")
ok(list((dir / "ann/Maildir/new").iterdir()) != [], "new mail stays new")
authd.terminate()
authd.wait(10)
if os.environ.get("PF_KEEP"):
    print("#", dir)
else:
    shutil.rmtree(dir)
finish()
