/** Times of layers, from ONNX Runtime's profile of the graph that runs them. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OrtSession } from '@softxent/backend-onnx/runtime';
import { SoftxentError } from '@softxent/core';
import type { Net } from '../net/net.js';
import type { CompiledNet } from './compile.js';

/** Layers cannot be timed one by one: `code` is `CAFFE_PROFILE`. */
export class ProfileError extends SoftxentError {
  constructor(reason: string) {
    super('CAFFE_PROFILE', `layers cannot be timed one by one: ${reason}`);
  }
}

/** Milliseconds of one layer in one pass, averaged. */
export interface LayerTime {
  readonly name: string;
  readonly type: string;
  readonly forward: number;
  readonly backward: number;
}

/** Where the time of a pass goes. */
export interface NetProfile {
  readonly passes: number;
  readonly layers: readonly LayerTime[];
  /**
   * Milliseconds of a pass that are no layer's: what the runtime adds to the graph, its own work between nodes, taking numbers in and
   * out, making Dropout's random numbers.
   */
  readonly other: number;
  /** Milliseconds of a pass while it is profiled, all in all. */
  readonly total: number;
}

/** One event of ONNX Runtime's profile; durations in microseconds. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly dur?: number;
}

/** Where a node's time is counted. */
interface Place {
  /** An index of `Net.layers`. */
  readonly layer: number;
  readonly backward: boolean;
}

/** Layers and directions of nodes, by the nodes' names: what the forward pass's results do not need is backward, wherever it was made. */
function placesOf({ graph, outputs, updates, states, owners }: CompiledNet): Map<string, Place> {
  const results = new Set([...outputs, ...updates].map(({ name }) => name));
  for (const { next } of states) results.add(next);
  const forward = new Set(graph.builder.outputs.filter(({ name }) => results.has(name)));
  const places = new Map<string, Place>();
  for (const node of graph.builder.liveNodes().toReversed()) {
    const isForward = node.outputs.some((value) => forward.has(value));
    if (isForward) for (const value of node.inputs) if (value) forward.add(value);
    const layer = owners.get(node.name);
    if (layer !== undefined) places.set(node.name, { layer, backward: !isForward });
  }
  return places;
}

const SUFFIX = '_kernel_time';

/**
 * Adds up nodes' milliseconds by place. Optimised nodes are named for the one that they are made of: `MatMul_3/MatmulTransposeFusion/`;
 * a convolution keeps its name when the activation behind it is fused with it.
 * @param skip how many runs at the start do not count
 */
function timesOf(
  profile: string,
  places: ReadonlyMap<string, Place>,
  skip: number,
): Map<number, { forward: number; backward: number }> {
  const events = JSON.parse(profile) as ProfileEvent[];
  const times = new Map<number, { forward: number; backward: number }>();
  const seen = new Map<string, number>();
  for (const { cat, name = '', dur = 0 } of events) {
    if (cat !== 'Node' || !name.endsWith(SUFFIX)) continue;
    const node = name.slice(0, -SUFFIX.length);
    const run = seen.get(node) ?? 0;
    seen.set(node, run + 1);
    const place = run < skip ? undefined : (places.get(node) ?? places.get(node.split('/')[0]!));
    if (!place) continue;
    const time = times.get(place.layer) ?? { forward: 0, backward: 0 };
    time[place.backward ? 'backward' : 'forward'] += dur / 1000;
    times.set(place.layer, time);
  }
  return times;
}

/** A graph to profile: open for it, and run. */
interface Profiled {
  readonly compiled: CompiledNet;
  readonly session: OrtSession;
  readonly run: () => Promise<unknown>;
}

/** Opens a graph that writes its profile to files with the given prefix, runs it, and tells where the time went. */
export async function profiled(
  net: Net,
  { passes, warmUp }: { readonly passes: number; readonly warmUp: number },
  open: (profilePrefix: string) => Promise<Profiled>,
): Promise<NetProfile> {
  const folder = await mkdtemp(join(tmpdir(), 'softxent-profile-'));
  try {
    const { compiled, session, run } = await open(join(folder, 'net'));
    let total = 0;
    try {
      for (let pass = -warmUp; pass < passes; pass++) {
        const start = performance.now();
        await run();
        if (pass >= 0) total += performance.now() - start;
      }
    } finally {
      // Writes the profile.
      await session.close();
    }
    const [file] = await readdir(folder);
    const times = timesOf(await readFile(join(folder, file!), 'utf8'), placesOf(compiled), warmUp);
    const layers = net.layers.map(({ name, type, index }) => {
      const { forward = 0, backward = 0 } = times.get(index) ?? {};
      return { name, type, forward: forward / passes, backward: backward / passes };
    });
    const known = layers.reduce((sum, { forward, backward }) => sum + forward + backward, 0);
    return { passes, layers, other: Math.max(0, total / passes - known), total: total / passes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
