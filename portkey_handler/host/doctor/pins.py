"""Requirements that are not met: ours, those of our requirements, and MindsDB's for the same packages."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from .checks import Finding

OURS = "portkey-handler"


@dataclass(frozen=True, slots=True)
class Distribution:
    """A package that is installed.

    Attributes:
        name: Its name, as its metadata writes it.
        version: Its version.
        requires: Its requirements, as its metadata writes them.
        python: The versions of Python that it needs, or None.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    python: str | None = None


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that is not met.

    Attributes:
        of: The package that has the requirement, with its version.
        wanted: The package and the versions it needs, in pip's form.
        version: The installed version, or None.
    """

    of: str
    wanted: str
    version: str | None

    def __str__(self) -> str:
        """Say it in plain words."""
        name = Requirement(self.wanted).name
        there = f"{name} {self.version} is installed" if self.version else f"{name} is not installed"
        return f"{self.of} needs {self.wanted}, and {there}"


def folded(name: str) -> str:
    """Return the normal form of a package's name: lower case with dashes."""
    return str(canonicalize_name(name))


def judge_pins(
    installed: Mapping[str, Distribution],
    environment: Mapping[str, str],
    python: str,
    requires: Sequence[str] = (),
) -> list[Finding]:
    """Return the requirements that are not met, with the commands that correct it.

    Args:
        installed: Normal name to the installed package.
        environment: The values of requirement markers.
        python: The interpreter, for the commands.
        requires: Our requirements, where the package itself is not installed.
    """
    found = [_judged_python(each, environment) for each in _ours_and_theirs(installed)]
    unmet = list(_unmet(installed, environment, requires))
    if unmet:
        every = " ".join(shlex.quote(text) for text in _together(unmet, installed, environment, requires))
        words = "; ".join(dict.fromkeys(map(str, unmet)))
        found.append(Finding("pins", "wrong", words, f"run: {python} -m pip install {every}"))
    else:
        words = "the handler's requirements are installed, in versions that MindsDB accepts"
        found.append(Finding("pins", "ok", words))
    return [each for each in found if each is not None]


def _ours_and_theirs(installed: Mapping[str, Distribution]) -> Iterator[Distribution]:
    for name in (OURS, "mindsdb"):
        if name in installed:
            yield installed[name]


def _judged_python(each: Distribution, environment: Mapping[str, str]) -> Finding | None:
    version = environment["python_full_version"]
    try:
        if each.python is None or SpecifierSet(each.python).contains(version, prereleases=True):
            return None
    except InvalidSpecifier:
        return None
    words = f"{each.name} {each.version} needs Python {each.python}, and this is {version}"
    return Finding("python", "wrong", words, "make the environment of MindsDB again with such a Python")


def _unmet(
    installed: Mapping[str, Distribution], environment: Mapping[str, str], requires: Sequence[str]
) -> Iterator[Unmet]:
    for of, requirement in _touching(installed, environment, requires):
        there = installed.get(folded(requirement.name))
        if there is None or not requirement.specifier.contains(there.version, prereleases=True):
            wanted = f"{requirement.name}{requirement.specifier}"
            yield Unmet(of, wanted, None if there is None else there.version)


def _touching(
    installed: Mapping[str, Distribution], environment: Mapping[str, str], requires: Sequence[str]
) -> Iterator[tuple[str, Requirement]]:
    """Yield the requirements of this package and of its requirements, and MindsDB's for the same packages."""
    ours = installed.get(OURS, Distribution("the handler", "", tuple(requires)))
    waiting, seen = [ours], {OURS}
    while waiting:
        each = waiting.pop(0)
        for requirement in _applying(each, environment):
            yield f"{each.name} {each.version}".strip(), requirement
            name = folded(requirement.name)
            if name not in seen:
                seen.add(name)
                waiting += [installed[name]] if name in installed else []
    mindsdb = installed.get("mindsdb")
    if mindsdb is not None:
        for requirement in _applying(mindsdb, environment):
            if folded(requirement.name) in seen:
                yield f"MindsDB {mindsdb.version}", requirement


def _applying(each: Distribution, environment: Mapping[str, str]) -> Iterator[Requirement]:
    for text in each.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({**environment, "extra": ""}):
            yield requirement


def _together(
    unmet: Sequence[Unmet],
    installed: Mapping[str, Distribution],
    environment: Mapping[str, str],
    requires: Sequence[str],
) -> list[str]:
    """Return one requirement per package for pip, which joins all requirements for that package."""
    names = {folded(Requirement(each.wanted).name): SpecifierSet() for each in unmet}
    for _, requirement in _touching(installed, environment, requires):
        name = folded(requirement.name)
        if name in names:
            names[name] &= requirement.specifier
    return [f"{name}{specifiers}" for name, specifiers in names.items()]
