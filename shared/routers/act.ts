import { CompleteLifecycleActionCommand, RecordLifecycleActionHeartbeatCommand } from '@aws-sdk/client-auto-scaling';
import { ModifyNetworkInterfaceAttributeCommand } from '@aws-sdk/client-ec2';
import { DeregisterTargetsCommand, RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { SendCommandCommand } from '@aws-sdk/client-ssm';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { absorb, code } from '../aws/errors.ts';
import { setTag, unsetTag } from '../aws/tags.ts';
import type { RoutersConfig } from '../config.ts';
import { formatNote } from '../note.ts';
import type { Seal } from '../seal.ts';
import type { Reads } from './observe.ts';
import { DELIVERY_TIMEOUT, type Installation, type RoutersStep } from './steps.ts';

export interface RoutersClients extends Reads {
  s3: S3Client;
}

/** Long enough for an agent that is late, short enough that a leaked link is soon worthless. Seconds. */
const LINK_LIFE = 3600;

/** Does one step. Rejects with AWS's own error; where AWS answers that it was done already, that is success. */
export async function act(
  clients: RoutersClients,
  config: RoutersConfig,
  { sign }: Pick<Seal, 'sign'>,
  step: RoutersStep,
): Promise<unknown> {
  const { ec2, elb, autoScaling } = clients;
  const note = (instanceId: string, key: string, text: string) =>
    setTag(ec2, [instanceId], key, sign(instanceId, key, text));
  switch (step.kind) {
    case 'source-dest-check-off':
    case 'source-dest-check-on':
      return ec2.send(
        new ModifyNetworkInterfaceAttributeCommand({
          NetworkInterfaceId: step.interfaceId,
          SourceDestCheck: { Value: step.kind === 'source-dest-check-on' },
        }),
      );
    case 'note-check':
      return note(step.instanceId, config.checkKey, step.interfaceIds.join(' '));
    case 'forget-check':
      return unsetTag(ec2, [step.instanceId], config.checkKey);
    case 'seal-note':
      return note(step.instanceId, step.key, step.text);
    case 'install':
      return install(clients, config, step);
    case 'register':
      return together(step.instanceIds, 'InvalidTargetException', (ids) =>
        elb.send(new RegisterTargetsCommand({ TargetGroupArn: config.targetGroupArn, Targets: targets(ids) })),
      );
    case 'deregister':
      return elb.send(
        new DeregisterTargetsCommand({ TargetGroupArn: config.targetGroupArn, Targets: targets(step.instanceIds) }),
      );
    case 'heartbeat':
      // Its time may have run out just now: the next look will see what became of the instance.
      return absorb(autoScaling.send(new RecordLifecycleActionHeartbeatCommand(actionOf(step))), 'ValidationError');
    case 'end-hook':
      return absorb(
        autoScaling.send(new CompleteLifecycleActionCommand({ ...actionOf(step), LifecycleActionResult: step.result })),
        'ValidationError',
      );
    case 'note-diverter':
      return note(step.instanceId, config.diverterKey, formatNote({ text: step.fingerprint, at: step.at }));
    case 'note-warning':
      return note(step.instanceId, config.leavingKey, formatNote(step));
    case 'note-unhealthy':
      return note(step.instanceId, config.unhealthyKey, formatNote(step));
    case 'forget-unhealthy':
      return unsetTag(ec2, [step.instanceId], config.unhealthyKey);
    case 'claim-range':
      return note(step.instanceId, config.rangeKey, step.range);
    case 'release-range':
      return unsetTag(ec2, [step.instanceId], config.rangeKey);
  }
}

async function install({ s3, ssm }: RoutersClients, config: RoutersConfig, step: Installation): Promise<void> {
  const { sha256, why } = step;
  const object = new GetObjectCommand({ Bucket: config.bucket, Key: `${config.prefix}/${sha256}` });
  const parameters = {
    Diverter: config.diverter,
    Url: sha256 && (await getSignedUrl(s3, object, { expiresIn: LINK_LIFE })),
    Sha256: sha256,
    Addresses: step.instances.map(({ address }) => address).join(' '),
    Sources: step.sources.join(' '),
    Reply: config.reply,
    TuneRouter: String(config.tuneRouter),
    Range: step.range ?? '',
    Resolver: step.range ? (config.dns?.resolver ?? '') : '',
    HealthPort: config.healthPort,
    HealthOptions: config.healthOptions,
    RegistrationKey: config.registrationKey,
  };
  const command = {
    DocumentName: config.document,
    // CloudFormation says that it makes a new version the default one, and has been seen not to: its parameters may be others.
    // https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2539
    DocumentVersion: '$LATEST',
    Comment: `${step.fingerprint} ${why}`,
    TimeoutSeconds: DELIVERY_TIMEOUT,
    // How many get an upgrade at once, and when it stops, is the plan's.
    MaxErrors: '100%',
    Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
  };
  await together(
    step.instances.map(({ id }) => id),
    'InvalidInstanceId',
    (InstanceIds) => ssm.send(new SendCommandCommand({ ...command, InstanceIds })),
  );
}

/** One call for all. Refused as a whole for one of them, which AWS does not name, it is made again for each alone. */
async function together(ids: string[], refusal: string, call: (ids: string[]) => Promise<unknown>): Promise<void> {
  try {
    await call(ids);
  } catch (error) {
    if (ids.length === 1 || code(error) !== refusal) throw error;
    const results = await Promise.allSettled(ids.map((id) => call([id])));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

const targets = (ids: string[]) => ids.map((Id) => ({ Id }));

const actionOf = ({ group, hook, instanceId }: { group: string; hook: string; instanceId: string }) => ({
  AutoScalingGroupName: group,
  LifecycleHookName: hook,
  InstanceId: instanceId,
});
