"""A MindsDB in which an earlier release was installed, and was used, before an upgrade."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.environments import build_wheel, mindsdb_environment
from support.mindsdb import MindsDB

from portkey_handler.gateway.offline import OfflineProvider

[EARLIER] = (Path(__file__).parents[1] / "data" / "package-0.1").glob("*.whl")
ASK = "SELECT answer FROM m WHERE question = '{}'"


def version(server: MindsDB) -> str:
    """Return the version of the handler that a server has loaded."""
    [row] = server.query("SHOW HANDLERS WHERE name = 'portkey'").to_dict("records")
    assert row["IMPORT_SUCCESS"] is True
    return str(row["VERSION"])


@pytest.mark.parametrize("options", [(), ("--copy",)], ids=["link", "copy"])
def test_engines_models_and_answers_stay(options: tuple[str, ...], tmp_path: Path) -> None:
    """Cached answers are not paid again, models need not be made again, and uninstall leaves nothing."""
    environment = mindsdb_environment(tmp_path / "venv")
    place = environment.site / "mindsdb" / "integrations" / "handlers" / "portkey_handler"
    environment.pip_install(EARLIER)
    environment.command("install", *options)
    folder = tmp_path / "server"
    folder.mkdir()
    with OfflineProvider() as provider:
        server = MindsDB(folder, {}, environment.python, install=False)
        with server:
            assert version(server) == "0.1.0"
            server.query(f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}'")
            server.query("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'question', model = 'a'")
            server.wait_for_model("m")
            [before] = server.query(ASK.format("Where is Oslo?"))["answer"]
        paid = provider.answered

        environment.pip_install("--upgrade", build_wheel(tmp_path / "built", "0.2.0"))
        environment.command("install", *options)
        with server:
            assert version(server) == "0.2.0"
            [again] = server.query(ASK.format("Where is Oslo?"))["answer"]
            assert (again, provider.answered) == (before, paid)
            [other] = server.query(ASK.format("Where is Rome?"))["answer"]
            assert (other != before, provider.answered) == (True, paid + 1)
            usage = server.query("DESCRIBE m.usage")
            usage.columns = usage.columns.str.lower()
            assert (usage["queries"].sum(), usage["requests"].sum()) == (3, 2)
            server.query("RETRAIN m USING model = 'b'")
            server.wait_for_model("m")
            server.query(ASK.format("Where is Oslo?"))
            assert provider.requests[-1].body["model"] == "b"

    environment.command("uninstall")
    assert not place.exists()
    assert not place.is_symlink()
