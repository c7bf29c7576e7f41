#!/usr/bin/env python3
"""Roundcube in headless Chromium: a user's day with IMAP, submission through
Postfix, and filters through ManageSieve.

Roundcube is Debian's, under PHP's own web server, with its configuration,
database, logs and sessions below the test's directory.
"""
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from postfix import Postfix  # noqa: E402
from relay import ARTIFACTS, Relay  # noqa: E402
from rig import *  # noqa: E402,F403
from webdriver import Browser, WebDriverError  # noqa: E402

ROUNDCUBE = pathlib.Path("/var/lib/roundcube")

CONFIG = """<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///{dir}/roundcube.sqlite';
$config['log_dir'] = $config['temp_dir'] = '{dir}';
$config['imap_host'] = 'ssl://localhost:{imap}';
$config['smtp_host'] = 'tls://localhost:{submit}';
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
$config['managesieve_host'] = 'tls://localhost:{sieve}';
$config['imap_conn_options'] = $config['smtp_conn_options'] =
    $config['managesieve_conn_options'] =
    ['ssl' => ['cafile' => '{tls}/cert.pem', 'peer_name' => 'localhost']];
$config['mail_domain'] = 'ex.test';
$config['plugins'] = ['archive', 'managesieve', 'markasjunk'];
$config['create_default_folders'] = true;
$config['archive_mbox'] = 'Archive';
$config['imap_cache'] = $config['messages_cache'] = 'db';
$config['check_all_folders'] = true;
$config['draft_autosave'] = 0;
$config['refresh_interval'] = 0;
$config['language'] = 'en_US';
$config['des_key'] = 'abcdefghijklmnopqrstuvwx';
$config['preview_pane_mark_read'] = 0;
"""

MULTIPART = b"""From: =?utf-8?q?J=C3=BCrgen?= <juergen@far.test>
To: ann@ex.test
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= with a picture
Date: Fri, 20 Nov 2026 12:00:00 +0000
Message-ID: <picture@far.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

plain w\xc3\xb6rds
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>html <b>w=C3=B6rds</b> to read</p>
--inner--
--outer
Content-Type: text/csv; name="table.csv"
Content-Disposition: attachment; filename="table.csv"
Content-Transfer-Encoding: base64

YSxiLGMKMSwyLDMK
--outer--
"""


class Roundcube:
    def __init__(self, rig, imap_port, submit_port):
        self.dir = rig.dir / "roundcube"
        self.dir.mkdir()
        etc = self.dir / "etc"
        etc.mkdir()
        for name in ("defaults.inc.php", "mimetypes.php"):
            (etc / name).symlink_to(f"/etc/roundcube/{name}")
        (etc / "config.inc.php").write_text(CONFIG.format(
            dir=self.dir, tls=rig.dir / "tls", imap=imap_port,
            submit=submit_port, sieve=rig.port + 3))
        database = sqlite3.connect(self.dir / "roundcube.sqlite")
        database.executescript(
            (ROUNDCUBE / "SQL/sqlite.initial.sql").read_text())
        database.close()
        self.port = free_port_block(start=28000)
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self):
        self.process = subprocess.Popen(
            ["php", "-S", f"127.0.0.1:{self.port}",
             "-t", ROUNDCUBE / "public_html",
             "-d", f"session.save_path={self.dir}"],
            stdout=open(self.dir / "php.log", "wb"), stderr=subprocess.STDOUT,
            env={**os.environ, "PHP_CLI_SERVER_WORKERS": "3",
                 "ROUNDCUBE_CONFIG_DIR": str(self.dir / "etc")},
            start_new_session=True)
        if not wait_for(self._answers, 20):
            raise RuntimeError("PHP's web server did not start")
        return self

    def _answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *what):
        # its workers are its children, in its group
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)

    def errors(self):
        path = self.dir / "errors.log"
        return path.read_text(errors="replace") if path.exists() else ""


class Page:
    """The mail view, as a user has it before him."""

    def __init__(self, browser, web):
        self.browser, self.web = browser, web
        self.click, self.js, self.until = (browser.click, browser.js,
                                           browser.until)

    def open(self, query=""):
        self.browser.get(self.web.url + query)
        return self.until("window.rcmail && !rcmail.busy")

    def open_mail(self, box="INBOX"):
        self.open(f"?_task=mail&_mbox={box}")
        return self.until("!!rcmail.message_list && !rcmail.busy")

    def subjects(self):
        return self.js("return [...document.querySelectorAll("
                       "'#messagelist tr.message td.subject span.subject a')]"
                       ".map(a => a.textContent.trim())")

    def wait_subjects(self, condition, seconds=20):
        wait_for(lambda: condition(self.subjects()), seconds)
        return self.subjects()

    def rests(self):
        """Waits until the page awaits nothing: an answer to what was done
        before may still choose another message."""
        return self.until("!rcmail.busy && !jQuery.active", 15)

    def choose(self, subject):
        """Clicks the message in the list."""
        self.rests()
        self.js("[...document.querySelectorAll('#messagelist tr.message')]"
                ".find(tr => tr.textContent.includes(arguments[0]))"
                ".setAttribute('data-chosen', '1')", subject)
        self.click("#messagelist tr[data-chosen='1'] td.subject span.date")
        self.until("document.querySelector(\"[data-chosen='1'].selected\")"
                   " && rcmail.message_list.get_selection().length == 1")
        self.js("document.querySelector(\"[data-chosen='1']\")"
                ".removeAttribute('data-chosen')")

    def command(self, *args):
        # a command that is not enabled yet is passed over without a word
        self.rests()
        self.until(f"rcmail.commands['{args[0]}']", 15)
        self.js("rcmail.command(...arguments)", *args)
        self.rests()

    def act(self, subject, command, effect):
        """Chooses a message and does something with it; once more, as a user
        would, when nothing came of it because the page was still loading."""
        for _ in range(3):
            try:
                if subject in self.subjects():
                    self.choose(subject)
                    self.command(*command)
            except WebDriverError as e:
                print("# again:", str(e).splitlines()[0])
            if wait_for(effect, 15):
                return True
        return False

    def shot(self, name):
        self.browser.screenshot(ARTIFACTS / f"roundcube-{name}.png")


def log_in(rig, page):
    page.open()
    page.browser.type("#rcmloginuser", "ann")
    page.browser.type("#rcmloginpwd", "wrong")
    page.click("#rcmloginsubmit")
    ok(page.until("/Login failed/.test(document.body.innerText)"),
       "a wrong password is told", page.js("return document.body.innerText"))
    page.browser.type("#rcmloginuser", "ann")
    page.browser.type("#rcmloginpwd", PASSWORD)
    page.click("#rcmloginsubmit")
    ok(page.until("window.rcmail && rcmail.env.task == 'mail' && "
                  "!!rcmail.message_list"), "logs in",
       page.js("return document.body.innerText"))
    subjects = page.wait_subjects(lambda s: len(s) == 50)
    equal(len(subjects), 50, "the first page of the list")
    equal(subjects[0], "Grüße with a picture", "the newest on top")
    page.shot("list")
    with rig.imap("ann") as imap:
        boxes = b"\n".join(imap.lsub()[1])
    ok(all(name in boxes for name in
           (b"Sent", b"Drafts", b"Junk", b"Trash", b"Archive")),
       "has made its folders, subscribed", boxes)
    page.command("nextpage")
    equal(len(page.wait_subjects(lambda s: len(s) == 11)), 11,
          "and the second page")
    page.command("previouspage")


def read(rig, page):
    page.wait_subjects(lambda s: len(s) == 50)
    page.choose("Grüße with a picture")
    page.browser.into_frame("#messagecontframe")
    shows = page.until("document.querySelector('#messagebody') && "
                       "/html wörds to read/.test(document.body.innerText)")
    text = page.js("return document.body.innerText")
    ok(shows, "reads a multipart message as HTML", text)
    ok("table.csv" in text, "and sees its attachment", text)
    page.shot("read")
    got = page.js("""
        const link = document.querySelector('#attachment-list a.filename');
        const request = new XMLHttpRequest();
        request.open('GET', link.href.replace('_show', '_get') +
                     '&_download=1', false);
        request.send();
        return request.responseText;""")
    equal(got, "a,b,c\n1,2,3\n", "downloads the attachment")
    page.browser.out_of_frame()
    with rig.imap("ann") as imap:
        seen = lambda: any(b"\\Seen" in f for f in flags_of(imap).values())
        ok(wait_for(seen), "what was read is \\Seen")


def search(page):
    def look(what, where, expected, name):
        page.js("""document.querySelectorAll('input[name="s_mods[]"]')
            .forEach(e => { e.checked = arguments[0].includes(e.value); });
            rcmail.set_searchmods && rcmail.set_searchmods(
                Object.fromEntries(arguments[0].map(m => [m, 1])));
            """, where)
        page.browser.type("#mailsearchform", what + "\n")
        found = page.wait_subjects(lambda s: sorted(s) == sorted(expected))
        equal(sorted(found), sorted(expected), name)
        page.command("reset-search")
        page.wait_subjects(lambda s: len(s) == 50)
    look("number 17", ["subject"], ["number 17"], "searches subjects")
    look("grüße", ["subject", "from"], ["Grüße with a picture"],
         "by any case, beyond ASCII")
    look("NEEDLE 23", ["text"], ["number 23"], "searches whole texts")
    page.shot("search")


def sort(page):
    page.command("sort", "subject")
    subjects = page.wait_subjects(lambda s: s and s[0] != "number 59")
    equal(subjects, sorted(subjects), "sorts by subject")
    page.command("sort", "arrival_DESC")
    page.wait_subjects(lambda s: s[:1] == ["Grüße with a picture"])


def mark(rig, page):
    with rig.imap("ann") as imap:
        imap.select(readonly=True)
        uid = int(imap.uid("SEARCH", "SUBJECT", '"number 50"')[1][0])
        ok(page.act("number 50", ("mark", "flagged"),
                    lambda: b"\\Flagged" in flags_of(imap)[uid]),
           "flags a message")
        # it is shown beside the list, which marks it read, a moment later
        ok(wait_for(lambda: b"\\Seen" in flags_of(imap)[uid])
           and page.until("!document.querySelector('tr.selected.unread')"),
           "what is shown is read")
        page.command("mark", "unread")
        ok(wait_for(lambda: b"\\Seen" not in flags_of(imap)[uid])
           or page.act("number 50", ("mark", "unread"),
                       lambda: b"\\Seen" not in flags_of(imap)[uid]),
           "and marks it unread")
        # and what others do shows at the next check
        imap.select()
        imap.uid("STORE", str(uid), "-FLAGS", r"(\Flagged)")
        imap.uid("STORE", str(uid - 1), "+FLAGS", r"(\Flagged)")
        rig.deliver("ann", message("just arrived"))
        page.command("checkmail")
        page.wait_subjects(lambda s: s[0] == "just arrived")
        equal(page.subjects()[0], "just arrived", "new mail shows")
        flagged = ("[...document.querySelectorAll('tr.message.flagged')]"
                   ".map(tr => tr.querySelector('span.subject a')"
                   ".textContent.trim()).join()")
        wait_for(lambda: page.js("return " + flagged) == "number 49")
        equal(page.js("return " + flagged), "number 49",
              "and flags set elsewhere")


def subjects_in(rig, box):
    with rig.imap("ann") as imap:
        if imap.select(box, readonly=True)[0] != "OK":
            return []
        _, data = imap.search(None, "ALL")
        if not data[0]:
            return []
        _, data = imap.fetch(data[0].replace(b" ", b","),
                             "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return sorted(item[1].decode().strip().removeprefix("Subject: ")
                      for item in data if isinstance(item, tuple))


def move(rig, page):
    with rig.imap("ann") as imap:
        imap.create("Projects")
        imap.subscribe("Projects")
    page.open_mail()
    page.wait_subjects(lambda s: len(s) == 50)
    for subject, command, box, name in (
            ("number 40", ("move", "Projects"), "Projects", "moves"),
            ("number 41", ("copy", "Projects"), "Projects", "copies"),
            ("number 42", ("delete",), "Trash", "deletes into Trash"),
            ("number 43", ("plugin.archive",), "Archive", "archives"),
            ("number 44", ("plugin.markasjunk.junk",), "Junk",
             "marks as junk")):
        ok(page.act(subject, command,
                    lambda: subject in subjects_in(rig, box)),
           f"{name} a message", subjects_in(rig, box))
        inbox = subjects_in(rig, "INBOX")
        equal(subject in inbox, command[0] == "copy", f"{name}: INBOX")
    page.open_mail("Projects")
    found = page.wait_subjects(lambda s: len(s) == 2)
    equal(sorted(found), ["number 40", "number 41"], "and opens that folder")


def folders(rig, page):
    """Settings, Folders: create, rename, delete."""
    names = lambda: b"\n".join(rig.imap("ann").list()[1])
    def save(name):
        page.browser.into_frame("#preferences-frame")
        page.browser.type("input[name=_name]", name)
        page.js("rcmail.command('save')")
        page.browser.out_of_frame()
    page.open("?_task=settings&_action=folders")
    page.command("create-folder")
    save("Entwürfe 2")
    ok(wait_for(lambda: b"Entw&APw-rfe 2" in names()),
       "creates a folder with an umlaut", names())
    page.open("?_task=settings&_action=folders")
    page.js("rcmail.subscription_list.select('" +
            page.js("return Object.keys(rcmail.env.subscriptionrows).find("
                    "k => rcmail.env.subscriptionrows[k][0].includes('2'))") +
            "')")
    save("Umbenannt")
    ok(wait_for(lambda: b"Umbenannt" in names()), "renames it", names())


def compose(rig, page):
    page.open("?_task=mail&_action=compose")
    page.until("rcmail.env.action == 'compose'")
    page.browser.type("#compose_to .recipient-input input", "bob@ex.test,")
    page.browser.type("#compose-subject", "Grüße aus dem Browser")
    page.browser.type("#composebody", "Zeile eins\n.\nÄöü ß\n")
    page.shot("compose")
    page.click("#toolbar-menu a.send, .toolbar a.send, button.send")
    arrived = lambda: [p for p in rig.maildir("bob").glob("[nc]*/*")
                       if b"From: ann <ann@ex.test>" in p.read_bytes()]
    ok(wait_for(arrived), "what is sent arrives, through submission",
       page.js("return document.body.innerText"))
    ok(wait_for(lambda: subjects_in(rig, "Sent")),
       "and a copy is in Sent", subjects_in(rig, "Sent"))
    page.until("rcmail.env.action != 'compose' && !rcmail.busy")
    # a draft, saved, found again
    page.open("?_task=mail&_action=compose")
    page.until("rcmail.env.action == 'compose'")
    page.browser.type("#compose-subject", "not finished")
    page.command("savedraft")
    ok(wait_for(lambda: subjects_in(rig, "Drafts") == ["not finished"]),
       "a draft is kept", subjects_in(rig, "Drafts"))
    page.command("savedraft")
    time.sleep(0.5)
    equal(subjects_in(rig, "Drafts"), ["not finished"],
          "once, when saved twice")
    page.js("window.onbeforeunload = null; rcmail.compose_skip_unsavedcheck "
            "= true")


def filters(rig, page):
    """Settings, Filters: the managesieve plugin."""
    with rig.imap("ann") as imap:
        imap.create("Reports")
        imap.subscribe("Reports")
    page.open("?_task=settings&_action=plugin.managesieve")
    page.command("plugin.managesieve-add")
    page.browser.into_frame("#filter-box")
    page.browser.type("input[name=_name]", "my reports")
    # as offered: the subject contains ..., move to ...
    page.browser.type("#rule_target0_list input", "report")
    page.js("const box = document.querySelector("
            "'select[name^=\"_action_mailbox\"]');"
            "box.value = 'Reports';"
            "box.dispatchEvent(new Event('change', {bubbles: true}));")
    page.shot("filter")
    page.js("rcmail.command('plugin.managesieve-save')")
    page.browser.out_of_frame()
    home = rig.home("ann")
    script = home / "sieve/roundcube.sieve"
    ok(wait_for(lambda: script.exists() and "report" in script.read_text()),
       "the filter is on disk", sorted(map(str, home.rglob("*sieve*"))))
    text = script.read_text()
    ok('fileinto "Reports"' in text and "my reports" in text,
       "as it was made", text)
    equal(os.path.realpath(home / ".dovecot.sieve"), str(script),
          "and active")
    rig.deliver("ann", message("the daily report"))
    ok(wait_for(lambda: subjects_in(rig, "Reports") == ["the daily report"]),
       "the next mail is filed by it", subjects_in(rig, "Reports"))


def main():
    begin = time.monotonic()
    with Rig() as rig, Postfix(rig) as pf, \
            Relay(rig, "roundcube") as relay, \
            Roundcube(rig, relay.port, pf.submit) as web:
        with rig.lmtp() as lmtp:
            for n in range(60):
                lmtp.sendmail("far@far.test", ["ann"], message(
                    f"number {n:02}", f"The needle {n:02} in the hay.\n"))
            lmtp.sendmail("juergen@far.test", ["ann"], MULTIPART)
        with Browser(rig.dir / "chromium") as browser:
            page = Page(browser, web)
            try:
                for step in ((log_in, rig), (read, rig), (search,), (sort,),
                             (mark, rig), (move, rig), (folders, rig),
                             (compose, rig), (filters, rig)):
                    at = time.monotonic()
                    step[0](*step[1:], page)
                    print(f"# {step[0].__name__}: "
                          f"{time.monotonic() - at:.1f} s")
            except (WebDriverError, OSError) as e:
                page.shot("failed")
                (ARTIFACTS / "roundcube-failed.html").write_text(
                    page.js("return document.documentElement.outerHTML"))
                ok(False, f"the walk goes on after {step[0].__name__}", e)
        errors = [line for line in web.errors().splitlines()
                  if "Wrong user name or password" not in line]
        equal(errors, [], "Roundcube logged no error")
        refused = [what for what in relay.refused
                   if not what[0].startswith("AUTHENTICATE")]
        equal(refused, [], "penfold refused nothing it asked for")
        equal(relay.fields_not_kept(), set(),
              "all header fields of its lists are in the summary")
        measured(f"Roundcube: {relay.connections} connections, "
                 f"{time.monotonic() - begin:.0f} s")
    finish()


main()
