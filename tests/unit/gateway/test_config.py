"""What is resolved once for a query: address, options, headers, timeout."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pandas as pd
import pytest
from pytest_mock import MockerFixture

from portkey_handler.errors import OptionError
from portkey_handler.gateway import config
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor

SECRET = "sk-do-not-show-this-key"
TARGETS = {"gpt": {"provider": "openai", "api_key": SECRET}}
CONDITIONAL = {"strategy": {"mode": "conditional"}, "targets": []}


def resolved(engine: dict[str, Any], **below: Any) -> GatewayConfig:
    """Resolve an engine's options with those of a model."""
    found = resolve(target="a", engine=engine, model={"model": "m", **below}, environment={})
    return GatewayConfig.resolve(found.credentials, found.plan)


def test_the_plan_beats_the_engine() -> None:
    """The engine's own options stay what they are; the timeout is the plan's."""
    engine = {"base_url": "http://x/v1/", "provider": "openai", "trace_id": "t", "metadata": {"a": "b"}}
    found = resolved(engine, trace_id="u", virtual_key="v", timeout=7)
    assert (found.base_url, found.timeout, found.trace_id) == ("http://x/v1", 7, "u")
    assert found.metadata == {"a": "b"}
    assert found.options["virtual_key"] == "v"
    assert found.engine.options["trace_id"] == "t"
    assert resolved(engine, trace_id=None, metadata=None).trace_id is None
    assert resolved(engine, metadata=None).metadata == {}


def test_headers_follow_from_the_options() -> None:
    """Further options beat those of the same name, and leave the first config as it is."""
    first = resolved({"portkey_api_key": SECRET, "trace_id": "t"}, metadata={"a": "{{b}}"})
    traced = first.with_options({"trace_id": "u", "metadata": {"a": "c"}})
    assert traced.headers["x-portkey-trace-id"] == "u"
    assert json.loads(traced.headers["x-portkey-metadata"]) == {"a": "c"}
    assert traced.headers["x-portkey-api-key"] == SECRET
    assert first.headers["x-portkey-trace-id"] == "t"
    assert (traced.base_url, traced.timeout, traced.engine) == (first.base_url, first.timeout, first.engine)


@pytest.mark.parametrize(
    "engine",
    [
        {"portkey_api_key": SECRET},
        {"provider": "openai", "provider_api_key": SECRET},
        {"headers": {"x-key": SECRET}},
        {"config": {"targets": [{"api_key": SECRET}]}},
        {"targets": TARGETS},
    ],
)
def test_it_shows_no_secret(engine: dict[str, Any]) -> None:
    """Neither its repr nor that of its headers has one; it is not pickled, like the engine's options."""
    found = resolved(engine)
    assert SECRET in "".join(found.headers.values())
    assert SECRET not in repr(found) + str(found) + repr(found.headers) + repr(found.options)
    with pytest.raises(TypeError, match="credentials are not pickled"):
        pickle.dumps(found)


@pytest.mark.parametrize(
    ("engine", "below", "routes"),
    [
        ({}, {}, False),
        ({"config": "pc-a"}, {}, True),
        ({}, {"config": "pc-a"}, True),
        ({"config": "pc-a"}, {"config": None}, False),
        ({"config": CONDITIONAL}, {}, True),
        ({"config": {"targets": [{"provider": "openai"}, CONDITIONAL]}}, {}, True),
        ({"config": {"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}]}}, {}, False),
        ({"targets": TARGETS}, {"targets": "gpt"}, False),
        ({"targets": {"routed": CONDITIONAL}}, {}, True),
        ({"targets": {**TARGETS, "routed": CONDITIONAL}}, {"targets": "gpt"}, False),
    ],
)
def test_which_configs_may_route_by_metadata(
    engine: dict[str, Any], below: dict[str, Any], routes: bool
) -> None:
    """Conditional ones, at any depth, and saved ones, which are not known here."""
    assert resolved(engine, **below).routes_by_metadata is routes


@pytest.mark.parametrize(("provider", "known"), [("openai", "openai"), ("@my-openai", None), (None, None)])
def test_a_slug_is_no_provider_of_a_price_list(provider: str | None, known: str | None) -> None:
    """It is a name in one account."""
    assert resolved({"provider": provider}).known_provider == known


def test_an_engine_without_a_model_routes_nothing() -> None:
    """Which of its targets are asked is said below it, so that two of them are no mistake here."""
    engine = {"base_url": "http://x/v1", "targets": {**TARGETS, "other": TARGETS["gpt"]}, "retry": {}}
    assert GatewayConfig.of_engine(EngineConfig(engine), 3).options == {"base_url": "http://x/v1"}
    with pytest.raises(OptionError, match="the engine has several targets"):
        resolved({**engine, "retry": 1})


@pytest.mark.parametrize("using", [{}, {"max_cost": 5.0}, {"dry_run": True}, {"requests_per_minute": 6000}])
def test_a_query_resolves_its_options_once(
    using: dict[str, Any], provider: OfflineProvider, mocker: MockerFixture
) -> None:
    """The connections, the answer cache, the trace and the estimate have the same config."""
    joined = mocker.spy(config, "joined_options")
    model = {"model": "gpt-4o", "column": "q", **using}
    found = resolve(target="a", engine={}, model=model, environment={})
    engine = EngineConfig({"base_url": provider.base_url, "provider": "openai"})
    Predictor(found.plan)(pd.DataFrame({"q": ["one", "two"]}), engine)
    assert len(provider.requests) == (0 if using.get("dry_run") else 2)
    assert joined.call_count == 1
