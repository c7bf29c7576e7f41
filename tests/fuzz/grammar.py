#!/usr/bin/env python3
"""Commands made by grammar, right ones and nearly right ones, under ASan.

usage: grammar.py [SECONDS]     PF_TOP, PF_BUILD: the tree and its build
                                (the one with sanitizers is PF_BUILD-check)

Byte fuzzers rarely get past a parser.  This one knows the grammar of every
command in imapd/commands.c (a command without a grammar here is a failure):
it writes sentences of it, bends some (an argument dropped, doubled, swapped,
of another kind, at a numeric limit), and demands of `penfold-imapd --stdio`

  * exactly one tagged answer to each, in order, within 20 s;
  * no BYE, no crash, nothing of the sanitizers, memory that stays;
  * a mailbox that serves as before afterwards.
"""
import os
import pathlib
import random
import re
import resource
import select
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PF_BUILD", TOP / "build"))
CHECK = BUILD.with_name(BUILD.name + "-check")
SERVER = (CHECK if (CHECK / "imapd/penfold-imapd").exists() else BUILD) / \
    "imapd/penfold-imapd"
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 30
SEED = int(os.environ.get("PF_SEED", "0")) or int(time.time())
ANSWER_SECONDS = 20
MEMORY_MIB = 1500  # ASan's own included

rng = random.Random(SEED)
one = rng.choice


# ---- words of the grammar: each gives text --------------------------------


def some(make, least=1, most=3, sep=" "):
    return sep.join(make() for _ in range(rng.randint(least, most)))


def paren(make, least=0, most=3):
    return f"({some(make, least, most)})"


def maybe(make, chance=0.5):
    return make() if rng.random() < chance else ""


def number():
    return one(["0", "1", "2", "3", "7", "10", "4294967295", "4294967296",
                "9223372036854775807", "9223372036854775808",
                "18446744073709551615", "18446744073709551616", "-1", "007",
                str(rng.randint(0, 40))])


def set_part():
    a, b = one(["1", "2", "9", "*", number()]), one(["3", "*", number()])
    return one([a, f"{a}:{b}"])


def sequence_set():
    return one(["1:*", "1", "$", some(set_part, 1, 6, ","),
                some(set_part, 1, 2, ",")])


def atom():
    return one(["x", "INBOX", "NIL", "A-b", "\\Seen", "$Label1", "%", "*",
                "foo]bar", "." * 3, "é"])


def text():
    return one(["", "a", "hello world", "\\\"", "%", "*", "&", "é", "日本",
                "\x7f", "a" * rng.randint(1, 3000), "=?utf-8?q?x?="])


def quoted():
    inner = text().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def literal(kind=""):
    data = text()
    size = len(data.encode())
    return f"{kind}{{{size}+}}\r\n{data}"


def astring():
    return one([atom, quoted, quoted, literal])()


def mailbox():
    return one(["INBOX", "inbox", "Work", "Work", '"Work.Sub"', '"&AOQ-"',
                '"a/b"', '".."', '""', '"Entwürfe"', '"&"', '"&-"', "shared",
                '"shared/bob/Work"', quoted(), astring()])


def pattern():
    return one(["*", "%", '""', "I*X", '"%.%"', "(* %)", '"*%*%*%*"',
                quoted()])


def flag():
    return one(["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft",
                "\\Recent", "\\*", "$Forwarded", "key", "\\Odd", "a]b"])


def date():
    return one(["1-Feb-1994", '"01-Jan-2020"', "31-Feb-2021", "0-Jan-0000",
                "29-Feb-1900", '"1-Foo-2000"', "99999-Jan-1"])


def date_time():
    return one(['" 1-Feb-1994 21:52:25 -0800"',
                '"21-Nov-2026 14:40:00 +0000"',
                '"99-Jan-2020 99:99:99 +9999"', '""'])


def field():
    return one(["From", "Subject", "X-Odd", "Message-ID", '"To"', astring()])


def section():
    place = one(["", "", "1", "1.2", "2.1.1", "0", "4294967296",
                 ".".join(["1"] * rng.randint(1, 200))])
    what = one(["", "HEADER", "TEXT", "MIME",
                f"HEADER.FIELDS {paren(field, 1)}",
                f"HEADER.FIELDS.NOT {paren(field, 0)}"])
    return f"{place}{'.' if place and what else ''}{what}"


def partial():
    return f"<{number()}.{number()}>" if rng.random() < 0.3 else ""


def fetch_item():
    return one(["FLAGS", "UID", "ENVELOPE", "INTERNALDATE", "RFC822.SIZE",
                "BODY", "BODYSTRUCTURE", "MODSEQ", "RFC822", "RFC822.HEADER",
                "RFC822.TEXT", "SAVEDATE", "EMAILID", "THREADID", "PREVIEW",
                "PREVIEW (LAZY)", f"BODY[{section()}]{partial()}",
                f"BODY.PEEK[{section()}]{partial()}",
                f"BINARY[{one(['', '1', '2.1'])}]{partial()}",
                f"BINARY.PEEK[{one(['', '1'])}]", "BINARY.SIZE[1]"])


def fetch_args():
    items = one([fetch_item(), "ALL", "FULL", "FAST",
                 paren(fetch_item, 1, 5)])
    more = maybe(lambda: " " + paren(
        lambda: one([f"CHANGEDSINCE {number()}", "VANISHED",
                     f"PARTIAL {partial_range()}"]), 0, 3), 0.3)
    return f"{sequence_set()} {items}{more}"


def partial_range():
    return one(["1:10", "-1:-10", f"{number()}:{number()}", "0:1"])


def search_key(depth=0):
    simple = ["ALL", "ANSWERED", "BCC", "DELETED", "DRAFT", "FLAGGED", "NEW",
              "OLD", "RECENT", "SEEN", "UNANSWERED", "UNDELETED", "UNDRAFT",
              "UNFLAGGED", "UNSEEN", "SAVEDATESUPPORTED"]
    kind = rng.random()
    if depth < 5 and kind < 0.12:
        return f"OR {search_key(depth + 1)} {search_key(depth + 1)}"
    if depth < 5 and kind < 0.24:
        return f"NOT {search_key(depth + 1)}"
    if depth < 5 and kind < 0.32:
        return paren(lambda: search_key(depth + 1), 0, 4)
    return one([
        one(simple), one(simple), sequence_set(), f"UID {sequence_set()}",
        f"{one(['BEFORE', 'ON', 'SINCE', 'SENTBEFORE', 'SENTON'])} {date()}",
        f"{one(['SENTSINCE', 'SAVEDBEFORE', 'SAVEDON'])} {date()}",
        f"{one(['LARGER', 'SMALLER', 'OLDER', 'YOUNGER'])} {number()}",
        f"{one(['FROM', 'TO', 'CC', 'SUBJECT', 'BODY', 'TEXT'])} {astring()}",
        f"HEADER {astring()} {astring()}", f"KEYWORD {flag()}",
        f"UNKEYWORD {flag()}", f"MODSEQ {number()}",
        f'MODSEQ "/flags/\\\\Seen" all {number()}', f"EMAILID {atom()}",
        f"THREADID {atom()}", f"FUZZY {one(['BODY', 'SUBJECT'])} {quoted()}",
        "FILTER x", atom()])


def charset():
    return one(["", "", "CHARSET UTF-8 ", "CHARSET US-ASCII ", "CHARSET x ",
                'CHARSET "" '])


def return_option():
    return one(["MIN", "MAX", "ALL", "COUNT", "SAVE", "UPDATE", "CONTEXT",
                f"PARTIAL {partial_range()}", "RELEVANCY", "X"])


def returns():
    return maybe(lambda: f"RETURN {paren(return_option, 0, 4)} ", 0.5)


def search_args():
    return f"{returns()}{charset()}{some(search_key, 1, 4)}"


def sort_args():
    keys = paren(lambda: one(["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "TO",
                              "SUBJECT", "REVERSE DATE", "DISPLAYFROM",
                              "REVERSE", "RELEVANCY", "REVERSE REVERSE TO"]),
                 0, 5)
    return f"{returns()}{keys} {one(['UTF-8', 'US-ASCII', 'x', quoted()])} " \
        f"{some(search_key, 1, 2)}"


def thread_args():
    how = one(["REFERENCES", "ORDEREDSUBJECT", "REFS", "X"])
    return f"{how} {one(['UTF-8', 'US-ASCII', 'x'])} {some(search_key, 1, 2)}"


def store_args():
    condition = maybe(lambda: f"(UNCHANGEDSINCE {number()}) ", 0.3)
    return f"{sequence_set()} {condition}{one(['', '+', '-'])}FLAGS" \
        f"{one(['', '.SILENT'])} {one([paren(flag, 0, 4), some(flag)])}"


def url():
    return one(['"/INBOX/;UID=1"', '"/INBOX/;UID=1/;SECTION=TEXT"',
                '"imap://localhost/INBOX/;UID=2/;PARTIAL=0.3"', '"/;UID=1"',
                '"/INBOX;UIDVALIDITY=1/;UID=1"', quoted()])


def append_message():
    body = one(["From: a@b\r\n\r\nhello\r\n", "", "x", "\r\n", "a: b\n\n"])
    part = f"{one(['', '', '~'])}{{{len(body)}+}}\r\n{body}"
    data = one([part, part, f"UTF8 (~{{{len(body)}+}}\r\n{body})", "CATENATE "
                + paren(lambda: one([f"TEXT {part}", f"URL {url()}"]), 1, 3)])
    return maybe(lambda: paren(flag, 0, 2) + " ", 0.4) + \
        maybe(lambda: date_time() + " ", 0.3) + data


def append_args():
    return f"{mailbox()} {some(append_message, 1, 2)}"


def replace_args():
    return f"{one(['1', '*', '0', number()])} {append_args()}"


def select_args():
    how = one(["CONDSTORE", f"QRESYNC ({number()} {number()})",
               f"QRESYNC ({number()} {number()} {sequence_set()})",
               f"QRESYNC ({number()} {number()} 1:9 (1:3 1:3))", "X"])
    return mailbox() + maybe(lambda: f" ({how})", 0.3)


def list_args():
    options = maybe(lambda: paren(lambda: one(
        ["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE", "X"])) + " ",
        0.3)
    more = maybe(lambda: " RETURN " + paren(lambda: one(
        ["SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "MYRIGHTS",
         "STATUS (MESSAGES UNSEEN)", "METADATA (/shared/comment)", "X"])), 0.4)
    return f"{options}{one([quoted(), mailbox()])} {pattern()}{more}"


def status_args():
    return mailbox() + " " + paren(lambda: one(
        ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "RECENT", "DELETED",
         "SIZE", "HIGHESTMODSEQ", "APPENDLIMIT", "MAILBOXID", "X",
         "DELETED-STORAGE"]), 0, 5)


def entry():
    return one(["/private/comment", "/shared/comment", "/shared/admin", "/",
                "/private//x", "/private/a/b/c", '"/shared/%"', "/other/x",
                quoted()])


def event_group():
    where = one(["selected", "selected-delayed", "personal", "inboxes",
                 "subscribed", f"subtree {mailbox()}",
                 f"mailboxes {mailbox()}", f"mailboxes ({mailbox()} Work)"])
    events = paren(lambda: one(
        [f"MessageNew {paren(fetch_item, 0, 2)}", "MessageNew",
         "MessageExpunge", "FlagChange", "AnnotationChange", "MailboxName",
         "SubscriptionChange", "MailboxMetadataChange", "X"]), 0, 4)
    return f"({where} {one([events, 'NONE'])})"


def where():
    return paren(lambda: one(["selected", "personal", "inboxes", "subscribed",
                              f"subtree {mailbox()}",
                              f"subtree-one {mailbox()}",
                              f"mailboxes {mailbox()}"]), 0, 3)


def rights():
    return one(["lrs", "+lr", "-x", "lrswipkxtea", "cd", '""', "Z", "0"])


def quota_list():
    return paren(lambda: f"{one(['STORAGE', 'MESSAGE', 'MAILBOX', 'X'])} "
                 f"{number()}", 0, 2)


def filter_args():
    what = one(["DELIVERY", "PERSONAL", "GLOBAL x", f"PERSONAL {quoted()}",
                'SCRIPT "keep;"', 'SCRIPT {14+}\r\nfileinto "Up";',
                f"SCRIPT {literal()}"])
    return f"SIEVE {what} {some(search_key, 1, 2)}"


def nothing():
    return ""


def entries_and_values():
    return paren(lambda: f"{entry()} {one(['NIL', quoted(), literal()])}")


GRAMMAR = {
    "APPEND": append_args, "CAPABILITY": nothing, "CHECK": nothing,
    "CANCELUPDATE": lambda: some(quoted, 0, 2),
    "CLOSE": nothing, "CREATE": lambda: mailbox() + maybe(
        lambda: " (USE (\\Sent))", 0.2),
    "COPY": lambda: f"{sequence_set()} {mailbox()}",
    "DELETE": mailbox, "DELETEACL": lambda: f"{mailbox()} {astring()}",
    "ENABLE": lambda: some(lambda: one(["CONDSTORE", "X"]), 0, 2),
    "ESEARCH": lambda: maybe(lambda: f"IN {where()} ", 0.8) + search_args(),
    "EXAMINE": select_args, "EXPUNGE": nothing, "FETCH": fetch_args,
    "FILTER": filter_args, "GETACL": mailbox,
    "GETMETADATA": lambda: maybe(lambda: paren(lambda: one(
        [f"MAXSIZE {number()}", "DEPTH 1", "DEPTH infinity", "X"])) + " ")
    + f"{mailbox()} {one([entry(), paren(entry)])}",
    "GETQUOTA": astring, "GETQUOTAROOT": mailbox,
    "ID": lambda: one(["NIL", '("name" "x")', "()", paren(quoted, 0, 5)]),
    "IDLE": nothing, "LANGUAGE": lambda: some(astring, 0, 2),
    "LIST": list_args, "LISTRIGHTS": lambda: f"{mailbox()} {astring()}",
    "LSUB": lambda: f"{quoted()} {pattern()}",
    "MOVE": lambda: f"{sequence_set()} {mailbox()}", "MYRIGHTS": mailbox,
    "NAMESPACE": nothing, "NOOP": nothing,
    "NOTIFY": lambda: one(["NONE", "SET " + maybe(lambda: "STATUS ")
                           + some(event_group, 0, 3)]),
    "RENAME": lambda: f"{mailbox()} {mailbox()}", "REPLACE": replace_args,
    "SEARCH": search_args, "SELECT": select_args,
    "SETACL": lambda: f"{mailbox()} {astring()} {rights()}",
    "SETMETADATA": lambda: f"{mailbox()} {entries_and_values()}",
    "SETQUOTA": lambda: f"{astring()} {quota_list()}", "SORT": sort_args,
    "STATUS": status_args, "STORE": store_args, "SUBSCRIBE": mailbox,
    "THREAD": thread_args, "UNSELECT": nothing, "UNSUBSCRIBE": mailbox,
    "UID EXPUNGE": sequence_set,
}
# change the connection itself: tests/imapd has them
ELSEWHERE = {"AUTHENTICATE", "COMPRESS", "LOGIN", "LOGOUT", "STARTTLS",
             "UNAUTHENTICATE"}


def bend(args):
    """Nearly right: one word dropped, doubled, swapped or replaced."""
    if "\r\n" in args:
        return args
    words = args.split(" ")
    at = rng.randrange(len(words))
    how = rng.randrange(6)
    if how == 0:
        del words[at]
    elif how == 1:
        words.insert(at, words[at])
    elif how == 2:
        other = rng.randrange(len(words))
        words[at], words[other] = words[other], words[at]
    elif how == 3:
        words[at] = one([number(), quoted(), atom(), "()", "NIL"])
    elif how == 4:
        words[at] = words[at][:rng.randrange(len(words[at]) + 1)]
    else:
        words[at] += one(["(", ")", '"', "]", "{", "{3}", " ", "\\"])
    return " ".join(words)


# ---- the server -----------------------------------------------------------

MAIL = """From: Ann <ann@example.org>
To: bob@example.org
Subject: =?utf-8?q?h=C3=A9llo?= %d
Message-ID: <%d@example.org>
References: <%d@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b

text %d
--b
Content-Type: message/rfc822

Subject: inner

x
--b
Content-Transfer-Encoding: base64

aGVsbG8=
--b--
"""


class Dead(Exception):
    pass


class Server:
    def __init__(self, top):
        self.mail = top / "Maildir"
        if not self.mail.exists():
            for box in ("", ".Work"):
                for sub in ("cur", "new", "tmp"):
                    (self.mail / box / sub).mkdir(parents=True)
            for n in range(12):
                (self.mail / "cur" / f"{n}.x:2,").write_text(
                    MAIL % (n, n, max(0, n - 3), n))
        self.log = open(top / "log", "ab+")
        self.proc = subprocess.Popen(
            [SERVER, "--stdio", "--mail", self.mail], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, "ASAN_OPTIONS": "abort_on_error=1"})
        self.buffer = b""
        self.tag = 0
        self.line()

    def line(self):
        """One line; literals are skipped."""
        at = 0
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end >= 0:
                size = re.search(rb"\{(\d+)\}$", self.buffer[at:end])
                if size and len(self.buffer) >= end + 2 + int(size.group(1)):
                    at = end + 2 + int(size.group(1))
                    continue
                if not size:
                    line = self.buffer[:end]
                    self.buffer = self.buffer[end + 2:]
                    return line
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.proc.stdout], [], [],
                                              left)[0]:
                raise Dead(f"no answer within {ANSWER_SECONDS} s")
            data = os.read(self.proc.stdout.fileno(), 1 << 20)
            if not data:
                raise Dead("the server ended")
            self.buffer += data

    def ask(self, name, args):
        """The tagged answer; its untagged lines are dropped."""
        self.tag += 1
        tag = b"t%d" % self.tag
        self.send(tag + b" " + (f"{name} {args}" if args else name).encode())
        while True:
            line = self.line()
            if line.startswith(tag + b" "):
                return line[len(tag) + 1:]
            if line.startswith(b"* BYE"):
                raise Dead(line.decode(errors="replace"))
            if line.startswith(b"+"):  # IDLE, or a literal bent to wait
                self.send(b"DONE" if name == "IDLE" else b"")
            elif not line.startswith(b"* "):
                raise Dead(f"strange line {line[:200]}")

    def send(self, data):
        try:
            self.proc.stdin.write(data + b"\r\n")
            self.proc.stdin.flush()
        except BrokenPipeError:
            raise Dead("the server ended") from None

    def mib(self):
        status = pathlib.Path(f"/proc/{self.proc.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) // 1024

    def end(self):
        self.proc.stdin.close()
        code = self.proc.wait(30)
        self.proc.stdout.close()
        return code


def wants_more(text):
    """Bent so that the server waits for a literal that never comes."""
    return re.search(r"\{\d+\}$|\{\d+\}\r\n", text)


def session(top, until):
    """Random commands on one connection; how many."""
    server = Server(top)
    sent = []
    try:
        if rng.random() < 0.5:
            server.ask("ENABLE", one(
                ["QRESYNC", "UIDONLY", "IMAP4rev2", "UTF8=ACCEPT",
                 "CONDSTORE", "IMAP4rev2 QRESYNC UTF8=ACCEPT"]))
        server.ask("SELECT", "INBOX")
        for _ in range(300):
            if time.monotonic() > until:
                break
            name = one(list(GRAMMAR))
            if name in UID_TOO and rng.random() < 0.5:
                name = "UID " + name
            args = GRAMMAR[name.removeprefix("UID ")
                           if name not in GRAMMAR else name]()
            if rng.random() < 0.3:
                args = bend(args) if args else one(["x", "()", quoted()])
            if wants_more(args):
                continue
            sent.append(f"{name} {args}")
            server.ask(name, args)
            if rng.random() < 0.4:
                server.ask("SELECT", "INBOX")
        if server.mib() > MEMORY_MIB:
            raise Dead(f"{server.mib()} MiB of memory")
        server.ask("SELECT", "INBOX")
        if not server.ask("UID FETCH", "1:* (FLAGS BODY.PEEK[])").startswith(
                b"OK"):
            raise Dead("the mailbox does not serve any more")
        if server.end() != 0:
            raise Dead("it ended badly")
        return len(sent)
    except Dead as e:
        server.proc.kill()
        server.log.seek(0)
        told = server.log.read().decode(errors="replace").splitlines()
        detail = [str(e)] + sent[-4:] + \
            [x for x in told if re.search("ERROR|runtime|#[0-9] ", x)][:15]
        raise Dead("\n".join(x[:300] for x in detail)) from None


def table():
    """The commands that the server has, and those that have a UID form."""
    names = set(re.findall(r'^    \{"([A-Z ]+)"', (
        TOP / "imapd/commands.c").read_text(), re.M))
    return names, {n[4:] for n in names if n.startswith("UID ")}


NAMES, UID_TOO = table()


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known = set(GRAMMAR) | {f"UID {n}" for n in GRAMMAR} | ELSEWHERE
    missing = sorted(NAMES - known)
    print(f"{'not ' if missing else ''}ok 1 - every command has a grammar",
          *missing)
    begun, commands, trouble = time.monotonic(), 0, None
    with tempfile.TemporaryDirectory(prefix="penfold-grammar-") as top:
        while not trouble and time.monotonic() < begun + SECONDS:
            where = pathlib.Path(top) / str(commands)
            where.mkdir()
            try:
                commands += session(where, begun + SECONDS) or 1
            except Dead as e:
                trouble = str(e)
    for line in (trouble or "").splitlines():
        print("#", line.encode("unicode_escape").decode())
    print(f"# measured: {commands} commands by grammar, seed {SEED}")
    print(f"{'not ' if trouble else ''}ok 2 - each has one answer in time")
    print("1..2")
    sys.exit(bool(missing or trouble))


main()
