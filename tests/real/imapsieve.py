#!/usr/bin/env python3
"""Scripts on IMAP events (RFC 6785): the training of a spam filter as sites
have it with Dovecot (their scripts unchanged), a user's own scripts by
metadata, and what must not happen."""
import imaplib
import pathlib
import shutil
import tempfile
import time

from rig import Rig, equal, finish, message, ok, wait_for

imaplib.Commands["SETMETADATA"] = ("AUTH", "SELECTED")
SITE = pathlib.Path(tempfile.mkdtemp(prefix="penfold-imapsieve-"))
SITE.chmod(0o755)
BIN = SITE / "bin"
OUT = SITE / "out"
for folder in (BIN, OUT):
    folder.mkdir()
    folder.chmod(0o777)

# as in Dovecot's documentation of "Replacing antispam plugin with IMAPSieve"
SCRIPTS = {
    "report-spam": '''
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.user" "*" {
  set "username" "${1}";
}

pipe :copy "sa-learn-spam.sh" [ "${username}" ];
''',
    "report-ham": '''
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.mailbox" "*" {
  set "mailbox" "${1}";
}

if string "${mailbox}" "Trash" {
  stop;
}

if environment :matches "imap.user" "*" {
  set "username" "${1}";
}

pipe :copy "sa-learn-ham.sh" [ "${username}" ];
''',
    "broken": 'require ["imapsieve"]; nonsense;',
    "fails": '''require ["imapsieve", "vnd.dovecot.pipe"];
pipe "not-there";''',
}
for name, text in SCRIPTS.items():
    (SITE / f"{name}.sieve").write_text(text)
for kind in ("spam", "ham"):
    program = BIN / f"sa-learn-{kind}.sh"
    program.write_text(f'''#!/bin/sh
f=$(mktemp {OUT}/{kind}.XXXXXX)
echo "$1 $USER" > $f
cat >> $f
mv $f $f.done
''')
    program.chmod(0o755)

CONF = f'''
sieve_programs = pipe={BIN}
imapsieve_url = sieve://127.0.0.1
imapsieve_rules = "Junk * COPY,APPEND {SITE}/report-spam.sieve" \
"* Junk COPY {SITE}/report-ham.sieve" \
"Broken * * {SITE}/broken.sieve" "Fails * * {SITE}/fails.sieve"
'''


def learned(kind, subject):
    return [p for p in OUT.glob(f"{kind}.*.done")
            if f"Subject: {subject}\r\n" in
            p.read_text(errors="replace").replace("\n", "\r\n").replace(
                "\r\r", "\r")]


def uid_of(imap, subject):
    _, data = imap.uid("SEARCH", "SUBJECT", f'"{subject}"')
    return data[0].split()[-1].decode()


def training(rig):
    imap = rig.imap("ann")
    for name in ("Trash", "Broken", "Fails"):
        imap.create(name)
    for subject in ("one", "two", "three"):
        rig.deliver("ann", message(subject))
    imap.select("INBOX")
    wait_for(lambda: imap.noop() and imap.select("INBOX")[1][0] == b"3")
    equal(imap.uid("MOVE", uid_of(imap, "one"), "Junk")[0], "OK",
          "a message is moved into Junk")
    ok(wait_for(lambda: learned("spam", "one")), "it is learned as spam")
    text = learned("spam", "one")[0].read_text()
    ok(text.startswith("ann ann\n"), "for its user", text[:100])
    ok("\r\n" in learned("spam", "one")[0].read_bytes().decode(),
       "with line ends of mail")
    equal(imap.uid("COPY", uid_of(imap, "two"), "Junk")[0], "OK",
          "another is copied there")
    ok(wait_for(lambda: learned("spam", "two")), "and is learned, too")
    equal(imap.append("Junk", "", None, message("four"))[0], "OK",
          "another is appended there")
    ok(wait_for(lambda: learned("spam", "four")), "and is learned, too")
    imap.select("Junk")
    imap.uid("MOVE", uid_of(imap, "one"), "INBOX")
    ok(wait_for(lambda: learned("ham", "one")), "out of Junk it is ham")
    imap.uid("MOVE", uid_of(imap, "two"), "Trash")
    imap.uid("MOVE", uid_of(imap, "four"), "INBOX")
    ok(wait_for(lambda: learned("ham", "four")), "in the order of commands")
    equal(learned("ham", "two"), [], "what goes to Trash is not")
    equal(len(learned("spam", "one")), 1, "nothing is learned twice")
    imap.select("INBOX")
    imap.uid("MOVE", uid_of(imap, "three"), "Trash")
    imap.logout()


def hundreds(rig):
    imap = rig.imap("bob")
    for i in range(200):
        rig.deliver("bob", message(f"many{i:03}"))
    imap.select("INBOX")
    start = time.monotonic()
    equal(imap.uid("MOVE", "1:*", "Junk")[0], "OK", "200 messages are moved")
    took = time.monotonic() - start
    other = rig.imap("bob")
    other.select("Junk")
    ok(took < 10, "the answer does not wait for the scripts", took)
    imap.logout()
    ok(wait_for(lambda: len([p for p in OUT.glob("spam.*.done")
                             if "Subject: many" in p.read_text()]) == 200, 60),
       "each is learned, once, after the session has ended")
    other.logout()


def failures(rig):
    imap = rig.imap("ann")
    imap.select("INBOX")
    uid = uid_of(imap, "one")
    for name in ("Broken", "Fails"):
        equal(imap.uid("COPY", uid, name)[0], "OK",
              f"{name}: the command succeeds")
    ok(wait_for(lambda: "nonsense" in rig.log() and "not-there" in rig.log()),
       "and the log tells")
    imap.select("Fails")
    time.sleep(0.3)
    _, data = imap.fetch("1", "(FLAGS)")
    ok(b"Deleted" not in data[0], "the message stays", data)
    imap.logout()


def users_scripts(rig):
    folder = rig.home("ann") / "sieve"
    folder.mkdir(exist_ok=True)
    (folder / "act.sieve").write_text('''
require ["imapsieve", "environment", "fileinto", "copy", "variables",
         "imap4flags", "mailbox"];
if environment :matches "imap.cause" "*" { set "cause" "${1}"; }
if environment :matches "imap.changedflags" "*" { set "changed" "${1}"; }
if allof(string "${cause}" "FLAG", string :contains "${changed}" "\\\\Flagged",
         hasflag "\\\\Flagged") {
  fileinto :copy :create "Flagged";
}
if string "${cause}" "APPEND" { addflag "$Appended"; }
if allof(string "${cause}" "FLAG", string :contains "${changed}" "\\\\Seen") {
  addflag "$Read";
}
''')
    imap = rig.imap("ann")
    ok(any("IMAPSIEVE=sieve://127.0.0.1" in str(c)
           for c in imap.capability()[1]), "IMAPSIEVE is announced")
    imap.create("Acts")
    imap.create("Flagged")
    imap._simple_command("SETMETADATA", "Acts",
                         '(/shared/imapsieve/script "act")')
    imap.append("Acts", "", None, message("mine"))
    imap.select("Acts")

    def flags():
        imap.noop()
        return str(imap.fetch("1", "(FLAGS)")[1])
    ok(wait_for(lambda: "$Appended" in flags()), "APPEND runs the script")
    imap.store("1", "+FLAGS", "(\\Flagged)")

    def copies():
        return imap.status("Flagged", "(MESSAGES)")[1][0]
    ok(wait_for(lambda: b"MESSAGES 1" in copies()), "STORE runs it", copies())
    imap.fetch("1", "(BODY[TEXT])")
    ok(wait_for(lambda: "$Read" in flags()), "and FETCH that sets \\Seen")
    imap.store("1", "-FLAGS", "(\\Flagged)")
    time.sleep(0.5)
    ok(b"MESSAGES 1" in copies(), "flags that are taken away count as well",
       copies())
    imap.logout()


try:
    with Rig(conf=CONF) as rig:
        training(rig)
        hundreds(rig)
        failures(rig)
        users_scripts(rig)
finally:
    shutil.rmtree(SITE, ignore_errors=True)
finish()
