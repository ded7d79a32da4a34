import type { LaunchTemplate } from '../../state/ec2.ts';
import { AwsError } from '../../wire/errors.ts';
import type { World } from '../world.ts';
import { describe } from './describe.ts';
import { type Ec2, find } from './find.ts';
import { tagList, tagsAtCreation } from './tags.ts';

/** Launch templates, each with its first version only. */
export function launchTemplates(world: World) {
  return {
    CreateLaunchTemplate({ LaunchTemplateName, LaunchTemplateData, TagSpecifications }) {
      if ([...world.launchTemplates.values()].some(({ name }) => name === LaunchTemplateName))
        throw new AwsError('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.');
      const template = {
        id: world.id('lt'),
        name: LaunchTemplateName,
        createdAt: world.clock.now(),
        data: LaunchTemplateData,
      };
      world.launchTemplates.set(template.id, template);
      world.tags.set(template.id, tagsAtCreation('launchTemplate', TagSpecifications));
      return { LaunchTemplate: templateShape(template) };
    },

    DeleteLaunchTemplate({ LaunchTemplateId, LaunchTemplateName }) {
      const template = templateOf(world, { LaunchTemplateId, LaunchTemplateName });
      world.launchTemplates.delete(template.id);
      world.tags.delete(template.id);
      return { LaunchTemplate: templateShape(template) };
    },

    DescribeLaunchTemplates({ LaunchTemplateIds, ...query }) {
      const { page, ...next } = describe(world, world.launchTemplates, {
        kind: 'launchTemplate',
        ids: LaunchTemplateIds,
        query,
        by: { 'launch-template-name': ({ name }) => name },
        maxResults: 200,
      });
      return { LaunchTemplates: page.map(templateShape), ...next };
    },
  } satisfies Ec2;

  function templateShape({ id, name, createdAt }: LaunchTemplate) {
    return {
      LaunchTemplateId: id,
      LaunchTemplateName: name,
      CreateTime: new Date(createdAt),
      CreatedBy: `arn:aws:iam::${world.account}:root`,
      DefaultVersionNumber: 1,
      LatestVersionNumber: 1,
      Tags: tagList(world, id),
    };
  }
}

/** @throws AwsError if there is none of this id or name */
export function templateOf(
  world: World,
  by: { LaunchTemplateId?: string | undefined; LaunchTemplateName?: string | undefined },
): LaunchTemplate {
  const id =
    by.LaunchTemplateId ?? [...world.launchTemplates.values()].find(({ name }) => name === by.LaunchTemplateName)?.id;
  if (id === undefined)
    throw new AwsError(
      'InvalidLaunchTemplateName.NotFoundException',
      `The specified launch template, with template name ${by.LaunchTemplateName}, does not exist.`,
    );
  return find(world.launchTemplates, 'launchTemplate', id);
}
