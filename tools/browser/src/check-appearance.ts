import type { Page } from 'playwright-core';
import { measure } from './page-facts.ts';

/** WCAG 2.2, 1.4.3 at level AA. */
const LOWEST_CONTRAST = 4.5;

/** Widths of a window: a small laptop and a phone. */
export const WINDOWS = {
  laptop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
} as const;

/** Text against its background in both color schemes, also in the row under the pointer. */
export async function checkContrast(page: Page): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await measure(page, 'addToneSamples');
    for (const target of ['h1', '#tone-samples td']) {
      await page.locator(target).first().hover();
      const low = (await measure(page, 'readContrasts')).filter(({ ratio }) => ratio < LOWEST_CONTRAST);
      problems.push(
        ...low.map(({ ratio, sample }) => `${colorScheme}: contrast ${ratio.toFixed(2)} of ${sample}`),
      );
    }
    await measure(page, 'removeToneSamples');
  }
  return problems;
}

/** The page itself never scrolls sideways, and scrolled tables keep their header and row names in view. */
export async function checkLayout(page: Page): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const [name, size] of Object.entries(WINDOWS)) {
    await page.setViewportSize(size);
    const overflow = await measure(page, 'readOverflow');
    if (overflow > 0) problems.push(`${name}: page is ${overflow} px wider than the window`);
    for (const [index, { top, left }] of (await measure(page, 'readStickiness')).entries()) {
      if (Math.abs(top) > 1) problems.push(`${name}: header of table ${index} is ${top} px off`);
      if (Math.abs(left) > 1) problems.push(`${name}: names of table ${index} are ${left} px off`);
    }
  }
  await page.setViewportSize(WINDOWS.laptop);
  return problems;
}
