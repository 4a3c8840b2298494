import { formatPrefix, type Prefix } from "../../net/prefix.ts";
import type { AddressRange } from "../../net/range.ts";
import type { Judge } from "../../speaker/judgement.ts";
import { tellable } from "../../speaker/roster.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { Fellows } from "./fellows.ts";

interface CutOffParts {
  readonly nodeName: string;
  readonly layer2: Pick<Layer2, "cutOff">;
  readonly fellows: Pick<Fellows, "roster">;
}

/** To which subnets no interface of a node leads any more. */
export interface CutOff {
  /** Looks at this node's interfaces; gives whether they lead elsewhere than before. */
  look(ranges: readonly AddressRange[]): boolean;
  /** Of this node, as the others are told. */
  own(): readonly string[];
  /** Of this node and of those that tell theirs. Speakers of MetalLB would still elect these: undefined. */
  byNode(judge: Judge): ReadonlyMap<string, readonly Prefix[]> | undefined;
}

/** Begins with nothing cut off. */
export function createCutOff({ fellows, layer2, nodeName }: CutOffParts): CutOff {
  let own: readonly Prefix[] = [];
  const texts = () => own.map(formatPrefix);
  return {
    look(ranges) {
      const before = texts().join();
      own = tellable(layer2.cutOff(ranges));
      return texts().join() !== before;
    },
    own: texts,
    byNode: (judge) =>
      judge === "Herald" ? new Map([...fellows.roster().cutOff, [nodeName, own]]) : undefined,
  };
}
