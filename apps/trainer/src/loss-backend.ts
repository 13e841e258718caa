import type { Blob, ExternalLoss, NetLayer } from '@softxent/caffe';
import { has } from '@softxent/caffe';
import { BackendModuleError, loadBackend } from '@softxent/conformance/load';
import type { Backend, Operands, Reduction, Session } from '@softxent/core';
import { open, SoftxentError, sigmoidCrossEntropy, softmaxCrossEntropy } from '@softxent/core';
import { CommandError } from './surroundings.js';

/** Loaded when they are asked for. */
const known: Readonly<Record<string, () => Promise<Backend>>> = {
  cpu: async () => (await import('@softxent/backend-cpu')).cpu(),
  wasm: async () => (await import('@softxent/backend-wasm')).wasm(),
  webgpu: async () => (await import('@softxent/backend-webgpu')).webgpu(),
  onnx: async () => (await import('@softxent/backend-onnx')).onnx({ provider: 'cpu' }),
};

const handled = new Set(['SigmoidCrossEntropyLoss', 'SoftmaxWithLoss']);

/** A backend of this program by its name, or the one that a module of the user exports. */
async function backendNamed(name: string, folder: string): Promise<Backend> {
  const own = known[name];
  if (own) return own();
  try {
    return await loadBackend(name, { folder });
  } catch (cause) {
    if (!(cause instanceof BackendModuleError)) throw cause;
    throw new CommandError(
      `--loss-backend ${name}: not one of ${Object.keys(known).join(', ')}, and no module with a backend: ${cause.message.split('\n')[0]}`,
      { cause },
    );
  }
}

const reductions: Readonly<Record<string, Reduction>> = {
  FULL: 'mean',
  VALID: 'mean-valid',
  BATCH_SIZE: 'mean-batch',
  NONE: 'sum',
};

function reductionOf({ param, type }: NetLayer): Reduction {
  const { loss_param: loss } = param;
  if (has(loss, 'normalization')) return reductions[loss.normalization]!;
  if (has(loss, 'normalize')) return loss.normalize ? 'mean-valid' : 'mean-batch';
  return type === 'SoftmaxWithLoss' ? 'mean-valid' : 'mean-batch';
}

const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Cross-entropies of a net, computed by a backend of @softxent/core. */
class BackendLoss implements ExternalLoss {
  constructor(
    private readonly session: Session,
    private readonly quirk: boolean,
  ) {}

  handles({ type, name, tops }: NetLayer): boolean {
    if (!handled.has(type)) return false;
    if (tops.length === 1) return true;
    throw new CommandError(
      `--loss-backend: layer '${name}' (${type}) also gives out probabilities, which loss backends do not`,
    );
  }

  async compute(
    layer: NetLayer,
    bottoms: readonly Blob[],
    weight: number,
  ): Promise<{ value: number; gradient: Float32Array }> {
    const [logits, targets] = bottoms as [Blob, Blob];
    const { loss, operands } =
      layer.type === 'SigmoidCrossEntropyLoss'
        ? this.#sigmoid(layer, logits, targets)
        : this.#softmax(layer, logits, targets);
    const { value, gradients } = await this.session.valueAndGrad(loss, operands, { upstream: weight });
    return { value, gradient: gradients.logits.data as Float32Array };
  }

  #sigmoid(layer: NetLayer, logits: Blob, targets: Blob) {
    const { loss_param: param } = layer.param;
    const ignore = has(param, 'ignore_label') ? param.ignore_label : undefined;
    const { shape } = logits;
    const operands: Record<string, Operands[string]> = {
      logits: { dtype: 'float32', shape, data: logits.data },
      targets: { dtype: 'float32', shape, data: targets.data },
    };
    const cut = ignore !== undefined && this.quirk;
    if (cut) {
      const mask = Uint8Array.from(targets.data, (t) => (Math.trunc(t) === ignore ? 0 : 1));
      operands['mask'] = { dtype: 'uint8', shape, data: mask };
    }
    const loss = sigmoidCrossEntropy({
      reduction: reductionOf(layer) as 'mean',
      ...(ignore !== undefined && !cut && { ignoreValue: ignore }),
    });
    return { loss, operands };
  }

  #softmax(layer: NetLayer, logits: Blob, targets: Blob) {
    const { loss_param: param, softmax_param: softmax } = layer.param;
    const { shape } = logits;
    const axis = softmax.axis < 0 ? softmax.axis + shape.length : softmax.axis;
    const outer = count(shape.slice(0, axis));
    const inner = count(shape.slice(axis + 1));
    const classes = shape[axis]!;
    const soft = shape.join() === targets.shape.join() && classes !== 1;
    const rows = [outer, classes, inner];
    const loss = softmaxCrossEntropy({
      axis: 1,
      reduction: reductionOf(layer) as 'mean',
      ...(has(param, 'ignore_label') && { ignoreValue: param.ignore_label }),
    });
    const operands: Operands = {
      logits: { dtype: 'float32', shape: rows, data: logits.data },
      targets: soft
        ? { dtype: 'float32', shape: rows, data: targets.data }
        : { dtype: 'int32', shape: [outer, inner], data: Int32Array.from(targets.data, Math.trunc) },
    };
    return { loss, operands };
  }
}

/** Opens a backend for the cross-entropies of nets. @throws CommandError, BackendUnavailableError */
export async function openLossBackend(
  name: string,
  folder: string,
  quirk = false,
): Promise<{ external: ExternalLoss; description: string; close(): Promise<void> }> {
  const backend = await backendNamed(name, folder);
  const session = await open(backend).catch((cause: unknown) => {
    if (cause instanceof SoftxentError) throw cause;
    // A backend of the user's own may throw anything.
    throw new CommandError(
      `--loss-backend ${name}: ${backend.name} does not open: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  });
  return {
    external: new BackendLoss(session, quirk),
    description: session.description,
    close: () => session.dispose(),
  };
}
