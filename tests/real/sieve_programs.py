#!/usr/bin/env python3
"""Programs of scripts (vnd.dovecot.pipe, filter, execute): the same scripts
and programs by penfold, through real LMTP, and by Debian's Pigeonhole
(dovecot-lda with sieve_extprograms): the same mail in the same folders, and
the programs got the same."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import Rig, equal, finish, ok  # noqa: E402

LDA = "/usr/lib/dovecot/dovecot-lda"
NOBODY = 65534
SITE = pathlib.Path(tempfile.mkdtemp(prefix="penfold-programs-"))
SITE.chmod(0o755)
BIN = SITE / "bin"
OUT = SITE / "out"
for folder in (BIN, OUT):
    folder.mkdir()
    folder.chmod(0o777)

PROGRAMS = {
    "take": f'cat > {OUT}/taken',
    "show": f'cat > /dev/null; echo "$# $1|$2|$SENDER|$RECIPIENT|$USER" '
            f'> {OUT}/taken',
    "no": 'cat > /dev/null; exit 1',
    "mark": 'printf "X-Mark: $1\\r\\n"; exec cat',
    "upper": 'exec tr a-z A-Z',
    "lines": 'printf "one\\ntwo"',
    "empty": 'exit 0',
}
for name, text in PROGRAMS.items():
    (BIN / name).write_text("#!/bin/sh\n" + text + "\n")
    (BIN / name).chmod(0o755)

REQUIRE = ('require ["fileinto", "mailbox", "copy", "variables", "imap4flags",'
           ' "vnd.dovecot.pipe", "vnd.dovecot.filter",'
           ' "vnd.dovecot.execute"];\n')
SCRIPTS = {
    "pipe": 'pipe "take";',
    "pipe-copy": 'pipe :copy "take";',
    "pipe-and-file": 'pipe "take"; fileinto :create "A";',
    "pipe-arguments": 'pipe "show" ["a b", "$(id)"];',
    "pipe-fails": 'pipe "no";',
    "pipe-try-fails": 'pipe :try "no";',
    "pipe-try-copy-fails": 'pipe :try :copy "no"; fileinto :create "A";',
    "filter": 'filter "mark" "x";',
    "filter-seen": 'filter "mark" "x"; '
                   'if header "x-mark" "x" { fileinto :create "A"; }',
    "filter-before-and-after": 'fileinto :create "A"; filter "mark" "x"; '
                               'fileinto :create "B";',
    "filter-twice": 'filter "mark" "1"; filter "mark" "2";',
    "filter-fails": 'filter "no"; fileinto :create "A";',
    "filter-as-test": 'if filter "no" { fileinto :create "A"; } '
                      'elsif filter "mark" "t" { fileinto :create "B"; }',
    "filter-unknown-as-test": 'if filter "nothing-there" { discard; } '
                              'else { fileinto :create "A"; }',
    "execute": 'if execute :input "abc" :output "x" "upper" '
               '{ fileinto :create "${x}"; }',
    "execute-pipe": 'execute :pipe :output "x" "upper"; '
                    'if string :contains "${x}" "SUBJECT: HELLO" '
                    '{ fileinto :create "A"; }',
    "execute-fails": 'set "x" "before"; execute :output "x" "no"; '
                     'fileinto :create "${x}";',
    "execute-as-test": 'if execute "no" { fileinto :create "A"; } '
                       'elsif execute "empty" { fileinto :create "B"; }',
    "execute-lines": 'execute :output "x" "lines"; '
                     'if string :matches "${x}" "one*two" '
                     '{ fileinto :create "A"; }',
}
MESSAGE = (b"From: ann@example.org\r\nTo: bob@example.org\r\n"
           b"Subject: hello\r\nMessage-ID: <1@example.org>\r\n\r\n"
           b"a line\r\n.\r\nlast\r\n")
OURS = re.compile(rb"^(Return-Path|Delivered-To|Received|X-Sieve)[^\n]*\n"
                  rb"([ \t][^\n]*\n)*", re.M | re.I)


def bare(data):
    return OURS.sub(b"", data.replace(b"\r\n", b"\n"))


def folders(maildir):
    """What is where, and the Maildir is empty again."""
    found = []
    for path in sorted(maildir.glob("**/*")):
        if path.is_file() and path.parent.name in ("new", "cur"):
            box = path.parent.parent
            name = "INBOX" if box == maildir else box.name.lstrip(".")
            found.append((name, bare(path.read_bytes())))
            path.unlink()
    return sorted(found)


def taken():
    path = OUT / "taken"
    if not path.exists():
        return None
    data = path.read_bytes()
    path.unlink()
    return data if b"|" in data[:20] else bare(data)


def as_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


class Pigeonhole:
    def __init__(self):
        self.home = SITE / "theirs"
        self.home.mkdir()
        (SITE / "dovecot.conf").write_text(f"""
base_dir = {self.home}/run
log_path = {self.home}/log
mail_location = maildir:{self.home}/Maildir
mail_plugins =
ssl = no
hostname = host.test
postmaster_address = postmaster@host.test
first_valid_uid = 1
protocol lda {{
  mail_plugins = sieve
}}
plugin {{
  sieve = {self.home}/active.sieve
  sieve_plugins = sieve_extprograms
  sieve_extensions = +vnd.dovecot.pipe +vnd.dovecot.filter +vnd.dovecot.execute
  sieve_pipe_bin_dir = {BIN}
  sieve_filter_bin_dir = {BIN}
  sieve_execute_bin_dir = {BIN}
}}
namespace inbox {{
  inbox = yes
  separator = .
}}
""")
        if os.getuid() == 0:
            os.chown(self.home, NOBODY, NOBODY)

    def deliver(self, script):
        active = self.home / "active.sieve"
        for path in self.home.glob("active.*"):
            path.unlink()
        active.write_text(script)
        active.chmod(0o644)
        subprocess.run([LDA, "-c", SITE / "dovecot.conf",
                        "-f", "ann@example.org", "-a", "bob@example.org"],
                       input=MESSAGE, preexec_fn=as_nobody, timeout=60,
                       env={"HOME": str(self.home), "USER": "bob",
                            "PATH": os.environ["PATH"]})
        return folders(self.home / "Maildir"), taken()


CONF = f"sieve_programs = pipe={BIN} filter={BIN} execute={BIN}"
try:
    theirs = Pigeonhole()
    with Rig(conf=CONF, users=("bob",)) as rig:
        for name, script in SCRIPTS.items():
            (rig.home("bob") / ".dovecot.sieve").write_text(REQUIRE + script)
            rig.deliver("bob", MESSAGE)
            got = folders(rig.maildir("bob")), taken()
            want = theirs.deliver(REQUIRE + script)
            if name == "pipe-arguments":
                ok(got[1] and b"2 a b|$(id)|ann@example.org|" in got[1],
                   name + ": arguments as they are", got)
                equal(got[1].split(b"|")[:3], want[1].split(b"|")[:3], name)
            elif name == "pipe-try-fails":
                # its specification says that the keep then stands (5)
                ok(len(got[0]) == 1 and not want[0],
                   name + ": kept; Pigeonhole loses it", (got, want))
            else:
                equal(got, want, name)
        log = theirs.home / "log"
        ok(not log.exists() or "Panic" not in log.read_text(errors="replace"),
           "Pigeonhole ran")
finally:
    shutil.rmtree(SITE, ignore_errors=True)
finish()
