/** What is sent back. */
export interface Answer {
  readonly status: number;
  /** `content-type`. */
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Header lines of this answer alone; one for each of several values. */
  readonly fields?: AnswerFields;
}

type AnswerFields = Readonly<Record<string, string | readonly string[]>>;

const TEXT = "text/plain; charset=utf-8";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** The pages are for who asked: never in another site's frame, never kept, without a script. */
const ALWAYS = [
  "cache-control: no-store",
  "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "cross-origin-resource-policy: same-origin",
  "referrer-policy: no-referrer",
  "x-content-type-options: nosniff",
  "x-frame-options: DENY",
].join("\r\n");

const ENCODER = new TextEncoder();

/** An answer of plain text. */
export function textAnswer(
  status: number,
  text: string,
  fields?: AnswerFields,
): Answer {
  return { status, type: TEXT, body: ENCODER.encode(text), fields };
}

/** Status line and headers, with the empty line. `date` is as HTTP writes it. */
export function encodeHead(
  { body, fields = {}, status, type }: Answer,
  { date, keepAlive }: { readonly date: string; readonly keepAlive: boolean },
): Uint8Array<ArrayBuffer> {
  const own = Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`)
  ).join("");
  return ENCODER.encode(
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}\r\ndate: ${date}\r\n` +
      `content-type: ${type}\r\ncontent-length: ${body.length}\r\n${own}` +
      `connection: ${keepAlive ? "keep-alive" : "close"}\r\n${ALWAYS}\r\n\r\n`,
  );
}
