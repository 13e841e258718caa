// Draws the pictures of the web page for the docs: both views, light, dark and on a phone.
//   npm run build                    once, in the root: the browser's starter is taken from its build
//   node ../../scripts/pnpm.mjs run web:build
//   node ../../scripts/pnpm.mjs run web:screenshots
// CHROME_PATH names another browser than the one from npm.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import process from 'node:process';

import { headlessChromium } from '@softxent/backend-webgpu/software-adapter';
import { chromium } from 'playwright';
import sharp from 'sharp';
import { preview } from 'vite';

const app = fileURLToPath(new URL('..', import.meta.url));
const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const mostBytes = 150_000;

const desktop = { width: 1200, height: 900 };
const phone = { width: 360, height: 780 };
/** `from`: the element that a picture begins with; else it is of the page from its top. */
const pictures = [
  { name: 'benchmark-light', view: 'benchmark', viewport: desktop, colorScheme: 'light' },
  { name: 'benchmark-dark', view: 'benchmark', viewport: desktop, colorScheme: 'dark', from: '.results' },
  {
    name: 'benchmark-phone',
    view: 'benchmark',
    viewport: phone,
    colorScheme: 'light',
    from: '.results .card',
  },
  { name: 'explain-light', view: 'explain?x=5&t=0.8', viewport: desktop, colorScheme: 'light' },
  { name: 'explain-dark', view: 'explain?x=100&t=0.99', viewport: desktop, colorScheme: 'dark' },
  {
    name: 'explain-phone',
    view: 'explain?x=100&t=0.99',
    viewport: phone,
    colorScheme: 'dark',
    from: '.digits',
  },
];
const tallest = 1700;

/** One run, whose results all pictures of the view show. */
async function measure(page) {
  await page.locator('#start').waitFor();
  await page.selectOption('#bench-effort', 'quick');
  await page.locator('input[value="10000"]').check();
  await page.locator('input[value=webgpu]').uncheck();
  await page.click('#start');
  await page.locator('.progress[data-stage=done]').waitFor({ timeout: 180_000 });
}

async function save(name, png) {
  // Few colours: half the bytes, and no difference that shows.
  const small = await sharp(png).png({ palette: true, colours: 128, effort: 10 }).toBuffer();
  if (small.length > mostBytes)
    throw new Error(`${name}.png has ${small.length} bytes, more than ${mostBytes}`);
  const file = `${folder}${name}.png`;
  await writeFile(`${file}.new`, small, { flush: true });
  await rename(`${file}.new`, file);
  console.log(`docs/images/${name}.png: ${small.length} bytes`);
}

async function shoot(page, { name, viewport, colorScheme, from }) {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
  // Charts are drawn anew for the width.
  await page.waitForTimeout(500);
  const size = await page.evaluate((selector) => {
    const first = selector === undefined ? undefined : document.querySelector(selector);
    const top = first === undefined ? 0 : first.getBoundingClientRect().top + scrollY - 16;
    return { top, bottom: document.documentElement.scrollHeight };
  }, from);
  const most = viewport === phone ? 1.2 * viewport.height : tallest;
  const height = Math.min(most, size.bottom - size.top);
  await save(
    name,
    await page.screenshot({ fullPage: true, clip: { x: 0, y: size.top, width: viewport.width, height } }),
  );
}

async function shootBenchmark(browser, address) {
  const page = await browser.newPage({ viewport: desktop });
  await page.goto(address);
  await measure(page);
  for (const picture of pictures.filter(({ view }) => view === 'benchmark')) await shoot(page, picture);
}

async function shootExplain(browser, address) {
  for (const picture of pictures.filter(({ view }) => view !== 'benchmark')) {
    const page = await browser.newPage({ viewport: picture.viewport });
    await page.goto(`${address}#${picture.view}`);
    await page.locator('#explain-logit').waitFor();
    await shoot(page, picture);
    await page.close();
  }
}

async function main() {
  await readFile(`${app}dist/web/index.html`).catch(() => {
    throw new Error('there is no built site: run web:build first');
  });
  await mkdir(folder, { recursive: true });
  const server = await preview({
    configFile: `${app}vite.config.ts`,
    preview: { port: 0, host: '127.0.0.1' },
  });
  const own = process.env.CHROME_PATH;
  const start = own ? { executablePath: own, args: ['--no-sandbox'] } : headlessChromium();
  const browser = await chromium.launch(start);
  try {
    const address = `http://127.0.0.1:${server.httpServer.address().port}/`;
    await shootExplain(browser, address);
    await shootBenchmark(browser, address);
  } finally {
    await browser.close();
    await server.close();
  }
}

await main();
