import { randomBytes } from 'node:crypto';
import type { LogOutcome, LogRecord, Store } from '../store/store.ts';
import { DocumentRefused, isDataStream, readLogDocument } from './log-document.ts';

/** The whole request is refused, with Elasticsearch's words. */
export class BulkMalformed extends Error {
  override readonly name = 'BulkMalformed';
}

/** Elasticsearch's limit of `_id`. */
const MAX_ID_BYTES = 512;

interface BulkAction {
  readonly operation: 'create' | 'index' | 'update' | 'delete';
  readonly index: string;
  readonly id: string | undefined;
  readonly source: string;
}

/** One member of `items`, without the operation around it. */
export interface BulkItem {
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Takes a `_bulk` body: every action gets its own outcome, in the order of the request.
 * Source: Elasticsearch Guide 8.19, "Bulk API"; item shapes recorded from 8.19.
 *
 * @param text NDJSON
 * @throws BulkMalformed, StoreBusy
 */
export async function takeBulk(
  text: string,
  options: { store: Store; defaultIndex: string | undefined; nowMillis: number },
): Promise<BulkItem[]> {
  const actions = readActions(text, options.defaultIndex);
  const items: (BulkItem | undefined)[] = new Array(actions.length).fill(undefined);
  const records: LogRecord[] = [];
  const positions: number[] = [];
  actions.forEach((action, position) => {
    const documentId = action.id ?? randomBytes(15).toString('base64url');
    try {
      refuseUnsupported(action);
      records.push(
        readLogDocument(
          { stream: action.index, documentId, create: action.operation === 'create' },
          action.source,
          options.nowMillis,
        ),
      );
      positions.push(position);
    } catch (error) {
      if (!(error instanceof DocumentRefused)) throw error;
      items[position] = {
        operation: action.operation,
        body: {
          _index: action.index,
          _id: documentId,
          status: 400,
          error: { type: error.type, reason: error.message },
        },
      };
    }
  });
  const outcomes = records.length === 0 ? [] : await options.store.appendLogs(records);
  outcomes.forEach((outcome, index) => {
    const position = positions[index]!;
    items[position] = { operation: actions[position]!.operation, body: itemOf(records[index]!, outcome) };
  });
  return items as BulkItem[];
}

function itemOf(record: LogRecord, outcome: LogOutcome): BulkItem['body'] {
  const address = { _index: record.stream, _id: record.documentId };
  if (outcome.result === 'conflict') {
    const reason = `[${record.documentId}]: version conflict, document already exists (current version [${outcome.version}])`;
    return {
      ...address,
      status: 409,
      error: { type: 'version_conflict_engine_exception', reason, index: record.stream, shard: '0' },
    };
  }
  const shards = { total: 1, successful: 1, failed: 0 };
  return {
    ...address,
    _version: outcome.version,
    result: outcome.result,
    _shards: shards,
    _seq_no: outcome.sequence,
    _primary_term: 1,
    status: outcome.result === 'created' ? 201 : 200,
  };
}

function refuseUnsupported(action: BulkAction): void {
  if (action.operation === 'update' || action.operation === 'delete') {
    throw new DocumentRefused(
      'illegal_argument_exception',
      `[${action.operation}] is not supported by the local stack: logs are only added`,
    );
  }
  if (action.operation === 'index' && isDataStream(action.index)) {
    throw new DocumentRefused(
      'illegal_argument_exception',
      'only write ops with an op_type of create are allowed in data streams',
    );
  }
  if (!/^[^A-Z\\/*?"<>| ,#:_+\-.][^A-Z\\/*?"<>| ,#:]{0,254}$/.test(action.index)) {
    throw new DocumentRefused('invalid_index_name_exception', `Invalid index name [${action.index.slice(0, 255)}]`);
  }
  if (action.id !== undefined && Buffer.byteLength(action.id) > MAX_ID_BYTES) {
    throw new DocumentRefused(
      'illegal_argument_exception',
      `id [${action.id.slice(0, 50)}…] is too long, must be no longer than ${MAX_ID_BYTES} bytes but was: ${Buffer.byteLength(action.id)}`,
    );
  }
}

function readActions(text: string, defaultIndex: string | undefined): BulkAction[] {
  if (text === '') throw new BulkMalformed('request body is required');
  if (!text.endsWith('\n')) throw new BulkMalformed('The bulk request must be terminated by a newline [\\n]');
  const lines = text.split('\n');
  lines.pop();
  const actions: BulkAction[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (line.trim() === '') continue;
    const action = readAction(line, at + 1, defaultIndex);
    if (action.operation !== 'delete') {
      at += 1;
      if (at >= lines.length) throw new BulkMalformed('The bulk request must be terminated by a newline [\\n]');
    }
    actions.push({ ...action, source: action.operation === 'delete' ? '' : lines[at]!.trim() });
  }
  if (actions.length === 0) throw new BulkMalformed('request body is required');
  return actions;
}

function readAction(line: string, lineNumber: number, defaultIndex: string | undefined): Omit<BulkAction, 'source'> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new BulkMalformed(`Malformed action/metadata line [${lineNumber}], expected a JSON object`);
  }
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
  const [name, meta] = entries[0] ?? ['', undefined];
  if (entries.length !== 1 || typeof meta !== 'object' || meta === null)
    throw new BulkMalformed(`Malformed action/metadata line [${lineNumber}], expected START_OBJECT`);
  if (name !== 'create' && name !== 'index' && name !== 'update' && name !== 'delete') {
    throw new BulkMalformed(
      `Malformed action/metadata line [${lineNumber}], expected field [create], [delete], [index] or [update] but found [${name.slice(0, 50)}]`,
    );
  }
  const fields = meta as Record<string, unknown>;
  const index = fields['_index'] ?? defaultIndex;
  if (typeof index !== 'string' || index === '') throw new BulkMalformed('Validation Failed: 1: index is missing;');
  const id = fields['_id'];
  if (typeof id === 'object' && id !== null)
    throw new BulkMalformed(
      `Malformed action/metadata line [${lineNumber}], expected a simple value for field [_id] but found [${Array.isArray(id) ? 'START_ARRAY' : 'START_OBJECT'}]`,
    );
  if (id === '') throw new BulkMalformed('if _id is specified it must not be empty');
  // pino-elasticsearch asks for create in this way.
  const operation = name === 'index' && fields['op_type'] === 'create' ? 'create' : name;
  return { operation, index, id: id === undefined || id === null ? undefined : String(id) };
}
