import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import type { LogAttributes } from '@aws-lambda-powertools/logger/types';
import { advice } from './aws/advice.ts';
import { requestIdOf } from './aws/calls.ts';
import { withoutSecrets } from './secrets.ts';

type Unformatted = Parameters<LogFormatter['formatAttributes']>[0];

/** A log whose every line is one JSON object without secrets: the sentence first, so that it can be read where lines are cut, and no field that nobody reads. */
export function createLog(serviceName: string, version: string): Logger {
  class SentenceFirst extends LogFormatter {
    override formatAttributes(
      { message, logLevel: level, timestamp, serviceName: service }: Unformatted,
      fields: LogAttributes,
    ): LogItem {
      const attributes = { message, level, timestamp: timestamp.toISOString(), service, version, ...fields };
      return new LogItem({ attributes });
    }
  }
  const jsonReplacerFn = (_key: string, value: unknown) => (typeof value === 'string' ? withoutSecrets(value) : value);
  return new Logger({ serviceName, logFormatter: new SentenceFirst(), jsonReplacerFn });
}

/** An error of AWS is logged with what it usually means here and what to do, any other with where it was thrown. */
export function errorFields(error: unknown): LogAttributes {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name: code, message, stack } = error;
  const known = advice(error);
  const requestId = requestIdOf(error);
  return { code, message, ...known, ...(requestId ? { requestId } : !known && { stack }) };
}
