#!/usr/bin/env python3
"""Disks that fail under a running server: at each file operation in turn EIO,
ENOSPC, EDQUOT, EMFILE, a failed read, EINTR, a short write.

The plan lies in a file that the server reads at each operation
(base/fsio.h), so the fault ends while the program runs.  LMTP must answer
with 250 or 4xx, IMAP with OK or NO, nothing acknowledged may be lost, and
right after the fault everything must work again, in the same processes.

Needs a build with --enable-fault-injection.  PF_FAULTS=N: so many operations
of each kind (default 25).
"""
import pathlib
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import *  # noqa: E402,F403

imaplib.Commands["SETMETADATA"] = ("AUTH", "SELECTED")
COUNT = int(os.environ.get("PF_FAULTS", "25"))
KINDS = ["EIO", "ENOSPC", "EDQUOT", "EMFILE", "EIO-read", "EINTR", "short"]
HARMLESS = ("EINTR", "short")
BOXES = ("INBOX", "Work")


def faulty_build():
    for build in (BUILD, TOP / "build-check"):
        config = build / "config.h"
        if config.exists() and "\n#define PF_FAULT_INJECTION" in \
                config.read_text():
            return build
    raise SystemExit("a build with --enable-fault-injection is needed")


class Faults:
    def __init__(self, rig, plan):
        self.rig, self.plan = rig, plan
        self.trouble, self.serial = [], 0
        self.sure, self.gone = set(), set()   # tokens
        self.answers = {}

    def token(self):
        self.serial += 1
        return f"t{self.serial}"

    def note(self, what, answer):
        key = (what, answer)
        self.answers[key] = self.answers.get(key, 0) + 1

    def deliver(self, case):
        token = self.token()
        try:
            with self.rig.lmtp() as lmtp:
                lmtp.sendmail("a@example.org", ["ann"], message(
                    token, extra=f"X-Token: {token}\n"))
            self.sure.add(token)
            self.note("LMTP", "250")
            return True
        except smtplib.SMTPRecipientsRefused as e:
            code = next(iter(e.recipients.values()))[0]
        except smtplib.SMTPResponseException as e:
            code = e.smtp_code
        except (smtplib.SMTPServerDisconnected, OSError) as e:
            self.trouble.append(f"{case}: LMTP: {e!r}")
            return False
        if code // 100 != 4:
            self.trouble.append(f"{case}: LMTP answers {code}")
        self.note("LMTP", str(code))
        return False

    def imap(self, case, imap, what, *args):
        try:
            typ, data = imap._simple_command(what, *args) \
                if what != "APPEND" else imap.append(*args)
        except imaplib.IMAP4.abort as e:
            self.trouble.append(f"{case}: {what}: {e}")
            return False
        except imaplib.IMAP4.error as e:
            self.trouble.append(f"{case}: {what}: {e}")
            return False
        self.note(what, typ)
        return typ == "OK"

    def work(self, case, imap):
        """A bit of everything; True when all of it went well."""
        good = self.deliver(case)
        token = self.token()
        appended = self.imap(case, imap, "APPEND", "INBOX", "(\\Seen)", None,
                             message(token, extra=f"X-Token: {token}\n"))
        if appended:
            self.sure.add(token)
        good &= appended
        for what, *args in (("NOOP",), ("STORE", "1", "+FLAGS", "(\\Flagged)"),
                            ("COPY", "1", "Work"),
                            ("FETCH", "1", "(FLAGS BODY.PEEK[])"),
                            ("CREATE", f"Box{self.serial}"),
                            ("RENAME", f"Box{self.serial}",
                             f"Bax{self.serial}"),
                            ("DELETE", f"Bax{self.serial}"),
                            ("SUBSCRIBE", "Work"),
                            ("SETMETADATA", "Work",
                             f'(/shared/comment "{self.serial}")'),
                            ("SETACL", "Work", "anyone", "lr")):
            done = self.imap(case, imap, what, *args)
            # what was not made cannot be renamed or deleted
            good &= done
        return good

    def there(self):
        imap = self.rig.imap("ann")
        found = {}
        for box in BOXES:
            imap.select(box, readonly=True)
            _, data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")
            for item in data:
                if isinstance(item, tuple) and b"Token: " in item[1]:
                    token = item[1].split(b"Token: ")[1].split()[0].decode()
                    found.setdefault(token, []).append(box)
        imap.logout()
        return found


def main():
    build = faulty_build()
    plan = pathlib.Path(tempfile.mkdtemp(prefix="penfold-plan-")) / "plan"
    plan.write_text("")
    plan.parent.chmod(0o755)
    with Rig(build=build, env={"PENFOLD_FAULT": str(plan),
                               "ASAN_OPTIONS": "detect_leaks=0"}) as rig:
        f = Faults(rig, plan)
        imap = rig.imap("ann")
        imap.create("Work")
        imap.append("INBOX", None, None, message("first", extra=(
            "X-Token: first\n")))
        imap.select("INBOX")
        ok(f.work("before", imap), "all is well before", f.trouble)
        pids = rig.pids()
        for kind in KINDS:
            hurt, after = 0, []
            for n in range(1, COUNT + 1):
                plan.write_text(f"{kind}@{n}")
                case = f"{kind}@{n}"
                good = f.work(case, imap)
                plan.write_text("")
                hurt += not good
                if kind in HARMLESS and not good:
                    after.append(f"{case} was noticed")
                if n % 5 == 0 and not f.work(f"after {case}", imap):
                    after.append(case)
            equal(after, [], f"{kind}: and then everything works again")
            ok(kind in HARMLESS + ("EIO-read",) or hurt, f"{kind}: it was met ({hurt} times)")
        # all operations fail, for a while
        for kind in ("ENOSPC", "EMFILE", "EIO"):
            plan.write_text(f"{kind}+1")
            for _ in range(3):
                f.work(f"{kind} always", imap)
            plan.write_text("")
            ok(f.work(f"after {kind} always", imap),
               f"{kind} for a while: and then everything works again")
        equal(f.trouble, [], "no answer but OK, NO, 250 and 4xx")
        found = f.there()
        equal(sorted(f.sure - set(found)), [], "nothing acknowledged is lost")
        equal({t: w for t, w in found.items() if w.count("INBOX") > 1}, {},
              "nothing is there twice")
        equal({k: v for k, v in rig.pids().items() if k != "penfold"},
              {k: v for k, v in pids.items() if k != "penfold"},
              "no process died")
        measured(", ".join(f"{w} {a}: {n}" for (w, a), n in
                           sorted(f.answers.items())))
        ok("invariant broken" not in rig.log(), "nor broke an invariant",
           rig.log()[-2000:])
    shutil.rmtree(plan.parent, ignore_errors=True)
    finish()


main()
