"""The options of CREATE ML_ENGINE; SHOW ML_ENGINES hides the secret ones, nested values included.

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


creation_args = OrderedDict(
    portkey_api_key={
        "type": ARG_TYPE.STR,
        "description": (
            "The Portkey API key (alias api_key). Without one, base_url names a gateway of your own."
        ),
        "required": False,
        "label": "Portkey API key",
        "secret": True,
    },
    base_url={
        "type": ARG_TYPE.STR,
        "description": (
            "The gateway's address, ending in /v1 (alias gateway_url). Default: the hosted gateway if there "
            "is a portkey_api_key, else http://localhost:8787/v1. 'local' is a small language model on this "
            "machine (the extra `[local]`)."
        ),
        "required": False,
        "label": "Base URL",
        "secret": False,
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
    custom_host={
        "type": ARG_TYPE.STR,
        "description": "The address of the provider behind the gateway, such as http://localhost:11434.",
        "required": False,
        "label": "Custom host",
        "secret": False,
    },
    forward_headers={
        "type": ARG_TYPE.LIST,
        "description": "Names of headers that the gateway sends to the provider unchanged.",
        "required": False,
        "label": "Forward headers",
        "secret": False,
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
    strict_open_ai_compliance={
        "type": ARG_TYPE.BOOL,
        "description": "Let the gateway leave out everything that OpenAI's format does not have.",
        "required": False,
        "label": "Strict open AI compliance",
        "secret": False,
    },
    openai_project={
        "type": ARG_TYPE.STR,
        "description": "OpenAI project.",
        "required": False,
        "label": "OpenAI project",
        "secret": False,
    },
    openai_organization={
        "type": ARG_TYPE.STR,
        "description": "OpenAI organization.",
        "required": False,
        "label": "OpenAI organization",
        "secret": False,
    },
    anthropic_beta={
        "type": ARG_TYPE.STR,
        "description": "Anthropic beta features.",
        "required": False,
        "label": "Anthropic beta",
        "secret": False,
    },
    anthropic_version={
        "type": ARG_TYPE.STR,
        "description": "Anthropic API version.",
        "required": False,
        "label": "Anthropic version",
        "secret": False,
    },
    azure_resource_name={
        "type": ARG_TYPE.STR,
        "description": "Azure OpenAI resource.",
        "required": False,
        "label": "Azure resource name",
        "secret": False,
    },
    azure_deployment_id={
        "type": ARG_TYPE.STR,
        "description": "Azure OpenAI deployment.",
        "required": False,
        "label": "Azure deployment ID",
        "secret": False,
    },
    azure_api_version={
        "type": ARG_TYPE.STR,
        "description": "Azure OpenAI API version.",
        "required": False,
        "label": "Azure API version",
        "secret": False,
    },
    azure_model_name={
        "type": ARG_TYPE.STR,
        "description": "Azure OpenAI model.",
        "required": False,
        "label": "Azure model name",
        "secret": False,
    },
    azure_endpoint_name={
        "type": ARG_TYPE.STR,
        "description": "Azure endpoint.",
        "required": False,
        "label": "Azure endpoint name",
        "secret": False,
    },
    azure_foundry_url={
        "type": ARG_TYPE.STR,
        "description": "Azure AI Foundry address.",
        "required": False,
        "label": "Azure foundry URL",
        "secret": False,
    },
    vertex_project_id={
        "type": ARG_TYPE.STR,
        "description": "Google Vertex AI project.",
        "required": False,
        "label": "Vertex project ID",
        "secret": False,
    },
    vertex_region={
        "type": ARG_TYPE.STR,
        "description": "Google Vertex AI region.",
        "required": False,
        "label": "Vertex region",
        "secret": False,
    },
    vertex_storage_bucket_name={
        "type": ARG_TYPE.STR,
        "description": "Google storage bucket.",
        "required": False,
        "label": "Vertex storage bucket name",
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
    aws_region={
        "type": ARG_TYPE.STR,
        "description": "AWS region.",
        "required": False,
        "label": "AWS region",
        "secret": False,
    },
    aws_s3_bucket={
        "type": ARG_TYPE.STR,
        "description": "AWS S3 bucket.",
        "required": False,
        "label": "AWS s3 bucket",
        "secret": False,
    },
    aws_s3_object_key={
        "type": ARG_TYPE.STR,
        "description": "AWS S3 object.",
        "required": False,
        "label": "AWS s3 object key",
        "secret": False,
    },
    aws_bedrock_model={
        "type": ARG_TYPE.STR,
        "description": "AWS Bedrock model.",
        "required": False,
        "label": "AWS bedrock model",
        "secret": False,
    },
    workers_ai_account_id={
        "type": ARG_TYPE.STR,
        "description": "Cloudflare Workers AI account.",
        "required": False,
        "label": "Workers AI account ID",
        "secret": False,
    },
    huggingface_base_url={
        "type": ARG_TYPE.STR,
        "description": "Address of a Hugging Face endpoint.",
        "required": False,
        "label": "Huggingface base URL",
        "secret": False,
    },
    fireworks_account_id={
        "type": ARG_TYPE.STR,
        "description": "Fireworks account.",
        "required": False,
        "label": "Fireworks account ID",
        "secret": False,
    },
    mistral_fim_completion={
        "type": ARG_TYPE.STR,
        "description": "Mistral fill-in-the-middle completion.",
        "required": False,
        "label": "Mistral fim completion",
        "secret": False,
    },
    provider_file_name={
        "type": ARG_TYPE.STR,
        "description": "Name of a file at the provider.",
        "required": False,
        "label": "Provider file name",
        "secret": False,
    },
    provider_model={
        "type": ARG_TYPE.STR,
        "description": "Name of the provider's model of a file.",
        "required": False,
        "label": "Provider model",
        "secret": False,
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
    allowed_paths={
        "type": ARG_TYPE.LIST,
        "description": "Further paths that models of mode request may call with this engine's keys.",
        "required": False,
        "label": "Allowed paths",
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
    max_cost_per_day={
        "type": ARG_TYPE.STR,
        "description": (
            "The most US dollars a day (UTC) of all queries on this machine that use the engine; like "
            "max_cost, queries are refused or stopped."
        ),
        "required": False,
        "label": "Max cost per day",
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
    check={
        "type": ARG_TYPE.BOOL,
        "description": "Test the key and the address when the engine is created.",
        "required": False,
        "label": "Check",
        "secret": False,
    },
    api_key={
        "type": ARG_TYPE.STR,
        "description": "Another name of portkey_api_key.",
        "required": False,
        "label": "API key",
        "secret": True,
    },
    gateway_url={
        "type": ARG_TYPE.STR,
        "description": "Another name of base_url.",
        "required": False,
        "label": "Gateway URL",
        "secret": False,
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
    cache_age={
        "type": ARG_TYPE.INT,
        "description": "Another name of cache_max_age.",
        "required": False,
        "label": "Cache age",
        "secret": False,
    },
    cache_status={
        "type": ARG_TYPE.STR,
        "description": "Another name of cache.",
        "required": False,
        "label": "Cache status",
        "secret": False,
    },
    llms={
        "type": ARG_TYPE.STR,
        "description": "Another name of targets.",
        "required": False,
        "label": "Llms",
        "secret": True,
    },
    mode={
        "type": ARG_TYPE.STR,
        "description": "Another name of strategy.",
        "required": False,
        "label": "Mode",
        "secret": False,
    },
)
