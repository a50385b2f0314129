"""Makes a voice for piper without training one: FILE. Each phoneme is 50 ms of a tone of 440 Hz."""
import json
import string
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE, LENGTH = 22050, 1102
FILE = sys.argv[1]


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


inputs = [value("input", TensorProto.INT64, [1, "n"]), value("input_lengths", TensorProto.INT64, [1]),
          value("scales", TensorProto.FLOAT, [3])]
tone = 0.3 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(LENGTH) / RATE)
constants = {"one": numpy.array([1], numpy.int64), "none": numpy.float32(0),
             "tone": tone.astype(numpy.float32).reshape(1, 1, LENGTH)}
# All inputs must be used: what the answer does not depend on is added as nothing.
nodes = [("Concat", ["one", "one", "input_lengths"], "times", {"axis": 0}), ("Tile", ["tone", "times"], "tones", {}),
         ("Cast", ["input"], "phonemes", {"to": TensorProto.FLOAT}),
         ("ReduceSum", ["phonemes"], "sum", {"keepdims": 0}), ("Mul", ["sum", "none"], "nothing", {}),
         ("ReduceSum", ["scales"], "scale", {"keepdims": 0}), ("Mul", ["scale", "none"], "nothing more", {}),
         ("Add", ["tones", "nothing"], "sound", {}), ("Add", ["sound", "nothing more"], "output", {})]
graph = helper.make_graph(
    [helper.make_node(kind, given, [made], **more) for kind, given, made, more in nodes], "tones", inputs,
    [value("output", TensorProto.FLOAT, [1, 1, "m"])],
    [numpy_helper.from_array(array, name) for name, array in constants.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, FILE)
phonemes = string.ascii_lowercase + "əɪʊɛæɑɔʌθðʃʒŋɹˈˌː.,!? "
described = {
    "audio": {"sample_rate": RATE}, "espeak": {"voice": "en-us"}, "phoneme_type": "espeak", "num_symbols": 64,
    "num_speakers": 1, "speaker_id_map": {},
    "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
    "phoneme_id_map": {"_": [0], "^": [1], "$": [2], **{sign: [3 + at] for at, sign in enumerate(phonemes)}},
}
with open(FILE + ".json", "w") as file:
    json.dump(described, file)
