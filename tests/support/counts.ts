const NOUNS =
  "Service|address|pool|peer|problem|configuration|object|file|mistake|prefix|route|speaker|node|day|hour|second|value|interface|Lease|ConfigMap";
const BEFORE = "(?:(?:more|other|IPv4|IPv6|deleted|BGP|good|of type LoadBalancer) )*";

/** What a person would not write: `1 Services`, `2 address`, `1 are`, `0 is`. */
export function wrongCounts(text: string): readonly string[] {
  const patterns = [
    // Of `1 of 2 pools` and of `1 of 1 pool` the last number counts.
    new RegExp(`(?<![\\w.:/-])1 ${BEFORE}(?:${NOUNS})(?:es|s)\\b`, "g"),
    new RegExp(`(?<![\\w.:/-])(?:0|[2-9]|\\d{2,}) ${BEFORE}(?:${NOUNS})\\b(?!es|s)`, "g"),
    /(?<![\w.:/-])1 are\b/g,
    /(?<!address of |[\w.:/-])(?:0|[2-9]|\d{2,}) is\b/g,
    /(?<![\w.:/-])1 (?:\w+ )?for (?:\w+ )?Services\b/g,
    /\bspeaker of \w+, \w+|\bspeakers of \w+\.|\bby BGP to \w+ \(seen at their\b/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([found]) => found));
}
