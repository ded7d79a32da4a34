import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import { type Ec2, find } from './find.ts';
import type { Instance, ReplaceRootVolumeTask } from './records.ts';
import { refuseOtherTags } from './tags.ts';

/**
 * Root volumes that are replaced under a running instance: it restarts from the new one, keeps its state, its interfaces and its
 * tags, and only the time of attachment tells. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html
 * @param onRestart is told when an instance goes down to start from its new volume
 */
export function rootVolumes(cloud: CloudContext, onRestart: (instance: Instance) => void) {
  return {
    replace,

    operations: {
      CreateReplaceRootVolumeTask({ InstanceId, ImageId, SnapshotId, VolumeId, TagSpecifications }) {
        if (SnapshotId || VolumeId)
          throw new AwsError('UnsupportedOperation', 'the cloud in a box replaces root volumes from images only');
        refuseOtherTags([], TagSpecifications);
        const instance = find(cloud.instances, 'instance', InstanceId);
        if (instance.state !== 'running')
          throw new AwsError('IncorrectInstanceState', `The instance '${InstanceId}' is not in the 'running' state.`);
        return { ReplaceRootVolumeTask: taskShape(replace(instance, ImageId)) };
      },

      DescribeReplaceRootVolumeTasks({ ReplaceRootVolumeTaskIds, Filters = [], MaxResults, NextToken }) {
        const other = Filters.find(({ Name }) => Name !== 'instance-id');
        if (other) throw new AwsError('InvalidParameterValue', `The filter '${other.Name}' is invalid`);
        const found = [...cloud.replaceRootVolumeTasks.values()].filter(
          ({ id, instanceId }) =>
            (ReplaceRootVolumeTaskIds?.includes(id) ?? true) &&
            Filters.every(({ Values }) => Values?.includes(instanceId)),
        );
        const { page, ...next } = paginate(found, { MaxResults, NextToken }, { least: 1, greatest: 50 });
        return { ReplaceRootVolumeTasks: page.map(taskShape), ...next };
      },
    } satisfies Ec2,
  };

  /**
   * @param image the instance's own, if not given
   * @param then is told whether the instance runs from its new volume
   */
  function replace(
    instance: Instance,
    image?: string,
    then: (done: boolean) => void = () => {},
  ): ReplaceRootVolumeTask {
    const task: ReplaceRootVolumeTask = {
      id: cloud.id('replacevol'),
      instanceId: instance.id,
      image,
      state: 'pending',
      startedAt: cloud.clock.now(),
    };
    cloud.replaceRootVolumeTasks.set(task.id, task);
    const end = (state: 'succeeded' | 'failed') => {
      Object.assign(task, { state, endedAt: cloud.clock.now() });
      then(state === 'succeeded');
    };
    cloud.after(cloud.delays.rootVolumeReplaced, () => {
      if (instance.state !== 'running') return end('failed');
      task.state = 'in-progress';
      instance.root = { volumeId: cloud.id('vol'), attachedAt: cloud.clock.now() };
      instance.image = image ?? instance.image;
      instance.restarting = true;
      onRestart(instance);
      cloud.after(cloud.delays.instanceRestarted, () => {
        instance.restarting = false;
        end('succeeded');
      });
    });
    return task;
  }
}

const taskShape = ({ id, instanceId, image, state, startedAt, endedAt }: ReplaceRootVolumeTask) => ({
  ReplaceRootVolumeTaskId: id,
  InstanceId: instanceId,
  ...(image !== undefined && { ImageId: image }),
  TaskState: state,
  StartTime: new Date(startedAt).toISOString(),
  ...(endedAt !== undefined && { CompleteTime: new Date(endedAt).toISOString() }),
  Tags: [],
});
