"""Check that a tag can be released, and write the version and the notes of the release.

``python scripts/release.py v0.2.0`` checks the tag and CHANGELOG.md. ``--write`` sets the version in
portkey_handler/__about__.py, ``--notes FILE`` writes the section of the changelog, ``--installed`` checks
that the installed package has the version. Where something is wrong, it says what to do and exits with 1.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import re
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]
ABOUT = Path("portkey_handler", "__about__.py")
CHANGELOG = Path("CHANGELOG.md")
_HEADING = re.compile(r"^## (.*)$", re.M)
_VERSION = re.compile(r'^__version__ = ".*"$', re.M)


class ReleaseError(Exception):
    """The tag cannot be released."""


def version_of(tag: str) -> str:
    """Return the version that a tag names.

    Raises:
        ReleaseError: The tag is not `v` and a version in its normal form.
    """
    try:
        version = Version(tag.removeprefix("v"))
    except InvalidVersion:
        raise ReleaseError(f"the tag {tag} is not a version; write v0.2.0, for example") from None
    if tag != f"v{version}" or version.local:
        raise ReleaseError(f"the tag {tag} is not in its normal form; write v{version.public}")
    return str(version)


def notes_of(changelog: str, version: str) -> str:
    """Return the section of the changelog about a version.

    Args:
        changelog: The text of CHANGELOG.md, the newest version first: `## 0.2.0, 2026-12-01`.
        version: The version.

    Raises:
        ReleaseError: The version is not the newest, has no date, or its section is empty.
    """
    headings = list(_HEADING.finditer(changelog))
    wanted = f"## {version}, {datetime.date.today():%Y-%m-%d}"
    if not headings or headings[0][1].partition(",")[0] != version:
        newest = headings[0][0] if headings else "nothing"
        raise ReleaseError(f"CHANGELOG.md begins with {newest!r}; write a section {wanted!r} above it")
    day = headings[0][1].partition(", ")[2]
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        raise ReleaseError(f"CHANGELOG.md has {day!r} as the date of {version}; write {wanted!r}") from None
    end = headings[1].start() if len(headings) > 1 else len(changelog)
    notes = changelog[headings[0].end() : end].strip()
    if not notes:
        raise ReleaseError(f"CHANGELOG.md has no text about {version}; write what a user would notice")
    return notes + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--notes", type=Path, metavar="FILE")
    parser.add_argument("--installed", action="store_true")
    given = parser.parse_args(arguments)
    try:
        version = version_of(given.tag)
        if given.installed and (found := importlib.metadata.version("portkey-handler")) != version:
            raise ReleaseError(f"{found} is installed, not {version}; install what was built for the tag")
        notes = notes_of((ROOT / CHANGELOG).read_text(encoding="utf-8"), version)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    if given.write:
        about = ROOT / ABOUT
        about.write_text(_VERSION.sub(f'__version__ = "{version}"', about.read_text(encoding="utf-8")))
    if given.notes is not None:
        given.notes.write_text(notes, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
