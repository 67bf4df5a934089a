"""Where requests go and with which keys: the options of the gateway.

The names are those of the SDK's client (`portkey_ai.Portkey`); a test walks its signature.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import ConfigDict, ValidationInfo, field_validator

from .schema import HeaderText, Json, JsonList, Level, Options, SlugOrJson, WholeNumber, option

_ENGINE: tuple[Level, ...] = ("engine",)
#: The endpoints that people copy along with an address.
_ENDPOINT = re.compile(r"/((chat/)?completions|embeddings|responses|messages|models)/*$", re.IGNORECASE)


class GatewayOptions(Options):
    """Where requests go, with which keys, and what the gateway does with them."""

    model_config = ConfigDict(str_strip_whitespace=True)

    portkey_api_key: HeaderText | None = option(
        "The Portkey API key (alias api_key). Without one, base_url names a gateway of your own.",
        secret=True,
        levels=_ENGINE,
    )
    base_url: HeaderText | None = option(
        "The gateway's address, ending in /v1 (alias gateway_url). Default: the hosted gateway if there is "
        "a portkey_api_key, else http://localhost:8787/v1. 'local' is a small language model on this machine "
        "(the extra `[local]`).",
        levels=_ENGINE,
        destination=True,
    )
    config: SlugOrJson | None = option(
        "A gateway config: its slug, or in CREATE ML_ENGINE the object itself.",
        kind="slug or object",
        secret=True,
        destination=True,
    )
    virtual_key: HeaderText | None = option("The name of a provider key in Portkey's vault.")
    provider: HeaderText | None = option(
        "The provider behind the gateway, such as openai, anthropic or ollama, or @slug. In CREATE MODEL "
        "and SELECT only if the engine has no provider key.",
    )
    provider_api_key: HeaderText | None = option(
        "The provider's own key; sent as Authorization.", secret=True, levels=_ENGINE
    )
    custom_host: HeaderText | None = option(
        "The address of the provider behind the gateway, such as http://localhost:11434.",
        levels=_ENGINE,
        destination=True,
    )
    forward_headers: JsonList | None = option(
        "Names of headers that the gateway sends to the provider unchanged.",
        kind="list",
        levels=_ENGINE,
        destination=True,
    )
    headers: Json | None = option(
        "Further request headers.", kind="object", secret=True, levels=_ENGINE, destination=True
    )
    trace_id: HeaderText | None = option("An id under which the gateway logs the requests.")
    metadata: Json | None = option(
        "Names and texts for searching the gateway's logs, which know _user, _prompt, _organisation and "
        "_environment.",
        kind="object",
    )
    cache_namespace: HeaderText | None = option(
        "A namespace for the gateway's cache, which separates its cached answers."
    )
    cache_force_refresh: bool | None = option(
        "Ask the provider again even if the gateway has a cached answer.", kind="true or false"
    )
    request_timeout: WholeNumber | None = option(
        "Milliseconds that the gateway waits for the provider.", kind="whole number", ge=1
    )
    strict_open_ai_compliance: bool | None = option(
        "Let the gateway leave out everything that OpenAI's format does not have.",
        kind="true or false",
        levels=_ENGINE,
        default=False,
    )
    openai_project: HeaderText | None = option("OpenAI project.", levels=_ENGINE)
    openai_organization: HeaderText | None = option("OpenAI organization.", levels=_ENGINE)
    anthropic_beta: HeaderText | None = option("Anthropic beta features.", levels=_ENGINE)
    anthropic_version: HeaderText | None = option("Anthropic API version.", levels=_ENGINE)
    azure_resource_name: HeaderText | None = option(
        "Azure OpenAI resource.", levels=_ENGINE, destination=True
    )
    azure_deployment_id: HeaderText | None = option("Azure OpenAI deployment.", levels=_ENGINE)
    azure_api_version: HeaderText | None = option("Azure OpenAI API version.", levels=_ENGINE)
    azure_model_name: HeaderText | None = option("Azure OpenAI model.", levels=_ENGINE)
    azure_endpoint_name: HeaderText | None = option("Azure endpoint.", levels=_ENGINE, destination=True)
    azure_foundry_url: HeaderText | None = option(
        "Azure AI Foundry address.", levels=_ENGINE, destination=True
    )
    vertex_project_id: HeaderText | None = option("Google Vertex AI project.", levels=_ENGINE)
    vertex_region: HeaderText | None = option("Google Vertex AI region.", levels=_ENGINE, destination=True)
    vertex_storage_bucket_name: HeaderText | None = option("Google storage bucket.", levels=_ENGINE)
    aws_access_key_id: HeaderText | None = option("AWS access key id.", secret=True, levels=_ENGINE)
    aws_secret_access_key: HeaderText | None = option("AWS secret access key.", secret=True, levels=_ENGINE)
    aws_session_token: HeaderText | None = option("AWS session token.", secret=True, levels=_ENGINE)
    aws_region: HeaderText | None = option("AWS region.", levels=_ENGINE, destination=True)
    aws_s3_bucket: HeaderText | None = option("AWS S3 bucket.", levels=_ENGINE)
    aws_s3_object_key: HeaderText | None = option("AWS S3 object.", levels=_ENGINE)
    aws_bedrock_model: HeaderText | None = option("AWS Bedrock model.", levels=_ENGINE)
    workers_ai_account_id: HeaderText | None = option("Cloudflare Workers AI account.", levels=_ENGINE)
    huggingface_base_url: HeaderText | None = option(
        "Address of a Hugging Face endpoint.", levels=_ENGINE, destination=True
    )
    fireworks_account_id: HeaderText | None = option("Fireworks account.", levels=_ENGINE)
    mistral_fim_completion: HeaderText | None = option(
        "Mistral fill-in-the-middle completion.", levels=_ENGINE
    )
    provider_file_name: HeaderText | None = option("Name of a file at the provider.", levels=_ENGINE)
    provider_model: HeaderText | None = option("Name of the provider's model of a file.", levels=_ENGINE)

    @field_validator("base_url", "custom_host", "azure_foundry_url", "huggingface_base_url")
    @classmethod
    def _is_an_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if info.field_name == "base_url" and value.lower() == "local":
            return "local"
        if not value.lower().startswith(("http://", "https://")):
            raise ValueError("expected an address that starts with http:// or https://")
        if "@" in value:
            # Messages would show them, and neither Node nor aiohttp sends them together with a key.
            raise ValueError("has a user or password in it, which messages would show; use headers instead")
        if "?" in value or "#" in value:
            raise ValueError(
                "expected an address without ? and #, because the endpoint's path is added at its end"
            )
        end = _ENDPOINT.search(value) if info.field_name in ("base_url", "custom_host") else None
        if end is not None:
            raise ValueError(
                f"expected an address without the endpoint, whose path is added: {value[: end.start()]}"
            )
        if not _names_a_host(value):
            raise ValueError("expected an address with a host in it, such as http://localhost:8787/v1")
        return value.rstrip("/")

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, object] | None) -> dict[str, object] | None:
        for name, text in (value or {}).items():
            if not isinstance(text, str) or not name or any(ord(c) < 33 or ord(c) > 126 for c in name):
                raise ValueError("expected an object of header names and texts")
            if any(ord(c) < 32 or ord(c) == 127 for c in text):
                raise ValueError("has a line break or another control character")
        return value


def _names_a_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").encode("idna")  # raises an error for labels that DNS does not allow
        port_fits = parts.port != 0  # reading it raises an error for a wrong port
    except ValueError:
        return False
    return bool(host) and port_fits and not any(char.isspace() for char in address)
