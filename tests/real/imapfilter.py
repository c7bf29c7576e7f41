#!/usr/bin/env python3
"""imapfilter sorts a mailbox: searches combined with and, or and not, moves,
copies, flags, a new folder, an append; then waits for new mail (IDLE)."""
import imaplib
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403

SORT = """
options.create = true
options.subscribe = true
options.timeout = 20
ann = IMAP { server = 'localhost', port = %d, ssl = 'auto',
             username = 'ann', password = '%s' }
inbox = ann.INBOX

lists = inbox:contain_field('List-Id', 'devel.example.org')
lists:move_messages(ann['lists/devel'])

spam = inbox:contain_subject('WINNER') + inbox:contain_body('click here')
spam = spam * inbox:is_unseen()
spam:mark_seen()
spam:move_messages(ann['Junk'])

boss = inbox:contain_from('boss@') - inbox:contain_subject('canteen')
boss:mark_flagged()
boss:add_flags({ 'Work' })
boss:copy_messages(ann['Copies'])

old = inbox:is_older(365)
old:delete_messages()

big = inbox:is_larger(50000)
for _, message in ipairs(big) do
  mailbox, uid = table.unpack(message)
  print('big', mailbox[uid]:fetch_field('Subject'))
end
matched = inbox:match_subject('^number 1[0-9]$')
print('matched', #matched)
total, recent, unseen = inbox:check_status()
print('status', total)
ann:create_mailbox('made')
ann['made']:append_message('Subject: appended\\r\\n\\r\\nby imapfilter\\r\\n')
"""

WAIT = """
ann = IMAP { server = 'localhost', port = %d, ssl = 'auto',
             username = 'ann', password = '%s' }
print('waiting')
ann.INBOX:enter_idle()
results = ann.INBOX:is_unseen()
print('woken')
found = ann.INBOX:contain_subject('wake up')
found:mark_flagged()
"""


def main():
    with Rig(("ann",)) as rig, Relay(rig, "imapfilter") as relay:
        def program(name, text):
            path = rig.dir / f"{name}.lua"
            path.write_text(text % (relay.port, PASSWORD))
            return ["stdbuf", "-oL", "imapfilter", "-c", str(path),
                    "-t", str(rig.dir / "tls/cert.pem")]
        with rig.lmtp() as lmtp:
            def deliver(*args, **more):
                lmtp.sendmail("a@far.test", ["ann"], message(*args, **more))
            for n in range(30):
                deliver(f"number {n}")
            for n in range(4):
                deliver(f"patch {n}", extra="List-Id: <devel.example.org>\n")
            deliver("You are a WINNER")
            deliver("hello", "please CLICK HERE now\n")
            deliver("plan", sender="The Boss <boss@example.org>")
            deliver("canteen", sender="The Boss <boss@example.org>")
            deliver("enormous", "x" * 70 + "\n" * 60000)
        with rig.imap("ann") as imap:
            imap.append("INBOX", None, imaplib.Time2Internaldate(1000000000),
                        message("ancient"))
            env = {**os.environ, "HOME": str(rig.dir)}
            out = run(*program("sort", SORT), env=env, timeout=60)
            equal(out.returncode, 0, "imapfilter: ends well") or \
                print("#", out.stdout, out.stderr)
            subjects = {}
            for box in ("INBOX", "lists.devel", "Junk", "Copies", "made"):
                subjects[box] = [
                    re.search(rb"Subject: (.*?)\r?\n", body)[1].decode()
                    for body in fetch_bodies(imap, box).values()] \
                    if imap.select(box)[0] == "OK" else None
            equal(subjects["lists.devel"], [f"patch {n}" for n in range(4)],
                  "imapfilter: by List-Id into a folder it made")
            equal(sorted(subjects["Junk"] or []),
                  ["You are a WINNER", "hello"],
                  "imapfilter: what either search finds")
            equal(subjects["Copies"], ["plan"],
                  "imapfilter: and not what the other finds")
            equal(subjects["INBOX"], [f"number {n}" for n in range(30)] +
                  ["plan", "canteen", "enormous"], "imapfilter: what is left")
            equal(subjects["made"], ["appended"], "imapfilter: appends")
            ok("big\tSubject: enormous" in out.stdout, "imapfilter: by size",
               out.stdout)
            ok("matched\t10" in out.stdout,
               "imapfilter: matches headers itself", out.stdout)
            ok("status\t33" in out.stdout, "imapfilter: STATUS", out.stdout)
            flags = list(flags_of(imap).values())
            equal([i for i, f in enumerate(flags) if b"\\Flagged" in f], [30],
                  "imapfilter: flags")
            ok(b"Work" in flags[30], "imapfilter: and keywords", flags[30])
            waiting = subprocess.Popen(program("wait", WAIT), env=env,
                                       stdout=subprocess.PIPE, text=True)
            waiting.stdout.readline()
            wait_for(lambda: any("EXAMINE" in l or "SELECT" in l
                                 for l in relay.log[-2:]))
            time.sleep(0.5)
            rig.deliver("ann", message("wake up"))
            out, _ = waiting.communicate(timeout=60)
            ok("woken" in out and waiting.returncode == 0,
               "imapfilter: IDLE wakes it", out)
            flags = list(flags_of(imap).values())
            ok(b"\\Flagged" in flags[-1], "imapfilter: and it acts", flags)
        equal([why for what, why in relay.refused if "TRYCREATE" not in why],
              [], "imapfilter: nothing was refused but COPY to no folder")
        equal(relay.fields_not_kept(), set(),
              "imapfilter: its header fields are in the summary")
    finish()


main()
