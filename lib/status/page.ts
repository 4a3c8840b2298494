import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { leadText } from "./text.ts";
import type { PeerStatus, ProcessStatus } from "./types.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** `/`: the status for people, without scripts; it reloads itself every five seconds. */
export function statusPage(status: ProcessStatus): Html {
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="refresh" content="5">
        <title>Herald ${status.role}</title>
        <style>
        body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd}
        .bad{color:#b00020}.good{color:#00695c}code{font-size:.95em}
        </style>
      </head>
      <body>
        <h1>Herald ${status.role}</h1>
        <p class="${status.ready ? "good" : "bad"}">${status.ready
          ? "Ready"
          : `Not ready: ${status.notReady.join("; ")}`}</p>
        <p>
          Objects from <code>${status.objects}</code>, configuration ${status.config.state} from
          <code>${status.config.source}</code>${status.config.reason
            ? html`
              , <span class="bad">${status.config.reason}</span>
            `
            : ""}.
        </p>
        ${controllerSection(status)}${speakerSection(status)}
        <p>
          herald ${status.version}, process ${status.pid}, since ${status.startedAt}.
          <a href="/metrics">metrics</a> <a href="/status">status</a>
        </p>
      </body>
    </html>
  `;
}

function controllerSection({ controller }: ProcessStatus): Html | "" {
  if (controller === undefined) return "";
  const lead = controller.lead && html`
    <p>Leader: ${leadText(controller.lead)}</p>
  `;
  return html`
    ${lead ?? ""}<h2>Pools</h2><table>
      <tr>
        <th>Pool</th>
        <th>Protocol</th>
        <th>In use</th>
        <th>Addresses</th>
      </tr>
      ${controller.pools.map((pool) =>
        html`
          <tr>
            <td>${pool.name}</td>
            <td>${pool.protocol}</td>
            <td>${pool.inUse}</td>
            <td>${pool.addresses}</td>
          </tr>
        `
      )}
    </table><h2>Services</h2><table>
      <tr>
        <th>Service</th>
        <th>Addresses</th>
        <th>Pool</th>
      </tr>
      ${controller.services.map((service) =>
        html`
          <tr>
            <td>${service.service}</td>
            <td>${service.ips.join(", ") || service.reason || "none"}</td>
            <td>${service.pool ?? ""}</td>
          </tr>
        `
      )}
    </table>
  `;
}

function speakerSection({ speaker }: ProcessStatus): Html | "" {
  if (speaker === undefined) return "";
  return html`
    <h2>Addresses, as ${speaker.node} sees them</h2>
    <table>
      <tr>
        <th>Address</th>
        <th>Services</th>
        <th>Owner</th>
        <th>Here</th>
      </tr>
      ${speaker.addresses.map((address) =>
        html`
          <tr>
            <td>${address.ip}</td>
            <td>${address.services.join(", ")}</td>
            <td>${address.owner ?? (address.protocol === "bgp" ? "by BGP" : "nobody")}</td>
            <td>
              ${address.announcing
                ? address.routes?.length ? address.routes.join("; ") : "answers"
                : address.reason}
            </td>
          </tr>
        `
      )}
    </table><p>Interfaces: ${speaker.interfaces.map(({ name, mac }) => `${name} ${mac}`).join(
      ", ",
    ) || "none"}</p>${peersSection(speaker.peers ?? [])}
  `;
}

function peersSection(peers: readonly PeerStatus[]): Html | "" {
  if (peers.length === 0) return "";
  return html`
    <h2>BGP peers</h2>
    <table>
      <tr>
        <th>Peer</th>
        <th>AS</th>
        <th>State</th>
        <th>Prefixes told</th>
        <th>BFD</th>
        <th>Last error</th>
      </tr>
      ${peers.map((peer) =>
        html`
          <tr>
            <td>${peer.peer}</td>
            <td>${peer.asn}</td>
            <td>${peer.state}</td>
            <td>${peer.prefixesSent}</td>
            <td>${peer.bfd ?? "off"}</td>
            <td>${peer.state === "Established" ? "" : peer.lastError ?? ""}</td>
          </tr>
        `
      )}
    </table>
  `;
}
