/**
 * A primary in this process, with temporary files and any free port.
 */
import { pino } from "pino";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import type { DigestContext } from "../../src/base/eip712.ts";
import type { RunningNode } from "../../src/node/parts.ts";
import { type PrimaryNodeOptions, startPrimaryNode } from "../../src/node/primary-node.ts";
import { useNativeSecp256k1 } from "../../src/sequencing/native-secp256k1.ts";
import type { PermissionChange, Transaction } from "../../src/sequencing/transaction.ts";
import { type Account, operator, permissionChangeOf, transactionOf, writer } from "./accounts.ts";
import { type Cleanup, defer, temporaryDirectory } from "./cleanup.ts";
import { genesisFor } from "./genesis.ts";

export interface TestPrimary {
  readonly url: string;
  readonly node: RunningNode;
  /** Payload of a transaction by `writer`, as hex; whatever is left out is valid. */
  transaction(fields?: TransactionFields): Hex;
  /** Payload of a permission change by the operator, who is the admin. */
  permissionChange(fields: Pick<PermissionChange, "account" | "role"> & { by?: Account }): Hex;
}

export interface TransactionFields extends Partial<Omit<Transaction, "type" | "from">> {
  readonly by?: Account;
}

let nonce = 0n;

/** Starts a primary whose admin is `operator` and whose writers are `writer` and those given. */
export async function startTestPrimary(
  cleanup: Cleanup,
  options: Partial<PrimaryNodeOptions> & { readonly writers?: readonly Account[] } = {},
): Promise<TestPrimary> {
  useNativeSecp256k1();
  const directory = temporaryDirectory(cleanup);
  const { writers = [], ...others } = options;
  const node = await startPrimaryNode({
    dbPath: `${directory}/db`,
    guardDirectory: others.dbPath === "" ? undefined : `${directory}/guard`,
    operatorKey: operator.key,
    genesis: genesisFor([writer, ...writers].map(({ address }) => address)),
    rpcHost: "127.0.0.1",
    rpcPort: 0,
    verifyWorkers: 1,
    logger: pino({ level: "silent" }),
    onFatal: (error) => {
      throw error;
    },
    ...others,
  });
  defer(cleanup, () => node.close());
  return { url: node.url, node, ...signers(node.log.context) };
}

/** Makes payloads for the log with this context. */
export function signers(context: DigestContext): Pick<TestPrimary, "transaction" | "permissionChange"> {
  const common = () => ({ nonce: nonce++, expires: Date.now() + 60_000 });
  return {
    transaction: ({ by = writer, ...fields } = {}) =>
      toHex(transactionOf(context, by, { ...common(), data: new Uint8Array(8), ...fields })),
    permissionChange: ({ by = operator, ...fields }) =>
      toHex(permissionChangeOf(context, by, { ...common(), ...fields })),
  };
}
