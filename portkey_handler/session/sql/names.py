"""Resolves the identifiers of a query to columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import NotFoundError, StatementError, closest, did_you_mean
from .duckdb_nodes import StarBut
from .expressions import column
from .nodes import is_star
from .parser import ast
from .plan import Column, Question, qualifier


class Names:
    """The columns of a query, by the names that the user writes.

    Args:
        question: The query, before its models' columns are known.
        columns: The columns of the data and of the models, in order.

    Attributes:
        aliases: The terms of SELECT by their alias in lower case.
    """

    def __init__(self, question: Question, columns: Sequence[Column]) -> None:
        self._question = question
        self._columns = columns
        self.aliases = {
            str(target.alias.parts[-1]).lower(): target
            for target in reversed(question.select.targets)  # of two with one alias, the first counts
            if target.alias is not None
        }

    def starred(self, target: Any) -> list[Column]:
        """Return the columns of `*` or `t.*`.

        Raises:
            NotFoundError: No table or model of FROM has that name.
        """
        every = [*self._columns, *self._late_columns()]
        if isinstance(target, StarBut):
            whole = ast.Star() if target.owner is None else ast.Identifier(parts=[target.owner, ast.Star()])
            known = self.starred(whole)
            there = [one.name.lower() for one in known]
            for name in target.without:
                if name not in there:
                    hint = did_you_mean(name, there)
                    raise NotFoundError(f"* EXCLUDE names {name}, which is no column of it{hint}")
            return [one for one in known if one.name.lower() not in target.without]
        if isinstance(target, ast.Star) or len(target.parts) == 1:
            return every
        owner = qualifier(target)
        found = [known for known in every if owner in known.paths and known.kind != "input"]
        if not found:
            raise NotFoundError(f"{'.'.join(owner)}.* names nothing in FROM; there are: {self._owners()}")
        return found

    def _late_columns(self) -> list[Column]:
        return [
            Column("late", name, name, number, source.paths)
            for number, source in enumerate(self._question.late)
            for name in source.columns
        ]

    def reference(self, known: Column) -> Any:
        """Return the expression that reads a column in the last query of a plan."""
        if known.kind == "late":
            return column(known.name, self._question.late[known.owner].alias)
        return column(known.private)

    def found(self, node: Any) -> Column | None:
        """Return the column that an identifier means, or None.

        A name without a table means a model's column before a data column, as in MindsDB.
        """
        name = str(node.parts[-1]).lower()
        owner = qualifier(node)
        every = [*self._columns, *self._late_columns()]
        if owner:
            found = [known for known in every if owner in known.paths and known.name.lower() == name]
            return found[0] if found else self._renamed(owner, name)
        for kind in ("output", "input"):
            found = [known for known in every if known.kind == kind and known.name.lower() == name]
            if found:
                return found[-1]
        found = [known for known in every if known.kind in ("data", "late") and known.name.lower() == name]
        if len(found) > 1:
            where = " and ".join(self._label(known) for known in found)
            raise StatementError(f"the column {node.parts[-1]} is in {where}; write the table in front of it")
        return found[0] if found else None

    def _renamed(self, owner: tuple[str, ...], name: str) -> Column | None:
        for number, model in enumerate(self._question.models):
            for given, identifier in self._question.renames[number].items():
                if owner in model.paths and given.lower() == name:
                    return self.found(identifier)
        return None

    def known(self, node: Any) -> Any:
        """Return the expression of a column, or of the SELECT term with that alias."""
        if is_star(node):
            raise StatementError("a star with a table in front stands in SELECT only")
        known = self.found(node)
        if known is not None:
            return known
        name = str(node.parts[-1])
        if len(node.parts) == 1 and name.lower() in self.aliases:
            return column(str(self.aliases[name.lower()].alias.parts[-1]))
        raise self._unknown(node, name)

    def behind(self, node: Any) -> Any:
        """Return the term of SELECT that a bare name in ORDER BY means before a column; else the node."""
        if not isinstance(node, ast.Identifier) or len(node.parts) > 1 or is_star(node):
            return node
        target = self.aliases.get(str(node.parts[0]).lower())
        try:
            return node if target is None or self.found(node) is None else target
        except StatementError:  # several columns have it
            return target

    def _unknown(self, node: Any, name: str) -> NotFoundError:
        every = [*self._columns, *self._late_columns()]
        names = list(dict.fromkeys(known.name for known in every))
        close = closest(name, names)
        hint = f"did you mean {close}?" if close else f"there are: {', '.join(names)}"
        return NotFoundError(
            f"the column {'.'.join(str(part) for part in node.parts)} does not exist; {hint}"
        )

    def _label(self, known: Column) -> str:
        items = self._question.early if known.kind == "data" else self._question.late
        return items[known.owner].alias

    def _owners(self) -> str:
        names = [item.alias for item in (*self._question.early, *self._question.late)]
        return ", ".join([*names, *(model.alias for model in self._question.models)])
