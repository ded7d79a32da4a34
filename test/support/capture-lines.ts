import { jest } from '@jest/globals';

/** Standard output and error are taken, and given back line by line, each read as JSON. */
export function captureLines() {
  const text: string[] = [];
  const spies = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((chunk) => text.push(String(chunk)) > 0),
  );
  return {
    raw: () => text.join(''),
    lines: (): Record<string, unknown>[] =>
      text
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    stop: () => spies.forEach((spy) => void spy.mockRestore()),
  };
}
