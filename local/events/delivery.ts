import type { FailureRecord } from '../lambda/invocations.ts';
import type { Lambda } from '../lambda/runtime.ts';
import type { BusOptions, DeadLetter } from './bus.ts';
import type { QueueMessage, Queues } from './queues.ts';

/** A bus delivers its events to functions, if their resource policies let the rule. */
export function toFunctions(lambda: Lambda): BusOptions['deliver'] {
  return async ({ arn }, event, rule) => {
    if (!lambda.has(arn)) return { code: 'NO_RESOURCE', message: `there is no function ${arn}` };
    if (!lambda.mayInvoke(arn, 'events.amazonaws.com', rule.arn)) {
      return { code: 'NO_PERMISSIONS', message: `no permission of the function lets ${rule.arn} invoke it` };
    }
    lambda.invokeAsync(arn, event);
    return undefined;
  };
}

/** Puts what was given up into the queue meant for it, and says so in the log: in AWS few look there. */
export function deadLetters(queues: Queues, onLog: (source: string, line: string) => void) {
  function keep(queueArn: string | undefined, message: QueueMessage): void {
    if (queueArn !== undefined && !queues.send(queueArn, message))
      onLog('sqs', `there is no queue ${queueArn}: a message is lost`);
  }

  return {
    /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html */
    ofRule({ rule, target, event, code, message, retries, exhausted }: DeadLetter): void {
      onLog('events', `gave up ${event['detail-type']} of rule ${rule.name} for ${target.arn}: ${code}, ${message}`);
      keep(target.deadLetterArn, {
        body: JSON.stringify(event),
        attributes: {
          RULE_ARN: rule.arn,
          TARGET_ARN: target.arn,
          ERROR_CODE: code,
          ERROR_MESSAGE: message,
          RETRY_ATTEMPTS: `${retries}`,
          ...(exhausted && { EXHAUSTED_RETRY_CONDITION: exhausted }),
        },
      });
    },

    ofFunction(record: FailureRecord, destinationArn: string | undefined): void {
      const { functionArn, condition } = record.requestContext;
      onLog('lambda', `gave up an event for ${functionArn}: ${condition}`);
      keep(destinationArn, { body: JSON.stringify(record), attributes: {} });
    },
  };
}
