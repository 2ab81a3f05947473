#!/bin/sh
# Installs what the sequencer needs (Node 24 included, through npm) and compiles the package to dist/.
# Works on a machine whose own Node is old: it only needs npm.
set -eu
cd "$(dirname "$0")/.."
# Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which not every registry
# mirror carries. Versions are exact, and the lock file is followed and left as it is.
# What npm warns of is the system's Node, which is only used to install another one.
npm install --no-save --no-audit --no-fund --loglevel=error
npm run --silent build
echo "Built. Next: ./cmd/sequencer/sequencer --help"
