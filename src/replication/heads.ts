/**
 * How far the log reaches, by what peers hold: their newest heads, verified. A few peers are asked, drawn anew each
 * time, and nobody waits long for those that do not answer.
 */
import { HEAD_WAIT_MS } from "../base/limits.ts";
import type { SignedHead } from "../log/checkpoint.ts";
import type { Log } from "../log/log.ts";
import type { SyncPeer } from "./panel.ts";

/**
 * @param countMax peers to ask
 * @param onPrimary told what peers with a good head say of where the primary is
 * @param signal ends the wait
 */
export async function askHeads(
  log: Log,
  peers: readonly SyncPeer[],
  countMax: number,
  onPrimary: (multiaddrs: readonly string[], peer: string) => void,
  signal: AbortSignal,
): Promise<SignedHead[]> {
  const heads: SignedHead[] = [];
  await new Promise<void>((resolve) => {
    const asked = draw(peers, countMax);
    let waiting = asked.length;
    let late: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(late);
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    if (waiting === 0 || signal.aborted) return end();
    for (const peer of asked) {
      askOne(log, peer, onPrimary).then((head) => {
        if (head !== undefined) {
          heads.push(head);
          late ??= setTimeout(end, HEAD_WAIT_MS);
        }
        if (--waiting === 0) end();
      });
    }
  });
  return [...heads];
}

async function askOne(
  log: Log,
  peer: SyncPeer,
  onPrimary: (multiaddrs: readonly string[], peer: string) => void,
): Promise<SignedHead | undefined> {
  const answer = await peer.ask({ kind: "head" }).catch(() => undefined);
  if (answer?.kind !== "head") return undefined;
  const head = log.checkpoints.open(answer.note);
  if (head === undefined) peer.reject("its head is not the operator's");
  else if (answer.primary.length > 0) onPrimary(answer.primary, peer.id);
  return head;
}

function draw<T>(all: readonly T[], countMax: number): T[] {
  const rest = [...all];
  const drawn: T[] = [];
  while (drawn.length < countMax && rest.length > 0) {
    drawn.push(...rest.splice(Math.floor(Math.random() * rest.length), 1));
  }
  return drawn;
}
