// Runs the Khronos glTF validator over files and folders of .glb and prints one JSON object:
// {"files", "errors": [...], "warnings": [...], "infos": {code: count}}, each message with the file it is about.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { load } from "./packages.mjs";

const validator = load("gltf-validator");

function* glbs(path) {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    const inner = join(path, name);
    if (statSync(inner).isDirectory()) yield* glbs(inner);
    else if (name.endsWith(".glb")) yield inner;
  }
}

const found = { files: 0, errors: [], warnings: [], infos: {} };
for (const argument of process.argv.slice(2)) {
  for (const path of glbs(argument)) {
    const report = await validator.validateBytes(new Uint8Array(readFileSync(path)), { uri: path, maxIssues: 1000 });
    found.files += 1;
    for (const { severity, code, message, pointer } of report.issues.messages) {
      const line = `${path}${pointer ?? ""}: ${code}: ${message}`;
      if (severity === 0) found.errors.push(line);
      else if (severity === 1) found.warnings.push(line);
      else found.infos[code] = (found.infos[code] ?? 0) + 1;
    }
  }
}
console.log(JSON.stringify(found));
