"""Runs one command for as long as its standard input stays open.

    keep.py LOG COMMAND [ARGUMENT...]

Writes `pid N` when the command has started and `exit CODE` when it has ended. Reads `term` or `kill` from
standard input; the end of standard input means `term`, then `kill` after ten seconds. So a test that dies in
any way, SIGKILL included, leaves nothing behind. The command's own output is appended to LOG.

Needs nothing but Python's standard library.
"""

import os
import signal
import subprocess
import sys
import threading

PATIENCE_SECONDS = 10


def main() -> int:
    log_path, *command = sys.argv[1:]
    with open(log_path, "ab") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its own group: a Ctrl-C in the terminal is for us to pass on
        )
    report(f"pid {child.pid}")
    threading.Thread(target=obey, args=(child,), daemon=True).start()
    code = child.wait()
    signal_group(child, signal.SIGKILL)  # workers that outlived it
    report(f"exit {code}")
    return 0


def obey(child: subprocess.Popen) -> None:
    for line in sys.stdin:
        signal_group(child, signal.SIGKILL if line.strip() == "kill" else signal.SIGTERM)
    signal_group(child, signal.SIGTERM)
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        signal_group(child, signal.SIGKILL)


def signal_group(child: subprocess.Popen, number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def report(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Nobody listens any more; keep the interpreter from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
