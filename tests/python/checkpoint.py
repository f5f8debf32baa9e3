"""Writes a pickle such as a training run leaves: a state dictionary of float arrays.

    checkpoint.py FILE MEGABYTES
"""

import json
import pickle
import sys

import numpy

LAYER_BYTES = 4_000_000


def main() -> None:
    path, megabytes = sys.argv[1], int(sys.argv[2])
    random = numpy.random.default_rng(7)
    layers = megabytes * 1_000_000 // LAYER_BYTES
    state = {
        f"layers.{number}.weight": random.standard_normal((1000, 1000), dtype=numpy.float32)
        for number in range(layers)
    }
    with open(path, "wb") as file:
        pickle.dump({"epoch": 12, "state": state}, file, protocol=4)
    print(json.dumps({"layers": layers}))


if __name__ == "__main__":
    main()
