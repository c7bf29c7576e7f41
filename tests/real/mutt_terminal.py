"""A mutt in a terminal of its own."""
import os
import pty
import select
import time


def drive(program, rc, folder, keys, seconds=40):
    """Runs a mutt in a terminal of its own, feeds it keys, waits for its end.
    Returns (exit status or None, what it showed)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LINES="40", COLUMNS="120", LC_ALL="C.UTF-8")
        os.execvp(program, [program, "-n", "-F", str(rc), "-f", folder,
                            "-e", f'push "{keys}"'])
    shown, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                shown += os.read(fd, 65536)
            except OSError:
                break
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            os.close(fd)
            return os.waitstatus_to_exitcode(status), shown
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
        if not done and time.monotonic() < until:
            done, status = os.waitpid(pid, 0)
        if done:
            return os.waitstatus_to_exitcode(status), shown
    finally:
        os.close(fd)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return None, shown
