"""From a trained model to other programs: ONNX, plain NumPy, safetensors, Keras's names.

The mathematics of evaluation is written layer by layer, so that what runs elsewhere can be read
there too. An ONNX file is compared with the model before it is kept.
"""

from pellucid.export._numpy import to_numpy
from pellucid.export._onnx import to_onnx
from pellucid.export._weights import to_keras_names, to_safetensors

__all__ = ["to_keras_names", "to_numpy", "to_onnx", "to_safetensors"]
