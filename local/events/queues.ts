/** An SQS message, for as long as nobody takes it. */
export interface QueueMessage {
  body: string;
  attributes: Record<string, string>;
}

/** SQS's queues, as far as they receive what was given up: they are known by ARN. */
export interface Queues {
  create(arn: string): void;
  remove(arn: string): void;
  /** False if there is no such queue. */
  send(arn: string, message: QueueMessage): boolean;
  /** Takes a message out. Nothing if it is not there any more. */
  take(arn: string, message: QueueMessage): void;
  /** Messages of each queue, the oldest first. */
  contents(): Record<string, readonly QueueMessage[]>;
}

export function createQueues(): Queues {
  const queues = new Map<string, QueueMessage[]>();
  return {
    create(arn) {
      if (queues.has(arn)) throw new Error(`QueueNameExists: A queue already exists: ${arn}`);
      queues.set(arn, []);
    },
    remove(arn) {
      queues.delete(arn);
    },
    send(arn, message) {
      const queue = queues.get(arn);
      queue?.push(message);
      return queue !== undefined;
    },
    take(arn, message) {
      const queue = queues.get(arn) ?? [];
      const at = queue.indexOf(message);
      if (at >= 0) queue.splice(at, 1);
    },
    contents: () => Object.fromEntries(queues),
  };
}
