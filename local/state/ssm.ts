export interface Agent {
  instanceId: string;
  registeredAt: number;
  /** It has pinged since then, every five minutes. */
  startedAt: number;
  /** It went down then, and takes no command; undefined while it is up. */
  downAt: number | undefined;
  /** SSM believes that it can take one. */
  online: boolean;
}

export interface Parameter {
  name: string;
  value: string;
  type: 'String' | 'StringList' | 'SecureString';
  version: number;
}
