"""Mode request: which paths of the gateway a model may call with the engine's keys."""

from __future__ import annotations

import pytest
from support.predicting import predict

from portkey_handler.errors import OptionError
from portkey_handler.gateway.offline import OfflineProvider

MODERATION = {"mode": "request", "path": "/moderations", "body": {"input": "{{ text }}"}}


@pytest.mark.parametrize("path", [
    "../x", "/x/../y", "/..", "/.", "/./x", "//host", "//host/x", "@host", "?x", "/x?y", "/x#y", "x", "/",
    "/x/", "/x//y", "http://host/x", "/%2e%2e/x", "/x\\y", "/x y", "/x\n", "", "/é",
])  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(path: str, provider: OfflineProvider) -> None:
    """Everywhere: not even the engine can allow one, because keys would go along."""
    for using, query in (({**MODERATION, "path": path}, {}), (MODERATION, {"path": path})):
        with pytest.raises(OptionError, match="path"):
            predict(provider, {"text": ["a"]}, using, query=query)
    with pytest.raises(OptionError, match="allowed_paths"):
        predict(provider, {"text": ["a"]}, MODERATION, engine={"allowed_paths": [path]})
    assert provider.requests == []


@pytest.mark.parametrize("path", ["/admin/users", "/api-keys", "/configs", "/models", "/moderations/x"])
def test_paths_that_ask_no_model_need_the_engines_leave(path: str, provider: OfflineProvider) -> None:
    """With the engine's key they could change where it goes; the error says what to write."""
    for using, query in (({**MODERATION, "path": path}, {}), (MODERATION, {"path": path})):
        with pytest.raises(OptionError, match=rf"USING allowed_paths = \['{path}'\]"):
            predict(provider, {"text": ["a"]}, using, query=query)
    assert provider.requests == []
    predict(provider, {"text": ["a"]}, {**MODERATION, "path": path}, engine={"allowed_paths": [path]})
    assert [request.path for request in provider.requests] == [f"/v1{path}"]


@pytest.mark.parametrize("level", ["model", "query"])
def test_the_leave_is_the_engines_to_give(level: str, provider: OfflineProvider) -> None:
    """A model cannot allow itself a path."""
    given = {"allowed_paths": ["/configs"]}
    using, query = ({**MODERATION, **given}, {}) if level == "model" else (MODERATION, given)
    with pytest.raises(OptionError, match="allowed_paths cannot be given in"):
        predict(provider, {"text": ["a"]}, using, query=query)


@pytest.mark.parametrize(
    "path", ["/prompts/pp-1/completions", "/prompts/pp-1@2/render", "/images/generations"]
)
def test_paths_of_models_need_no_leave(path: str, provider: OfflineProvider) -> None:
    """Saved prompts and what else makes something."""
    predict(provider, {"text": ["a"]}, {**MODERATION, "path": path})
    assert [request.path for request in provider.requests] == [f"/v1{path}"]
