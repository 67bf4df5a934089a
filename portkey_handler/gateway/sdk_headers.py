"""The headers that the SDK's client would send; the only module that imports the Portkey SDK.

Importing the SDK takes as much CPU time as everything else in CREATE ML_ENGINE, and only its `createHeaders`
is needed. So the names of the headers are in a table, and the SDK is imported only for options that the table
lacks.

The table is generated: ``python scripts/generate_sdk_headers.py`` asks the installed SDK. A test compares the
headers made here with those of the installed SDK, for every option and all kinds of values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: The SDK's names of options, where they differ from ours.
SDK_NAMES = {"portkey_api_key": "api_key", "provider_api_key": "Authorization"}
#: Options that do not become a header of their name.
NOT_HEADERS = frozenset({"base_url", "headers"})
#: `forward_headers` is left to the SDK: it changes the names of the other options' headers.
LEFT_TO_SDK = frozenset({"forward_headers"})

# Generated: begin
HEADERS: dict[str, str] = {
    "anthropic_beta": "x-portkey-anthropic-beta",
    "anthropic_version": "x-portkey-anthropic-version",
    "aws_access_key_id": "x-portkey-aws-access-key-id",
    "aws_bedrock_model": "x-portkey-aws-bedrock-model",
    "aws_region": "x-portkey-aws-region",
    "aws_s3_bucket": "x-portkey-aws-s3-bucket",
    "aws_s3_object_key": "x-portkey-aws-s3-object-key",
    "aws_secret_access_key": "x-portkey-aws-secret-access-key",
    "aws_session_token": "x-portkey-aws-session-token",
    "azure_api_version": "x-portkey-azure-api-version",
    "azure_deployment_id": "x-portkey-azure-deployment-id",
    "azure_endpoint_name": "x-portkey-azure-endpoint-name",
    "azure_foundry_url": "x-portkey-azure-foundry-url",
    "azure_model_name": "x-portkey-azure-model-name",
    "azure_resource_name": "x-portkey-azure-resource-name",
    "cache_force_refresh": "x-portkey-cache-force-refresh",
    "cache_namespace": "x-portkey-cache-namespace",
    "config": "x-portkey-config",
    "custom_host": "x-portkey-custom-host",
    "fireworks_account_id": "x-portkey-fireworks-account-id",
    "huggingface_base_url": "x-portkey-huggingface-base-url",
    "metadata": "x-portkey-metadata",
    "mistral_fim_completion": "x-portkey-mistral-fim-completion",
    "openai_organization": "x-portkey-openai-organization",
    "openai_project": "x-portkey-openai-project",
    "portkey_api_key": "x-portkey-api-key",
    "provider": "x-portkey-provider",
    "provider_api_key": "Authorization",
    "provider_file_name": "x-portkey-provider-file-name",
    "provider_model": "x-portkey-provider-model",
    "request_timeout": "x-portkey-request-timeout",
    "strict_open_ai_compliance": "x-portkey-strict-open-ai-compliance",
    "trace_id": "x-portkey-trace-id",
    "vertex_project_id": "x-portkey-vertex-project-id",
    "vertex_region": "x-portkey-vertex-region",
    "vertex_storage_bucket_name": "x-portkey-vertex-storage-bucket-name",
    "virtual_key": "x-portkey-virtual-key",
    "workers_ai_account_id": "x-portkey-workers-ai-account-id",
}
# Generated: end


def make_headers(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that the SDK makes of options; an empty value has no header.

    Args:
        options: Values by our names of options.
    """
    if not options.keys() <= HEADERS.keys():
        from portkey_ai import createHeaders

        made: dict[str, str] = createHeaders(**{SDK_NAMES.get(name, name): options[name] for name in options})
        return made
    texts = {HEADERS[name]: _text(value) for name, value in options.items()}
    key = texts.get("Authorization")
    if key and not key.startswith("Bearer "):
        texts["Authorization"] = f"Bearer {key}"
    return {header: text for header, text in texts.items() if text}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value) if value else ""
