"""The words of other ML engines and clients, and what to write here; for the errors about unknown options."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ENGINE = "in CREATE ML_ENGINE … FROM portkey"
_KEY = f"write portkey_api_key, or provider_api_key for the provider's own key, {_ENGINE}"
_ADDRESS = f"write base_url for the gateway's address, or custom_host for the provider's, {_ENGINE}"
_ONE_COLUMN = "write column"
_CONVERSATION = "write messages_column for a conversation per row, or messages"
_ANSWER = "the column of the answers is named after PREDICT"
_TEMPLATE = "write prompt_template, with columns in it: 'Answer from this text: {{context}} … {{question}}'"
_COLUMNS = "write prompt_template, with all columns in it: '{{title}}: {{text}}'"
_LABELS = (
    'write output, such as output = \'{"label": {"enum": ["good", "bad"]}}\', and say the task in the prompt'
)

#: Names of options elsewhere (MindsDB's engines, OpenAI's and LangChain's clients), in lower case.
WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("model_name", "llm", "llm_name", "model_id", "deployment", "engine_name"), "write model"
    ),
    **dict.fromkeys(
        ("question_column", "input_column", "user_column", "text_column", "prompt_column", "input_text",
         "question", "text", "input", "query", "content_column", "message_column"), _ONE_COLUMN
    ),
    "context_column": _TEMPLATE,
    **dict.fromkeys(("assistant_column", "conversation", "history", "chat_history"), _CONVERSATION),
    **dict.fromkeys(("output_column", "answer_column", "target", "target_column", "predict"), _ANSWER),
    **dict.fromkeys(
        ("json_struct", "json_schema", "schema", "output_schema", "response_schema"), "write output"
    ),
    **dict.fromkeys(
        ("prompt", "template", "user_prompt", "prompt_text", "instruction", "instructions", "user_message"),
        "write prompt_template",
    ),
    **dict.fromkeys(("system_message", "system", "system_instruction", "preprompt"), "write system_prompt"),
    **dict.fromkeys(
        ("api_base", "openai_api_base", "base", "endpoint", "host", "url", "api_url", "server_url",
         "openai_base_url", "ollama_serve_url"), _ADDRESS
    ),
    **dict.fromkeys(
        ("openai_api_key", "anthropic_api_key", "azure_openai_api_key", "google_api_key", "gemini_api_key",
         "mistral_api_key", "groq_api_key", "cohere_api_key", "huggingface_api_key", "hf_token", "key",
         "token", "api_token", "secret_key", "access_token", "bearer"), _KEY
    ),
    "api_version": f"write azure_api_version {_ENGINE}",
    "api_type": f"write provider = 'azure-openai' {_ENGINE}",
    "organization": f"write openai_organization {_ENGINE}",
    "api_organization": f"write openai_organization {_ENGINE}",
    **dict.fromkeys(("task", "labels", "candidate_labels", "classes", "labels_column"), _LABELS),
    **dict.fromkeys(
        ("max_new_tokens", "max_length", "max_output_tokens", "num_predict", "max_tokens_to_sample"),
        "write max_tokens",
    ),
    **dict.fromkeys(
        ("retries", "max_retries", "num_retries", "retry_count", "max_tries"), "write max_attempts"
    ),
    **dict.fromkeys(
        ("max_batch_size", "max_concurrency", "parallelism", "parallel", "max_parallel", "workers", "n_jobs",
         "num_workers", "max_workers"), "write concurrency"
    ),
    **dict.fromkeys(("input_columns", "columns", "question_columns", "text_columns"), _COLUMNS),
    **dict.fromkeys(
        ("format", "json_mode", "output_type", "output_format", "return_type", "returns",
         "structured_output"),
        "write output, such as output = 'sentiment string, score float'",
    ),
    **dict.fromkeys(("stop_words", "stop_sequence"), "write stop"),
    **dict.fromkeys(("cost_limit", "budget", "max_budget", "max_price"), "write max_cost"),
    "secret": _KEY,
    **dict.fromkeys(("deployment_id", "deployment_name"), f"write azure_deployment_id {_ENGINE}"),
    "azure_endpoint": f"write azure_resource_name {_ENGINE}",
    **dict.fromkeys(("rpm", "rate_limit", "max_rpm"), "write requests_per_minute"),
    "tpm": "write tokens_per_minute",
    **dict.fromkeys(("dimension", "embedding_dimensions"), "write dimensions"),
    "embedding_model": "write mode = 'embedding', model = …",
    **dict.fromkeys(("img_url", "image_url", "image", "input_image"), "write image_column"),
}  # fmt: skip

#: Endings of such names, for those that are not listed; the first that fits counts.
_ENDINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"(?:history|conversation|chat|messages?)_col(?:umn)?", _CONVERSATION),
        (r".+_columns", _COLUMNS),
        (r".+_col(?:umn)?", _ONE_COLUMN),
        (r"embeddings?_model(?:_name)?", "write mode = 'embedding', model = …"),
        (r".+_model(?:_name|_id)?", "write model"),
        (r".+_(?:key|token|secret)", _KEY),
        (r".+_(?:url|endpoint|host|uri|api_base)", _ADDRESS),
        (r"system_.+", "write system_prompt"),
        (r".+_(?:prompt|template)", "write prompt_template"),
        (r".+_schema", "write output"),
    )
)


def instead_of(word: str) -> str | None:
    """Return what to write here instead of a name of another engine, by its ending; None for other names."""
    return next((instead for pattern, instead in _ENDINGS if pattern.fullmatch(word)), None)


#: Values of `mode` elsewhere.
MODES: Mapping[str, str] = {
    **dict.fromkeys(
        ("default", "chat_completion", "chat-completion", "chatcompletion", "chat_completions", "generate"),
        "leave mode out, or write mode = 'chat'",
    ),
    **dict.fromkeys(
        ("conversational", "conversational-full", "conversation"),
        "write mode = 'chat' with messages_column, a conversation per row",
    ),
    **dict.fromkeys(("embeddings", "embed"), "write mode = 'embedding'"),
    **dict.fromkeys(
        ("legacy", "completions", "text", "text-completion", "complete"), "write mode = 'completion'"
    ),
    **dict.fromkeys(
        ("image", "images", "image-generation"),
        "write mode = 'request', path = '/images/generations', body = {\"prompt\": \"{{ text }}\"}; to look "
        "at images write image_column",
    ),
    **dict.fromkeys(
        ("rerank", "moderation", "moderations", "responses"),
        "write mode = 'request' with path and body",
    ),
    **dict.fromkeys(
        ("vision", "multimodal", "img2text", "image-to-text"),
        "leave mode out, and write image_column, the column with the images",
    ),
    **dict.fromkeys(
        ("audio", "speech", "tts", "transcription", "transcriptions", "text-to-speech"),
        "write mode = 'request' with path and body",
    ),
    **dict.fromkeys(("retrieval", "rag"), _TEMPLATE),
    **dict.fromkeys(("question_answering", "question-answering", "qa"), _TEMPLATE),
    **dict.fromkeys(("classification", "text-classification", "zero-shot-classification"), _LABELS),
    **dict.fromkeys(
        (
            "summarization",
            "translation",
            "sentiment",
            "generation",
            "text-generation",
            "text2text-generation",
            "ner",
            "token-classification",
            "instruct",
            "fill-mask",
        ),
        "leave mode out, and say the task in prompt_template",
    ),
}
