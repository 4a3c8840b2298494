/** Why a frame gets no reply; each is a metric label, its number the place of its counter. */
export const DROP_REASONS = [
  "not-arp",
  "not-request",
  "interface-unused",
  "not-owned",
  "not-to-us",
  "own-frame",
  "bad-sender",
  "not-ndp",
  "not-solicitation",
  "bad-checksum",
  "gratuitous",
  "not-awake",
] as const;
export type DropReason = typeof DROP_REASONS[number];

/** The number of each reason. */
export const DROP = {
  notArp: 0,
  notRequest: 1,
  interfaceUnused: 2,
  notOwned: 3,
  notToUs: 4,
  ownFrame: 5,
  badSender: 6,
  notNdp: 7,
  notSolicitation: 8,
  badChecksum: 9,
  /** A host says that the address is its own: that asks nothing, and may be a conflict. */
  gratuitous: 10,
  /** The process stood still: which node owns the address now is not known. */
  notAwake: 11,
} as const;
