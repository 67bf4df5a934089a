"""What a provider replies that has no resources free for flex."""

from __future__ import annotations

from portkey_handler.gateway.offline import Fault, RecordedRequest

UNAVAILABLE = {
    "error": {
        "message": "Resource unavailable. Please try again later.",
        "type": "resource_unavailable",
        "param": None,
        "code": "resource_unavailable",
    }
}


def refuse_flex(request: RecordedRequest) -> Fault | None:
    """Refuse what asks for flex."""
    return Fault(status=429, body=UNAVAILABLE) if request.body.get("service_tier") == "flex" else None
