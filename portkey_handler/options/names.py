"""Names that users give to engines, models and columns."""

from __future__ import annotations

from ..errors import OptionError
from ..foreign_text import without_keys


def check_names(**names: str) -> None:
    """Check that names can be shown on one line; `model="m"` says what has the name.

    Raises:
        OptionError: A name has a control character in it.
    """
    for what, name in names.items():
        if not name.isprintable():
            raise _wrong(f"the name of the {what}, {name!r}, has a control character in it; choose another")


def check_new_names(**names: str) -> None:
    """Check names that are given for the first time: they are shown from now on, so none can be a key.

    Raises:
        OptionError: A name looks like a key, or has a control character in it.
    """
    check_names(**names)
    for what, name in names.items():
        if without_keys(name) != name:
            raise _wrong(
                f"the name of the {what} looks like a key, and names are shown to everybody; choose another. "
                "A key belongs in CREATE ML_ENGINE … FROM portkey USING"
            )


def _wrong(said: str) -> OptionError:
    return OptionError(said, problems=[said])
