#!/usr/bin/env python3
"""Text of attachments: what real extractors give is found by `penfold search`
and never by SEARCH; hostile files cost bounded time and hold nobody up; indexes
that vanish are built again; `penfold index`."""
import contextlib
import email.message
import io
import os
import pathlib
import random
import shutil
import signal
import time
import zipfile
import zlib

from rig import Rig, equal, finish, measured, ok, wait_for


def pdf(stream, filters=""):
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>>>",
        b"<<%s/Length %d>>stream\n%s\nendstream"
        % (filters.encode(), len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    out, at = b"%PDF-1.4\n", []
    for i, text in enumerate(objects, 1):
        at.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (i, text)
    xref = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % n for n in at)
    return out + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % xref


def text_pdf(text):
    return pdf(b"BT /F 12 Tf 50 700 Td (%s) Tj ET" % text.encode())


def office(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in files.items():
            z.writestr(name.replace("__", "/") + ".xml",
                       '<?xml version="1.0"?>' + text)
    return out.getvalue()


def bomb():
    """40 kB of zip, 400 MB of one word."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        with z.open("word/document.xml", "w") as f:
            f.write(b"<w:t>bombword")
            for _ in range(400):
                f.write(b" " * 1000000)
    return out.getvalue()


def endless_pdf():
    packer = zlib.compressobj(9)
    body = packer.compress(b"BT /F 12 Tf 50 700 Td (pdfbomb) Tj ET ")
    for _ in range(300):
        body += packer.compress(b"q 1 0 0 1 0 0 cm Q\n" * 50000)
    return pdf(body + packer.flush(), "/Filter/FlateDecode")


def mail(subject, name, data, kind="octet-stream"):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = "x@example.org", "ann@example.org", subject
    m.set_content(f"own text of {subject}\n")
    m.add_attachment(data, maintype="application", subtype=kind, filename=name)
    return m.as_bytes()


GOOD = {
    "a.pdf": (text_pdf("Quarterly pdfword figures"), "pdfword fig"),
    "b.docx": (office(word__document="<w:p><w:r><w:t>docx</w:t></w:r><w:r><w:t>"
                      "word \u00fcber</w:t></w:r></w:p>"), "docxword \u00dcBER"),
    "c.xlsx": (office(xl__sharedStrings="<sst><si><t>xlsxword</t></si></sst>",
                      xl__worksheets__sheet1="<c><v>8154711</v></c>"), "8154711"),
    "d.pptx": (office(ppt__slides__slide1="<a:t>pptxword</a:t>"), "ptxwor"),
    "e.odt": (office(content="<office:document-content><text:p>odtword</text:p>"),
              "odtword"),
    "f.rtf": (b"{\\rtf1\\ansi rtfword \\b bold\\b0}", "rtfword"),
    "g.html": (b"<p>html<b>word</b></p>", "htmlword"),
    "h.eml": (b"Subject: emlword\n\ninner\n", "emlword"),
    "i.csv": (b"csvword;1;2\n", "csvword;1"),
}
BAD = {
    "bomb.docx": bomb(),
    "endless.pdf": endless_pdf(),
    "cut.pdf": text_pdf("cut")[:200],
    "not.docx": b"PK\3\4" + bytes(range(256)) * 50,
    "ole.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 50,
    "empty.pdf": b"",
}

with Rig(users=("ann",), env={"TZ": "UTC"}) as rig:
    maildir = rig.maildir("ann")
    texts = maildir / "penfold-attachments/text"

    def search(*query, fmt="uids"):
        return rig.ctl("search", "-u", "ann", "--format", fmt,
                       *query).stdout.split()

    def indexd_pid():
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((rig.dir / "run/indexd.pid").read_text())
        return 0

    def count_texts():
        return len(list(texts.iterdir())) if texts.exists() else 0

    for name, (data, _) in GOOD.items():
        rig.deliver("ann", mail(f"good {name}", name, data))
    ok(wait_for(lambda: count_texts() >= len(GOOD), 60), "all were read",
       sorted(p.read_text()[:60] for p in texts.iterdir()) if texts.exists() else "")
    for uid, (name, (_, word)) in enumerate(GOOD.items(), 1):
        equal(search(f'attachment:"{word}"'), [f"INBOX:{uid}"], f"{name}: {word}")
        ok(f"INBOX:{uid}" in search(f'"{word}"'), f"{name} by a word anywhere")
    equal(search("attachment:own"), [], "a message's own text is no attachment")
    equal(search("attachment:word -attachment:pdf has:docx"), ["INBOX:2"],
          "together with others")
    with rig.imap("ann") as imap:
        imap.select("INBOX", readonly=True)
        for key in ("TEXT", "BODY"):
            equal(imap.uid("SEARCH", key, "docxword")[1], [b""],
                  f"SEARCH {key} is about text parts")

    # the same without the index, and with a new one
    shutil.rmtree(maildir / "penfold-attachments/index")
    equal(search("attachment:pdfword"), ["INBOX:1"], "without the index")
    rig.deliver("ann", mail("again", "z.csv", b"zzword\n"))
    ok(wait_for(lambda: search("attachment:zzword") != [], 30), "and a new one")

    # hostile files, and somebody's mail behind them
    began = time.time()
    for name, data in BAD.items():
        rig.deliver("ann", mail(f"bad {name}", name, data))
    rig.deliver("ann", mail("behind them", "last.csv", b"lastword\n"))
    index = maildir / "penfold-index/words"
    ok(wait_for(lambda: b"LAST.CSV" in index.read_bytes() or
                b"BEHIND" in index.read_bytes(), 20),
       "the mail behind them is indexed")
    measured(f"{time.time() - began:.1f} s for seven mails, hostile files "
             "among their attachments")
    ok(wait_for(lambda: search("attachment:lastword") != [], 90),
       "and its attachment is read")
    measured(f"{time.time() - began:.1f} s until all attachments were read")
    equal(len(search("bad")), len(BAD), "found by their own text")
    ok(sum(p.stat().st_size for p in texts.iterdir()) < 6 << 20, "little is kept")

    # damage while somebody searches
    for path in (maildir / "penfold-index").iterdir():
        if path.is_file() and "glass" in path.name:
            with open(path, "r+b") as f:
                f.seek(8192)
                f.write(b"\xff" * 20000)
    for i in range(10):
        rig.deliver("ann", mail(f"under load {i}", "l.csv", b"loadword\n"))
        equal(len(search('subject:"under load"')), i + 1, "exact all the same")
    ok(wait_for(lambda: len(search("attachment:loadword")) == 10, 40),
       "attachments go on")

    status = rig.ctl("index", "status", "-u", "ann").stdout
    ok("messages     27" in status, "penfold index status", status)
    done = rig.ctl("index", "rebuild", "-u", "ann")
    ok("messages: 27, " in done.stdout and "attachments: " in done.stdout,
       "penfold index rebuild", done.stdout + done.stderr)
    done = rig.ctl("index", "verify", "-u", "ann")
    ok("\n0 not indexed yet, 0 words missing" in done.stdout,
       "penfold index verify", done.stdout)
    equal(search("attachment:pdfword"), ["INBOX:1"], "after it, too")
    ok("pdfword" not in rig.log(), "no content in the log")

    # kill -9 at any moment
    chance = random.Random(6)
    for i in range(5):
        rig.deliver("ann", mail(f"killed {i}", "k.csv", b"killword\n"))
        time.sleep(chance.random() / 2)
        pid = indexd_pid()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        for victim in [pid, *children.read_text().split()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(victim), signal.SIGKILL)
        equal(len(search("subject:killed")), i + 1, "exact all the same")
        ok(wait_for(lambda: indexd_pid() not in (0, pid), 20),
           "it is started again")
    ok(wait_for(lambda: len(search("attachment:killword")) == 5, 60),
       "and catches up")
    verify = rig.ctl("index", "verify", "-u", "ann").stdout
    ok(" 0 words missing" in verify, "the index is right", verify)
finish()
