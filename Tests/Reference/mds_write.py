"""Writes mds_written/, a small data set of the original library that a writer must equal byte for byte.

    python mds_write.py mds_written

The first sample is larger than the size limit, so the first shard is empty. Needs mds_requirements.txt.
"""
import sys
from decimal import Decimal

import numpy as np
from streaming import MDSWriter

COLUMNS = {"text": "str", "tokens": "ndarray:int32", "any": "ndarray", "fixed": "ndarray:float32:2,2", "count": "int",
           "half": "float16", "big": "str_int", "price": "str_decimal", "meta": "json", "blob": "bytes", "u": "uint16"}

with MDSWriter(out=sys.argv[1], columns=COLUMNS, hashes=["sha1", "sha256", "xxh64"], size_limit="1kb") as out:
    for i in range(9):
        out.write({
            "text": ("caf\u00e9 " * 200 if i == 0 else f"sample {i}"),
            "tokens": np.arange(i, 2 * i + 1, dtype=np.int32),
            "any": np.full((1, 300 if i == 4 else 2), i, np.float64),
            "fixed": np.full((2, 2), i / 4, np.float32),
            "count": -i, "half": np.float16(i / 3), "big": 10**20 + i, "price": Decimal("1.50") + i,
            "meta": {"b": [i, 1.5, None, True], "a": "\u00e9\n\U0001F600\x7f\""}, "blob": bytes(range(i)),
            "u": np.uint16(i * 7000),
        })
