"""Writes a small model, the same bytes every time: model.py DIRECTORY."""
import json
import pathlib
import random
import sys

to, width, layers = pathlib.Path(sys.argv[1]), 256, 4
to.mkdir(parents=True)
size = 2 * width * width
header = {f"model.layers.{i}.weight": {"dtype": "BF16", "shape": [width, width], "data_offsets": [i * size, (i + 1) * size]} for i in range(layers)}
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
(to / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + random.Random(1).randbytes(layers * size))
(to / "config.json").write_text(json.dumps({"architectures": ["Small"], "hidden_size": width, "num_hidden_layers": layers}) + "\n")
