/** Contestants in a browser: every library comes from the page's own files, and is loaded when it is opened. */
import { cpu } from '@softxent/backend-cpu';
import { onnx } from '@softxent/backend-onnx';
import { wasm } from '@softxent/backend-wasm';
import { webgpu } from '@softxent/backend-webgpu';
import { BackendUnavailableError, type Backend } from '@softxent/core';
import { tfjs, type TfBackendName } from '@softxent/tfjs';
import type { Contestant } from '../../src/contestants/contestant.js';
import { jaxPeer } from '../../src/contestants/jax.js';
import { ortPeer } from '../../src/contestants/ort.js';
import { softxent } from '../../src/contestants/softxent.js';
import { tfjsPeer } from '../../src/contestants/tfjs.js';
import { typescriptPeer } from '../../src/contestants/typescript.js';
import type { DeviceKind } from '../../src/model.js';
import { loadOrt, loadTensorFlow } from './libraries.js';

/** Threads need memory that they share; one thread under the name of several would be a lie. */
function needIsolation(name: string, threads: number): void {
  if (threads > 1 && !globalThis.crossOriginIsolated) {
    throw new BackendUnavailableError(
      name,
      'the page is not cross-origin isolated, so threads have no memory to share; serve it with the headers ' +
        'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
    );
  }
}

function backend(
  contestant: string,
  threads: number | null,
  device: DeviceKind,
  make: () => Backend | Promise<Backend>,
): Contestant {
  return softxent({
    key: { contestant, threads, device },
    backend() {
      needIsolation(contestant, threads ?? 1);
      return make();
    },
  });
}

function onOrt(provider: 'wasm' | 'webgpu', threads: number): Contestant {
  const isGpu = provider === 'webgpu';
  return backend(`onnx-${provider}`, isGpu ? null : threads, isGpu ? 'gpu' : 'cpu', async () => {
    await loadOrt(provider, threads);
    return onnx(isGpu ? { provider } : { provider, threads });
  });
}

function onTensorFlow(name: TfBackendName & ('wasm' | 'webgl' | 'webgpu')): Contestant {
  const isGpu = name !== 'wasm';
  return backend(`tfjs-${name}`, isGpu ? null : 1, isGpu ? 'gpu' : 'cpu', async () =>
    tfjs(await loadTensorFlow(name), { backend: name }),
  );
}

function ort(name: string, provider: 'wasm' | 'webgpu', threads: number): Contestant {
  return ortPeer({
    name,
    provider,
    threads: provider === 'webgpu' ? null : threads,
    load() {
      needIsolation(name, threads);
      return loadOrt(provider, threads);
    },
  });
}

const tensorFlow = (name: 'cpu' | 'wasm' | 'webgl' | 'webgpu'): Contestant =>
  tfjsPeer({ backend: name, load: () => loadTensorFlow(name) });

const jax = (device: 'wasm' | 'webgpu'): Contestant => jaxPeer({ device, load: () => import('@jax-js/jax') });

const makers: Readonly<Record<string, (threads: number) => Contestant>> = {
  wasm: () => backend('wasm', 1, 'cpu', () => wasm({ threads: 1 })),
  'wasm-n': (threads) => backend('wasm', threads, 'cpu', () => wasm({ threads })),
  webgpu: () => backend('webgpu', null, 'gpu', () => webgpu()),
  cpu: () => backend('cpu', 1, 'cpu', () => cpu()),
  'onnx-wasm': () => onOrt('wasm', 1),
  'onnx-wasm-n': (threads) => onOrt('wasm', threads),
  'onnx-webgpu': () => onOrt('webgpu', 1),
  'tfjs-wasm': () => onTensorFlow('wasm'),
  'tfjs-webgl': () => onTensorFlow('webgl'),
  'tfjs-webgpu': () => onTensorFlow('webgpu'),
  'peer-typescript': () => typescriptPeer(),
  'peer-tfjs-wasm': () => tensorFlow('wasm'),
  'peer-tfjs-webgl': () => tensorFlow('webgl'),
  'peer-tfjs-webgpu': () => tensorFlow('webgpu'),
  'peer-tfjs-cpu': () => tensorFlow('cpu'),
  'peer-ort': () => ort('ort-web', 'wasm', 1),
  'peer-ort-n': (threads) => ort('ort-web', 'wasm', threads),
  'peer-ort-webgpu': () => ort('ort-webgpu', 'webgpu', 1),
  'peer-jax': () => jax('wasm'),
  'peer-jax-webgpu': () => jax('webgpu'),
};

/** The contestant of this id in the catalogue, with this many threads where it takes several. */
export function contestantOf(id: string, threads: number): Contestant {
  const make = makers[id];
  if (make === undefined) throw new Error(`there is no contestant ${id}`);
  return make(threads);
}
