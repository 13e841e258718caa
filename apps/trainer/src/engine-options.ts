import type { EngineOptions } from '@softxent/caffe';
import type { EngineFlags } from './flags.js';
import { openLossBackend } from './loss-backend.js';
import { UsageError } from './surroundings.js';

/** What the flags say about running nets; closes the loss's backend. */
export interface OpenedEngine extends AsyncDisposable {
  readonly options: Omit<EngineOptions, 'params' | 'seed'>;
  /** For people: where nets and losses are computed. */
  readonly description: string;
}

/** @throws UsageError for flags that do not go together; BackendUnavailableError for a loss backend that does not open */
export async function engineOptions(
  { provider, gpu, threads, spinning, caffeIgnoreQuirk, lossBackend }: EngineFlags,
  folder: string,
): Promise<OpenedEngine> {
  if (gpu !== undefined && provider !== undefined && provider !== 'cuda') {
    throw new UsageError(`-gpu means --provider cuda, and --provider ${provider} is given as well`);
  }
  const where = gpu === undefined ? (provider ?? 'cpu') : 'cuda';
  const loss =
    lossBackend === undefined ? undefined : await openLossBackend(lossBackend, folder, caffeIgnoreQuirk);
  return {
    options: {
      provider: where,
      ...(threads !== undefined && { threads }),
      ...(spinning !== undefined && { spinning }),
      ...(gpu !== undefined && { deviceId: gpu }),
      ...(caffeIgnoreQuirk && { caffeIgnoreQuirk }),
      ...(loss && { externalLoss: loss.external }),
    },
    description: `ONNX Runtime, ${where}${loss ? `; cross-entropies on ${loss.description}` : ''}`,
    async [Symbol.asyncDispose]() {
      await loss?.close();
    },
  };
}
