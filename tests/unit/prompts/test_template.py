"""Templates and messages."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_handler.errors import InputError, TemplateError
from portkey_handler.prompts.filters import MOST_ADDED
from portkey_handler.prompts.template import Template, chat_messages

#: Text as templates hold it: nothing that starts a tag, and no CR, which Jinja's reader makes a line feed.
TEXT = st.text(st.characters(exclude_characters="{}\r", exclude_categories=["Cs"]))
NAMES = st.sampled_from(["a", "title", "my column", 'a "b"', "ä", "__mindsdb_row_id", "1", "true", "row"])


def render(source: str, **values: object) -> str:
    """Render a template over one row."""
    return Template(source).render(values)


def quoted(name: str) -> str:
    """Write a column's name as a constant."""
    return name.replace("\\", "\\\\").replace('"', '\\"')


class TestColumns:
    """Columns in text."""

    @given(st.lists(st.tuples(TEXT, NAMES)), TEXT, st.dictionaries(NAMES, st.text()))
    def test_concatenation(self, pairs, end, values):
        """A template of plain columns is its texts and the cells put together, whatever is in the cells."""
        row = {name: values.get(name, "") for _, name in pairs}
        source = "".join(f'{text}{{{{ row["{quoted(name)}"] }}}}' for text, name in pairs) + end

        template = Template(source)

        assert template.render(row) == "".join(text + row[name] for text, name in pairs) + end
        assert template.columns == tuple(row)

    @pytest.mark.parametrize(
        "cell", ["{{ b }}", "{% if x %}", "{# no #}", "{{ ''.__class__ }}", "{% raw %}", "}}{{", "<b>&'\""]
    )
    @pytest.mark.parametrize("source", ["{{ a }}", "{{ a|trim }}", "{{ a ~ '' }}", "{{ a if a }}"])
    def test_data_is_no_template(self, cell, source):
        """Data that holds template syntax goes out verbatim."""
        assert render(source, a=cell, b="SECRET") == cell

    def test_forms(self):
        """A column is named alone, as an item of row, or after row's dot; they come in order of first use."""
        template = Template('{{ b }}-{{ row["my column"] }}-{{ row.a }}-{{b}}-{{ row }}')

        assert template.columns == ("b", "my column", "a", "row")
        assert template.render({"a": 1, "b": 2, "my column": 3, "row": 4}) == "2-3-1-2-4"

    @pytest.mark.parametrize("empty", [None, float("nan"), pd.NA, pd.NaT, np.float64("nan"), ""])
    def test_null(self, empty):
        """NULL is empty text."""
        assert render("[{{ a }}]", a=empty) == "[]"

    def test_cells_of_a_frame(self):
        """Cells come as pandas holds them: whole numbers stay whole, booleans are lower case."""
        row = pd.DataFrame({"n": [3], "x": [3.0], "yes": [True], "day": [pd.Timestamp("2026-11-20")]}).iloc[0]

        text = render("{{ n }} {{ x }} {{ yes }} {{ day }}", **row.to_dict())

        assert text == "3 3.0 true 2026-11-20T00:00:00"

    def test_text_alone(self):
        """A template without columns is its text, to the last line break."""
        template = Template("a { b } % \n")

        assert template.render({}) == "a { b } % \n"
        assert template.columns == ()

    def test_comments_raw_and_blanks(self):
        """Comments vanish, raw text stays, and a minus takes the blanks away."""
        assert render("a{# no #}b{% raw %}{{ x }}{% endraw %}  {{- c -}}  d", c=1) == "ab{{ x }}1d"

    @pytest.mark.parametrize(
        "source", ["{{ a }}", "{{ a|upper }}", "{% if a == 1 %}{% endif %}{{ b }}{{ a }}"]
    )
    def test_bad_cell(self, source):
        """A cell that cannot be text is that row's error and names the column, plain or not."""
        with pytest.raises(InputError, match=r"column 'a'.*lone surrogate.*position 1") as caught:
            render(source, a="h\ud800ello", b="")

        assert "ello" not in str(caught.value)

    @pytest.mark.parametrize("source", ["{{ a }}", "{{ a|upper }}"])
    def test_missing_cell(self, source):
        """A row without the column is an error, not an empty text."""
        with pytest.raises(InputError, match="no column 'a' in the row"):
            render(source, b=1)


class TestConditions:
    """if and its kin."""

    SOURCE = "{% if stars > 3 %}good{% elif stars is none %}unknown{% else %}bad{% endif %}"

    @pytest.mark.parametrize(
        ("stars", "wanted"),
        [(5, "good"), (np.int64(5), "good"), (1, "bad"), (None, "unknown"), (pd.NA, "unknown")],
    )
    def test_branches(self, stars, wanted):
        """The first branch that holds is written; a comparison by size with NULL does not hold."""
        assert render(self.SOURCE, stars=stars) == wanted

    @pytest.mark.parametrize(
        ("expression", "wanted"),
        [
            ("a == 'x'", True),
            ("a != 'x'", False),
            ("n >= 2 and n <= 2", True),
            ("1 < n < 3", True),
            ("not n == 2", False),
            ("n == 1 or a == 'x'", True),
            ("a in ['x', 'y']", True),
            ("a not in ('x', 'y')", False),
            ("'x' in a", True),
            ("'x' in nothing", False),
            ("n > -1", True),
            ("n is number and a is string and yes is boolean", True),
            ("nothing is not none", False),
            ("a is defined and other is undefined", True),
            ("day >= '2026-01-01'", True),
            ("yes", True),
            ("nothing", False),
            ("nothing == none", True),
            ("items", True),
        ],
    )
    def test_expressions(self, expression, wanted):
        """Comparisons, and, or, not, in and tests mean what they say."""
        row = {"a": "x", "n": np.int64(2), "nothing": pd.NA, "yes": np.bool_(True), "items": np.array([1, 2])}
        row["day"] = pd.Timestamp("2026-11-20")

        assert Template(f"{{{{ 'T' if {expression} else 'F' }}}}").render(row) == ("T" if wanted else "F")

    def test_inline(self):
        """An inline if without else is empty; ~ writes its parts as cells are written."""
        assert render("[{{ 'x' if a }}{{ a ~ 1 ~ true ~ none }}]", a=False) == "[false1true]"

    def test_incomparable(self):
        """Values that cannot be compared are that row's error."""
        with pytest.raises(
            InputError, match=r"line 2: str and int cannot be compared here; convert one with |int"
        ):
            render("\n{% if a > 3 %}{% endif %}", a="5")

    def test_optional(self):
        """A column asked for with `is defined` may be missing."""
        template = Template("{% if b is defined %}{{ b }}{% endif %}{{ a }}")

        template.check(["a"])
        assert template.render({"a": 1}) == "1"
        assert template.render({"a": 1, "b": 2}) == "21"


class TestFilters:
    """The short list."""

    @pytest.mark.parametrize(
        ("expression", "wanted"),
        [
            ("text|upper", "HELLO WIDE WORLD"),
            ("'ÄB'|lower", "äb"),
            ("text|title", "Hello Wide World"),
            ("text|capitalize", "Hello wide world"),
            ("'  a '|trim", "a"),
            ("'-a-'|trim('-')", "a"),
            ("text|length", "16"),
            ("items|length", "3"),
            ("nothing|length", "0"),
            ("nothing|default('n/a')", "n/a"),
            ("''|default('n/a')", ""),
            ("''|default('n/a', true)", "n/a"),
            ("text|truncate(9)", "hello..."),
            ("text|truncate(12)", "hello wide world"),
            ("text|truncate(9, leeway=0, killwords=true, end='…')", "hello wi…"),
            ("text|replace('l', 'L', 2)", "heLLo wide world"),
            ("text|replace('o', none)", "hell wide wrld"),
            ("2.567|round(1)", "2.6"),
            ("2.1|round(method='ceil')|int", "3"),
            ("nothing|round", ""),
            ("'9007199254740993'|int", "9007199254740993"),
            ("'3.7'|int", "3"),
            ("'x'|int(0)", "0"),
            ("nothing|int", ""),
            ("'1.5'|float", "1.5"),
            ("items|join(', ')", "1, b, "),
            ("nothing|join", ""),
            ("items|tojson", '[1,"b",null]'),
            ("text|tojson", '"hello wide world"'),
            ("nothing|tojson", "null"),
            ("text|replace('hello', '')|trim|upper|truncate(4, true, '')", "WIDE"),
        ],
    )
    def test_filter(self, expression, wanted):
        """Each filter does what Jinja's does, with the differences that its docstring names."""
        row = {"text": "hello wide world", "items": [1, "b", None], "nothing": None}

        assert Template(f"{{{{ {expression} }}}}").render(row) == wanted

    @pytest.mark.parametrize(
        "expression",
        [
            "a|int",
            "a|float",
            "a|round",
            "a|join(',')",
            "a|truncate(1)",
            "a|truncate('x')",
            "a|replace('x', 'y', 'z')",
        ],
    )
    def test_misfit(self, expression):
        """A filter that does not fit the value is that row's error; it names filter and column, no value."""
        with pytest.raises(InputError, match=r"^line 1, filter '\w+' of column 'a'") as caught:
            render(f"{{{{ {expression} }}}}", a="not for errors")

        assert "not for errors" not in str(caught.value)

    @pytest.mark.parametrize(
        "expression",
        [
            "a|replace('', b)",
            "a|replace('x', b)|replace('y', b)|replace('y', b)",
            "[a, a, a]|join(b)|replace('y', b)|replace('y', b)",
            "a" + "|tojson" * 40,
        ],
    )
    def test_growth_is_bounded(self, expression):
        """A chain of filters that multiplies text is refused before it fills the memory."""
        with pytest.raises(InputError, match=f"{MOST_ADDED:,} are allowed"):
            render(f"{{{{ {expression} }}}}", a='x"' * 1_000, b="y" * 1_000)

    def test_long_cells_pass(self):
        """The bound is on what a filter adds: a long cell passes."""
        text = "xy" * (MOST_ADDED + 1)

        assert render("{{ a|replace('xy', 'yx')|lower }}", a=text) == text.replace("xy", "yx")


class TestRefused:
    """What is not on the list."""

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("{{ ''.__class__ }}", "an attribute"),
            ("{{ a.__class__ }}", "an attribute"),
            ("{{ row.a.b }}", "an attribute"),
            ('{{ row["a"]["b"] }}', "a part of a value"),
            ("{{ row[a] }}", "a part of a value"),
            ("{{ a[0] }}", "a part of a value"),
            ("{{ a[1:2] }}", "a part of a value"),
            ("{{ range(10**9) }}", "a call"),
            ("{{ row.get('a') }}", "a call"),
            ("{{ lipsum() }}", "a call"),
            ("{{ a.format(b) }}", "a call"),
            ("{% for x in a %}{{ x }}{% endfor %}", "a loop"),
            ("{{ 'a' * 10**9 }}", "arithmetic"),
            ("{{ a + b }}", "arithmetic"),
            ("{{ -a }}", "arithmetic"),
            ("{{ 2 ** 9 }}", "arithmetic"),
            ("{{ '%s' % a }}", "arithmetic"),
            ('{{ "%s"|format(a) }}', "the filter 'format'"),
            ('{{ a|attr("y") }}', "the filter 'attr'"),
            ("{{ a|center(1000000000) }}", "the filter 'center'"),
            ("{{ a|indent(1000000000) }}", "the filter 'indent'"),
            ("{{ a|map('upper') }}", "the filter 'map'"),
            ("{{ a|lower(1) }}", "the filter 'lower' with these arguments"),
            ("{{ a|join(',', attribute='x') }}", "the filter 'join' with these arguments"),
            ("{{ a|replace(*b) }}", "this use of a filter"),
            ("{{ a is divisibleby 3 }}", "the test 'is divisibleby'"),
            ("{{ 'a' is defined }}", "'is defined' after anything but a column"),
            ("{% set x = 1 %}", "{% set %}"),
            ("{% macro m() %}{% endmacro %}", "{% macro %}"),
            ("{% include 'x' %}", "{% include %}"),
            ("{% import 'x' as x %}", "'import'"),
            ("{% extends 'x' %}", "'extends'"),
            ("{% block x %}{% endblock %}", "'block'"),
            ("{% filter upper %}{% endfilter %}", "{% filter %}"),
            ("{% with a = 1 %}{% endwith %}", "'with'"),
            ("{{ {'a': 1} }}", "'dict'"),
        ],
    )
    def test_node(self, source, message):
        """Whatever is not on the list is refused by name, with the line and what to do instead."""
        with pytest.raises(TemplateError) as caught:
            Template("Text that is not repeated.\n\n" + source)

        assert str(caught.value).startswith(f"prompt_template, line 3: {message} is not allowed; ")
        assert "not repeated" not in str(caught.value)

    def test_dunder_columns(self):
        """row.__class__ is a column of that name, and no other thing."""
        template = Template("{{ row.__class__ }}{{ __class__ }}")

        with pytest.raises(InputError, match="no column '__class__'"):
            template.check(["a"])
        with pytest.raises(InputError, match="no column '__class__'"):
            template.render({"a": 1})

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (
                "{{Review Text}}",
                'prompt_template, line 1: a column of that name is written {{ row["Review Text"] }} (expected '
                "token 'end of print statement', got 'Text')",
            ),
            (
                "{{ Review Text | upper }}",
                'prompt_template, line 1: a column of that name is written {{ row["Review Text"] | upper }} (expected '
                "token 'end of print statement', got 'Text')",
            ),
            ("Rate: {{{text}}}", "prompt_template, line 1: write {{ text }} instead of {{{text}}}"),
            ("Rate\n{% text %}", "prompt_template, line 2: write {{ text }} instead of {% text %}"),
            (
                "Hi\n{{ unit-price }}",
                "prompt_template, line 2: arithmetic is not allowed; compute it in the SELECT (~ concatenates "
                'texts); a column of that name is written {{ row["unit-price"] }}',
            ),
            (
                "{{ Size (cm) }}",
                "prompt_template, line 1: a call is not allowed; compute it in the SELECT and name its column; a "
                'column of that name is written {{ row["Size (cm)"] }}',
            ),
            (
                "{{ review.text }}",
                'prompt_template, line 1: an attribute is not allowed; write {{ column }} or {{ row["my column"] }}; '
                'a column of that name is written {{ row["review.text"] }}',
            ),
        ],
    )
    def test_a_name_with_blanks_or_signs_gets_its_form(self, source, message):
        """Columns of files are called as people call them."""
        with pytest.raises(TemplateError) as caught:
            Template(source)
        assert str(caught.value) == message

    @pytest.mark.parametrize(
        "source", ["{{ a", "{{ }}", "{{ a b }}", "{% if a %}", "{% foo %}", "{{ a|nope }}"]
    )
    def test_syntax(self, source):
        """Broken syntax is an error with its line."""
        with pytest.raises(
            TemplateError,
            match=r"^system_prompt, line 2: (.+; |.+\. To write|a column of that name is written|write \{\{)",
        ):
            Template("\n" + source, where="system_prompt")

    def test_did_you_mean(self):
        """A filter that is nearly right is named."""
        with pytest.raises(TemplateError, match="did you mean 'upper'"):
            Template("{{ a|uper }}")

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}", "nested too deeply"),
            ("{{ " + "not " * 5000 + "a }}", "nested too deeply|such deep nesting"),
            ("{{ a" + " or a" * 500 + " }}", "nested too deeply|such deep nesting"),
            ("{% if a %}" * 100 + "{% endif %}" * 100, "such deep nesting"),
            ("{{ " + "9" * 5000 + " }}", "has too many digits"),
            ("{{ '\\ud800' }}", "lone surrogate"),
            ("a\ud800", "lone surrogate at position 1"),
        ],
        ids=["parentheses", "not", "or", "if", "digits", "escape", "surrogate"],
    )
    def test_extremes(self, source, message):
        """Templates made to break the reader are errors."""
        with pytest.raises(TemplateError, match=message):
            Template(source)

    def test_no_text(self):
        """A template that is no text is an error."""
        with pytest.raises(TemplateError, match=r"^prompt_template: expected text, got int$"):
            Template(3)


class TestCheck:
    """Columns that a frame lacks."""

    def test_there(self):
        """A frame that has the columns passes."""
        Template("{{ a }}").check(["b", "a"])

    def test_missing(self):
        """Every missing column is named, with the nearest name and those there are."""
        with pytest.raises(InputError) as caught:
            Template("{{ titel }}{{ Stars }}{{ zzz }}").check(["title", "stars", "text"], "prompt_template")

        assert str(caught.value) == (
            "prompt_template: there is no column 'titel', did you mean 'title'?; there is no column 'Stars', "
            "did you mean 'stars'?; there is no column 'zzz'. The rows have title, stars, text"
        )

    def test_many_columns(self):
        """A long list of columns is cut."""
        with pytest.raises(InputError, match=r"c18, c19 and 80 more$"):
            Template("{{ a }}").check([f"c{number}" for number in range(100)])

    def test_no_columns(self):
        """A frame of no columns says so."""
        with pytest.raises(InputError, match=r"The rows have no columns$"):
            Template("{{ a }}").check([])


class TestTemplate:
    """Templates as objects."""

    def test_equal(self):
        """Templates of one source are equal and hash alike."""
        assert Template("{{ a }}") == Template("{{ a }}")
        assert len({Template("{{ a }}"), Template("{{ a }}"), Template("{{ b }}")}) == 2
        assert Template("a") != "a"

    @pytest.mark.parametrize("source", ["{{ a }}", "{% if a is defined %}{{ a|upper }}{% endif %}"])
    def test_pickle(self, source):
        """A pickled template is its source, compiled again where it is read."""
        template = pickle.loads(pickle.dumps(Template(source)))  # noqa: S301 - ours

        assert template == Template(source)
        assert template.render({"a": "X"}) == "X"

    def test_repr(self):
        """A template's repr names its columns and not its text."""
        assert repr(Template("secret {{ a }}")) == "<Template of 14 characters, columns a>"


class TestMessages:
    """Messages of a chat."""

    def test_with_system_prompt(self):
        """The system prompt comes first."""
        assert chat_messages("Hi", "Be brief") == [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": "Hi"},
        ]

    @pytest.mark.parametrize("system_prompt", [None, ""])
    def test_without_system_prompt(self, system_prompt):
        """No or an empty system prompt sends none."""
        assert chat_messages("Hi", system_prompt) == [{"role": "user", "content": "Hi"}]
