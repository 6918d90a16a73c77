"""What a client is told instead of an answer: an HTTP status, a code that the page puts into words, a line."""

from __future__ import annotations


class RefusedError(Exception):
    """code: `picture`, `large`, `slow`, `gone`, `rate`, `busy`, `token`, `origin`, `host`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)

    def as_json(self) -> dict[str, str]:
        return {"error": self.code, "message": self.message}
