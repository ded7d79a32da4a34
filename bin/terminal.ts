import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { withoutSecrets } from '../shared/secrets.ts';

export type Style = Parameters<typeof styleText>[0];

/** Where a command writes, and whom it asks. */
export interface Terminal {
  /** The answer: a line, or several. */
  out(text: string): void;
  /** What is not the answer. */
  err(text: string): void;
  /** Says what is being done, in place of what was said before; nothing where nobody watches. */
  progress(text: string): void;
  /** Coloured, where there is colour. */
  paint(style: Style, text: string): string;
  /** Whether a person says yes. Nobody does where nobody is. */
  confirm(question: string): Promise<boolean>;
  /** Before a new picture of the same. */
  clear(): void;
  sleep(ms: number): Promise<void>;
}

export function standardTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  let hasProgress = false;
  const wipe = () => {
    if (hasProgress) stderr.write('\r\u001b[K');
    hasProgress = false;
  };
  return {
    out(text) {
      wipe();
      stdout.write(`${withoutSecrets(text)}\n`);
    },
    err(text) {
      wipe();
      stderr.write(`${withoutSecrets(text)}\n`);
    },
    progress(text) {
      if (!stderr.isTTY) return;
      wipe();
      stderr.write(text.slice(0, (stderr.columns || 80) - 1));
      hasProgress = true;
    },
    // Honours NO_COLOR and FORCE_COLOR too.
    paint: (style, text) => styleText(style, text, { stream: stdout }),
    async confirm(question) {
      wipe();
      if (!stdin.isTTY) return false;
      const lines = createInterface({ input: stdin, output: stderr });
      // Ctrl-C and Ctrl-D close it, and are no yes.
      const answer = await new Promise<string>((resolve) => {
        lines.once('close', () => resolve(''));
        lines.question(`${question} [y/N] `).then(resolve, () => resolve(''));
      });
      lines.close();
      return /^y(es)?$/i.test(answer.trim());
    },
    clear() {
      if (stdout.isTTY) stdout.write('\u001b[H\u001b[2J');
    },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
