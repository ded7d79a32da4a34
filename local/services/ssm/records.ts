import type { Content, Step } from './content.ts';
import type { Ending } from './output.ts';

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

/** A document of type Command. */
export interface Document {
  name: string;
  /** An account, or `Amazon`. */
  owner: string;
  /** The first has number 1. */
  versions: DocumentVersion[];
  defaultVersion: number;
}

export interface DocumentVersion {
  text: string;
  format: string;
  content: Content;
  createdAt: number;
}

export type CommandStatus = 'Pending' | 'InProgress' | 'Success' | 'Cancelled' | 'TimedOut' | 'Failed';

/** A command as it was sent, and what became of it. */
export interface Command {
  id: string;
  /** The account that sent it. */
  owner: string;
  documentName: string;
  documentVersion: string;
  parameters: Record<string, string[]>;
  comment: string;
  steps: Step[];
  requestedAt: number;
  /** For its delivery. */
  timeoutSeconds: number;
  maxConcurrency: number;
  maxErrors: number;
  /** The instances as the caller named them. */
  instanceIds: string[];
  targets: { Key?: string | undefined; Values?: string[] | undefined }[];
  invocations: Invocation[];
  status: CommandStatus;
  details: string;
}

/** A command on one instance. */
export interface Invocation {
  instanceId: string;
  status: CommandStatus;
  details: string;
  results: Result[];
}

/** A step's result. Its code is -1 until it has ended, and if its machine died. */
export interface Result extends Omit<Ending, 'status'> {
  step: string;
  status: Ending['status'] | 'InProgress';
  startedAt: number;
  endedAt?: number;
}

export const ssmRecords = () => ({
  /** Agents that have registered, by instance. */
  agents: new Map<string, Agent>(),
  /** By ARN, as the next. */
  documents: new Map<string, Document>(),
  parameters: new Map<string, Parameter>(),
  commands: new Map<string, Command>(),
});

declare module '../state.ts' {
  interface CloudState extends Readonly<ReturnType<typeof ssmRecords>> {}
}
