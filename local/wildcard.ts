/** A pattern of AWS's as a regular expression: `*` is any text, `?` any character, a backslash takes a character for itself. */
export function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(/\\?[\s\S]/g, (token) => {
    if (token === '*') return '[\\s\\S]*';
    if (token === '?') return '[\\s\\S]';
    return token.slice(-1).replace(/[.*+?^${}()|[\]\\]/, '\\$&');
  });
  return new RegExp(`^${escaped}$`);
}
