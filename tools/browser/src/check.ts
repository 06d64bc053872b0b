import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { checkContrast, checkLayout, WINDOWS } from './check-appearance.ts';
import { checkFilters } from './check-filters.ts';
import { measure } from './page-facts.ts';

const USAGE = `usage: check.ts FILE.html [--screenshots DIR]

Opens a page written by @kelp/report in headless Chromium, offline, and checks that it loads nothing, that its filters hide what they
should, that it fits a laptop and a phone, and that its text is legible in light and dark.
`;

const CHROMIUM = '/usr/bin/chromium';
const IN_PAGE = fileURLToPath(new URL('../in-page/in-page.js', import.meta.url));

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Requests and messages of a page that should make none. */
function watch(page: Page, file: string, problems: string[]): void {
  page.on('request', (request) => {
    const [address] = request.url().split('#');
    if (address !== file) problems.push(`requests ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      problems.push(`console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
}

async function openContext(browser: Browser, javaScriptEnabled: boolean): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: WINDOWS.laptop,
    offline: true,
    javaScriptEnabled,
  });
  await context.addInitScript({ path: IN_PAGE });
  return context;
}

/** Without scripts everything is there but the controls, which would do nothing. */
async function checkWithoutScript(browser: Browser, file: string): Promise<readonly string[]> {
  const context = await openContext(browser, false);
  const page = await context.newPage();
  await page.goto(file);
  const rows = await page.locator('tbody > tr').count();
  const visible = await page.locator('tbody > tr:visible').count();
  const problems = rows === visible ? [] : [`${visible} of ${rows} rows are visible`];
  if (await page.locator('#filters').isVisible()) problems.push('filters are visible');
  await context.close();
  return problems;
}

async function takeScreenshots(page: Page, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const shoot = async (name: string, fullPage = false): Promise<void> => {
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
  };
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(WINDOWS.laptop);
    await shoot(colorScheme, true);
    await page.setViewportSize(WINDOWS.phone);
    await shoot(`phone-${colorScheme}`, true);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(WINDOWS.laptop);
  const filters = await measure(page, 'readFilters');
  for (const index of filters.keys()) {
    await page.locator('fieldset').nth(index).locator('input').first().check();
  }
  await shoot('filtered', true);
  await page.locator('#clear').click();
  await page.emulateMedia({ media: 'print' });
  await shoot('print');
  await page.emulateMedia({ media: 'screen' });
}

async function check(file: string, screenshots: string | undefined): Promise<boolean> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  try {
    const context = await openContext(browser, true);
    const messages: string[] = [];
    context.on('page', (page) => watch(page, file, messages));
    const page = await context.newPage();
    await page.goto(file);
    const results = [
      ['filters', await checkFilters(page)],
      ['layout', await checkLayout(page)],
      ['contrast', await checkContrast(page)],
      ['without scripts', await checkWithoutScript(browser, file)],
    ] as const;
    if (screenshots !== undefined) await takeScreenshots(page, screenshots);
    const all = [...results, ['requests and messages', Array.from(new Set(messages))] as const];
    for (const [name, problems] of all) {
      console.log(`${name}: ${problems.length === 0 ? 'ok' : `${problems.length} problems`}`);
      for (const problem of problems) console.log(`  ${problem}`);
    }
    return all.every(([, problems]) => problems.length === 0);
  } finally {
    await browser.close();
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: 'string' } },
});
const [path] = positionals;
if (path === undefined || positionals.length > 1) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const clean = await check(pathToFileURL(resolve(path)).href, values.screenshots);
  process.exitCode = clean ? 0 : 1;
}
