import { BackendUnavailableError } from '@softxent/core';
import type { TensorFlow } from './tf.js';

/** Runs `use` with a backend as TensorFlow.js's current one, then goes back to the one before. The backend is initialised. */
export function withBackend<T>(tf: TensorFlow, backend: string, use: () => T): T {
  const before = tf.getBackend();
  if (before === backend) return use();
  makeCurrent(tf, backend);
  try {
    return use();
  } finally {
    if (before) makeCurrent(tf, before);
  }
}

// For a backend that is initialised, setBackend has done all before it returns its promise.
function makeCurrent(tf: TensorFlow, backend: string): void {
  void tf.setBackend(backend);
}

/** Whether the backend has been initialised in this program. */
export function isInitialised(tf: TensorFlow, backend: string): boolean {
  return Boolean(tf.engine().registry[backend]);
}

function requireRegistered(tf: TensorFlow, backend: string): void {
  if (tf.findBackendFactory(backend) != null) return;
  throw new BackendUnavailableError(
    `tfjs-${backend}`,
    `TensorFlow.js has no backend '${backend}'; import the package that registers it (such as @tensorflow/tfjs-backend-${backend}) first`,
  );
}

/**
 * Where WebGL cannot render to float32, TensorFlow.js takes half precision without a word. With shapes as uniforms it takes a shader that was
 * compiled for other broadcasts: seen in nine of the conformance suite's checks, all of which hold without.
 */
function requireSoundWebGL(tf: TensorFlow, backend: string): void {
  if (backend !== 'webgl') return;
  if (!tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) {
    throw new BackendUnavailableError(
      `tfjs-${backend}`,
      'WebGL renders half precision only on this device; the losses need float32',
    );
  }
  if (tf.env().getBool('WEBGL_USE_SHAPES_UNIFORMS')) {
    throw new BackendUnavailableError(
      `tfjs-${backend}`,
      'the flag WEBGL_USE_SHAPES_UNIFORMS is set, with which TensorFlow.js 4.22 broadcasts some shapes wrongly; unset it',
    );
  }
}

/** Initialises a backend where that is still to do, and leaves the current one current. */
export async function initialise(tf: TensorFlow, backend: string): Promise<void> {
  requireRegistered(tf, backend);
  if (isInitialised(tf, backend)) return requireSoundWebGL(tf, backend);
  const before = tf.getBackend();
  let failure: unknown;
  const isReady = await tf.setBackend(backend).catch((error: unknown) => {
    failure = error;
    return false;
  });
  if (before && before !== backend) await tf.setBackend(before);
  if (!isReady || !isInitialised(tf, backend)) throw failed(backend, failure);
  requireSoundWebGL(tf, backend);
}

/** The same without promises, where the backend can be initialised so. */
export function initialiseSync(tf: TensorFlow, backend: string): void {
  requireRegistered(tf, backend);
  if (isInitialised(tf, backend)) return requireSoundWebGL(tf, backend);
  // To ask for it would start an initialisation that nobody waits for, and a second one replaces the first.
  if (backend === 'wasm' || backend === 'webgpu') {
    throw new BackendUnavailableError(
      `tfjs-${backend}`,
      `TensorFlow.js initialises it with promises only; await tf.setBackend('${backend}') first, or use open()`,
    );
  }
  // Null where it cannot be, although the types say otherwise.
  const found = tf.findBackend(backend) as object | null | undefined;
  if (found == null) throw failed(backend, undefined);
  requireSoundWebGL(tf, backend);
}

function failed(backend: string, cause: unknown): BackendUnavailableError {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new BackendUnavailableError(
    `tfjs-${backend}`,
    `TensorFlow.js could not initialise its backend '${backend}' here${detail}`,
    { cause },
  );
}
