// Finds the packages that install.sh put under build/browser: scripts here have no node_modules beside them.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = dirname(fileURLToPath(import.meta.url));
export const home = process.env.TWIN_BROWSER_PACKAGES ?? join(here, "..", "..", "build", "browser");
export const load = createRequire(join(home, "package.json"));
