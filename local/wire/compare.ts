import { createHash, timingSafeEqual } from 'node:crypto';

/** True if a secret is the one that was given. Takes the same time wherever they differ, and whatever their length. */
export function isSame(given: string, secret: string): boolean {
  const [a, b] = [given, secret].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
