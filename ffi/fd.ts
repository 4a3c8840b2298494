import type { CommonLibc } from "./libc.ts";

/**
 * An open descriptor that has one owner: `using fd = …` closes it once, whatever happens. Its
 * number leaves it only to enter a call. `await using` closes in another thread, for sockets that
 * are slow to close.
 */
export class Fd implements Disposable, AsyncDisposable {
  readonly #libc: CommonLibc;
  #number: number | undefined;

  constructor(libc: CommonLibc, number: number) {
    if (!Number.isInteger(number) || number < 0) throw new RangeError(`No descriptor: ${number}`);
    this.#libc = libc;
    this.#number = number;
  }

  /** For a call. @throws TypeError when it is closed */
  get number(): number {
    if (this.#number === undefined) throw new TypeError("The descriptor is closed");
    return this.#number;
  }

  #release(): number {
    const number = this.number;
    this.#number = undefined;
    return number;
  }

  // Linux has closed the descriptor even when close() fails: it is never called a second time.
  [Symbol.dispose](): void {
    if (this.#number !== undefined) this.#libc.close(this.#release());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#number !== undefined) await this.#libc.closeElsewhere(this.#release());
  }
}
