// Whether every link of the built site leads to a file that is there, and to an anchor that the page has.
//   node src/check-site.mjs      (after typedoc)
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const site = fileURLToPath(new URL('../site', import.meta.url));
const entries = await readdir(site, { recursive: true, withFileTypes: true });
const files = new Set(
  entries.filter((e) => e.isFile()).map((e) => relative(site, join(e.parentPath, e.name))),
);
const pages = new Map();
for (const file of files) {
  // oxlint-disable-next-line no-await-in-loop
  if (file.endsWith('.html')) pages.set(file, await readFile(join(site, file), 'utf8'));
}
const anchors = new Map();
function hasAnchor(page, anchor) {
  if (!anchors.has(page)) {
    anchors.set(page, new Set([...pages.get(page).matchAll(/\s(?:id|name)="([^"]*)"/g)].map((m) => m[1])));
  }
  return anchors.get(page).has(anchor);
}

let count = 0;
const broken = [];
for (const [page, html] of pages) {
  for (const [, link] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
    if (/^(?:https?:|mailto:|data:|#$)/.test(link)) continue;
    count += 1;
    const [path = '', anchor] = decodeURI(link.replaceAll('&amp;', '&')).split('#');
    const target = path === '' ? page : normalize(join(dirname(page), path));
    const isThere = files.has(target) && (!anchor || !pages.has(target) || hasAnchor(target, anchor));
    if (!isThere) broken.push(`${page}: ${link}`);
  }
}
for (const link of broken) console.error(`leads nowhere: ${link}`);
if (pages.size === 0) console.error('there is no site: run typedoc first');
if (broken.length > 0 || pages.size === 0) process.exitCode = 1;
else console.log(`docs/site: ${pages.size} pages, ${count} links, all of which lead somewhere`);
