"""From the name of a table to its files, and from a folder to the names of its tables."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...errors import NotFoundError, StatementError, closest
from .folder import Folder, Parts

#: The kind of the content by the suffix of a file.
FORMATS = {
    "csv": "csv", "tsv": "csv", "txt": "csv", "json": "json", "jsonl": "json", "ndjson": "json",
    "parquet": "parquet", "xlsx": "xlsx", "xlsm": "xlsx",
}  # fmt: skip
_PACKED = {"gz": "gzip", "zst": "zstd"}
_PATTERN = frozenset("*?[")
_OTHER = "its suffix is not one of .csv, .json, .parquet, .xlsx and their kin"


@dataclass(frozen=True)
class File:
    """A file that holds rows.

    Attributes:
        parts: The path below the files folder.
        format: Its suffix in lower case, without that of the compression.
        compression: "gzip", "zstd", or an empty text.
        partitions: The columns that its folders add: `year=2026` adds the column year.
    """

    parts: Parts
    format: str
    compression: str = ""
    partitions: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the content: "csv", "json", "parquet" or "xlsx"."""
        return FORMATS[self.format]

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.parts[-1]


@dataclass(frozen=True)
class Found:
    """The files of a table.

    Attributes:
        files: The files, by name.
        is_single: Whether the table is one file, and not a folder or a pattern.
    """

    files: tuple[File, ...]
    is_single: bool = True

    @property
    def kind(self) -> str:
        """The kind of their content."""
        return self.files[0].kind


def stem_of(name: str) -> str:
    """Return the name of a file without its suffixes."""
    stem, _, suffix = name.rpartition(".")
    return stem.rpartition(".")[0] if suffix.lower() in _PACKED else stem


def file_of(parts: Parts) -> File | None:
    """Return the file of a path; None where its suffix is none of a table."""
    stem, _, suffix = parts[-1].rpartition(".")
    packed = _PACKED.get(suffix.lower(), "")
    if packed:
        stem, _, suffix = stem.rpartition(".")
    if not stem or suffix.lower() not in FORMATS or parts[-1].startswith((".", "~$")):
        return None
    keys = [part.partition("=") for part in parts[:-1] if "=" in part.strip("=")]
    return File(parts, suffix.lower(), packed, tuple((key, value) for key, _, value in keys))


def partition_keys(files: Iterable[File]) -> list[str]:
    """Return the columns that the folders of files add."""
    return list(dict.fromkeys(key for file in files for key, _ in file.partitions))


class Finder:
    """Finds the files of tables in a folder.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def listed(self) -> Iterator[tuple[str, Found | str]]:
        """Yield the name of everything in the folder with its files, or the reason why it is no table."""
        entries = self._entries(())
        repeated = {stem for stem, times in Counter(stem for _, _, _, stem in entries).items() if times > 1}
        for name, kind, file, stem in entries:
            if kind == "link":
                yield name, "a link; links are not followed"
            elif kind == "other":
                yield name, "not a regular file"
            elif kind == "folder":
                try:
                    yield name, self._below(name, (name,))
                except StatementError as error:
                    yield name, error.message.removeprefix(f"files.{name} is ")
            else:
                shown = name if stem in repeated else stem
                yield ((name, _OTHER) if file is None else (shown, Found((file,))))

    def candidates(self, name: str) -> list[Found]:
        """Return everything that a name may mean.

        Raises:
            StatementError: It is no name of a table.
        """
        _check_name(name)
        *above, last = name.split("/")
        entries = self._entries(tuple(above))
        for same in (lambda one: one, str.casefold):
            found = []
            for entry, kind, file, stem in entries:
                if same(last) not in (same(entry), same(stem)):
                    continue
                if kind == "link":
                    raise StatementError(f"files.{name} is a link ({entry}); links are not followed")
                if kind == "folder":
                    found.append(self._below(name, (*above, entry)))
                elif file is not None:
                    found.append(Found((file,)))
            if found:
                return found
        return [self._matching(name)] if set(name) & _PATTERN else []

    def find(self, name: str) -> Found:
        """Return the files of a table.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The name may mean several.
        """
        found = self.candidates(name)
        if not found:
            names = [known for known, files in self.listed() if isinstance(files, Found)]
            close = closest(name, names)
            hint = f"did you mean files.{close}?" if close else f"there are: {', '.join(names) or 'none'}"
            raise NotFoundError(f"files.{name} does not exist in {self._folder.path}; {hint}")
        if len(found) > 1:
            each = [one.files[0].name if one.is_single else "/".join(one.files[0].parts[:1]) for one in found]
            both = " and ".join(f"files.`{one}`" for one in each)
            raise StatementError(f"files.{name} may be {both}; write the one that you mean")
        return found[0]

    def _entries(self, above: Parts) -> list[tuple[str, str, File | None, str]]:
        """Return name, kind, file (None: no rows in it) and table name of everything in a folder."""
        found = []
        for name, kind in self._folder.entries(above):
            file = None if kind == "folder" else file_of((*above, name))
            found.append((name, kind, file, name if file is None else stem_of(name)))
        return found

    def _below(self, name: str, parts: Parts) -> Found:
        """Return all files below a folder as one table."""
        return _as_one(name, list(self._walk(name, parts)), "a folder")

    def _walk(self, name: str, parts: Parts) -> Iterator[File]:
        for entry, kind in self._folder.entries(parts):
            path = (*parts, entry)
            if entry.startswith("_"):
                continue  # _SUCCESS, _delta_log and their kind
            if kind == "folder":
                yield from self._walk(name, path)
            elif kind == "link":
                raise StatementError(f"files.{name}: {'/'.join(path)} is a link; links are not followed")
            else:
                file = file_of(path)
                if file is not None:
                    yield file

    def _matching(self, pattern: str) -> Found:
        paths: list[Parts] = [()]
        *above, last = pattern.split("/")
        for level in above:
            paths = [
                (*path, entry)
                for path in paths
                for entry, kind in self._folder.entries(path)
                if kind == "folder" and fnmatch.fnmatchcase(entry, level)
            ]
        files = [
            file
            for path in paths
            for entry, kind in self._folder.entries(path)
            if kind == "file" and fnmatch.fnmatchcase(entry, last)
            for file in [file_of((*path, entry))]
            if file is not None
        ]
        if not files:
            raise NotFoundError(f"no file in {self._folder.path} fits files.`{pattern}`")
        return _as_one(pattern, files, "a pattern")


def _as_one(name: str, files: Sequence[File], what: str) -> Found:
    kinds = sorted({file.kind for file in files})
    if not kinds:
        raise StatementError(f"files.{name} is {what} without files that can be read")
    if len(kinds) > 1:
        raise StatementError(
            f"files.{name} is {what} with files of several formats ({', '.join(kinds)}); name one of them, "
            "or a pattern such as files.`folder/*.csv`"
        )
    return Found(tuple(files), is_single=False)


def _check_name(name: str) -> None:
    parts = name.split("/")
    if any(
        not part or part.startswith(".") or part.endswith(".") or set(part) & set("\\:\0") for part in parts
    ):
        raise StatementError(f"files.{name!r} is not a table's name: it must stay inside the files folder")
