"""GradSentry finds backdoored rows in fine-tuning data before a language model trains on them."""

from importlib import import_module

from gradsentry._version import __version__ as __version__

# Not of `typing`: `python -m gradsentry` runs this while the current folder, often the data's, is
# still the first to import from.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from gradsentry._api import *  # noqa: F403
else:
    # PyTorch and transformers take seconds to import; `gradsentry --help` must not wait for them.
    def __getattr__(name: str) -> object:
        api = import_module("gradsentry._api")
        if name in api.__all__:
            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return ["__version__", *import_module("gradsentry._api").__all__]
