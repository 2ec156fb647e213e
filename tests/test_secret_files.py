"""Files of secrets: what is read again, when, and what keeps the secret before it."""

from __future__ import annotations

import os
import pathlib

from bot import secret_files


def watched(folder: pathlib.Path, *names: str) -> secret_files.Watch:
    """Return a watch over files that hold their own names."""
    files = []
    for name in names:
        (folder / name).write_text(f"{name}\n")
        files.append(secret_files.SecretFile(name, f"{name.upper()}_FILE", folder / name))
    watch = secret_files.Watch(files, {name: name for name in names})
    assert [watch.look(), watch.look(), watch.look()] == [{}, {}, {}]
    return watch


def test_a_file_that_has_settled_is_read_at_the_second_look(tmp_path: pathlib.Path) -> None:
    """At the first it may be half written."""
    watch = watched(tmp_path, "ak")
    (tmp_path / "ak").write_text("new\r\n")

    assert [watch.look(), watch.look(), watch.look()] == [{}, {"ak": "new"}, {}]


def test_both_parts_of_a_key_are_taken_at_once(tmp_path: pathlib.Path) -> None:
    """A call signed by one new and one old part would be refused, and count against the key."""
    watch = watched(tmp_path, "ak", "sk")
    (tmp_path / "ak").write_text("new-ak")
    first = watch.look()
    (tmp_path / "sk").write_text("new-sk")

    assert [first, watch.look(), watch.look()] == [{}, {}, {"ak": "new-ak", "sk": "new-sk"}]


def test_a_file_that_changes_all_the_time_is_read_at_the_third_look(
    tmp_path: pathlib.Path,
) -> None:
    """It would never settle, and a second is all there is."""
    watch = watched(tmp_path, "ak")
    found = []
    for turn in range(3):
        (tmp_path / "ak").write_text(f"{'new' * (turn + 1)}")
        found.append(watch.look())

    assert found == [{}, {}, {"ak": "newnewnew"}]


def test_a_file_that_is_put_in_the_place_of_another_is_seen(tmp_path: pathlib.Path) -> None:
    """As Kubernetes does: a link of a folder is turned to another folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sk").write_text(f"sk-{name}")
    (tmp_path / "data").symlink_to("one")
    file = secret_files.SecretFile("sk", "SK_FILE", tmp_path / "data" / "sk")
    watch = secret_files.Watch([file], {"sk": "sk-one"})
    assert [watch.look(), watch.look()] == [{}, {}]

    (tmp_path / "next").symlink_to("two")
    os.replace(tmp_path / "next", tmp_path / "data")

    assert [watch.look(), watch.look()] == [{}, {"sk": "sk-two"}]


def test_what_cannot_be_used_keeps_the_secret_before_it(tmp_path: pathlib.Path) -> None:
    """It is a problem until it is mended; one bad file doesn't hold up the others."""
    watch = watched(tmp_path, "ak", "sk")
    (tmp_path / "ak").unlink()
    (tmp_path / "sk").write_text("new")

    assert [watch.look(), watch.look()] == [{}, {"sk": "new"}]
    assert list(watch.problems) == ["AK_FILE"]
    (tmp_path / "ak").write_text("ak")
    assert [watch.look(), watch.look()] == [{}, {}]
    assert watch.problems == {}


def test_a_change_between_the_start_and_the_first_look_is_seen(tmp_path: pathlib.Path) -> None:
    """The start takes seconds when Slack is slow."""
    (tmp_path / "sk").write_text("changed")
    file = secret_files.SecretFile("sk", "SK_FILE", tmp_path / "sk")
    watch = secret_files.Watch([file], {"sk": "as it was"})

    assert [watch.look(), watch.look()] == [{}, {"sk": "changed"}]
