/** A folder over HTTP, as a plain file server gives it or with the headers that isolate pages. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

/** A server that runs. */
export interface Served {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Serves a folder. */
export async function serve(folder: string, isolated: boolean): Promise<Served> {
  const headers = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const give = async (): Promise<void> => {
      const content = await readFile(join(folder, path)).catch(() => undefined);
      const type = types[extname(path)] ?? 'application/octet-stream';
      response.writeHead(content === undefined ? 404 : 200, {
        'Content-Type': type,
        ...(isolated ? headers : {}),
      });
      response.end(content);
    };
    void give();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
