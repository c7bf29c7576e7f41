#!/usr/bin/env python3
"""alpine in a terminal (tmux), key by key: lists, reads, sorts, searches,
flags, saves to a new folder, deletes, expunges."""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import ARTIFACTS, Relay  # noqa: E402
from rig import *  # noqa: E402,F403

PINERC = """
personal-name=Ann
user-domain=ex.test
inbox-path={{localhost:{port}/ssl/novalidate-cert/user=ann}}INBOX
folder-collections={{localhost:{port}/ssl/novalidate-cert/user=ann}}[]
default-fcc=
postponed-folder=
feature-list=no-quit-without-confirm,
 quit-without-confirm,
 expunge-without-confirm,
 expunge-without-confirm-everywhere,
 no-auto-open-next-unread,
 enable-flag-cmd,
 enable-flag-screen-implicitly,
 enable-aggregate-command-set,
 save-will-not-delete
initial-keystroke-list=
last-time-prune-questioned=199.9
last-version-used=9.99z
disable-these-authenticators=
mail-check-interval=0
"""


class Terminal:
    """One program in a tmux of its own."""

    def __init__(self, where, *command):
        self.socket = where / "tmux"
        self.command = command
        self.env = {**os.environ, "HOME": str(where), "TERM": "screen"}
        self.env.pop("TMUX", None)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args],
                              env=self.env, capture_output=True, text=True)

    def __enter__(self):
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y",
                  "45", *map(str, self.command))
        return self

    def __exit__(self, *what):
        self.tmux("kill-server")

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout

    def shows(self, text, seconds=15):
        return wait_for(lambda: text.lower() in self.screen().lower(), seconds)

    def keys(self, *keys):
        for key in keys:
            # a lone ";" parts tmux' own commands
            self.tmux("send-keys", "\\;" if key == ";" else key)
            time.sleep(0.05)


def walk(rig, terminal, imap):
    def step(text, name, *keys):
        terminal.keys(*keys)
        if not ok(terminal.shows(text), f"alpine: {name}", terminal.screen()):
            finish()
    step("PASSWORD", "asks for the password")
    step("Preserve password", "takes it", *PASSWORD, "Enter")
    step("number 29", "lists INBOX", "n", "i")
    (ARTIFACTS / "alpine.txt").write_text(terminal.screen())
    step("Message  5 of 30", "jumps", "j", "5", "Enter")
    step("The needle 04", "reads", "Enter")
    step("number 05", "and goes back", "<")
    before = flags_of(imap)
    uids = sorted(before)
    ok(wait_for(lambda: b"\\Seen" in flags_of(imap)[uids[4]]),
       "alpine: what was read is \\Seen")
    # "*" flags: the screen of flags, the first is Important
    terminal.keys("j", "7", "Enter", "*")
    terminal.shows("Important")
    terminal.keys("x", "e")
    ok(wait_for(lambda: b"\\Flagged" in flags_of(imap)[uids[6]]),
       "alpine: flags", terminal.screen())
    terminal.keys("j", "9", "Enter", "s")
    terminal.shows("SAVE")
    terminal.keys(*"kept", "Enter")
    terminal.shows("create")
    terminal.keys("y")
    ok(wait_for(lambda: [b for b in fetch_bodies(imap, "kept").values()
                         if b"number 08" in b]
                if imap.status("kept", "(MESSAGES)")[0] == "OK" else None),
       "alpine: saves into a folder it made", terminal.screen())
    # ";" selects by text in all of the messages, "a d" deletes these
    terminal.keys(";")
    terminal.shows("Select")
    terminal.keys("t")
    terminal.keys("a", *"needle 2", "Enter")
    ok(terminal.shows("matched 10 messages"), "alpine: selects by text",
       terminal.screen())
    terminal.keys("a", "d")
    ok(wait_for(lambda: sum(b"\\Deleted" in f
                            for f in flags_of(imap).values()) == 10),
       "alpine: deletes them", terminal.screen())
    terminal.keys("x")
    ok(wait_for(lambda: len(flags_of(imap)) == 20), "alpine: expunges",
       terminal.screen())
    rig.deliver("ann", message("just arrived"))
    step("just arrived", "new mail shows", "C-l")
    terminal.keys("q", "y")
    ok(wait_for(lambda: not terminal.screen()), "alpine: ends",
       terminal.screen())


def main():
    with Rig(("ann",)) as rig, Relay(rig, "alpine") as relay:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        with rig.lmtp() as lmtp:
            for n in range(30):
                lmtp.sendmail("a@far.test", ["ann"], message(
                    f"number {n:02}", f"The needle {n:02} in the hay\n"))
        home = rig.dir / "alpine"
        home.mkdir()
        (home / ".pinerc").write_text(PINERC.format(port=relay.port))
        with rig.imap("ann") as imap, \
                Terminal(home, "alpine", "-p", home / ".pinerc") as terminal:
            walk(rig, terminal, imap)
        equal(relay.refused, [], "alpine: nothing was refused")
        equal(relay.fields_not_kept(), set(),
              "alpine: its header fields are in the summary")
    finish()


main()
