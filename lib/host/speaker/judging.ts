import { type Judge, judgeBeside } from "../../speaker/judgement.ts";
import type { Log } from "../process/log.ts";
import type { RunOptions } from "../process/options.ts";
import type { Fellows } from "./fellows.ts";

/** By whose rules nodes are judged. */
export interface Judging {
  current(): Judge;
  /** Looks who is beside this speaker; gives whether another judges from now on. */
  choose(): boolean;
}

interface JudgingParts {
  readonly options: Pick<RunOptions, "compat">;
  readonly log: Log;
  readonly fellows: Pick<Fellows, "beside">;
}

/** Begins by Herald's own; beside speakers of MetalLB as these do. Both turns are told. */
export function createJudging({ fellows, log, options }: JudgingParts): Judging {
  let current: Judge = "Herald";
  return {
    current: () => current,
    choose() {
      const beside = fellows.beside();
      const judge = judgeBeside(beside, options.compat);
      if (judge === current) return false;
      current = judge;
      if (judge === "Herald") {
        log.info(
          { judge },
          "no speaker of MetalLB is left: nodes are judged by Herald's own rules",
        );
      } else {
        const speakers = [...beside.nodes].sort().join();
        log.info({ judge, speakers }, "beside speakers of MetalLB: nodes are judged as these do");
      }
      return true;
    },
  };
}
