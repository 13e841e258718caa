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
const pictures = [
  { name: 'benchmark-light', view: 'benchmark', viewport: desktop, colorScheme: 'light' },
  { name: 'benchmark-dark', view: 'benchmark', viewport: desktop, colorScheme: 'dark' },
  { name: 'benchmark-phone', view: 'benchmark', viewport: phone, colorScheme: 'light' },
  { name: 'explain-light', view: 'explain', viewport: desktop, colorScheme: 'light' },
  { name: 'explain-dark', view: 'explain', viewport: desktop, colorScheme: 'dark' },
  { name: 'explain-phone', view: 'explain', viewport: phone, colorScheme: 'dark' },
];

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

async function shootBenchmark(browser, address) {
  const shots = pictures.filter(({ view }) => view === 'benchmark');
  const page = await browser.newPage({ viewport: desktop });
  await page.goto(address);
  await measure(page);
  for (const { name, viewport, colorScheme } of shots) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(500);
    const top = viewport === phone ? '.results > .card' : '.bar';
    await page
      .locator(top)
      .first()
      .evaluate((element) => element.scrollIntoView());
    const clip = viewport === phone ? undefined : { x: 0, y: 0, width: 1200, height: 1750 };
    await save(name, await page.screenshot(clip ? { clip, fullPage: true } : {}));
  }
}

async function shootExplain(browser, address) {
  for (const { name, viewport, colorScheme } of pictures.filter(({ view }) => view === 'explain')) {
    const page = await browser.newPage({ viewport, colorScheme });
    await page.goto(`${address}#explain?x=2.2&t=0.9`);
    await page.locator('#explain-logit').waitFor();
    await page.waitForTimeout(500);
    const isPhone = viewport === phone;
    if (isPhone) await page.locator('[data-quantity=loss]').evaluate((element) => element.scrollIntoView());
    const clip = { x: 0, y: 0, width: 1200, height: 1750 };
    await save(name, await page.screenshot(isPhone ? {} : { clip, fullPage: true }));
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
