// Draws 3D Tiles in CesiumJS in headless Chromium and prints what was seen as a JSON array, one entry a view.
//   node draw.mjs '[{"folder": ..., "tileset": "tileset.json", "screenshot": ..., "probes": [[x, y, z], ...], ...}]'
// Of a view: tileset (file in folder), screenshot (PNG to write), width, height (pixels), heading, pitch (radians),
// range_m (distance; 0 fits the whole), focus (EPSG:4978), max_error (pixels), point_size (pixels), probes (places in
// EPSG:4978 whose pixel and feature are wanted). Seen: drawn, drawn_middle (shares of pixels that are not background),
// n_colours, common, tiles {selected, features, points, triangles}, probes, failed, console_errors, strayed.
// Folders are served on 127.0.0.1; every request to elsewhere is refused and listed under "strayed".
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { here, home, load } from "./packages.mjs";

const { chromium } = load("playwright-core");
const views = JSON.parse(process.argv[2]);
const limit_ms = 1000 * Number(process.env.TWIN_BROWSER_LIMIT_S ?? 120);
const types = {
  ".css": "text/css", ".glb": "model/gltf-binary", ".html": "text/html", ".js": "text/javascript",
  ".json": "application/json", ".wasm": "application/wasm",
};
const roots = { "/cesium/": join(home, "node_modules", "cesium", "Build", "Cesium"), "/page/": here };
views.forEach((view, i) => { roots[`/data/${i}/`] = view.folder; });

const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://127.0.0.1").pathname);
  const prefix = Object.keys(roots).find((start) => path.startsWith(start));
  try {
    const file = join(roots[prefix], normalize(`/${path.slice(prefix.length)}`));
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
  executablePath: process.env.TWIN_CHROMIUM ?? "/usr/bin/chromium",
  timeout: limit_ms,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking"],
});
try {
  const seen = [];
  for (const [i, view] of views.entries()) seen.push(await draw(view, i));
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}

async function draw(view, i) {
  const page = await browser.newPage({ viewport: { width: view.width ?? 640, height: view.height ?? 480 } });
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
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`view ${i} not drawn within ${limit_ms / 1000} s`)), limit_ms).unref();
  });
  const address = `/data/${i}/${view.tileset ?? "tileset.json"}`;
  const result = await Promise.race([page.evaluate((wish) => draw(wish), { ...view, tileset: address }), late]);
  if (view.screenshot) await page.screenshot({ path: view.screenshot });
  await page.close();
  return { ...result, console_errors, strayed };
}
