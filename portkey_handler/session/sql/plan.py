"""The plan of a SELECT that asks models: which rows are sent, the input of each model, and the result.

Pure: from the parser's tree and column names to sqlglot's expressions. It decides the bill: a condition or a
LIMIT is applied before the models are asked only where that cannot change the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from ...errors import StatementError
from .expressions import Functions, unique
from .parser import ast

ROW = "__portkey_row"
#: Options of SELECT … USING that a MindsDB server does not hand to the handler.
HOST_OPTIONS = frozenset(("partition_size", "batch_size", "track_column"))
Paths = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Source:
    """Rows of a FROM: a table or a subselect.

    Attributes:
        alias: Its name in the statement.
        paths: Every name that may stand before a column of it, in lower case.
        columns: The names of its columns.
        relation: Its expression in FROM, without alias.
        join: The kind of its join to the tables left of it; None for the first.
        on: The condition of that join, as parsed.
    """

    alias: str
    paths: Paths
    columns: tuple[str, ...]
    relation: Any
    join: str | None = None
    on: Any = None


@dataclass(frozen=True)
class Asked:
    """A model in a FROM.

    Attributes:
        alias: Its name in the statement.
        paths: Every name that may stand before a column of it, in lower case.
        target: The column that it predicts.
        on: The condition of its join, as parsed.
        using: The options of SELECT … USING for this model.
    """

    alias: str
    paths: Paths
    target: str
    on: Any = None
    using: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column that the statement can name.

    Attributes:
        kind: "data", "input" (a constant given to a model) or "output" (of a model).
        private: Its name in the queries that the plan makes.
        name: Its name in the statement.
        owner: The position of its source or model.
        paths: Every name of its owner that may stand before it, in lower case.
    """

    kind: str
    private: str
    name: str
    owner: int
    paths: Paths


@dataclass(frozen=True)
class Plan:
    """A finished plan.

    Attributes:
        data: The query for the rows that are sent (columns by private names); None: one row of constants.
        rows: Whether that one row is kept (LIMIT 0 drops it).
        columns: Every column, in the order of `*`.
        final: The query for the result, over a table with every column by its private name, and ROW; with
            False behind it, without the conditions on answers.
        needed: The condition of the rows that the result may need when these models have answered, over a
            table as that of `final` without the columns of the others; None: all rows are needed.
        wanted: Where the first rows that meet the conditions are the result, in the order of `sequence`: how
            many of them; else None.
        deciding: The models whose answers WHERE is about, by their position in the question.
        sequence: The terms of ORDER BY, over a table as that of `final`; none: the order of the data.
    """

    data: Any
    rows: bool
    columns: tuple[Column, ...]
    final: Callable[..., Any]
    needed: Callable[[Set[int]], Any]
    wanted: int | None = None
    deciding: frozenset[int] = frozenset()
    sequence: Sequence[Any] = ()

    @property
    def names(self) -> dict[str, str]:
        """Private name to the user's name."""
        return {known.private: known.name for known in self.columns}


class Question:
    """A SELECT that asks models, before the columns of the models are known.

    Args:
        select: The statement; it is not changed.
        sources: Its data, from left to right.
        models: Its models, from left to right.
        tables: Returns the expression of a table in a nested query.
        functions: The functions that a statement may call.

    Raises:
        StatementError: Models cannot be asked in this way.
    """

    def __init__(
        self,
        select: Any,
        sources: Sequence[Source],
        models: Sequence[Asked],
        tables: Callable[[Any], Any],
        functions: Functions,
    ) -> None:
        self.select = select
        self.models = models
        self.functions = functions
        self.tables = tables
        _check_names([*sources, *models])
        self.early, self.late = _parted(sources, models)
        self.data = tuple(
            Column("data", f"__d{number}_{position}", name, number, source.paths)
            for number, source in enumerate(self.early)
            for position, name in enumerate(source.columns)
        )
        self.conjuncts = list(conjuncts(select.where))
        self.constants = [self._constants_of(model) for model in models]
        self.renames = [self._renames_of(number) for number in range(len(models))]
        if not sources and not any(self.constants):
            name = models[0].alias
            raise StatementError(
                f"the model {name} answers rows: write WHERE column = '…' for one, JOIN it with data for many"
            )

    def visible_names(self) -> list[str]:
        """Return the names of the data columns for models.

        A name that several tables have gets its table as a prefix, so that no model reads one of them by
        chance. Where ON says that they are equal (`a.id = b.id`), the first keeps its plain name.
        """
        named: dict[str, list[Column]] = {}
        for known in self.data:
            named.setdefault(known.name.lower(), []).append(known)
        names = []
        for known in self.data:
            same = named[known.name.lower()]
            is_plain = len(same) == 1 or (known is same[0] and all(map(self._is_equated, same[1:])))
            names.append(known.name if is_plain else f"{self.early[known.owner].alias}.{known.name}")
        return unique(names)

    def _is_equated(self, column: Column) -> bool:
        """Return whether ON says that a column equals one of that name in a table before."""
        source = self.early[column.owner]
        if source.join is None or any(word in source.join.lower() for word in ("right", "full")):
            return False
        name = column.name.lower()
        for conjunct in conjuncts(source.on):
            sides = getattr(conjunct, "args", ())
            is_equality = getattr(conjunct, "op", "") == "=" and all(
                isinstance(side, ast.Identifier) and str(side.parts[-1]).lower() == name for side in sides
            )
            if is_equality and sum(qualifier(side) in source.paths for side in sides) == 1:
                return True
        return False

    def _constants_of(self, model: Asked) -> dict[str, tuple[Any, Any]]:
        """Return conditions `model.column = constant`: column → (value, the condition)."""
        found: dict[str, tuple[Any, Any]] = {}
        alone = len(self.models) == 1 and not self.early and not self.late
        for conjunct in self.conjuncts:
            pair = _equality(conjunct)
            if pair is None:
                if alone and not _mentions(conjunct, model.target):
                    raise _not_an_input(conjunct, model.alias)
                continue
            identifier, value = pair
            lowered = [str(part).lower() for part in identifier.parts]
            if tuple(lowered[:-1]) not in model.paths and not (alone and len(lowered) == 1):
                continue
            name = str(identifier.parts[-1])
            if name.lower() in (known.lower() for known in found):
                raise StatementError(f"{model.alias}.{name} is given twice; one row has one value")
            if name.lower() != model.target.lower():
                found[name] = (value, conjunct)
        return found

    def _renames_of(self, number: int) -> dict[str, Any]:
        """Return the conditions `ON t.a = m.question`: question → the identifier of t.a."""
        model = self.models[number]
        found = {}
        for conjunct in conjuncts(model.on):
            sides = getattr(conjunct, "args", ())
            named = [side for side in sides if isinstance(side, ast.Identifier)]
            own = [side for side in named if qualifier(side) in model.paths]
            if getattr(conjunct, "op", "") != "=" or len(named) != 2 or len(own) != 1:
                raise StatementError(
                    f"ON of the model {model.alias} takes table.column = {model.alias}.input only; "
                    "put conditions into WHERE"
                )
            found[str(own[0].parts[-1])] = named[0] if named[1] is own[0] else named[1]
        return found


def of_models(using: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the options of a statement's USING without those of models that are not among the names."""
    lowered = {name.lower() for name in names}
    return {
        name: value
        for name, value in using.items()
        if "." not in name or name.partition(".")[0].lower() in lowered
    }


def options_for(using: Mapping[str, Any], alias: str, others: Sequence[str]) -> dict[str, Any]:
    """Return the options in a SELECT's USING for the model `alias`.

    Raises:
        StatementError: An option names a model that is not in FROM.
    """
    found = {}
    for name, value in using.items():
        owner, dot, option = name.partition(".")
        if dot and owner.lower() not in (other.lower() for other in others):
            raise StatementError(f"USING {name}: no model {owner} in FROM; there are: {', '.join(others)}")
        if not dot or owner.lower() == alias.lower():
            found[(option if dot else name).lower()] = value
    return {name: value for name, value in found.items() if name not in HOST_OPTIONS}


def _parted(sources: Sequence[Source], models: Sequence[Asked]) -> tuple[list[Source], list[Source]]:
    """Separate the data that is joined before the models from the data that is joined on their answers."""
    early: list[Source] = []
    late: list[Source] = []
    waiting: set[tuple[str, ...]] = {path for model in models for path in model.paths}
    for source in sources:
        mentioned = {qualifier(part) for part in parts(source.on) if isinstance(part, ast.Identifier)}
        if mentioned & waiting and early:
            late.append(source)
            waiting |= source.paths
        else:
            early.append(source)
    return early, late


def _check_names(items: Sequence[Any]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.alias.lower() in seen:
            raise StatementError(
                f"{item.alias} is twice in FROM; give each its own name: … {item.alias} AS a"
            )
        seen.add(item.alias.lower())


def conjuncts(node: Any) -> Iterator[Any]:
    """Yield the conditions of an AND."""
    if isinstance(node, ast.BinaryOperation) and node.op == "and":
        for side in node.args:
            yield from conjuncts(side)
    elif node is not None:
        yield node


def _equality(node: Any) -> tuple[Any, Any] | None:
    if not isinstance(node, ast.BinaryOperation) or node.op != "=":
        return None
    for identifier, value in (node.args, node.args[::-1]):
        if isinstance(identifier, ast.Identifier) and type(value) in (ast.Constant, ast.NullConstant):
            return identifier, value.value
    return None


def _not_an_input(node: Any, alias: str) -> StatementError:
    op = str(getattr(node, "op", "this")).upper()
    left = getattr(node.args[0], "value", None) if op == "=" else None
    if isinstance(left, str):
        return StatementError(
            f"the model {alias} takes WHERE column = 'value'; '{left}' in quotes is a text: write "
            f"`{left}` for the column"
        )
    return StatementError(
        f"the model {alias} takes WHERE column = 'value' AND …, not {op}; for many rows JOIN it with data: "
        f"FROM data AS t JOIN {alias} WHERE t.column {op} …"
    )


def _mentions(node: Any, target: str) -> bool:
    """Return whether a condition is about the target or a column beside it, so that it filters answers."""
    names = [str(part.parts[-1]).lower() for part in parts(node) if isinstance(part, ast.Identifier)]
    low = target.lower()
    return bool(names) and all(name == low or name.startswith(f"{low}_") for name in names)


def qualifier(node: Any) -> tuple[str, ...]:
    """Return the part before a column's name, in lower case."""
    return tuple(str(part).lower() for part in node.parts[:-1])


def parts(node: Any) -> Iterator[Any]:
    """Yield a node and all nodes below it, except nested queries."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from parts(item)
    elif isinstance(node, ast.ASTNode):
        yield node
        if not isinstance(node, ast.Select | ast.Union | ast.Intersect | ast.Except | ast.Identifier):
            for name, value in vars(node).items():
                if name != "alias":
                    yield from parts(value)
