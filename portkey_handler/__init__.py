"""Run language models over table rows from SQL, through the Portkey AI gateway.

MindsDB reads this file twice: first as text, of which it takes only plain `name = literal` lines, then as a
module under another name. Nothing heavy is loaded before `Handler` is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .__about__ import __version__

if TYPE_CHECKING:
    from .creation_args import creation_args
    from .errors import (
        AboveLimitError,
        AlreadyExistsError,
        AuthenticationError,
        BudgetExceededError,
        CapacityError,
        ConnectError,
        ConnectionLostError,
        CostReachedError,
        GatewayError,
        InputError,
        InstallError,
        InvalidResponseError,
        NewerFileError,
        NotFoundError,
        OptionError,
        PortkeyHandlerError,
        QueryError,
        RateLimitError,
        RequestTimeoutError,
        ServerError,
        StatementError,
        StatusError,
        StoreError,
        TemplateError,
        UnknownHostError,
        UnsupportedError,
        UsageError,
    )
    from .handler import PortkeyHandler
    from .handler import PortkeyHandler as Handler
    from .model_using_args import model_using_args
    from .options import resolve
    from .predictor import Predictor, aask, ask
    from .session import Session
    from .usage.progress import Progress, on_progress

    import_error: Exception | None


class HANDLER_TYPE:  # noqa: N801 - MindsDB looks for this spelling
    """MindsDB's name for the kind of this handler, without importing MindsDB."""

    ML = "ml"


name = "portkey"
title = "Portkey"
description = "Language models over table rows, through the Portkey AI gateway"
version = "0.1.0"
type = HANDLER_TYPE.ML  # noqa: A001 - MindsDB's name
icon_path = "icon.svg"
permanent = False
support_level = "community"

__all__ = [  # noqa: RUF022 - what users import stands first
    "Session",
    "Predictor",
    "ask",
    "aask",
    "resolve",
    "Progress",
    "on_progress",
    "PortkeyHandlerError",
    "PortkeyHandler",
    "AboveLimitError",
    "AlreadyExistsError",
    "AuthenticationError",
    "BudgetExceededError",
    "CapacityError",
    "ConnectError",
    "ConnectionLostError",
    "CostReachedError",
    "GatewayError",
    "InputError",
    "InstallError",
    "InvalidResponseError",
    "NewerFileError",
    "NotFoundError",
    "OptionError",
    "QueryError",
    "RateLimitError",
    "RequestTimeoutError",
    "ServerError",
    "StatementError",
    "StatusError",
    "StoreError",
    "TemplateError",
    "UnknownHostError",
    "UnsupportedError",
    "UsageError",
    "Handler",
    "__version__",
    "creation_args",
    "description",
    "icon_path",
    "import_error",
    "model_using_args",
    "name",
    "permanent",
    "support_level",
    "title",
    "type",
    "version",
]


def _importable() -> str:
    """Return a module with the code of this folder that MindsDB's worker processes can import, too."""
    installed = find_spec("portkey_handler")
    if installed is not None and installed.origin is not None:
        return "portkey_handler"
    folder = Path(__file__).parent
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))  # the workers inherit it
    return folder.name


if __name__.startswith("mindsdb_community_handlers."):
    # MindsDB tells its workers to import this name; they do not know the name above.
    __package__ = _importable()
    version = __version__ = import_module(f"{__package__}.__about__").__version__

_ON_DEMAND = ("Handler", "PortkeyHandler", "creation_args", "import_error", "model_using_args")
#: The public names, and the module from which each is loaded when it is first used.
_MODULES = {
    "Session": "session",
    "Predictor": "predictor",
    "ask": "predictor",
    "aask": "predictor",
    "resolve": "options",
    "Progress": "usage.progress",
    "on_progress": "usage.progress",
}


def __getattr__(wanted: str) -> Any:
    """Load a name when it is first used. MindsDB expects an import error in `import_error`, not raised."""
    if wanted in _MODULES or (wanted in __all__ and wanted.endswith("Error")):
        found = getattr(import_module(f"{__package__}.{_MODULES.get(wanted, 'errors')}"), wanted)
        globals()[wanted] = found
        return found
    if wanted not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {wanted!r}")
    loaded = _load()
    if wanted == "PortkeyHandler" and loaded["import_error"] is not None:
        raise loaded["import_error"]
    if loaded["import_error"] is None:
        # Also replaces the submodules creation_args and model_using_args, which an import sets here.
        globals().update(loaded)
    return loaded[wanted]


def __dir__() -> list[str]:
    """Return the public names, also those that are not loaded yet."""
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Give IPython `%portkey` and `%%portkey`; it calls this on `%load_ext portkey_handler`."""
    import_module(f"{__package__}.session.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take them away; IPython calls this on `%unload_ext portkey_handler`."""
    import_module(f"{__package__}.session.magics").unload(shell)


def _load() -> dict[str, Any]:
    try:
        creation_args = import_module(f"{__package__}.creation_args").creation_args
        handler = import_module(f"{__package__}.handler").PortkeyHandler
        model_using_args = import_module(f"{__package__}.model_using_args").model_using_args
        # The handler imports these late; a missing package is reported here.
        for imported_late in ("host.describe", "predictor"):
            import_module(f"{__package__}.{imported_late}")
    except Exception as error:  # noqa: BLE001 - whatever it is, MindsDB shows it to the user
        return {"Handler": None, "import_error": error, "creation_args": {}, "model_using_args": {}}
    return {
        "Handler": handler,
        "PortkeyHandler": handler,
        "import_error": None,
        "creation_args": creation_args,
        "model_using_args": model_using_args,
    }
