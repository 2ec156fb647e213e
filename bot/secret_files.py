"""Secrets that lie in files: read at the start, and again while the bot runs."""

from __future__ import annotations

import dataclasses
import io
import pathlib
from collections.abc import Iterable, Mapping

import dotenv

from bot import plain_files

SUFFIX = "_FILE"  # As the images of databases on Docker Hub name it.
MOST_BYTES = 65_536  # A key or a token has a few kilobytes at most.
MOST_VARIABLES = 262_144  # Bytes of a file of variables.
# Password managers hand a file of variables over as a pipe into which they write at once.
PIPE_S = 1.0
# A file that changes again and again is read at the third look all the same.
MOST_LOOKS = 3
_Look = tuple[int, int, int, int] | None  # Inode, size, and both times in nanoseconds.


class Unusable(ValueError):
    """A file holds nothing that can be used; the words say why, and never what it holds."""


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
            text = plain_files.text(self.path, MOST_BYTES)
        except FileNotFoundError as error:
            raise Unusable(f"{self.path} can't be read: {error.strerror}") from None
        except plain_files.NotPlain as error:
            raise Unusable(f"{self.path} {error}") from None
        # Editors end a file with a newline, and no key ends in one.
        secret = text.rstrip("\r\n")
        if not secret.strip():
            raise Unusable(f"{self.path} is empty")
        if not secret.isprintable():
            raise Unusable(f"{self.path} must be one line of plain characters")
        return secret


def named_in(
    given: Mapping[str, str], variables: Mapping[str, Iterable[str]]
) -> tuple[SecretFile, ...]:
    """Return the files that variables name; `variables` are those of each field of a secret.

    Raises:
        Unusable: a secret is given twice, so that nobody could say which one holds.
    """
    files = []
    for field, known in variables.items():
        settings = list(known)
        by_file = [name + SUFFIX for name in settings if name + SUFFIX in given]
        found = [*by_file, *(name for name in settings if name in given)]
        if by_file and len(found) > 1:
            raise Unusable(f"{found[0]} and {found[1]} are both set; remove one of them")
        files += [SecretFile(field, name, pathlib.Path(given[name])) for name in by_file]
    return tuple(files)


def contents(files: Iterable[SecretFile]) -> dict[str, str]:
    """Return what files hold, by the variable that would hold it itself.

    Raises:
        Unusable: one can't be used; the words name its variable.
    """
    found = {}
    for one in files:
        try:
            found[one.variable.removesuffix(SUFFIX)] = one.read()
        except Unusable as error:
            raise Unusable(f"{one.variable}: {error}") from None
    return found


def variables_in(path: pathlib.Path) -> dict[str, str | None]:
    """Return the variables that a file such as `.env` holds; none where there is no file.

    Raises:
        Unusable: it can't be used.
    """
    try:
        text = plain_files.text(path, MOST_VARIABLES, pipe_s=PIPE_S)
    except FileNotFoundError:
        return {}
    except plain_files.NotPlain as error:
        raise Unusable(f"{path} {error}") from None
    return dotenv.dotenv_values(stream=io.StringIO(text))


class Watch:
    """Looks at files again and again, and tells of the secrets in them that are new.

    A key has two parts, in two files: what has changed is read once nothing more changes, from one
    look to the next, so that both parts of it are taken at once.
    """

    def __init__(self, files: Iterable[SecretFile], values: Mapping[str, str]) -> None:
        """`values` are the secrets as they were read at the start, by their fields."""
        self._files = tuple(files)
        self._values = dict(values)
        self._seen: list[_Look] = []
        self._unread = 0
        # What is wrong with a file whose old secret still holds, by the variable that names it.
        self.problems: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """Return the secrets that are new, by their fields."""
        looks = [_look_at(one.path) for one in self._files]
        if looks != self._seen:
            self._seen = looks
            self._unread += 1
            if self._unread < MOST_LOOKS:
                return {}
        if not self._unread:
            return {}
        self._unread = 0
        return self._read()

    def _read(self) -> dict[str, str]:
        """Read all files; one that can't be used keeps its old secret."""
        found, self.problems = {}, {}
        for one in self._files:
            try:
                secret = one.read()
            except Unusable as error:
                self.problems[one.variable] = str(error)
                continue
            if secret != self._values[one.field]:
                found[one.field] = self._values[one.field] = secret
        return found


def _look_at(path: pathlib.Path) -> _Look:
    """Return what tells a changed file, or one that was put in its place, from the one before."""
    try:
        seen = path.stat()
    except OSError:
        return None
    # Kubernetes puts another file under the same name, perhaps of one size and second.
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
