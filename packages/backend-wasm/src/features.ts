/** What the engine can do, found out by asking it to validate a small module. */
import { FunctionBody } from './emitter/function.js';
import { encodeModule } from './emitter/module.js';

export interface Features {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /** Memory that threads share. In browsers it needs a cross-origin isolated page. */
  readonly sharedMemory: boolean;
}

function validates(write: (fn: FunctionBody) => void): boolean {
  const fn = new FunctionBody('probe', 1);
  write(fn);
  return WebAssembly.validate(encodeModule([fn], [fn], { shared: false, maximumPages: 1 }));
}

function hasSharedMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined' || typeof Atomics === 'undefined') return false;
  try {
    return (
      new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer
    );
  } catch {
    return false;
  }
}

let known: Features | undefined;

/** Features of this engine. They do not change, so they are looked up once. */
export function features(): Features {
  known ??= {
    simd: validates((fn) => fn.i32(0).op('i32x4.splat').op('drop')),
    relaxedSimd: validates((fn) => {
      for (let i = 0; i < 3; i++) fn.i32(0).op('i32x4.splat');
      fn.op('f32x4.relaxed_madd').op('drop');
    }),
    sharedMemory: hasSharedMemory(),
  };
  return known;
}
