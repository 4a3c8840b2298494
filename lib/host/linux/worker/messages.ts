/** What a Worker's thread is asked; a part is named by its number from its begin to its stop. */
export type RequestBody =
  | { readonly kind: "start"; readonly wakeFd: number }
  | { readonly kind: "ping" }
  | { readonly kind: "begin"; readonly part: number; readonly name: string }
  | { readonly kind: "order"; readonly part: number; readonly order: unknown }
  | { readonly kind: "stop"; readonly part: number }
  /** The last one. */
  | { readonly kind: "end" };

/** What the main thread posts: numbered, so that answers find their questions. */
export type ThreadRequest = RequestBody & { readonly number: number };

/** What the thread posts: `goodbye` is the last word of a part, or of all of them. */
export type ThreadReply =
  | { readonly kind: "answer"; readonly number: number; readonly answer?: unknown }
  | { readonly kind: "refused"; readonly number: number; readonly error: string }
  | { readonly kind: "news"; readonly part: number; readonly news: never }
  | { readonly kind: "goodbye"; readonly part?: number; readonly fault?: string };
