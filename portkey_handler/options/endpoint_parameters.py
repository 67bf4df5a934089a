"""The body parameters that each endpoint documents, with their kinds.

The table is generated: ``python scripts/generate_endpoint_parameters.py`` reads the typed parameters of the
installed SDK and adds those that its types lack, each with its source. A test says when it is stale.

Not in it is what an operation owns: `messages`, `prompt`, `input`, `model`, `stream`, `stream_options`, `n`,
and `metadata`, which is the gateway's option of that name. `parameters` puts anything else into the body.
"""

from __future__ import annotations

from typing import Any

from .parameter_types import Parameter

# Generated: begin
CHAT: dict[str, Parameter] = {
    "audio": Parameter("object", "Voice and format of a spoken answer"),
    "frequency_penalty": Parameter("number", "Make tokens less likely the more often they came"),
    "function_call": Parameter(
        "string|object",
        "Which of functions is called (older form of tool_choice)",
        values=("none", "auto"),
    ),
    "functions": Parameter("array", "Functions that the model may call (older form of tools)"),
    "logit_bias": Parameter(
        "object",
        "Token id → how much likelier (up to 100) or less likely (down to -100) it becomes",
    ),
    "logprobs": Parameter("boolean", "Return log probabilities of the tokens"),
    "max_completion_tokens": Parameter("integer", "Most tokens of an answer, reasoning included", minimum=1),
    "max_tokens": Parameter("integer", "Most tokens of an answer", minimum=1),
    "modalities": Parameter("array", "Kinds of output", values=("text", "audio"), items="string"),
    "parallel_tool_calls": Parameter("boolean", "Allow several tool calls at once"),
    "prediction": Parameter("object", "Text that most of the answer is expected to equal, to be faster"),
    "presence_penalty": Parameter("number", "Make tokens less likely that came before"),
    "prompt_cache_key": Parameter("string", "Requests with an equal key share the provider's prompt cache"),
    "prompt_cache_retention": Parameter(
        "string",
        "How long the provider's prompt cache keeps a prompt",
        values=("in-memory", "24h"),
    ),
    "reasoning_effort": Parameter(
        "string",
        "How much a reasoning model thinks",
        values=("none", "minimal", "low", "medium", "high", "xhigh"),
    ),
    "response_format": Parameter("object", "Form of the answer: text, a JSON object, or a JSON schema"),
    "safe_prompt": Parameter("boolean", "Put the provider's safety text before the conversation"),
    "safety_identifier": Parameter(
        "string",
        "Stable and anonymous id of the end user, for the provider's abuse detection",
    ),
    "safety_settings": Parameter("array", "Thresholds of the provider's safety filters"),
    "seed": Parameter("integer", "Sample the same way again, as far as the provider can"),
    "service_tier": Parameter(
        "string",
        "The provider's class of service",
        values=("auto", "default", "flex", "scale", "priority"),
    ),
    "stop": Parameter(
        "string|array",
        "Text, or up to a few texts, before which the answer ends",
        items="string",
    ),
    "store": Parameter("boolean", "Keep the answer at the provider"),
    "temperature": Parameter("number", "How freely tokens are chosen; 0 is the most predictable"),
    "thinking": Parameter("object", "Thinking before the answer and its budget of tokens"),
    "tool_choice": Parameter(
        "string|object",
        "Which of tools is called: none, auto, required, or one of them",
        values=("none", "auto", "required"),
    ),
    "tools": Parameter("array", "Tools that the model may call"),
    "top_k": Parameter("integer", "Choose among so many of the likeliest tokens"),
    "top_logprobs": Parameter(
        "integer",
        "Of how many likeliest tokens to return the log probability",
        minimum=0,
    ),
    "top_p": Parameter("number", "Choose among the likeliest tokens that make up this share"),
    "user": Parameter("string", "Id of the end user, for the provider"),
    "verbosity": Parameter("string", "How wordy the answer is", values=("low", "medium", "high")),
    "web_search_options": Parameter("object", "Search the web for the answer"),
}

COMPLETION: dict[str, Parameter] = {
    "best_of": Parameter(
        "integer",
        "Make so many completions at the provider and return the best",
        minimum=1,
    ),
    "echo": Parameter("boolean", "Return the prompt before the completion"),
    "frequency_penalty": Parameter("number", "Make tokens less likely the more often they came"),
    "logit_bias": Parameter(
        "object",
        "Token id → how much likelier (up to 100) or less likely (down to -100) it becomes",
    ),
    "logprobs": Parameter("integer", "Return log probabilities of the tokens"),
    "max_tokens": Parameter("integer", "Most tokens of an answer", minimum=1),
    "presence_penalty": Parameter("number", "Make tokens less likely that came before"),
    "seed": Parameter("integer", "Sample the same way again, as far as the provider can"),
    "stop": Parameter(
        "string|array",
        "Text, or up to a few texts, before which the answer ends",
        items="string",
    ),
    "suffix": Parameter("string", "Text that comes after the completion"),
    "temperature": Parameter("number", "How freely tokens are chosen; 0 is the most predictable"),
    "top_k": Parameter("integer", "Choose among so many of the likeliest tokens"),
    "top_p": Parameter("number", "Choose among the likeliest tokens that make up this share"),
    "user": Parameter("string", "Id of the end user, for the provider"),
}

EMBEDDING: dict[str, Parameter] = {
    "dimensions": Parameter("integer", "Length of the vectors", minimum=1),
    "encoding_format": Parameter("string", "How vectors travel", values=("float", "base64")),
    "input_type": Parameter("string", "What the vectors are for, such as search_document or search_query"),
    "truncate": Parameter("string", "Which end of a text that is too long is cut off"),
    "user": Parameter("string", "Id of the end user, for the provider"),
}

PROMPT: dict[str, Parameter] = {
    "audio": Parameter("object", "Voice and format of a spoken answer"),
    "best_of": Parameter(
        "integer",
        "Make so many completions at the provider and return the best",
        minimum=1,
    ),
    "echo": Parameter("boolean", "Return the prompt before the completion"),
    "frequency_penalty": Parameter("number", "Make tokens less likely the more often they came"),
    "function_call": Parameter(
        "string|object",
        "Which of functions is called (older form of tool_choice)",
        values=("none", "auto"),
    ),
    "functions": Parameter("array", "Functions that the model may call (older form of tools)"),
    "logit_bias": Parameter(
        "object",
        "Token id → how much likelier (up to 100) or less likely (down to -100) it becomes",
    ),
    "logprobs": Parameter("integer|boolean", "Return log probabilities of the tokens"),
    "max_completion_tokens": Parameter("integer", "Most tokens of an answer, reasoning included", minimum=1),
    "max_tokens": Parameter("integer", "Most tokens of an answer", minimum=1),
    "modalities": Parameter("array", "Kinds of output", values=("text", "audio"), items="string"),
    "parallel_tool_calls": Parameter("boolean", "Allow several tool calls at once"),
    "prediction": Parameter("object", "Text that most of the answer is expected to equal, to be faster"),
    "presence_penalty": Parameter("number", "Make tokens less likely that came before"),
    "prompt_cache_key": Parameter("string", "Requests with an equal key share the provider's prompt cache"),
    "prompt_cache_retention": Parameter(
        "string",
        "How long the provider's prompt cache keeps a prompt",
        values=("in-memory", "24h"),
    ),
    "reasoning_effort": Parameter(
        "string",
        "How much a reasoning model thinks",
        values=("none", "minimal", "low", "medium", "high", "xhigh"),
    ),
    "response_format": Parameter("object", "Form of the answer: text, a JSON object, or a JSON schema"),
    "safe_prompt": Parameter("boolean", "Put the provider's safety text before the conversation"),
    "safety_identifier": Parameter(
        "string",
        "Stable and anonymous id of the end user, for the provider's abuse detection",
    ),
    "safety_settings": Parameter("array", "Thresholds of the provider's safety filters"),
    "seed": Parameter("integer", "Sample the same way again, as far as the provider can"),
    "service_tier": Parameter(
        "string",
        "The provider's class of service",
        values=("auto", "default", "flex", "scale", "priority"),
    ),
    "stop": Parameter(
        "string|array",
        "Text, or up to a few texts, before which the answer ends",
        items="string",
    ),
    "store": Parameter("boolean", "Keep the answer at the provider"),
    "suffix": Parameter("string", "Text that comes after the completion"),
    "temperature": Parameter("number", "How freely tokens are chosen; 0 is the most predictable"),
    "thinking": Parameter("object", "Thinking before the answer and its budget of tokens"),
    "tool_choice": Parameter(
        "string|object",
        "Which of tools is called: none, auto, required, or one of them",
        values=("none", "auto", "required"),
    ),
    "tools": Parameter("array", "Tools that the model may call"),
    "top_k": Parameter("integer", "Choose among so many of the likeliest tokens"),
    "top_logprobs": Parameter(
        "integer",
        "Of how many likeliest tokens to return the log probability",
        minimum=0,
    ),
    "top_p": Parameter("number", "Choose among the likeliest tokens that make up this share"),
    "user": Parameter("string", "Id of the end user, for the provider"),
    "verbosity": Parameter("string", "How wordy the answer is", values=("low", "medium", "high")),
    "web_search_options": Parameter("object", "Search the web for the answer"),
}
# Generated: end

#: endpoint → name → parameter. A prompt's parameters override those it was saved with, and it may have been
#: saved for either endpoint.
PARAMETERS: dict[str, dict[str, Parameter]] = {
    "chat": CHAT,
    "completion": COMPLETION,
    "embedding": EMBEDDING,
    "prompt": PROMPT,
}


def coerce(endpoint: str, name: str, value: Any) -> Any:
    """Return a value of USING as the JSON type of an endpoint's parameter.

    Args:
        endpoint: "chat", "completion", "embedding" or "prompt".
        name: A name in ``PARAMETERS[endpoint]``.
        value: As written in SQL or given from Python; numbers, booleans, objects and arrays may be strings.
            None stays None (it is not sent).

    Raises:
        ValueError: Of another kind, or out of bounds: "expected a number, got 'many'".
        KeyError: There is no such endpoint or parameter.
    """
    return PARAMETERS[endpoint][name].convert(value)
