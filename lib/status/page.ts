import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { inForceText } from "./in_force.ts";
import { ADDRESSES, type Column, PEERS, POOLS, SERVICES } from "./tables.ts";
import { conflictTexts, interfacesText, leadText, unknownText } from "./text.ts";
import type { ProcessStatus } from "./types.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Of each table on one page: nobody reads ten thousand, and they take the event loop's time. */
const ROWS = 200;

/** How many pages the longest of the tables fills. */
export function pagesOf({ controller, speaker }: ProcessStatus): number {
  const longest = Math.max(controller?.services.length ?? 0, speaker?.addresses.length ?? 0);
  return Math.max(1, Math.ceil(longest / ROWS));
}

/**
 * `/`: the status for people, without scripts; it reloads itself every five seconds. `page` counts
 * from 1.
 */
export function statusPage(whole: ProcessStatus, page = 1): Html {
  const status = partOf(whole, page);
  const inForce = inForceText(status.config.inForce);
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
        ${status.unhealthy.map((problem) =>
          html`
            <p class="bad">Unhealthy: ${problem}</p>
          `
        )}
        <p>
          Objects from <code>${status.objects}</code>, configuration ${status.config.state} from
          <code>${status.config.source}</code>${status.config.reason
            ? html`
              , <span class="bad">${status.config.reason}</span>
            `
            : ""}${inForce === undefined ? "" : `; ${inForce}`}.
        </p>
        ${controllerSection(status)}${speakerSection(status)}${pager(page, pagesOf(whole))}
        <p>
          herald ${status.version}, process ${status.pid}, since ${status.startedAt}.
          <a href="/metrics">metrics</a> <a href="/status">status</a>
        </p>
      </body>
    </html>
  `;
}

/** The rows of one page, for each table that may be long. */
function partOf(whole: ProcessStatus, page: number): ProcessStatus {
  const { controller, speaker } = whole;
  const cut = <Row>(rows: readonly Row[]) => rows.slice((page - 1) * ROWS, page * ROWS);
  return {
    ...whole,
    controller: controller && { ...controller, services: cut(controller.services) },
    speaker: speaker && { ...speaker, addresses: cut(speaker.addresses) },
  };
}

function pager(page: number, pages: number): Html | "" {
  if (pages === 1) return "";
  const link = (to: number, text: string) =>
    to < 1 || to > pages ? "" : html`
      <a href="/?page=${to}">${text}</a>
    `;
  return html`
    <p>Page ${page} of ${pages}, ${ROWS} rows each. ${link(page - 1, "previous")} ${link(
      page + 1,
      "next",
    )}</p>
  `;
}

function controllerSection({ controller }: ProcessStatus): Html | "" {
  if (controller === undefined) return "";
  const lead = controller.lead && html`
    <p>Leader: ${leadText(controller.lead)}</p>
  `;
  if (controller.unknown !== undefined) {
    return html`
      ${lead ?? ""}
      <p>${unknownText(controller.unknown)}</p>
    `;
  }
  return html`
    ${lead ?? ""}<h2>Pools</h2>${table(POOLS.page, controller.pools)}<h2>Services</h2>${table(
      SERVICES.page,
      controller.services,
    )}
  `;
}

function speakerSection({ speaker }: ProcessStatus): Html | "" {
  if (speaker === undefined) return "";
  return html`
    ${(speaker.concerns ?? []).map((concern) =>
      html`
        <p>Warning: ${concern}</p>
      `
    )}${conflictTexts(speaker).map((conflict) =>
      html`
        <p class="bad">Conflict: ${conflict}</p>
      `
    )}
    <h2>Addresses, as ${speaker.node} sees them</h2>
    ${speaker.unknown === undefined ? "" : html`
      <p>${unknownText(speaker.unknown)}</p>
    `}${table(ADDRESSES.page, speaker.addresses)}
    <p>Answers on ${interfacesText(speaker)}</p>
    ${speaker.peers?.length
      ? html`
        <h2>BGP peers</h2>
        ${table(PEERS.page, speaker.peers)}
      `
      : ""}
  `;
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Html {
  return html`
    <table>
      <tr>
        ${columns.map(({ head }) =>
          html`
            <th>${head}</th>
          `
        )}
      </tr>
      ${rows.map((row) =>
        html`
          <tr>
            ${columns.map(({ cell }) =>
              html`
                <td>${cell(row)}</td>
              `
            )}
          </tr>
        `
      )}
    </table>
  `;
}
