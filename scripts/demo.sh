#!/bin/sh
# The main job, once, from nothing: a primary and a replica, signed transactions from a writer, a receipt that verifies
# offline, and an audit of the whole log. Everything happens in a directory of its own and is gone afterwards.
set -eu
cd "$(dirname "$0")/.."
[ -x node_modules/.bin/node ] || ./scripts/build.sh
sequencer=$PWD/cmd/sequencer/sequencer
demo=$(mktemp -d)
pids=""
stop() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  for pid in $pids; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$demo"
}
trap stop EXIT
trap 'exit 1' INT TERM
cd "$demo"
export XDG_STATE_HOME="$demo/state" SEQUENCER_KEY_PASSWORD=demo
say() { printf '\n== %s\n' "$*"; }
# The node says this line when it serves.
await() { i=0; until grep -q "^API" "$1"; do i=$((i + 1)); [ $i -lt 300 ] || { cat "$1"; exit 1; }; sleep 0.1; done; }

say "Two accounts: an admin and a writer"
admin=$("$sequencer" key new -key admin.json)
writer=$("$sequencer" key new -key writer.json)
echo "admin $admin, writer $writer"

say "A primary starts a log"
"$sequencer" start -dbpath primary -mode primary -admins "$admin" -rpcport 24454 -p2pport 24455 >primary.log 2>&1 &
pids="$!"
await primary.log
cat primary.log
log=$(sed -n 's/^Log *\(0x[0-9a-f]*\).*/\1/p' primary.log)
peer=$(sed -n 's/.*-peers \(.*\)/\1/p' primary.log)

say "A replica mirrors it"
"$sequencer" start -dbpath replica -mode replica -log "$log" -peers "$peer" -rpcport 24464 -p2pport 24465 >replica.log 2>&1 &
pids="$pids $!"
await replica.log
cat replica.log

say "The admin lets the writer in; the writer appends, at the primary and at the replica"
"$sequencer" grant -url http://127.0.0.1:24454 -log "$log" -key admin.json "$writer" >/dev/null
"$sequencer" append -url http://127.0.0.1:24454 -log "$log" -key writer.json "at the primary"
"$sequencer" append -url http://127.0.0.1:24464 -log "$log" -key writer.json "at the replica"

say "A receipt, kept as a file, verifies offline"
"$sequencer" receipt -url http://127.0.0.1:24454 -log "$log" 2 >receipt.json
"$sequencer" verify -log "$log" receipt.json

say "Anybody can audit the whole log, from the primary or from the replica"
"$sequencer" verify -url http://127.0.0.1:24454 -log "$log"
"$sequencer" verify -url http://127.0.0.1:24464 -log "$log"
