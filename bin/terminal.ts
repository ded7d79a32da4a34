import { createInterface } from 'node:readline/promises';
import { drawn, painted, type Style } from '../shared/plain.ts';
import { withoutSecrets } from '../shared/secrets.ts';

/** Where a command writes, and whom it asks. */
export interface Terminal {
  /** The answer, each text a line, whatever is in it. */
  out(...lines: string[]): void;
  /** Writes what is not the answer. */
  err(...lines: string[]): void;
  /** Says what is being done, in place of what was said before; nothing where nobody watches. */
  progress(text: string): void;
  /** Coloured, where there is colour. */
  paint(style: Style, text: string): string;
  /** A person says yes, or not. Nobody does where nobody is. */
  confirm(question: string): Promise<boolean>;
  /** Before a new picture of the same. */
  clear(): void;
  /** So many has a line; undefined where nobody watches, or it is not known. */
  columns?: number | undefined;
  sleep(ms: number): Promise<void>;
  /** Lines to say if a person ends the program from now on (Ctrl-C), before it ends. */
  atInterrupt(...lines: string[]): void;
}

/** Signals that end a program from outside. Its exit code is then, by a shell's rule, 128 and the signal's number. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** The locale says that there is nothing but ASCII. Unset, it says nothing. */
const isAscii = ({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean =>
  /^(C|POSIX)$/.test(LC_ALL || LC_CTYPE || LANG || '');

export function standardTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  const written = isAscii(process.env) ? (lines: string[]) => ascii(text(lines)) : text;
  /** Nothing that moves, where a terminal says that it cannot. */
  const moves = process.env.TERM !== 'dumb';
  let hasProgress = false;
  const wipe = () => {
    if (hasProgress) stderr.write('\r\u001b[K');
    hasProgress = false;
  };
  return {
    out(...lines) {
      wipe();
      stdout.write(written(lines));
    },
    err(...lines) {
      wipe();
      stderr.write(written(lines));
    },
    progress(text) {
      if (!stderr.isTTY || !moves) return;
      wipe();
      stderr.write(drawn(text).slice(0, (stderr.columns || 80) - 1));
      hasProgress = true;
    },
    // Honours NO_COLOR and FORCE_COLOR too.
    paint: (style, text) => painted(style, text, stdout),
    async confirm(question) {
      wipe();
      if (!stdin.isTTY) return false;
      const lines = createInterface({ input: stdin, output: stderr });
      // Ctrl-C and Ctrl-D close it, and are no yes.
      const answer = await new Promise<string>((resolve) => {
        lines.once('close', () => resolve(''));
        lines.question(`${drawn(question)} [y/N] `).then(resolve, () => resolve(''));
      });
      lines.close();
      return /^y(es)?$/i.test(answer.trim());
    },
    clear() {
      if (stdout.isTTY && moves) stdout.write('\u001b[H\u001b[2J');
    },
    atInterrupt(...lines) {
      for (const [signal, number] of Object.entries(SIGNALS)) {
        process.removeAllListeners(signal);
        process.once(signal, () => {
          wipe();
          stderr.write(`\n${written(lines)}`);
          process.exit(128 + number);
        });
      }
    },
    // A terminal that does not know its size says 0.
    get columns() {
      return (stdout.isTTY && stdout.columns) || undefined;
    },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

const text = (lines: string[]) => lines.map((line) => `${drawn(withoutSecrets(line))}\n`).join('');

/** A line in ASCII: other characters are escaped as JSON would. */
const ascii = (line: string) =>
  line.replace(/[^\0-\x7f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
