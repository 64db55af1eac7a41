"""Writes mds_epochs.json: the ids of two shuffled epochs of a real data set, as the original's StreamingDataset yields.

    python mds_epochs.py DIRECTORY > mds_epochs.json      DIRECTORY = ../shared/data/mds-real

Needs mds_requirements.txt.
"""
import hashlib
import json
import sys
import tempfile
import warnings

from streaming import StreamingDataset

warnings.simplefilter("ignore")

with tempfile.TemporaryDirectory() as local:
    data = StreamingDataset(remote=sys.argv[1], local=local, batch_size=4, shuffle=True, shuffle_seed=9176,
                            num_canonical_nodes=4, shuffle_algo="py1e", shuffle_block_size=1000)
    epochs = []
    for _ in range(2):
        ids = [sample["id"] for sample in data]
        epochs.append({"count": len(ids), "first": ids[:8],
                       "digest": hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()})
    print(json.dumps(epochs))
