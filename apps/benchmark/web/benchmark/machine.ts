/** What the browser tells of the machine: little, and less of it each year. */
import type { Machine } from '../../src/model.js';

/** The machine, with what decides what can run. */
export interface Surroundings {
  readonly machine: Machine;
  /** Whether threads can share memory. */
  readonly isIsolated: boolean;
}

interface Brand {
  readonly brand: string;
  readonly version: string;
}

interface UserAgentData {
  readonly brands: readonly Brand[];
  readonly platform: string;
  getHighEntropyValues(hints: readonly string[]): Promise<Readonly<Record<string, string>>>;
}

type Told = Navigator & {
  readonly userAgentData?: UserAgentData;
  /** In GiB, rounded to a power of two and at most 8 (or 32, in newer browsers). */
  readonly deviceMemory?: number;
};

/** Asks the browser and the GPU who they are. */
export async function surroundings(): Promise<Surroundings> {
  const told = navigator as Told;
  const [gpu, architecture] = await Promise.all([gpuName(), architectureOf(told)]);
  return {
    isIsolated: globalThis.crossOriginIsolated,
    machine: {
      cpu: architecture,
      cores: navigator.hardwareConcurrency,
      memoryBytes: told.deviceMemory === undefined ? null : told.deviceMemory * 2 ** 30,
      runtime: browserName(told),
      platform: told.userAgentData?.platform ?? navigator.platform,
      gpu,
      date: new Date().toISOString(),
      command: location.href,
    },
  };
}

async function architectureOf({ userAgentData }: Told): Promise<string> {
  try {
    const { architecture, bitness } =
      (await userAgentData?.getHighEntropyValues(['architecture', 'bitness'])) ?? {};
    return architecture ? `${architecture}${bitness ? ` ${bitness} bit` : ''}` : 'unknown';
  } catch {
    return 'unknown';
  }
}

function browserName({ userAgentData, userAgent }: Told): string {
  // One of the brands is made up, so that nobody relies on the list; Chromium stands behind most others.
  const real = userAgentData?.brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand)) ?? [];
  const named = real.find(({ brand }) => brand !== 'Chromium') ?? real[0];
  if (named !== undefined) return `${named.brand} ${named.version}`;
  const known = [/(Firefox)\/(\d+)/, /Version\/(\d+).*(Safari)/, /(Chrome)\/(\d+)/];
  for (const pattern of known) {
    const [, a, b] = pattern.exec(userAgent) ?? [];
    if (a !== undefined && b !== undefined) return /\d/.test(a) ? `${b} ${a}` : `${a} ${b}`;
  }
  return userAgent;
}

/** The GPU by WebGPU, else by WebGL; null where there is none to be seen. */
async function gpuName(): Promise<string | null> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (adapter) {
    const { vendor, architecture, device, description } = adapter.info;
    const parts = [description || [vendor, architecture, device].filter(Boolean).join(' ')].filter(Boolean);
    return parts[0] ?? 'unnamed';
  }
  const gl = document.createElement('canvas').getContext('webgl2');
  if (gl === null) return null;
  const extension = gl.getExtension('WEBGL_debug_renderer_info');
  const name: unknown = gl.getParameter(extension?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return typeof name === 'string' ? name : null;
}
