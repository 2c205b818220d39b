import { FanlakeError } from '../core/errors.ts';
import { answersPrefix } from '../core/keys.ts';
import type { InputColumn } from '../core/layout.ts';
import { queryOfNothing } from '../core/query.ts';
import { type BindRequest, type BoundToTable, bindToTable } from './bind-to-table.ts';

/** Stands for the columns of an input that shows none. */
const noColumn: InputColumn = { name: '_no_column', type: 'VARCHAR', declared: false };

/**
 * Binds the job's query to an input without a row, of whose columns no types are known. A query that looks at several rows at once may give a row all the same
 * (`count(*)`): it is bound where its types are those that it has over any input. Else nothing is read, and nothing will be written.
 * @throws FanlakeError `query.column` of a question
 */
export async function bindToNothing(request: BindRequest): Promise<BoundToTable> {
  if (request.table.startsWith(answersPrefix) && request.columns.length > 0) return bindQuestion(request);
  const columns = request.columns.length > 0 ? request.columns : [noColumn];
  const texts = await bindOrNull({ ...request, columns });
  const isAnswered = texts !== null && !texts.query.rowwise && (await isOfOneType(texts, { ...request, columns }));
  return isAnswered ? texts : nothingToBind(request);
}

/** A question has no table whose types would be wrong for the next input: its columns are texts, or else numbers. */
async function bindQuestion(request: BindRequest): Promise<BoundToTable> {
  try {
    return await bindToTable(request);
  } catch (thrown) {
    if (!(thrown instanceof FanlakeError) || thrown.code === 'query.column') throw thrown;
    return (await bindOrNull(withNumbers(request))) ?? nothingToBind(request);
  }
}

/** Whether a query's output has the same types whatever those of the input are. */
async function isOfOneType({ query }: BoundToTable, request: BindRequest): Promise<boolean> {
  if (query.reads.length === 0) return true;
  if (query.reads.includes(noColumn.name)) return false;
  const numbers = await bindOrNull(withNumbers(request));
  return numbers !== null && query.output.every(({ type }, index) => numbers.query.output[index]?.type === type);
}

const withNumbers = (request: BindRequest): BindRequest => ({
  ...request,
  columns: request.columns.map((column) => ({ ...column, type: 'BIGINT' })),
});

async function bindOrNull(request: BindRequest): Promise<BoundToTable | null> {
  try {
    return await bindToTable(request);
  } catch (thrown) {
    if (thrown instanceof FanlakeError) return null;
    throw thrown;
  }
}

function nothingToBind({ job, table, existing }: BindRequest): BoundToTable {
  const partitionBy = existing?.partitionColumns ?? job.table.partitionBy;
  return { query: queryOfNothing(job), columns: [], table: { key: table, format: job.table.format, partitionBy, columns: [] } };
}
