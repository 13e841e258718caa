/**
 * A typed builder of ONNX graphs (opset 18, IR 9) that run on every ONNX runtime. It knows nothing of losses.
 *
 * ```ts
 * const g = new GraphBuilder({ name: 'layer' });
 * const x = g.input('x', 'float32', ['n', 3, 32, 32]);
 * const w = g.initializer('w', 'float32', [8, 3, 3, 3], weights);
 * g.output('y', g.relu(g.conv(x, w, null, { pads: 1 })));
 * const bytes = g.toBytes();
 * ```
 *
 * @module
 */

import { NeuralOps } from './neural-ops.js';

/**
 * Builds one ONNX graph: inputs, stored tensors, a method per operator, outputs, and the bytes of the .onnx file.
 * Every method checks dtypes and (as far as they are known) shapes and throws {@link GraphError} where they do not fit.
 */
export class GraphBuilder extends NeuralOps {}

export {
  Value,
  float,
  tensorAttribute,
  type Attributes,
  type AttributeValue,
  type FloatAttribute,
  type GraphOptions,
  type Operand,
  type OutputSpec,
  type TensorAttribute,
} from './builder-base.js';
export type { ConvOptions, ConvTransposeOptions, PoolOptions, WindowOptions } from './neural-ops.js';
export type { ReduceOptions, SliceRange } from './tensor-ops.js';
export {
  BYTES,
  GraphError,
  bytesOf,
  sizeOf,
  toData,
  type DataOf,
  type Dim,
  type GraphDType,
  type Shape,
  type TensorData,
} from './types.js';
