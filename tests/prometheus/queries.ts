import { dashboards } from "../../.ci/dashboards.ts";

/** One query of a dashboard. */
export interface DashboardQuery {
  readonly file: string;
  readonly panel: string;
  /** With a value for each of Grafana's variables. */
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every query of the dashboards, as Prometheus would be asked. */
export function dashboardQueries(): readonly DashboardQuery[] {
  return Object.entries(dashboards()).flatMap(([file, text]) => {
    const { panels } = JSON.parse(text) as { readonly panels: readonly Panel[] };
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ file, panel: title, expr: withValues(expr) }))
    );
  });
}

function withValues(expr: string): string {
  return expr.replaceAll("$__rate_interval", "1m").replaceAll(
    /\$(cluster|namespace|pool)\b/g,
    ".*",
  );
}
