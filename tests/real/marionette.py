"""Thunderbird under Xvfb, driven through Marionette (the remote protocol of
Mozilla's programs: JSON with its length in front, over TCP).  Scripts run with
the program's own rights.  Standard library only."""
import base64
import json
import os
import pathlib
import socket
import subprocess

from rig import free_port_block, wait_for

PREFS = {
    # nothing but the test's own server is asked for anything
    "app.update.auto": False,
    "app.update.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.native-is-localhost": True,
    "services.settings.server": "data:,none",
    "mail.provider.enabled": False,
    "mailnews.auto_config_url": "",
    "mailnews.start_page.enabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
    # no questions at the start
    "app.donation.eoy.version.viewed": 999,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page_override.mstone": "ignore",
    "toolkit.startup.max_resumed_crashes": -1,
}


class MarionetteError(Exception):
    pass


class Display:
    """An X server of our own."""

    def __enter__(self):
        read, write = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24",
             "-nolisten", "tcp"], pass_fds=[write],
            stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as said:
            self.name = ":" + said.readline().strip()
        return self

    def __exit__(self, *what):
        self.process.terminate()
        self.process.wait(20)


class Thunderbird:
    def __init__(self, where, display, prefs, certificate):
        self.dir = pathlib.Path(where)
        self.profile = self.dir / "profile"
        self.profile.mkdir(parents=True)
        self.port = free_port_block(start=32000)
        prefs = {**PREFS, "marionette.port": self.port, **prefs}
        (self.profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(k)}, {json.dumps(v)});\n"
            for k, v in prefs.items()))
        database = f"sql:{self.profile}"
        for args in (["-N", "--empty-password"],
                     ["-A", "-n", "penfold", "-t", "CP,,",
                      "-i", certificate]):
            subprocess.run(["certutil", "-d", database, *map(str, args)],
                           check=True, capture_output=True)
        self.env = {**os.environ, "DISPLAY": display.name,
                    "HOME": str(self.dir), "MOZ_CRASHREPORTER_DISABLE": "1"}
        self.number = 0

    def __enter__(self):
        self.process = subprocess.Popen(
            ["thunderbird", "--profile", self.profile, "--no-remote",
             "--marionette", "--remote-allow-system-access"],
            env=self.env, stderr=subprocess.STDOUT,
            stdout=open(self.dir / "thunderbird.log", "wb"))
        if not wait_for(self._connect, 60):
            raise RuntimeError("Thunderbird did not start")
        self.call("WebDriver:NewSession", capabilities={})
        self.call("Marionette:SetContext", value="chrome")
        self.call("WebDriver:SetTimeouts", script=120000)
        return self

    def __exit__(self, *what):
        try:
            self.call("Marionette:Quit", flags=["eForceQuit"])
            self.process.wait(30)
        except (OSError, MarionetteError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(30)

    def _connect(self):
        try:
            self.socket = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            return False
        self.stream = self.socket.makefile("rb")
        self._read()  # its greeting
        return True

    def _read(self):
        size = b""
        while (byte := self.stream.read(1)) != b":":
            if not byte:
                raise MarionetteError("Thunderbird has gone")
            size += byte
        return json.loads(self.stream.read(int(size)))

    def call(self, name, **params):
        self.number += 1
        data = json.dumps([0, self.number, name, params]).encode()
        self.socket.sendall(b"%d:%s" % (len(data), data))
        _, _, error, result = self._read()
        if error:
            raise MarionetteError(f"{error['error']}: {error['message']}")
        return result.get("value") if isinstance(result, dict) else result

    def js(self, script, *args):
        """The value of the script's `return`; it may await."""
        return self.call(
            "WebDriver:ExecuteAsyncScript", args=list(args), script="""
            const done = arguments[arguments.length - 1];
            (async (...arguments) => {""" + script + """})(...arguments)
            .then(done, e => done({failed: String(e) + e.stack}));
            """, newSandbox=False, sandbox="system")

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call(
            "WebDriver:TakeScreenshot", full=True, hash=False)))
