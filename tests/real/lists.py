#!/usr/bin/env python3
"""What mail programs fetch to show a list of messages is answered, the second
time, without a look at the messages: their files hold rubbish by then.

The commands are those that the programs were seen to send (relay.py).
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rig import *  # noqa: E402,F403

COUNT = 25
MUTT = ("DATE FROM SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE "
        "CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST ")
LISTS = {
    "Thunderbird 153":
        "UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From "
        "To Cc Bcc Subject Date Message-ID Priority X-Priority References "
        "Newsgroups In-Reply-To Content-Type Reply-To Received)])",
    "mutt 2.2":
        "FETCH 1:25 (UID FLAGS INTERNALDATE RFC822.SIZE "
        f"BODY.PEEK[HEADER.FIELDS ({MUTT}X-LABEL)])",
    "neomutt 2022":
        "FETCH 1:25 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER."
        f"FIELDS ({MUTT}LIST-SUBSCRIBE LIST-UNSUBSCRIBE X-LABEL "
        "X-ORIGINAL-TO)])",
    "Roundcube 1.6":
        "UID FETCH 1:25 (UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[HEADER."
        "FIELDS (DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST "
        "DISPOSITION-NOTIFICATION-TO X-PRIORITY CONTENT-TRANSFER-ENCODING BCC "
        "IN-REPLY-TO MAIL-FOLLOWUP-TO MAIL-REPLY-TO MESSAGE-ID REFERENCES "
        "RESENT-BCC RETURN-PATH SENDER X-DRAFT-INFO)])",
    "alpine 2.26":
        "FETCH 1:25 (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (Newsgroups "
        "Content-MD5 Content-Disposition Content-Language Content-Location "
        "resent-to resent-date resent-from resent-cc resent-subject List-Help "
        "List-Unsubscribe List-Subscribe List-Post List-Owner List-Archive "
        "Followup-To References)] INTERNALDATE RFC822.SIZE FLAGS)",
    "imapflow 2.1":
        "FETCH 1:* (UID FLAGS BODYSTRUCTURE ENVELOPE INTERNALDATE RFC822.SIZE "
        "EMAILID THREADID MODSEQ BODY.PEEK[HEADER.FIELDS (message-id)])",
    "imapfilter 2.8": "UID FETCH 7 BODY.PEEK[HEADER.FIELDS (Subject)]",
    "Mail::IMAPClient 3.43":
        "UID FETCH 1:25 BODY.PEEK[HEADER.FIELDS (Subject Message-ID)]",
    "offlineimap 7": "FETCH 1:* (FLAGS UID INTERNALDATE)",
    "fetchmail 6.4": "FETCH 1:25 RFC822.SIZE",
    "Roundcube 1.6, sorting": "UID SORT (SUBJECT) US-ASCII ALL",
    "Mail::IMAPClient 3.43, threads": "UID THREAD REFERENCES UTF-8 ALL",
}


def ask(maildir):
    """{who: answer} of a session of its own (which leaves \\Recent)."""
    commands = [f"{n} {text}" for n, text in enumerate(LISTS.values())]
    out = subprocess.run(
        [IMAPD, "--stdio", "--mail", maildir], check=True,
        input="\r\n".join(["a EXAMINE INBOX", *commands, "z LOGOUT", ""])
        .encode(), stdout=subprocess.PIPE).stdout
    answers, rest = {}, out.partition(b"\r\na OK")[2]
    for n, who in enumerate(LISTS):
        answers[who], _, rest = rest.partition(b"\r\n%d OK " % n)
        answers[who] = answers[who].partition(b"\r\n")[2]
    return answers


def main():
    with Rig(("ann",)) as rig:
        for path in corpus()[:COUNT]:
            rig.deliver("ann", path.read_bytes())
        rig.stop()
        maildir = rig.maildir("ann")
        first = ask(maildir)
        ok(all(len(answer) > 30 for answer in first.values()),
           "all of it is answered", first)
        for path in maildir.glob("[nc]*/*"):
            was = path.stat()
            with open(path, "r+b") as file:
                file.write(b"x" * was.st_size)
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        again = ask(maildir)
        for who in LISTS:
            equal(again[who], first[who], f"{who}: no message is read twice")
        body = subprocess.run(
            [IMAPD, "--stdio", "--mail", maildir], check=True,
            input=b"a SELECT INBOX\r\nb FETCH 1 BODY.PEEK[HEADER]\r\n"
            b"c LOGOUT\r\n", stdout=subprocess.PIPE).stdout
        ok(b"xxxxxxxx" in body and b"Subject:" not in body,
           "(which would show)", body)
    finish()


main()
