#!/usr/bin/env python3
"""A home whose scripts Dovecot's ManageSieve made is penfold's the next
moment, and the other way round: the same scripts, the same active one, the
same filing, also where home and mail lie apart.  Dovecot's programs run on
pipes with a private configuration."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

LISTS = '''require ["fileinto", "mailbox"];
if header :contains "subject" "list" { fileinto :create "Lists"; }
'''
MAIN = '''require ["fileinto", "mailbox", "include"];
include :personal "lists";
include :global "site";
if header :contains "subject" "report" { fileinto :create "Reports"; }
'''
SITE = '''require ["fileinto", "mailbox"];
if header :contains "subject" "spam" { fileinto :create "Junk"; stop; }
'''
SECOND = '''require ["fileinto", "mailbox"];
fileinto :create "Second";
'''
BEFORE = '''require ["fileinto", "mailbox"];
if header :contains "subject" "virus" { fileinto :create "Quarantine"; }
'''


class Dovecot:
    def __init__(self, top, home, mail):
        self.top, self.home, self.mail = top, home, mail
        self.conf = top / "dovecot.conf"
        (top / "dovecot-run").mkdir(exist_ok=True)
        self.conf.write_text(f"""
base_dir = {top}/dovecot-run
state_dir = {top}/dovecot-run
log_path = {top}/dovecot.log
ssl = no
protocols = sieve
mail_uid = nobody
mail_gid = nogroup
mail_home = {home}
mail_location = maildir:{mail}
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
first_valid_gid = 1
postmaster_address = postmaster@localhost
lda_mailbox_autocreate = yes
recipient_delimiter = +
stats_writer_socket_path =
protocol lda {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_global = {top}/global
  sieve_before = {top}/before
}}
""")

    def _run(self, program, *args, input):
        command = [f"/usr/lib/dovecot/{program}", "-c", self.conf, *args]
        if os.geteuid() == 0:
            run("chown", "-R", "nobody:nogroup", self.home, self.mail,
                self.top / "dovecot-run")
            (self.top / "dovecot.log").touch()
            (self.top / "dovecot.log").chmod(0o666)
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup",
                       "--clear-groups"] + command
        return run(*command, input=input, timeout=30,
                   env={"PATH": os.environ["PATH"], "USER": "nobody",
                        "HOME": str(self.home)})

    def managesieve(self, *lines):
        done = self._run("managesieve", input="".join(
            line + "\r\n" for line in (*lines, "LOGOUT")))
        return done.stdout

    def put(self, name, script):
        return f'PUTSCRIPT "{name}" {{{len(script.encode())}+}}\r\n{script}'

    def deliver(self, subject):
        done = self._run("dovecot-lda", "-f", "a@b.test", "-a",
                         "ann@localhost", input=message(subject).decode())
        if done.returncode:
            print("#", done.stdout, done.stderr,
                  (self.top / "dovecot.log").read_text()[-600:])


def subjects(mail, box):
    found = []
    for part in ("new", "cur"):
        for path in (mail / box / part).glob("*"):
            for line in path.read_text().splitlines():
                if line.startswith("Subject: "):
                    found.append(line[9:])
    return sorted(found)


def client(rig, *args):
    return run("sieve-connect", "--server", "127.0.0.1", "--port",
               rig.port + 3, "--user", "ann", "--authmech", "PLAIN",
               "--tlscafile", rig.dir / "tls/cert.pem", "--notlsverify",
               "--passwordfd", "0", *args, input=PASSWORD + "\n", timeout=30)


def there_and_back(what, home, mail, rig):
    dovecot = Dovecot(rig.dir, home, mail)
    said = dovecot.managesieve(
        dovecot.put("lists", LISTS), dovecot.put("main", MAIN),
        'SETACTIVE "main"', "LISTSCRIPTS")
    ok('"main" ACTIVE' in said, f"{what}: Dovecot made the scripts", said)
    ok((home / ".dovecot.sieve").is_symlink(), f"{what}: its layout")
    dovecot.deliver("report 1")
    equal(subjects(mail, ".Reports"), ["report 1"],
          f"{what}: Dovecot files by them")

    done = client(rig, "--list")
    ok('"main" ACTIVE' in done.stdout and '"lists"' in done.stdout,
       f"{what}: penfold lists them", done.stdout + done.stderr)
    for subject in ("report 2", "list 2", "spam 2", "virus 2", "hello 2"):
        rig.deliver("ann", message(subject))
    equal([subjects(mail, box) for box in
           (".Reports", ".Lists", ".Junk", ".Quarantine", "")],
          [["report 1", "report 2"], ["list 2"], ["spam 2"], ["virus 2"],
           ["hello 2"]],
          f"{what}: penfold files by them: personal, global, before")

    second = rig.dir / "second.sieve"
    second.write_text(SECOND)
    client(rig, "--upload", "--localsieve", second, "--remotesieve", "second")
    client(rig, "--activate", "--remotesieve", "second")
    rig.deliver("ann", message("report 3"))
    equal(subjects(mail, ".Second"), ["report 3"],
          f"{what}: another one, by penfold's ManageSieve")

    said = dovecot.managesieve("LISTSCRIPTS", 'GETSCRIPT "second"')
    ok('"second" ACTIVE' in said and '"main"' in said and SECOND.strip()
       in said.replace("\r", ""), f"{what}: Dovecot lists it as active", said)
    for subject in ("report 4", "virus 4"):
        dovecot.deliver(subject)
    equal([subjects(mail, ".Second"), subjects(mail, ".Quarantine")],
          [["report 3", "report 4"], ["virus 2", "virus 4"]],
          f"{what}: Dovecot files by it")
    dovecot.managesieve('SETACTIVE ""', 'DELETESCRIPT "second"')
    ok("second" not in client(rig, "--list").stdout,
       f"{what}: what Dovecot deletes is gone")
    rig.deliver("ann", message("report 5"))
    ok("report 5" in subjects(mail, ""), f"{what}: none is active")


with Rig(users=()) as rig:
    for name, text in (("global/site", SITE), ("before/10-virus", BEFORE)):
        path = rig.dir / f"{name}.sieve"
        path.parent.mkdir()
        path.write_text(text)
        path.parent.chmod(0o777)  # sievec leaves its .svbin there
    rig.stop()
    with open(rig.dir / "penfold.conf", "a") as conf:
        conf.write(f"sieve_global = {rig.dir}/global\n"
                   f"sieve_before = {rig.dir}/before\n")
    rig.start()
    rig.add_user("ann")
    home = rig.home("ann")
    (rig.dir / "mail").chmod(0o755)
    there_and_back("one place", home, home / "Maildir", rig)

    # the home here, the mail there
    home, mail = rig.dir / "homes/ann", rig.dir / "spool/ann"
    for path in (home, mail):
        path.mkdir(parents=True)
    users = rig.dir / "users"
    fields = users.read_text().rstrip("\n").split(":")
    fields = (fields + [""] * 8)[:8]
    fields[5] = str(home)
    fields[7] = f"userdb_mail=maildir:{mail}"
    users.write_text(":".join(fields) + "\n")
    rig.stop()
    rig.start()
    there_and_back("two places", home, mail, rig)
finish()
