"""Golden values of the 8-bit and 4-bit codes, by bitsandbytes on the CPU (float32).

quantized.json: the code tables; numbers with their 8-bit codes in blocks of 256 (signed: the largest of each block is
positive, where bitsandbytes' scale and ours agree; unsigned); a matrix with its NF4 codes, scales and decoded numbers.
"""
import json
from pathlib import Path

import torch
from bitsandbytes import functional as F

torch.manual_seed(11)


def blocks(numbers, signed):
    table = F.create_dynamic_map(signed)
    codes, state = F.quantize_blockwise(numbers, code=table, blocksize=256)
    return {
        "numbers": numbers.tolist(),
        "codes": codes.tolist(),
        "scales": state.absmax.tolist(),
        "decoded": F.dequantize_blockwise(codes, state).tolist(),
    }


signed = torch.randn(1024) * 10 ** (-4 * torch.rand(1024))
for block in signed.view(-1, 256):
    block[block.abs().argmax()].abs_()
unsigned = torch.randn(1024) ** 2 * 10 ** (-4 * torch.rand(1024))
matrix = torch.randn(12, 128) * 0.02
codes, state = F.quantize_4bit(matrix, blocksize=64, quant_type="nf4")
_, nested = F.quantize_4bit(matrix, blocksize=64, quant_type="nf4", compress_statistics=True)

golden = {
    "tables": {"signed": F.create_dynamic_map(True).tolist(), "unsigned": F.create_dynamic_map(False).tolist(),
               "nf4": F.get_4bit_type("nf4", device="cpu").tolist()},
    "signed": blocks(signed, True),
    "unsigned": blocks(unsigned, False),
    "nf4": {
        "shape": list(matrix.shape),
        "numbers": matrix.flatten().tolist(),
        "codes": codes.flatten().tolist(),
        "scales": state.absmax.flatten().tolist(),
        "offset": nested.offset.item(),
        "decoded": F.dequantize_4bit(codes, state).flatten().tolist(),
    },
}
path = Path(__file__).parent / "goldens" / "quantized.json"
path.write_text(json.dumps(golden) + "\n")
