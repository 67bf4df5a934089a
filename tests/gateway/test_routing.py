"""Routing in plain words against the real gateway, through the product, with stand-ins as providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from support.gateway import Gateway, free_port
from support.storage import make_handler

from portkey_handler.errors import OptionError
from portkey_handler.gateway.offline import Behaviour, Fault, OfflineProvider, last_text
from portkey_handler.session import Session

FRAME = pd.DataFrame({"q": ["first", "second", "third"]})
#: One attempt of ours, so that what is counted are the gateway's.
PLAIN = {"column": "q", "model": "m", "evidence": True, "max_attempts": 1, "on_error": "null"}
FORBIDDEN = {"default.contains": {"operator": "none", "words": ["second"]}}


@pytest.fixture(scope="module")
def _running_backup() -> Iterator[OfflineProvider]:
    with OfflineProvider() as running:
        yield running


@pytest.fixture
def backup(_running_backup: OfflineProvider) -> OfflineProvider:
    """Give a second provider, as if freshly started."""
    _running_backup.reset()
    return _running_backup


def target(provider: OfflineProvider | int, **parts: Any) -> dict[str, Any]:
    """Give a target that leads to a stand-in, or to a port where nobody listens."""
    host = f"http://127.0.0.1:{provider}/v1" if isinstance(provider, int) else provider.base_url
    return {"provider": "openai", "api_key": f"key-{host[-8:-3]}", "custom_host": host, **parts}


def ask(
    gateway: Gateway,
    engine: dict[str, Any],
    using: dict[str, Any],
    query: dict[str, Any] | None = None,
    frame: pd.DataFrame = FRAME,
) -> tuple[list[Any], list[Any], list[dict[str, Any]]]:
    """Ask about every row; give answers, errors and evidence."""
    handler = make_handler({"base_url": gateway.base_url, **engine}, {**PLAIN, **using})
    answers = handler.predict(frame, {"using": query or {}})
    columns = ("answer", "answer_error", "answer_evidence")
    given, errors, evidence = (answers[name].tolist() for name in columns)
    return given, errors, evidence


def asked(provider: OfflineProvider) -> list[str]:
    """Give the texts that a provider was asked, sorted."""
    return sorted(last_text(request.body) for request in provider.requests)


def broken(status: int) -> Behaviour:
    """Fail with a status, always."""
    return Behaviour(faults=lambda _: Fault(status=status))


# Fallback


@pytest.mark.parametrize("down", ["nobody listens", "answers 500", "breaks off"])
def test_fallback(gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider, down: str) -> None:
    """Where the first target is down the second one answers, and each row's evidence says that it did."""
    if down != "nobody listens":
        fault = Fault(kind="reset") if down == "breaks off" else Fault(status=500)
        provider.reset(Behaviour(faults=lambda _: fault))
    first = target(free_port() if down == "nobody listens" else provider)
    engine = {"targets": {"first": first, "second": target(backup, model="small")}}

    answers, _, evidence = ask(gateway, engine, {"strategy": "fallback"})

    assert all(answer.endswith(text) for answer, text in zip(answers, FRAME["q"], strict=True))
    told = {(row["status"], row["target"], row["model"], row["attempts"]) for row in evidence}
    assert told == {(200, "config.targets[1]", "small", 1)}
    assert asked(backup) == asked(provider) or down == "nobody listens"


def test_fallback_prefers_the_first(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider
) -> None:
    """The second target hears nothing while the first one answers, in the order that the model says."""
    engine = {"targets": {"one": target(backup), "two": target(provider)}}

    _, _, evidence = ask(gateway, engine, {"strategy": "fallback", "targets": ["two", "one"]})

    assert {row["target"] for row in evidence} == {"config.targets[0]"}
    assert (len(provider.requests), backup.requests) == (3, [])


@pytest.mark.parametrize(("status", "falls"), [(429, True), (500, False)])
def test_fallback_on_some_statuses(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider, status: int, falls: bool
) -> None:
    """With on_status_codes the next target is asked on these alone; another one is the row's error."""
    provider.reset(broken(status))
    engine = {"targets": {"one": target(provider), "two": target(backup)}}
    strategy = {"mode": "fallback", "on_status_codes": [429, 503]}

    _, errors, evidence = ask(gateway, engine, {"strategy": strategy}, frame=FRAME[:1])

    assert len(backup.requests) == falls
    assert evidence[0]["target"] == f"config.targets[{int(falls)}]"
    assert (errors[0] is None) == falls
    assert falls or errors[0].startswith("500 from openai: The offline stand-in fails with 500")


# Load balancing, and a target's own parameters


def test_loadbalance(gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider) -> None:
    """Of 200 rows at 70/30 both get a share that chance allows; every row is answered once."""
    frame = pd.DataFrame({"q": [f"row {number}" for number in range(200)]})
    engine = {"targets": {"gpt": target(provider), "claude": target(backup)}}
    chosen = [{"name": "gpt", "weight": 0.7}, {"name": "claude", "weight": 0.3}]

    answers, _, evidence = ask(
        gateway, engine, {"strategy": "loadbalance", "targets": chosen}, {"concurrency": 16}, frame
    )

    assert all(answer.endswith(text) for answer, text in zip(answers, frame["q"], strict=True))
    assert sorted(asked(provider) + asked(backup)) == sorted(frame["q"])
    # 140 is expected, with a standard deviation of 6.5: six of them are met by chance once in 500 million.
    assert 140 - 39 <= len(provider.requests) <= 140 + 39
    told = [row["target"] for row in evidence]
    assert told.count("config.targets[0]") == len(provider.requests)
    assert told.count("config.targets[1]") == len(backup.requests)


def test_parameters_of_one_target(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider
) -> None:
    """They reach that target alone, and beat the model's; the key of each goes to each."""
    provider.reset(broken(503))
    engine = {"targets": {"gpt": target(provider), "claude": target(backup)}}
    chosen = ["gpt", {"name": "claude", "max_tokens": 5, "model": "claude-3"}]

    with Session() as session:
        session.register("t", FRAME)
        session.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{gateway.base_url}', check = false, "
            f"targets = {json.dumps(engine['targets'])}"
        )
        session.sql(
            "CREATE MODEL m PREDICT answer USING engine = 'e', column = 'q', model = 'gpt-4o', "
            f"max_tokens = 50, temperature = 0.5, strategy = 'fallback', targets = '{json.dumps(chosen)}'"
        )
        answers = session.sql("SELECT m.answer FROM t JOIN m")

    assert len(answers) == 3
    told = [(each.body["model"], each.body["max_tokens"]) for each in provider.requests + backup.requests]
    assert told == [("gpt-4o", 50)] * 3 + [("claude-3", 5)] * 3
    assert {each.body["temperature"] for each in backup.requests} == {0.5}
    for each in (provider, backup):
        keys = {request.headers["authorization"] for request in each.requests}
        assert keys == {f"Bearer {target(each)['api_key']}"}
        assert not any("x-portkey" in name for request in each.requests for name in request.headers)


def test_one_name_pins(gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider) -> None:
    """A name is enough, in CREATE MODEL as in SELECT."""
    engine = {"targets": {"one": target(provider), "two": target(backup)}, "strategy": "fallback"}

    ask(gateway, engine, {"targets": "two"})
    assert (len(provider.requests), len(backup.requests)) == (0, 3)

    ask(gateway, engine, {"targets": "two"}, {"targets": "one", "reuse": "never"})
    assert (len(provider.requests), len(backup.requests)) == (3, 3)


@pytest.mark.parametrize("chosen", ["two", ["two", {"name": "two", "max_tokens": 5}]])
def test_an_engines_address_does_not_capture_the_keys_of_targets(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider, chosen: Any
) -> None:
    """The address of the engine's own provider, a header that beats a target's, does not go along."""
    engine = {
        "provider": "openai",
        "provider_api_key": "key-of-the-engine",
        "custom_host": provider.base_url,
        "targets": {"two": target(backup)},
    }

    answers, _, _ = ask(gateway, engine, {"targets": chosen, "strategy": "fallback"})

    assert (len(answers), provider.requests) == (3, [])
    assert "key-of-the-engine" not in repr(backup.requests)
    ask(gateway, engine, {})
    keys = {request.headers["authorization"] for request in provider.requests}
    assert keys == {"Bearer key-of-the-engine"}


# Retries, time, cache


def test_retry(gateway: Gateway, provider: OfflineProvider) -> None:
    """With retry = 3 the gateway itself gets over three failures, within one attempt of ours."""
    provider.reset(Behaviour(faults=[Fault(status=503)] * 3))

    _, errors, evidence = ask(gateway, {"targets": {"one": target(provider)}}, {"retry": 3}, frame=FRAME[:1])

    assert errors == [None]
    assert (evidence[0]["gateway_attempts"], evidence[0]["attempts"], len(provider.requests)) == (3, 1, 4)


@pytest.mark.parametrize(("status", "tries"), [(429, 2), (503, 1)])
def test_retry_on_some_statuses(gateway: Gateway, provider: OfflineProvider, status: int, tries: int) -> None:
    """The object's statuses alone are tried again; the evidence of a failed row has the gateway's count."""
    provider.reset(broken(status))
    retry = {"attempts": 1, "on_status_codes": [429]}
    engine = {"provider": "openai", "provider_api_key": "k", "custom_host": provider.base_url}

    _, errors, evidence = ask(gateway, engine, {"retry": retry}, frame=FRAME[:1])

    assert errors[0].startswith(f"{status} from openai")
    assert len(provider.requests) == tries
    assert evidence[0]["gateway_attempts"] == (0 if tries == 1 else -1)  # -1: as often as it may, in vain


def test_request_timeout(gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider) -> None:
    """The gateway gives a target up; a target's own time beats the engine's, and the model's beats both."""
    provider.reset(Behaviour(faults=lambda _: Fault(kind="stall", seconds=20)))
    slow = target(provider, request_timeout=100)
    engine = {"targets": {"slow": slow, "two": target(backup)}, "request_timeout": 15_000}

    _, errors, _ = ask(gateway, engine, {"targets": "slow"}, frame=FRAME[:1])
    assert errors[0].startswith("408 from openai: Request exceeded the timeout sent in the request: 100ms")

    _, errors, _ = ask(gateway, engine, {"targets": "slow", "request_timeout": 50}, frame=FRAME[:1])
    assert "in the request: 50ms" in errors[0]

    _, errors, evidence = ask(gateway, engine, {"strategy": "fallback"}, frame=FRAME[:1])
    assert (errors, evidence[0]["target"]) == ([None], "config.targets[1]")


@pytest.mark.parametrize("cache", ["simple", {"mode": "semantic", "max_age": 60}])
def test_cache_words_are_accepted(gateway: Gateway, provider: OfflineProvider, cache: Any) -> None:
    """The open gateway takes them, and says in the evidence that it keeps nothing."""
    words = {"cache": cache, "cache_max_age": 60, "cache_force_refresh": True, "cache_namespace": "n"}

    _, errors, evidence = ask(gateway, {"targets": {"one": target(provider)}}, words)

    assert errors == [None] * 3
    assert {row["cache_status"] for row in evidence} == {"DISABLED"}


# Guardrails


@pytest.mark.parametrize("which", ["input_guardrails", "output_guardrails"])
def test_a_guardrail_that_denies(gateway: Gateway, provider: OfflineProvider, which: str) -> None:
    """It is that row's error, with its checks in the evidence; the other rows are answered."""
    using = {which: [{**FORBIDDEN, "deny": True}], "max_attempts": 3}

    answers, errors, evidence = ask(gateway, {"targets": {"one": target(provider)}}, using)

    assert [answer is None for answer in answers] == [False, True, False]
    assert errors[1].startswith("446 from openai: The guardrail checks defined in the config failed")
    (verdict,) = evidence[1]["guardrails"]
    assert (verdict["verdict"], verdict["checks"]) == (False, {"default.contains": False})
    assert verdict["on"] == ("request" if which == "input_guardrails" else "answer")
    assert [row["status"] for row in evidence] == [200, 446, 200]
    assert [row["attempts"] for row in evidence] == [1, 1, 1]
    assert asked(provider) == sorted(FRAME["q"] if which == "output_guardrails" else ["first", "third"])


def test_a_guardrail_that_flags(gateway: Gateway, provider: OfflineProvider) -> None:
    """The row is answered, and its evidence says what was found."""
    using = {"input_guardrails": [FORBIDDEN]}

    answers, errors, evidence = ask(gateway, {"targets": {"one": target(provider)}}, using)

    assert answers[1].endswith("second")
    assert (errors, [row["status"] for row in evidence]) == ([None] * 3, [200, 246, 200])
    assert [row.get("guardrails") is None for row in evidence] == [True, False, True]
    assert evidence[1]["guardrails"][0]["checks"] == {"default.contains": False}


def test_a_check_that_names_another_one(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider
) -> None:
    """The gateway would run a webhook under a harmless name: the engine may, and nobody below it."""
    hidden = [{"default.contains": {"id": "default.webhook", "webhookURL": backup.url, "headers": {}}}]
    engine = {"targets": {"one": target(provider)}}

    with pytest.raises(OptionError, match="checks that call no address"):
        ask(gateway, engine, {"input_guardrails": hidden})
    assert backup.requests == []

    ask(gateway, {**engine, "input_guardrails": hidden}, {}, frame=FRAME[:1])
    assert len(backup.requests) == 1


# Conditional routing


def test_conditional_routing_by_each_rows_metadata(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider
) -> None:
    """The engine's config chooses by metadata, whose templates are filled in per row."""
    frame = FRAME.assign(plan=["free", "paid", None])
    config = {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"metadata.plan": {"$eq": "paid"}}, "then": "best"}],
            "default": "cheap",
        },
        "targets": [target(provider, name="cheap"), target(backup, name="best")],
    }

    _, errors, evidence = ask(
        gateway, {"config": config}, {"metadata": {"plan": "{{ plan }}", "team": "t"}}, frame=frame
    )

    assert errors == [None] * 3
    assert (asked(provider), asked(backup)) == (["first", "third"], ["second"])
    assert [row["target"][-2] for row in evidence] == ["0", "1", "0"]


def test_equal_rows_on_different_routes(
    gateway: Gateway, provider: OfflineProvider, backup: OfflineProvider
) -> None:
    """Where metadata decides who answers, it is part of what is asked, within a query and between two."""
    frame = pd.DataFrame({"q": ["same"] * 3, "plan": ["free", "paid", "free"]})
    conditions = [{"query": {"metadata.plan": {"$eq": "paid"}}, "then": "best"}]
    config = {
        "strategy": {"mode": "conditional", "conditions": conditions, "default": "cheap"},
        "targets": [target(provider, name="cheap"), target(backup, name="best")],
    }
    using = {"metadata": {"plan": "{{ plan }}"}}

    ask(gateway, {"config": config}, using, frame=frame)
    assert (len(provider.requests), len(backup.requests)) == (1, 1)

    ask(gateway, {"config": config}, {"metadata": {"plan": "paid"}}, frame=frame)
    assert (len(provider.requests), len(backup.requests)) == (1, 1)  # kept from the one before

    ask(gateway, {"config": config}, {"metadata": {"plan": "trial"}}, frame=frame)
    assert (len(provider.requests), len(backup.requests)) == (2, 1)


def test_metadata_that_decides_nothing_is_no_part_of_what_is_asked(
    gateway: Gateway, provider: OfflineProvider
) -> None:
    """Without a config equal rows share an answer, whatever their words for the logs."""
    frame = pd.DataFrame({"q": ["same", "same"], "plan": ["free", "paid"]})
    engine = {"targets": {"one": target(provider)}}

    ask(gateway, engine, {"metadata": {"plan": "{{ plan }}"}}, frame=frame)
    assert len(provider.requests) == 1
