import type { Config } from "../../config/types.ts";
import type { AddressBook } from "../../controller/allocations.ts";
import { checkGiven, checkReconfiguration, reconfigure } from "../../controller/reconfigure.ts";
import { restore } from "../../controller/restore.ts";
import { conflictText, NOTHING_GIVEN, STAYS } from "../../model/address_conflict.ts";
import type { ServiceFacts } from "../../model/facts.ts";
import type { Watched } from "../cluster/cluster.ts";

/** The address book while this controller leads, and what a new configuration would take. */
export interface Ledger {
  /** Undefined while this controller does not lead or does not know all that it must. */
  readonly book: AddressBook | undefined;
  /** Makes the book from what all Services have, unless there is one. */
  open(config: Config): AddressBook;
  /** Puts a configuration in force in the book; false where it is already, or there is no book. */
  follow(config: Config): boolean;
  /** Drops the book: another controller may lead, and plan otherwise. */
  close(): void;
  /** Why a configuration must not follow `before`, or undefined when it may. */
  refusal(config: Config, before: Config | undefined): string | undefined;
}

/** Begins without a book; `services` must be synced when it is opened. */
export function createLedger(
  services: Pick<Watched<ServiceFacts>, "items" | "synced">,
  lbClass: string | undefined,
): Ledger {
  let book: AddressBook | undefined;
  let inForce: Config | undefined;

  /** What a leader holds by now: a standby refuses the configurations that the leader refuses. */
  function standbyBook(before: Config | undefined): AddressBook | undefined {
    if (!services.synced || before === undefined) return undefined;
    return restore(services.items.values(), before, lbClass);
  }

  return {
    get book() {
      return book;
    },
    open(config) {
      if (book !== undefined) return book;
      inForce = config;
      return book = restore(services.items.values(), config, lbClass);
    },
    follow(config) {
      if (book === undefined || config === inForce) return false;
      reconfigure(book, config);
      inForce = config;
      return true;
    },
    close() {
      book = undefined;
    },
    refusal(config, before) {
      const present = book ?? standbyBook(before);
      const conflicts = present === undefined
        ? checkGiven(services.items.values(), config, lbClass)
        : checkReconfiguration(present, config);
      if (conflicts.length === 0) return undefined;
      return conflictText(conflicts, present === undefined ? NOTHING_GIVEN : STAYS);
    },
  };
}
