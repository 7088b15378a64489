"""Write the averaged weights of a checkpoint as ONNX and check that both give the same.

Usage: ``python export_onnx.py CHECKPOINT OUT.onnx``
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from network import Deployed, Finder
from slabs import PLANES_MM

OUTPUTS = ("probabilities", "heat", "height_mm")
# Largest difference between torch and ONNX that is rounding.
TOLERANCE = 1e-3


def export(checkpoint: Path, out: Path) -> float:
    """Export and give the largest difference of the class probabilities."""
    finder = Finder()
    finder.load_state_dict(torch.load(checkpoint, weights_only=True, map_location="cpu")["average"])
    network = Deployed(finder).eval()
    planes = torch.rand(1, len(PLANES_MM), 160, 192)
    names = ("planes", *OUTPUTS)
    axes = {name: {0: "n", planes.ndim - 2: "h", planes.ndim - 1: "w"} for name in names[:2]}
    axes |= {name: {0: "n", 1: "h", 2: "w"} for name in names[2:]}
    torch.onnx.export(
        network,
        (planes,),
        str(out),
        input_names=list(names[:1]),
        output_names=list(OUTPUTS),
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    other = torch.rand(2, len(PLANES_MM), 128, 224)
    found = session.run(["probabilities"], {"planes": other.numpy()})[0]
    with torch.no_grad():
        return float(np.abs(found - network(other)[0].numpy()).max())


if __name__ == "__main__":
    difference = export(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{Path(sys.argv[2]).stat().st_size / 1e6:.1f} MB, largest difference {difference:.1e}")
    if difference > TOLERANCE:
        sys.exit(1)
