"""A command that does not outlive its parent: `python -m detector.experiments.child PARENT WORD ...`.

On Linux the system sends it SIGTERM when its parent ends in whatever way, upon which `detector train`
saves and leaves; elsewhere it runs to its end, and holds the store's lock until then, which it inherits.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from detector.training.tune import tuned

PR_SET_PDEATHSIG = 1


def program(name: str, *words: str) -> list[str]:
    """The command line that runs a console script of ours, as this Python's module."""
    return [sys.executable, "-P", "-m", f"{name}.cli", *words]


def environment(threads: int, root: Path) -> dict[str, str]:
    """For a child that computes in so many threads, and runs the packages in the folder `root`."""
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **tuned(), "OMP_NUM_THREADS": str(threads), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def start(
    command: Sequence[str], log: Path, env: Mapping[str, str], keep: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a command; what it says is added to the file `log`. keep: open files that it inherits."""
    words = [sys.executable, "-P", "-m", "detector.experiments.child", str(os.getpid()), *command]
    with log.open("ab") as file:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=env, pass_fds=tuple(keep)
        )


def last_words(log: Path, code: int) -> str:
    """Why a command failed: the last line that it said."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = lines[-1].removeprefix("error: ").removeprefix("Error: ") if lines else "it said nothing"
    return f"killed by signal {-code}; its last words: {said}" if code < 0 else said


def main() -> None:
    """Become the command, tied to the parent."""
    parent, *command = sys.argv[1:]
    if platform.system() == "Linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
