"""How a command ends: 0 done; 1 the input is at fault, one line; 2 wrong usage; 3 a fault of ours; 130 interrupted."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

import click

from detector.errors import UserError


def entry_point(command: click.Group, name: str) -> Callable[[], None]:
    """The console script that runs `command`."""

    def main() -> None:
        try:
            command.main(prog_name=name, standalone_mode=False)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.exceptions.Abort as stop:
            cause = stop.__cause__ or stop.__context__
            said = cause.args[0] if cause is not None and cause.args else "nothing was saved"
            click.echo(f"interrupted; {said}", err=True)
            sys.exit(130)
        except (UserError, OSError) as error:
            click.echo(f"error: {error}".replace("\n", " "), err=True)
            sys.exit(1)
        except ImportError as error:
            if "libGL" not in str(error):
                traceback.print_exc()
                sys.exit(3)
            missing = "the system's libGL.so.1 is missing; install it (Debian: apt-get install libgl1)"
            click.echo(f"error: OpenCV: {missing}", err=True)
            sys.exit(1)
        except BaseException as error:
            if not isinstance(error, SystemExit):
                traceback.print_exc()
                raise SystemExit(3) from error
            raise

    return main
