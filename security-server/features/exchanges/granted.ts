/**
 * Checks whether a second auditor has agreed that the caller sees an exchange, and names the exchange in such
 * a request.
 */
import type { OperationInput } from '#platform/http-service/openapi.ts'
import { collectExchange } from '../../reading/evidence/write-bundle.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import type { Needs } from './needs.ts'

/**
 * The name of an exchange in a content request, by the index of its first record. Throws `not_found`,
 * `record_is_secret`.
 */
export async function exchangeTarget(log: ReadableLog, index: number): Promise<string> {
  const { indexes } = await collectExchange({ log }, index)
  return `exchange ${Math.min(...indexes)}`
}

/** Throws `content_not_granted` if a second auditor must agree before this exchange is shown and none has. */
export async function checkGranted(
  { contentRequests, logFor }: Pick<Needs, 'contentRequests' | 'logFor'>,
  { params, query, caller }: OperationInput,
): Promise<void> {
  if (!contentRequests.isRequired) return
  const target = await exchangeTarget(logFor(caller), Number(params['index']))
  await contentRequests.check({ target, case: String(query['case']), caller })
}
