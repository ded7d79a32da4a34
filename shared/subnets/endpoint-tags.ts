import type { SubnetsConfig } from '../config.ts';
import { aboutId } from '../ref.ts';
import type { SubnetsStep } from './steps.ts';
import { type Endpoint, isLive, type SubnetsWorld } from './world.ts';

/** Endpoints that stay carry the tags that the account demands of all that the stack makes, those too that were made before it did. */
export function planEndpointTags(
  { endpoints }: SubnetsWorld,
  leaving: Endpoint[],
  { tags }: SubnetsConfig,
): SubnetsStep[] {
  // One by one: AWS refuses all of a call for one endpoint that has 50 tags.
  return endpoints.flatMap((endpoint): SubnetsStep[] => {
    const missing = tags.filter(({ Key, Value }) => endpoint.tags.get(Key) !== Value);
    if (!isLive(endpoint) || leaving.includes(endpoint) || missing.length === 0) return [];
    return [{ kind: 'tag-endpoint', endpointId: endpoint.id, tags: missing, about: aboutId(endpoint.id) }];
  });
}
