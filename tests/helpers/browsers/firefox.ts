import { existsSync } from 'node:fs';
import { launch } from 'puppeteer-core';
import type { Browser } from 'puppeteer-core';

/** Debian's, and where others put theirs. */
const places = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];

export const firefoxFile: string | undefined = places.find((file) => existsSync(file));

/** Why a test that needs Firefox is skipped. */
export const noFirefox = 'needs Firefox: apt-get install firefox-esr';

/** Headless, over WebDriver BiDi, which a stock Firefox speaks. Certificates are not checked. */
export function startFirefox(): Promise<Browser> {
  return launch({
    ...{ browser: 'firefox', executablePath: firefoxFile!, headless: true },
    ...{ acceptInsecureCerts: true, protocolTimeout: 600_000, timeout: 0 },
    // Nothing is fetched from elsewhere while a test runs.
    extraPrefsFirefox: { 'network.dns.disabled': true },
  });
}
