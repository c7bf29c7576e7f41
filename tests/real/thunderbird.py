#!/usr/bin/env python3
"""Thunderbird ESR under Xvfb with an INBOX of 2,000 messages: it lists, reads,
is told what others do (IDLE), searches on the server, marks, moves, deletes.

It is Debian's Thunderbird with a profile of its own; what it sends is written
down on the way (relay.py), its window is kept as a picture.
"""
import email.utils
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from marionette import Display, MarionetteError, Thunderbird  # noqa: E402
from relay import ARTIFACTS, Relay  # noqa: E402
from rig import *  # noqa: E402,F403

COUNT = 2000

# what every script may use: the account's server and its folders
TOOLS = """
const {MailServices} = ChromeUtils.importESModule(
    "resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.findServer("ann", "localhost", "imap");
const root = server.rootFolder.QueryInterface(Ci.nsIMsgImapMailFolder);
const folder = name => name == "INBOX"
    ? root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox)
    : root.getChildNamed(name);
const messages = name => [...folder(name).messages];
const find = (name, subject) =>
    messages(name).find(m => m.mime2DecodedSubject == subject);
const pane = () => window.document.getElementById("tabmail")
    .currentAbout3Pane;
const finished = start => new Promise(resolve => start({
    onStartRunningUrl() {}, OnStartRunningUrl() {},
    OnStopRunningUrl(url, status) { resolve(status); },
    onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {},
    onStopCopy(status) { resolve(status); },
    QueryInterface: ChromeUtils.generateQI(
        ["nsIUrlListener", "nsIMsgCopyServiceListener"])}));
"""


def prefs(port):
    return {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        "mail.identity.id1.useremail": "ann@ex.test",
        "mail.identity.id1.fullName": "Ann",
        "mail.identity.id1.valid": True,
        "mail.server.server1.type": "imap",
        "mail.server.server1.hostname": "localhost",
        "mail.server.server1.port": port,
        "mail.server.server1.socketType": 3,   # TLS
        "mail.server.server1.authMethod": 3,   # the password
        "mail.server.server1.userName": "ann",
        "mail.server.server1.name": "ann@ex.test",
        "mail.server.server1.login_at_startup": False,
        "mail.server.server1.check_new_mail": False,
        "mail.biff.play_sound": False,
        "mail.biff.show_alert": False,
        "mailnews.mark_message_read.auto": True,
    }


class Program:
    def __init__(self, thunderbird):
        self.thunderbird = thunderbird
        self.number = 0

    def js(self, script, *args):
        got = self.thunderbird.js(TOOLS + script, *args)
        if isinstance(got, dict) and "failed" in got:
            raise MarionetteError(got["failed"])
        return got

    def until(self, script, *args, seconds=30):
        return wait_for(lambda: self.js(script, *args), seconds, 0.1)

    def shot(self, name):
        self.thunderbird.screenshot(ARTIFACTS / f"thunderbird-{name}.png")


def open_inbox(program):
    at = time.monotonic()
    program.js("""
        const info = Cc["@mozilla.org/login-manager/loginInfo;1"]
            .createInstance(Ci.nsILoginInfo);
        info.init("imap://localhost", null, "imap://localhost", "ann",
                  arguments[0], "", "");
        await Services.logins.addLoginAsync(info);
        server.performExpand(null);
        """, PASSWORD)
    ok(program.until("return !!folder('INBOX')"), "logs in, sees INBOX")
    program.js("pane().displayFolder(folder('INBOX'))")
    ok(program.until("return folder('INBOX').getTotalMessages(false) =="
                     " arguments[0] && pane().gDBView.rowCount =="
                     " arguments[0]", COUNT, seconds=60),
       f"lists {COUNT} messages",
       program.js("return [folder('INBOX').getTotalMessages(false),"
                  " pane().gDBView.rowCount]"))
    measured(f"Thunderbird: {COUNT} messages listed in "
             f"{time.monotonic() - at:.1f} s")
    equal(program.js("return find('INBOX', 'Grüße 1234').mime2DecodedAuthor"),
          "Jürgen <juergen@far.test>", "with their senders")


def read(rig, program):
    program.js("""
        pane().threadTree.selectedIndex = pane().gDBView
            .findIndexOfMsgHdr(find("INBOX", "Grüße 1234"), true);""")
    text = """
        const frame = pane().messageBrowser.contentWindow;
        const body = frame?.getMessagePaneBrowser()?.contentDocument?.body;
        return body ? body.textContent : "";"""
    wait_for(lambda: "The needle 1234 in the häy." in program.js(text), 20)
    ok("The needle 1234 in the häy." in program.js(text), "reads a message",
       program.js(text))
    time.sleep(1)  # the list is painted when there is nothing else to do
    program.shot("inbox")
    with rig.imap("ann") as imap:
        seen = lambda: sum(b"\\Seen" in f for f in flags_of(imap).values())
        equal(wait_for(seen), 1, "what was read is \\Seen")


def is_told(rig, program, relay):
    """What others do shows without anybody asking."""
    ok(wait_for(lambda: relay.count("^IDLE"), 20), "sends IDLE")
    # It fetches all bodies now.  An EXPUNGE that comes with the answer to one
    # of these it notes, but shows no sooner than with the next mail.
    relay.rests()
    with rig.imap("ann") as imap:
        imap.select()
        imap.store("778", "+FLAGS", r"(\Flagged)")
        at = time.monotonic()
        ok(program.until("return find('INBOX', 'Grüße 0777').isFlagged"),
           "a flag set elsewhere shows")
        measured(f"a flag set elsewhere shows after "
                 f"{time.monotonic() - at:.2f} s")
        imap.store("779", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        ok(program.until("return !find('INBOX', 'Grüße 0778')"),
           "a message expunged elsewhere goes")
        rig.deliver("ann", message("just arrived"))
        ok(program.until("return !!find('INBOX', 'just arrived')"),
           "new mail comes")


def search(program):
    """On the server: Edit, Find, Search messages, "run on server"."""
    found = program.js("""
        const session = Cc["@mozilla.org/messenger/searchSession;1"]
            .createInstance(Ci.nsIMsgSearchSession);
        session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder("INBOX"));
        const term = session.createTerm();
        term.attrib = Ci.nsMsgSearchAttrib.Body;
        term.op = Ci.nsMsgSearchOp.Contains;
        const value = term.value;
        value.attrib = term.attrib;
        value.str = arguments[0];
        term.value = value;
        session.appendTerm(term);
        const hits = [];
        await new Promise(resolve => {
            session.registerListener({
                onSearchHit(header) { hits.push(header.mime2DecodedSubject); },
                onSearchDone() { resolve(); },
                onNewSearch() {},
            });
            session.search(null);
        });
        return hits;""", "NEEDLE 1500 IN THE HÄY")
    equal(found, ["Grüße 1500"], "searches bodies on the server")


def subjects_in(rig, box):
    with rig.imap("ann") as imap:
        if imap.select(box, readonly=True)[0] != "OK":
            return []
        if not imap.search(None, "ALL")[1][0]:
            return []
        _, data = imap.fetch("1:*", "(ENVELOPE)")
    found = []
    for line in data:
        hit = re.search(rb"=\?utf-8\?q\?Gr=C3=BC=C3=9Fe_(\d+)\?=", line or b"")
        found += [int(hit[1])] if hit else []
    return sorted(found)


def mark_and_move(rig, program):
    with rig.imap("ann") as imap:
        before = sorted(flags_of(imap))
        program.js("""
            folder("INBOX").addKeywordsToMessages(
                [find("INBOX", "Grüße 0010")], "$label1");
            folder("INBOX").markMessagesFlagged(
                [find("INBOX", "Grüße 0011")], true);
            folder("INBOX").markMessagesRead(
                messages("INBOX").slice(100, 120), true);""")
        def marked():
            flags = flags_of(imap)
            return (b"$label1" in flags[before[10]]
                    and b"\\Flagged" in flags[before[11]]
                    and sum(b"\\Seen" in f for f in flags.values()) == 21)
        ok(wait_for(marked), "tags, stars and reads messages")
    program.js("root.createSubfolder('Entwürfe 2', null)")
    ok(program.until("return !!folder('Entwürfe 2')"),
       "makes a folder with an umlaut")
    name = "Entw&APw-rfe 2"
    status = program.js("""
        const hdrs = [20, 21, 22].map(n => find("INBOX", "Grüße 00" + n));
        return finished(listener => MailServices.copy.copyMessages(
            folder("INBOX"), hdrs, folder("Entwürfe 2"), true, listener, null,
            false));""")
    equal(status, 0, "moves three messages there")
    equal(subjects_in(rig, f'"{name}"'), [20, 21, 22], "they are there")
    left = subjects_in(rig, "INBOX")
    ok(len(left) == COUNT - 4 and not {20, 21, 22} & set(left),
       "and no longer in INBOX", len(left))
    ok(program.until("""return !find("INBOX", "Grüße 0021")"""),
       "nor in its list")
    program.js("pane().displayFolder(folder('Entwürfe 2'))")
    ok(program.until("return pane().gDBView.rowCount == 3"),
       "the folder shows them")
    program.shot("folder")
    program.js("pane().displayFolder(folder('INBOX'))")
    program.js("""folder("INBOX").deleteMessages(
        [find("INBOX", "Grüße 0030")], null, false, false, null, true);""")
    ok(wait_for(lambda: subjects_in(rig, "Trash") == [30]),
       "deletes into Trash", subjects_in(rig, "Trash"))


def main():
    begin = time.monotonic()
    with Rig() as rig:
        with rig.lmtp() as lmtp:
            for n in range(COUNT):
                lmtp.sendmail("far@far.test", ["ann"], (
                    "From: =?utf-8?q?J=C3=BCrgen?= <juergen@far.test>\n"
                    "To: ann@ex.test\n"
                    f"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_{n:04}?=\n"
                    f"Date: {email.utils.formatdate(1700000000 + n * 600)}\n"
                    f"Message-ID: <{n}@far.test>\n"
                    "Content-Type: text/plain; charset=utf-8\n"
                    "Content-Transfer-Encoding: 8bit\n\n"
                    f"The needle {n:04} in the häy.\n").encode())
        with Relay(rig, "thunderbird") as relay, Display() as display, \
                Thunderbird(rig.dir / "thunderbird", display,
                            prefs(relay.port),
                            rig.dir / "tls/cert.pem") as thunderbird:
            program = Program(thunderbird)
            try:
                for step in ((open_inbox,), (read, rig), (is_told, rig),
                             (search,), (mark_and_move, rig)):
                    at = time.monotonic()
                    args = step[1:] + (program,)
                    if step[0] is is_told:
                        args += (relay,)
                    step[0](*args)
                    print(f"# {step[0].__name__}: "
                          f"{time.monotonic() - at:.1f} s")
            except (MarionetteError, OSError, TypeError) as e:
                ok(False, f"the walk goes on after {step[0].__name__}", e)
                program.shot("failed")
            for line in relay.refused:
                print("# refused:", line)
            equal(relay.refused, [], "penfold refused nothing it asked for")
            equal(relay.fields_not_kept(), set(),
                  "all header fields of its lists are in the summary")
        measured(f"Thunderbird: {time.monotonic() - begin:.0f} s")
    finish()


main()
