/**
 * The store in memory is a store.
 */
import { MemoryStore } from "../../src/log/memory-store.ts";
import { storeCompliance } from "./store-compliance.ts";

storeCompliance("MemoryStore", (_, options) => new MemoryStore(options));
