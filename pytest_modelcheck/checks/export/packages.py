"""What an export needs beside torch."""

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
