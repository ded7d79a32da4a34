import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import type { LogAttributes } from '@aws-lambda-powertools/logger/types';
import { advice } from './aws/advice.ts';
import { requestIdOf } from './aws/calls.ts';
import { withoutSecrets } from './secrets.ts';

type Unformatted = Parameters<LogFormatter['formatAttributes']>[0];

/** The sentence first, so that it can be read where lines are cut; no field that nobody reads. */
class SentenceFirst extends LogFormatter {
  readonly #version: string;

  constructor(version: string) {
    super();
    this.#version = version;
  }

  override formatAttributes(
    { message, logLevel, timestamp, serviceName }: Unformatted,
    fields: LogAttributes,
  ): LogItem {
    return new LogItem({
      attributes: {
        message,
        level: logLevel,
        timestamp: timestamp.toISOString(),
        service: serviceName,
        version: this.#version,
        ...fields,
      },
    });
  }
}

/** A log whose every line is one JSON object without secrets. */
export function createLog(serviceName: string, version: string): Logger {
  const jsonReplacerFn = (_key: string, value: unknown) => (typeof value === 'string' ? withoutSecrets(value) : value);
  return new Logger({ serviceName, logFormatter: new SentenceFirst(version), jsonReplacerFn });
}

/** An error of AWS is logged with what it usually means here and what to do, any other with where it was thrown. */
export function errorFields(error: unknown): LogAttributes {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name: code, message, stack } = error;
  const known = advice(error);
  const requestId = requestIdOf(error);
  return { code, message, ...known, ...(requestId ? { requestId } : !known && { stack }) };
}
