// deno-lint-ignore-file no-console -- a program that others read
// Writes an EndpointSlice again and again and tells when the API server had answered: a JSON line
// with the wall clock for each. usage: slice_flapper.ts KUBECONFIG SERVER COUNT PAUSE_MS < SLICES
// Standard input is a JSON list of two slices: the one with a ready endpoint, the one without.
const [kubeconfig = "", server = "", count = "1", pauseMs = "100"] = Deno.args;
const text = await Deno.readTextFile(kubeconfig);
const token = /"?token"?: ?"?([^"\s,}]+)/.exec(text)?.[1] ?? "";
const data = /certificate-authority-data"?: ?"?([^"\s,}]+)/.exec(text)?.[1];
const file = /certificate-authority"?: ?"?([^"\s,}]+)/.exec(text)?.[1];
const ca = data === undefined ? await Deno.readTextFile(file ?? "") : atob(data);
const client = Deno.createHttpClient({ caCerts: [ca] });
const [ready, lost] = JSON.parse(await new Response(Deno.stdin.readable).text());
const path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

async function put(slice: unknown): Promise<void> {
  const answer = await fetch(`${server}${path}/web-1`, {
    client,
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(slice),
  });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${body}`);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
for (let flap = 0; flap < Number(count); flap++) {
  await put(lost);
  console.log(JSON.stringify({ atMs: performance.timeOrigin + performance.now() }));
  await pause();
  await put(ready);
  await pause();
}
