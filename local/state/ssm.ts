export interface Agent {
  instanceId: string;
  registeredAt: number;
  /** It can take a command. */
  up: boolean;
  /** SSM believes that it can. */
  online: boolean;
  /** When it gave its last sign of life, if it is not online. */
  lostAt: number;
}

export interface Parameter {
  name: string;
  value: string;
  type: 'String' | 'StringList' | 'SecureString';
  version: number;
}
