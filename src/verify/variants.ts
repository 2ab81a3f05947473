/** Which variant of the fast path this machine gets. None is used that has not given the known answers here. */
import { type Engine, type EngineVariant, openEngine } from "./engine.ts";

const LADDERS: Readonly<Record<"auto" | EngineVariant | "native", readonly EngineVariant[]>> = {
  auto: ["fma", "simd"],
  fma: ["fma", "simd"],
  simd: ["simd"],
  native: [],
};

/** The first variant, from the wanted one on, that runs and passes; undefined leaves all to the reference. */
export function chooseEngine(
  wanted: "auto" | EngineVariant | "native",
  selfTest: (engine: Engine) => boolean,
  log: (message: string) => void,
): Engine | undefined {
  for (const variant of LADDERS[wanted]) {
    const failure = tryVariant(variant, selfTest);
    if (typeof failure !== "string") return failure;
    log(`verify: variant ${variant} ${failure}; going on without it`);
  }
  return undefined;
}

/** The engine, or why not. */
function tryVariant(variant: EngineVariant, selfTest: (engine: Engine) => boolean): Engine | string {
  try {
    const engine = openEngine(variant);
    return selfTest(engine) ? engine : "fails its self-test on this machine";
  } catch (error) {
    return `does not run on this machine (${String(error)})`;
  }
}
