import { AwsError } from '../../wire/errors.ts';

/** For each attribute: its default, and what it may be set to. */
type Attributes = Readonly<Record<string, { value: string; allowed: RegExp | [number, number] }>>;

const FLAG = /^(true|false)$/;
const FAILOVER = /^(rebalance|no_rebalance)$/;

/** A GENEVE target group has these attributes. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/edit-target-group-attributes.html */
export const TARGET_GROUP_ATTRIBUTES: Attributes = {
  'deregistration_delay.timeout_seconds': { value: '300', allowed: [0, 3600] },
  'stickiness.enabled': { value: 'false', allowed: FLAG },
  'stickiness.type': { value: 'source_ip_dest_ip_proto', allowed: /^source_ip_dest_ip(_proto)?$/ },
  'target_failover.on_deregistration': { value: 'no_rebalance', allowed: FAILOVER },
  'target_failover.on_unhealthy': { value: 'no_rebalance', allowed: FAILOVER },
  'send_tcp_reset.on_deregistration.enabled': { value: 'false', allowed: FLAG },
  'send_tcp_reset.on_unhealthy.enabled': { value: 'false', allowed: FLAG },
};

/** A Gateway Load Balancer has these attributes. Cross-zone is off by default, unlike an Application Load Balancer's. */
export const LOAD_BALANCER_ATTRIBUTES: Attributes = {
  'deletion_protection.enabled': { value: 'false', allowed: FLAG },
  'load_balancing.cross_zone.enabled': { value: 'false', allowed: FLAG },
};

export const LISTENER_ATTRIBUTES: Attributes = {
  'tcp.idle_timeout.seconds': { value: '350', allowed: [60, 6000] },
  'send_tcp_reset.on_idle_timeout.enabled': { value: 'false', allowed: FLAG },
};

export function defaultAttributes(known: Attributes): Map<string, string> {
  return new Map(Object.entries(known).map(([key, { value }]) => [key, value]));
}

/** A Modify call leaves the attributes so. @throws AwsError, and nothing is modified */
export function modifiedAttributes(
  known: Attributes,
  current: ReadonlyMap<string, string>,
  changes: { Key?: string | undefined; Value?: string | undefined }[],
): Map<string, string> {
  const next = new Map(current);
  for (const { Key = '', Value = '' } of changes) {
    const allowed = Object.hasOwn(known, Key) ? known[Key]?.allowed : undefined;
    if (!allowed) throw new AwsError('ValidationError', `Attribute key '${Key}' is not recognized`);
    if (!isAllowed(allowed, Value))
      throw new AwsError('ValidationError', `'${Value}' is not a valid value for '${Key}'`);
    next.set(Key, Value);
  }
  if (next.get('target_failover.on_deregistration') !== next.get('target_failover.on_unhealthy'))
    throw new AwsError(
      'InvalidConfigurationRequest',
      "'target_failover.on_deregistration' and 'target_failover.on_unhealthy' must have the same value",
    );
  return next;
}

function isAllowed(allowed: RegExp | [number, number], value: string): boolean {
  if (allowed instanceof RegExp) return allowed.test(value);
  return /^\d+$/.test(value) && Number(value) >= allowed[0] && Number(value) <= allowed[1];
}

export function attributeList(attributes: ReadonlyMap<string, string>) {
  return [...attributes].map(([Key, Value]) => ({ Key, Value }));
}
