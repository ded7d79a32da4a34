import { createInterface } from 'node:readline/promises';
import { drawn, painted, type Style } from '../shared/plain.ts';
import { withoutSecrets } from '../shared/secrets.ts';

/** Where a command writes, and whom it asks. */
export interface Terminal {
  /** The answer, each text a line, whatever is in it. */
  out(...lines: string[]): void;
  /** What is not the answer. */
  err(...lines: string[]): void;
  /** Says what is being done, in place of what was said before; nothing where nobody watches. */
  progress(text: string): void;
  /** Coloured, where there is colour. */
  paint(style: Style, text: string): string;
  /** Whether a person says yes. Nobody does where nobody is. */
  confirm(question: string): Promise<boolean>;
  /** Before a new picture of the same. */
  clear(): void;
  sleep(ms: number): Promise<void>;
  /** What is said if a person ends the program from now on (Ctrl-C), before it ends. */
  atInterrupt(...lines: string[]): void;
}

export function standardTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
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
      if (!stderr.isTTY) return;
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
      if (stdout.isTTY) stdout.write('\u001b[H\u001b[2J');
    },
    atInterrupt(...lines) {
      const say = (signal: NodeJS.Signals, number: number) => {
        wipe();
        stderr.write(`\n${written(lines)}`);
        process.removeAllListeners(signal);
        process.exit(128 + number);
      };
      process.once('SIGINT', say).once('SIGTERM', say);
    },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

const written = (lines: string[]) => lines.map((line) => `${drawn(withoutSecrets(line))}\n`).join('');
