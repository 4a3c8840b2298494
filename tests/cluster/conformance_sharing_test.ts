import assert from "node:assert/strict";
import { type Conformance, NEWER, OLDER, playRules, type Rule } from "./conformance.ts";

const DEFAULT = "{ name: default, protocol: layer2, addresses: [10.0.0.10-10.0.0.20] }";
const FIRST = "10.0.0.10";

function key(value: string | null, prefix = NEWER): Record<string, string | null> {
  return { [`${prefix}/allow-shared-ip`]: value };
}

function ports(...all: string[]): { ports: unknown[] } {
  return {
    ports: all.map((text) => {
      const [port, protocol = "TCP"] = text.split("/");
      return { name: text.toLowerCase().replace("/", "-"), port: Number(port), protocol };
    }),
  };
}

/** A Service under a sharing key. */
async function sharer(
  at: Conformance,
  name: string,
  of: string,
  spec: Record<string, unknown>,
  more: Record<string, string> = {},
): Promise<void> {
  const annotations = { [`${NEWER}/allow-shared-ip`]: of, ...more };
  await at.create(name, { annotations, spec });
}

/** What the event says of an address that was asked for and could not be had. */
async function refusal(at: Conformance, name: string): Promise<string> {
  const told = await at.told(name, /^Warning AllocationFailed/);
  assert.equal(await at.addresses(name), "");
  return told.replace(
    `Warning AllocationFailed Failed to allocate IP for "default/${name}": requested ${FIRST} is taken: `,
    "",
  );
}

const RULES: readonly Rule[] = [
  {
    name:
      "A9 (real API server): Services of one key share an address, by either spelling and by protocol",
    async play(at) {
      await at.configure(DEFAULT);
      await at.create("a", {
        annotations: { [`${NEWER}/allow-shared-ip`]: "k" },
        spec: ports("53"),
      });
      await at.gets("a", FIRST);
      await at.create("b", {
        annotations: { [`${OLDER}/allow-shared-ip`]: "k" },
        spec: ports("53/UDP", "853"),
      });
      await at.gets("b", FIRST);
      await sharer(at, "c", "k", ports("53/SCTP"));
      await at.gets("c", FIRST);
    },
  },
  {
    name: "A9 (real API server): the event says with whom an address cannot be shared, and why",
    async play(at) {
      await at.configure(DEFAULT);
      const asks = { [`${NEWER}/loadBalancerIPs`]: FIRST };
      await sharer(at, "web", "k", ports("80", "443"));
      await at.gets("web", FIRST);
      await at.create("keyless", { annotations: asks, spec: ports("81") });
      await sharer(at, "other-key", "j", ports("81"), asks);
      await sharer(at, "port", "k", ports("81", "443"), asks);
      await sharer(at, "local", "k", { ...ports("81"), externalTrafficPolicy: "Local" }, asks);
      const messages = [];
      for (const name of ["keyless", "other-key", "port", "local"]) {
        messages.push(await refusal(at, name));
      }
      assert.deepEqual(messages, [
        "default/web uses it, and not both Services have a sharing key",
        "default/web uses it under another sharing key",
        "default/web already uses its port 443/TCP",
        "default/web shares it with another externalTrafficPolicy, or with Local and other pods",
      ]);
    },
  },
  {
    name: "A9 (real API server): under Local the same pods must stand behind, under Cluster any",
    async play(at) {
      await at.configure(DEFAULT);
      const local = { externalTrafficPolicy: "Local" };
      const pods = { selector: { app: "x", tier: "front" } };
      const same = { selector: { tier: "front", app: "x" } };
      await sharer(at, "a", "k", { ...ports("80"), ...local, ...pods });
      await at.gets("a", FIRST);
      await sharer(at, "b", "k", { ...ports("81"), ...local, ...same });
      await at.gets("b", FIRST);
      await sharer(at, "c", "k", { ...ports("82"), ...local, selector: { app: "x" } });
      await at.gets("c", "10.0.0.11");
      await sharer(at, "d", "k", { ...ports("83"), ...pods });
      await at.gets("d", "10.0.0.12");
      await sharer(at, "e", "k", { ...ports("84"), selector: { app: "y" } });
      await at.gets("e", "10.0.0.12");
    },
  },
  {
    name: "A9 (real API server): a sole user changes its key in place, one of several moves alone",
    async play(at) {
      await at.configure(DEFAULT);
      await sharer(at, "a", "k", ports("80"));
      await at.gets("a", FIRST);
      const edited = await at.patch("a", { metadata: { annotations: key("j") } });
      await at.rest();
      assert.deepEqual(await at.get("a"), edited, "nothing is written");
      await sharer(at, "b", "j", ports("81"));
      await at.gets("b", FIRST);
      await at.patch("a", { metadata: { annotations: key("k") } });
      await at.gets("a", "10.0.0.11");
      assert.equal(
        await at.told("a", /ClearAssignment/),
        `Warning ClearAssignment Cleared ["${FIRST}"]: default/b uses it under another sharing key`,
      );
      assert.equal(await at.addresses("b"), FIRST);
      await at.patch("a", { metadata: { annotations: key(null) } });
      await at.rest();
      assert.equal(await at.addresses("a"), "10.0.0.11");
    },
  },
  {
    name:
      "A9 (real API server): ports, protocol and policy of a live sharer are edited: it moves, the other stays",
    async play(at) {
      await at.configure(DEFAULT);
      const why = new Map([
        ["ports", "default/stays already uses its port 80/TCP"],
        ["protocol", "default/stays already uses its port 80/TCP"],
        [
          "policy",
          "default/stays shares it with another externalTrafficPolicy, or with Local and other pods",
        ],
      ]);
      await sharer(at, "stays", "k", ports("80"));
      await at.gets("stays", FIRST);
      const before = await at.get("stays");
      for (
        const [name, first, then] of [
          ["ports", ports("443"), ports("443", "80")],
          ["protocol", ports("80/UDP"), ports("80/TCP")],
          ["policy", ports("8080"), { externalTrafficPolicy: "Local" }],
        ] as const
      ) {
        await sharer(at, name, "k", first);
        await at.gets(name, FIRST);
        await at.patch(name, { spec: then });
        await at.gets(name, "10.0.0.11");
        assert.equal(
          await at.told(name, /ClearAssignment/),
          `Warning ClearAssignment Cleared ["${FIRST}"]: ${why.get(name)}`,
        );
        await at.remove(name);
      }
      await at.rest();
      assert.deepEqual(await at.get("stays"), before);
    },
  },
  {
    name:
      "A10 (real API server): who asks for nothing takes the first address that is free or can be shared",
    async play(at) {
      await at.configure(DEFAULT);
      await at.create("alone");
      await at.gets("alone", FIRST);
      await sharer(at, "a", "k", ports("80"));
      await at.gets("a", "10.0.0.11");
      await sharer(at, "b", "k", ports("81"));
      await at.gets("b", "10.0.0.11");
      await at.remove("alone");
      await at.rest();
      // The lowest one is free again, and comes before the shared one.
      await sharer(at, "c", "k", ports("82"));
      await at.gets("c", FIRST);
      await sharer(at, "d", "k", ports("82", "83"));
      await at.gets("d", "10.0.0.11");
    },
  },
];

Deno.test("sharing on a real API server", (test) => playRules(test, RULES));
