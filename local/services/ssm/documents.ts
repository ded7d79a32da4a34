import { createHash } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-ssm';
import type { DocumentFormat } from '@aws-sdk/client-ssm';
import { parse as parseYaml, stringify as toYaml } from 'yaml';
import type { Operations } from '../../wire/api.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import { type Content, parseContent, RUN_SHELL_SCRIPT } from './content.ts';
import type { Document, DocumentVersion } from './records.ts';

export type Ssm = Operations<typeof sdk>;

export type Documents = ReturnType<typeof documents>;

/** Systems Manager has documents of type Command, and the one of AWS's own that everybody knows. */
export function documents(cloud: CloudContext) {
  const common = 'AWS-RunShellScript';
  if (!cloud.documents.has(documentArn(cloud, common))) store(cloud, common, RUN_SHELL_SCRIPT);
  return {
    /** @throws AwsError `InvalidDocument`, `InvalidDocumentVersion` */
    find(name: string, version?: string): { content: Content; version: number } {
      const document = documentOf(cloud, name);
      const number = versionOf(document, version);
      const found = document.versions[number - 1];
      if (!found) throw new AwsError('InvalidDocumentVersion', `The document ${name} has no version ${version}`);
      return { content: found.content, version: number };
    },
    operations: documentOperations(cloud),
  };
}

function documentOperations(cloud: CloudContext) {
  return {
    CreateDocument({ Name, Content, DocumentType = 'Command', DocumentFormat = 'JSON' }) {
      if (!/^[a-zA-Z0-9_\-.]{3,128}$/.test(Name) || /^(aws|amazon|amzn)/i.test(Name))
        throw new AwsError('ValidationException', `the document name '${Name}' is not allowed`);
      if (DocumentType !== 'Command')
        throw new AwsError(
          'InvalidDocumentContent',
          `the cloud in a box has documents of type Command, not ${DocumentType}`,
        );
      if (cloud.documents.has(documentArn(cloud, Name)))
        throw new AwsError('DocumentAlreadyExists', `Document with same name ${Name} already exists`);
      return { DocumentDescription: descriptionOf(store(cloud, Name, Content, DocumentFormat)) };
    },

    /** Makes a new version, which is not the default one until it is made so. */
    UpdateDocument({ Name, Content, DocumentVersion, DocumentFormat = 'JSON' }) {
      const document = ownDocument(cloud, Name);
      const latest = document.versions.at(-1);
      if (DocumentVersion !== '$LATEST' && Number(DocumentVersion ?? 0) !== document.versions.length)
        throw new AwsError('InvalidDocumentVersion', 'The document version is not the latest one: use $LATEST');
      const content = contentOf(Content, DocumentFormat);
      const createdAt = cloud.clock.now();
      if (latest?.text === Content)
        throw new AwsError('DuplicateDocumentContent', `The content of ${Name} is that of its latest version`);
      document.versions.push({ text: Content, format: DocumentFormat, content, createdAt });
      return { DocumentDescription: descriptionOf(document, document.versions.length) };
    },

    UpdateDocumentDefaultVersion({ Name, DocumentVersion }) {
      const document = ownDocument(cloud, Name);
      document.defaultVersion = versionOf(document, DocumentVersion);
      return { Description: { Name, DefaultVersion: DocumentVersion } };
    },

    DescribeDocument({ Name, DocumentVersion }) {
      const document = documentOf(cloud, Name);
      return { Document: descriptionOf(document, versionOf(document, DocumentVersion)) };
    },

    GetDocument({ Name, DocumentVersion, DocumentFormat = 'JSON' }) {
      const document = documentOf(cloud, Name);
      const number = versionOf(document, DocumentVersion);
      const version = document.versions[number - 1];
      return {
        Name: document.name,
        DocumentVersion: String(number),
        Status: 'Active' as const,
        Content: version && textIn(DocumentFormat, version),
        DocumentType: 'Command' as const,
        DocumentFormat,
        ...(version && { CreatedDate: new Date(version.createdAt) }),
      };
    },

    ListDocuments({ Filters = [], DocumentFilterList = [], MaxResults, NextToken }) {
      const filters = [
        ...Filters.map(({ Key: key = '', Values = [] }) => ({ key, values: Values })),
        ...DocumentFilterList.map(({ key, value }) => ({ key: String(key), values: [value] })),
      ];
      const found = [...cloud.documents.values()].filter((document) =>
        filters.every((filter) => passes(document, filter)),
      );
      const { page, ...next } = paginate(found, { MaxResults, NextToken }, { least: 1, greatest: 50 });
      return { DocumentIdentifiers: page.map(identifierOf), ...next };
    },

    DeleteDocument({ Name }) {
      cloud.documents.delete(documentArn(cloud, ownDocument(cloud, Name).name));
      return {};
    },
  } satisfies Ssm;
}

/** A document's ARN names its account, but for AWS's own. */
export const documentArn = ({ region, account }: CloudContext, name: string) =>
  `arn:aws:ssm:${region}:${name.startsWith('AWS-') ? '' : account}:document/${name}`;

function documentOf(cloud: CloudContext, name: string): Document {
  // A document may be named by its ARN.
  const document = cloud.documents.get(documentArn(cloud, name.replace(/^arn:aws:ssm:[^:]*:\d*:document\//, '')));
  if (!document) throw new AwsError('InvalidDocument', `Document with name ${name} does not exist.`);
  return document;
}

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DocumentKeyValuesFilter.html */
function passes({ name, owner }: Document, { key, values }: { key: string; values: string[] }): boolean {
  if (key === 'Name') return values.some((value) => name.startsWith(value));
  if (key === 'Owner')
    return values.some((value) => [owner, owner === 'Amazon' ? 'Public' : 'Self', 'All'].includes(value));
  if (key === 'DocumentType') return values.includes('Command');
  if (key === 'PlatformTypes') return values.includes('Linux');
  throw new AwsError('InvalidFilterKey', `the cloud in a box does not have the filter '${key}'`);
}

function identifierOf(document: Document) {
  const { Name, DocumentVersion, DocumentType, SchemaVersion, PlatformTypes } = descriptionOf(document);
  const version = document.versions[document.defaultVersion - 1];
  return {
    ...{ Name, DocumentVersion, DocumentType, SchemaVersion, PlatformTypes, Owner: document.owner },
    ...(version && { DocumentFormat: version.format as DocumentFormat, CreatedDate: new Date(version.createdAt) }),
  };
}

/** GetDocument gives a document as it was written, if it was in this format. */
function textIn(format: string, { text, format: own }: DocumentVersion): string {
  if (format === own) return text;
  return format === 'YAML' ? toYaml(JSON.parse(text)) : JSON.stringify(parseYaml(text));
}

function ownDocument(cloud: CloudContext, name: string): Document {
  const document = documentOf(cloud, name);
  if (document.owner === 'Amazon') throw new AwsError('AccessDeniedException', `the document ${name} is AWS's own`);
  return document;
}

function store(cloud: CloudContext, name: string, text: string, format = 'JSON'): Document {
  const version = { text, format, content: contentOf(text, format), createdAt: cloud.clock.now() };
  const owner = name.startsWith('AWS-') ? 'Amazon' : cloud.account;
  const document = { name, owner, versions: [version], defaultVersion: 1 };
  cloud.documents.set(documentArn(cloud, name), document);
  return document;
}

function contentOf(text: string, format: string): Content {
  let value: unknown;
  try {
    value = format === 'YAML' ? parseYaml(text) : JSON.parse(text);
  } catch (error) {
    throw new AwsError('InvalidDocumentContent', `the content is not ${format}: ${String(error)}`);
  }
  return parseContent(value);
}

function versionOf(document: Document, version = '$DEFAULT'): number {
  if (version === '$DEFAULT') return document.defaultVersion;
  if (version === '$LATEST') return document.versions.length;
  const number = Number(version);
  if (!document.versions[number - 1])
    throw new AwsError('InvalidDocumentVersion', `The document ${document.name} has no version ${version}`);
  return number;
}

function descriptionOf({ name, versions, defaultVersion }: Document, version = defaultVersion) {
  const found = versions[version - 1];
  return {
    Name: name,
    DocumentVersion: String(version),
    DefaultVersion: String(defaultVersion),
    LatestVersion: String(versions.length),
    Status: 'Active' as const,
    DocumentType: 'Command' as const,
    SchemaVersion: '2.2',
    PlatformTypes: ['Linux' as const],
    HashType: 'Sha256' as const,
    Hash: createHash('sha256')
      .update(found?.text ?? '')
      .digest('hex'),
    ...(found && { CreatedDate: new Date(found.createdAt) }),
  };
}
