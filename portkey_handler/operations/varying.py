"""Refuse a prompt that names no column: every row would be given one and the same answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import TemplateError
from ..foreign_text import logger_of
from ..options import Plan
from ..options.json_text import JsonText
from ..prompts.json_template import JsonTemplate
from ..prompts.template import Template

logger = logger_of(__name__)

#: How a column is written elsewhere: {text}, ${text}, %(text)s; and a constant in place of a column.
_OTHER_FORMS = re.compile(
    r"\{\{\s*[\"'](?P<quoted>[^\"'{}]+)[\"']\s*\}\}|\$?\{\s*(?P<braces>\w+)\s*\}|%\((?P<percent>\w+)\)[sdf]"
)
_OF_OURS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_ASKED = ("prompt_template", "messages", "variables", "body")
#: Options with a whole request, which one row may send as it is.
_WHOLE = frozenset({"messages", "body"})


def check_varies(plan: Plan, rows: int = 1) -> None:
    """Check that something in the prompt differs from row to row, unless `constant_prompt` is given.

    Args:
        plan: The resolved options.
        rows: How many rows are asked; a whole request that names no column may be sent for one.

    Raises:
        TemplateError: Nothing does; the message shows how a column is written.
    """
    asked = plan.input
    option = next((name for name in _ASKED if getattr(asked, name)), None)
    is_of_the_row = asked.constant_prompt or asked.image_column or asked.messages_column
    if option is None or is_of_the_row or (option in _WHOLE and rows <= 1):
        return
    given = getattr(asked, option)
    value = given.value if isinstance(given, JsonText) else given
    if not value or _names_a_column(value, option) or _names_a_column(asked.system_prompt, "system_prompt"):
        return
    found = _OTHER_FORMS.search(str(value))
    name = "text"
    if found is not None:
        name = f'row["{found["quoted"]}"]' if found["quoted"] else found["braces"] or found["percent"]
    instead = f" instead of {found[0]}" if found is not None else ", where the column is called text"
    raise TemplateError(
        f"{option} names no column, so all rows would get one answer; write {{{{ {name} }}}}{instead}, or "
        "say constant_prompt = true if one answer is meant"
    )


def warn_of_other_forms(plan: Plan, columns: Sequence[str]) -> None:
    """Log a warning where a prompt has a column of the rows in a form that is sent as it is, such as {text}.

    It is no error: a prompt may ask for a text with {text} in it.

    Args:
        plan: The resolved options.
        columns: The columns of the rows.
    """
    there = {name.lower(): name for name in columns}
    for option in ("prompt_template", "system_prompt"):
        for found in _OTHER_FORMS.finditer(_OF_OURS.sub("", getattr(plan.input, option) or "")):
            name = there.get(str(found["braces"] or found["percent"]).lower())
            if name is not None:
                logger.warning(
                    "%s: %s is sent as it is; write {{ %s }} if the column is meant", option, found[0], name
                )
                return


def _names_a_column(value: object, option: str) -> bool:
    if value is None:
        return False
    if option == "variables" and isinstance(value, list):
        return True  # a list of columns
    template = Template(value, where=option) if isinstance(value, str) else JsonTemplate(value, option)
    return bool(template.columns)
