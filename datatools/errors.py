"""The exception tree: what a user's input can do wrong.

Each message is one line that says where, what was found, what was expected and what to do.
The command line turns these into exit code 1 without a traceback; anything else is our own fault.
"""


class UserError(Exception):
    """The user's input is at fault.

    where: file, `file:line` or option.  The four parts are kept, so that a program can read them;
    all of them are constructor arguments, so that the error survives a trip between processes.
    """

    def __init__(self, where: object, found: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(str(where), found, expected, remedy)
        self.where, self.found, self.expected, self.remedy = str(where), found, expected, remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.found}" if self.where else self.found
        if self.expected:
            text += f", expected {self.expected}"
        if self.remedy:
            text += f"; {self.remedy}"
        return " ".join(line.strip() for line in text.splitlines())


class AnnotationError(UserError):
    """An annotation file, or a box in it, cannot be used."""


class PictureError(UserError):
    """A picture is missing, broken, too large, or of a kind that is not read.

    code: the problem code under which `check` lists it.
    """

    def __init__(
        self, where: object, found: str, expected: str = "", remedy: str = "", code: str = "picture-unreadable"
    ) -> None:
        super().__init__(where, found, expected, remedy)
        self.args = (*self.args, code)
        self.code = code


class LayoutError(UserError):
    """A folder does not hold what its format promises, or is of no known format."""


class OutputError(UserError):
    """The output cannot be written there, or something of the user's would be lost."""


class TargetError(UserError):
    """The wanted class counts, or the wanted split, cannot be reached."""


class PolicyError(UserError):
    """An augmentation policy names something that does not exist, or a value outside its range."""


class PlanError(UserError):
    """A plan file is none, or was made for another split."""
