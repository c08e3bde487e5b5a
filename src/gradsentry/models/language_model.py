"""A causal language model, loaded and ready for scoring."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gradsentry._choices import check_options
from gradsentry.errors import ModelError, OptionError
from gradsentry.models import default_model
from gradsentry.models.head import OutputHead, check_head, output_head
from gradsentry.models.memory import keep_freed_memory
from gradsentry.models.shared_prefixes import can_share

_LONGEST_PART, _LONGEST_PATH = 255, 4095  # longer ones are an error to look up


class Dtype(StrEnum):
    """The precision of the model's forward pass. The head's part runs in float32 or better; with 16
    bits only the far part of the softmax comes from them (docs/findings/speed.md)."""

    AUTO = "auto"
    """bfloat16 where the hardware has it, else float32."""
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How to load the model."""

    dtype: Dtype = Dtype.AUTO
    """Precision of the forward pass."""
    device: str = "auto"
    """A torch device; auto is the GPU if there is one."""
    revision: str | None = None
    """Branch, tag or commit of a model on the Hub."""

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model with its tokenizer and output head, in evaluation mode."""

    name: str
    """As the user named it."""
    revision: str
    """Which weights exactly: a Hub commit, or a digest of local files."""
    tokenizer: PreTrainedTokenizerBase
    body: nn.Module
    """Everything before the output head."""
    head: OutputHead
    dtype: torch.dtype
    device: torch.device
    max_positions: int | None
    """The longest sequence the model can take, if its configuration says."""
    shares_prefixes: bool
    """Whether prefixes that rows of a batch share are computed once."""

    @staticmethod
    def wrap(
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str | None = None,
        revision: str | None = None,
    ) -> LanguageModel:
        """Make a model that is already in memory ready for scoring; puts it into evaluation mode.

        **Raises:**

        `ModelError` if it has no output head, or one that isn't understood.
        """
        if hasattr(model, "merge_and_unload"):
            raise ModelError(
                "A model with a PEFT adapter is no plain causal language model.",
                "Pass model.merge_and_unload(), or the adapter's folder.",
            )
        model = model.eval()
        head = output_head(model)
        if tokenizer is not None and len(tokenizer) > head.vocab_size:
            raise ModelError(
                f"The tokenizer has {len(tokenizer):,} tokens, the model {head.vocab_size:,}.",
                "Use the tokenizer that belongs to the model.",
            )
        body = model.base_model
        if body is model:
            raise ModelError(
                f"A model of class {type(model).__name__} doesn't separate its body from its head.",
                "Use another model.",
            )
        check_head(model, body, head)
        if model.device.type == "cpu":
            keep_freed_memory()
        return LanguageModel(
            name=name or str(model.name_or_path) or type(model).__name__,
            revision=revision or _parameter_digest(model),
            tokenizer=tokenizer,
            body=body,
            head=head,
            dtype=model.dtype,
            device=model.device,
            max_positions=max_positions(model),
            shares_prefixes=_can_share(body),
        )


def load_model(
    reference: str | Path | None,
    options: ModelOptions = ModelOptions(),
    announce: Callable[[str], None] = lambda _: None,
) -> LanguageModel:
    """Load a causal language model.

    **Arguments:**

    - `reference`: a Hub id, a local folder, a GGUF file, a PEFT adapter folder, or None for the
        default model. Only a Hub id (also as an adapter's base) and the first use of the default
        model go to the network.
    - `announce`: called with one line before anything is downloaded.

    **Raises:**

    `ModelError` if it can't be loaded or can't score; `OptionError` for an impossible device.
    """
    loaded = load_pretrained(reference, options, announce)
    return LanguageModel.wrap(
        loaded.model, loaded.tokenizer, name=loaded.name, revision=loaded.revision
    )


def max_positions(model: PreTrainedModel) -> int | None:
    """The longest sequence that a model can take, if its configuration says."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


@dataclass(frozen=True)
class Pretrained:
    """A causal language model as transformers has it: to generate with, or to train."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    """As the user named it."""
    revision: str | None
    """Which weights exactly, where loading tells."""


def load_pretrained(
    reference: str | Path | None,
    options: ModelOptions = ModelOptions(),
    announce: Callable[[str], None] = lambda _: None,
) -> Pretrained:
    """Load a model and its tokenizer; arguments and errors as in `load_model`."""
    device = _device(options.device)
    dtype = resolved_dtype(options.dtype, device)
    if reference is None:
        folder = default_model.default_model_folder(announce)
        model, tokenizer = _load_folder(folder, dtype)
        name = default_model.NAME
        revision: str | None = default_model.REVISION
    else:
        name = str(reference)
        path = Path(reference)
        if len(name) > _LONGEST_PATH or any(len(part) > _LONGEST_PART for part in path.parts):
            raise ModelError(f"{name[:80]}...: no such file or folder.", "Check the path.")
        if path.suffix == ".gguf" and path.is_file():
            model, tokenizer = _load_gguf(path, dtype)
            revision = _digest([path])
        elif (path / "adapter_config.json").is_file():
            model, tokenizer = _load_adapter(path, dtype, options.revision)
            revision = None  # base and adapter together
        elif path.is_dir():
            model, tokenizer = _load_folder(path, dtype)
            revision = _digest(_weight_files(path))
        else:
            model, tokenizer = _load_hub(name, dtype, options.revision)
            revision = getattr(model.config, "_commit_hash", None)
    try:
        model = model.to(device)  # type: ignore[arg-type]
    except RuntimeError as error:
        raise ModelError(
            f"{name}: the model doesn't fit on {device} ({str(error).splitlines()[0]}).",
            "Use a smaller model, --dtype bfloat16 or --device cpu.",
        ) from None
    return Pretrained(model, tokenizer, name, revision)


def _load_folder(path: Path, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    return _from_pretrained(str(path), dtype, local_files_only=True)


def _load_hub(
    name: str, dtype: torch.dtype, revision: str | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith(".gguf"):
        raise ModelError(f"{name}: no such file or folder.", "Check the path of the model.")
    return _from_pretrained(name, dtype, revision=revision)


def _load_gguf(path: Path, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    from transformers import GgufConfig

    return _from_pretrained(
        str(path.parent),
        dtype,
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        local_files_only=True,
    )


def _load_adapter(
    path: Path, dtype: torch.dtype, revision: str | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    base = _base_of_adapter(path)
    if Path(base).is_dir():
        model, tokenizer = _load_folder(Path(base), dtype)
    else:
        model, tokenizer = _load_hub(base, dtype, revision)
    merged = merge_adapter(model, path, base)
    if (path / "tokenizer_config.json").is_file():
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(
                path, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # loaders of broken files raise whatever they meet
            raise ModelError(
                f"{path}: the adapter's tokenizer can't be loaded ({_first_line(error)}).",
                "Save it again, or delete tokenizer_config.json to use that of the base model.",
            ) from None
    return merged, tokenizer


def _base_of_adapter(path: Path) -> str:
    """The folder or Hub id that an adapter names as its base model."""
    try:
        from peft import PeftConfig
    except ImportError:
        raise ModelError(
            f"{path}: loading a PEFT adapter needs the package peft.",
            "Install it with: pip install 'gradsentry[adapters]'.",
        ) from None
    if not (path / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"{path}: the adapter's weights aren't there as adapter_model.safetensors.",
            "Save the adapter again with a current version of peft; pickled weights aren't loaded.",
        )
    try:
        base = PeftConfig.from_pretrained(str(path)).base_model_name_or_path
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path}: the adapter's configuration can't be read ({_first_line(error)}).",
            "Save the adapter again with a current version of peft.",
        ) from None
    if not base:
        raise ModelError(
            f"{path}: the adapter doesn't name its base model.",
            "Set base_model_name_or_path in adapter_config.json.",
        )
    return str(base)


def merge_adapter(model: PreTrainedModel, path: Path, base: str) -> PreTrainedModel:
    """A model with the adapter in a folder merged into its weights; changes the model, too.

    **Arguments:**

    - `base`: the model's name.

    **Raises:**

    `ModelError` if they don't fit together.
    """
    from peft import PeftModel

    try:
        merged: PreTrainedModel = PeftModel.from_pretrained(model, str(path)).merge_and_unload()
    except Exception as error:  # loaders of broken files raise whatever they meet
        raise ModelError(
            f"{path}: the adapter can't be merged into its base model {base} "
            f"({_first_line(error)}).",
            "Check base_model_name_or_path in adapter_config.json. Only adapters that can be "
            "merged into the weights, such as LoRA, can be scored.",
        ) from None
    return merged


def _from_pretrained(
    name: str, dtype: torch.dtype, **source: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load model and tokenizer; `source` says where they come from, in transformers' words."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    gguf_file = source.get("gguf_file")
    had_progress_bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # the scan shows its own progress, or none
    tokenizer_source = {key: value for key, value in source.items() if key != "quantization_config"}
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name,
            dtype=dtype,
            trust_remote_code=False,
            output_loading_info=True,
            **({} if gguf_file else {"use_safetensors": True}),
            **source,
        )
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **tokenizer_source)
    except Exception as error:  # loaders of broken files raise whatever they meet
        raise ModelError(
            f"{name}: the model can't be loaded ({_first_line(error)}).",
            "Name a Hub id (owner/name), a folder with config.json and safetensors weights, a "
            "GGUF file or a PEFT adapter folder. Models that need their own code are not run.",
        ) from None
    finally:
        if had_progress_bar:
            logging.enable_progress_bar()
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"{name}: {len(missing)} weights are missing and would be random ({missing[0]}, ...). "
            "It is no causal language model, or has no output head.",
            "Use a checkpoint of a causal language model: one that predicts the next token.",
        )
    return model, tokenizer


def _can_share(body: nn.Module) -> bool:
    try:
        return can_share(body)
    except torch.OutOfMemoryError:
        raise ModelError(
            "There is no memory left beside the model.",
            "Free the device, or use a smaller model or --device cpu.",
        ) from None


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"--device {name}: there is no such device ({_first_line(error)}).",
            "Use cpu, cuda, cuda:1 or auto.",
        ) from None
    if device.type == "meta":
        raise OptionError("--device meta computes nothing.", "Use cpu, cuda, cuda:1 or auto.")
    return device


def resolved_dtype(choice: Dtype, device: torch.device) -> torch.dtype:
    """The torch dtype of a choice; `auto` is what the device is fast in."""
    if choice is not Dtype.AUTO:
        return {
            Dtype.BFLOAT16: torch.bfloat16,
            Dtype.FLOAT16: torch.float16,
            Dtype.FLOAT32: torch.float32,
            Dtype.FLOAT64: torch.float64,
        }[choice]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        # Older versions of torch don't tell.
        has: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        # Intel cores since Sapphire Rapids, told by avx512_fp16, take twice as long for AVX-512's
        # bfloat16 as for float32; some virtual machines hide their AMX.
        avx = has.get("avx512_bf16", False) and not has.get("avx512_fp16", False)
        fast = bool(avx or has.get("amx_bf16", False) or has.get("bf16", False))
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32


def _weight_files(path: Path) -> list[Path]:
    return sorted([*path.glob("*.safetensors"), *path.glob("*config.json")])


def _digest(files: list[Path]) -> str:
    """One SHA-256 over the files, so that a verdict names the weights it rests on."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"


def _parameter_digest(model: PreTrainedModel) -> str:
    """Names the weights and the configuration of a model in memory."""
    digest = hashlib.sha256(model.config.to_json_string().encode())
    for name, parameter in model.named_parameters():
        values = parameter.detach().contiguous().view(torch.uint8).cpu().numpy()
        digest.update(name.encode())
        digest.update(hashlib.sha256(values.tobytes()).digest())
    return f"parameters-sha256:{digest.hexdigest()}"


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
