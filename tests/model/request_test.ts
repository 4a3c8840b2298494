import assert from "node:assert/strict";
import type { AddressRequest } from "../../lib/model/facts.ts";
import { deprecatedAnnotations, readRequest } from "../../lib/model/request.ts";
import { formatIp } from "../../lib/net/ip.ts";

const NEWER = "metallb.io/";
const OLDER = "metallb.universe.tf/";

function requestText(request: AddressRequest): string {
  switch (request.kind) {
    case "none":
      return "none";
    case "addresses":
      return request.ips.map(formatIp).join(" ");
    case "invalid":
      return `${request.event}: ${request.message}`;
  }
}

const REQUESTS: readonly {
  readonly list?: unknown;
  readonly field?: unknown;
  readonly is: string | RegExp;
}[] = [
  { is: "none" },
  { list: "", is: "none" },
  { list: " ", field: "", is: "none" },
  { field: "10.0.0.1", is: "10.0.0.1" },
  { list: "10.0.0.1", is: "10.0.0.1" },
  { list: " 10.0.0.1 , fd00::1 ", is: "10.0.0.1 fd00::1" },
  { list: "fd00:0::0001", is: "fd00::1" },
  { field: "10.0.0.1", list: "10.0.0.2", is: /^LoadBalancerFailed: .* are both set/ },
  { field: "10.0.0.1", list: "10.0.0.1", is: /^LoadBalancerFailed: .* are both set/ },
  { list: "10.0.0.1,,10.0.0.2", is: /empty entry/ },
  { list: "10.0.0.1,fd00::1,10.0.0.2", is: /more than two/ },
  { list: "10.0.0.1,10.0.0.2", is: /two IPv4 addresses \(10\.0\.0\.1, 10\.0\.0\.2\)/ },
  { list: "fd00::1,fd00::1", is: /two IPv6 addresses/ },
  { list: "010.0.0.1", is: /"010\.0\.0\.1", which is no IP address/ },
  { list: "0x0a000001", is: /which is no IP address/ },
  { field: "10.1", is: /^LoadBalancerFailed: spec\.loadBalancerIP holds "10\.1"/ },
  { list: "10.0.0.0/24", is: /which is no IP address/ },
  { list: "fe80::1%eth0", is: /which is no IP address/ },
  { list: "::ffff:10.0.0.1", is: /write it as an IPv4 address/ },
  { field: 167772161, is: /must be a text/ },
];
for (const { list, field, is } of REQUESTS) {
  Deno.test(`readRequest() reads the request ${JSON.stringify({ list, field })}`, () => {
    const annotations = list === undefined ? {} : { [`${NEWER}loadBalancerIPs`]: list };
    const text = requestText(readRequest(annotations, field).addressRequest);
    if (typeof is === "string") assert.equal(text, is);
    else assert.match(text, is);
  });
}

Deno.test("readRequest() lets the newer of two differing annotations win, and warns", () => {
  for (const name of ["address-pool", "allow-shared-ip", "loadBalancerIPs"]) {
    const values = { [NEWER + name]: "10.0.0.1", [OLDER + name]: "10.0.0.2" };
    const facts = readRequest(values, undefined);
    const { sharingKey, poolRequest, addressRequest } = facts;
    assert.ok([sharingKey, poolRequest, requestText(addressRequest)].includes("10.0.0.1"), name);
    assert.equal(facts.warnings.length, 1);
    assert.match(facts.warnings[0] ?? "", new RegExp(`metallb.io/${name} and .* differ`));
  }
});

Deno.test("readRequest() is silent about the old spelling alone, and about equal ones", () => {
  const old = { [`${OLDER}address-pool`]: "p" };
  assert.deepEqual(readRequest(old, undefined).warnings, []);
  assert.equal(readRequest(old, undefined).poolRequest, "p");
  assert.deepEqual(readRequest({ ...old, [`${NEWER}address-pool`]: "p" }, undefined).warnings, []);
});

Deno.test("readRequest() takes an empty sharing key for none, and refuses one of 64 KiB", () => {
  const key = (value: string) => readRequest({ [`${NEWER}allow-shared-ip`]: value }, undefined);
  assert.equal(key("").sharingKey, undefined);
  assert.equal(key("").addressRequest.kind, "none");
  const huge = key("k".repeat(65536));
  assert.equal(huge.sharingKey, undefined);
  assert.match(requestText(huge.addressRequest), /allow-shared-ip has 65536 characters/);
  assert.equal(key("k".repeat(1024)).sharingKey?.length, 1024);
});

Deno.test("readRequest() keeps foreign text in messages short and on one line", () => {
  const list = `a\n${"x".repeat(100_000)}`;
  const facts = readRequest({ [`${NEWER}loadBalancerIPs`]: list }, undefined);
  const text = requestText(facts.addressRequest);
  assert.ok(text.length < 300 && !text.includes("\n"));
});

Deno.test("field d15: readRequest() names the annotation that is meant by a misspelt one", () => {
  const rows: readonly (readonly [written: string, hint: string])[] = [
    [`${OLDER}allow-shared`, `did you mean ${OLDER}allow-shared-ip?`],
    [`${NEWER}addresspool`, `did you mean ${NEWER}address-pool?`],
    [`${NEWER}loadBalancerIP`, `did you mean ${NEWER}loadBalancerIPs?`],
    [
      `${NEWER}colour`,
      `Herald reads ${NEWER}address-pool, ${NEWER}loadBalancerIPs, ${NEWER}allow-shared-ip`,
    ],
  ];
  for (const [written, hint] of rows) {
    const { warnings } = readRequest({ [written]: "x" }, undefined);
    assert.deepEqual(warnings, [`annotation "${written}" has no effect; ${hint}`]);
  }
  const others = { [`${NEWER}ip-allocated-from-pool`]: "p", "example.com/address-pol": "p" };
  assert.deepEqual(readRequest(others, undefined).warnings, []);
  const many = Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`${NEWER}x${at}`, ""]));
  assert.equal(readRequest(many, undefined).warnings.length, 5);
});

Deno.test("deprecatedAnnotations() names those that stand in the old spelling alone", () => {
  const annotations = {
    [`${OLDER}address-pool`]: "p",
    [`${OLDER}allow-shared-ip`]: "k",
    [`${NEWER}allow-shared-ip`]: "k",
    [`${NEWER}loadBalancerIPs`]: "10.0.0.1",
  };
  assert.deepEqual(deprecatedAnnotations(annotations), ["address-pool"]);
  assert.deepEqual(deprecatedAnnotations({}), []);
});
