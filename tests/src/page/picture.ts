import sharp from 'sharp';
import { browserFile, noBrowser, startBrowser } from '../../helpers/browsers/browser.ts';
import { firstLine, startCli } from '../../helpers/processes/cli.ts';

// `npm run docs:picture [-- FOLDER]`: draws docs/page.png, the picture of the README, from the page of `demo
// --web` after a question. FOLDER holds the reduced network of an earlier demo, or gets one.

const [folder = 'reluctant-demo'] = process.argv.slice(2);
const width = 1280;
if (browserFile === undefined) throw new Error(noBrowser);
const demo = startCli(['demo', '--web', '--out', folder, '--port', '0', '--json']);
const browser = await startBrowser({ local: true });
try {
  const { url } = JSON.parse(await firstLine(demo)) as { url: string };
  const page = await browser.newPage({
    ...{ viewport: { width, height: 900 }, deviceScaleFactor: 1.5, colorScheme: 'light' },
  });
  page.setDefaultTimeout(1_800_000);
  await page.goto(url);
  await page.locator('#pending:empty').waitFor({ state: 'attached' });
  const ready = () => page.getByText('Ready.').waitFor();
  const ask = async () => {
    await page.getByRole('button', { name: 'Ask privately' }).click();
    await page.locator('.answer').nth(1).waitFor();
    await ready();
  };
  await ready();
  // The first answer of a session also warms up: the picture is of the second.
  await ask();
  await ask();
  await page.evaluate('scrollTo(0, 0)');
  const { y, height } = (await page.locator('.card').last().boundingBox())!;
  const picture = await page.screenshot({
    ...{ fullPage: true, clip: { x: 0, y: 0, width, height: y + height + 16 } },
  });
  await sharp(picture).png({ palette: true, colours: 128, effort: 10 }).toFile('docs/page.png');
  console.log((await page.locator('#costs tr').allInnerTexts()).join('\n'));
} finally {
  await browser.close();
  demo.kill('SIGINT');
}
