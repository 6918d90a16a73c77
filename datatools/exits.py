"""How a command ends: 0 done, 1 the user's input is at fault (one line), 2 wrong usage, 3 a fault of ours.

Interrupted by Ctrl-C: 130, as shells expect.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable

import click

from datatools.errors import UserError


def run(command: click.Command, args: list[str] | None = None) -> int:
    """Run a click command and return its exit code; messages go to stderr."""
    try:
        result = command.main(args=args, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; the same command goes on where it stopped, or begins anew", err=True)
        return 130
    except UserError as error:
        return _at_fault(str(error))
    except OSError as error:
        if error.filename is None and error.errno is None:
            return _our_fault()
        return _at_fault(f"{error.filename2 or error.filename or 'output'}: {error.strerror}; {_remedy(error.errno)}")
    except ImportError as error:
        if "libGL" not in str(error):
            return _our_fault()
        return _at_fault("OpenCV: the system's libGL.so.1 is missing; install it (Debian: apt-get install libgl1)")
    except Exception:  # noqa: BLE001  # the one place where everything unforeseen becomes exit code 3
        return _our_fault()
    return result if isinstance(result, int) else 0


def _remedy(number: int | None) -> str:
    full = number in (errno.ENOSPC, errno.EDQUOT)
    return "free some space, or choose another disk" if full else "correct the path, or change its permissions"


def _at_fault(message: str) -> int:
    click.echo(f"error: {message}", err=True)
    return 1


def _our_fault() -> int:
    import traceback

    traceback.print_exc()
    click.echo("this is a fault of the program, not of your data; please report it with the lines above", err=True)
    return 3


def entry_point(command: click.Command) -> Callable[[], None]:
    """The function that a console script calls."""

    def main() -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a narrow console shows \u2588 rather than a traceback
        sys.exit(run(command))

    return main
