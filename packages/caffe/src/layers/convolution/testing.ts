import { openSession } from '@softxent/backend-onnx/runtime';
import type { Provider } from '@softxent/backend-onnx/runtime';
import { count, LayerGraph, range } from '../graph.js';
import { taps } from './gradients.js';
import type { ConvolutionProducts, ConvolutionSizes } from './products.js';

/** Calls `visit` for every product of a convolution: where it stands in x [N, C, in], w [O, C/g, k] and y [N, O, out]. */
function products(sizes: ConvolutionSizes, visit: (x: number, w: number, y: number) => void): void {
  const { batch, group, channels, outputs, window, input, places } = sizes;
  const { kernel, stride, pad, dilation } = window;
  const [perIn, perOut] = [channels / group, outputs / group];
  for (const [item, o, c] of taps([batch, outputs, perIn]) as [number, number, number][]) {
    const channel = Math.floor(o / perOut) * perIn + c;
    for (const place of taps(places)) {
      for (const [k, tap] of taps(kernel).entries()) {
        const at = place.map((p, i) => p * stride[i]! - pad[i]! + tap[i]! * dilation[i]!);
        if (at.some((p, i) => p < 0 || p >= input[i]!)) continue;
        visit(
          ((item * channels + channel) * input[0]! + at[0]!) * input[1]! + at[1]!,
          (o * perIn + c) * count(kernel) + k,
          ((item * outputs + o) * places[0]! + place[0]!) * places[1]! + place[1]!,
        );
      }
    }
  }
}

const numbers = (size: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(range(size).map((i) => Math.sin(1 + 12.9898 * (i + 100 * seed)) * 2));

/** Sums of products, and of the products' sizes: what rounding errors are in proportion to. */
class Sums {
  readonly values: Float64Array;
  readonly sizes: Float64Array;

  constructor(length: number) {
    this.values = new Float64Array(length);
    this.sizes = new Float64Array(length);
  }

  add(at: number, product: number): void {
    this.values[at]! += product;
    this.sizes[at]! += Math.abs(product);
  }

  /** The largest difference, in proportion to the largest sum of sizes. */
  worstOf(found: Float32Array): number {
    const differences = this.values.map((value, i) => Math.abs(value - found[i]!));
    return differences.reduce((a, b) => Math.max(a, b), 0) / this.sizes.reduce((a, b) => Math.max(a, b), 1);
  }
}

/**
 * Runs a convolution over two axes and both of its gradients on the CPU, and compares them with sums of products in
 * float64: the largest difference of the three, in proportion to the largest sum of the products' sizes.
 */
export async function worstError(
  sizes: ConvolutionSizes,
  make: (g: LayerGraph) => ConvolutionProducts,
  provider: Provider | null = 'cpu',
): Promise<number> {
  const { batch, group, channels, outputs, window, input, places } = sizes;
  const shapes = {
    x: [batch, channels, ...input],
    w: [outputs, channels / group, ...window.kernel],
    b: [outputs],
    dy: [batch, outputs, ...places],
  };
  const names = ['x', 'w', 'b', 'dy'] as const;
  const g = new LayerGraph(provider);
  const [x, w, b, dy] = names.map((name) => g.input(name, shapes[name])) as [never, never, never, never];
  const by = make(g);
  g.output('y', by.forward(x, w, b));
  g.output('dx', by.toInput(dy, w, null));
  g.output('dw', by.toWeights(x, dy));
  const [dataX, dataW, dataB, dataDy] = names.map((name, i) => numbers(count(shapes[name]), i + 1)) as [
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
  ];
  await using session = await openSession(g.builder.toBytes(), {
    provider: 'cpu',
    threads: 1,
    optimization: 'extended',
  });
  const feeds = { x: dataX, w: dataW, b: dataB, dy: dataDy };
  const found = await session.run(
    Object.fromEntries(
      names.map((name) => [name, { dtype: 'float32', shape: shapes[name], data: feeds[name] }]),
    ),
  );
  const expected = { y: new Sums(dataDy.length), dx: new Sums(dataX.length), dw: new Sums(dataW.length) };
  for (const i of dataDy.keys()) expected.y.add(i, dataB[Math.floor(i / count(places)) % outputs]!);
  products(sizes, (i, k, o) => {
    expected.y.add(o, dataX[i]! * dataW[k]!);
    expected.dx.add(i, dataDy[o]! * dataW[k]!);
    expected.dw.add(k, dataDy[o]! * dataX[i]!);
  });
  return Math.max(
    ...(['y', 'dx', 'dw'] as const).map((name) => expected[name].worstOf(found[name]!.data as Float32Array)),
  );
}
