"""The options of CREATE MODEL and all secret options, so that SHOW MODELS hides refused secrets too.

Written by scripts/generate_option_files.py from the schema of the options; change the schema. MindsDB reads
this file without running it: plain assignments and constants only.
"""

from __future__ import annotations

from collections import OrderedDict


class ARG_TYPE:  # noqa: N801 - MindsDB looks for this spelling
    """MindsDB's names of types; this file does not import MindsDB."""

    STR = "str"
    INT = "int"
    BOOL = "bool"
    DICT = "dict"
    LIST = "list"


model_using_args = OrderedDict(
    portkey_api_key={
        "type": ARG_TYPE.STR,
        "description": (
            "The Portkey API key (alias api_key). Without one, base_url names a gateway of your own."
        ),
        "required": False,
        "label": "Portkey API key",
        "secret": True,
    },
    config={
        "type": ARG_TYPE.STR,
        "description": "A gateway config: its slug, or in CREATE ML_ENGINE the object itself.",
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
            "The provider behind the gateway, such as openai, anthropic or ollama, or @slug. In CREATE MODEL "
            "and SELECT only if the engine has no provider key."
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
            "Names and texts for searching the gateway's logs, which know _user, _prompt, _organisation and "
            "_environment."
        ),
        "required": False,
        "label": "Metadata",
        "secret": False,
    },
    cache_namespace={
        "type": ARG_TYPE.STR,
        "description": "A namespace for the gateway's cache, which separates its cached answers.",
        "required": False,
        "label": "Cache namespace",
        "secret": False,
    },
    cache_force_refresh={
        "type": ARG_TYPE.BOOL,
        "description": "Ask the provider again even if the gateway has a cached answer.",
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
            "In CREATE ML_ENGINE: an object of targets by name, each with its provider, its key (api_key or "
            "virtual_key) and its other options. In CREATE MODEL and SELECT: a list of those names, or of "
            "objects with name, weight and parameters of that target."
        ),
        "required": False,
        "label": "Targets",
        "secret": True,
    },
    strategy={
        "type": ARG_TYPE.STR,
        "description": (
            "How the gateway chooses among targets: fallback (the next one when one fails) or loadbalance "
            "(by weight), or an object with mode and on_status_codes."
        ),
        "required": False,
        "label": "Strategy",
        "secret": False,
    },
    retry={
        "type": ARG_TYPE.STR,
        "description": (
            "How often the gateway itself retries, 0 to 5, or an object with attempts, on_status_codes and "
            "use_retry_after_header."
        ),
        "required": False,
        "label": "Retry",
        "secret": False,
    },
    cache={
        "type": ARG_TYPE.STR,
        "description": "Use the gateway's cache: simple (for equal requests) or semantic (for similar ones).",
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
            "Guardrails for the request: a list of slugs, or of objects with checks of the gateway."
        ),
        "required": False,
        "label": "Input guardrails",
        "secret": True,
    },
    output_guardrails={
        "type": ARG_TYPE.LIST,
        "description": (
            "Guardrails for the answer: a list of slugs, or of objects with checks of the gateway."
        ),
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
        "description": "The column that holds the prompt. It may be left out if only one column is possible.",
        "required": False,
        "label": "Column",
        "secret": False,
    },
    prompt_template={
        "type": ARG_TYPE.STR,
        "description": (
            "A prompt with columns in it: 'Translate to {{language}}: {{text}}'. It replaces column."
        ),
        "required": False,
        "label": "Prompt template",
        "secret": False,
    },
    constant_prompt={
        "type": ARG_TYPE.BOOL,
        "description": "Allow a prompt that names no column, and so gives every row the same answer.",
        "required": False,
        "label": "Constant prompt",
        "secret": False,
    },
    system_prompt={
        "type": ARG_TYPE.STR,
        "description": "The system message before the prompt; a template like prompt_template.",
        "required": False,
        "label": "System prompt",
        "secret": False,
    },
    messages={
        "type": ARG_TYPE.LIST,
        "description": (
            "The whole conversation, a list of objects with role and content; texts in it are templates. It "
            "replaces column."
        ),
        "required": False,
        "label": "Messages",
        "secret": False,
    },
    messages_column={
        "type": ARG_TYPE.STR,
        "description": (
            "The column that holds a whole conversation per row, as a JSON list of messages. It replaces "
            "column."
        ),
        "required": False,
        "label": "Messages column",
        "secret": False,
    },
    image_column={
        "type": ARG_TYPE.STR,
        "description": "The column that holds an image for the text: its address, a data URL or its bytes.",
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
            "The prompt's variables: an object of templates, or a list of columns. By default every column, "
            "by its name."
        ),
        "required": False,
        "label": "Variables",
        "secret": False,
    },
    path={
        "type": ARG_TYPE.STR,
        "description": (
            "The path below the gateway's base_url, such as /rerank or /moderations. Paths that are not "
            "those of models must be among the engine's allowed_paths."
        ),
        "required": False,
        "label": "Path",
        "secret": False,
    },
    body={
        "type": ARG_TYPE.DICT,
        "description": (
            "The request's body; texts in it are templates, and a text that is only a column keeps the type "
            "of the cell."
        ),
        "required": False,
        "label": "Body",
        "secret": False,
    },
    answer={
        "type": ARG_TYPE.STR,
        "description": (
            "The part of the response that is the answer, as JSONPath ($.results[0].score). By default the "
            "whole response."
        ),
        "required": False,
        "label": "Answer",
        "secret": False,
    },
    model={
        "type": ARG_TYPE.STR,
        "description": (
            "The language model, by the name that the gateway or the provider uses. Mode embedding needs it; "
            "prompt and request have no default. A template gives each row its own: '{{ llm }}'."
        ),
        "required": False,
        "label": "Model",
        "secret": False,
    },
    max_tokens={
        "type": ARG_TYPE.INT,
        "description": (
            "The most tokens of an answer. NULL sends no limit; max_completion_tokens replaces it."
        ),
        "required": False,
        "label": "Max tokens",
        "secret": False,
    },
    parameters={
        "type": ARG_TYPE.DICT,
        "description": "Further parameters, sent in the request's body unchanged (alias other_parameters).",
        "required": False,
        "label": "Parameters",
        "secret": False,
    },
    concurrency={
        "type": ARG_TYPE.INT,
        "description": (
            "The most requests in flight at a time. By default it starts at 8 and grows, up to 1,024, as "
            "long as that answers more rows per second and the provider refuses few requests."
        ),
        "required": False,
        "label": "Concurrency",
        "secret": False,
    },
    timeout={
        "type": ARG_TYPE.STR,
        "description": (
            "The most seconds of one attempt, from connecting to the last byte of the answer. The default "
            "with service_tier = 'flex' is 900."
        ),
        "required": False,
        "label": "Timeout",
        "secret": False,
    },
    max_attempts={
        "type": ARG_TYPE.INT,
        "description": "How many times a request is sent before its row fails.",
        "required": False,
        "label": "Max attempts",
        "secret": False,
    },
    flex_fallback={
        "type": ARG_TYPE.BOOL,
        "description": (
            "With service_tier = 'flex', what happens to a request for which the provider has no resources "
            "free: true sends it at once without service_tier, for the ordinary price; false sends it again "
            "by flex, until there was no answer for 15 minutes."
        ),
        "required": False,
        "label": "Flex fallback",
        "secret": False,
    },
    prompt_cache={
        "type": ARG_TYPE.STR,
        "description": (
            "auto makes the provider cache what the prompts of all rows share (system prompt, examples, the "
            "beginning of the template, the schema), where the model needs a mark for that (Claude) and it "
            "is long enough. The first request is then sent alone, so that the others find it cached. With "
            "any model, rows that share a long system prompt with some others are asked one after the other."
        ),
        "required": False,
        "label": "Prompt cache",
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
            "Seconds after which the query sends no more requests; those in flight have 5 s to finish. Rows "
            "without an answer then fail with that reason; answers that were paid for stay cached. Batches "
            "are waited for as long, and go on at the provider."
        ),
        "required": False,
        "label": "Deadline",
        "secret": False,
    },
    reuse={
        "type": ARG_TYPE.STR,
        "description": (
            "How long a cached answer is used for an equal request through the same engine: '30m', '24h', "
            "'7d' …, or 'never' to ask again. The default of mode prompt is 'never', because a saved prompt "
            "may change; where prompt_id names a version (pp-x@12), it is '24h'."
        ),
        "required": False,
        "label": "Reuse",
        "secret": False,
    },
    delivery={
        "type": ARG_TYPE.STR,
        "description": (
            "How the requests reach the provider: direct sends each of them, batch uploads them as files, "
            "which the provider answers within 24 hours for half the price."
        ),
        "required": False,
        "label": "Delivery",
        "secret": False,
    },
    wait={
        "type": ARG_TYPE.BOOL,
        "description": (
            "With delivery = 'batch', whether the query waits for its batches, up to deadline. false ends it "
            "at once: rows that are still in a batch have no answer yet, and running it again fetches them."
        ),
        "required": False,
        "label": "Wait",
        "secret": False,
    },
    requests_per_minute={
        "type": ARG_TYPE.STR,
        "description": "The most requests a minute, for all queries on this machine that use the engine.",
        "required": False,
        "label": "Requests per minute",
        "secret": False,
    },
    tokens_per_minute={
        "type": ARG_TYPE.STR,
        "description": (
            "The most tokens a minute, for the same queries. The tokens of a request are estimated before it "
            "is sent and corrected by its usage."
        ),
        "required": False,
        "label": "Tokens per minute",
        "secret": False,
    },
    deduplicate={
        "type": ARG_TYPE.BOOL,
        "description": "Send equal rows once. false sends each of them, for several samples of one question.",
        "required": False,
        "label": "Deduplicate",
        "secret": False,
    },
    inputs_per_request={
        "type": ARG_TYPE.INT,
        "description": "The number of rows in one request.",
        "required": False,
        "label": "Inputs per request",
        "secret": False,
    },
    max_rows={
        "type": ARG_TYPE.INT,
        "description": "The most rows of a query; a query with more is refused before anything is sent.",
        "required": False,
        "label": "Max rows",
        "secret": False,
    },
    max_cost={
        "type": ARG_TYPE.STR,
        "description": (
            "The most US dollars that a query may cost: it is refused if the estimate is higher, and stopped "
            "when it has cost this much. Answers that were paid for stay cached."
        ),
        "required": False,
        "label": "Max cost",
        "secret": False,
    },
    price={
        "type": ARG_TYPE.DICT,
        "description": (
            "US dollars of a million tokens, for a model that the price list lacks or has another price: "
            '{"input": 0.15, "output": 0.6}, and where they differ cached_input and cache_write, for tokens '
            "read from and written to the provider's prompt cache."
        ),
        "required": False,
        "label": "Price",
        "secret": False,
    },
    dry_run={
        "type": ARG_TYPE.BOOL,
        "description": (
            "Send nothing: answers are NULL, and DESCRIBE model.estimate shows what a query would send and "
            "cost."
        ),
        "required": False,
        "label": "Dry run",
        "secret": False,
    },
    keep_reasons={
        "type": ARG_TYPE.BOOL,
        "description": (
            "Keep the reasons of failures in the run history, and the first prompt of a dry run, 200 "
            "characters at most. false keeps only the kind and the status of a failure; errors and "
            "<target>_error still have the reason."
        ),
        "required": False,
        "label": "Keep reasons",
        "secret": False,
    },
    output={
        "type": ARG_TYPE.STR,
        "description": (
            "Typed columns made of the answer: 'sentiment string, score float, tags list', an object of "
            "names with their types or JSON Schemas, or a whole JSON Schema. The target holds the object."
        ),
        "required": False,
        "label": "Output",
        "secret": False,
    },
    output_method={
        "type": ARG_TYPE.STR,
        "description": (
            "How typed columns are asked for: by response_format, by a tool, or by an instruction in the "
            "prompt. auto tries them in this order when the provider refuses one."
        ),
        "required": False,
        "label": "Output method",
        "secret": False,
    },
    evidence={
        "type": ARG_TYPE.BOOL,
        "description": (
            "Add the column <target>_evidence: status, finish reason, tokens, attempts, milliseconds and ids "
            "of each row."
        ),
        "required": False,
        "label": "Evidence",
        "secret": False,
    },
    keep_prompts={
        "type": ARG_TYPE.BOOL,
        "description": (
            "Keep on disk what was asked and answered, of the last 1,000 rows, for DESCRIBE model.answers."
        ),
        "required": False,
        "label": "Keep prompts",
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
