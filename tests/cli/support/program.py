"""What the tests of the command line share: runs of the program, expectations, a temporary folder, and the report at the end."""
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

program = os.environ["MANIFILL"]
folder = tempfile.TemporaryDirectory()  # lives, and with it the folder, until the test ends
work = Path(folder.name)
failures = []


def require(*names):
    """The modules of these names; skips the test when one is not installed."""
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)


def check(condition, what):
    if not condition:
        failures.append(what)


def run(code, *arguments, says=(), **options):
    """Runs the program; checks its exit code and that every text of `says` is on either stream. Returns standard output and error."""
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)
    text = done.stdout + done.stderr
    lacking = [part for part in ([says] if isinstance(says, str) else says) if part not in text]
    check(done.returncode == code and not lacking, f"{' '.join(command)}: exit {done.returncode}, expected {code}; lacks {lacking}\n{text}")
    return done.stdout, done.stderr


def interrupt(stop, ready, *arguments):
    """Sends the running program a signal once `ready()` holds, after two minutes in any case. Returns its exit code and standard error."""
    command = [program, *map(str, arguments)]
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 120
    while time.time() < deadline and running.poll() is None and not ready():
        time.sleep(0.01)
    running.send_signal(stop)
    said = running.communicate(timeout=120)[1]
    return running.returncode, said


def finish():
    """Reports and ends the test."""
    for failure in failures:
        print("FAILED:", failure)
    print("all as expected" if not failures else f"{len(failures)} failures")
    sys.exit(bool(failures))
