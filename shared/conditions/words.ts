/**
 * A row is a reason: its code, its facts and its words. In a text each fact stands as `{name}`, and what a person can do begins at
 * `|`, behind what joins it to the rest. A function has the facts as its parameter; it gives what to do apart, which `: ` joins then.
 */
export type Table = Readonly<Record<string, string | ((facts: never) => Words)>>;
export type Words = string | { says: string; todo?: string };

/** The reasons of a table, in facts alone: plain values, which JSON keeps. */
export type ReasonOf<T extends Table> = { [Code in keyof T & string]: { code: Code } & FactsOf<T[Code]> }[keyof T &
  string];
type FactsOf<Row> = Row extends `${string}{${infer Name}}${infer Rest}`
  ? { [_ in Name]: string | number } & FactsOf<Rest>
  : Row extends (facts: infer Facts) => Words
    ? Facts
    : unknown;

/** A reason's words: what it says, what to do if there is anything, and what joins the two. */
export function wordsIn(table: Table, reason: { code: string }): { says: string; by: string; todo: string } {
  const row = table[reason.code] as string | ((facts: object) => Words);
  if (typeof row === 'function') {
    const words = row(reason);
    const { says, todo = '' } = typeof words === 'string' ? { says: words } : words;
    return { says, by: todo && ': ', todo };
  }
  const [, says = '', by = '', todo = ''] = /^(.*?)(?:([:;] )\|(.*))?$/.exec(row) ?? [];
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name) => String(Object(reason)[name]));
  return { says: fill(says), by, todo: fill(todo) };
}

export function textIn(table: Table, reason: { code: string }): string {
  const { says, by, todo } = wordsIn(table, reason);
  return says + by + todo;
}
