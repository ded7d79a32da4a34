import { createHash } from 'node:crypto';
import type { _InstanceType, IamInstanceProfileSpecification, TagSpecification } from '@aws-sdk/client-ec2';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { zoneName } from '../zones.ts';
import { describe } from './describe.ts';
import { arnOf, type Ec2, find } from './find.ts';
import { idempotency } from './idempotency.ts';
import { ARCHITECTURE, instanceFilters, STATE_CODES, subnetOf } from './instance-filters.ts';
import { type InterfaceSpec, interfaceSpecsOf, type SpecInput } from './interface-specs.ts';
import { addInterface, defaultGroupOf, interfacesOf, removeInterface, soleInterface } from './interfaces.ts';
import type { Instance, InstanceState } from './records.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

const ROOT_DEVICE = '/dev/xvda';

/** Instances: launch, stop, start, end; and the event of each change of state, of which `onState` is told too. */
export function instances(cloud: CloudContext, onState: (instance: Instance) => void) {
  const once = idempotency<Instance[]>(cloud, 'RunInstances');

  return {
    RunInstances(input) {
      const launched = once(input, () => run(input));
      return { ...reservationShape(launched), ReservationId: launched[0]?.reservationId };
    },

    StartInstances({ InstanceIds }) {
      const all = able(InstanceIds, 'started', ['stopped', 'running', 'pending']);
      return {
        StartingInstances: all.map((instance) =>
          changed(instance, () => {
            if (instance.state === 'stopped') start(instance);
          }),
        ),
      };
    },

    StopInstances({ InstanceIds }) {
      const all = able(InstanceIds, 'stopped', ['running', 'stopping', 'stopped']);
      return {
        StoppingInstances: all.map((instance) =>
          changed(instance, () => {
            if (instance.state !== 'running') return;
            enter(instance, 'stopping');
            cloud.next(instance.id, cloud.delays.instanceStopped, () => enter(instance, 'stopped'));
          }),
        ),
      };
    },

    TerminateInstances({ InstanceIds }) {
      const all = InstanceIds.map((id) => find(cloud.instances, 'instance', id));
      return { TerminatingInstances: all.map((instance) => changed(instance, () => terminate(instance))) };
    },

    DescribeInstances({ InstanceIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.instances, {
        kind: 'instance',
        ids: InstanceIds,
        query,
        by: instanceFilters(cloud),
      });
      const reservations = Map.groupBy(page, ({ reservationId }) => reservationId);
      return { Reservations: [...reservations.values()].map(reservationShape), ...next };
    },

    /** A profile can be given to an instance that runs or is stopped, and has none. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateIamInstanceProfile.html */
    AssociateIamInstanceProfile({ InstanceId, IamInstanceProfile }) {
      const instance = find(cloud.instances, 'instance', InstanceId);
      if (instance.profileArn)
        throw new AwsError('IncorrectState', `There is an existing association for instance ${instance.id}`);
      if (instance.state !== 'running' && instance.state !== 'stopped')
        throw new AwsError(
          'IncorrectInstanceState',
          `The instance ${instance.id} is not in the 'running' or 'stopped' states.`,
        );
      const profileArn = profileArnOf(cloud, IamInstanceProfile);
      instance.profileArn = profileArn;
      return {
        IamInstanceProfileAssociation: {
          AssociationId: cloud.id('iip-assoc'),
          InstanceId,
          IamInstanceProfile: profileShape(profileArn),
          State: 'associating' as const,
        },
      };
    },

    /** Only the attribute that makes a router of an instance. */
    ModifyInstanceAttribute({ InstanceId, SourceDestCheck, ...others }) {
      const instance = find(cloud.instances, 'instance', InstanceId);
      const other = Object.keys(others)[0];
      if (other) throw new AwsError('UnsupportedOperation', `the cloud in a box does not have the attribute ${other}`);
      if (!SourceDestCheck) throw new AwsError('MissingParameter', 'The request must contain one attribute to modify');
      const sole = soleInterface(cloud, instance);
      sole.sourceDestCheck = SourceDestCheck.Value ?? sole.sourceDestCheck;
      return {};
    },
  } satisfies Ec2;

  /** @throws AwsError if one is in none of these states */
  function able(ids: string[], become: string, states: InstanceState[]): Instance[] {
    const all = ids.map((id) => find(cloud.instances, 'instance', id));
    const unable = all.find(({ state }) => !states.includes(state));
    if (!unable) return all;
    throw new AwsError(
      'IncorrectInstanceState',
      `The instance '${unable.id}' is not in a state from which it can be ${become}.`,
    );
  }

  function run({
    ImageId,
    InstanceType = 't3.micro',
    MinCount,
    MaxCount,
    TagSpecifications,
    IamInstanceProfile,
    ...rest
  }: RunInput): Instance[] {
    if (!ImageId) throw new AwsError('MissingParameter', 'The request must contain the parameter ImageId');
    if (cloud.images && !cloud.images.includes(ImageId)) throw noSuchImage(ImageId);
    if (MinCount < 1 || MaxCount < MinCount)
      throw new AwsError('InvalidParameterValue', `Value (${MaxCount}) for parameter maxCount is invalid.`);
    refuseOtherTags(['instance', 'interface'], TagSpecifications);
    const tags = tagsAtCreation('instance', TagSpecifications);
    const cardTags = tagsAtCreation('interface', TagSpecifications);
    const specs = interfaceSpecsOf(cloud, rest);
    if (MaxCount > 1 && specs.some(({ ip }) => ip))
      throw new AwsError('InvalidParameterCombination', 'A private address can be given for a single instance only');
    const profileArn = profileArnOf(cloud, IamInstanceProfile);
    const reservationId = cloud.id('r');
    const launched = Array.from({ length: MaxCount }, () => ({
      ...newInstance(reservationId, ImageId, InstanceType),
      profileArn,
    }));
    try {
      for (const instance of launched) addInterfaces(instance, specs);
    } catch (error) {
      for (const { interfaceIds } of launched) for (const id of interfaceIds) removeInterface(cloud, id);
      throw error;
    }
    for (const instance of launched) {
      cloud.instances.set(instance.id, instance);
      cloud.tags.set(instance.id, new Map(tags));
      for (const id of instance.interfaceIds) cloud.tags.set(id, new Map(cardTags));
      boot(instance);
    }
    return launched;
  }

  function newInstance(reservationId: string, image: string, type: string): Instance {
    const launchedAt = cloud.clock.now();
    return {
      id: cloud.id('i'),
      reservationId,
      image,
      type,
      state: 'pending',
      launchedAt,
      root: { volumeId: cloud.id('vol'), attachedAt: launchedAt },
      restarting: false,
      interfaceIds: [],
    };
  }

  function addInterfaces(instance: Instance, specs: InterfaceSpec[]): void {
    for (const [deviceIndex, { subnet, ip, description }] of specs.entries()) {
      const attachment = { id: cloud.id('eni-attach'), instanceId: instance.id, deviceIndex, at: cloud.clock.now() };
      const added = addInterface(cloud, subnet, {
        type: 'interface',
        ip,
        description,
        sourceDestCheck: true,
        attachment,
      });
      instance.interfaceIds.push(added.id);
    }
  }

  /** "LaunchTime: The time that the instance was last launched." https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html */
  function start(instance: Instance): void {
    instance.launchedAt = cloud.clock.now();
    boot(instance);
  }

  function boot(instance: Instance): void {
    enter(instance, 'pending');
    cloud.next(instance.id, cloud.delays.instanceRunning, () => enter(instance, 'running'));
  }

  function terminate(instance: Instance): void {
    if (instance.state === 'shutting-down' || instance.state === 'terminated') return;
    enter(instance, 'shutting-down');
    cloud.next(instance.id, cloud.delays.instanceTerminated, () => {
      for (const id of instance.interfaceIds) removeInterface(cloud, id);
      instance.interfaceIds = [];
      enter(instance, 'terminated');
      cloud.after(cloud.delays.instanceForgotten, () => {
        cloud.instances.delete(instance.id);
        cloud.tags.delete(instance.id);
      });
    });
  }

  function enter(instance: Instance, state: InstanceState): void {
    cloud.cancel(instance.id);
    instance.state = state;
    cloud.emit({
      source: 'aws.ec2',
      type: 'EC2 Instance State-change Notification',
      resources: [arnOf(cloud, 'instance', instance.id)],
      detail: { 'instance-id': instance.id, state },
    });
    onState(instance);
  }

  function changed(instance: Instance, change: () => void) {
    const PreviousState = stateShape(instance.state);
    change();
    return { InstanceId: instance.id, PreviousState, CurrentState: stateShape(instance.state) };
  }

  function reservationShape(members: Instance[]) {
    return {
      ReservationId: members[0]?.reservationId,
      OwnerId: cloud.account,
      Groups: [],
      Instances: members.map(instanceShape),
    };
  }

  function instanceShape(instance: Instance) {
    const { id, image, type, state, launchedAt, root, profileArn } = instance;
    const interfaces = interfacesOf(cloud, instance);
    const subnet = subnetOf(cloud, instance);
    return {
      InstanceId: id,
      ImageId: image,
      InstanceType: type as _InstanceType,
      State: stateShape(state),
      LaunchTime: new Date(launchedAt),
      Architecture: ARCHITECTURE,
      IamInstanceProfile: profileShape(profileArn),
      RootDeviceType: 'ebs' as const,
      RootDeviceName: ROOT_DEVICE,
      BlockDeviceMappings:
        state === 'terminated'
          ? []
          : [
              {
                DeviceName: ROOT_DEVICE,
                Ebs: {
                  VolumeId: root.volumeId,
                  AttachTime: new Date(root.attachedAt),
                  DeleteOnTermination: true,
                  Status: 'attached' as const,
                },
              },
            ],
      // A terminated instance is still described, but no longer stands anywhere.
      ...(subnet && {
        VpcId: subnet.vpcId,
        SubnetId: subnet.id,
        Placement: { AvailabilityZone: zoneName(cloud, subnet.zone), Tenancy: 'default' as const },
        PrivateIpAddress: interfaces[0]?.ip,
        SourceDestCheck: interfaces[0]?.sourceDestCheck,
      }),
      NetworkInterfaces: interfaces.map((each) => ({
        NetworkInterfaceId: each.id,
        SubnetId: each.subnetId,
        VpcId: find(cloud.subnets, 'subnet', each.subnetId).vpcId,
        Description: each.description,
        PrivateIpAddress: each.ip,
        SourceDestCheck: each.sourceDestCheck,
        Status: 'in-use' as const,
        Groups: subnet && [defaultGroupOf(subnet.vpcId)],
        OwnerId: cloud.account,
        InterfaceType: each.type,
        Attachment: {
          DeviceIndex: each.attachment?.deviceIndex,
          AttachmentId: each.attachment?.id,
          Status: 'attached' as const,
        },
      })),
      SecurityGroups: subnet ? [defaultGroupOf(subnet.vpcId)] : [],
      Tags: tagList(cloud, id),
    };
  }
}

/** A profile is given by its name or its ARN. The box has no IAM to look it up in: any may be named. */
function profileArnOf(cloud: CloudContext, given: IamInstanceProfileSpecification | undefined): string | undefined {
  if (!given?.Arn && !given?.Name) return undefined;
  if (given.Arn && given.Name)
    throw new AwsError(
      'InvalidParameterCombination',
      "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
    );
  return given.Arn ?? `arn:aws:iam::${cloud.account}:instance-profile/${given.Name}`;
}

const profileShape = (Arn: string | undefined) =>
  Arn === undefined
    ? undefined
    : { Arn, Id: `AIPA${createHash('sha256').update(Arn).digest('hex').slice(0, 17).toUpperCase()}` };

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
function noSuchImage(id: string): AwsError {
  return /^ami-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id)
    ? new AwsError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`)
    : new AwsError('InvalidAMIID.Malformed', `Invalid id: "${id}" (expecting "ami-...")`);
}

interface RunInput extends SpecInput {
  ImageId?: string | undefined;
  InstanceType?: string | undefined;
  MinCount: number;
  MaxCount: number;
  TagSpecifications?: TagSpecification[] | undefined;
  IamInstanceProfile?: IamInstanceProfileSpecification | undefined;
}

const stateShape = (state: InstanceState) => ({ Code: STATE_CODES[state], Name: state });
