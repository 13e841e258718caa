#!/usr/bin/env python3
"""Checks .onnx files with ONNX's own checker, shapes and types included.

    python3 check-onnx.py FILE...

Needs the module onnx (Debian and Ubuntu: apt-get install python3-onnx). Prints one line for each file and exits with 1
if the checker refuses any of them.
"""

import sys

import onnx


def describe(value):
    tensor = value.type.tensor_type
    sizes = ", ".join(d.dim_param or str(d.dim_value) for d in tensor.shape.dim)
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    return f"{value.name}: {dtype}[{sizes}]"


def check(path):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    # Strict inference also compares what the file claims of its outputs with what follows from the operators.
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    graph = inferred.graph
    operators = sorted({node.op_type for node in graph.node})
    inputs = ", ".join(describe(value) for value in graph.input)
    outputs = ", ".join(describe(value) for value in graph.output)
    version = model.opset_import[0].version
    print(f"{path}: opset {version}: {inputs} -> {outputs}; {len(graph.node)} nodes of {', '.join(operators)}")


def main(paths):
    if not paths:
        sys.exit(__doc__)
    failed = 0
    for path in paths:
        try:
            check(path)
        except Exception as error:  # the checker throws several kinds
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
