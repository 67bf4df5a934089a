"""The container files of docs/docker/, as far as they can be tried without containers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import unavailable
from support.environments import mindsdb_environment
from support.gateway import Gateway
from support.mindsdb import ROOT, MindsDBUnavailable, mindsdb_python, run_python

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.options import resolve_engine
from portkey_handler.session import Session

DOCKERFILE = ROOT / "docs" / "docker" / "Dockerfile"
COMPOSE = ROOT / "docs" / "docker" / "compose.yaml"
KEY = "sk-canary"


@pytest.fixture
def services(tmp_path: Path) -> dict[str, Any]:
    """Give the services of the compose file; MindsDB's environment has the reader of YAML."""
    code = f"import json, yaml; print(json.dumps(yaml.safe_load(open({str(COMPOSE)!r}))))"
    try:
        read: dict[str, Any] = json.loads(run_python(mindsdb_python(), code, tmp_path))
    except MindsDBUnavailable as reason:
        unavailable(str(reason))
    assert set(read["volumes"]) == {"storage"}
    services: dict[str, Any] = read["services"]
    return services


def _instructions(stage: int) -> list[tuple[str, str]]:
    """Give the instructions of one stage of the Dockerfile, with their words."""
    lines = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ").splitlines()
    words = [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]
    starts = [number for number, (word, _) in enumerate(words) if word == "FROM"]
    return words[starts[stage] : [*starts, None][stage + 1]]


def test_the_versions_are_those_that_are_tested(services: dict[str, Any]) -> None:
    """MindsDB and the gateway have the versions that the other tests run with."""
    [mindsdb] = re.findall(r"^MINDSDB := (.+)$", (ROOT / "Makefile").read_text(), flags=re.M)
    assert f"ARG MINDSDB=v{mindsdb}\n" in DOCKERFILE.read_text()
    package = json.loads((ROOT / "tests" / "gateway" / "package.json").read_text())
    assert (
        services["gateway"]["image"] == f"portkeyai/gateway:{package['dependencies']['@portkey-ai/gateway']}"
    )


def test_the_dockerfile_builds_and_installs(tmp_path: Path) -> None:
    """What it copies makes the wheel, and its commands put the engine into a MindsDB that loads it."""
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    for word, rest in _instructions(0):
        *paths, target = rest.split()
        for path in paths if word == "COPY" else ():
            copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
            copy(ROOT / path, source / target / ("" if (ROOT / path).is_dir() else path))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(command, cwd=source, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    private = mindsdb_environment(tmp_path / "venv")
    [run] = [rest for word, rest in _instructions(1) if word == "RUN"]
    said = private.shell(run.replace("/wheels/", f"{wheels}/"))
    assert "Copied the handler into MindsDB" in said
    code = "from mindsdb.integrations.handlers import portkey_handler as h; print(h.Handler, h.import_error)"
    loaded = run_python(private.python, code, tmp_path).splitlines()[-1]
    assert loaded == "<class 'mindsdb.integrations.handlers.portkey_handler.handler.PortkeyHandler'> None"


def test_the_compose_file_names_what_is_there(services: dict[str, Any]) -> None:
    """Files exist, and MindsDB keeps what it has where the volume is."""
    mindsdb = services["mindsdb"]
    context = (COMPOSE.parent / mindsdb["build"]["context"]).resolve()
    assert context / mindsdb["build"]["dockerfile"] == DOCKERFILE
    assert mindsdb["volumes"] == [f"storage:{mindsdb['environment']['MINDSDB_STORAGE_DIR']}"]
    assert mindsdb["depends_on"] == ["gateway"]


def test_only_this_machine_reaches_the_containers(services: dict[str, Any]) -> None:
    """Every published port is bound to loopback."""
    ports = [port for service in services.values() for port in service["ports"]]
    assert len(ports) == 3
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)


@pytest.mark.parametrize(
    ("host", "answer"),
    [("192.168.1.5", "Invalid custom host"), ("a-service", "500"), ("host.docker.internal", "500")],
)
def test_what_the_gateway_refuses_is_told(gateway: Gateway, host: str, answer: str) -> None:
    """A private address is refused in the words of the page; a service and this machine are asked."""
    assert "`Invalid custom host`" in (DOCKERFILE.parent / "README.md").read_text()
    with Session() as session:
        session.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{gateway.base_url}', provider = 'openai', "
            f"custom_host = 'http://{host}:9/v1', check = false"  # no client connects to port 9
        )
        session.sql("CREATE MODEL m PREDICT answer USING engine = 'e', model = 'm', column = 'text'")
        with pytest.raises(PortkeyHandlerError, match=answer):
            session.sql("SELECT answer FROM m WHERE text = 'one' USING max_attempts = 1")


def test_an_engine_without_options_asks_the_gateway_beside_it(services: dict[str, Any]) -> None:
    """The variables are ours, hold no key themselves, and lead to the other service's port."""
    given = services["mindsdb"]["environment"]
    assert given["PORTKEY_PROVIDER_API_KEY"].startswith("${PORTKEY_PROVIDER_API_KEY:?")
    provider = re.fullmatch(r"\$\{PORTKEY_PROVIDER:-(\w+)\}", given["PORTKEY_PROVIDER"])
    assert provider is not None
    environment = given | {"PORTKEY_PROVIDER": provider[1], "PORTKEY_PROVIDER_API_KEY": KEY}

    credentials, _ = resolve_engine({}, environment)
    ours = {name.removeprefix("PORTKEY_").lower() for name in given if name.startswith("PORTKEY_")}
    assert set(credentials.options) == ours
    address = urlsplit(str(credentials.options["base_url"]))
    assert address.hostname == "gateway"
    assert f"127.0.0.1:{address.port}:{address.port}" in services["gateway"]["ports"]
