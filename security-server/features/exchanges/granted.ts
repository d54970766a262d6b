/** Content of an exchange and the second auditor: by what it is known in a request, and whether they have agreed. */
import type { OperationInput } from '#platform/http-service/openapi.ts'
import { collectExchange } from '../../reading/evidence/write-bundle.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import type { Needs } from './needs.ts'

/** By what an exchange is known in a request: its first record. Throws `not_found`, `record_is_secret`. */
export async function exchangeTarget(log: ReadableLog, index: number): Promise<string> {
  const { indexes } = await collectExchange({ log }, index)
  return `exchange ${Math.min(...indexes)}`
}

/** Throws `content_not_granted` where a second auditor has to agree that this exchange is shown, and has not. */
export async function checkGranted(
  { contentRequests, logFor }: Pick<Needs, 'contentRequests' | 'logFor'>,
  { params, query, caller }: OperationInput,
): Promise<void> {
  if (!contentRequests.isRequired) return
  const target = await exchangeTarget(logFor(caller), Number(params['index']))
  await contentRequests.check({ target, case: String(query['case']), caller })
}
