import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from './cli.js';
import { pictureSize } from './picture.js';
import { defaults, type Settings } from './train.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-demo-'));
});
afterAll(() => rm(folder, { recursive: true }));

class Captured extends Writable {
  readonly isTTY: boolean;
  readonly columns = 80;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

// What npm start runs, but small.
const tiny: Settings = { ...defaults, size: 24, training: 4, heldOut: 4, channels: 2 };

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: string[], { isTTY = false } = {}): Promise<Outcome> {
  const [stdout, stderr] = [new Captured(isTTY), new Captured(isTTY)];
  const status = await main(args, { stdout, stderr, folder }, tiny);
  return { status, stdout: stdout.text, stderr: stderr.text };
}

describe('main', () => {
  it('trains, reports in plain lines without a terminal, and writes the picture', async () => {
    const { status, stdout, stderr } = await run(['--steps', '2', '--out', 'drawn/here']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    // No escape sequences, no lines that are drawn over.
    expect(stripVTControlCharacters(stdout)).toBe(stdout);
    expect(stdout).not.toContain('\r');
    expect(stdout).toMatch(/^ +0( +\d\.\d{4}){6}$/m);
    expect(stdout).toMatch(/^ +2( +\d\.\d{4}){6}$/m);
    expect(stdout).toMatch(/^the network( +\d\.\d{4}){3}$/m);
    expect(stdout).toMatch(/^one constant everywhere( +\d\.\d{4}){3}$/m);
    expect(stdout).toContain(join(folder, 'drawn', 'here', 'predictions.png'));
    expect(await readdir(join(folder, 'drawn', 'here'))).toEqual(['predictions.png']);
    const { width, height } = decode(await readFile(join(folder, 'drawn', 'here', 'predictions.png')));
    expect({ width, height }).toEqual(pictureSize(3, 4, 24));
  });

  it('draws a bar on a terminal, prints every line all the same, and leaves the cursor alone', async () => {
    const { status, stdout } = await run(['--steps', '2'], { isTTY: true });
    expect(status).toBe(0);
    expect(stdout).toContain('step 2 of 2');
    expect(stdout).toMatch(/100 %/);
    const text = stripVTControlCharacters(stdout);
    for (const step of ['0', '1', '2'])
      expect(text).toMatch(new RegExp(`^ +${step}( +\\d\\.\\d{4}){6}$`, 'm'));
    expect(stdout).not.toContain('\u001B[?25l');
    expect(stdout).not.toContain('\u001B[?7l');
  });

  it('shows its options on --help', async () => {
    const { status, stdout } = await run(['--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: npm start -- [options]');
    for (const option of ['--seed', '--steps', '--out', '--help']) expect(stdout).toContain(option);
  });

  it.each([
    [['--seed', 'abc'], "argument 'abc' is invalid. Expected a whole number from 0 to 4294967295."],
    [['--seed', '-1'], "argument '-1' is invalid. Expected a whole number from 0 to 4294967295."],
    [['--seed', '4294967296'], 'Expected a whole number from 0'],
    [['--steps', '0'], 'Expected a whole number from 1'],
    [['--steps', '1.5'], 'Expected a whole number from 1'],
    [['--steps'], 'argument missing'],
    [['--out', ''], 'Expected the name of a folder.'],
    [['--bogus'], "unknown option '--bogus'"],
    [['extra'], 'too many arguments'],
  ])('refuses %j with a message and status 2', async (args, message) => {
    const { status, stdout, stderr } = await run(args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('says before training that the folder cannot be made, with status 1', async () => {
    await writeFile(join(folder, 'taken'), '');
    const { status, stdout, stderr } = await run(['--out', 'taken']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^error: EEXIST: .*taken/);
  });
});
