"""What can go wrong by the user's hand, each said in one line: where, what, expected, remedy.

`cli.main` prints such a line and exits 1; any other exception is a fault of ours and exits 3.
"""

from __future__ import annotations


class UserError(Exception):
    """`where: what, expected ...; remedy`, the last two where there is something to say."""

    def __init__(self, where: object, what: str, expected: str = "", remedy: str = "") -> None:
        self.where, self.what, self.expected, self.remedy = str(where), what, expected, remedy
        said = f"{where}: {what}" + (f", expected {expected}" if expected else "") + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(line.strip() for line in said.splitlines()))


class CfgError(UserError):
    """A Darknet cfg that cannot be read or does not describe a network."""


class WeightsError(UserError):
    """A file of weights that is not one, is cut off, or does not fit the network."""


class DataError(UserError):
    """A split on disk, one of its label files, or a picture."""


class RunError(UserError):
    """A run folder: none there, finished already, or not to be written."""


class SuiteError(UserError):
    """A suite of experiments that is not one, or its store, which another process holds."""


class TrainingError(UserError):
    """Training cannot go on: the loss is not a number any more."""


class ExportError(UserError):
    """A model that cannot be exported, run or quantised as asked, or an extra that is not installed."""


class VideoError(UserError):
    """A video, camera or stream that cannot be opened or written, or a window that cannot be shown."""
