import { openSession, type HostTensor, type OpenOptions } from './session.js';

/** Where ONNX Runtime ran one node of a graph. */
export interface Placement {
  /** The node's name after optimisation. */
  node: string;
  operator: string;
  /** ONNX Runtime's name, such as `CPUExecutionProvider` or `CUDAExecutionProvider`. */
  provider: string;
}

interface ProfileEvent {
  cat?: string;
  name?: string;
  args?: { provider?: string; op_name?: string };
}

/**
 * Runs the graph once with ONNX Runtime's profiler on and reports which provider ran every node. Node only.
 */
export async function nodePlacement(
  model: Uint8Array<ArrayBuffer>,
  feeds: Readonly<Record<string, HostTensor>>,
  options: OpenOptions,
): Promise<Placement[]> {
  // Node's modules without an import: bundlers for browsers stop at one, even where it is never reached.
  const { mkdtemp, readdir, readFile, rm } = process.getBuiltinModule('node:fs/promises');
  const { tmpdir } = process.getBuiltinModule('node:os');
  const path = process.getBuiltinModule('node:path');
  const folder = await mkdtemp(path.join(tmpdir(), 'softxent-onnx-'));
  try {
    const session = await openSession(model, { ...options, profilePrefix: path.join(folder, 'profile') });
    await session.run(feeds);
    await session.close();
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error('ONNX Runtime wrote no profile');
    const events = JSON.parse(await readFile(path.join(folder, file), 'utf8')) as ProfileEvent[];
    return events.flatMap(({ cat, name = '', args }) =>
      cat === 'Node' && args?.provider !== undefined && name.endsWith('_kernel_time')
        ? [
            {
              node: name.slice(0, -'_kernel_time'.length),
              operator: args.op_name ?? '',
              provider: args.provider,
            },
          ]
        : [],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
