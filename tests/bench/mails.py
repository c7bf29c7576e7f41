"""Mail as a busy person has it, made up: some languages with a vocabulary in
Zipf's proportions, lists, threads, HTML, attachments.  The same numbers give
the same mail."""
import base64
import bisect
import itertools
import os
import random

BEGIN = 1500000000
STOP_WORDS = {
    "en": "the of and to a in is that it for you on with as are this be was "
    "have not we will from can your at or if please has but they all would "
    "meeting report thanks".split(),
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht "
    "ein eine als auch es an werden aus er hat dass sie nach wird bei einer "
    "Grüße Übersicht".split(),
    "ru": "и в не на я что тот быть с а весь это как она по но они к у ты из "
    "мы за вы так же от сказать этот который отчёт встреча".split(),
    "zh": "的 是 在 我们 会议 了 不 和 有 大家 这个 报告 中国 时间 问题 可以 "
    "手机 公司 工作 谢谢".split(),
}
SYLLABLES = {
    "en": "con tra ver sion pro ject man age ment or der in ter nal ser vice "
    "ta ble net work ing ed ly er re port able un pre".split(),
    "de": "ver schl üss el ung haupt bahn hof ge schäft ab tei lung ein gang "
    "über sicht ß e be ar beit keit lich en zeug".split(),
    "ru": "про ект раз ра бот ка сер вер об нов ле ние ор га ни за ция пи сь "
    "мо пре да".split(),
    "zh": list("人民经济发展国家政府系统管理技术服务信息网络产品市场研究项目"
               "数据分析设计计划"),
}
SHARES = {"en": 70, "de": 15, "ru": 9, "zh": 6}
PEOPLE = [("Ann Example", "ann@example.org"), ("Bob Miller", "bob@mill.example"),
          ("Jürgen Groß", "gross.j@firma.example"), ("Иван Петров", "petrov@pochta.example"),
          ("王小明", "wang@cn.example")]


class Language:
    def __init__(self, name, rng, size):
        words = list(STOP_WORDS[name])
        seen = set(words)
        while len(words) < size:
            word = "".join(rng.choices(SYLLABLES[name], k=rng.randint(2, 5)))
            if word not in seen:
                seen.add(word)
                words.append(word)
        self.words, self.blank = words, "" if name == "zh" else " "
        self.sums = list(itertools.accumulate(
            1 / (n + 2.7) for n in range(len(words))))

    def text(self, rng, count):
        top, sums, words = self.sums[-1], self.sums, self.words
        out = [words[bisect.bisect(sums, rng.random() * top)]
               for _ in range(count)]
        for at in range(7, count, 11):
            out[at] += rng.choice((",", ".", ";", "?", " -"))
        return out


class Mails:
    def __init__(self, seed=1, words=40000):
        rng = random.Random(seed)
        self.languages = {name: Language(name, rng, words)
                          for name in STOP_WORDS}
        self.people = PEOPLE + [
            (f"{a.title()} {b.title()}", f"{a}.{b}@{c}.example")
            for a, b, c in (self.languages["en"].text(rng, 3)
                            for _ in range(3000)) if (a + b + c).isalpha()]

    def lines(self, name, words):
        blank, per = self.languages[name].blank, 12
        return "\n".join(blank.join(words[at:at + per])
                         for at in range(0, len(words), per)) + "\n"

    def message(self, n):
        """Number n, whole."""
        rng = random.Random(n * 7919 + 1)
        name = rng.choices(list(SHARES), SHARES.values())[0]
        language = self.languages[name]
        root = n - n % 8 if n % 3 else n
        subject = language.blank.join(
            language.text(random.Random(root), 4 + root % 5))
        who, address = self.people[int(rng.random() ** 3 * len(self.people))]
        text = self.lines(name, language.text(
            rng, int(min(rng.lognormvariate(4.9, 0.8), 5000))))
        if n != root:
            text += "\nOn Monday it was written:\n> " + self.lines(
                name, language.text(random.Random(root), 80)).replace(
                    "\n", "\n> ") + "\n"
        head = self.head(n, root, rng, subject, who, address)
        kind = rng.randrange(10)
        if kind < 5:
            return head + self.part(text, "plain", name)
        if kind < 8:
            parts = [self.part(text, "plain", name), self.part(
                "<html><head><style>p { margin: 0 }</style></head><body><p>" +
                text.replace("&", "&amp;").replace("\n", "<br>\n") +
                "</p></body></html>\n", "html", name)]
            return head + self.multipart("alternative", parts)
        data = base64.encodebytes(rng.randbytes(6000))
        attached = (f"Content-Type: application/pdf; name=\"report-{n}.pdf\"\n"
                    "Content-Transfer-Encoding: base64\nContent-Disposition: "
                    f"attachment; filename=\"report-{n}.pdf\"\n\n").encode()
        return head + self.multipart(
            "mixed", [self.part(text, "plain", name), attached + data])

    def head(self, n, root, rng, subject, who, address):
        def word(text):
            return text if text.isascii() else "=?utf-8?B?" + \
                base64.b64encode(text[:15].encode()).decode() + "?="
        at = BEGIN + n * 600
        day = f"{1 + at // 86400 % 28:02} Mar {2015 + at // 31536000 % 9}"
        out = [f"Return-Path: <bounce-{n}@lists.example>"]
        out += [f"Received: from mx{k}.example (mx{k}.example [192.0.2.{k}])"
                f"\n\tby relay{n % 7}.example with ESMTPS id "
                f"{rng.getrandbits(40):X}\n\tfor <me@example.org>; {day} "
                "10:00:00 +0000" for k in range(1, 4)]
        out += [f"From: {word(who)} <{address}>",
                "To: me@example.org",
                f"Subject: {'Re: ' * (n != root)}" + " ".join(
                    map(word, subject.split(" "))),
                f"Date: {day} {n // 3600 % 24:02}:{n // 60 % 60:02}:00 +0000",
                f"Message-ID: <{n}.{rng.getrandbits(64):x}@mail.example>"]
        if n != root:
            out.append(f"In-Reply-To: <{root}@mail.example>\n"
                       f"References: <{root}@mail.example>")
        if n % 4:
            out.append(f"List-Id: Talk <talk{n % 40}.lists.example>\n"
                       "List-Unsubscribe: <mailto:leave@lists.example>\n"
                       "Precedence: list")
        out.append("MIME-Version: 1.0")
        return ("\n".join(out) + "\n").encode()

    def part(self, text, kind, name):
        charset, encoding = "utf-8", "8bit"
        data = text.encode()
        if name == "ru":
            charset, data = "koi8-r", text.encode("koi8-r", "replace")
        elif name == "zh":
            charset, data = "gb18030", text.encode("gb18030")
        if name != "en":
            encoding, data = "base64", base64.encodebytes(data)
        return (f"Content-Type: text/{kind}; charset={charset}\n"
                f"Content-Transfer-Encoding: {encoding}\n\n").encode() + data

    @staticmethod
    def multipart(kind, parts):
        body = b"".join(b"--=_b0\n" + part + b"\n" for part in parts)
        return f"Content-Type: multipart/{kind}; boundary=\"=_b0\"\n\n" \
            .encode() + body + b"--=_b0--\n"


def fill(path, count):
    """A Maildir of `count` messages; their bytes."""
    mails, size = Mails(), 0
    for sub in ("cur", "new", "tmp"):
        (path / sub).mkdir(parents=True, exist_ok=True)
    for n in range(count):
        data, at = mails.message(n), BEGIN + n * 600
        name = f"{path}/cur/{at}.M{n}P1.mail:2,{('', 'S', 'S', 'RS')[n % 4]}"
        with open(name, "wb") as f:
            f.write(data)
        os.utime(name, (at, at))
        size += len(data)
    return size
