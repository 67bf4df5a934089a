"""The body parameters that each endpoint documents, with their kinds.

The table is generated: ``python scripts/generate_endpoint_parameters.py`` reads the typed parameters of the
installed SDK and adds those that its types lack, each with its source. A test fails when it is stale.

It lacks the parameters that an operation sets (`messages`, `prompt`, `input`, `model`, `stream`,
`stream_options`, `n`), and `metadata`, which is an option of the gateway. `parameters` puts anything else
into the body.
"""

from __future__ import annotations

from typing import Any

from .parameter_types import Parameter

# Generated: begin
CHAT: dict[str, Parameter] = {
    "audio": Parameter("object", "Voice and format of a spoken answer"),
    "frequency_penalty": Parameter("number", "Make tokens less likely the more often they have occurred"),
    "function_call": Parameter(
        "string|object",
        "Which of functions is called (older form of tool_choice)",
        values=("none", "auto"),
    ),
    "functions": Parameter("array", "Functions that the model may call (older form of tools)"),
    "logit_bias": Parameter("object", "Token id → bias from -100 (never chosen) to 100 (always chosen)"),
    "logprobs": Parameter("boolean", "Return log probabilities of the tokens"),
    "max_completion_tokens": Parameter(
        "integer",
        "Largest number of tokens of an answer, reasoning included",
        minimum=1,
    ),
    "max_tokens": Parameter("integer", "Largest number of tokens of an answer", minimum=1),
    "modalities": Parameter("array", "Kinds of output", values=("text", "audio"), items="string"),
    "parallel_tool_calls": Parameter("boolean", "Allow several tool calls at once"),
    "prediction": Parameter("object", "Expected text of most of the answer, which makes the answer faster"),
    "presence_penalty": Parameter("number", "Make tokens less likely that have occurred already"),
    "prompt_cache_key": Parameter("string", "Requests with an equal key share the provider's prompt cache"),
    "prompt_cache_retention": Parameter(
        "string",
        "How long the provider's prompt cache keeps a prompt",
        values=("in-memory", "24h"),
    ),
    "reasoning_effort": Parameter(
        "string",
        "How much a reasoning model reasons before it answers",
        values=("none", "minimal", "low", "medium", "high", "xhigh"),
    ),
    "response_format": Parameter("object", "Form of the answer: text, a JSON object, or a JSON schema"),
    "safe_prompt": Parameter("boolean", "Put the provider's safety text before the conversation"),
    "safety_identifier": Parameter(
        "string",
        "Stable and anonymous id of the end user, for the provider's abuse detection",
    ),
    "safety_settings": Parameter("array", "Thresholds of the provider's safety filters"),
    "seed": Parameter("integer", "Make sampling repeatable, as far as the provider can"),
    "service_tier": Parameter(
        "string",
        "The provider's class of service",
        values=("auto", "default", "flex", "scale", "priority"),
    ),
    "stop": Parameter("string|array", "Text, or a few texts, before which the answer ends", items="string"),
    "store": Parameter("boolean", "Store the answer at the provider"),
    "temperature": Parameter("number", "Randomness of the answer; 0 is the most predictable"),
    "thinking": Parameter("object", "Reasoning before the answer, and its budget of tokens"),
    "tool_choice": Parameter(
        "string|object",
        "Which of tools is called: none, auto, required, or one of them",
        values=("none", "auto", "required"),
    ),
    "tools": Parameter("array", "Tools that the model may call"),
    "top_k": Parameter("integer", "Choose among this number of the likeliest tokens"),
    "top_logprobs": Parameter(
        "integer",
        "Number of likeliest tokens whose log probabilities are returned",
        minimum=0,
    ),
    "top_p": Parameter(
        "number",
        "Choose among the likeliest tokens whose probabilities add up to this share",
    ),
    "user": Parameter("string", "Id of the end user, for the provider"),
    "verbosity": Parameter("string", "How long and detailed the answer is", values=("low", "medium", "high")),
    "web_search_options": Parameter("object", "Search the web for the answer"),
}

COMPLETION: dict[str, Parameter] = {
    "best_of": Parameter(
        "integer",
        "Number of completions that the provider makes; it returns the best one",
        minimum=1,
    ),
    "echo": Parameter("boolean", "Return the prompt before the completion"),
    "frequency_penalty": Parameter("number", "Make tokens less likely the more often they have occurred"),
    "logit_bias": Parameter("object", "Token id → bias from -100 (never chosen) to 100 (always chosen)"),
    "logprobs": Parameter("integer", "Return log probabilities of the tokens"),
    "max_tokens": Parameter("integer", "Largest number of tokens of an answer", minimum=1),
    "presence_penalty": Parameter("number", "Make tokens less likely that have occurred already"),
    "seed": Parameter("integer", "Make sampling repeatable, as far as the provider can"),
    "stop": Parameter("string|array", "Text, or a few texts, before which the answer ends", items="string"),
    "suffix": Parameter("string", "Text that comes after the completion"),
    "temperature": Parameter("number", "Randomness of the answer; 0 is the most predictable"),
    "top_k": Parameter("integer", "Choose among this number of the likeliest tokens"),
    "top_p": Parameter(
        "number",
        "Choose among the likeliest tokens whose probabilities add up to this share",
    ),
    "user": Parameter("string", "Id of the end user, for the provider"),
}

EMBEDDING: dict[str, Parameter] = {
    "dimensions": Parameter("integer", "Length of the vectors", minimum=1),
    "encoding_format": Parameter(
        "string",
        "Format of the vectors in the response",
        values=("float", "base64"),
    ),
    "input_type": Parameter("string", "Purpose of the vectors, such as search_document or search_query"),
    "truncate": Parameter("string", "Which end of a text that is too long is cut off"),
    "user": Parameter("string", "Id of the end user, for the provider"),
}

PROMPT: dict[str, Parameter] = {
    "audio": Parameter("object", "Voice and format of a spoken answer"),
    "best_of": Parameter(
        "integer",
        "Number of completions that the provider makes; it returns the best one",
        minimum=1,
    ),
    "echo": Parameter("boolean", "Return the prompt before the completion"),
    "frequency_penalty": Parameter("number", "Make tokens less likely the more often they have occurred"),
    "function_call": Parameter(
        "string|object",
        "Which of functions is called (older form of tool_choice)",
        values=("none", "auto"),
    ),
    "functions": Parameter("array", "Functions that the model may call (older form of tools)"),
    "logit_bias": Parameter("object", "Token id → bias from -100 (never chosen) to 100 (always chosen)"),
    "logprobs": Parameter("integer|boolean", "Return log probabilities of the tokens"),
    "max_completion_tokens": Parameter(
        "integer",
        "Largest number of tokens of an answer, reasoning included",
        minimum=1,
    ),
    "max_tokens": Parameter("integer", "Largest number of tokens of an answer", minimum=1),
    "modalities": Parameter("array", "Kinds of output", values=("text", "audio"), items="string"),
    "parallel_tool_calls": Parameter("boolean", "Allow several tool calls at once"),
    "prediction": Parameter("object", "Expected text of most of the answer, which makes the answer faster"),
    "presence_penalty": Parameter("number", "Make tokens less likely that have occurred already"),
    "prompt_cache_key": Parameter("string", "Requests with an equal key share the provider's prompt cache"),
    "prompt_cache_retention": Parameter(
        "string",
        "How long the provider's prompt cache keeps a prompt",
        values=("in-memory", "24h"),
    ),
    "reasoning_effort": Parameter(
        "string",
        "How much a reasoning model reasons before it answers",
        values=("none", "minimal", "low", "medium", "high", "xhigh"),
    ),
    "response_format": Parameter("object", "Form of the answer: text, a JSON object, or a JSON schema"),
    "safe_prompt": Parameter("boolean", "Put the provider's safety text before the conversation"),
    "safety_identifier": Parameter(
        "string",
        "Stable and anonymous id of the end user, for the provider's abuse detection",
    ),
    "safety_settings": Parameter("array", "Thresholds of the provider's safety filters"),
    "seed": Parameter("integer", "Make sampling repeatable, as far as the provider can"),
    "service_tier": Parameter(
        "string",
        "The provider's class of service",
        values=("auto", "default", "flex", "scale", "priority"),
    ),
    "stop": Parameter("string|array", "Text, or a few texts, before which the answer ends", items="string"),
    "store": Parameter("boolean", "Store the answer at the provider"),
    "suffix": Parameter("string", "Text that comes after the completion"),
    "temperature": Parameter("number", "Randomness of the answer; 0 is the most predictable"),
    "thinking": Parameter("object", "Reasoning before the answer, and its budget of tokens"),
    "tool_choice": Parameter(
        "string|object",
        "Which of tools is called: none, auto, required, or one of them",
        values=("none", "auto", "required"),
    ),
    "tools": Parameter("array", "Tools that the model may call"),
    "top_k": Parameter("integer", "Choose among this number of the likeliest tokens"),
    "top_logprobs": Parameter(
        "integer",
        "Number of likeliest tokens whose log probabilities are returned",
        minimum=0,
    ),
    "top_p": Parameter(
        "number",
        "Choose among the likeliest tokens whose probabilities add up to this share",
    ),
    "user": Parameter("string", "Id of the end user, for the provider"),
    "verbosity": Parameter("string", "How long and detailed the answer is", values=("low", "medium", "high")),
    "web_search_options": Parameter("object", "Search the web for the answer"),
}
# Generated: end

#: endpoint → name → parameter. A saved prompt may be a chat or a completion, so it has the parameters of
#: both; they override those of the saved prompt.
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
        ValueError: The value is of another kind, or out of bounds: "expected a number, got 'many'".
        KeyError: There is no such endpoint or parameter.
    """
    return PARAMETERS[endpoint][name].convert(value)
