"""Debian's Dovecot on loopback, with a private configuration, as the peer that
penfold is measured beside; and the CPU time of a server with all its
processes."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "real"))
from rig import free_port_block, wait_for  # noqa: E402

CONF = """
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
first_valid_uid = 1
mail_uid = nobody
mail_gid = nogroup
mail_home = {top}/mail/%n
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
default_client_limit = 20000
default_vsz_limit = 0
stats_writer_socket_path =
passdb {{
  driver = passwd-file
  args = username_format=%n {top}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {top}/users
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  client_limit = 20000
}}
"""


class Dovecot:
    """One running Dovecot; mail of USER is in maildir(USER)."""

    def __init__(self, cert, key, extra=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="penfold-dovecot-"))
        self.dir.chmod(0o755)
        self.port = free_port_block(3, 21000)
        self.imaps_port, self.lmtp_port = self.port + 1, self.port + 2
        for name in ("run", "state", "mail"):
            (self.dir / name).mkdir()
        (self.dir / "users").touch()
        (self.dir / "conf").write_text(CONF.format(
            top=self.dir, cert=cert, key=key, imap=self.port,
            imaps=self.imaps_port) +
            extra.replace("LMTP_PORT", str(self.lmtp_port)))

    def add_user(self, user, password):
        with open(self.dir / "users", "a") as f:
            f.write(f"{user}:{{PLAIN}}{password}::::::\n")
        self.maildir(user).mkdir(parents=True, exist_ok=True)

    def maildir(self, user):
        return self.dir / "mail" / user / "Maildir"

    def start(self):
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup",
                            self.dir / "mail"], check=True)
        self.process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", self.dir / "conf"],
            stderr=open(self.dir / "log", "ab"))

        def listens():
            import socket
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        if not wait_for(listens, 20):
            raise RuntimeError((self.dir / "log").read_text()[-2000:])

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.dir, ignore_errors=True)


def cpu_seconds(root):
    """User and system time of a process, of all below it that live and of
    those they have waited for."""
    children, times = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        children.setdefault(int(fields[1]), []).append(int(entry))
        times[int(entry)] = sum(map(int, fields[11:15]))
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        total += times.get(pid, 0)
        todo += children.get(pid, [])
    return total / os.sysconf("SC_CLK_TCK")
