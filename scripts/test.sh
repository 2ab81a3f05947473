#!/bin/sh
# Everything a change has to pass: types, style, unused code, generated files, tests.
set -eu
cd "$(dirname "$0")/.."
[ -x node_modules/.bin/node ] || ./scripts/build.sh
exec npm run --silent check
