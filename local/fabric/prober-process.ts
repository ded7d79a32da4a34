import { request as http } from 'node:http';
import { request as https } from 'node:https';
import { connect } from 'node:net';
import type { HealthCheck, ProbeResult } from './fabric.ts';

/** Runs in a load balancer node's namespace, and makes the health checks its parent asks for. */
process.on('message', async ({ id, check }: { id: number; check: HealthCheck }) => {
  process.send?.({ id, result: await probe(check) });
});
process.on('disconnect', () => process.exit());

function probe(check: HealthCheck): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const unhealthy = (reason: 'Target.Timeout' | 'Target.FailedHealthChecks' | 'Target.ResponseCodeMismatch') =>
      finish({ healthy: false, reason });
    const timer = setTimeout(() => unhealthy('Target.Timeout'), check.timeout);
    const attempt = check.protocol === 'TCP' ? connectTo(check) : requestTo(check);
    function finish(result: ProbeResult) {
      clearTimeout(timer);
      attempt.destroy();
      resolve(result);
    }
    attempt.on('error', () => unhealthy('Target.FailedHealthChecks'));
    attempt.on('connected', () => finish({ healthy: true }));
    attempt.on('response', ({ statusCode = 0 }) =>
      matches(statusCode, check.matcher) ? finish({ healthy: true }) : unhealthy('Target.ResponseCodeMismatch'),
    );
  });
}

function connectTo({ ip, port }: HealthCheck) {
  return connect(port, ip, function (this: NodeJS.EventEmitter) {
    this.emit('connected');
  });
}

function requestTo({ protocol, ip, port, path }: HealthCheck) {
  // Load balancers do not validate the certificates of their targets.
  const options = { host: ip, port, path, agent: false, headers: { 'user-agent': 'ELB-HealthChecker/2.0' } };
  return (protocol === 'HTTPS' ? https({ ...options, rejectUnauthorized: false }) : http(options)).end();
}

/** @param matcher as a target group's `HttpCode`: codes and ranges, e.g. `200,301-399` */
function matches(status: number, matcher = '200-399'): boolean {
  return matcher.split(',').some((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return from !== undefined && to !== undefined && status >= from && status <= to;
  });
}
