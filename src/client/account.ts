/**
 * Signing operations with any account that signs EIP-712 typed data: a viem account fits as it is.
 */
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import type { DigestContext, SigningDomain } from "../base/eip712.ts";
import { SequencerError } from "../base/errors.ts";
import { recoveredFrom, SIGNATURE_BYTES } from "../base/secp256k1.ts";
import { ROLES } from "../permission/policy.ts";
import { encodeOperation, type Operation, operationId } from "../sequencing/transaction.ts";

/** EIP-712 typed data, in the shape that wallets take. */
export interface TypedData {
  readonly domain: {
    readonly name: string;
    readonly version: string;
    readonly chainId: number;
    readonly verifyingContract: Hex;
  };
  readonly types: Record<string, { name: string; type: string }[]>;
  readonly primaryType: string;
  readonly message: Record<string, unknown>;
}

/** Whoever signs: viem's LocalAccount, or anything of this shape. */
export interface Account {
  readonly address: Hex;
  signTypedData(typedData: TypedData): Promise<Hex>;
}

/** The log that is signed for. */
export interface SigningLog extends SigningDomain {
  readonly context: DigestContext;
}

export interface SignedPayload {
  readonly payload: Uint8Array;
  /** 32 bytes. */
  readonly id: Uint8Array;
}

/** Signs and encodes an operation. @throws SequencerError `key` if the signature is not the account's own */
export async function signOperation(
  log: SigningLog,
  account: Account,
  operation: Operation,
): Promise<SignedPayload> {
  const id = operationId(log.context, operation);
  const signature = fromHex(await account.signTypedData(typedData(log, operation)), SIGNATURE_BYTES);
  // Some wallets write the bare parity instead of 27 or 28.
  if (signature[64]! < 27) signature[64]! += 27;
  if (!recoveredFrom(id, signature, operation.from)) {
    throw new SequencerError("key", `the account ${account.address} made a signature that is not its own`, {
      hint: "It has to sign EIP-712 typed data with its own secp256k1 key",
    });
  }
  signature[64]! -= 27;
  return { payload: encodeOperation({ ...operation, signature }), id };
}

function typedData(log: SigningLog, operation: Operation): TypedData {
  const { from, nonce, expires } = operation;
  const common = { logId: toHex(log.context.logId), from: toHex(from), nonce, expires: BigInt(expires) };
  const commonFields = fields("bytes32 logId,address from,uint64 nonce,uint64 expires");
  const domain = {
    name: "Sequencer",
    version: "1",
    chainId: log.chainId,
    verifyingContract: toHex(log.bond),
  };
  if (operation.type === "transaction") {
    return {
      domain,
      types: { Transaction: [...commonFields, ...fields("bytes data")] },
      primaryType: "Transaction",
      message: { ...common, data: toHex(operation.data) },
    };
  }
  return {
    domain,
    types: { PermissionChange: [...commonFields, ...fields("address account,uint8 role")] },
    primaryType: "PermissionChange",
    message: { ...common, account: toHex(operation.account), role: ROLES[operation.role] },
  };
}

function fields(declaration: string): { name: string; type: string }[] {
  return declaration.split(",").map((field) => {
    const [type, name] = field.split(" ") as [string, string];
    return { name, type };
  });
}
