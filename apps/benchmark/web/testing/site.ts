/** For tests of the page: the built site, servers for it, and a browser. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { headlessChromium } from '@softxent/backend-webgpu/software-adapter';
import { chromium, type Browser } from 'playwright';
import { build, preview } from 'vite';

const app = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(app, 'node_modules', '.cache', 'softxent-benchmark-web');

/** A site that is being served. */
export interface Served {
  readonly address: string;
  close(): Promise<void>;
}

/** Builds the site as `web:build` does, into a folder of the tests. */
export async function buildSite(): Promise<void> {
  await build({
    configFile: join(app, 'vite.config.ts'),
    root: join(app, 'web'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true, reportCompressedSize: false },
  });
}

/** The site on Vite's preview server, isolated by the headers of the configuration. */
export async function previewSite(): Promise<Served> {
  const server = await preview({
    configFile: join(app, 'vite.config.ts'),
    root: join(app, 'web'),
    logLevel: 'warn',
    build: { outDir: folder },
    preview: { port: 0, host: '127.0.0.1' },
  });
  const { port } = server.httpServer.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** The site below a folder of a plain file server, which sends no headers but types. */
export async function plainSite(): Promise<Served> {
  const below = '/some/folder/';
  const server: Server = createServer((request, response) => {
    void (async () => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      const wanted = pathname.startsWith(below) ? pathname.slice(below.length) : undefined;
      const file = wanted === undefined ? undefined : resolve(folder, normalize(wanted || 'index.html'));
      try {
        if (file === undefined || !file.startsWith(folder)) throw new Error('not below the folder');
        const data = await readFile(file);
        response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
        response.end(data);
      } catch {
        response.writeHead(404).end();
      }
    })();
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}${below}`,
    close: () => new Promise<void>((done) => void server.close(() => done())),
  };
}

/** Why the tests cannot run on this machine; undefined where they can. */
export function noBrowser(): string | undefined {
  if (process.env['CHROME_PATH']) return undefined;
  if (process.platform === 'linux' && process.arch === 'x64') return undefined;
  return `no browser comes from npm for ${process.platform}-${process.arch}, and CHROME_PATH names none`;
}

/** A headless Chromium: the one that CHROME_PATH names, else the one from npm. */
export function launch(): Promise<Browser> {
  const own = process.env['CHROME_PATH'];
  if (!own) return chromium.launch(headlessChromium());
  return chromium.launch({ executablePath: own, args: ['--no-sandbox', '--enable-unsafe-webgpu'] });
}
