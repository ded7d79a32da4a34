export interface Agent {
  instanceId: string;
  registeredAt: number;
  /** Whether it can take a command. */
  up: boolean;
  /** Whether SSM believes so. */
  online: boolean;
  /** When it gave its last sign of life, if it is not online. */
  lostAt: number;
}
