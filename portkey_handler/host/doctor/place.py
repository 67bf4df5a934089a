"""Checks that the handler is where MindsDB loads it, and is the installed one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..bundled_handler import is_mindsdbs
from ..install import Found, has_our_files, is_ours
from .checks import Finding


@dataclass(frozen=True, slots=True)
class Place:
    """What was found at the path from which MindsDB loads the handler.

    Attributes:
        path: The path.
        is_there: Something is there, a link without a target included.
        is_ours: It is this handler.
        is_mindsdbs: It is MindsDB's own handler of the same name.
        is_community: The path is in the folder for community handlers.
        link: The target, where it is a link.
        leads_nowhere: It is a link whose target does not exist.
        version: The version in its files.
        unused: A handler in the folder for community handlers that MindsDB does not look at, or None.
    """

    path: Path
    is_there: bool = True
    is_ours: bool = True
    is_mindsdbs: bool = False
    is_community: bool = False
    link: Path | None = None
    leads_nowhere: bool = False
    version: str | None = None
    unused: Path | None = None


def look_at_place(path: Path, community: Path | None, *, uses_community: bool, found: Found) -> Place:
    """Read what is at the path.

    Args:
        path: The path among MindsDB's own handlers.
        community: The path in its folder for community handlers, which MindsDB prefers; None where the
            storage is not known.
        uses_community: MindsDB uses that folder.
        found: MindsDB and this package as the interpreter has them.
    """
    has_both = community is not None and os.path.lexists(community)
    is_community = has_both and uses_community
    unused = community if has_both and not uses_community else None
    place = community if is_community and community is not None else path
    if not os.path.lexists(place):
        return Place(place, is_there=False, is_ours=False, unused=unused)
    # In the other folder a user has put it, without the mark of install.
    by_hand = is_community and has_our_files(place)
    return Place(
        place,
        is_ours=by_hand or is_ours(place),
        is_mindsdbs=is_mindsdbs(place, found.recorded),
        is_community=is_community,
        link=place.resolve() if place.is_symlink() else None,
        leads_nowhere=not place.exists(),
        version=_version(place),
        unused=unused,
    )


def _version(folder: Path) -> str | None:
    try:
        found = re.search(r"""__version__ = ["'](.+?)["']""", (folder / "__about__.py").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if found is None else found[1]


def judge_place(place: Place, found: Found) -> Finding:
    """Return a finding: whether MindsDB has the installed handler."""
    what = "handler"
    install = f"run: portkey-handler install --python {found.python}"
    if place.is_community:
        install = f"remove it, then {install}"
    if not place.is_there:
        words = f"not in MindsDB: there is no {place.path}"
        if place.unused is not None:
            words += f", and {place.unused} is looked at with MINDSDB_COMMUNITY_HANDLERS=true only"
        return Finding(what, "wrong", words, install)
    if place.leads_nowhere:
        return Finding(what, "wrong", f"{place.path} leads to {place.link}, which is gone", install)
    if place.is_mindsdbs:
        words = f"{place.path} is MindsDB's own handler of the same name"
        return Finding(what, "wrong", words, f"{install}, which sets it aside")
    if not place.is_ours:
        words = f"{place.path} is another handler of the same name"
        return Finding(
            what, "wrong", words, install if place.is_community else f"move it away, then {install}"
        )
    return _judged_ours(place, found, install)


def _judged_ours(place: Place, found: Found, install: str) -> Finding:
    how = "linked" if place.link else "copied"
    where = f"MindsDB's folder for community handlers ({place.path})" if place.is_community else "MindsDB"
    words = f"{how} into {where}, version {place.version}"
    if place.link is not None and found.package is not None and place.link != found.package.resolve():
        words += f", from {place.link}, and the installed one is {found.package}"
        return Finding("handler", "warning", words, f"to have the installed one, {install}")
    if found.package is not None and place.version != found.package_version:
        copy = "" if place.is_community else " --copy"
        return Finding(
            "handler", "wrong", f"{words}, and {found.package_version} is installed", f"{install}{copy}"
        )
    return Finding("handler", "ok", words)
