"""README and docs/ are run: what is written there works as it is written.

SQL blocks run in the embedded session, Python blocks as a program or as tests, each in the order of its file;
commands of the shell are read, not run. A comment before a block says what is different there; see
`support/pages.py`.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from support.pages import FENCE, LOCAL_GATEWAY, ROOT, Block, blocks

import portkey_handler
from portkey_handler import errors
from portkey_handler.cli import app
from portkey_handler.cli.app import Format
from portkey_handler.cli.output import write
from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.gateway.offline.guesses import guessed_answer
from portkey_handler.session import Session

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda path: path.relative_to(ROOT).as_posix()
)


README = ROOT / "README.md"
DOCS = ROOT / "docs"
SHOWS = "shows the result"


def programs(page: Path) -> list[Block]:
    """Return the blocks of a page that run one after the other in one process."""
    return [
        block
        for block in blocks(page)
        if block.language in ("sql", "python") and not block.run.startswith(("no, because ", "pytest"))
    ]


def results(page: Path) -> list[Block]:
    """Return the blocks of a page that show what the statement above them gives."""
    return [block for block in blocks(page) if block.run == SHOWS]


def own_tests(page: Path) -> list[Block]:
    """Return the blocks of a page that make a test file."""
    return [block for block in blocks(page) if block.run == "pytest"]


def commands(page: Path) -> list[Block]:
    """Return the blocks of a page that are typed into a shell."""
    return [block for block in blocks(page) if block.language == "bash"]


def pages(blocks_of: Callable[[Path], list[Block]]) -> list[Any]:
    """Return the pages that have such blocks, as parameters of a test."""
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES if blocks_of(page)]


@pytest.fixture
def place(tmp_path: Path, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch) -> OfflineProvider:
    """Be in a folder with the examples, where the environment names the stand-in."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    return provider


def run_sql(session: Session, block: Block) -> None:
    """Run a block's statements, one by one: each has to be one."""
    wanted = re.fullmatch(r'error "(.+)"', block.run)
    if wanted is None:
        for _ in session.run(block.text):
            pass
        return
    with pytest.raises(PortkeyHandlerError) as raised:
        session.sql(block.text)
    assert wanted[1] in str(raised.value).splitlines()[0]


@pytest.mark.filterwarnings("ignore:unclosed file .*parser.json:ResourceWarning")  # left open by sly
@pytest.mark.parametrize("page", pages(programs))
def test_sql_and_python_run(page: Path, place: OfflineProvider) -> None:
    """Every block of SQL and Python works, after those above it."""
    names: dict[str, Any] = {"__name__": page.stem}
    with Session(files="examples") as session:
        for block in programs(page):
            where = f"{page.name}:{block.line}"
            text = block.text.replace(LOCAL_GATEWAY, place.base_url)
            try:
                if block.language == "sql":
                    run_sql(session, Block(block.line, "sql", text, block.run))
                else:
                    code = compile("\n" * block.line + text, page.name, "exec")
                    exec(code, names)  # noqa: S102 - our own pages
            except Exception as error:
                raise AssertionError(f"{where}: {error}") from error
    assert place.requests, "nothing was asked"


@pytest.mark.parametrize("page", pages(results))
def test_results_are_those_that_are_shown(
    page: Path, place: OfflineProvider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader who types the statements with --offline sees the same table."""
    place.behaviour.answer = guessed_answer
    monkeypatch.setenv("COLUMNS", "80")
    shown = "nothing"
    with Session(files="examples") as session:
        for block in blocks(page):
            if block.run == SHOWS:
                assert block.text == shown, f"{page.name}:{block.line}: it shows\n{shown}"
            elif block.language == "sql" and not block.run:
                for _, result in session.results(block.text):
                    write(result, Format.table, None)
                    shown = capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(own_tests))
def test_the_tests_on_a_page_pass(page: Path, tmp_path: Path) -> None:
    """A reader who copies the blocks into a file has tests that pass, in a process of their own."""
    file = tmp_path / "test_of_the_page.py"
    file.write_text("\n\n".join(block.text for block in own_tests(page)), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider", file],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", pages(commands))
def test_commands_exist(page: Path, place: OfflineProvider) -> None:
    """Every command of ours parses with its options, and every target of make is there."""
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    for block in commands(page):
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["make"]:
                assert set(words[1:]) <= set(targets), line
            if words[:1] == ["portkey-handler"]:
                command: Any = typer.main.get_command(app)
                name, found, rest = command.resolve_command(
                    command.make_context("portkey-handler", words[1:]), words[1:]
                )
                found.make_context(name, rest).close()


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_languages_and_comments_are_known(page: Path) -> None:
    """A block that no test looks at is marked as text, and a misspelt comment is noticed."""
    text = page.read_text(encoding="utf-8")
    known = list(blocks(page))

    assert {block.language for block in known} <= {"sql", "python", "bash", "text"}
    assert text.count("<!-- run:") == sum(1 for block in known if block.run)
    assert all(
        re.fullmatch(r'error ".+"|pytest|shows the result|no, because .+', block.run)
        for block in known
        if block.run
    )
    for block in known:
        if block.language == "python":  # also where it is not run
            compile(block.text, page.name, "exec", dont_inherit=True)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    """Links to our own pages, and to headings in them, are not broken."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith(("http://", "https://")):
            continue
        name, _, heading = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), target
        if heading:
            assert heading in anchors(other), target


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def constants() -> str:
    """Give every text in the package, one after the other; of f-strings what stands between the values."""
    texts = []
    for path in Path(portkey_handler.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    return "\n".join(texts)


def test_error_messages_are_those_of_the_code() -> None:
    """The table of errors quotes what the program says; what the quotes fill in is at most half of them."""
    section = (DOCS / "errors.md").read_text(encoding="utf-8").partition("## Errors and what they mean")[2]
    quoted = re.findall(r"^\| `(.+?)` \|", section.partition("\n## ")[0], re.M)
    said = constants()

    assert len(quoted) > 10
    assert not [line for line in quoted if known_share(line.split(" "), said) < 0.5]


def known_share(words: list[str], said: str) -> float:
    """Tell which share of the words stands in the package, in runs of three or more."""
    runs = [range(start, start + 3) for start in range(len(words) - 2)]
    known = [run for run in runs if " ".join(words[run.start : run.stop]) in said]
    return len({position for run in known for position in run}) / len(words)


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    """The page of errors draws every class of `errors.py` below its parent, and no other."""
    page = (DOCS / "errors.md").read_text(encoding="utf-8").partition("## The tree of errors")[2]
    drawn: dict[str, str] = {}
    above: list[str] = []
    for indent, name in re.findall(r"^([│├└─ ]*)(\w+Error)\b", page.split("```")[1], re.M):
        del above[len(indent) // 4 :]
        drawn[name] = above[-1] if above else "Exception"
        above.append(name)

    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in error_classes()}


def error_classes() -> set[type[Exception]]:
    """Return the classes of errors of the package."""
    return {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}


def test_every_command_and_flag_is_documented() -> None:
    """The page of the command line has a section for each command, which names every flag."""
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.M)
    main: Any = typer.main.get_command(app)
    missing = []
    for name, command in main.commands.items():
        [section] = [text for text in sections if name in re.split(r", ", text.splitlines()[0])]
        flags = [flag for parameter in command.params for flag in parameter.opts if flag.startswith("-")]
        missing += [f"{name} {flag}" for flag in flags if f"`{flag}" not in section]

    assert missing == []


def test_the_tree_of_the_package_is_drawn() -> None:
    """The page of the architecture names every file and folder of the package, and no other."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## The tree")[2]
    lines = page.split("```")[1].splitlines()
    drawn = [
        name
        for line in lines
        if line.startswith(("├── ", "└── "))
        for name in re.split(r" {2,}", line[4:])
        if re.fullmatch(r"\w+/|[\w.]+\.\w+", name)
    ]
    package = ROOT / "portkey_handler"
    there = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in package.iterdir()
        if path.name != "__pycache__"
    ]

    assert sorted(drawn) == sorted(there)


def test_every_page_is_in_the_table_of_contents() -> None:
    """A reader finds each page of docs/ from docs/index.md."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (DOCS / "index.md").read_text(encoding="utf-8")))

    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} == linked


def test_the_readme_is_short() -> None:
    """The first page is read in one go; what is longer has a page in docs/."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 130
