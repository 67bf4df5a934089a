"""Read a reply: a text, an object, or the reason why there is neither."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import NoneType
from typing import Any

import orjson

from ..errors import InvalidResponseError
from ..foreign_text import as_id, as_name
from ..records import Ending, Evidence, Outcome, Response, ending_of, is_cut_off
from .json_extraction import NotReadable, exactly, unfenced
from .reasoning import split_reasoning

#: Why there is no answer where a model stopped for one of these reasons, with text or without.
_NO_ANSWER = {
    Ending.FILTERED: "the provider's content filter held the answer back",
    Ending.REFUSED: "the model refused",
    Ending.FAILED: "the model failed to write an answer",
    Ending.BROKEN_OFF: "the provider failed while the answer was written",
}
NO_TEXT = "the model gave no text"
#: Finish reasons that say no more than the sentence.
_PLAIN_WORDS = frozenset({"content_filter", "content_filtered", "safety", "refusal", "error"})
#: Kinds of parts that hold reasoning.
_THOUGHTS = frozenset({"thinking", "reasoning", "redacted_thinking"})
_MOST_REASONING = 2_000
#: Fields of a message with the model's reasoning: of DeepSeek and vLLM, of OpenRouter and Groq, and the
#: gateway's own, where it translates Anthropic, Bedrock and Gemini.
_REASONING = ("reasoning_content", "reasoning", "content_blocks")
_LONGEST_SHOWN = 40
#: The tokens that are told of a batch.
_IN_A_BATCH = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")
#: More tokens than any request has; with this bound, sums can be stored.
_MOST_TOKENS = 2**40


def read_chat(reply: Response, *, as_json: bool = False) -> Outcome:
    """Return the outcome of a chat completion.

    Args:
        reply: The reply.
        as_json: Whether the text was requested as JSON; the answer is then its value.

    Raises:
        InvalidResponseError: The reply is not a chat completion.
    """
    evidence = evidence_of_reply(reply)
    body = reply.body
    try:
        message = body["choices"][0]["message"]
        content, reasoning = _text_and_reasoning(message.get("content"))
    except (AttributeError, IndexError, KeyError, TypeError):
        raise malformed(reply, "a chat completion", evidence) from None
    if (stopped := stopped_by(evidence)) is not None:
        return stopped
    if _is_refusal(message):
        return Outcome.failure("the model refused", evidence)
    fields = (_reasoning_in(message.get(name)) for name in _REASONING)
    if reasoning := reasoning or next((text for text in fields if text), ""):
        evidence = evidence._replace(reasoning=reasoning[:_MOST_REASONING])
    if called := _calls(message):
        return Outcome(called, evidence=evidence)
    if content is not None and (thought := split_reasoning(content)) is not None:
        reasoning, content = thought
        evidence = evidence._replace(reasoning=reasoning[:_MOST_REASONING])
        if content is None:
            return _unfinished(evidence)
    if content:
        return _json(content, evidence) if as_json else Outcome(content, evidence=evidence)
    # In JSON mode an empty text is no answer, because it is not JSON.
    return _without_text(None if as_json else content, evidence)


def _text_and_reasoning(content: Any) -> tuple[str | None, str]:
    """Return the text of a message's content, in each shape that servers give it, and reasoning among it."""
    if content is None or isinstance(content, str):
        return content, ""
    if isinstance(content, Mapping) and isinstance(content.get("parts"), list):  # Gemini's own
        content = content["parts"]
    parts = content if isinstance(content, list) else [content]
    texts = [_text_of_part(part) for part in parts if not _is_thought(part)]
    known = [text for text in texts if text is not None]
    if not known and any(not _is_typed(part) for part in parts):
        return _as_json(content), ""  # the server has parsed the answer
    return "".join(known), _reasoning_in(content)


def _reasoning_in(content: Any) -> str:
    """Return the reasoning in a field of a message: a text, or the parts of that kind."""
    if isinstance(content, str):
        return content
    thoughts = [part for part in content if _is_thought(part)] if isinstance(content, list) else []
    inside = [part.get("thinking") or part.get("text") for part in thoughts]
    flat = [one for part in inside for one in (part if isinstance(part, list) else [part])]
    return "".join(text for one in flat if (text := _text_of_part(one)) is not None)


def _is_thought(part: Any) -> bool:
    return isinstance(part, Mapping) and (part.get("type") in _THOUGHTS or part.get("thought") is True)


def _is_refusal(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return bool(message.get("refusal")) or any(
        isinstance(part, Mapping) and part.get("type") == "refusal" for part in parts
    )


def _as_json(value: Any) -> str | None:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested more deeply than a column can hold
        return None


def _text_of_part(part: Any) -> str | None:
    """Return the text of one part of a content; None for a part of another kind."""
    text = part.get("text") if isinstance(part, Mapping) else part
    if isinstance(text, Mapping):
        text = text.get("value")
    return text if isinstance(text, str) else None


def _is_typed(part: Any) -> bool:
    """Return whether a part says of what kind it is: it is then no answer that a server has parsed."""
    return part is None or (isinstance(part, Mapping) and ("type" in part or "text" in part))


def _unfinished(evidence: Evidence) -> Outcome:
    if is_cut_off(evidence.finish_reason):
        return Outcome.failure("max_tokens ran out before the reasoning ended; raise max_tokens", evidence)
    return Outcome.failure("the model's reasoning (<think>) has no end, and no answer behind it", evidence)


def stopped_by(evidence: Evidence) -> Outcome | None:
    """Return why a reply is no answer, even if it has text, or None; its finish reason tells."""
    said = _NO_ANSWER.get(ending_of(evidence.finish_reason))
    if said is None:
        return None
    word = evidence.finish_reason
    shown = "" if str(word).lower() in _PLAIN_WORDS else f" (finish reason {word})"
    return Outcome.failure(said + shown, evidence)


def wants_json(parameters: Mapping[str, Any]) -> bool:
    """Return whether the parameters of a request ask for an answer in JSON."""
    wanted = parameters.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def read_completion(reply: Response) -> Outcome:
    """Return the outcome of a completion.

    Raises:
        InvalidResponseError: The reply is not a completion.
    """
    evidence = evidence_of_reply(reply)
    try:
        text, _ = _text_and_reasoning(reply.body["choices"][0]["text"])
    except (IndexError, KeyError, TypeError):
        raise malformed(reply, "a completion", evidence) from None
    if (stopped := stopped_by(evidence)) is not None:
        return stopped
    if text is not None and (thought := split_reasoning(text)) is not None:
        reasoning, text = thought
        evidence = evidence._replace(reasoning=reasoning[:_MOST_REASONING])
        if text is None:
            return _unfinished(evidence)
    return Outcome(text, evidence=evidence) if text else _without_text(text, evidence)


def evidence_of_reply(reply: Response) -> Evidence:
    """Return the evidence of a response: what the responses of all operations have in the same fields."""
    evidence, body = reply.evidence, reply.body
    if not isinstance(body, dict):
        return evidence
    usage = body.get("usage")
    if not isinstance(usage, dict):
        usage = {}
    prompt, completion, cached, written = _used(usage)
    tier = body.get("service_tier") or usage.get("service_tier")
    finish_reason, logprobs = _end_of(body)
    found = evidence._replace(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_counted(usage.get("total_tokens")),
        cached_tokens=cached,
        cache_write_tokens=written or None,
        finish_reason=finish_reason,
        logprobs=logprobs,
        model=_shared(body.get("model")),
        request_id=as_id(body.get("id")) or evidence.request_id,
        system_fingerprint=_shared(body.get("system_fingerprint")),
        service_tier=_shared(tier.lower() if isinstance(tier, str) else None),
    )
    return found if found.batch is None else found._replace(batch=_of_batch(found.batch, found))


def _of_batch(batch: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """Return the evidence of a batch with the tokens that it has answered."""
    counts = {name: getattr(evidence, name) for name in _IN_A_BATCH}
    return {**batch, **{name: count for name, count in counts.items() if count is not None}}


def _used(usage: Mapping[str, Any]) -> tuple[int | None, int | None, int | None, int | None]:
    """Return the tokens of the prompt, of the answer, and of the prompt read from and written to a cache.

    Every token is counted that is paid, because max_cost stands on it: Anthropic counts what it reads from
    its cache, or writes there, beside the prompt, and Gemini and xAI count reasoning beside the answer.
    """
    # Names of OpenAI first; then those of Anthropic and of /responses.
    prompt = _counted(usage.get("prompt_tokens", usage.get("input_tokens")))
    completion = _counted(usage.get("completion_tokens", usage.get("output_tokens")))
    total = _counted(usage.get("total_tokens"))
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    inside = details if isinstance(details, dict) else {}
    cached = _counted(inside.get("cached_tokens"))
    read, written = (
        _counted(usage.get(name)) for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    cached = read if cached is None else cached
    if prompt is None:
        return prompt, completion, cached, written
    beside = (read or 0) + (written or 0)
    # A prompt that includes them makes the total with the answer alone.
    if beside and total != prompt + (completion or 0):
        prompt += beside
    if (cached or 0) > prompt:
        prompt += cached or 0
    if completion is not None and total is not None:
        completion = max(completion, total - prompt)
    # OpenRouter counts what was written within the prompt.
    return prompt, completion, cached, written or _counted(inside.get("cache_write_tokens"))


def _counted(tokens: Any) -> int | None:
    """Return a number of tokens, or None if the provider sent something else."""
    return tokens if type(tokens) is int and 0 <= tokens < _MOST_TOKENS else None


def _end_of(body: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Return the finish reason and the log probabilities of a chat, a completion, /messages or /responses."""
    choices, incomplete, logprobs = body.get("choices"), body.get("incomplete_details"), None
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        found = choices[0].get("finish_reason")
        logprobs = choices[0].get("logprobs")
    else:
        found = incomplete.get("reason") if isinstance(incomplete, dict) else body.get("stop_reason")
    return _shared(found), logprobs


def malformed(reply: Response, what: str, evidence: Evidence) -> InvalidResponseError:
    """Return the error of a response that does not have the expected form."""
    return InvalidResponseError(
        f"the reply is not {what}: {_shape(reply.body)}",
        status=reply.status,
        trace_id=evidence.trace_id,
        evidence=evidence,
    )


def _calls(message: Mapping[str, Any]) -> Any:
    """Return the tool call of a message as an object of name and arguments; several calls as a list."""
    listed = message.get("tool_calls")
    calls = (
        [call.get("function") for call in listed if isinstance(call, dict)]
        if isinstance(listed, list)
        else []
    )
    if not calls and isinstance(message.get("function_call"), dict):
        calls = [message["function_call"]]
    found = [
        {"name": call.get("name"), "arguments": _arguments(call.get("arguments"))}
        for call in calls
        if isinstance(call, dict) and isinstance(call.get("name"), (str, NoneType))
    ]
    return found[0] if len(found) == 1 else found


def _arguments(written: Any) -> Any:
    """Return arguments as an object; text that is not JSON stays as the model wrote it."""
    if not isinstance(written, str):
        return written
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        return written


def _json(content: str, evidence: Evidence) -> Outcome:
    try:
        return Outcome(exactly(unfenced(content)), evidence=evidence)
    except NotReadable as found:
        if is_cut_off(evidence.finish_reason):
            return Outcome.failure(
                "max_tokens ran out before the JSON was complete; raise max_tokens", evidence
            )
        said = f"the model's text cannot be used as JSON, which response_format asked for: {found}"
        return Outcome.failure(said, evidence)


def _without_text(content: str | None, evidence: Evidence) -> Outcome:
    if is_cut_off(evidence.finish_reason):
        return Outcome.failure(
            "max_tokens ran out before the model wrote any text; raise max_tokens", evidence
        )
    if content == "":
        return Outcome("", evidence=evidence)
    return Outcome.failure(NO_TEXT, evidence)


def _shared(text: Any) -> str | None:
    """Return an interned text, because a million rows have few different ones; None for other types."""
    name = as_name(text)
    return None if name is None else sys.intern(name)


def _shape(body: Any) -> str:
    if isinstance(body, dict):
        names = [str(name)[:_LONGEST_SHOWN] for name in body]
        return f"an object with {', '.join(sorted(names)[:8]) or 'nothing in it'}"
    return f"{type(body).__name__}"
