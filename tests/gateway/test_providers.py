"""How replies of each family of providers are read: a test for each cell of the table in docs/providers.md.

Each reply has the shape that the provider documents, and goes through the real gateway, which translates
those of Anthropic, Gemini, Bedrock and others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.gateway import Gateway
from support.predicting import predict

from portkey_handler.errors import GatewayError
from portkey_handler.execution import backoff
from portkey_handler.execution.event_loop import run_sync
from portkey_handler.gateway.client import Gateway as Door
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.options import resolve
from portkey_handler.records import Request

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
COLUMNS = ("Errors", "Waits", "Refusals", "Filters", "Cut off", "Reasoning")
#: The gateway's name of each family, and the options that it needs beside an address.
FAMILIES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "OpenAI": ("openai", {}),
    "Azure OpenAI": (
        "azure-openai",
        {"azure_resource_name": "r", "azure_deployment_id": "d", "azure_api_version": "2024-06-01"},
    ),
    "Anthropic": ("anthropic", {}),
    "Gemini": ("google", {}),
    "Gemini, OpenAI-compatible": ("openai", {}),
    "Mistral": ("mistral-ai", {}),
    "Groq": ("groq", {}),
    "OpenRouter": ("openrouter", {}),
    "Bedrock": (
        "bedrock",
        {"aws_access_key_id": "a", "aws_secret_access_key": "secret-b", "aws_region": "us-east-1"},
    ),
    "vLLM": ("openai", {}),
    "Ollama": ("ollama", {}),
    "LM Studio": ("", {}),  # asked without the gateway, which loses an error that is a text
    "llama.cpp": ("openai", {}),
    "FastAPI servers": ("openai", {}),
}


@dataclass(frozen=True)
class Case:
    """A reply, and what becomes of its row.

    Attributes:
        family: Whose reply it is.
        column: The column of the table.
        fault: The reply, in the provider's own shape.
        value: The answer, or None.
        reason: Why there is none.
        evidence: What the evidence holds, among other things.
        tries: How many requests are sent where two attempts are allowed.
        wait: The seconds that the error asks to wait.
    """

    family: str
    column: str
    fault: Fault
    value: Any = None
    reason: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 1
    wait: float | None = None


def fails(status: int, body: Any, **headers: str) -> Fault:
    """Give an error."""
    return Fault(
        status=status, body=body, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def chat(content: Any, finish: str | None = "stop", **message: Any) -> Fault:
    """Give a chat completion in OpenAI's shape."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish,
    }
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return Fault(
        status=200,
        body={
            "id": "c-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        },
    )


def claude(content: list[dict[str, Any]], stop: str) -> Fault:
    """Give a message in Anthropic's shape."""
    return Fault(
        status=200,
        body={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
    )


def gemini(parts: list[dict[str, Any]], finish: str) -> Fault:
    """Give a candidate in Gemini's own shape."""
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}
    return Fault(
        status=200,
        body={
            "candidates": [candidate],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
            "modelVersion": "gemini-2.5-flash",
        },
    )


def converse(content: list[dict[str, Any]], stop: str) -> Fault:
    """Give a message in the shape of Bedrock's Converse."""
    return Fault(
        status=200,
        body={
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop,
            "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
            "metrics": {"latencyMs": 7},
        },
    )


def openai_error(
    message: str, kind: str = "invalid_request_error", code: str | None = None
) -> dict[str, Any]:
    """Give the body of an error of OpenAI."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


TOO_LONG = (
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
)
FILTER = "the provider's content filter held the answer back"
TEXT = [{"type": "text", "text": "Half an ans"}]

CASES = [
    # OpenAI
    Case("OpenAI", "Errors", fails(400, openai_error(TOO_LONG, code="context_length_exceeded")),
         reason=f"400 from openai: {TOO_LONG}"),
    Case("OpenAI", "Errors", fails(500, openai_error("The server had an error", "server_error")),
         reason="500 from openai: The server had an error", tries=2),
    Case("OpenAI", "Errors", fails(401, openai_error("Incorrect API key provided.", code="invalid_api_key")),
         reason="401 from openai: Incorrect API key provided.; check portkey_api_key, provider_api_key or "
         "virtual_key of the engine"),
    Case("OpenAI", "Errors",
         fails(429, openai_error("You exceeded your current quota, please check your plan and billing details.",
                                 "insufficient_quota", "insufficient_quota")),
         reason="429 from openai: You exceeded your current quota, please check your plan and billing details."),
    Case("OpenAI", "Waits", fails(429, openai_error("Rate limit reached", code="rate_limit_exceeded"), retry_after="7"),
         wait=7),
    Case("OpenAI", "Waits", fails(429, openai_error("Rate limit reached"), retry_after_ms="250"), wait=0.25),
    Case("OpenAI", "Waits",
         fails(429, openai_error("Rate limit reached"), x_ratelimit_reset_requests="1m20s",
               x_ratelimit_remaining_requests="0"), wait=80),
    Case("OpenAI", "Waits",
         fails(429, openai_error("Rate limit reached for gpt-4o. Please try again in 6.5s. Visit …")), wait=6.5),
    Case("OpenAI", "Refusals", chat(None, refusal="I can't help with that."), reason="the model refused"),
    Case("OpenAI", "Filters", chat("Half an ans", "content_filter"), reason=FILTER),
    Case("OpenAI", "Cut off", chat("Half an ans", "length"), "Half an ans", evidence={"finish_reason": "length"}),
    # Azure OpenAI
    Case("Azure OpenAI", "Errors",
         fails(404, {"error": {"code": "DeploymentNotFound",
                               "message": "The API deployment for this resource does not exist."}}),
         reason="404 from azure-openai: The API deployment for this resource does not exist."),
    Case("Azure OpenAI", "Waits",
         fails(429, {"error": {"code": "429", "message": "Requests have exceeded the token rate limit. Please retry "
                               "after 9 seconds."}}), wait=9),
    Case("Azure OpenAI", "Refusals", chat(None, refusal="No."), reason="the model refused"),
    Case("Azure OpenAI", "Filters",
         fails(400, {"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's "
                               "content management policy.", "type": None, "param": "prompt", "code": "content_filter",
                               "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
         reason="400 from azure-openai: The response was filtered due to the prompt triggering Azure OpenAI's "
         "content management policy."),
    Case("Azure OpenAI", "Filters", chat("Half", "content_filter"), reason=FILTER),
    Case("Azure OpenAI", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    # Anthropic
    Case("Anthropic", "Errors",
         fails(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
         reason="529 from anthropic: Overloaded", tries=2),
    Case("Anthropic", "Errors",
         fails(400, {"type": "error", "error": {"type": "invalid_request_error",
                                                "message": "Your credit balance is too low to access the API."}}),
         reason="400 from anthropic: Your credit balance is too low to access the API."),
    Case("Anthropic", "Waits",
         fails(429, {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}, retry_after="7"),
         wait=7),
    Case("Anthropic", "Refusals", claude(TEXT, "refusal"), reason="the model refused"),
    Case("Anthropic", "Filters",
         fails(400, {"type": "error", "error": {"type": "invalid_request_error",
                                                "message": "Output blocked by content filtering policy"}}),
         reason="400 from anthropic: Output blocked by content filtering policy"),
    Case("Anthropic", "Cut off", claude(TEXT, "max_tokens"), "Half an ans", evidence={"finish_reason": "max_tokens"}),
    Case("Anthropic", "Cut off", claude([], "model_context_window_exceeded"),
         reason="max_tokens ran out before the model wrote any text; raise max_tokens"),
    Case("Anthropic", "Reasoning",
         claude([{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "Yes"}], "end_turn"),
         "Yes", evidence={"reasoning": "Hm."}),
    # Gemini
    Case("Gemini", "Errors",
         fails(503, {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}),
         reason="503 from google: The model is overloaded.", tries=2),
    Case("Gemini", "Errors",
         fails(400, [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]),
         reason="400 from google: API key not valid.; "
         "check portkey_api_key, provider_api_key or virtual_key of the engine"),
    Case("Gemini", "Waits",
         fails(429, {"error": {"code": 429, "message": "You exceeded your current quota, please check your plan and "
                               "billing details. Please retry in 25.5s.", "status": "RESOURCE_EXHAUSTED"}}), wait=25.5),
    Case("Gemini", "Filters", gemini([{"text": "Half an ans"}], "SAFETY"), reason=FILTER),
    Case("Gemini", "Filters", gemini([{"text": "Half an ans"}], "RECITATION"),
         reason=f"{FILTER} (finish reason RECITATION)"),
    Case("Gemini", "Filters", Fault(status=200, body={"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                                                      "usageMetadata": {"promptTokenCount": 3}}),
         reason="an error in a reply of status 200 from google: the provider's content filter held the prompt back "
         "(PROHIBITED_CONTENT)"),
    Case("Gemini", "Cut off", gemini([{"text": "Half an ans"}], "MAX_TOKENS"), "Half an ans"),
    Case("Gemini", "Reasoning", gemini([{"text": "Hm.", "thought": True}, {"text": "Yes"}], "STOP"), "Yes",
         evidence={"reasoning": "Hm."}),
    # Gemini behind its OpenAI-compatible address
    Case("Gemini, OpenAI-compatible", "Errors",
         fails(400, [{"error": {"code": 400, "message": "Invalid JSON payload received.",
                                "status": "INVALID_ARGUMENT"}}]),
         reason="400 from openai: Invalid JSON payload received."),
    Case("Gemini, OpenAI-compatible", "Waits",
         fails(429, [{"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED", "details": [
             {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "25s"}]}}]), wait=25),
    Case("Gemini, OpenAI-compatible", "Filters", chat("Half", "content_filter: PROHIBITED_CONTENT"),
         reason=f"{FILTER} (finish reason content_filter: PROHIBITED_CONTENT)"),
    Case("Gemini, OpenAI-compatible", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("Gemini, OpenAI-compatible", "Reasoning", chat("<thought>Hm.</thought>Yes"), "Yes",
         evidence={"reasoning": "Hm."}),
    # Mistral
    Case("Mistral", "Errors",
         fails(422, {"object": "error", "message": {"detail": [{"type": "missing", "loc": ["body", "messages"],
                                                                "msg": "Field required"}]},
                     "type": "invalid_request_error", "param": None, "code": None}),
         reason="422 from mistral-ai: the gateway did not pass on the provider's words"),
    Case("Mistral", "Errors", fails(400, {"object": "error", "message": "Invalid model: m", "type": "invalid_model",
                                          "param": None, "code": "1500"}),
         reason="400 from mistral-ai: Invalid model: m"),
    Case("Mistral", "Errors", chat("Half", "error"),
         reason="the provider failed while it wrote the answer (finish reason error)", tries=2),
    Case("Mistral", "Waits",
         fails(429, {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited",
                     "code": "1300"}, retry_after="3"), wait=3),
    Case("Mistral", "Cut off", chat("Half an ans", "model_length"), "Half an ans"),
    Case("Mistral", "Reasoning",
         chat([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes"}]),
         "Yes", evidence={"reasoning": "Hm."}),
    # Groq
    Case("Groq", "Errors",
         fails(400, {"error": {"message": "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' "
                               "for more details.", "type": "invalid_request_error", "code": "json_validate_failed",
                               "failed_generation": "It is"}}),
         reason="400 from groq: Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more "
         "details."),
    Case("Groq", "Waits",
         fails(429, {"error": {"message": "Rate limit reached for model m in organization o on tokens per minute "
                               "(TPM): Limit 6000, Used 5000, Requested 2000. Please try again in 7.66s. Visit …",
                               "type": "tokens", "code": "rate_limit_exceeded"}}), wait=7.66),
    Case("Groq", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("Groq", "Reasoning", chat("Yes", reasoning="Hm."), "Yes", evidence={"reasoning": "Hm."}),
    # OpenRouter
    Case("OpenRouter", "Errors",
         fails(402, {"error": {"code": 402, "message": "This request requires more credits, or fewer max_tokens."}}),
         reason="402 from openrouter: This request requires more credits, or fewer max_tokens."),
    Case("OpenRouter", "Errors",
         Fault(status=200, body={"error": {"code": 502, "message": "Provider returned error", "metadata": {
             "raw": '{"error": {"message": "GPU is gone"}}', "provider_name": "P"}}, "user_id": "u"}),
         reason="an error in a reply of status 200 from openrouter: Provider returned error: GPU is gone", tries=2),
    Case("OpenRouter", "Waits",
         fails(429, {"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-min. Try again in 30s"}}),
         wait=30),
    Case("OpenRouter", "Filters",
         fails(403, {"error": {"code": 403, "message": "Your input was flagged by moderation", "metadata": {
             "reasons": ["violence"], "flagged_input": "…", "provider_name": "P"}}}),
         reason="403 from openrouter: Your input was flagged by moderation"),
    Case("OpenRouter", "Filters", chat("Half", "content_filter"), reason=FILTER),
    Case("OpenRouter", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("OpenRouter", "Reasoning", chat("Yes", reasoning="Hm."), "Yes", evidence={"reasoning": "Hm."}),
    # Bedrock
    Case("Bedrock", "Errors",
         fails(403, {"Message": "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel"}),
         reason="403 from bedrock: User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel; "
         "check portkey_api_key, provider_api_key or virtual_key of the engine"),
    Case("Bedrock", "Errors",
         fails(429, {"message": "Too many tokens, please wait before trying again."}),
         reason="429 from bedrock: Too many tokens, please wait before trying again.", tries=2),
    Case("Bedrock", "Filters", converse([{"text": "Blocked."}], "guardrail_intervened"),
         reason=f"{FILTER} (finish reason guardrail_intervened)"),
    Case("Bedrock", "Filters", converse([{"text": "Half"}], "content_filtered"), reason=FILTER),
    Case("Bedrock", "Cut off", converse([{"text": "Half an ans"}], "max_tokens"), "Half an ans"),
    Case("Bedrock", "Reasoning",
         converse([{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}, {"text": "Yes"}],
                  "end_turn"), "Yes", evidence={"reasoning": "Hm."}),
    # Servers of one's own
    Case("vLLM", "Errors",
         fails(400, {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}),
         reason=f"400 from openai: {TOO_LONG}"),
    Case("vLLM", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("vLLM", "Reasoning", chat("Yes", reasoning_content="Hm."), "Yes", evidence={"reasoning": "Hm."}),
    Case("Ollama", "Errors", fails(404, {"error": {"message": "model 'llama9' not found", "type": "not_found_error",
                                                   "param": None, "code": None}}),
         reason="404 from ollama: model 'llama9' not found; write model = '…' in CREATE MODEL or SELECT … USING with "
         "a model that the provider has, instead of 'm'"),
    Case("Ollama", "Errors", fails(500, {"error": "llama runner process has terminated"}),
         reason="500 from ollama: the gateway did not pass on the provider's words", tries=2),
    Case("Ollama", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("Ollama", "Reasoning", chat("<think>\nHm.\n</think>\n\nYes"), "Yes", evidence={"reasoning": "Hm."}),
    Case("Ollama", "Reasoning", chat("<think>\nHm.", "length"),
         reason="max_tokens ran out before the reasoning ended; raise max_tokens"),
    Case("LM Studio", "Errors", Fault(status=200, body={"error": "Unexpected endpoint or method. (POST /x)"}),
         reason="an error in a reply of status 200: Unexpected endpoint or method. (POST /x)", tries=2),
    Case("LM Studio", "Errors",
         fails(400, {"error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is "
                     "loaded with context length of only 4096 tokens, which is not enough."}),
         reason="400: Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded "
         "with context length of only 4096 tokens, which is not enough."),
    Case("LM Studio", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("LM Studio", "Reasoning", chat("Hm.</think>Yes"), "Yes", evidence={"reasoning": "Hm."}),
    Case("llama.cpp", "Errors",
         fails(400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing "
                               "it", "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}}),
         reason="400 from openai: the request exceeds the available context size, try increasing it"),
    Case("llama.cpp", "Errors",
         fails(503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}),
         reason="503 from openai: Loading model", tries=2),
    Case("llama.cpp", "Cut off", chat("Half an ans", "length"), "Half an ans"),
    Case("llama.cpp", "Reasoning", chat("Yes", reasoning_content="Hm."), "Yes", evidence={"reasoning": "Hm."}),
    Case("FastAPI servers", "Errors", fails(404, {"detail": "Not Found"}), reason="404 from openai: Not Found"),
    Case("FastAPI servers", "Errors",
         fails(422, {"detail": [{"loc": ["body", "max_tokens"], "msg": "Input should be less than 100", "type": "x"}]}),
         reason="422 from openai: body.max_tokens: Input should be less than 100"),
    Case("FastAPI servers", "Errors", fails(500, "Internal Server Error"),
         reason="500 from openai: Internal Server Error", tries=2),
    Case("FastAPI servers", "Waits", fails(503, {"detail": "Server busy"}, retry_after="2"), wait=2),
    Case("FastAPI servers", "Cut off", chat("Half an ans", "length"), "Half an ans"),
]  # fmt: skip


def engine_of(family: str, gateway: Gateway, provider: OfflineProvider) -> dict[str, Any]:
    """Give the options of an engine of a family, with the stand-in as its provider."""
    name, more = FAMILIES[family]
    if not name:
        return {"base_url": provider.base_url}
    address = {"base_url": gateway.base_url, "custom_host": provider.base_url, "provider": name}
    return {**address, **({} if name == "bedrock" else {"provider_api_key": "canary-key"}), **more}


def label(case: Case) -> str:
    """Name a case."""
    return f"{case.family}-{case.column}-{CASES.index(case)}"


@pytest.mark.parametrize("case", [case for case in CASES if case.wait is None], ids=label)
def test_a_reply(
    case: Case, gateway: Gateway, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer or the reason; what stands in the evidence; whether it is tried again."""
    monkeypatch.setattr(backoff, "_FIRST_BACKOFF", 0.0)
    provider.behaviour.faults = lambda _: case.fault
    using = {"model": "m", "max_attempts": 2, "max_tokens": 50}
    row = predict(
        provider, {"q": ["How is it?"]}, using, engine=engine_of(case.family, gateway, provider)
    ).iloc[0]
    assert (row["answer"], row["answer_error"]) == (case.value, case.reason)
    found = {name: row["answer_evidence"].get(name) for name in case.evidence}
    assert found == case.evidence
    assert len(provider.requests) == case.tries
    assert "canary-key" not in json.dumps(row["answer_evidence"])


@pytest.mark.parametrize("case", [case for case in CASES if case.wait is not None], ids=label)
def test_a_wait(case: Case, gateway: Gateway, provider: OfflineProvider) -> None:
    """The seconds that the provider asks for, in a header or in its words."""
    provider.behaviour.faults = lambda _: case.fault
    engine = engine_of(case.family, gateway, provider)
    resolved = resolve(target="a", engine=engine, model={"model": "m"}, environment={})
    body = orjson.dumps({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]})

    async def sending() -> None:
        async with Door(GatewayConfig.resolve(resolved.credentials, resolved.plan)) as door:
            await door.send(Request("/chat/completions", body))

    with pytest.raises(GatewayError) as caught:
        run_sync(sending())
    assert caught.value.retryable
    assert caught.value.retry_after == pytest.approx(case.wait)


def rows_of_the_table() -> dict[str, list[str]]:
    """Give the cells of the page's table by family."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(header[1:]) == COLUMNS
    return {row[0]: row[1:] for row in rows}


def test_every_cell_of_the_page_has_its_tests() -> None:
    """A cell that says something has a case, and one without says so; words in code stand in a case."""
    table = rows_of_the_table()
    assert list(table) == list(FAMILIES)
    for family, cells in table.items():
        for column, cell in zip(COLUMNS, cells, strict=True):
            cases = [case for case in CASES if (case.family, case.column) == (family, column)]
            assert bool(cases) == (cell != "\u2013"), (family, column)
            shown = json.dumps([[case.fault.body, dict(case.fault.headers)] for case in cases]).lower()
            for word in re.findall(r"`([^`]+)`", cell):
                assert all(part in shown for part in word.lower().split(": ")), (family, column, word)
