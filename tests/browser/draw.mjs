// Draws a 3D Tiles folder in CesiumJS in headless Chromium and prints what was seen as one JSON object.
//   node draw.mjs '{"folder": ..., "tileset": "tileset.json", "screenshot": ..., "probes": [[x, y, z], ...], ...}'
// The folder is served on 127.0.0.1; every request to elsewhere is refused and listed under "strayed".
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { here, home, load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const wish = JSON.parse(process.argv[2]);
const limit_ms = (wish.limit_s ?? 120) * 1000;
const types = {
  ".css": "text/css", ".glb": "model/gltf-binary", ".html": "text/html", ".js": "text/javascript",
  ".json": "application/json", ".wasm": "application/wasm",
};
const roots = { "/cesium/": join(home, "node_modules", "cesium", "Build", "Cesium"), "/data/": wish.folder, "/page/": here };

const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://127.0.0.1").pathname);
  const prefix = Object.keys(roots).find((start) => path.startsWith(start));
  const file = prefix && join(roots[prefix], normalize(`/${path.slice(prefix.length)}`));
  try {
    if (!statSync(file).isFile()) throw new Error("no file");
    response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: wish.browser ?? "/usr/bin/chromium",
  timeout: limit_ms,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking"],
});
try {
  const page = await browser.newPage({ viewport: { width: wish.width ?? 640, height: wish.height ?? 480 } });
  page.setDefaultTimeout(limit_ms);
  const console_errors = [];
  const strayed = [];
  page.on("console", (message) => message.type() === "error" && console_errors.push(message.text()));
  page.on("pageerror", (error) => console_errors.push(String(error)));
  await page.route(
    (url) => url.origin !== origin && !["data:", "blob:"].includes(url.protocol),
    (route) => { strayed.push(route.request().url()); return route.abort(); },
  );
  await page.goto(`${origin}/page/view.html`);
  const seen = await Promise.race([
    page.evaluate((view) => draw(view), { ...wish, tileset: `/data/${wish.tileset ?? "tileset.json"}` }),
    new Promise((_, reject) => setTimeout(() => reject(new Error(`not drawn within ${limit_ms / 1000} s`)), limit_ms).unref()),
  ]);
  if (wish.screenshot) await page.screenshot({ path: wish.screenshot });
  console.log(JSON.stringify({ ...seen, console_errors, strayed }));
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
