"""What CREATE MODEL takes; SHOW MODELS hides what is secret here, also what is refused there.

Written by scripts/generate_option_files.py from the schema of the options; change that. MindsDB reads this
file without running it: plain assignments and constants only.
"""

from __future__ import annotations

from collections import OrderedDict


class ARG_TYPE:  # noqa: N801 - MindsDB looks for this spelling
    """MindsDB's words for types, without importing MindsDB for them."""

    STR = "str"
    INT = "int"
    BOOL = "bool"
    DICT = "dict"
    LIST = "list"


model_using_args = OrderedDict(
    portkey_api_key={
        "type": ARG_TYPE.STR,
        "description": "The Portkey API key (alias api_key). Without one, base_url is a gateway of your own.",
        "required": False,
        "label": "Portkey API key",
        "secret": True,
    },
    config={
        "type": ARG_TYPE.STR,
        "description": "A gateway config: its slug, or on the engine the object itself.",
        "required": False,
        "label": "Config",
        "secret": True,
    },
    virtual_key={
        "type": ARG_TYPE.STR,
        "description": "The name of a provider key in Portkey's vault.",
        "required": False,
        "label": "Virtual key",
        "secret": False,
    },
    provider={
        "type": ARG_TYPE.STR,
        "description": (
            "The provider behind the gateway, such as openai, anthropic or ollama, or @slug. Below the "
            "engine only where the engine holds no provider key."
        ),
        "required": False,
        "label": "Provider",
        "secret": False,
    },
    provider_api_key={
        "type": ARG_TYPE.STR,
        "description": "The provider's own key; sent as Authorization.",
        "required": False,
        "label": "Provider API key",
        "secret": True,
    },
    headers={
        "type": ARG_TYPE.DICT,
        "description": "Further request headers.",
        "required": False,
        "label": "Headers",
        "secret": True,
    },
    trace_id={
        "type": ARG_TYPE.STR,
        "description": "An id under which the gateway logs the requests.",
        "required": False,
        "label": "Trace ID",
        "secret": False,
    },
    metadata={
        "type": ARG_TYPE.DICT,
        "description": (
            "Words by which the gateway's logs can be searched; _user, _prompt, _organisation and "
            "_environment are known to it."
        ),
        "required": False,
        "label": "Metadata",
        "secret": False,
    },
    cache_namespace={
        "type": ARG_TYPE.STR,
        "description": "Keeps the gateway's cached answers apart from others'.",
        "required": False,
        "label": "Cache namespace",
        "secret": False,
    },
    cache_force_refresh={
        "type": ARG_TYPE.BOOL,
        "description": "Ask the provider again even where the gateway has a cached answer.",
        "required": False,
        "label": "Cache force refresh",
        "secret": False,
    },
    request_timeout={
        "type": ARG_TYPE.INT,
        "description": "Milliseconds that the gateway waits for the provider.",
        "required": False,
        "label": "Request timeout",
        "secret": False,
    },
    aws_access_key_id={
        "type": ARG_TYPE.STR,
        "description": "AWS access key id.",
        "required": False,
        "label": "AWS access key ID",
        "secret": True,
    },
    aws_secret_access_key={
        "type": ARG_TYPE.STR,
        "description": "AWS secret access key.",
        "required": False,
        "label": "AWS secret access key",
        "secret": True,
    },
    aws_session_token={
        "type": ARG_TYPE.STR,
        "description": "AWS session token.",
        "required": False,
        "label": "AWS session token",
        "secret": True,
    },
    targets={
        "type": ARG_TYPE.STR,
        "description": (
            "On the engine: an object of targets by name, each with its provider, its key (api_key or "
            "virtual_key) and what else it needs. Below it: a list of those names, or of objects with name, "
            "weight and parameters of that target."
        ),
        "required": False,
        "label": "Targets",
        "secret": True,
    },
    strategy={
        "type": ARG_TYPE.STR,
        "description": (
            "How the gateway chooses among targets: fallback (the next one when one fails) or loadbalance "
            "(by weight); an object with mode and on_status_codes says on which statuses."
        ),
        "required": False,
        "label": "Strategy",
        "secret": False,
    },
    retry={
        "type": ARG_TYPE.STR,
        "description": (
            "How often the gateway itself tries again, 0 to 5, or an object with attempts, on_status_codes "
            "and use_retry_after_header."
        ),
        "required": False,
        "label": "Retry",
        "secret": False,
    },
    cache={
        "type": ARG_TYPE.STR,
        "description": (
            "Let the gateway answer from its cache: simple (equal requests) or semantic (similar ones)."
        ),
        "required": False,
        "label": "Cache",
        "secret": False,
    },
    cache_max_age={
        "type": ARG_TYPE.INT,
        "description": "Seconds for which the gateway keeps an answer in its cache.",
        "required": False,
        "label": "Cache max age",
        "secret": False,
    },
    input_guardrails={
        "type": ARG_TYPE.LIST,
        "description": (
            "Guardrails that look at the request: a list of slugs, or of objects with checks of the gateway."
        ),
        "required": False,
        "label": "Input guardrails",
        "secret": True,
    },
    output_guardrails={
        "type": ARG_TYPE.LIST,
        "description": "Guardrails that look at the answer, likewise.",
        "required": False,
        "label": "Output guardrails",
        "secret": True,
    },
    mode={
        "type": ARG_TYPE.STR,
        "description": "Another name of strategy.",
        "required": False,
        "label": "Mode",
        "secret": False,
    },
    column={
        "type": ARG_TYPE.STR,
        "description": (
            "The column that holds the prompt. May be left out where there is only one it could be."
        ),
        "required": False,
        "label": "Column",
        "secret": False,
    },
    prompt_template={
        "type": ARG_TYPE.STR,
        "description": (
            "A prompt with columns in it: 'Translate to {{language}}: {{text}}'. Instead of column."
        ),
        "required": False,
        "label": "Prompt template",
        "secret": False,
    },
    system_prompt={
        "type": ARG_TYPE.STR,
        "description": "What the model is told before the prompt; a template like prompt_template.",
        "required": False,
        "label": "System prompt",
        "secret": False,
    },
    messages={
        "type": ARG_TYPE.LIST,
        "description": (
            "The whole conversation, a list of objects with role and content; texts in it are templates. "
            "Instead of column."
        ),
        "required": False,
        "label": "Messages",
        "secret": False,
    },
    messages_column={
        "type": ARG_TYPE.STR,
        "description": (
            "The column that holds a whole conversation per row, as a JSON list of messages. Instead of "
            "column."
        ),
        "required": False,
        "label": "Messages column",
        "secret": False,
    },
    image_column={
        "type": ARG_TYPE.STR,
        "description": (
            "The column that holds an image beside the text: its address, a data URL or its bytes."
        ),
        "required": False,
        "label": "Image column",
        "secret": False,
    },
    prompt_id={
        "type": ARG_TYPE.STR,
        "description": "The id or slug of a prompt that is saved at Portkey.",
        "required": False,
        "label": "Prompt ID",
        "secret": False,
    },
    variables={
        "type": ARG_TYPE.STR,
        "description": (
            "The prompt's variables: an object of templates, or a list of columns. Not given: every column "
            "by its name."
        ),
        "required": False,
        "label": "Variables",
        "secret": False,
    },
    path={
        "type": ARG_TYPE.STR,
        "description": (
            "The path below the gateway's base_url, such as /rerank or /moderations; others than those of "
            "models only where the engine's allowed_paths name them."
        ),
        "required": False,
        "label": "Path",
        "secret": False,
    },
    body={
        "type": ARG_TYPE.DICT,
        "description": (
            "The request's body; texts in it are templates, and a column alone in one stays what it is."
        ),
        "required": False,
        "label": "Body",
        "secret": False,
    },
    answer={
        "type": ARG_TYPE.STR,
        "description": (
            "What of the reply is the answer, as JSONPath ($.results[0].score). Not given: the whole reply."
        ),
        "required": False,
        "label": "Answer",
        "secret": False,
    },
    model={
        "type": ARG_TYPE.STR,
        "description": (
            "The model, by whatever name the gateway or provider knows. Mode embedding needs it; prompt and "
            "request send none that is not given."
        ),
        "required": False,
        "label": "Model",
        "secret": False,
    },
    max_tokens={
        "type": ARG_TYPE.INT,
        "description": (
            "The most tokens an answer may have. NULL sends no limit; max_completion_tokens replaces it."
        ),
        "required": False,
        "label": "Max tokens",
        "secret": False,
    },
    parameters={
        "type": ARG_TYPE.DICT,
        "description": (
            "Further parameters, put into the request's body as they are (alias other_parameters)."
        ),
        "required": False,
        "label": "Parameters",
        "secret": False,
    },
    concurrency={
        "type": ARG_TYPE.INT,
        "description": (
            "How many requests are in flight at a time. Not given: it starts at 8 and grows to 64 while "
            "nothing refuses it."
        ),
        "required": False,
        "label": "Concurrency",
        "secret": False,
    },
    timeout={
        "type": ARG_TYPE.STR,
        "description": "Seconds that one attempt may take, from connecting to the last byte of the answer.",
        "required": False,
        "label": "Timeout",
        "secret": False,
    },
    max_attempts={
        "type": ARG_TYPE.INT,
        "description": "How often a request is tried before its row fails.",
        "required": False,
        "label": "Max attempts",
        "secret": False,
    },
    on_error={
        "type": ARG_TYPE.STR,
        "description": (
            "What happens when rows fail after all others were answered: raise an error, or give NULL and "
            "the reason in <target>_error."
        ),
        "required": False,
        "label": "On error",
        "secret": False,
    },
    deadline={
        "type": ARG_TYPE.STR,
        "description": (
            "Seconds after which the query sends nothing more; what is in flight may land for 5 s. Rows that "
            "are not answered by then fail with that reason; what was paid is kept."
        ),
        "required": False,
        "label": "Deadline",
        "secret": False,
    },
    reuse={
        "type": ARG_TYPE.STR,
        "description": (
            "How long an answer may be used again where the same is asked through the same engine: '30m', "
            "'24h', '7d' …, or 'never' to ask again. In mode prompt 'never' is the default, because a saved "
            "prompt may change."
        ),
        "required": False,
        "label": "Reuse",
        "secret": False,
    },
    requests_per_minute={
        "type": ARG_TYPE.STR,
        "description": (
            "The most requests a minute, shared by all queries on this machine that use the engine."
        ),
        "required": False,
        "label": "Requests per minute",
        "secret": False,
    },
    tokens_per_minute={
        "type": ARG_TYPE.STR,
        "description": (
            "The most tokens a minute, shared likewise; estimated before a request, corrected by what it "
            "used."
        ),
        "required": False,
        "label": "Tokens per minute",
        "secret": False,
    },
    deduplicate={
        "type": ARG_TYPE.BOOL,
        "description": "Ask equal rows once. false asks each of them, for sampling.",
        "required": False,
        "label": "Deduplicate",
        "secret": False,
    },
    inputs_per_request={
        "type": ARG_TYPE.INT,
        "description": "How many rows one request carries.",
        "required": False,
        "label": "Inputs per request",
        "secret": False,
    },
    max_rows={
        "type": ARG_TYPE.INT,
        "description": (
            "The most rows that a query may ask; one with more is refused before anything is sent."
        ),
        "required": False,
        "label": "Max rows",
        "secret": False,
    },
    max_cost={
        "type": ARG_TYPE.STR,
        "description": (
            "The most US dollars that a query may cost: it is refused where the estimate is higher, and "
            "stopped when it has used as much. What was paid is kept."
        ),
        "required": False,
        "label": "Max cost",
        "secret": False,
    },
    dry_run={
        "type": ARG_TYPE.BOOL,
        "description": (
            "Send nothing: answers are NULL, and DESCRIBE model.estimate tells what a query would ask and "
            "cost."
        ),
        "required": False,
        "label": "Dry run",
        "secret": False,
    },
    output={
        "type": ARG_TYPE.STR,
        "description": (
            "Columns with types that the answer becomes: 'sentiment string, score float, tags list', an "
            "object of names with their types or JSON Schemas, or a whole JSON Schema. The target holds the "
            "object."
        ),
        "required": False,
        "label": "Output",
        "secret": False,
    },
    output_method={
        "type": ARG_TYPE.STR,
        "description": (
            "How output is asked for: by response_format, by a tool, or by an instruction in the prompt. "
            "auto tries them in this order where the provider refuses one."
        ),
        "required": False,
        "label": "Output method",
        "secret": False,
    },
    evidence={
        "type": ARG_TYPE.BOOL,
        "description": (
            "Add <target>_evidence: status, finish reason, tokens, attempts, milliseconds and ids of each "
            "row."
        ),
        "required": False,
        "label": "Evidence",
        "secret": False,
    },
    api_key={
        "type": ARG_TYPE.STR,
        "description": "Another name of portkey_api_key.",
        "required": False,
        "label": "API key",
        "secret": True,
    },
    authorization={
        "type": ARG_TYPE.STR,
        "description": "Another name of provider_api_key.",
        "required": False,
        "label": "Authorization",
        "secret": True,
    },
    other_parameters={
        "type": ARG_TYPE.DICT,
        "description": "Another name of parameters.",
        "required": False,
        "label": "Other parameters",
        "secret": False,
    },
    llms={
        "type": ARG_TYPE.STR,
        "description": "Another name of targets.",
        "required": False,
        "label": "Llms",
        "secret": True,
    },
)
