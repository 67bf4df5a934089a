"""Into a MindsDB and out of it, on a folder that looks like one."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

import pytest
from support.environments import Environment, build_wheel, contents

from portkey_handler.errors import InstallError
from portkey_handler.host.install import install, uninstall

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of packages with a MindsDB and this package, which the interpreter sees first."""
    site = tmp_path / "site"
    (site / "mindsdb" / "integrations" / "handlers").mkdir(parents=True)
    (site / "mindsdb" / "__init__.py").write_text("raise RuntimeError('nobody may import this')")
    package = site / "portkey_handler"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('nobody may import this')")
    (package / "__about__.py").write_text('__version__ = "9.9"\n')
    (package / "handler.py").touch()
    (package / "__pycache__").mkdir()
    _distribution(site, "mindsdb", "26.1.0")
    _distribution(site, "portkey_handler", "9.9", "Requires-Dist: pytest>=1\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    return site


def _distribution(site: Path, name: str, version: str, more: str = "") -> None:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(METADATA.format(name=name, version=version, more=more))


def _place(site: Path) -> Path:
    return site / "mindsdb" / "integrations" / "handlers" / "portkey_handler"


def test_links_to_the_installed_package(site: Path) -> None:
    """By default MindsDB's folder gets a link, so that an upgrade of the package is one of the handler."""
    report = install()
    assert _place(site).is_symlink()
    assert _place(site).resolve() == (site / "portkey_handler").resolve()
    assert str(report) == (
        f"Linked the handler into MindsDB 26.1.0: {_place(site)}, from {site / 'portkey_handler'}. "
        "Restart MindsDB 26.1.0 if it is running."
    )


def test_twice_is_once(site: Path) -> None:
    """A second install finds all as wanted."""
    install()
    report = install()
    assert report.action == "nothing"
    assert str(report).startswith("Nothing to do")


def test_copies_when_asked(site: Path) -> None:
    """A copy holds the files but no compiled ones, and nothing unfinished is left beside it."""
    assert install(copy=True).action == "copied"
    assert install(copy=True).action == "copied"
    assert not _place(site).is_symlink()
    assert sorted(path.name for path in _place(site).iterdir()) == [
        ".copied-by-portkey-handler-install",
        "__about__.py",
        "__init__.py",
        "handler.py",
    ]
    assert [path.name for path in _place(site).parent.iterdir()] == ["portkey_handler"]


@pytest.mark.parametrize("copy_first", [True, False])
def test_link_and_copy_replace_each_other(site: Path, copy_first: bool) -> None:
    """Who changes their mind gets what they asked for last."""
    install(copy=copy_first)
    install(copy=not copy_first)
    assert _place(site).is_symlink() is copy_first


def test_a_link_that_leads_nowhere_is_renewed(site: Path, tmp_path: Path) -> None:
    """After the package moved, install mends the link."""
    _place(site).symlink_to(tmp_path / "gone")
    assert install().action == "linked"
    assert _place(site).exists()


@pytest.mark.parametrize("copy", [True, False])
def test_uninstall_takes_back_what_install_did(site: Path, copy: bool) -> None:
    """Nothing of a link or a copy stays, and the package itself does."""
    install(copy=copy)
    assert uninstall().action == "removed"
    assert list(_place(site).parent.iterdir()) == []
    assert (site / "portkey_handler" / "__init__.py").exists()
    assert str(uninstall()).startswith("Nothing to remove")


@pytest.mark.parametrize("command", [install, uninstall])
def test_a_foreign_folder_is_left_alone(site: Path, command: object) -> None:
    """A folder that neither this command nor pip made is neither replaced nor removed."""
    _place(site).mkdir()
    (_place(site) / "__init__.py").touch()
    with pytest.raises(InstallError, match=r"was not put there by this command.*Move it away"):
        command()  # type: ignore[operator]
    assert (_place(site) / "__init__.py").exists()


# MindsDB's own handler of our name, which versions before 26 ship


def _handler(site: Path, files: dict[str, str]) -> Path:
    """Give MindsDB a handler of its own, just as pip does: its files, their hashes in RECORD, caches."""
    lines = ["mindsdb/__init__.py,,"]
    for name, text in files.items():
        path = _place(site) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        lines.append(_recorded(str(path.relative_to(site)), text))
    (_place(site) / "__pycache__").mkdir(exist_ok=True)
    (_place(site) / "__pycache__" / "__init__.cpython-311.pyc").touch()
    lines.append(f"{_place(site).relative_to(site)}/__pycache__/__init__.cpython-311.pyc,,")
    (site / "mindsdb-26.1.0.dist-info" / "RECORD").write_text("\n".join(lines))
    return _place(site)


def _recorded(name: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(text)}"


OWN = {"__init__.py": "theirs", "portkey_handler.py": "theirs, too", "tests/test_it.py": ""}


@pytest.mark.parametrize("copy", [True, False])
def test_mindsdbs_own_handler_is_set_aside_and_put_back(site: Path, copy: bool) -> None:
    """Ours is a copy then, the report says why, and uninstall leaves MindsDB as it was."""
    _handler(site, OWN)
    before = contents(site / "mindsdb")
    report = install(copy=copy)
    aside = _place(site).with_name("__portkey_handler_of_mindsdb")
    assert report.action == "copied"
    assert not _place(site).is_symlink()
    assert f"MindsDB's own handler of that name is kept in {aside}; uninstall puts it back." in str(report)
    assert ("The handler is copied and not linked because pip" in str(report)) is not copy
    assert install(copy=copy).aside == aside
    assert str(uninstall()).startswith(
        f"Removed the handler from MindsDB 26.1.0 ({_place(site)}) and put MindsDB's own of that name back."
    )
    assert contents(site / "mindsdb") == before
    assert str(uninstall()).startswith("Nothing to remove")


def test_a_file_of_somebody_elses_makes_it_foreign(site: Path) -> None:
    """What pip did not install with MindsDB may be work of a person, and is left alone."""
    _handler(site, OWN)
    (_place(site) / "notes.txt").touch()
    before = contents(site / "mindsdb")
    for command in (install, uninstall):
        with pytest.raises(InstallError, match="was not put there by this command, nor by pip with MindsDB"):
            command()
    assert contents(site / "mindsdb") == before


def test_an_upgrade_of_mindsdb_over_our_copy(site: Path) -> None:
    """The newer handler that pip wrote into our copy is the one that uninstall puts back."""
    _handler(site, OWN)
    install()
    newer = {"__init__.py": "theirs, newer", "more.py": "more"}
    _handler(site, newer)
    install()
    assert (_place(site) / "__init__.py").read_text() == "raise RuntimeError('nobody may import this')"
    uninstall()
    assert {path.name: path.read_text() for path in _place(site).iterdir()} == newer


def test_an_upgrade_to_a_mindsdb_without_such_a_handler(site: Path) -> None:
    """Nothing is put back into a MindsDB that has no handler of that name; a link is possible again."""
    _handler(site, OWN)
    install()
    (site / "mindsdb-26.1.0.dist-info" / "RECORD").unlink()
    report = install()
    assert (report.action, report.aside) == ("linked", None)
    assert uninstall().aside is None
    assert list(_place(site).parent.iterdir()) == []


def test_our_copy_was_deleted_by_hand(site: Path) -> None:
    """MindsDB's own handler comes back even so."""
    _handler(site, OWN)
    before = contents(site / "mindsdb")
    install(copy=True)
    for path in sorted(_place(site).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    _place(site).rmdir()
    assert uninstall().action == "removed"
    assert contents(site / "mindsdb") == before


def test_a_package_that_mindsdbs_files_were_written_into(site: Path) -> None:
    """Where pip followed our link, the package is not put into MindsDB again, and the remedy is named."""
    _place(site).symlink_to(site / "portkey_handler")
    _handler(site, OWN)
    with pytest.raises(InstallError, match=r"holds MindsDB's own handler.*--force-reinstall --no-deps"):
        install()


@pytest.mark.slow
def test_pip_upgrades_a_mindsdb_with_a_handler_of_its_own(tmp_path: Path) -> None:
    """Whatever pip does to MindsDB, the package stays whole; after uninstall MindsDB is as pip made it."""
    there = Environment(tmp_path / "venv")
    (there.site / "rest.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    there.pip_install(_mindsdb_wheel(tmp_path, "25.2"))
    as_made = contents(there.site / "mindsdb", caches=False)
    there.pip_install("--force-reinstall", _mindsdb_wheel(tmp_path, "25.1"))
    there.pip_install("--no-deps", "--force-reinstall", build_wheel(tmp_path / "wheel"))
    package = contents(there.site / "portkey_handler", caches=False)

    assert "The handler is copied and not linked because pip" in there.command("install")
    there.pip_install(_mindsdb_wheel(tmp_path, "25.2"))
    assert contents(there.site / "portkey_handler", caches=False) == package
    there.command("install")
    there.command("uninstall")
    assert contents(there.site / "mindsdb", caches=False) == as_made
    there.command("install")
    there.pip_uninstall("mindsdb")
    assert contents(there.site / "portkey_handler", caches=False) == package


def _mindsdb_wheel(folder: Path, version: str) -> Path:
    """Give a wheel that looks like MindsDB's, with a handler of our name and of that version."""
    wheel = folder / f"mindsdb-{version}-py3-none-any.whl"
    handler = "mindsdb/integrations/handlers/portkey_handler"
    info = f"mindsdb-{version}.dist-info"
    files = {
        "mindsdb/__init__.py": "",
        f"{handler}/__init__.py": f"version = '{version}'",
        f"{handler}/__about__.py": "",
        f"{handler}/portkey_handler.py": "",
        f"{info}/METADATA": METADATA.format(name="mindsdb", version=version, more=""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [*(_recorded(name, text) for name, text in files.items()), f"{info}/RECORD,,"]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": "\n".join(record)}.items():
            archive.writestr(name, text)
    return wheel


def test_without_mindsdb(site: Path) -> None:
    """A missing MindsDB is named together with both remedies."""
    (site / "mindsdb").rename(site / "other")
    with pytest.raises(
        InstallError, match=r"no MindsDB in the environment of .*--python .*pip install mindsdb"
    ):
        install()


def test_a_folder_that_happens_to_be_called_mindsdb_is_none(site: Path) -> None:
    """A folder without code is not taken for MindsDB."""
    (site / "mindsdb" / "__init__.py").unlink()
    with pytest.raises(InstallError, match="no MindsDB in the environment"):
        install()


def test_another_mindsdb(site: Path) -> None:
    """A MindsDB without the folder of handlers is refused by its version."""
    (site / "mindsdb" / "integrations" / "handlers").rmdir()
    with pytest.raises(InstallError, match=r"MindsDB 26.1.0 of .* has no folder .*handlers"):
        install()


def test_what_the_package_needs_must_be_there(site: Path) -> None:
    """A link to a package that can't be imported there would fail later, and less clearly."""
    _distribution(site, "portkey_handler", "9.9", "Requires-Dist: no-such-thing>=1\nRequires-Dist: pytest\n")
    with pytest.raises(InstallError, match=r"lacks what portkey_handler needs \(no-such-thing\)"):
        install()


def test_the_package_must_be_there(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An interpreter without the package is told how to get it."""
    (site / "portkey_handler" / "__init__.py").unlink()
    (site / "portkey_handler" / "handler.py").unlink()
    bare = tmp_path / "python"
    # -S: without site-packages, so that only the folder above is seen.
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(InstallError, match=rf"portkey_handler is not installed .*{bare} -m pip install"):
        install(python=str(bare))


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/true"])
def test_what_is_no_interpreter(python: str) -> None:
    """A path that isn't Python's is told apart from a MindsDB that is missing."""
    with pytest.raises(InstallError, match=f"{python} does not answer as a Python interpreter"):
        install(python=python)


def test_a_folder_that_cannot_be_written(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the place and who should run the command."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(InstallError, match=r"can't be changed: Permission denied\. Run this as .*--copy"):
        install()
