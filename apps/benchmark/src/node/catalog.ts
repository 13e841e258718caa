/** Who can take part in Node, by name. What one needs is loaded when it is opened, so that a process holds that alone. */
import type { OnnxOptions } from '@softxent/backend-onnx';
import type { Backend } from '@softxent/core';
import type * as tf from '@tensorflow/tfjs';
import type { Contestant } from '../contestants/contestant.js';
import { jaxPeer } from '../contestants/jax.js';
import { ortPeer } from '../contestants/ort.js';
import { softxent } from '../contestants/softxent.js';
import { tfjsPeer } from '../contestants/tfjs.js';
import { typescriptPeer } from '../contestants/typescript.js';
import type { ContestantKey } from '../model.js';
import type { LossModule } from './losses.js';

/** A contestant in plain data, so that another process can make the same one. */
export interface ContestantSpec {
  readonly role: ContestantKey['role'];
  /** A name of the catalog; for a plugin what it is called in reports. */
  readonly name: string;
  /** 1 for those that have no choice. */
  readonly threads: number;
  /** A backend from a module of the user's. */
  readonly plugin?: PluginSpec;
  /** Losses that are not built in, which its process has to know. */
  readonly losses?: readonly LossModule[];
}

/** Where a plugin backend is. */
export interface PluginSpec {
  /** Path or package name. */
  readonly module: string;
  /** Name of its export, where that has to be said. */
  readonly export?: string;
  /** Folder that paths are relative to. */
  readonly folder: string;
  /** What a factory is called with. */
  readonly options?: unknown;
}

interface Kind {
  /** Whether the number of threads can be chosen. */
  readonly threaded: boolean;
  /** What `--list` says of it. */
  readonly about: string;
  readonly make: (threads: number) => Contestant;
}

/** All of TensorFlow.js: it registers its backend cpu, and gradients, on the same core as the wasm backend. */
async function allOfTf(): Promise<typeof tf> {
  await import('@tensorflow/tfjs-backend-wasm');
  return import('@tensorflow/tfjs');
}

async function onnx(options: OnnxOptions): Promise<Backend> {
  return (await import('@softxent/backend-onnx')).onnx(options);
}

async function tfjs(backend: 'cpu' | 'wasm'): Promise<Backend> {
  return (await import('@softxent/tfjs')).tfjs(await allOfTf(), { backend });
}

interface BackendKind {
  readonly about: string;
  readonly threaded?: boolean;
  readonly gpu?: boolean;
  readonly bytesPerElement: number;
  readonly backend: (threads: number) => Promise<Backend>;
}

const backendKinds: Readonly<Record<string, BackendKind>> = {
  cpu: {
    about: 'plain TypeScript loops, one thread',
    bytesPerElement: 16,
    backend: async () => (await import('@softxent/backend-cpu')).cpu(),
  },
  wasm: {
    about: 'WebAssembly SIMD and threads',
    threaded: true,
    bytesPerElement: 16,
    backend: async (threads) => (await import('@softxent/backend-wasm')).wasm({ threads }),
  },
  'onnx-cpu': {
    about: "ONNX Runtime's CPU provider",
    threaded: true,
    bytesPerElement: 80,
    backend: (threads) => onnx({ provider: 'cpu', threads }),
  },
  'onnx-wasm': {
    about: "ONNX Runtime Web's WebAssembly",
    threaded: true,
    bytesPerElement: 80,
    backend: (threads) => onnx({ provider: 'wasm', threads }),
  },
  'onnx-cuda': {
    about: 'ONNX Runtime on an NVIDIA GPU',
    gpu: true,
    bytesPerElement: 32,
    backend: () => onnx({ provider: 'cuda' }),
  },
  'onnx-webgpu': {
    about: 'ONNX Runtime on WebGPU',
    gpu: true,
    bytesPerElement: 32,
    backend: () => onnx({ provider: 'webgpu' }),
  },
  webgpu: {
    about: 'WGSL, through Dawn',
    gpu: true,
    bytesPerElement: 32,
    backend: async () => (await import('@softxent/backend-webgpu')).webgpu(),
  },
  'tfjs-cpu': {
    about: "TensorFlow.js's JavaScript backend",
    bytesPerElement: 120,
    backend: () => tfjs('cpu'),
  },
  'tfjs-wasm': {
    about: "TensorFlow.js's WebAssembly backend",
    bytesPerElement: 120,
    backend: () => tfjs('wasm'),
  },
};

function backendKind(name: string, kind: BackendKind): Kind {
  const { threaded = false, gpu = false, about, bytesPerElement, backend } = kind;
  return {
    threaded,
    about,
    make: (threads) =>
      softxent({
        key: { contestant: name, threads: gpu ? null : threads, device: gpu ? 'gpu' : 'cpu' },
        bytesPerElement,
        backend: () => backend(threads),
      }),
  };
}

const peerKinds: Readonly<Record<string, Kind>> = {
  typescript: {
    threaded: false,
    about: 'a straightforward loop with Math.exp and Math.log1p',
    make: () => typescriptPeer(),
  },
  'tfjs-cpu': {
    threaded: false,
    about: 'losses and gradients of TensorFlow.js itself, JavaScript',
    make: () => tfjsPeer({ backend: 'cpu', load: allOfTf }),
  },
  'tfjs-wasm': {
    threaded: false,
    about: 'losses and gradients of TensorFlow.js itself, WebAssembly',
    make: () => tfjsPeer({ backend: 'wasm', load: allOfTf }),
  },
  ort: {
    threaded: true,
    about: 'an ONNX graph of plain operators, onnxruntime-node',
    make: (threads) =>
      ortPeer({ name: 'ort', provider: 'cpu', threads, load: () => import('onnxruntime-node') }),
  },
  jax: {
    threaded: false,
    about: 'jax-js, jit(valueAndGrad(...)) on WebAssembly',
    make: () => jaxPeer({ device: 'wasm', load: () => import('@jax-js/jax') }),
  },
};

const catalog: Readonly<Record<ContestantKey['role'], Readonly<Record<string, Kind>>>> = {
  backend: Object.fromEntries(
    Object.entries(backendKinds).map(([name, kind]) => [name, backendKind(name, kind)]),
  ),
  peer: peerKinds,
};

/** Names that can be asked for, with what they are. */
export function contestantNames(role: ContestantKey['role']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(catalog[role]).map(([name, { about }]) => [name, about]));
}

/** One spec for each number of threads that the contestant can have. */
export function specsOf(
  role: ContestantKey['role'],
  name: string,
  threads: readonly number[],
): readonly ContestantSpec[] {
  const isThreaded = catalog[role][name]?.threaded ?? false;
  return (isThreaded ? threads : [1]).map((count) => ({ role, name, threads: count }));
}

/**
 * The contestant of a spec.
 *
 * @throws {TypeError} for a name that is not in the catalog; whoever makes specs has checked it
 */
export function contestantOf({ role, name: called, threads, plugin }: ContestantSpec): Contestant {
  if (plugin !== undefined) {
    const { module, folder, options, export: exported } = plugin;
    return softxent({
      key: { contestant: called, threads: null, device: 'cpu' },
      async backend() {
        const { loadBackend } = await import('@softxent/conformance/load');
        const name = exported === undefined ? {} : { name: exported };
        return loadBackend(module, { folder, argument: options, ...name });
      },
    });
  }
  const kind = catalog[role][called];
  if (kind === undefined) throw new TypeError(`there is no ${role} ${called}`);
  return kind.make(threads);
}
