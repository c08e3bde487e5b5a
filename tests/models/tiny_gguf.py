"""A random Llama as a GGUF file, written with the format's own library."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from tests.conftest import byte_tokenizer
from tests.tiny_models import VOCAB

WIDTH, INNER, HEADS = 64, 96, 4


def write_tiny_gguf(path: Path) -> None:
    """Write a Llama of one layer; its tokens are bytes and one pair of them."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCAB + 2)
    ids = byte_tokenizer().get_vocab()
    tokens = [
        *sorted(ids, key=lambda token: ids[token]),
        "he",
        "<|endoftext|>",
    ]  # the last is added otherwise
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(ids["<|im_start|>"])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_unk_token_id(ids["<|unused3|>"])
    writer.add_pad_token_id(ids["<|pad|>"])
    shapes = {
        "token_embd": (VOCAB + 2, WIDTH),
        "output": (VOCAB + 2, WIDTH),
        "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (WIDTH, WIDTH),
        "blk.0.attn_v": (WIDTH, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH),
        "blk.0.ffn_gate": (INNER, WIDTH),
        "blk.0.ffn_up": (INNER, WIDTH),
        "blk.0.ffn_down": (WIDTH, INNER),
        "output_norm": (WIDTH,),
        "blk.0.attn_norm": (WIDTH,),
        "blk.0.ffn_norm": (WIDTH,),
    }
    random = np.random.default_rng(0)
    for name, shape in shapes.items():
        values = random.normal(0, 0.1, shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
