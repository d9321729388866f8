/** Tells a person what happens: a line that changes on a terminal, plain lines otherwise. Writes to stderr. */
export class Progress {
  readonly #since = performance.now();
  readonly #live: boolean;
  readonly #quiet: boolean;
  #phase = '';
  #doing = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { quiet: boolean }) {
    this.#quiet = options.quiet;
    this.#live = !options.quiet && process.stderr.isTTY === true;
    if (this.#live) this.#timer = setInterval(() => this.#draw(), 200).unref();
  }

  /** A phase begins. */
  phase(name: string): void {
    if (name === this.#phase) return;
    this.#phase = name;
    this.#line(`── ${name}`);
  }

  /** Somebody does something that takes a moment. */
  doing(who: string, what: string): void {
    this.#doing = `${who}: ${what}`;
    if (this.#live) this.#draw();
  }

  /** Something happened that stays on the screen. */
  done(who: string, what: string): void {
    this.#doing = '';
    this.#line(`   ${who.padEnd(20)} ${what}`);
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#live) process.stderr.write('\r\x1b[K');
  }

  #line(text: string): void {
    if (this.#quiet) return;
    const clock = `${((performance.now() - this.#since) / 1000).toFixed(1).padStart(5)}s`;
    const line = `${clock} ${text}`;
    process.stderr.write(this.#live ? `\r\x1b[K${line.slice(0, this.#width())}\n` : `${line}\n`);
  }

  #draw(): void {
    if (!this.#doing) return;
    const seconds = ((performance.now() - this.#since) / 1000).toFixed(1).padStart(5);
    process.stderr.write(`\r\x1b[K${`${seconds}s    … ${this.#doing}`.slice(0, this.#width())}`);
  }

  #width(): number {
    return Math.max(40, (process.stderr.columns ?? 80) - 1);
  }
}
