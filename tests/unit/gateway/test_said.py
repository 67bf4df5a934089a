"""Errors in the shapes of providers and of the servers between: their words, their codes, how long to wait."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from portkey_handler.errors import (
    AuthenticationError,
    BudgetExceededError,
    GatewayError,
    RateLimitError,
    ServerError,
    StatusError,
)
from portkey_handler.gateway.error_messages import rejection
from portkey_handler.gateway.failures import fault_in
from portkey_handler.gateway.said import said_in
from portkey_handler.records import Evidence


def error(status: int, body: Any, headers: dict[str, str] | None = None) -> GatewayError:
    """Return the error of a reply."""
    return rejection(headers or {}, orjson.dumps(body), b"{}", Evidence(status=status))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "Too long", "type": "invalid_request_error", "code": None}}, "Too long"),  # OpenAI
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "Overloaded"),  # Anthropic
        ([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}], "API key not valid."),  # Gemini
        ({"message": "no such model", "object": "error"}, "no such model"),  # vLLM
        ({"Message": "Access denied"}, "Access denied"),  # Bedrock
        ({"detail": "Not Found"}, "Not Found"),  # FastAPI
        (
            {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"},
                        {"loc": ["body", "model"], "msg": "field required", "type": "missing"}]},
            "body.messages: field required; body.model: field required",
        ),
        ({"errors": [{"message": "quota"}, {"message": "other"}]}, "quota; other"),
        ({"errors": ["one", "two"]}, "one; two"),
        ({"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}}, "Invalid ApiKey"),  # Apigee
        ({"error": '{"error": {"message": "inside", "code": 429}}'}, "inside"),
        ({"error": {"message": '{"detail": "deeper"}'}}, "deeper"),
        (
            {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": '{"error": {"message": "GPU is gone"}}'}}},
            "Provider returned error: GPU is gone",
        ),  # OpenRouter
        ({"error": "model 'x' not found"}, "model 'x' not found"),  # Ollama
        ({"status": "failure", "message": "Invalid config passed", "errors": [{"message": "mode"}]}, "Invalid config passed: mode"),
        ("just a text", "just a text"),
        ({"error": {"code": 500}}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
    ids=str,
)  # fmt: skip
def test_the_words_of_an_error(body: Any, words: str) -> None:
    """They were "no reason given" in half of these shapes."""
    assert said_in(body).text == words
    assert str(error(418, body)).partition(": ")[2] == (words or "no reason given")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "x", "code": "rate_limit_exceeded"}}, RateLimitError),
        (500, {"error": {"code": 429, "message": "x"}}, RateLimitError),
        (500, [{"error": {"code": 503, "status": "UNAVAILABLE", "message": "x"}}], ServerError),
        (400, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, ServerError),
        (500, {"error": {"type": "authentication_error", "message": "x"}}, AuthenticationError),
        (400, {"error": {"message": "x", "type": "invalid_request_error"}}, StatusError),
        (401, {"error": {"code": 429, "message": "x"}}, AuthenticationError),
        (429, {"error": {"message": "You exceeded your current quota, please check your plan", "code": "insufficient_quota"}}, BudgetExceededError),
        (400, {"error": {"message": "Your credit balance is too low to access the Anthropic API."}}, BudgetExceededError),
        (402, {"error": {"message": "Insufficient Balance"}}, BudgetExceededError),
        (402, {}, BudgetExceededError),
        (
            429,
            [{"error": {"code": 429, "message": "You exceeded your current quota. Please retry in 25.5s.",
                        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "25s"}]}}],
            RateLimitError,
        ),
        (403, {"error": {"message": "Your chosen model requires moderation and your input was flagged"}}, StatusError),
        (403, {"html-message": "<h1>Request blocked</h1> by the firewall"}, StatusError),
        (403, {"error": {"message": "The API key has no permission"}}, AuthenticationError),
        (403, {}, AuthenticationError),
        (200, {"error": {"message": "Provider disconnected", "code": 502}}, ServerError),
        (200, {"error": {"message": "Rate limit exceeded", "code": 429}}, RateLimitError),
        (200, {"error": {"message": "bad", "code": 400}}, StatusError),
        (200, {"error": "gone"}, ServerError),
        (200, {"choices": [{"error": {"message": "cut", "code": 502}, "message": {"content": "Ha"}}]}, ServerError),
    ],
    ids=str,
)  # fmt: skip
def test_what_an_error_means(status: int, body: Any, kind: type[GatewayError]) -> None:
    """Where the status says little, the code in the body decides; money that is spent ends the query."""
    assert type(error(status, body)) is kind


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (
            {"error": {"details": [{"@type": "…RetryInfo", "retryDelay": "25s"}], "message": "retry in 30s"}},
            25.0,
        ),
        ({"error": {"message": "Rate limit reached. Please try again in 25s. Visit …"}}, 25.0),
        ({"error": {"message": "Please try again in 1m20s."}}, 80.0),
        ({"error": {"message": "Please try again in 7m12.5s."}}, 432.5),
        ({"error": {"message": "try again in 860ms"}}, 0.86),
        ({"error": {"message": "Retry after 12 seconds"}}, 12.0),
        ({"error": {"message": "Please wait 2 minutes before the next request"}}, 120.0),
        ({"error": {"message": "limit 30 requests per minute, used 30"}}, None),
        ({"error": {"message": "retry"}}, None),
    ],
    ids=str,
)
def test_how_long_the_body_asks_to_wait(body: Any, seconds: float | None) -> None:
    """As Retry-After does; a header wins."""
    assert error(429, body).retry_after == seconds
    assert error(429, body, {"retry-after": "3"}).retry_after == 3.0


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"error": {"message": "x"}, "choices": []}, "error"),
        ({"error": None, "choices": [{"message": {"content": "x"}}]}, None),
        ({"choices": []}, "the reply has no choice; a filter may have held the prompt back"),
        ({"choices": [{"finish_reason": "network_error", "message": {"content": "Ha"}}]},
         "the provider failed while it wrote the answer (finish reason network_error)"),
        ({"choices": [{"finish_reason": "content_filter", "message": {"content": "Ha"}}]}, None),
        ({"choices": "x"}, None),
        ({"choices": [None]}, None),
        ({"data": []}, None),
        ([], None),
        (None, None),
    ],
)  # fmt: skip
def test_failures_with_a_status_of_success(body: Any, fault: str | None) -> None:
    """They are found before anything reads an answer."""
    assert fault_in(body) == fault


@pytest.mark.parametrize(
    "text",
    [
        "<script" * 20_000,
        "<" * 200_000,
        "retry in " * 20_000,
        "try again " + "1" * 100_000,
        "[" * 50_000,
        '{"a":' * 50_000,
    ],
)
def test_foreign_text_takes_no_time(text: str) -> None:
    """A pattern over it was quadratic: these took minutes."""
    for body in (
        {"html-message": text},
        {"error": {"message": text}},
        {"detail": [{"msg": text}] * 50},
        text,
    ):
        assert len(str(error(502, body))) < 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "Unauthorized", "message": "The key has expired"}, "Unauthorized: The key has expired"),
        ({"statusCode": 404, "error": "Not Found", "message": "Route not found"}, "Not Found: Route not found"),
        ({"error": "invalid_request", "error_description": "the tenant is locked"}, "invalid_request: the tenant is locked"),
        ({"error": "Bad Request", "message": ["a is long", "b is long"]}, "Bad Request: a is long; b is long"),
        ({"error": "the key is wrong", "message": "the key"}, "the key is wrong"),
    ],
)  # fmt: skip
def test_a_name_of_an_error_does_not_hide_its_words(body: Any, words: str) -> None:
    """Fastify, NestJS, Spring and OAuth servers write both."""
    assert said_in(body).text == words


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}, AuthenticationError),
        (400, {"error": {"code": 400, "message": "API key expired. Please renew the API key.", "status": "INVALID_ARGUMENT"}}, AuthenticationError),
        (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "You have reached your specified API usage limits. You will regain access on 2025-07-01."}}, BudgetExceededError),
        (429, {"error": {"message": "Your account is not active", "code": "billing_not_active"}}, BudgetExceededError),
        (403, {"error": {"message": "Your newly created team doesn't have any credits or licenses yet."}}, BudgetExceededError),
        (401, {"error": {"message": "You exceeded your quota", "type": "insufficient_quota"}}, BudgetExceededError),
    ],
)  # fmt: skip
def test_keys_and_money_in_the_words_of_providers(status: int, body: Any, kind: type[GatewayError]) -> None:
    """Gemini rejects a key with 400; spent money has many statuses."""
    found = error(status, body)
    assert type(found) is kind
    assert ("check portkey_api_key" in found.message) is (kind is AuthenticationError)


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (400, {"error": {"message": "'max_tokens' or 'max_completion_tokens' is too large: 5000."}}, "lower max_tokens"),
        (400, {"error": {"message": "`max_completion_tokens` must be less than or equal to `8192`"}}, "lower max_tokens"),
        (400, {"error": {"message": "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}, "write max_completion_tokens = 300 instead of max_tokens"),
        (403, {"error": {"message": "Project `p` does not have access to model `gpt-4`", "code": "model_not_found"}}, "write model = '…'"),
    ],
)  # fmt: skip
def test_the_remedy_is_that_of_the_cause(status: int, body: Any, remedy: str) -> None:
    """A number that is too large is not a parameter of the wrong name; a model is not a key."""
    assert f"; {remedy}" in error(status, body).message


@pytest.mark.parametrize(
    "body",
    [
        {"object": "error", "message": "This model's maximum context length is 10", "code": 400},
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
    ],
)
def test_errors_of_status_200_without_a_choice(body: Any) -> None:
    """Those of vLLM, and Gemini's filter."""
    assert fault_in(body) == "error"
    assert fault_in({**body, "choices": [{"message": {"content": "x"}}]}) is None
