"""GradSentry finds backdoored rows in fine-tuning data before a language model trains on them."""

from importlib import import_module

from gradsentry._version import __version__ as __version__

_ROOMS = (
    "attacks",
    "bench",
    "detectors",
    "encoding",
    "errors",
    "integrations",
    "measures",
    "models",
    "outputs",
    "pipeline",
    "records",
    "report",
    "review",
    "thresholds",
    "tuning",
    "verification",
    "work",
)

# Not of `typing`: `python -m gradsentry` runs this while the current folder, often the data's, is
# still the first to import from.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from gradsentry import attacks as attacks
    from gradsentry import bench as bench
    from gradsentry import detectors as detectors
    from gradsentry import encoding as encoding
    from gradsentry import errors as errors
    from gradsentry import integrations as integrations
    from gradsentry import measures as measures
    from gradsentry import models as models
    from gradsentry import outputs as outputs
    from gradsentry import pipeline as pipeline
    from gradsentry import records as records
    from gradsentry import report as report
    from gradsentry import review as review
    from gradsentry import thresholds as thresholds
    from gradsentry import tuning as tuning
    from gradsentry import verification as verification
    from gradsentry import work as work
    from gradsentry._api import *  # noqa: F403
else:
    # PyTorch and transformers take seconds to import; `gradsentry --help` must not wait for them.
    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return import_module(f"{__name__}.{name}")
        api = import_module("gradsentry._api")
        if name in api.__all__:
            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted(["__version__", *_ROOMS, *import_module("gradsentry._api").__all__])
