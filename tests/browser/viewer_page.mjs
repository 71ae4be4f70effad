// Opens the viewer's page in headless Chromium, works through a list of steps, and prints what was seen as JSON.
//   node viewer_page.mjs '{"url": ..., "steps": [{"click": [0.5, 0.5]}, {"toggle": "points"}, ...], "shots": FOLDER}'
// Each step leaves FOLDER/<number>.png, a picture of the 3D view alone; number 0 is the page as it starts.
// Requests to elsewhere than the page's own server are refused and listed under "strayed".
import { join } from "node:path";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const job = JSON.parse(process.argv[2]);
const limit_ms = 1000 * Number(process.env.TWIN_BROWSER_LIMIT_S ?? 60);
const origin = new URL(job.url).origin;

const browser = await chromium.launch({
  executablePath: process.env.TWIN_CHROMIUM ?? "/usr/bin/chromium",
  timeout: limit_ms,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  const page = await browser.newPage({ viewport: { width: job.width ?? 1200, height: job.height ?? 760 } });
  page.setDefaultTimeout(limit_ms);
  const errors = [];
  const strayed = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  const ours = (url) => ["data:", "blob:"].includes(url.protocol) || url.host === new URL(origin).host;
  await page.route((url) => !ours(url), (route) => { strayed.push(route.request().url()); return route.abort(); });
  await page.goto(job.url);
  const started = Date.now();
  const connected = await page.waitForFunction(pictured).then(() => true, () => false);
  const first_picture_ms = Date.now() - started;
  const seen = [];
  if (connected) {
    await settled(page);
    await shoot(page, 0);
    for (const [index, step] of (job.steps ?? []).entries()) {
      await take(page, step);
      await settled(page);
      await shoot(page, index + 1);
      seen.push(await page.evaluate(() => document.querySelector("#facts")?.innerText ?? ""));
    }
    if (job.whole) await page.screenshot({ path: job.whole });
  }
  const text = await page.evaluate(() => document.querySelector(".side")?.innerText ?? "");
  console.log(JSON.stringify({ connected, text, facts: seen, first_picture_ms, errors, strayed, address: page.url() }));
} finally {
  await browser.close();
}

// Runs in the page: the first picture from the server has arrived.
function pictured() {
  return [...document.querySelectorAll(".stagebox img")].some((image) => image.naturalWidth > 0);
}

async function shoot(page, number) {
  await page.locator(".stagebox").screenshot({ path: join(job.shots, `${number}.png`) });
}

// The picture is settled when two looks, 0.3 seconds apart, are the same.
async function settled(page) {
  let before = "";
  for (let i = 0; i < 60; i += 1) {
    await page.waitForTimeout(300);
    const now = (await page.locator(".stagebox").screenshot()).toString("base64");
    if (now === before) return;
    before = now;
  }
}

async function take(page, step) {
  const box = await page.locator(".stagebox").boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  if (step.click) await page.mouse.click(...at(step.click));
  if (step.toggle) await page.locator(`#layer-${step.toggle}`).click();
  if (step.press) await page.locator(`#${step.press}`).click();
  if (step.choose) await page.selectOption(`#${step.choose[0]}`, { index: step.choose[1] });
  if (step.drag) {
    await page.mouse.move(...at(step.drag[0]));
    await page.mouse.down();
    await page.mouse.move(...at(step.drag[1]), { steps: 6 });
    await page.mouse.up();
  }
  await page.waitForTimeout(300);
}
