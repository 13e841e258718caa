import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorProto_DataType as DataType,
  ValueInfoProtoSchema,
  type AttributeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import type { AttributeValue, GraphBase, Value } from './builder-base.js';
import { GraphError, bytesOf, type GraphDType, type TensorData } from './types.js';

const DATA_TYPES: Readonly<Record<GraphDType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int64: DataType.INT64,
  int32: DataType.INT32,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
};

function tensor(dtype: GraphDType, shape: readonly number[], data: TensorData, name = ''): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: DATA_TYPES[dtype],
    dims: shape.map(BigInt),
    rawData: bytesOf(data),
  });
}

function integer(value: number, what: string): bigint {
  if (!Number.isSafeInteger(value))
    throw new GraphError(
      `${what}: ${value} is not a whole number; write float(${value}) for a FLOAT attribute`,
    );
  return BigInt(value);
}

function attribute(name: string, value: AttributeValue, where: string): AttributeProto {
  const what = `${where}: attribute '${name}'`;
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  }
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: integer(value, what) });
  if ('float' in value) {
    return typeof value.float === 'number'
      ? create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
      : create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...value.float] });
  }
  if ('data' in value) {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.TENSOR,
      t: tensor(value.dtype, value.shape, value.data, name),
    });
  }
  return create(AttributeProtoSchema, {
    name,
    type: AttributeType.INTS,
    ints: value.map((element) => integer(element, what)),
  });
}

function valueInfo(value: Value): ValueInfoProto {
  const shape =
    value.shape === null
      ? {}
      : {
          shape: {
            dim: value.shape.map((dim) =>
              dim === null
                ? {}
                : typeof dim === 'number'
                  ? { value: { case: 'dimValue' as const, value: BigInt(dim) } }
                  : { value: { case: 'dimParam' as const, value: dim } },
            ),
          },
        };
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: { value: { case: 'tensorType', value: { elemType: DATA_TYPES[value.dtype], ...shape } } },
  });
}

/** The model as ONNX's protocol buffer. */
export function serializeModel(graph: GraphBase): Uint8Array<ArrayBuffer> {
  const { options } = graph;
  if (graph.outputs.length === 0) throw new GraphError(`the graph '${options.name}' has no output`);
  const nodes = graph.liveNodes();
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const domains = new Set(nodes.map((node) => node.domain).filter((domain) => domain !== ''));
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(options.irVersion),
    producerName: options.producer,
    docString: options.description ?? '',
    opsetImport: [
      { domain: '', version: BigInt(options.opset) },
      ...[...domains].map((domain) => ({ domain, version: 1n })),
    ],
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
    graph: {
      name: options.name,
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
      initializer: graph.initializers
        .filter(({ value }) => used.has(value))
        .map(({ value, shape, data }) => tensor(value.dtype, shape, data, value.name)),
      node: nodes.map((node) =>
        create(NodeProtoSchema, {
          opType: node.opType,
          name: node.name,
          domain: node.domain,
          // Trailing optional inputs are left out, inner ones are the empty name.
          input: trimmed(node.inputs).map((value) => value?.name ?? ''),
          output: node.outputs.map((value) => value.name),
          attribute: Object.entries(node.attributes).flatMap(([name, value]) =>
            value === undefined ? [] : [attribute(name, value, node.name)],
          ),
        }),
      ),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

function trimmed<T>(inputs: readonly (T | null)[]): readonly (T | null)[] {
  const last = inputs.findLastIndex((value) => value !== null);
  return inputs.slice(0, last + 1);
}
