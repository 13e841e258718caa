/** The built page in a real browser: both views, on an isolated page and on a plain file server. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MeasuredRow, Report } from '../src/model.js';
import { exactAt } from './explain/exact.js';
import { buildSite, launch, noBrowser, plainSite, previewSite, type Served } from './testing/site.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const missing = noBrowser();

let browser: Browser;
let isolated: Served;
let plain: Served;

/** What went wrong in a page: errors of scripts, of the console, and files that did not come. */
let complaints: string[] = [];

async function open(site: Served, view = '', options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(`${site.address}${view}`);
  return page;
}

/** Checks exactly these boxes of a name. */
async function choose(page: Page, name: string, values: readonly string[]): Promise<void> {
  for (const box of await page.locator(`input[name=${name}]`).all()) {
    const value = await box.getAttribute('value');
    await box.setChecked(values.includes(value ?? ''));
  }
}

async function chooseLittle(page: Page, contestants: readonly string[]): Promise<void> {
  await page.locator('#start').waitFor();
  await choose(page, 'loss', ['sigmoidCrossEntropy']);
  await choose(page, 'size', ['1000', '10000']);
  await choose(page, 'contestant', contestants);
  await page.selectOption('#bench-effort', 'quick');
}

const stageOf = (page: Page): Promise<string | null> => page.locator('.progress').getAttribute('data-stage');

async function finished(page: Page): Promise<string | null> {
  await page.locator('.progress:not([data-stage=running])').waitFor({ timeout: 60_000 });
  return stageOf(page);
}

async function saved(page: Page): Promise<Report> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save-json')]);
  expect(download.suggestedFilename()).toMatch(/^softxent-bench-.*\.json$/);
  return JSON.parse(await readFile(await download.path(), 'utf8')) as Report;
}

const ran = ({ rows }: Report): readonly MeasuredRow[] =>
  rows.filter((row): row is MeasuredRow => row.status === 'measured');

/** The page is no wider than the screen. */
async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Rules of accessibility that a view breaks. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: axe });
  return page.evaluate(async () => {
    interface Found {
      readonly violations: readonly {
        readonly id: string;
        readonly nodes: readonly { readonly html: string }[];
      }[];
    }
    const { axe: tool } = globalThis as unknown as { axe: { run(): Promise<Found> } };
    const found = await tool.run();
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

const hasWebgpu = (page: Page): Promise<boolean> =>
  page.evaluate(async () => (await navigator.gpu?.requestAdapter().catch(() => null)) != null);

// oxlint-disable-next-line vitest/valid-title -- the reason is part of it where there is no browser
describe.skipIf(missing !== undefined)(['the built page', missing].filter(Boolean).join(': '), () => {
  beforeAll(async () => {
    [browser] = await Promise.all([launch(), buildSite()]);
    [isolated, plain] = await Promise.all([previewSite(), plainSite()]);
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await Promise.all([isolated?.close(), plain?.close()]);
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    const found = complaints;
    complaints = [];
    if (found.length > 0) throw new Error(`the page complained: ${found.join('; ')}`);
  });

  describe('benchmark', () => {
    it('measures what was chosen, draws it, and lets it be copied and saved', async () => {
      const page = await open(isolated, '', { permissions: ['clipboard-read', 'clipboard-write'] });
      const wanted = ['wasm', 'wasm-n', 'cpu', 'peer-typescript'];
      await chooseLittle(page, wanted);
      await page.fill('#bench-threads', '3');
      expect(await page.getByLabel('wasm, 3 threads', { exact: true }).isChecked()).toBe(true);
      await page.click('#start');
      expect(await page.locator('#cancel').isEnabled()).toBe(true);
      expect(await finished(page)).toBe('done');

      const report = await saved(page);
      const rows = ran(report);
      expect(report.rows.filter(({ status }) => status !== 'measured')).toEqual([]);
      expect(rows).toHaveLength(2 * wanted.length);
      for (const row of rows) {
        expect(row.nsPerElement.median).toBeGreaterThan(0);
        expect(row.nsPerElement.samples).toBeGreaterThanOrEqual(3);
        expect(row.accuracy?.meanError).toBeLessThan(1e-5);
      }
      for (const row of rows.filter(({ role }) => role === 'backend')) {
        expect(row.accuracy?.valueUlp).toBeLessThan(8);
        expect(row.toLimit).toBeGreaterThan(0);
        expect(row.toPeers.map(({ peer }) => peer)).toEqual(['typescript']);
      }
      const threaded = rows.filter(({ contestant, threads }) => contestant === 'wasm' && threads !== 1);
      expect(threaded.map(({ threads, description }) => [threads, description])).toEqual(
        Array.from({ length: 2 }, () => [3, expect.stringContaining('3 threads)') as string]),
      );
      expect(report.machine.command).toContain(isolated.address);

      expect(await page.locator('.results-table tbody tr').count()).toBe(rows.length);
      expect(await page.locator('.verdict').textContent()).toMatch(
        /is the fastest backend: [\d.]+ ns a logit/,
      );
      const [cost, errors, scaling] = await page.locator('.results .plot svg').all();
      expect(await cost?.locator('[data-mark=dot] circle').count()).toBe(wanted.length);
      expect(await errors?.locator('[data-mark=dot] *').count()).toBe(2 * wanted.length);
      expect(await scaling?.locator('[data-mark=line] path').count()).toBe(wanted.length);

      await page.click('#copy-tsv');
      await page.getByText('Copied.').waitFor();
      const lines = (await page.evaluate(() => navigator.clipboard.readText())).split('\n');
      expect(lines).toHaveLength(1 + rows.length);
      expect(new Set(lines.map((line) => line.split('\t').length)).size).toBe(1);
      await page.click('#copy-markdown');
      await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain('| --- |');
      expect(await overflow(page)).toBe(0);
      expect(await violations(page)).toEqual([]);
      await page.setViewportSize({ width: 360, height: 780 });
      await expect.poll(() => overflow(page)).toBe(0);
    }, 90_000);

    it('measures on the GPU', async ({ skip }) => {
      const page = await open(isolated);
      if (!(await hasWebgpu(page))) skip('the browser has no WebGPU adapter');
      await chooseLittle(page, ['webgpu', 'peer-typescript']);
      await choose(page, 'size', ['1000']);
      await page.click('#start');
      expect(await finished(page)).toBe('done');
      const report = await saved(page);
      const [row] = ran(report).filter(({ contestant }) => contestant === 'webgpu');
      expect(row).toMatchObject({ device: 'gpu', threads: null });
      expect(row?.accuracy?.valueUlp).toBeLessThan(8);
      expect(row?.toLimit).toBeGreaterThan(0);
      expect(report.machine.gpu).not.toBeNull();
    }, 60_000);

    it('can be cancelled, and run again', async () => {
      const page = await open(isolated);
      await chooseLittle(page, ['wasm', 'peer-tfjs-cpu']);
      await choose(page, 'size', ['1000000']);
      await page.selectOption('#bench-effort', 'thorough');
      await page.click('#start');
      await page
        .getByText(/opening/)
        .first()
        .waitFor();
      await page.click('#cancel');
      expect(await finished(page)).toBe('cancelled');
      expect(await page.locator('#start').isEnabled()).toBe(true);
      await chooseLittle(page, ['wasm']);
      await page.click('#start');
      expect(await finished(page)).toBe('done');
    }, 60_000);

    it('says what is missing from a choice', async () => {
      const page = await open(isolated);
      await chooseLittle(page, []);
      await page.click('#start');
      expect(await page.getByRole('alert').textContent()).toBe('Choose a backend or a peer.');
    });

    it('works below a folder of a plain file server: on one thread, saying why', async () => {
      const page = await open(plain);
      await chooseLittle(page, ['wasm', 'wasm-n']);
      expect(await page.locator('#not-isolated').isVisible()).toBe(true);
      await page.click('#start');
      expect(await finished(page)).toBe('done');
      const { rows } = await saved(page);
      const byThreads = (isOne: boolean): readonly string[] =>
        rows.filter(({ threads }) => (threads === 1) === isOne).map(({ status }) => status);
      expect(byThreads(true)).toEqual(['measured', 'measured']);
      expect(byThreads(false)).toEqual(['not-run', 'not-run']);
      expect(await page.locator('.reasons').textContent()).toContain('not cross-origin isolated');
    }, 60_000);

    it('takes libraries from its own files', async () => {
      const page = await open(plain);
      const asked: string[] = [];
      page.context().on('request', (request) => asked.push(new URL(request.url()).origin));
      await chooseLittle(page, ['peer-tfjs-wasm', 'peer-ort']);
      await choose(page, 'size', ['1000']);
      await page.click('#start');
      expect(await finished(page)).toBe('done');
      const rows = ran(await saved(page));
      expect(rows.map(({ contestant }) => contestant)).toEqual(['tfjs-wasm', 'ort-web']);
      // blob: addresses have the page's origin too.
      expect([...new Set(asked)]).toEqual([new URL(plain.address).origin]);
    }, 60_000);
  });

  describe('explain', () => {
    const numbers = async (page: Page): Promise<Readonly<Record<string, number>>> => {
      const cells = await page.locator('[data-exact]').all();
      const pairs = await Promise.all(
        cells.map(async (cell) => [
          await cell.getAttribute('data-value'),
          Number(await cell.getAttribute('data-exact')),
        ]),
      );
      return Object.fromEntries(pairs) as Readonly<Record<string, number>>;
    };
    const digitsOf = (page: Page, quantity: string, form: string): Promise<string | null> =>
      page.locator(`[data-quantity=${quantity}] [data-form=${form}]`).textContent();

    it('shows the reference’s numbers at every place of the sliders', async () => {
      const page = await open(isolated, '#explain');
      await page.locator('#explain-logit').waitFor();
      expect(await numbers(page)).toMatchObject(exactAt(2, 0.7));

      await page.locator('#explain-logit-slider').focus();
      for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight');
      expect(await page.inputValue('#explain-logit')).toBe('2.2');
      await page.locator('#explain-target-slider').focus();
      await page.keyboard.press('ArrowLeft');
      expect(await page.inputValue('#explain-target')).toBe('0.699');
      expect(await numbers(page)).toMatchObject(exactAt(2.2, 0.699));

      await page.fill('#explain-logit', '-1e3');
      await page.fill('#explain-target', '0.25');
      expect(await numbers(page)).toMatchObject(exactAt(-1000, 0.25));
      expect(page.url()).toContain('#explain?x=-1000&t=0.25');
    });

    it('moves the point along the curve', async () => {
      const page = await open(isolated, '#explain');
      const point = page.locator('.plot svg').first().locator('[data-mark=dot][fill="var(--ink)"] circle');
      await point.waitFor();
      const before = await point.boundingBox();
      await page.fill('#explain-logit', '-4');
      await expect.poll(async () => (await point.boundingBox())?.x).toBeLessThan(before?.x ?? 0);
      expect((await point.boundingBox())?.y).toBeLessThan(before?.y ?? 0);
    });

    it('marks the digits that the usual forms lose', async () => {
      const page = await open(isolated, '#explain');
      await page.getByRole('button', { name: /confident, almost agreeing/ }).click();
      expect(await digitsOf(page, 'loss', 'exact')).toContain('0.0101327896');
      expect(await digitsOf(page, 'loss', 'softxent')).toMatch(/0\.01013278\d+none lost/);
      expect(await digitsOf(page, 'loss', 'rearranged')).toMatch(/0\.0097656250all lost/);
      expect(await digitsOf(page, 'loss', 'definition')).toMatch(/∞all lost/);
      await page.getByRole('button', { name: /right and sure x = 20/ }).click();
      expect(await digitsOf(page, 'gradient', 'softxent')).toMatch(/−2\.06115\d+ × 10⁻⁹none lost/);
      expect(await digitsOf(page, 'gradient', 'rearranged')).toMatch(/0all lost/);
      const struck = await page
        .locator('.mark-lost')
        .first()
        .evaluate((e) => getComputedStyle(e).textDecorationLine);
      expect(struck).toBe('line-through');
    });

    it('opens at the point that an address names', async () => {
      const page = await open(plain, '#explain?x=100&t=0.99');
      await page.locator('#explain-logit').waitFor();
      expect(await numbers(page)).toMatchObject(exactAt(100, 0.99));
      expect(await page.getByRole('tab', { name: 'Explain' }).getAttribute('aria-selected')).toBe('true');
    });
  });

  describe('both views', () => {
    it('are reached with the arrow keys', async () => {
      const page = await open(isolated);
      await page.locator('#start').waitFor();
      await page.getByRole('tab', { name: 'Benchmark' }).focus();
      await page.keyboard.press('ArrowRight');
      await page.locator('#explain-logit').waitFor();
      expect(await page.locator('#panel-benchmark').isVisible()).toBe(false);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('tab-explain');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('explain-logit');
      await page.getByRole('tab', { name: 'Explain' }).focus();
      await page.keyboard.press('Home');
      expect(await page.locator('#panel-benchmark').isVisible()).toBe(true);
    });

    it('follow the system’s scheme until another is chosen, which is remembered', async () => {
      const page = await open(isolated, '', { colorScheme: 'dark' });
      const background = (): Promise<string> =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const dark = await background();
      await page.click('#theme');
      const light = await background();
      expect(light).not.toBe(dark);
      await page.reload();
      expect(await background()).toBe(light);
      await page.click('#theme');
      expect(await background()).toBe(dark);
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      for (const view of ['benchmark', 'explain']) {
        it(`${view} fits a phone and keeps the rules of accessibility, ${colorScheme}`, async () => {
          const page = await open(isolated, `#${view}`, {
            viewport: { width: 360, height: 780 },
            colorScheme,
          });
          await page.locator(view === 'explain' ? '#explain-logit' : '#start').waitFor();
          if (view === 'explain') await page.getByRole('button', { name: /confident/ }).click();
          expect(await overflow(page)).toBe(0);
          expect(await violations(page)).toEqual([]);
        });
      }
    }
  });
});
