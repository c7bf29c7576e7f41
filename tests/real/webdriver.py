"""Headless Chromium, driven through chromedriver's WebDriver protocol by plain
HTTP and JSON.  Standard library only."""
import base64
import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

from rig import free_port_block, wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic "
         "--disable-dev-shm-usage --no-first-run --disable-sync "
         "--disable-background-networking --disable-component-update "
         "--window-size=1200,900").split()


class WebDriverError(Exception):
    pass


class Browser:
    def __init__(self, where):
        self.dir = pathlib.Path(where)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port_block(start=26000)
        self.session = None

    def __enter__(self):
        self.process = subprocess.Popen(
            ["chromedriver", f"--port={self.port}"],
            stdout=open(self.dir / "chromedriver.log", "wb"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(self.dir)})
        if not wait_for(self._ready, 30):
            raise RuntimeError("chromedriver did not start")
        got = self.call("POST", "/session", capabilities={"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": [
                *FLAGS, f"--user-data-dir={self.dir}/profile"]}}})
        self.session = got["sessionId"]
        return self

    def __exit__(self, *what):
        try:
            self.call("DELETE", "")
        except (OSError, WebDriverError):
            pass
        self.process.terminate()
        self.process.wait(20)

    def _ready(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, **body):
        if self.session:
            path = f"/session/{self.session}{path}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=json.dumps(body).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise WebDriverError(json.load(e)["value"]["message"]) from None

    def get(self, url):
        self.call("POST", "/url", url=url)

    def js(self, script, *args):
        """The value of the script's `return`."""
        return self.call("POST", "/execute/sync", script=script,
                         args=list(args))

    def until(self, script, seconds=30):
        """Waits until the script returns something true; that."""
        def look():
            try:
                return self.js("return " + script)
            except WebDriverError:  # between two pages
                return None
        return wait_for(look, seconds)

    def element(self, selector, seconds=20):
        """Path of the first element that shows; waits for it."""
        if not self.until("(e => e && e.getClientRects().length > 0)"
                          f"(document.querySelector({json.dumps(selector)}))",
                          seconds):
            raise WebDriverError(f"no {selector} on the page")
        got = self.call("POST", "/element", using="css selector",
                        value=selector)
        return f"/element/{got[ELEMENT]}"

    def click(self, selector):
        self.call("POST", self.element(selector) + "/click")

    def type(self, selector, text):
        where = self.element(selector)
        self.call("POST", where + "/clear")
        self.call("POST", where + "/value", text=text)

    def into_frame(self, selector):
        where = self.element(selector).removeprefix("/element/")
        self.call("POST", "/frame", id={ELEMENT: where})

    def out_of_frame(self):
        self.call("POST", "/frame", id=None)

    def console(self):
        """Errors the page logged."""
        return [entry["message"] for entry in
                self.call("POST", "/se/log", type="browser")
                if entry["level"] == "SEVERE"]

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))
