/** ONNX Runtime on a graph of plain operators: the loss as one exports it, its gradient written beside it. */
import { GraphBuilder, type Value } from '@softxent/backend-onnx/graph';
import type { Evaluated } from '../measure/accuracy.js';
import { inputsFor, type InputKind } from '../measure/inputs.js';
import type { Workload } from '../measure/workload.js';
import type { DeviceKind } from '../model.js';
import { plainLoss, type Contestant } from './contestant.js';

/** What is used of onnxruntime-node and onnxruntime-web: both have it. */
export interface OrtLibrary {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OrtSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => unknown;
}

interface OrtSession {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, OrtResult>>>;
  release(): Promise<void>;
}

interface OrtResult {
  readonly data: unknown;
  getData(): Promise<unknown>;
  dispose(): void;
}

/** How ONNX Runtime takes part. */
export interface OrtPeerOptions {
  /** Its name in reports: `ort`, `ort-web`, `ort-webgpu`. */
  readonly name: string;
  readonly provider: 'cpu' | 'wasm' | 'webgpu';
  readonly threads: number | null;
  readonly load: () => Promise<OrtLibrary>;
}

interface Graph {
  readonly rows: Value;
  readonly gradient: Value;
}

/** max(x, 0) - x t + log(1 + exp(-|x|)); Sigmoid(x) - t. */
function sigmoidGraph(g: GraphBuilder, x: Value, t: Value): Graph {
  const tail = g.log(g.add(g.exp(g.neg(g.abs(x))), 1));
  return {
    rows: g.add(g.sub(g.relu(x), g.mul(x, t)), tail),
    gradient: g.sub(g.sigmoid(x), t),
  };
}

/** -sum t LogSoftmax(x); exp(LogSoftmax(x)) sum t - t. */
function softmaxGraph(g: GraphBuilder, x: Value, t: Value, axis: number): Graph {
  const logProbability = g.op('LogSoftmax', [x], { axis }, { shape: x.shape });
  const weight = g.reduceSum(t, [axis], { keepdims: true });
  return {
    rows: g.neg(g.reduceSum(g.mul(t, logProbability), [axis], { keepdims: false })),
    gradient: g.sub(g.mul(g.exp(logProbability), weight), t),
  };
}

function modelOf(workload: Workload, reduction: 'mean' | 'none'): Uint8Array {
  const kind = plainLoss('ort', workload);
  const { shape } = workload.key;
  const g = new GraphBuilder({ name: workload.kind });
  const x = g.input('x', 'float32', shape);
  const t = g.input('t', 'float32', shape);
  const axis = workload.classAxis ?? 0;
  const { rows, gradient } = kind === 'sigmoid' ? sigmoidGraph(g, x, t) : softmaxGraph(g, x, t, axis);
  const isMean = reduction === 'mean';
  g.output('value', isMean ? g.reduceMean(rows, undefined, { keepdims: false }) : rows);
  g.output('gradient', isMean ? g.mul(gradient, 1 / workload.rows) : gradient);
  return g.toBytes();
}

/** A graph of plain operators on ONNX Runtime. */
export function ortPeer({ name, provider, threads, load }: OrtPeerOptions): Contestant {
  const device: DeviceKind = provider === 'webgpu' ? 'gpu' : 'cpu';
  return {
    key: { contestant: name, role: 'peer', threads, device },
    bytesPerElement: 60,
    async open() {
      const ort = await load();
      const options = {
        executionProviders: [provider],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        ...(threads === null || provider === 'wasm'
          ? {}
          : { intraOpNumThreads: threads, interOpNumThreads: 1 }),
        ...(device === 'gpu' ? { preferredOutputLocation: { gradient: 'gpu-buffer' } } : {}),
      };
      const feedsOf = (workload: Workload, seed: number, kind: InputKind): Record<string, unknown> => {
        const { predictions, targets } = inputsFor(workload, seed, kind);
        const { shape } = workload.key;
        return {
          x: new ort.Tensor('float32', predictions, shape),
          t: new ort.Tensor('float32', targets, shape),
        };
      };
      return {
        description: `ONNX Runtime ${provider}: a graph of plain operators`,
        async prepare(workload, seed) {
          const session = await ort.InferenceSession.create(modelOf(workload, 'mean'), options);
          const feeds = feedsOf(workload, seed, 'usual');
          return {
            async run() {
              const { value, gradient } = await session.run(feeds);
              const [mean = NaN] = (await value!.getData()) as Float32Array;
              gradient!.dispose();
              return mean;
            },
            dispose: () => session.release(),
          };
        },
        async evaluate(workload, seed): Promise<Evaluated> {
          const session = await ort.InferenceSession.create(modelOf(workload, 'none'), options);
          try {
            const { value, gradient } = await session.run(feedsOf(workload, seed, 'confident'));
            return {
              values: (await value!.getData()) as Float32Array,
              gradient: (await gradient!.getData()) as Float32Array,
            };
          } finally {
            await session.release();
          }
        },
        dispose: () => Promise.resolve(),
      };
    },
  };
}
