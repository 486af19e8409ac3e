"""From a trained model to other programs: ONNX, plain NumPy, safetensors, Keras's names.

The mathematics of evaluation is written layer by layer, so that what runs elsewhere can be read
there too. An ONNX file is compared with the model before it is kept.
"""

from pellucid.export._onnx import to_onnx

__all__ = ["to_onnx"]
