#!/bin/sh
# Installs the browser checks' packages under build/browser (ignored by git). Needs node (18 or newer) and npm.
# Does nothing when they are there already; leaves nothing half installed that the tests would take for whole.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-"$here/../../build/browser"}
mkdir -p "$target"
if cmp -s "$here/package.json" "$target/installed.json" 2>/dev/null; then
    echo "browser checks: already installed in $target"
    exit 0
fi
cp "$here/package.json" "$target/package.json"
(cd "$target" && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error)
cp "$target/package.json" "$target/installed.json"
echo "browser checks: installed in $target"
