import { errorText } from "../../base/errors.ts";
import type { PodFacts } from "../../model/facts.ts";
import { speakersAlive } from "../../model/cluster.ts";
import { formatHost } from "../../net/ip.ts";
import { askLocalProcesses, askProcess, closedPages } from "./processes.ts";
import type { SourceOptions } from "../process/options.ts";
import { DEFAULT_PAGE_PORT, takeSpeakerPods } from "./snapshot.ts";
import type { ConfigStatus, SpeakerStatus } from "../../status/types.ts";

/** What the running speakers say of themselves. */
export interface AskedSpeakers {
  /** By node. */
  readonly answers: ReadonlyMap<string, SpeakerStatus>;
  /** Those that could not be asked, and why. */
  readonly silent: readonly { readonly node: string; readonly why: string }[];
  /** Why the speakers could not be found; undefined when they were, or when there are none. */
  readonly problem?: string;
  /** Nodes whose speaker's pod is ready; undefined where there are no pods to read. */
  readonly ready?: ReadonlySet<string>;
  /** The configuration in force, where a role tells that another one stands in the cluster. */
  readonly inForce?: ConfigStatus["inForce"];
}

/** No speaker was asked. */
export const NOBODY: AskedSpeakers = { answers: new Map(), silent: [] };

const ANSWER_WITHIN_MS = 1_500;

/**
 * Asks the speakers that work from the objects so described: those of this machine by their
 * sockets, and those of a cluster at their pods' addresses, all at once. Never throws; what cannot
 * be had is told.
 */
export async function askSpeakers(
  options: SourceOptions,
  description: string,
): Promise<AskedSpeakers> {
  const answers = new Map<string, SpeakerStatus>();
  let inForce: ConfigStatus["inForce"];
  for (const { config, controller, speaker, objects } of await askLocalProcesses()) {
    if (objects !== description) continue;
    if (speaker !== undefined) answers.set(speaker.node, speaker);
    // The controller's word is the one that gives addresses.
    inForce = controller === undefined ? inForce ?? config.inForce : config.inForce ?? inForce;
  }
  // Only an API server tells of pods.
  if (options.store !== undefined) return { answers, silent: [], inForce };
  try {
    const pods = await takeSpeakerPods(options);
    const asked = await askPods(pods, answers);
    const byKey = new Map(pods.map((pod) => [pod.key, pod]));
    return {
      answers,
      silent: asked.silent,
      ready: speakersAlive(byKey),
      inForce: inForce ?? asked.inForce,
    };
  } catch (error) {
    return { answers, silent: [], problem: errorText(error), inForce };
  }
}

/** Adds the answers; gives those that did not answer. */
async function askPods(
  pods: readonly PodFacts[],
  answers: Map<string, SpeakerStatus>,
): Promise<Pick<AskedSpeakers, "silent" | "inForce">> {
  let inForce: ConfigStatus["inForce"];
  const asked = pods.map(
    async ({ key, nodeName: node = key, ip, pagePort = DEFAULT_PAGE_PORT, pageTls }) => {
      if (answers.has(node)) return undefined;
      if (ip === undefined) return { node, why: `its pod ${key} has no address` };
      const place = `${formatHost(ip)}:${pagePort}`;
      if (pageTls) return { node, why: closedPages(key) };
      const status = await askProcess(`http://${place}`, undefined, ANSWER_WITHIN_MS);
      if (status?.speaker === undefined) return { node, why: `no answer at ${place}` };
      answers.set(status.speaker.node, status.speaker);
      inForce ??= status.config.inForce;
      return undefined;
    },
  );
  const silent = (await Promise.all(asked)).filter((one) => one !== undefined);
  return { silent, inForce };
}
