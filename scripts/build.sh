#!/bin/sh
# Installs what the sequencer needs (Node 24 included, through npm) and compiles the package to dist/.
# Works on a machine whose own Node is old: it only needs npm.
set -eu
cd "$(dirname "$0")/.."
npm ci --no-audit --no-fund
npm run --silent build
echo "Built. Next: ./cmd/sequencer/sequencer --help"
