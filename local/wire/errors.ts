/** An error the service means to answer with. `code` is the one AWS sends on the wire, e.g. `RouteAlreadyExists`, `TargetGroupNotFound`. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
  }
}

/** Thrown by a knob when the connection is to break instead of an answer. Both edges turn it into what a client sees: `ECONNRESET`. */
export class ConnectionLost extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('socket hang up');
    // The name that the SDK's own HTTP handler gives to a reset.
    this.name = 'TimeoutError';
  }
}
