import assert from "node:assert/strict";
import { isOwnHost, searchedNames } from "../../lib/http/names.ts";

const OWN = ["lb.corp.example", "*.site.example"];

Deno.test("fault 5: isOwnHost() refuses the names that a stranger can point here", () => {
  for (
    const host of [
      "evil.example",
      "evil.example:7472",
      "10.0.0.1.evil.example",
      "localhost.evil.example",
      "svc.evil.example.",
      "site.example",
      "evilsite.example",
      "",
      ":7472",
      "a b",
      "[::1",
      "::1",
      "user@10.0.0.1",
    ]
  ) assert.equal(isOwnHost(host, OWN), false, host);
});

Deno.test("isOwnHost() takes addresses, names of no public domain, and those that it is told", () => {
  for (
    const host of [
      "10.0.0.1:7472",
      "127.0.0.1",
      "[fd00::1]:7472",
      "[::1]",
      "localhost:7472",
      "node1",
      "node1.local",
      "controller.metallb-system.svc",
      "controller.metallb-system.svc.cluster.local:7472",
      "ip-10-0-0-1.eu-west-1.compute.internal",
      "LB.corp.example.",
      "node1.rack2.site.example",
    ]
  ) assert.equal(isOwnHost(host, OWN), true, host);
  assert.equal(isOwnHost("anything.example", ["*"]), true);
});

Deno.test("searchedNames() takes the domains of the last line that names some", () => {
  assert.deepEqual(searchedNames("nameserver 10.96.0.10\n"), []);
  assert.deepEqual(
    searchedNames(
      "domain old.example\n search  svc.k8s.corp.example k8s.corp.example. .\noptions ndots:5\n",
    ),
    ["*.svc.k8s.corp.example", "*.k8s.corp.example"],
  );
});
