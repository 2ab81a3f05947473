#!/bin/sh
# Installs Chromium for the browser test where apt is at hand. Without it that test is skipped, and says so.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "install-chromium: no Chromium here and none could be installed; the browser test will be skipped" >&2
