"""The tables that FROM names: files, frames, tables of the user, and views of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ..errors import NotFoundError, StatementError, closest
from .files.relation import Relation
from .sql.expressions import table

if TYPE_CHECKING:
    from .scratch import Scratch
    from .select_runner import Selector


def loaded(selector: Selector, scratch: Scratch, parts: list[str], name: str) -> Any:
    """Return the expression in FROM of a file, a frame, a table of the user or a view of the session.

    Args:
        selector: Where these are.
        scratch: Where rows are registered.
        parts: The parts of its name.
        name: Its name in lower case.

    Raises:
        NotFoundError: There is no such table.
    """
    if len(parts) in (2, 3) and parts[0].lower() == "files":
        found = selector.files.table(*parts[1:])
        if isinstance(found, Relation):
            return scratch.add_file(found)
        scratch.from_file = True
        return scratch.add(found.distinctly_named())
    if name in selector.frames:
        return scratch.add(selector.frames[name])
    own = selector.database.own_table(name)
    if own is not None:
        found = table(own[-1])
        if len(own) > 1:
            found.set("db", exp.to_identifier(own[0], quoted=True))
        return found
    if name in selector.views:
        from .arrow_frames import from_frame

        return scratch.add(from_frame(selector.views[name]()))
    raise _not_found(selector, parts, name)


def _not_found(selector: Selector, parts: list[str], name: str) -> NotFoundError:
    if len(parts) == 1:
        try:
            if selector.files.exists(parts[0]):
                return NotFoundError(f"the table {name} does not exist; did you mean files.{parts[0]}?")
        except StatementError:
            pass  # no file can have this name
    names = [*(model.name for model in selector.models), *selector.frames, *selector.database.table_names()]
    names += [f"files.{file}" for file, _ in selector.files.names()]
    close = closest(name, names)
    hint = f"did you mean {close}?" if close else f"there are: {', '.join(dict.fromkeys(names)) or 'none'}"
    return NotFoundError(f"the table or model {'.'.join(parts)} does not exist; {hint}")
