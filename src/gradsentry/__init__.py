"""GradSentry finds backdoored rows in fine-tuning data before a language model trains on them."""

from typing import TYPE_CHECKING

from gradsentry._version import __version__ as __version__

if TYPE_CHECKING:
    from gradsentry._api import *  # noqa: F403
else:
    # PyTorch and transformers take seconds to import; `gradsentry --help` must not wait for them.
    def __getattr__(name: str) -> object:
        from gradsentry import _api

        if name in _api.__all__:
            return getattr(_api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        from gradsentry import _api

        return ["__version__", *_api.__all__]
