import os
import stat
from pathlib import Path

import pytest

from processes.definitions.statement_report import storage

NAME = "account-1.html"


def test_a_statement_is_written_into_the_folder_which_is_made_when_missing(folder: Path) -> None:
    storage.write_statement(NAME, "Zůstatek: 100 Kč\r\n")

    assert (folder / NAME).read_bytes() == "Zůstatek: 100 Kč\r\n".encode()
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_writing_again_replaces_the_statement(folder: Path) -> None:
    storage.write_statement(NAME, "first")
    storage.write_statement(NAME, "second")

    assert (folder / NAME).read_text() == "second"
    assert len(list(folder.iterdir())) == 1


def test_a_failure_between_writing_and_renaming_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        storage.write_statement(NAME, "content")
    assert list(folder.iterdir()) == []


def test_a_failed_rewrite_leaves_the_old_statement_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write_statement(NAME, "old")

    def broken(self: Path, target: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", broken)

    with pytest.raises(OSError, match="Input/output"):
        storage.write_statement(NAME, "new")
    assert [path.read_text() for path in folder.iterdir()] == ["old"]


def test_the_file_is_complete_on_disk_before_it_gets_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    synced = os.fsync

    def watch(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            seen.append((os.fstat(handle).st_size, (folder / NAME).exists()))
        synced(handle)

    monkeypatch.setattr(os, "fsync", watch)
    storage.write_statement(NAME, "content")

    assert seen == [(len("content"), False)]


def test_removing_takes_the_statement_and_its_half_written_leftovers(folder: Path) -> None:
    storage.write_statement(NAME, "content")
    storage.write_statement("account-2.html", "another")
    (folder / f".{NAME}.0123.part").write_text("half")

    storage.remove_statement(NAME)

    assert [path.name for path in folder.iterdir()] == ["account-2.html"]


def test_removing_what_is_not_there_is_fine(folder: Path) -> None:
    storage.remove_statement(NAME)
    folder.mkdir()
    storage.remove_statement(NAME)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../secret", "/etc/passwd", "a/b", "a/../b", "nul\0"]
)
def test_a_name_that_leads_elsewhere_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(storage.UnsafeFileName):
        storage.write_statement(name, "content")
    with pytest.raises(storage.UnsafeFileName):
        storage.remove_statement(name)


def test_a_link_in_the_folder_is_replaced_and_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    (folder / NAME).symlink_to(outside)

    storage.write_statement(NAME, "content")
    assert not (folder / NAME).is_symlink()
    storage.remove_statement(NAME)

    assert outside.read_text() == "untouched"
