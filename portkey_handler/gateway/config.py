"""How the requests of a query reach the gateway: its address, the headers, the timeout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..options import EngineConfig, Plan
from ..options.routing import CONFIG_WORDS
from ..secret import HiddenText, revealed
from .config_object import joined_options
from .sdk_headers import NOT_HEADERS, make_headers

HOSTED = "https://api.portkey.ai/v1"
LOCAL = "http://localhost:8787/v1"
#: What stands in place of an address for the language model that comes with the extra `[local]`.
ON_THIS_MACHINE = "local"
#: The digest of that model's file. Its cached answers belong to it, and not to the port of a server.
LOCAL_MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
#: Seconds that the probe of a new engine may take.
PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """How the requests of a query reach the gateway, resolved once from the engine and the plan.

    Attributes:
        engine: The engine's options.
        base_url: The gateway's base URL.
        options: The gateway options as the SDK's client takes them, with keys as secrets; `config` is made of
            the routing options.
        timeout: Seconds that one request may take, the last byte of its body included.
        routes_by_metadata: The gateway may choose a target by a request's metadata.
        is_direct: No proxy stands between.
    """

    engine: EngineConfig
    base_url: str
    options: Mapping[str, Any] = field(repr=False)
    timeout: float
    routes_by_metadata: bool = False
    is_direct: bool = False

    @classmethod
    def resolve(cls, engine: EngineConfig, plan: Plan) -> GatewayConfig:
        """Return the configuration of an engine's options overlaid with the plan's.

        Raises:
            OptionError: The options contradict each other; see `joined_options`.
        """
        options = joined_options(engine.options, plan.routing.value)
        may_route = _may_route(options.get("config"))
        return cls(engine, address(engine), options, plan.execution.timeout, may_route)._redirected()

    @classmethod
    def of_engine(cls, engine: EngineConfig, timeout: float = PROBE_SECONDS) -> GatewayConfig:
        """Return the configuration of an engine without a model: no target is chosen, nothing is routed."""
        own = {name: value for name, value in engine.options.items() if name not in CONFIG_WORDS}
        return cls(engine, address(engine), own, timeout)._redirected()

    def _redirected(self) -> GatewayConfig:
        if _everything_goes_to is None:
            return self
        return replace(self, base_url=_everything_goes_to, is_direct=True)

    @property
    def is_local(self) -> bool:
        """Whether the language model of this machine is meant, which has no address of its own."""
        return self.base_url == ON_THIS_MACHINE

    @property
    def identity(self) -> str:
        """The address, or what stands for it where the address says nothing of who answers."""
        return f"{ON_THIS_MACHINE}:{LOCAL_MODEL_SHA256}" if self.is_local else self.base_url

    def at(self, base_url: str) -> GatewayConfig:
        """Return the configuration of a server on this machine; it gets no key."""
        return replace(self, engine=EngineConfig({}), base_url=base_url, options={}, is_direct=True)

    def with_options(self, further: Mapping[str, Any]) -> GatewayConfig:
        """Return a copy with further options, such as a trace id; they beat those of the same name."""
        return replace(self, options={**self.options, **further})

    @property
    def headers(self) -> dict[str, HiddenText]:
        """The headers that the SDK's client would send for these options; here keys are revealed."""
        options = revealed({"strict_open_ai_compliance": False, **self.options})
        made = make_headers(
            {name: value for name, value in options.items() if name not in NOT_HEADERS and value is not None}
        )
        own: dict[str, str] = options.get("headers") or {}
        # A header is sent once, whatever the case of its name: `headers` beats the headers of other options.
        again = {name.lower() for name in own}
        all_of_them = {**{name: text for name, text in made.items() if name.lower() not in again}, **own}
        return {name: HiddenText(text) for name, text in all_of_them.items()}

    @property
    def trace_id(self) -> str | None:
        """The trace id that was given, or None."""
        return self.options.get("trace_id")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata that was given; texts in it are templates."""
        return self.options.get("metadata") or {}

    @property
    def known_provider(self) -> str | None:
        """The provider's name, as price lists use it; None for a slug, which only one account knows."""
        provider = self.options.get("provider")
        return provider if isinstance(provider, str) and not provider.startswith("@") else None


#: An address on this machine that is asked in place of every other, in the whole process; or None.
_everything_goes_to: str | None = None


@contextmanager
def everything_to(base_url: str) -> Iterator[None]:
    """Ask a server on this machine in place of every gateway inside the `with` block, whatever engines say.

    It gets the headers that the gateway would get. Answers are cached for that server, not for the engines.
    """
    global _everything_goes_to  # noqa: PLW0603 - a thread that does not know of it would ask, and pay
    before, _everything_goes_to = _everything_goes_to, base_url
    try:
        yield
    finally:
        _everything_goes_to = before


def address(engine: EngineConfig) -> str:
    """Return the gateway's base URL: the one given, else the hosted one with a key, the local one without."""
    if _everything_goes_to is not None:
        return _everything_goes_to
    given: str | None = engine.plain.get("base_url")
    return given or (HOSTED if engine.secrets.get("portkey_api_key") else LOCAL)


def _may_route(config: Any) -> bool:
    """Return whether a config may choose its target by metadata. A slug may, as its content is not known."""
    if isinstance(config, Mapping):
        strategy = config.get("strategy")
        return (isinstance(strategy, Mapping) and strategy.get("mode") == "conditional") or any(
            _may_route(target) for target in config.get("targets") or ()
        )
    return isinstance(config, str)
