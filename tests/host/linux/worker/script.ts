/** A Worker that answers by its event loop; `onRequest` and `onStart` may do otherwise. */
export function script(onRequest: string, onStart = ""): URL {
  const code = `onmessage = ({ data: port }) => {
    const say = (reply) => postMessage(reply);
    ${onStart}
    port.onmessage = ({ data: { kind, number, order } }) => {
      ${onRequest}
      say({ kind: "answer", number, answer: order });
      if (kind === "end") { say({ kind: "goodbye" }); close(); }
    };
  };`;
  return new URL(`data:application/javascript,${encodeURIComponent(code)}`);
}
