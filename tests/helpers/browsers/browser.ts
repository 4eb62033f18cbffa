import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Debian's, and where others put theirs. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const browserFile: string | undefined = places.find((file) => existsSync(file));

/** Why a test that needs a browser is skipped. */
export const noBrowser = 'needs a browser: apt-get install chromium';

/**
 * Headless, and offline: a page that fetches anything fails, but from this machine where `local` is true. There
 * certificates are not checked, and a picture of colours stands for a camera.
 */
export async function startBrowser({ local = false } = {}): Promise<Browser> {
  const ofThisMachine = [
    ...['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--ignore-certificate-errors'],
    ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  ];
  const browser = await chromium.launch({
    executablePath: browserFile!,
    timeout: 0,
    args: ['--no-sandbox', ...(local ? ofThisMachine : ['--host-resolver-rules=MAP * ~NOTFOUND'])],
  });
  const newPage = browser.newPage.bind(browser);
  // Playwright gives a browser and what a test waits for 30 s each, which a busy machine takes.
  const patientPage = async (options?: BrowserContextOptions): Promise<Page> => {
    const page = await newPage(options);
    page.setDefaultTimeout(0);
    return page;
  };
  return Object.assign(browser, { newPage: patientPage });
}

/** What is in the page is text here: these tests are compiled without the names of a browser. */
export const widths = '[document.documentElement.scrollWidth, innerWidth]';

/** Of each shown piece of text with its ground, and of each point with the page. */
export type Contrasts = { readonly text: number[]; readonly marks: number[] };

/** WCAG 2.2, 1.4.3 and 1.4.11. */
export const contrasts = `(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour)
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const groundOf = (element) => {
    if (element === null) return getComputedStyle(document.body).backgroundColor;
    const colour = getComputedStyle(element).backgroundColor;
    return channels(colour)[3] === 0 ? groundOf(element.parentElement) : colour;
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
  const text = [...document.querySelectorAll('main *')]
    .filter((element) => hasText(element) && element.checkVisibility())
    .map((element) => {
      const style = getComputedStyle(element);
      return contrast(element instanceof SVGElement ? style.fill : style.color, groundOf(element));
    });
  const marks = [...document.querySelectorAll('a.point path')]
    .filter((element) => element.checkVisibility())
    .map((element) => {
      const { fill, stroke } = getComputedStyle(element);
      return contrast(stroke === 'none' ? fill : stroke, groundOf(element));
    });
  return { text, marks };
})()`;
