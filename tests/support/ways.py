"""Every way that is known to lead a key to another address, for who may write CREATE MODEL and SELECT."""

from __future__ import annotations

import json
from typing import Any


def ways(there: str) -> dict[str, dict[str, Any]]:
    """Give every way that is known to lead a key to another address."""
    host = there.removeprefix("http://")
    hook = [{"id": "default.webhook", "parameters": {"webhookURL": there}}]
    log = {"default.log": {"logURL": there}}
    return {
        "custom_host": {"custom_host": there},
        "base_url": {"base_url": there},
        "gateway_url": {"gateway_url": there},
        "upper case": {"Custom_Host": there},
        "dashes": {"custom-host": there},
        "header's name": {"x-portkey-custom-host": there},
        "config as object": {"config": {"custom_host": there}},
        "config as text": {"config": json.dumps({"custom_host": there})},
        "config as text with blanks": {"config": "\n\t " + json.dumps({"custom_host": there})},
        "config with targets": {"config": {"targets": [{"provider": "openai", "custom_host": there}]}},
        "config in a list": {"config": [{"custom_host": there}]},
        "config with hooks": {"config": {"before_request_hooks": hook}},
        "config with input guardrails": {"config": {"input_guardrails": [log]}},
        "config with output guardrails": {"config": json.dumps({"output_guardrails": [log]})},
        "config that ends the header": {"config": f"pc-slug\r\nx-portkey-custom-host: {there}"},
        "config that starts JSON late": {"config": f'pc-slug {{"custom_host": "{there}"}}'},
        "guardrails": {"input_guardrails": [log]},
        "hooks": {"before_request_hooks": hook},
        "headers": {"headers": {"x-portkey-custom-host": there}},
        "headers as text": {"headers": json.dumps({"x-portkey-custom-host": there})},
        "forward_headers": {"forward_headers": ["authorization"]},
        "huggingface_base_url": {"huggingface_base_url": there},
        "azure_foundry_url": {"azure_foundry_url": there},
        "azure_resource_name": {"provider": "azure-openai", "azure_resource_name": f"{host}/"},
        "vertex_region": {"provider": "vertex-ai", "vertex_region": f"{host}/"},
        "aws_region": {"provider": "bedrock", "aws_region": f"{host}/"},
        "provider": {"provider": "groq"},
        "provider with a break": {"provider": f"openai\r\nx-portkey-custom-host: {there}"},
        "provider as object": {"provider": {"custom_host": there}},
        "virtual_key with a break": {"virtual_key": f"v\nx-portkey-custom-host: {there}"},
        "trace_id": {"trace_id": f"t\r\nx-portkey-custom-host: {there}"},
        "cache_namespace": {"cache_namespace": f"c\r\nx-portkey-custom-host: {there}"},
        "targets": {"targets": {"mine": {"custom_host": there}}},
        "strategy": {"strategy": {"mode": "single"}, "targets": [{"custom_host": there}]},
        "a chosen target's address": {"targets": [{"name": "gpt", "custom_host": there}]},
        "a chosen target's key": {"targets": [{"name": "gpt", "api_key": "mine"}]},
        "a chosen target's provider": {"targets": [{"name": "gpt", "provider": "groq"}]},
        "a chosen target's overrides": {"targets": [{"name": "gpt", "override_params": {"x": there}}]},
        "a chosen target's targets": {"targets": [{"name": "gpt", "targets": [{"custom_host": there}]}]},
        "a chosen target's hooks": {"targets": [{"name": "gpt", "before_request_hooks": hook}]},
        "targets as text": {"targets": json.dumps([{"name": "gpt", "custom_host": there}])},
        "llms": {"llms": [{"custom_host": there}]},
        "a strategy with targets": {"strategy": {"mode": "single", "targets": [{"custom_host": there}]}},
        "a cache with an address": {"cache": {"mode": "simple", "url": there}},
        "a retry with an address": {"retry": {"attempts": 1, "custom_host": there}},
        "input guardrails that log": {"input_guardrails": [log]},
        "output guardrails that log": {"output_guardrails": json.dumps([log])},
        "a webhook among checks": {"input_guardrails": [{"id": "g", "checks": hook}]},
        "an unnamed check": {"input_guardrails": [{"webhook": {"webhookURL": there}}]},
        "a check of another plugin": {"input_guardrails": [{"patronus.custom": {"url": there}}]},
        "a check that is another by its id": {
            "input_guardrails": [{"default.contains": {"id": "default.webhook", "webhookURL": there}}]
        },
        "keys for whoever asks": {"input_guardrails": [{"default.jwt": {"jwksUri": there}}]},
        "a guardrail with a fallback": {
            "input_guardrails": [{"default.contains": {}, "on_fail": {"feedback": {}}, "webhook": there}]
        },
    }


def as_sql(options: dict[str, Any]) -> str:
    """Write options as USING takes them, objects and lists as they are."""
    return ", ".join(f"`{name}` = {_literal(value)}" for name, value in options.items())


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return json.dumps(value)  # with the blank behind a colon that the parser needs
