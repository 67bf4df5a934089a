"""Into a MindsDB and out of it, on a folder that looks like one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from portkey_handler.errors import InstallError
from portkey_handler.install import install, uninstall

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
    (package / "install.py").touch()
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
        "__init__.py",
        "install.py",
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
    """The handler that older versions of MindsDB had is neither replaced nor removed."""
    _place(site).mkdir()
    (_place(site) / "__init__.py").touch()
    with pytest.raises(InstallError, match=r"was not put there by this command.*Move it away"):
        command()  # type: ignore[operator]
    assert (_place(site) / "__init__.py").exists()


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
    (site / "portkey_handler" / "install.py").unlink()
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
