import * as z from 'zod';
import { renderDetail } from './detail.ts';
import type { View } from './frame.ts';
import type { Topology } from './model.ts';
import { render } from './render.ts';

/** The console may come to say other things of itself: what is not understood of it is as if it were not there. */
const widgetContext = z.object({
  theme: z.enum(['light', 'dark']).catch('light'),
  width: z.number().positive().catch(1200),
  height: z.number().positive().catch(800),
  timeRange: z.object({ start: z.int().positive(), end: z.int().positive() }).optional().catch(undefined),
});

const request = z.object({
  describe: z.boolean().default(false),
  /** Id of what a click on a name asks for. */
  subject: z.stringFormat('id', /^[a-z]+-[0-9a-z]{1,32}$/).optional(),
  widgetContext: widgetContext.catch(widgetContext.parse({})),
});

/**
 * Answers a CloudWatch dashboard as a custom widget's function does: with HTML, or with Markdown about itself.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
 * @param look what is to be shown; asked for only if something is
 * @throws Error that names what is wrong with the event, for anyone may have written it
 */
export async function answer(event: unknown, functionArn: string, look: () => Promise<Topology>): Promise<string> {
  const { data, error } = request.safeParse(event);
  if (error) throw new Error(`This is no call of a dashboard. ${z.prettifyError(error)}`);
  if (data.describe) return description(functionArn);
  const view: View = { ...data.widgetContext, functionArn };
  const shown = await look();
  return data.subject === undefined ? render(shown, view) : renderDetail(shown, data.subject, view);
}

const description = (functionArn: string) => `## ziti-glb: the picture

Subnets and their endpoints, the Gateway Load Balancer and the routers behind it, zone by zone: how each stands, where
packets pass, and why anything is not ready. A click on a name tells more, and leads to its log lines. It changes nothing.

It takes no parameters. As a widget of a dashboard:

\`\`\`json
${JSON.stringify(
  {
    type: 'custom',
    width: 24,
    height: 12,
    properties: {
      endpoint: functionArn,
      title: 'ziti-glb',
      updateOn: { refresh: true, resize: true, timeRange: true },
    },
  },
  null,
  2,
)}
\`\`\`
`;
