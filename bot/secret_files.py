"""Secrets that lie in files: read at the start, and again while the bot runs."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import stat

SUFFIX = "_FILE"
MOST_BYTES = 65_536


class Unusable(ValueError):
    """A file holds no secret that can be used; the words say why, and never what it holds."""


@dataclasses.dataclass(frozen=True, slots=True)
class SecretFile:
    """The file of one setting: the setting's field, the variable that names the file, and where."""

    field: str
    variable: str
    path: pathlib.Path

    def read(self) -> str:
        """Return the secret, without the newline at its end.

        Raises:
            Unusable: there is no file, or it can't be read, is empty, or isn't one line of text.
        """
        try:
            text = _content(self.path).decode()
        except OSError as error:
            raise Unusable(f"{self.path} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Unusable(f"{self.path} isn't UTF-8 text") from None
        secret = text.rstrip("\r\n")
        if not secret.strip():
            raise Unusable(f"{self.path} is empty")
        if not secret.isprintable():
            raise Unusable(f"{self.path} must be one line of plain characters")
        return secret


def _content(path: pathlib.Path) -> bytes:
    """Return what a regular file holds; a pipe would be waited for, and gives its content once.

    Raises:
        OSError: it can't be read.
        Unusable: it is no file, or far too large for a secret.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unusable(f"{path} is no regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Unusable(f"{path} is larger than {MOST_BYTES // 1024} KiB")
    return content
