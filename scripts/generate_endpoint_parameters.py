"""Write portkey_handler/options/endpoint_parameters.py from the typed parameters of the installed SDK.

``--check`` writes nothing and exits with 1 when the table is stale.
"""

from __future__ import annotations

import collections.abc
import inspect
import sys
import types
import typing
from pathlib import Path

from generated_table import main
from portkey_ai._vendor.openai.types import completion_create_params, embedding_create_params
from portkey_ai._vendor.openai.types.chat import completion_create_params as chat_create_params
from portkey_ai.api_resources.apis import chat_complete, complete, embeddings, generation
from typing_extensions import is_typeddict

from portkey_handler.options.parameter_types import KINDS, Parameter

TARGET = Path(__file__).parent.parent / "portkey_handler" / "options" / "endpoint_parameters.py"
LINE_LENGTH = 110  # of pyproject.toml

#: The typed parameters of an endpoint, and the SDK's own method for it.
SOURCES = {
    "chat": (chat_create_params.CompletionCreateParamsBase, chat_complete.Completions.create),
    "completion": (completion_create_params.CompletionCreateParamsBase, complete.Completion.create),
    "embedding": (embedding_create_params.EmbeddingCreateParams, embeddings.Embeddings.create),
    "prompt": (None, generation.Completions.create),
}

#: Parameters that the operations set, or options of the gateway (`metadata`, `config`), or the client.
OWNED = frozenset(
    [
        "messages",
        "prompt",
        "input",
        "model",
        "stream",
        "stream_options",
        "n",
        "metadata",
        "config",
        "prompt_id",
        "variables",
        "extra_headers",
        "extra_query",
        "extra_body",
        "timeout",
        "self",
        "kwargs",
    ]
)

#: Documented parameters that the SDK's types lack. The gateway forwards them to the providers named here.
ADDED = {
    "chat": {
        "top_k": "integer",  # the gateway's request type; Anthropic, Google, Cohere, vLLM
        "thinking": "object",  # the gateway's documentation, "Thinking Mode"
        "safe_prompt": "boolean",  # the gateway's parameters for Mistral
        "safety_settings": "array",  # the gateway's request type; Google
    },
    "completion": {
        "top_k": "integer",
    },
    "embedding": {
        "input_type": "string",  # the gateway's parameters for Cohere and Voyage
        "truncate": "string",  # the gateway's parameters for Cohere
    },
    "prompt": {},
}

#: Bounds of every provider. Those of temperature, top_p, top_k and penalties depend on the provider.
MINIMUM = {
    "max_tokens": 1,
    "max_completion_tokens": 1,
    "best_of": 1,
    "dimensions": 1,
    "top_logprobs": 0,
}

WORDS = {
    "audio": "Voice and format of a spoken answer",
    "best_of": "Number of completions that the provider makes; it returns the best one",
    "dimensions": "Length of the vectors",
    "echo": "Return the prompt before the completion",
    "encoding_format": "Format of the vectors in the response",
    "frequency_penalty": "Make tokens less likely the more often they have occurred",
    "function_call": "Which of functions is called (older form of tool_choice)",
    "functions": "Functions that the model may call (older form of tools)",
    "input_type": "Purpose of the vectors, such as search_document or search_query",
    "logit_bias": "Token id → bias from -100 (never chosen) to 100 (always chosen)",
    "logprobs": "Return log probabilities of the tokens",
    "max_completion_tokens": "Largest number of tokens of an answer, reasoning included",
    "max_tokens": "Largest number of tokens of an answer",
    "modalities": "Kinds of output",
    "parallel_tool_calls": "Allow several tool calls at once",
    "prediction": "Expected text of most of the answer, which makes the answer faster",
    "presence_penalty": "Make tokens less likely that have occurred already",
    "prompt_cache_key": "Requests with an equal key share the provider's prompt cache",
    "prompt_cache_retention": "How long the provider's prompt cache keeps a prompt",
    "reasoning_effort": "How much a reasoning model reasons before it answers",
    "response_format": "Form of the answer: text, a JSON object, or a JSON schema",
    "safe_prompt": "Put the provider's safety text before the conversation",
    "safety_settings": "Thresholds of the provider's safety filters",
    "safety_identifier": "Stable and anonymous id of the end user, for the provider's abuse detection",
    "seed": "Make sampling repeatable, as far as the provider can",
    "service_tier": "The provider's class of service",
    "stop": "Text, or a few texts, before which the answer ends",
    "store": "Store the answer at the provider",
    "suffix": "Text that comes after the completion",
    "temperature": "Randomness of the answer; 0 is the most predictable",
    "thinking": "Reasoning before the answer, and its budget of tokens",
    "tool_choice": "Which of tools is called: none, auto, required, or one of them",
    "tools": "Tools that the model may call",
    "top_k": "Choose among this number of the likeliest tokens",
    "top_logprobs": "Number of likeliest tokens whose log probabilities are returned",
    "top_p": "Choose among the likeliest tokens whose probabilities add up to this share",
    "truncate": "Which end of a text that is too long is cut off",
    "user": "Id of the end user, for the provider",
    "verbosity": "How long and detailed the answer is",
    "web_search_options": "Search the web for the answer",
}


def described(name: str, hint: object) -> Parameter:
    """Return the parameter that a type of the SDK describes."""
    if name not in WORDS:
        sys.exit(f"the SDK has a new parameter {name!r}: describe it in WORDS of {Path(__file__).name}")
    kinds, values, items = read_type(hint)
    return Parameter(kind_of(kinds), WORDS[name], tuple(values), items, MINIMUM.get(name))


def kind_of(kinds: set[str]) -> str:
    """Return the kinds as one text, in their fixed order."""
    return "any" if "any" in kinds or not kinds else "|".join(kind for kind in KINDS if kind in kinds)


def read_type(hint: object) -> tuple[set[str], list[str], str | None]:  # noqa: PLR0911 - a table of cases
    """Return a type's kinds, the texts it lists, and the kind of its items."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    simple = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}
    if hint is type(None):
        return set(), [], None
    if hint in simple:
        return {simple[typing.cast("type", hint)]}, [], None
    if is_typeddict(hint):
        return {"object"}, [], None
    if origin is typing.Literal:
        return {"string"}, [str(value) for value in args], None
    if origin in {typing.Union, types.UnionType}:
        read = [read_type(arg) for arg in args]
        kinds = set().union(*(kinds for kinds, _, _ in read))
        values = [value for _, values, _ in read for value in values]
        return kinds, values, next((items for _, _, items in read if items), None)
    if isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        return {"object"}, [], None
    if isinstance(origin, type) and issubclass(origin, collections.abc.Iterable):
        kinds, values, _ = read_type(args[0])
        return {"array"}, values, "string" if kinds == {"string"} else None
    return {"any"}, [], None


def table(endpoint: str) -> dict[str, Parameter]:
    """Return an endpoint's parameters by name."""
    types_, method = SOURCES[endpoint]
    hints = typing.get_type_hints(types_) if types_ else {}
    found = {name: described(name, hint) for name, hint in hints.items() if name not in OWNED}
    for name, kind in ADDED[endpoint].items():
        found[name] = Parameter(kind, WORDS[name], minimum=MINIMUM.get(name))
    unknown = set(inspect.signature(method).parameters) - set(found) - OWNED
    if endpoint != "prompt" and unknown:
        sys.exit(f"the SDK's method for {endpoint} takes what its types lack: {', '.join(sorted(unknown))}")
    return dict(sorted(found.items()))


def prompt_table(chat: dict[str, Parameter], completion: dict[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters of both endpoints; where their kinds differ, either is accepted."""
    both = dict(completion)
    for name, parameter in chat.items():
        other = both.get(name, parameter)
        kind = kind_of({*parameter.kind.split("|"), *other.kind.split("|")})
        both[name] = Parameter(kind, parameter.words, parameter.values, parameter.items, parameter.minimum)
    lacking = set(inspect.signature(SOURCES["prompt"][1]).parameters) - set(both) - OWNED
    if lacking:
        sys.exit(
            f"the SDK's method for prompts takes what neither endpoint has: {', '.join(sorted(lacking))}"
        )
    return dict(sorted(both.items()))


def written(name: str, parameters: dict[str, Parameter]) -> str:
    """Return a table as Python code in the formatter's style."""
    lines = [f"{name}: dict[str, Parameter] = {{"]
    for key, parameter in parameters.items():
        arguments = [literal(parameter.kind), literal(parameter.words)]
        for field in ("values", "items", "minimum"):
            value = getattr(parameter, field)
            if value not in ((), None):
                arguments.append(f"{field}={literal(value)}")
        line = f'    "{key}": Parameter({", ".join(arguments)}),'
        if len(line) > LINE_LENGTH:
            line = "\n".join(
                [f'    "{key}": Parameter(', *(f"        {one}," for one in arguments), "    ),"]
            )
        lines.append(line)
    return "\n".join([*lines, "}"])


def literal(value: object) -> str:
    """Return a value as Python code, with double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(literal(one) for one in value)}{',' if len(value) == 1 else ''})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def all_tables() -> str:
    """Return the tables of the installed SDK."""
    chat, completion = table("chat"), table("completion")
    tables = {"CHAT": chat, "COMPLETION": completion, "EMBEDDING": table("embedding")}
    tables["PROMPT"] = prompt_table(chat, completion)
    return "\n\n".join(written(name, parameters) for name, parameters in tables.items()) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], TARGET, all_tables))
