import { randomUUID } from 'node:crypto';
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/**
 * Characters that move a cursor, begin a command to a terminal, breaks a line, or turns text around (Unicode, `Cc` and
 * `Bidi_Control`): in a name or a tag's value it would forge what others read.
 */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** One line that shows what is in a text, as JSON would escape it: in JSON it stays the same value. */
export const plain = (text: string): string =>
  text.replace(CONTROL, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The same of a text whose line breaks are its own. */
export const plainLines = (text: string): string => text.split('\n').map(plain).join('\n');

/** Stands for the escape character of our own colours. Nobody can have written it into a name. */
const OURS = `\ufdd0${randomUUID()}`;
const OUR_CODE = new RegExp(`${OURS}\\[\\d+m`, 'g');

/** Text in a colour, where `stream` shows colours, to be written by `drawn`. */
export function painted(style: Style, text: string, stream: NodeJS.WriteStream): string {
  const [open = '', close = ''] = styleText(style, '\n', { stream })
    .split('\n')
    .map((code) => code.replaceAll('\u001b', OURS));
  return open + text + close;
}

/** A line as it is written: nothing in it is a command to the terminal but our own colours. */
export const drawn = (line: string): string => plain(line).replaceAll(OURS, '\u001b');

/** Columns that a line takes. */
export const width = (line: string): number => plain(line).replace(OUR_CODE, '').length;
